/* A file lives as long as a name, a descriptor or a mapping holds it. */
#include "check.h"

static void descriptor_holds(void)
{
	struct stat st;
	char text[4];
	int fd = file_with("f", "abc", 3);

	OK(unlink("f"));
	FAILS(stat("f", &st), ENOENT);
	OK(fstat(fd, &st));
	EQ(st.st_nlink, 0);
	EQ(write(fd, "xyz", 3), 3);
	EQ(pread(fd, text, 4, 0), 3);
	SAME(text, "xyz", 3);
	/* The name is free for another file. */
	int other = file_with("f", "new", 3);

	EQ(pread(fd, text, 4, 0), 3);
	SAME(text, "xyz", 3);
	close(other);
	close(fd);
	OK(unlink("f"));
}

static void mapping_holds(void)
{
	int fd = file_with("f", "mapped", 6);
	char *map = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));

	OK(unlink("f"));
	close(fd);
	SAME(map, "mapped", 6);
	map[0] = 'M';
	if (fork() == 0)
		_exit(map[0] == 'M' ? 0 : 1);
	int status;

	OK(wait(&status));
	EQ(status, 0);
	OK(munmap(map, 4096));
}

/* An open directory that was removed is empty and takes no new entries. */
static void directory_holds(void)
{
	char buffer[512];
	struct stat st;

	OK(mkdir("d", 0755));
	int dir = OK(open("d", O_RDONLY | O_DIRECTORY));

	OK(rmdir("d"));
	OK(fstat(dir, &st));
	EQ(st.st_nlink, 0);
	FAILS(openat(dir, "x", O_CREAT | O_WRONLY, 0600), ENOENT);
	FAILS(mkdirat(dir, "x", 0700), ENOENT);
	FAILS(syscall(SYS_getdents64, dir, buffer, sizeof buffer), ENOENT);
	OK(fchdir(dir));
	OK(chdir("/tmp"));
	close(dir);
}

int main(void)
{
	RUN(descriptor_holds);
	RUN(mapping_holds);
	RUN(directory_holds);
	return report();
}
