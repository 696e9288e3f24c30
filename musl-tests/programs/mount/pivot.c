/* pivot_root(2), in a child whose root is a mount of its own: the first root
 * cannot be moved. */
#include "../check.h"
#include <sys/mount.h>

static int pivot(const char *new, const char *old)
{
	return syscall(SYS_pivot_root, new, old);
}

static int exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void not_from_here(void)
{
	/* The initial root has nothing it is mounted on. */
	OK(mount("none", "a", "tmpfs", 0, NULL));
	OK(mkdir("a/old", 0755));
	FAILS(pivot("a", "a/old"), EINVAL);
	FAILS(pivot("missing", "a"), ENOENT);
	FAILS(pivot("a", "missing"), ENOENT);
	OK(umount("a"));
}

static void in_child(void)
{
	int ready[2], go[2];

	OK(mount("none", "a", "tmpfs", 0, NULL));
	OK(mkdir("a/new", 0755));
	OK(mkdir("a/dir", 0755));
	OK(mkdir("a/in_a", 0755));
	close(OK(open("a/file", O_CREAT | O_WRONLY, 0644)));
	OK(chdir("a"));
	OK(chroot("."));
	OK(pipe(ready));
	OK(pipe(go));
	FAILS(pivot("/new", "/new"), EBUSY);
	FAILS(pivot("/dir", "/dir"), EBUSY);
	FAILS(pivot("/file", "/dir"), ENOTDIR);
	FAILS(pivot("/dir", "/file"), ENOTDIR);
	OK(mount("none", "/new", "tmpfs", 0, NULL));
	OK(mkdir("/new/old", 0755));
	OK(mkdir("/new/plain", 0755));
	FAILS(pivot("/new", "/dir"), EBUSY);
	FAILS(pivot("/", "/new/old"), EBUSY);
	FAILS(pivot("/new/plain", "/new/old"), EINVAL);
	OK(mount("none", "/dir", "tmpfs", 0, NULL));
	FAILS(pivot("/new", "/dir"), EINVAL);
	OK(umount("/dir"));
	OK(mount(NULL, "/new", NULL, MS_SHARED, NULL));
	FAILS(pivot("/new", "/new/old"), EINVAL);
	OK(mount(NULL, "/new", NULL, MS_PRIVATE, NULL));

	/* Someone else at the old root is taken along, one elsewhere is not. */
	pid_t pid = fork();
	if (pid == 0) {
		OK(write(ready[1], "x", 1));
		await_byte(go[0]);
		CHECK(exists("/plain") && exists("plain"));
		_exit(report());
	}
	pid_t other = fork();
	if (other == 0) {
		OK(chdir("/in_a"));
		OK(write(ready[1], "x", 1));
		await_byte(go[0]);
		CHECK(exists("/plain") && exists("../in_a"));
		_exit(report());
	}
	await_byte(ready[0]);
	await_byte(ready[0]);
	OK(pivot("/new", "/new/old"));
	OK(write(go[1], "xx", 2));
	EXITS(pid, 0);
	EXITS(other, 0);
	CHECK(exists("/plain") && exists("/old/in_a") && !exists("/in_a"));
	CHECK(exists("plain"));
	OK(chdir("/old/in_a"));
	FAILS(umount("/old"), EBUSY);
	OK(chdir("/"));
	OK(umount("/old"));
	CHECK(!exists("/old/in_a"));
	/* The new root now is where the old one was mounted; its owner unmounts it. */
}

/* Onto itself, and away with the old root. */
static void in_dot(void)
{
	OK(mount("none", "a", "tmpfs", 0, NULL));
	OK(mkdir("a/new", 0755));
	OK(chdir("a"));
	OK(chroot("."));
	OK(mount("none", "/new", "tmpfs", 0, NULL));
	OK(mkdir("/new/mine", 0755));
	OK(chdir("/new"));
	OK(pivot(".", "."));
	CHECK(exists("/mine") || exists("mine"));
	OK(umount2(".", MNT_DETACH));
	CHECK(exists("/mine"));
}

static void as_user(void)
{
	OK(setresuid(1000, 1000, 1000));
	FAILS(pivot("missing", "missing"), EPERM);
}

int main(void)
{
	OK(mkdir("a", 0755));
	RUN(not_from_here);
	IN_CHILD(in_child);
	OK(umount2("a", MNT_DETACH));
	FAILS(umount("a"), EINVAL);
	IN_CHILD(in_dot);
	OK(umount2("a", MNT_DETACH));
	IN_CHILD(as_user);
	return report();
}
