/* rename(2), renameat(2), renameat2(2) with NOREPLACE and EXCHANGE. */
#include "check.h"

#define NOREPLACE 1
#define EXCHANGE 2

static ino_t inode(const char *path)
{
	struct stat st;

	return OK(lstat(path, &st)) == 0 ? st.st_ino : 0;
}

static int renameat2_(const char *from, const char *to, int flags)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void files(void)
{
	close(file_with("a", "a", 1));
	close(file_with("b", "b", 1));
	ino_t a = inode("a");

	OK(rename("a", "c"));
	EQ(inode("c"), a);
	FAILS(access("a", F_OK), ENOENT);
	/* Replaces atomically. */
	OK(rename("c", "b"));
	EQ(inode("b"), a);
	OK(rename("b", "b"));
	EQ(inode("b"), a);
	/* Two names of one file: nothing happens, both stay. */
	OK(link("b", "twin"));
	OK(rename("b", "twin"));
	EQ(access("b", F_OK), 0);
	OK(unlink("twin"));
}

static void open_target_lives(void)
{
	char c;
	int old = file_with("target", "o", 1);

	close(file_with("source", "n", 1));
	OK(rename("source", "target"));
	EQ(pread(old, &c, 1, 0), 1);
	EQ(c, 'o');
	struct stat st;

	OK(fstat(old, &st));
	EQ(st.st_nlink, 0);
	close(old);
	OK(unlink("target"));
}

static void directories(void)
{
	struct stat st;

	OK(mkdir("d", 0755));
	OK(mkdir("d/sub", 0755));
	OK(mkdir("e", 0755));
	ino_t sub = inode("d/sub");

	/* Moving a directory changes its `..` and both parents' link counts. */
	OK(rename("d/sub", "e/moved"));
	EQ(inode("e/moved"), sub);
	EQ(inode("e/moved/.."), inode("e"));
	OK(stat("d", &st));
	EQ(st.st_nlink, 2);
	OK(stat("e", &st));
	EQ(st.st_nlink, 3);
	/* An empty directory may be replaced, another not. */
	FAILS(rename("d", "e"), ENOTEMPTY);
	OK(rename("e", "d"));
	EQ(inode("d/moved"), sub);
	OK(rename("d/", "dd/"));
	OK(rename("dd", "d"));
}

static void refusals(void)
{
	FAILS(rename("nothing", "x"), ENOENT);
	FAILS(rename("b", "nothing/x"), ENOENT);
	FAILS(rename("b", "d"), EISDIR);
	FAILS(rename("d", "b"), ENOTDIR);
	FAILS(rename("d", "d/moved/x"), EINVAL);
	FAILS(rename("d", "d/x"), EINVAL);
	FAILS(rename("d/moved", "d"), ENOTEMPTY);
	FAILS(rename("d/.", "x"), EBUSY);
	FAILS(rename("d/..", "x"), EBUSY);
	FAILS(rename("b", "d/."), EBUSY);
	FAILS(rename("b", "x/"), ENOTDIR);
	FAILS(rename("b/", "x"), ENOTDIR);
	FAILS(rename("b/x", "y"), ENOTDIR);
	FAILS(rename("", "y"), ENOENT);
	FAILS(rename("/", "x"), EBUSY);
	FAILS(rename((char *)8, "x"), EFAULT);
}

static void no_replace(void)
{
	close(file_with("x", "", 0));
	FAILS(renameat2_("b", "x", NOREPLACE), EEXIST);
	FAILS(renameat2_("b", "d", NOREPLACE), EEXIST);
	OK(renameat2_("b", "y", NOREPLACE));
	OK(renameat2_("y", "b", 0));
}

static void exchange(void)
{
	ino_t b = inode("b"), d = inode("d");

	OK(renameat2_("b", "d", EXCHANGE));
	EQ(inode("b"), d);
	EQ(inode("d"), b);
	OK(renameat2_("b", "d", EXCHANGE));
	EQ(inode("d/moved/.."), d);
	FAILS(renameat2_("b", "nothing", EXCHANGE), ENOENT);
	FAILS(renameat2_("d", "d/moved", EXCHANGE), EINVAL);
	FAILS(renameat2_("b", "x", EXCHANGE | NOREPLACE), EINVAL);
	FAILS(renameat2_("b", "x", 8), EINVAL);
}

static void relative(void)
{
	int dir = OK(open("d", O_RDONLY | O_DIRECTORY));

	OK(renameat(AT_FDCWD, "b", dir, "b"));
	EQ(access("d/b", F_OK), 0);
	OK(renameat(dir, "b", AT_FDCWD, "b"));
	FAILS(renameat(-1, "b", dir, "b"), EBADF);
	close(dir);
}

/* The name in a symbolic link's place is the link's, not its target's. */
static void symlinks(void)
{
	OK(symlink("b", "soft"));
	ino_t soft = inode("soft");

	OK(rename("soft", "soft2"));
	EQ(inode("soft2"), soft);
	OK(rename("x", "soft2"));
	CHECK(inode("soft2") != soft);
	EQ(access("b", F_OK), 0);
}

int main(void)
{
	RUN(files);
	RUN(open_target_lives);
	RUN(directories);
	RUN(refusals);
	RUN(no_replace);
	RUN(exchange);
	RUN(relative);
	RUN(symlinks);
	return report();
}
