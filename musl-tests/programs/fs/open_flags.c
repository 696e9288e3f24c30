/* open(2), openat(2), creat(2): what each flag means, and each refusal. */
#include "check.h"

static void creating(void)
{
	int fd = OK(open("a", O_CREAT | O_EXCL | O_WRONLY, 0640));
	struct stat st;

	EQ(write(fd, "12345", 5), 5);
	EQ(close(fd), 0);
	OK(stat("a", &st));
	EQ(st.st_mode, S_IFREG | 0640);
	EQ(st.st_size, 5);
	FAILS(open("a", O_CREAT | O_EXCL | O_WRONLY, 0640), EEXIST);
	fd = OK(open("a", O_CREAT | O_RDWR, 0777));
	OK(fstat(fd, &st));
	EQ(st.st_mode, S_IFREG | 0640);
	EQ(st.st_size, 5);
	close(fd);
	fd = OK(creat("a", 0777));
	OK(fstat(fd, &st));
	EQ(st.st_size, 0);
	FAILS(read(fd, &st, 1), EBADF);
	close(fd);
}

/* The mode holds for later opens, not for the one that creates. */
static void mode_of_new_file(void)
{
	int fd = OK(open("readonly", O_CREAT | O_RDWR, 0));

	EQ(write(fd, "x", 1), 1);
	close(fd);
	OK(unlink("readonly"));
}

static void refusals(void)
{
	FAILS(open("nothing", O_RDONLY), ENOENT);
	FAILS(open("", O_RDONLY), ENOENT);
	FAILS(open("nothing/x", O_CREAT | O_WRONLY, 0600), ENOENT);
	FAILS(open("a/x", O_RDONLY), ENOTDIR);
	FAILS(open("a/", O_RDONLY), ENOTDIR);
	FAILS(open("a", O_RDONLY | O_DIRECTORY), ENOTDIR);
	FAILS(open(".", O_WRONLY), EISDIR);
	FAILS(open(".", O_RDWR), EISDIR);
	FAILS(open(".", O_CREAT | O_RDONLY, 0600), EISDIR);
	FAILS(open("new/", O_CREAT | O_WRONLY, 0600), EISDIR);
	FAILS(open(NULL, O_RDONLY), EFAULT);
	FAILS(openat(99, "a", O_RDONLY), EBADF);
	FAILS(open("nothing", O_RDONLY | O_CREAT | O_DIRECTORY | O_EXCL, 0600), EINVAL);
}

static void symlinks(void)
{
	OK(symlink("a", "to_a"));
	OK(symlink("not_yet", "dangling"));
	int fd = OK(open("to_a", O_RDONLY));

	close(fd);
	FAILS(open("to_a", O_RDONLY | O_NOFOLLOW), ELOOP);
	FAILS(open("dangling", O_RDONLY), ENOENT);
	FAILS(open("dangling", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
	fd = OK(open("dangling", O_CREAT | O_WRONLY, 0600));
	close(fd);
	EQ(access("not_yet", F_OK), 0);
}

static void directories(void)
{
	char byte;
	int dir = OK(open(".", O_RDONLY | O_DIRECTORY));

	FAILS(read(dir, &byte, 1), EISDIR);
	FAILS(write(dir, &byte, 1), EBADF);
	int fd = OK(openat(dir, "a", O_RDONLY));

	FAILS(openat(fd, "a", O_RDONLY), ENOTDIR);
	close(fd);
	/* An absolute path does not look at the descriptor. */
	fd = OK(openat(fd, "/", O_RDONLY));
	close(fd);
	close(dir);
}

static void lowest_number(void)
{
	int a = OK(open("a", O_RDONLY)), b = OK(open("a", O_RDONLY)), c = OK(open("a", O_RDONLY));

	EQ(close(b), 0);
	FAILS(close(b), EBADF);
	EQ(open("a", O_RDONLY), b);
	close(a);
	close(b);
	EQ(open("a", O_RDONLY), a);
	close(a);
	close(c);
}

/* O_ACCMODE 3 asks for both permissions and gives neither. */
static void access_mode_three(void)
{
	char byte;
	int fd = OK(open("a", 3));

	FAILS(read(fd, &byte, 1), EBADF);
	FAILS(write(fd, &byte, 1), EBADF);
	close(fd);
}

static void temporary(void)
{
	struct stat st;
	int fd = OK(open(".", O_TMPFILE | O_RDWR, 0600));

	OK(fstat(fd, &st));
	EQ(st.st_nlink, 0);
	EQ(write(fd, "abc", 3), 3);
	close(fd);
	FAILS(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
}

int main(void)
{
	RUN(creating);
	RUN(mode_of_new_file);
	RUN(refusals);
	RUN(symlinks);
	RUN(directories);
	RUN(lowest_number);
	RUN(access_mode_three);
	RUN(temporary);
	return report();
}
