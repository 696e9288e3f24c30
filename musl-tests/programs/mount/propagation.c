/* Shared subtrees: mounts and unmounts that appear elsewhere, too. */
#include "../check.h"
#include <sys/mount.h>

static void touch(const char *path)
{
	int fd = OK(open(path, O_CREAT | O_WRONLY, 0644));

	close(fd);
}

static int exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void tie(const char *path, unsigned long flags)
{
	OK(mount(NULL, path, NULL, flags, NULL));
}

static void bind(const char *from, const char *to)
{
	OK(mount(from, to, NULL, MS_BIND, NULL));
}

static void tmpfs(const char *at)
{
	OK(mount("none", at, "tmpfs", 0, NULL));
}

/* A mount at a/ with the directories a/d and a/e. */
static void begin(void)
{
	tmpfs("a");
	OK(mkdir("a/d", 0755));
	OK(mkdir("a/e", 0755));
}

static void peers(void)
{
	begin();
	tie("a", MS_SHARED);
	bind("a", "b");
	bind("a/d", "c");
	tmpfs("b/d");
	touch("a/d/f");
	CHECK(exists("b/d/f"));
	CHECK(exists("c/f"));
	tmpfs("a/e");
	touch("a/e/f");
	CHECK(exists("b/e/f"));
	OK(umount("b/e"));
	CHECK(!exists("a/e/f"));
	/* One in use keeps all. */
	int fd = OK(open("a/d", O_RDONLY));
	FAILS(umount("b/d"), EBUSY);
	CHECK(exists("c/f"));
	close(fd);
	OK(umount("c"));
	CHECK(!exists("a/d/f"));
	/* c is on top of nothing else than itself: what is left is the bind mount. */
	CHECK(!exists("b/d/f"));
	OK(umount("c"));
	OK(umount("b"));
	OK(umount("a"));
}

static void slaves(void)
{
	begin();
	tie("a", MS_SHARED);
	bind("a", "b");
	tie("b", MS_SLAVE);
	tmpfs("a/d");
	touch("a/d/f");
	CHECK(exists("b/d/f"));
	tmpfs("b/e");
	touch("b/e/f");
	CHECK(!exists("a/e/f"));
	OK(umount("b/d"));
	CHECK(exists("a/d/f"));
	OK(umount("a/d"));
	/* What the slave has at the same place stays on top. */
	tmpfs("a/e");
	touch("a/e/g");
	CHECK(exists("b/e/f") && !exists("b/e/g"));
	OK(umount("b/e"));
	CHECK(exists("b/e/g"));
	OK(umount("a/e"));
	CHECK(!exists("b/e/g"));
	OK(umount("b"));
	OK(umount("a"));
}

static void slaves_with_peers(void)
{
	begin();
	tie("a", MS_SHARED);
	bind("a", "b");
	tie("b", MS_SLAVE);
	tie("b", MS_SHARED);
	bind("b", "c");
	tmpfs("a/d");
	touch("a/d/f");
	CHECK(exists("b/d/f") && exists("c/d/f"));
	/* b/d and c/d are peers, slaves of a/d. */
	OK(mkdir("a/d/x", 0755));
	tmpfs("b/d/x");
	touch("b/d/x/f");
	CHECK(exists("c/d/x/f") && !exists("a/d/x/f"));
	OK(umount("c/d/x"));
	CHECK(!exists("b/d/x/f"));
	OK(umount("a/d"));
	CHECK(!exists("c/d/f"));
	OK(umount("c"));
	OK(umount("b"));
	OK(umount("a"));
}

static void privately(void)
{
	begin();
	tie("a", MS_SHARED);
	bind("a", "b");
	tie("b", MS_PRIVATE);
	tmpfs("a/d");
	touch("a/d/f");
	CHECK(!exists("b/d/f"));
	OK(umount("a/d"));
	OK(umount("b"));
	tie("a", MS_UNBINDABLE);
	FAILS(mount("a", "b", NULL, MS_BIND, NULL), EINVAL);
	FAILS(mount("a/d", "b", NULL, MS_BIND, NULL), EINVAL);
	tie("a", MS_PRIVATE);
	tmpfs("a/d");
	tmpfs("a/e");
	touch("a/d/f");
	touch("a/e/f");
	tie("a/e", MS_UNBINDABLE);
	OK(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
	CHECK(exists("b/d/f") && !exists("b/e/f"));
	OK(umount2("b", MNT_DETACH));
	OK(umount2("a", MNT_DETACH));
}

static void recursively(void)
{
	begin();
	tmpfs("a/d");
	OK(mkdir("a/d/x", 0755));
	tie("a", MS_SHARED | MS_REC);
	OK(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
	tmpfs("a/d/x");
	touch("a/d/x/f");
	CHECK(exists("b/d/x/f"));
	/* A whole tree appears at once, and goes at once. */
	OK(umount("a/d/x"));
	CHECK(!exists("b/d/x/f"));
	tmpfs("c");
	OK(mkdir("c/y", 0755));
	tmpfs("c/y");
	touch("c/y/f");
	OK(mount("c", "a/e", NULL, MS_BIND | MS_REC, NULL));
	CHECK(exists("b/e/y/f"));
	OK(umount2("b/e", MNT_DETACH));
	CHECK(!exists("a/e/y/f"));
	CHECK(exists("c/y/f"));
	OK(umount("c/y"));
	OK(umount("c"));
	OK(umount2("b", MNT_DETACH));
	/* What was mounted on b went from its peer, too. */
	CHECK(!exists("a/d/x"));
	OK(umount("a"));
}

static void moving(void)
{
	begin();
	tmpfs("b");
	OK(mkdir("b/d", 0755));
	touch("b/f");
	tie("a", MS_SHARED);
	bind("a", "c");
	OK(mount("b", "a/d", NULL, MS_MOVE, NULL));
	CHECK(exists("a/d/f") && exists("c/d/f") && !exists("b/f"));
	/* What lies on a shared mount stays there. */
	FAILS(mount("a/d", "b", NULL, MS_MOVE, NULL), EINVAL);
	/* An unbindable tree cannot come to a shared mount. */
	tmpfs("b");
	tie("b", MS_UNBINDABLE);
	FAILS(mount("b", "a/e", NULL, MS_MOVE, NULL), EINVAL);
	OK(umount("b"));
	OK(umount("a/d"));
	OK(umount("c"));
	OK(umount("a"));
}

static void flags(void)
{
	tmpfs("a");
	FAILS(mount(NULL, "a", NULL, MS_SHARED | MS_PRIVATE, NULL), EINVAL);
	FAILS(mount(NULL, "a", NULL, MS_SHARED | MS_RDONLY, NULL), EINVAL);
	FAILS(mount(NULL, "a", NULL, MS_SLAVE | MS_NODEV, NULL), EINVAL);
	OK(mount(NULL, "a", NULL, MS_SHARED | MS_SILENT | MS_REC, NULL));
	OK(mkdir("a/d", 0755));
	FAILS(mount(NULL, "a/d", NULL, MS_SHARED, NULL), EINVAL);
	FAILS(mount(NULL, "missing", NULL, MS_SHARED, NULL), ENOENT);
	OK(umount("a"));
}

static void of_one_self(void)
{
	/* A shared mount bound below itself shows no endless tree. */
	begin();
	tie("a", MS_SHARED);
	bind("a", "a/d");
	CHECK(exists("a/d/d") && exists("a/d/e"));
	touch("a/x");
	CHECK(exists("a/d/x"));
	tmpfs("a/e");
	touch("a/e/f");
	CHECK(exists("a/d/e/f"));
	OK(umount("a/e"));
	CHECK(!exists("a/d/e/f"));
	OK(umount2("a/d", MNT_DETACH));
	OK(umount("a"));
}

int main(void)
{
	OK(mkdir("a", 0755));
	OK(mkdir("b", 0755));
	OK(mkdir("c", 0755));
	RUN(peers);
	RUN(slaves);
	RUN(slaves_with_peers);
	RUN(privately);
	RUN(recursively);
	RUN(moving);
	RUN(flags);
	RUN(of_one_self);
	return report();
}
