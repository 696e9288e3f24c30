/* chdir(2), fchdir(2), getcwd(2), and a working directory that is gone. */
#include "check.h"

static char path[4096];

/* The system call answers the length with the NUL. */
static long cwd(void)
{
	return syscall(SYS_getcwd, path, sizeof path);
}

static void moving(void)
{
	OK(mkdir("/tmp/cwd", 0755));
	OK(mkdir("/tmp/cwd/sub", 0755));
	OK(symlink("sub", "/tmp/cwd/soft"));
	OK(chdir("/tmp/cwd/soft"));
	EQ(cwd(), sizeof "/tmp/cwd/sub");
	STREQ(path, "/tmp/cwd/sub");
	OK(chdir(".."));
	EQ(cwd(), sizeof "/tmp/cwd");
	int dir = OK(open("sub", O_RDONLY | O_DIRECTORY));

	OK(fchdir(dir));
	cwd();
	STREQ(path, "/tmp/cwd/sub");
	OK(chdir("/"));
	EQ(cwd(), 2);
	STREQ(path, "/");
	OK(fchdir(dir));
	close(dir);
}

/* The path follows when a directory above moves. */
static void renamed_above(void)
{
	OK(rename("/tmp/cwd", "/tmp/cwd2"));
	cwd();
	STREQ(path, "/tmp/cwd2/sub");
	OK(rename("/tmp/cwd2", "/tmp/cwd"));
}

static void refusals(void)
{
	int file = file_with("f", "", 0);

	FAILS(chdir("nothing"), ENOENT);
	FAILS(chdir("f"), ENOTDIR);
	FAILS(chdir(""), ENOENT);
	FAILS(chdir((char *)8), EFAULT);
	FAILS(fchdir(file), ENOTDIR);
	FAILS(fchdir(-1), EBADF);
	FAILS(syscall(SYS_getcwd, path, 3), ERANGE);
	FAILS(syscall(SYS_getcwd, path, 0), ERANGE);
	FAILS(syscall(SYS_getcwd, 8, 4096), EFAULT);
	close(file);
	OK(unlink("f"));
}

static void not_ours(void)
{
	OK(mkdir("/tmp/cwd/closed", 0700));
	OK(setresuid(65534, 65534, 65534));
	FAILS(chdir("/tmp/cwd/closed"), EACCES);
}

static void removed(void)
{
	struct stat st;

	OK(rmdir("/tmp/cwd/sub"));
	FAILS(cwd(), ENOENT);
	FAILS(open("new", O_CREAT | O_WRONLY, 0600), ENOENT);
	OK(stat(".", &st));
	EQ(st.st_nlink, 0);
	FAILS(mkdir("d", 0755), ENOENT);
	OK(chdir(".."));
	cwd();
	STREQ(path, "/tmp/cwd");
}

static void child_has_its_own(void)
{
	OK(chdir("/"));
}

int main(void)
{
	RUN(moving);
	RUN(renamed_above);
	RUN(refusals);
	IN_CHILD(not_ours);
	RUN(removed);
	IN_CHILD(child_has_its_own);
	cwd();
	STREQ(path, "/tmp/cwd");
	OK(rmdir("/tmp/cwd/closed"));
	OK(unlink("/tmp/cwd/soft"));
	OK(rmdir("/tmp/cwd"));
	return report();
}
