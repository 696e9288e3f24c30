/* devtmpfs: one tree of device nodes, however often it is mounted. Programs
 * may change it; here they put back what they found. */
#include "../check.h"
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

static void nodes(void)
{
	static const struct {
		const char *name;
		unsigned major, minor, perm;
	} want[] = {
		{ "null", 1, 3, 0666 }, { "zero", 1, 5, 0666 }, { "full", 1, 7, 0666 },
		{ "random", 1, 8, 0666 }, { "urandom", 1, 9, 0666 }, { "tty", 5, 0, 0666 },
		{ "console", 5, 1, 0600 }, { "ttyS0", 4, 64, 0600 }, { "ttyS1", 4, 65, 0600 },
	};
	struct stat st;

	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		char path[64];

		snprintf(path, sizeof path, "a/%s", want[i].name);
		OK(stat(path, &st));
		check_name = want[i].name;
		EQ(st.st_mode & 07777, want[i].perm);
		CHECK(S_ISCHR(st.st_mode));
		EQ(major(st.st_rdev), want[i].major);
		EQ(minor(st.st_rdev), want[i].minor);
		EQ(st.st_uid, 0);
		EQ(st.st_nlink, 1);
	}
	check_name = "nodes";
	OK(stat("a", &st));
	EQ(st.st_mode, S_IFDIR | 0755);
}

static void devices_work(void)
{
	char byte = 1;
	int fd = OK(open("a/zero", O_RDWR));

	EQ(read(fd, &byte, 1), 1);
	EQ(byte, 0);
	close(fd);
	fd = OK(open("a/null", O_RDWR));
	EQ(write(fd, "x", 1), 1);
	EQ(read(fd, &byte, 1), 0);
	close(fd);
	fd = OK(open("a/full", O_RDWR));
	FAILS(write(fd, "x", 1), ENOSPC);
	close(fd);
}

static void one_tree(void)
{
	struct stat a, b;
	struct statfs fs;

	OK(stat("a/null", &a));
	OK(stat("b/null", &b));
	EQ(a.st_dev, b.st_dev);
	EQ(a.st_ino, b.st_ino);
	OK(statfs("a", &fs));
	EQ(fs.f_type, 0x01021994);
	CHECK(fs.f_blocks > 0 && fs.f_files > 0);
}

static void programs_change_it(void)
{
	struct stat st;

	OK(mknod("a/mine", S_IFCHR | 0640, makedev(1, 3)));
	OK(stat("b/mine", &st));
	EQ(st.st_rdev, makedev(1, 3));
	OK(mkdir("b/dir", 0755));
	OK(symlink("../null", "b/dir/link"));
	EQ(access("a/dir/link", W_OK), 0);
	OK(unlink("a/dir/link"));
	OK(rmdir("a/dir"));
	OK(umount("a"));
	OK(umount("b"));
	FAILS(access("a/mine", F_OK), ENOENT);
	OK(mount("dev", "a", "devtmpfs", 0, "mode=0700"));
	OK(stat("a/mine", &st));
	OK(unlink("a/mine"));
	OK(stat("a", &st));
	EQ(st.st_mode & 07777, 0755);
	OK(umount("a"));
}

static void options(void)
{
	FAILS(mount("dev", "a", "devtmpfs", 0, "no_such_option"), EINVAL);
	FAILS(mount("dev", "a", "devtmpfs", 0, "nr_inodes=3"), EINVAL);
}

static void nodev(void)
{
	OK(mount("dev", "a", "devtmpfs", MS_NODEV, NULL));
	FAILS(open("a/null", O_RDONLY), EACCES);
	EQ(access("a/null", R_OK), 0);
	int fd = OK(open("a/null", O_PATH));
	close(fd);
	OK(umount("a"));
}

int main(void)
{
	OK(mkdir("a", 0755));
	OK(mkdir("b", 0755));
	OK(mount("dev", "a", "devtmpfs", 0, NULL));
	OK(mount("dev", "b", "devtmpfs", 0, NULL));
	RUN(nodes);
	RUN(devices_work);
	RUN(one_tree);
	RUN(programs_change_it);
	RUN(options);
	RUN(nodev);
	return report();
}
