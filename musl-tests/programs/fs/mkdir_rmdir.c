/* mkdir(2), mkdirat(2), rmdir(2), unlink(2), unlinkat(2). */
#include "check.h"

static void make_and_remove(void)
{
	struct stat st;

	OK(mkdir("d", 0777));
	OK(stat("d", &st));
	EQ(st.st_mode, S_IFDIR | 0755);
	FAILS(mkdir("d", 0777), EEXIST);
	FAILS(mkdir("d/x/y", 0777), ENOENT);
	/* A directory's name may end in slashes. */
	OK(mkdir("d/x//", 0777));
	FAILS(rmdir("d"), ENOTEMPTY);
	OK(rmdir("d/x/"));
	FAILS(rmdir("d/."), EINVAL);
	FAILS(rmdir("d/.."), ENOTEMPTY);
	OK(rmdir("d"));
	FAILS(rmdir("d"), ENOENT);
	FAILS(rmdir("/"), EBUSY);
	FAILS(mkdir("/", 0777), EEXIST);
	FAILS(mkdir(".", 0777), EEXIST);
	FAILS(mkdir("", 0777), ENOENT);
	FAILS(mkdir((char *)8, 0777), EFAULT);
}

static void sticky_and_setgid(void)
{
	struct stat st;

	OK(mkdir("d", 01777));
	OK(stat("d", &st));
	EQ(st.st_mode, S_IFDIR | 01755);
	OK(rmdir("d"));
	/* A set-group-ID directory hands on its group, and to directories the bit. */
	OK(mkdir("g", 0755));
	OK(chown("g", 0, 77));
	OK(chmod("g", 02755));
	OK(mkdir("g/sub", 0755));
	OK(stat("g/sub", &st));
	EQ(st.st_gid, 77);
	EQ(st.st_mode, S_IFDIR | 02755);
	close(OK(open("g/file", O_CREAT | O_WRONLY, 0644)));
	OK(stat("g/file", &st));
	EQ(st.st_gid, 77);
	EQ(st.st_mode, S_IFREG | 0644);
	OK(unlink("g/file"));
	OK(rmdir("g/sub"));
	OK(rmdir("g"));
}

static void files(void)
{
	close(file_with("f", "", 0));
	FAILS(mkdir("f", 0777), EEXIST);
	FAILS(mkdir("f/d", 0777), ENOTDIR);
	FAILS(rmdir("f"), ENOTDIR);
	FAILS(unlink("f/"), ENOTDIR);
	OK(unlink("f"));
	FAILS(unlink("f"), ENOENT);
	FAILS(unlink(""), ENOENT);
	OK(mkdir("d", 0777));
	FAILS(unlink("d"), EISDIR);
	OK(symlink("d", "l"));
	FAILS(rmdir("l"), ENOTDIR);
	OK(unlink("l"));
	OK(rmdir("d"));
}

static void relative(void)
{
	OK(mkdirat(AT_FDCWD, "d", 0777));
	int dir = OK(open("d", O_RDONLY | O_DIRECTORY));

	OK(mkdirat(dir, "e", 0777));
	EQ(access("d/e", F_OK), 0);
	FAILS(unlinkat(dir, "e", 0), EISDIR);
	FAILS(unlinkat(dir, "e", 0x1), EINVAL);
	OK(unlinkat(dir, "e", AT_REMOVEDIR));
	close(OK(openat(dir, "f", O_CREAT | O_WRONLY, 0600)));
	FAILS(unlinkat(dir, "f", AT_REMOVEDIR), ENOTDIR);
	OK(unlinkat(dir, "f", 0));
	FAILS(mkdirat(-1, "e", 0777), EBADF);
	close(dir);
	OK(rmdir("d"));
}

int main(void)
{
	RUN(make_and_remove);
	RUN(sticky_and_setgid);
	RUN(files);
	RUN(relative);
	return report();
}
