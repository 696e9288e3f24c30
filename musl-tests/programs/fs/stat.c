/* stat(2), fstat(2), lstat(2), newfstatat(2), statx(2). */
#include "check.h"
#include <sys/sysmacros.h>

/* statx(2) as the kernel lays it out; this musl does not declare it. */
struct statx_time {
	int64_t sec;
	uint32_t nsec;
	int32_t pad;
};
struct statx_result {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad1;
	uint64_t ino, size, blocks, attributes_mask;
	struct statx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mnt_id;
	uint64_t spare[13];
};
_Static_assert(sizeof(struct statx_result) == 256, "struct statx");

static void regular(void)
{
	struct stat st, by_fd;
	int fd = file_with("f", "0123456789", 10);

	OK(stat("f", &st));
	OK(fstat(fd, &by_fd));
	SAME(&st, &by_fd, sizeof st);
	EQ(st.st_mode, S_IFREG | 0644);
	EQ(st.st_size, 10);
	EQ(st.st_nlink, 1);
	EQ(st.st_uid, 0);
	EQ(st.st_gid, 0);
	EQ(st.st_blksize, 4096);
	EQ(st.st_blocks, 8);
	EQ(st.st_rdev, 0);
	CHECK(st.st_ino != 0);
	CHECK(st.st_dev != 0);
	close(fd);
}

static void directory(void)
{
	struct stat st, dot, up;

	OK(mkdir("d", 0750));
	OK(stat("d", &st));
	EQ(st.st_mode, S_IFDIR | 0750);
	EQ(st.st_nlink, 2);
	OK(mkdir("d/e", 0750));
	OK(stat("d", &st));
	EQ(st.st_nlink, 3);
	OK(stat("d/e/..", &up));
	EQ(up.st_ino, st.st_ino);
	OK(stat("d/.", &dot));
	EQ(dot.st_ino, st.st_ino);
	OK(rmdir("d/e"));
	OK(stat("d", &st));
	EQ(st.st_nlink, 2);
	OK(rmdir("d"));
}

static void links(void)
{
	struct stat st;

	OK(symlink("f", "link"));
	OK(lstat("link", &st));
	EQ(st.st_mode, S_IFLNK | 0777);
	EQ(st.st_size, 1);
	OK(stat("link", &st));
	EQ(st.st_mode, S_IFREG | 0644);
	OK(fstatat(AT_FDCWD, "link", &st, AT_SYMLINK_NOFOLLOW));
	CHECK(S_ISLNK(st.st_mode));
	/* A slash at the end follows. */
	FAILS(lstat("link/", &st), ENOTDIR);
}

static void devices_and_pipes(void)
{
	struct stat st;
	int p[2];

	OK(stat("/dev/null", &st));
	CHECK(S_ISCHR(st.st_mode));
	EQ(major(st.st_rdev), 1);
	EQ(minor(st.st_rdev), 3);
	OK(pipe(p));
	OK(fstat(p[0], &st));
	EQ(st.st_mode, S_IFIFO | 0600);
	EQ(st.st_size, 0);
	close(p[0]);
	close(p[1]);
}

static void empty_path(void)
{
	struct stat st;
	int fd = OK(open("f", O_RDONLY));

	OK(fstatat(fd, "", &st, AT_EMPTY_PATH));
	EQ(st.st_size, 10);
	FAILS(fstatat(fd, "", &st, 0), ENOENT);
	OK(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH));
	CHECK(S_ISDIR(st.st_mode));
	FAILS(syscall(SYS_newfstatat, fd, "", &st, 0x40000), EINVAL);
	FAILS(fstatat(fd, "f", &st, 0), ENOTDIR);
	FAILS(fstatat(-1, "f", &st, 0), EBADF);
	close(fd);
}

static void refusals(void)
{
	struct stat st;

	FAILS(stat("nothing", &st), ENOENT);
	FAILS(stat("f/x", &st), ENOTDIR);
	FAILS(stat("", &st), ENOENT);
	FAILS(stat((char *)8, &st), EFAULT);
	FAILS(syscall(SYS_stat, "f", 8), EFAULT);
	FAILS(syscall(SYS_fstat, -1, &st), EBADF);
}

static void extended(void)
{
	struct statx_result x;
	struct stat st;

	memset(&x, 0xee, sizeof x);
	OK(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x7ff, &x));
	OK(stat("f", &st));
	EQ(x.mask & 0x7ff, 0x7ff);
	EQ(x.mode, st.st_mode);
	EQ(x.size, 10);
	EQ(x.nlink, 1);
	EQ(x.ino, st.st_ino);
	EQ(x.blocks, 8);
	EQ(x.dev_major, major(st.st_dev));
	EQ(x.dev_minor, minor(st.st_dev));
	EQ(x.mtime.sec, st.st_mtim.tv_sec);
	EQ(x.mtime.nsec, st.st_mtim.tv_nsec);
	EQ(x.pad1, 0);
	for (int i = 1; i < 12; i++)
		EQ(x.spare[i], 0);
	FAILS(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x80000000, &x), EINVAL);
	FAILS(syscall(SYS_statx, AT_FDCWD, "f", 0x40000, 0x7ff, &x), EINVAL);
	FAILS(syscall(SYS_statx, AT_FDCWD, "f", 0x6000, 0x7ff, &x), EINVAL);
	FAILS(syscall(SYS_statx, AT_FDCWD, "nothing", 0, 0x7ff, &x), ENOENT);
	FAILS(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x7ff, 8), EFAULT);
}

int main(void)
{
	RUN(regular);
	RUN(directory);
	RUN(links);
	RUN(devices_and_pipes);
	RUN(empty_path);
	RUN(refusals);
	RUN(extended);
	return report();
}
