/* tmpfs and ramfs: their options, their limits, and what statfs(2) says. */
#include "../check.h"
#include <sys/mount.h>
#include <sys/statfs.h>

static struct statfs statfs_of(const char *path)
{
	struct statfs fs = { 0 };

	OK(statfs(path, &fs));
	return fs;
}

static void with(const char *options)
{
	OK(mount("none", "m", "tmpfs", 0, options));
}

static void again(const char *options)
{
	OK(mount(NULL, "m", NULL, MS_REMOUNT, options));
}

static void away(void)
{
	OK(umount("m"));
}

static void sizes(void)
{
	static const struct {
		const char *options;
		long blocks, inodes;
	} cases[] = {
		{ "size=1m,nr_inodes=7", 256, 7 }, { "size=4097,nr_inodes=1k", 2, 1024 },
		{ "size=0x2000,nr_inodes=010", 2, 8 }, { "nr_blocks=3,nr_inodes=3", 3, 3 },
		{ "size=1M,size=8192,nr_inodes=3", 2, 3 }, { "size=0,nr_inodes=0", 0, 0 },
		{ ",,size=4096,,nr_inodes=5,", 1, 5 },
		{ "size=1g,nr_inodes=5", 262144, 5 }, { "nr_blocks=1K,nr_inodes=5", 1024, 5 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		check_name = cases[i].options;
		with(cases[i].options);
		struct statfs fs = statfs_of("m");
		EQ(fs.f_type, 0x01021994);
		EQ(fs.f_bsize, 4096);
		EQ(fs.f_frsize, 4096);
		EQ(fs.f_namelen, 255);
		EQ(fs.f_blocks, cases[i].blocks);
		EQ(fs.f_bfree, cases[i].blocks);
		EQ(fs.f_bavail, cases[i].blocks);
		EQ(fs.f_files, cases[i].inodes);
		EQ(fs.f_ffree, cases[i].inodes ? cases[i].inodes - 1 : 0);
		away();
	}
	/* A half of the memory, in bytes and in percent. */
	with(NULL);
	struct statfs fs = statfs_of("m");
	away();
	with("size=50%");
	CHECK(labs((long)(statfs_of("m").f_blocks - fs.f_blocks)) <= 1);
	away();
	EQ(fs.f_blocks, fs.f_files);
}

static void bad_options(void)
{
	static const char *const bad[] = {
		"size", "size=", "size=x", "size=1kk", "size=10%%", "nr_inodes=x", "nr_inodes", "mode=9", "mode=x",
		"uid=-1", "uid=x", "gid=4294967296", "what=1", "huge=maybe", "huge", "inode64=1",
		"nr_blocks=0x8000000000000000", "mpol=nonsense",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		check_name = bad[i];
		FAILS(mount("none", "m", "tmpfs", 0, bad[i]), EINVAL);
	}
}

static void owner(void)
{
	struct stat st;

	with("mode=2750,uid=12,gid=0x22,huge=never,inode32");
	OK(stat("m", &st));
	EQ(st.st_mode, S_IFDIR | 02750);
	EQ(st.st_uid, 12);
	EQ(st.st_gid, 0x22);
	again("mode=700,uid=1");
	OK(stat("m", &st));
	EQ(st.st_mode, S_IFDIR | 02750);
	EQ(st.st_uid, 12);
	away();
	with(NULL);
	OK(stat("m", &st));
	EQ(st.st_mode, S_IFDIR | 01777);
	EQ(st.st_uid, 0);
	away();
	with("huge=within_size,inode64");
	away();
}

static void full(void)
{
	static char page[4096];
	struct stat st;

	with("size=16k,nr_inodes=8");
	int fd = OK(open("m/f", O_CREAT | O_RDWR, 0644));
	EQ(write(fd, page, 4096), 4096);
	EQ(write(fd, page, 4096), 4096);
	EQ(statfs_of("m").f_bfree, 2);
	EQ(pwrite(fd, page, 4096, 1 << 20), 4096);
	EQ(pwrite(fd, page, 4096, 1 << 24), 4096);
	FAILS(pwrite(fd, page, 1, 1 << 25), ENOSPC);
	EQ(statfs_of("m").f_bfree, 0);
	OK(fstat(fd, &st));
	EQ(st.st_blocks, 32);
	/* What is there can be written over. */
	EQ(pwrite(fd, page, 4096, 0), 4096);
	int other = OK(open("m/g", O_CREAT | O_RDWR, 0644));
	FAILS(write(other, "x", 1), ENOSPC);
	FAILS(fallocate(other, 0, 0, 4096), ENOSPC);
	OK(ftruncate(other, 1 << 20));
	OK(ftruncate(fd, 8192));
	EQ(statfs_of("m").f_bfree, 2);
	/* A write in the middle of which the space ends is cut. */
	static char three[3 * 4096];
	EQ(write(other, three, sizeof three), 8192);
	FAILS(write(other, three, sizeof three), ENOSPC);
	OK(ftruncate(other, 0));
	EQ(statfs_of("m").f_bfree, 2);
	close(fd);
	OK(unlink("m/f"));
	EQ(statfs_of("m").f_bfree, 4);
	close(other);
	OK(unlink("m/g"));
	EQ(statfs_of("m").f_ffree, 7);
	away();
}

static void no_page_for_a_mapping(void)
{
	with("size=4k");
	int fd = OK(open("m/f", O_CREAT | O_RDWR, 0644));
	OK(ftruncate(fd, 8192));
	pid_t pid = fork();
	if (pid == 0) {
		char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		map[0] = 1;
		map[4096] = 1;
		_exit(0);
	}
	KILLED(pid, SIGBUS);
	close(fd);
	away();
}

static void inodes(void)
{
	with("nr_inodes=4");
	OK(mkdir("m/d", 0755));
	OK(symlink("x", "m/l"));
	close(OK(open("m/f", O_CREAT | O_WRONLY, 0644)));
	EQ(statfs_of("m").f_ffree, 0);
	FAILS(open("m/g", O_CREAT | O_WRONLY, 0644), ENOSPC);
	FAILS(mkdir("m/e", 0755), ENOSPC);
	FAILS(mknod("m/e", S_IFIFO | 0644, 0), ENOSPC);
	FAILS(symlink("x", "m/e"), ENOSPC);
	/* Each further name counts as one, too. */
	FAILS(link("m/f", "m/g"), ENOSPC);
	OK(rmdir("m/d"));
	OK(link("m/f", "m/g"));
	EQ(statfs_of("m").f_ffree, 0);
	OK(unlink("m/f"));
	EQ(statfs_of("m").f_ffree, 1);
	OK(rename("m/g", "m/h"));
	OK(rename("m/l", "m/h"));
	EQ(statfs_of("m").f_ffree, 2);
	OK(unlink("m/h"));
	EQ(statfs_of("m").f_ffree, 3);
	away();
}

static void long_links(void)
{
	char text[1000];

	memset(text, 'x', sizeof text);
	text[999] = 0;
	with("size=8k");
	OK(symlink(text, "m/long"));
	EQ(statfs_of("m").f_bfree, 1);
	text[100] = 0;
	OK(symlink(text, "m/short"));
	EQ(statfs_of("m").f_bfree, 1);
	OK(unlink("m/long"));
	EQ(statfs_of("m").f_bfree, 2);
	away();
}

static void remounting(void)
{
	static char page[4096];

	with("size=64k,nr_inodes=10");
	int fd = OK(open("m/f", O_CREAT | O_RDWR, 0644));
	for (int i = 0; i < 4; i++)
		EQ(write(fd, page, 4096), 4096);
	FAILS(mount(NULL, "m", NULL, MS_REMOUNT, "size=12k"), EINVAL);
	again("size=16k");
	EQ(statfs_of("m").f_blocks, 4);
	EQ(statfs_of("m").f_bfree, 0);
	FAILS(write(fd, page, 1), ENOSPC);
	again("size=20k");
	EQ(write(fd, page, 4096), 4096);
	FAILS(mount(NULL, "m", NULL, MS_REMOUNT, "nr_inodes=1"), EINVAL);
	again("nr_inodes=2");
	EQ(statfs_of("m").f_ffree, 0);
	EQ(statfs_of("m").f_blocks, 5);
	again(NULL);
	EQ(statfs_of("m").f_blocks, 5);
	/* All or nothing. */
	FAILS(mount(NULL, "m", NULL, MS_REMOUNT, "size=1m,nr_inodes=1"), EINVAL);
	EQ(statfs_of("m").f_blocks, 5);
	FAILS(mount(NULL, "m", NULL, MS_REMOUNT, "size=1m,nonsense"), EINVAL);
	EQ(statfs_of("m").f_blocks, 5);
	again("size=0,nr_inodes=0");
	EQ(statfs_of("m").f_blocks, 0);
	/* Who had no limit gets none later. */
	FAILS(mount(NULL, "m", NULL, MS_REMOUNT, "size=1m"), EINVAL);
	FAILS(mount(NULL, "m", NULL, MS_REMOUNT, "nr_inodes=100"), EINVAL);
	close(fd);
	away();
}

static void plain(void)
{
	static char page[4096];
	struct stat st;

	OK(mount("none", "m", "ramfs", 0, "size=1,what=ever"));
	struct statfs fs = statfs_of("m");
	EQ(fs.f_type, 0x858458f6);
	EQ(fs.f_blocks, 0);
	EQ(fs.f_files, 0);
	OK(stat("m", &st));
	EQ(st.st_mode, S_IFDIR | 0755);
	EQ(st.st_size, 0);
	int fd = OK(open("m/f", O_CREAT | O_RDWR, 0644));
	for (int i = 0; i < 8; i++)
		EQ(write(fd, page, 4096), 4096);
	OK(fstat(fd, &st));
	EQ(st.st_size, 32768);
	EQ(st.st_blocks, 64);
	FAILS(fallocate(fd, 0, 0, 4096), EOPNOTSUPP);
	close(fd);
	away();
	OK(mount("none", "m", "ramfs", 0, "mode=1700"));
	OK(stat("m", &st));
	EQ(st.st_mode, S_IFDIR | 01700);
	away();
	FAILS(mount("none", "m", "ramfs", 0, "mode=x"), EINVAL);
}

int main(void)
{
	OK(mkdir("m", 0755));
	RUN(sizes);
	RUN(bad_options);
	RUN(owner);
	RUN(full);
	RUN(no_page_for_a_mapping);
	RUN(inodes);
	RUN(long_links);
	RUN(remounting);
	RUN(plain);
	return report();
}
