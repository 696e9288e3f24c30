/* link(2), linkat(2): more names for one file. */
#include "check.h"

static void two_names(void)
{
	struct stat a, b;
	char text[4];
	int fd = file_with("a", "abc", 3);

	OK(link("a", "b"));
	OK(stat("a", &a));
	OK(stat("b", &b));
	EQ(a.st_ino, b.st_ino);
	EQ(a.st_nlink, 2);
	OK(unlink("a"));
	OK(stat("b", &b));
	EQ(b.st_nlink, 1);
	EQ(pread(fd, text, 4, 0), 3);
	close(fd);
}

static void refusals(void)
{
	OK(mkdir("d", 0755));
	FAILS(link("d", "e"), EPERM);
	FAILS(link("b", "d"), EEXIST);
	FAILS(link("b", "b"), EEXIST);
	FAILS(link("nothing", "c"), ENOENT);
	FAILS(link("b", "nothing/c"), ENOENT);
	FAILS(link("b", "b/c"), ENOTDIR);
	FAILS(link("b", "new/"), ENOENT);
	FAILS(link("", "c"), ENOENT);
	FAILS(link("b", ""), ENOENT);
	FAILS(linkat(AT_FDCWD, "b", AT_FDCWD, "c", 0x1), EINVAL);
	FAILS(linkat(-1, "b", AT_FDCWD, "c", 0), EBADF);
	OK(rmdir("d"));
}

static void of_symlinks(void)
{
	struct stat st;

	OK(symlink("b", "soft"));
	OK(link("soft", "hard_of_soft"));
	OK(lstat("hard_of_soft", &st));
	CHECK(S_ISLNK(st.st_mode));
	OK(linkat(AT_FDCWD, "soft", AT_FDCWD, "hard_of_b", AT_SYMLINK_FOLLOW));
	OK(lstat("hard_of_b", &st));
	CHECK(S_ISREG(st.st_mode));
	EQ(st.st_nlink, 2);
}

/* An unnamed file gets its name through its descriptor (root may, CAP_DAC_READ_SEARCH). */
static void of_descriptors(void)
{
	int fd = OK(open(".", O_TMPFILE | O_RDWR, 0600));

	EQ(write(fd, "late", 4), 4);
	OK(linkat(fd, "", AT_FDCWD, "named", AT_EMPTY_PATH));
	struct stat st;

	OK(stat("named", &st));
	EQ(st.st_size, 4);
	EQ(st.st_nlink, 1);
	close(fd);
	/* A file whose last name is gone stays nameless. */
	fd = OK(open("named", O_RDONLY));
	OK(unlink("named"));
	FAILS(linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH), ENOENT);
	close(fd);
}

int main(void)
{
	RUN(two_names);
	RUN(refusals);
	RUN(of_symlinks);
	RUN(of_descriptors);
	return report();
}
