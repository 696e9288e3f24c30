/* How a path is taken apart: dots, slashes, lengths, files in the middle. */
#include "check.h"
#include <limits.h>

static ino_t inode(const char *path)
{
	struct stat st;

	return OK(stat(path, &st)) == 0 ? st.st_ino : 0;
}

static void dots_and_slashes(void)
{
	OK(mkdir("d", 0755));
	close(file_with("d/f", "", 0));
	ino_t f = inode("d/f");

	EQ(inode("d//f"), f);
	EQ(inode("d/./f"), f);
	EQ(inode("./d/../d/f"), f);
	EQ(inode("d/../././/d///f"), f);
	EQ(inode("/.."), inode("/"));
	EQ(inode("/../../tmp"), inode("/tmp"));
	EQ(inode("//tmp/"), inode("/tmp"));
	EQ(inode("d/"), inode("d"));
	EQ(inode("d/."), inode("d"));
}

static void files_in_the_middle(void)
{
	struct stat st;

	FAILS(stat("d/f/", &st), ENOTDIR);
	FAILS(stat("d/f/.", &st), ENOTDIR);
	FAILS(stat("d/f/..", &st), ENOTDIR);
	FAILS(stat("d/nothing/..", &st), ENOENT);
	FAILS(stat("d/nothing/", &st), ENOENT);
}

static void lengths(void)
{
	static char path[PATH_MAX + 8];
	struct stat st;

	memset(path, 'n', 256);
	FAILS(stat(path, &st), ENAMETOOLONG);
	FAILS(open(path, O_CREAT | O_WRONLY, 0600), ENAMETOOLONG);
	FAILS(mkdir(path, 0700), ENAMETOOLONG);
	path[255] = 0;
	FAILS(stat(path, &st), ENOENT);
	close(OK(open(path, O_CREAT | O_WRONLY, 0600)));
	OK(unlink(path));
	/* A path of 4095 bytes and its NUL fits, one more does not. */
	memset(path, '/', sizeof path);
	path[PATH_MAX - 1] = 0;
	EQ(stat(path, &st), 0);
	path[PATH_MAX - 1] = '/';
	path[PATH_MAX] = 0;
	FAILS(stat(path, &st), ENAMETOOLONG);
}

/* The string may end with the last byte of mapped memory, and not after it. */
static void end_of_memory(void)
{
	char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct stat st;

	OK(munmap(two + 4096, 4096));
	memcpy(two + 4092, "d/f", 4);
	EQ(stat(two + 4092, &st), 0);
	two[4095] = 'x';
	FAILS(stat(two + 4092, &st), EFAULT);
}

/* Names are bytes: anything but a slash and NUL. */
static void strange_bytes(void)
{
	struct stat st;

	for (int c = 1; c < 256; c++) {
		char name[4] = {'n', c, 'm', 0};

		if (c == '/')
			continue;
		close(OK(open(name, O_CREAT | O_EXCL | O_WRONLY, 0600)));
		EQ(stat(name, &st), 0);
		OK(unlink(name));
	}
	OK(mkdir("...", 0700));
	OK(rmdir("..."));
}

static void deep(void)
{
	for (int i = 0; i < 200; i++) {
		OK(mkdir("deeper", 0700));
		OK(chdir("deeper"));
	}
	for (int i = 0; i < 200; i++) {
		OK(chdir(".."));
		OK(rmdir("deeper"));
	}
	EQ(access("d/f", F_OK), 0);
}

int main(void)
{
	RUN(dots_and_slashes);
	RUN(files_in_the_middle);
	RUN(lengths);
	RUN(end_of_memory);
	RUN(strange_bytes);
	RUN(deep);
	return report();
}
