/* The tree of mounts: what covers what, what may go, and what stays put. */
#include "../check.h"
#include <sys/mount.h>
#include <sys/statfs.h>

static void touch(const char *path)
{
	int fd = OK(open(path, O_CREAT | O_WRONLY, 0644));

	close(fd);
}

static int exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void make(void)
{
	OK(mkdir("m", 0755));
	touch("m/below");
	touch("file");
}

static void errors(void)
{
	static char longer[5000];
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(longer, 'x', sizeof longer - 1);
	FAILS(mount("none", "m", "no_such_fs", 0, NULL), ENODEV);
	FAILS(mount("none", "m", NULL, 0, NULL), EINVAL);
	FAILS(mount("none", "m", "", 0, NULL), ENODEV);
	FAILS(mount("none", "m", longer, 0, NULL), EINVAL);
	FAILS(mount(longer, "m", "tmpfs", 0, NULL), EINVAL);
	FAILS(mount("none", longer, "tmpfs", 0, NULL), ENAMETOOLONG);
	FAILS(mount("none", "missing", "tmpfs", 0, NULL), ENOENT);
	FAILS(mount("none", "", "tmpfs", 0, NULL), ENOENT);
	FAILS(mount("none", "file/x", "tmpfs", 0, NULL), ENOTDIR);
	FAILS(mount("none", "file", "tmpfs", 0, NULL), ENOTDIR);
	FAILS(mount("none", (char *)1, "tmpfs", 0, NULL), EFAULT);
	FAILS(mount((char *)1, "m", "tmpfs", 0, NULL), EFAULT);
	FAILS(mount("none", "m", (char *)1, 0, NULL), EFAULT);
	FAILS(mount("none", "m", "tmpfs", 0, (char *)1), EFAULT);
	FAILS(mount("none", "m", "tmpfs", 0, "nonsense"), EINVAL);
	FAILS(mount("none", "m", "tmpfs", 1ul << 31, NULL), EINVAL);
	FAILS(mount("none", "m", "tmpfs", 1ul << 40, NULL), EINVAL);
	FAILS(mount(NULL, "m", NULL, MS_BIND, NULL), EINVAL);
	FAILS(mount("", "m", NULL, MS_BIND, NULL), EINVAL);
	FAILS(mount("missing", "m", NULL, MS_BIND, NULL), ENOENT);
	FAILS(mount("file", "m", NULL, MS_BIND, NULL), ENOTDIR);
	FAILS(mount("m", "file", NULL, MS_BIND, NULL), ENOTDIR);
	FAILS(mount("m", "m", NULL, MS_MOVE, NULL), EINVAL);
	FAILS(mount(NULL, "m", NULL, MS_MOVE, NULL), EINVAL);
	FAILS(mount(NULL, "m", NULL, MS_REMOUNT, NULL), EINVAL);
	FAILS(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND, NULL), EINVAL);
	FAILS(mount(NULL, "m", NULL, MS_SHARED, NULL), EINVAL);
	FAILS(umount("m"), EINVAL);
	FAILS(umount("missing"), ENOENT);
	FAILS(umount2("m", 16), EINVAL);
	FAILS(umount2("missing", 16), EINVAL);
	FAILS(umount2("m", MNT_EXPIRE), EINVAL);
	/* The data may end at the end of memory. */
	OK(munmap(page + 4096, 4096));
	strcpy(page + 4096 - 12, "nr_inodes=9");
	OK(mount("none", "m", "tmpfs", 0, page + 4096 - 12));
	struct statfs fs;
	OK(statfs("m", &fs));
	EQ(fs.f_files, 9);
	OK(umount("m"));
	/* A page without a NUL: its last byte counts as one. */
	memset(page, ',', 4096);
	memcpy(page + 4096 - 12, "nr_inodes=98", 12);
	OK(mount("none", "m", "tmpfs", 0xc0ed0000ul | MS_NODEV, page));
	OK(statfs("m", &fs));
	EQ(fs.f_files, 9);
	CHECK(fs.f_flags & MS_NODEV);
	OK(umount("m"));
	munmap(page, 4096);
}

static void stacking(void)
{
	OK(mount("a", "m", "tmpfs", 0, NULL));
	touch("m/first");
	CHECK(!exists("m/below"));
	OK(mount("b", "m", "tmpfs", 0, NULL));
	CHECK(!exists("m/first"));
	touch("m/second");
	OK(mount("c", "m", "ramfs", 0, NULL));
	CHECK(!exists("m/second"));
	OK(umount("m"));
	CHECK(exists("m/second"));
	OK(umount("m"));
	CHECK(exists("m/first"));
	OK(umount("m"));
	CHECK(exists("m/below"));
}

static void in_use(void)
{
	int fd;

	OK(mount("a", "m", "tmpfs", 0, NULL));
	fd = OK(open("m", O_RDONLY | O_DIRECTORY));
	FAILS(umount("m"), EBUSY);
	close(fd);
	fd = OK(open("m", O_PATH));
	FAILS(umount("m"), EBUSY);
	close(fd);
	OK(chdir("m"));
	FAILS(umount("../m"), EBUSY);
	OK(chdir(".."));
	OK(mkdir("m/sub", 0755));
	OK(mount("b", "m/sub", "tmpfs", 0, NULL));
	FAILS(umount("m"), EBUSY);
	FAILS(umount("m/sub/.."), EBUSY);
	OK(umount("m/sub"));
	touch("m/mapped");
	fd = OK(open("m/mapped", O_RDWR));
	OK(ftruncate(fd, 4096));
	char *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED);
	close(fd);
	FAILS(umount("m"), EBUSY);
	OK(munmap(map, 4096));
	FAILS(umount("m/mapped"), EINVAL);
	OK(umount("m"));
}

static void lazily(void)
{
	char text[2] = "";
	struct stat st, up;

	OK(mount("a", "m", "tmpfs", 0, NULL));
	OK(mkdir("m/sub", 0755));
	OK(mkdir("m/sub/deep", 0755));
	OK(mount("b", "m/sub/deep", "tmpfs", 0, NULL));
	touch("m/sub/deep/f");
	int fd = file_with("m/sub/held", "x", 1);
	int dir = OK(open("m/sub", O_RDONLY | O_DIRECTORY));
	int deep = OK(open("m/sub/deep", O_RDONLY | O_DIRECTORY));
	OK(umount2("m", MNT_DETACH));
	CHECK(exists("m/below"));
	EQ(read(fd, text, 1), 1);
	EQ(text[0], 'x');
	/* What was below is detached from it, too, and lives on for those who have it. */
	EQ(faccessat(dir, "held", F_OK, 0), 0);
	FAILS(faccessat(dir, "deep/f", F_OK, 0), ENOENT);
	EQ(faccessat(deep, "f", F_OK, 0), 0);
	OK(fstatat(deep, "..", &up, 0));
	OK(fstat(deep, &st));
	EQ(up.st_ino, st.st_ino);
	EQ(up.st_dev, st.st_dev);
	/* Nothing can be mounted there, and nothing remounted. */
	OK(fchdir(dir));
	FAILS(mount("c", "deep", "tmpfs", 0, NULL), EINVAL);
	FAILS(mount("deep", "deep", NULL, MS_BIND, NULL), EINVAL);
	OK(fchdir(deep));
	FAILS(mount(NULL, ".", NULL, MS_REMOUNT | MS_RDONLY, NULL), EINVAL);
	FAILS(umount("."), EINVAL);
	char path[4200];
	OK(syscall(SYS_getcwd, path, sizeof path));
	STREQ(path, "(unreachable)/");
	close(fd);
	close(dir);
	close(deep);
}

static void binding(void)
{
	struct stat a, b;

	OK(mkdir("src", 0755));
	OK(mkdir("src/inner", 0755));
	touch("src/one");
	OK(mount("src", "m", NULL, MS_BIND, NULL));
	OK(stat("src", &a));
	OK(stat("m", &b));
	EQ(a.st_ino, b.st_ino);
	EQ(a.st_dev, b.st_dev);
	touch("m/two");
	CHECK(exists("src/two"));
	/* The same file system, but another mount. */
	FAILS(rename("m/two", "src/three"), EXDEV);
	FAILS(link("m/two", "src/three"), EXDEV);
	OK(rename("m/two", "m/three"));
	OK(unlink("src/three"));
	/* What is mounted below does not come along... */
	OK(mount("x", "src/inner", "tmpfs", 0, NULL));
	touch("src/inner/hidden");
	CHECK(!exists("m/inner/hidden"));
	OK(umount("m"));
	/* ...unless asked for. */
	OK(mount("src", "m", NULL, MS_BIND | MS_REC, NULL));
	CHECK(exists("m/inner/hidden"));
	FAILS(umount("m"), EBUSY);
	OK(umount("m/inner"));
	CHECK(exists("src/inner/hidden"));
	OK(umount("m"));
	OK(umount("src/inner"));
	/* A file on a file. */
	int fd = file_with("content", "abc", 3);
	close(fd);
	OK(mount("content", "file", NULL, MS_BIND, NULL));
	OK(stat("file", &a));
	EQ(a.st_size, 3);
	FAILS(unlink("file"), EBUSY);
	FAILS(rename("file", "elsewhere"), EBUSY);
	FAILS(rename("content", "file"), EBUSY);
	/* The file below can lose its name, and what is bound stays. */
	OK(unlink("content"));
	OK(stat("file", &b));
	EQ(b.st_ino, a.st_ino);
	EQ(b.st_nlink, 0);
	OK(umount("file"));
	OK(stat("file", &b));
	EQ(b.st_size, 0);
	OK(unlink("src/one"));
	OK(rmdir("src/inner"));
	OK(rmdir("src"));
}

/* What was moved out of the part that is bound has no way up. */
static void cut_off(void)
{
	struct stat st;

	OK(mkdir("src", 0755));
	OK(mkdir("src/part", 0755));
	OK(mkdir("src/part/d", 0755));
	OK(mount("src/part", "m", NULL, MS_BIND, NULL));
	int fd = OK(open("m/d", O_RDONLY | O_DIRECTORY));
	OK(fstatat(fd, "../d", &st, 0));
	OK(rename("src/part/d", "src/d"));
	FAILS(fstatat(fd, "..", &st, 0), ENOENT);
	FAILS(fstatat(fd, "../part", &st, 0), ENOENT);
	FAILS(openat(fd, "../x", O_CREAT | O_WRONLY, 0644), ENOENT);
	OK(fstatat(fd, ".", &st, 0));
	OK(rename("src/d", "src/part/d"));
	OK(fstatat(fd, "..", &st, 0));
	close(fd);
	OK(umount("m"));
	OK(rmdir("src/part/d"));
	OK(rmdir("src/part"));
	OK(rmdir("src"));
}

static void moving(void)
{
	OK(mkdir("to", 0755));
	OK(mount("a", "m", "tmpfs", 0, NULL));
	OK(mkdir("m/in", 0755));
	OK(mount("b", "m/in", "tmpfs", 0, NULL));
	touch("m/in/f");
	FAILS(mount("m", "m/in", NULL, MS_MOVE, NULL), ELOOP);
	FAILS(mount("m/in/f", "file", NULL, MS_MOVE, NULL), EINVAL);
	FAILS(mount("m", "file", NULL, MS_MOVE, NULL), EINVAL);
	FAILS(mount("/", "to", NULL, MS_MOVE, NULL), EINVAL);
	OK(mount("m", "to", NULL, MS_MOVE, NULL));
	CHECK(exists("m/below"));
	CHECK(exists("to/in/f"));
	OK(umount("to/in"));
	OK(umount("to"));
	OK(rmdir("to"));
}

static void mountpoints_stay(void)
{
	OK(mkdir("p", 0755));
	OK(mkdir("q", 0755));
	OK(mount("a", "p", "tmpfs", 0, NULL));
	FAILS(rmdir("p"), EBUSY);
	FAILS(rename("p", "r"), EBUSY);
	FAILS(rename("q", "p"), EBUSY);
	FAILS(syscall(SYS_renameat2, AT_FDCWD, "q", AT_FDCWD, "p", 2), EBUSY);
	/* Not even through another mount of the same directory. */
	OK(mount(".", "m", NULL, MS_BIND, NULL));
	FAILS(rmdir("m/p"), EBUSY);
	FAILS(rename("m/p", "m/r"), EBUSY);
	OK(umount("m"));
	OK(umount("p"));
	OK(rmdir("p"));
	OK(rmdir("q"));
	/* The working directory may have lost its name. */
	OK(mkdir("gone", 0755));
	OK(chdir("gone"));
	OK(rmdir("../gone"));
	FAILS(mount("a", ".", "tmpfs", 0, NULL), ENOENT);
	OK(chdir(".."));
}

static void same_again(void)
{
	OK(mount("a", "m", "tmpfs", 0, NULL));
	OK(mount("m", "m", NULL, MS_BIND, NULL));
	OK(umount("m"));
	OK(umount("m"));
	OK(mount("dev", "m", "devtmpfs", 0, NULL));
	FAILS(mount("dev", "m", "devtmpfs", 0, NULL), EBUSY);
	OK(umount("m"));
}

static void nofollow(void)
{
	OK(symlink("m", "link"));
	OK(mount("a", "link", "tmpfs", 0, NULL));
	FAILS(umount2("link", UMOUNT_NOFOLLOW), EINVAL);
	OK(umount2("link", 0));
	OK(unlink("link"));
}

static void expiring(void)
{
	OK(mount("a", "m", "tmpfs", 0, NULL));
	FAILS(umount2("m", MNT_EXPIRE | MNT_DETACH), EINVAL);
	FAILS(umount2("m", MNT_EXPIRE | MNT_FORCE), EINVAL);
	int fd = OK(open("m", O_PATH));
	FAILS(umount2("m", MNT_EXPIRE), EBUSY);
	close(fd);
	FAILS(umount2("m", MNT_EXPIRE), EAGAIN);
	close(OK(open("m", O_RDONLY)));
	FAILS(umount2("m", MNT_EXPIRE), EAGAIN);
	OK(umount2("m", MNT_EXPIRE));
	FAILS(umount2("m", MNT_EXPIRE), EINVAL);
}

/* struct statx, which musl hides. */
struct answer {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t skipped[10];
	uint64_t attributes_mask;
	uint64_t more[10];
	uint64_t mnt_id;
	uint64_t rest[13];
};

static void ids(void)
{
	struct answer top, in, out;

	_Static_assert(offsetof(struct answer, mnt_id) == 0x90, "as in linux/stat.h");
	OK(mount("a", "m", "tmpfs", 0, NULL));
	touch("m/f");
	OK(syscall(SYS_statx, AT_FDCWD, "m", 0, 0x1fff, &top));
	OK(syscall(SYS_statx, AT_FDCWD, "m/f", 0, 0x1fff, &in));
	OK(syscall(SYS_statx, AT_FDCWD, ".", 0, 0x1fff, &out));
	EQ(top.mask & 0x1000, 0x1000);
	EQ(top.attributes & 0x2000, 0x2000);
	EQ(in.attributes & 0x2000, 0);
	EQ(in.attributes_mask & 0x2000, 0x2000);
	EQ(top.mnt_id, in.mnt_id);
	CHECK(top.mnt_id != out.mnt_id);
	OK(umount("m"));
}

static void as_user(void)
{
	OK(setresuid(1000, 1000, 1000));
	FAILS(mount("none", "m", "tmpfs", 0, NULL), EPERM);
	FAILS(mount("none", "m", "no_such_fs", 0, NULL), EPERM);
	FAILS(mount("none", "missing", "tmpfs", 0, NULL), ENOENT);
	FAILS(mount("none", "m", "tmpfs", 1ul << 31, NULL), EINVAL);
	FAILS(mount(NULL, "m", NULL, MS_REMOUNT, NULL), EPERM);
	FAILS(umount("m"), EPERM);
	FAILS(umount2("m", 16), EINVAL);
	FAILS(umount("missing"), ENOENT);
	FAILS(syscall(SYS_pivot_root, "missing", "m"), EPERM);
}

static void unprivileged(void)
{
	IN_CHILD(as_user);
}

/* `..` ends at the root, and only there. */
static void in_jail(void)
{
	struct stat here, up;

	OK(chroot("m"));
	OK(chdir("/"));
	OK(stat("/", &here));
	OK(stat("/../..", &up));
	EQ(here.st_dev, up.st_dev);
	EQ(here.st_ino, up.st_ino);
	CHECK(exists("/d/../in_m"));
	FAILS(umount2("/", MNT_EXPIRE), EINVAL);
}

static void jail(void)
{
	OK(mount("a", "m", "tmpfs", 0, NULL));
	OK(mkdir("m/d", 0755));
	touch("m/in_m");
	IN_CHILD(in_jail);
	OK(umount("m"));
}

int main(void)
{
	RUN(make);
	RUN(errors);
	RUN(stacking);
	RUN(in_use);
	char cwd[4096];
	OK(getcwd(cwd, sizeof cwd) ? 0 : -1);
	RUN(lazily);
	OK(chdir(cwd));
	RUN(binding);
	RUN(cut_off);
	RUN(moving);
	RUN(mountpoints_stay);
	OK(chdir(cwd));
	RUN(same_again);
	RUN(nofollow);
	RUN(expiring);
	RUN(ids);
	RUN(unprivileged);
	RUN(jail);
	return report();
}
