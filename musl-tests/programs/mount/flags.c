/* What the flags of a mount and of its file system forbid. */
#include "../check.h"
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <utime.h>

static long flags_of(const char *path)
{
	struct statfs fs;

	OK(statfs(path, &fs));
	return fs.f_flags & ~0x20;
}

static void fill(void)
{
	OK(mount("none", "m", "tmpfs", 0, NULL));
	EQ(flags_of("m"), 0x1000);
	int fd = file_with("m/f", "data", 4);
	close(fd);
	OK(mkdir("m/d", 0755));
	OK(symlink("f", "m/l"));
	OK(mkfifo("m/p", 0644));
	OK(mknod("m/null", S_IFCHR | 0666, makedev(1, 3)));
}

/* Nothing that would change the file system works. */
static void refuses_writes(void)
{
	struct timespec now[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
	struct stat before, after;

	OK(stat("m/f", &before));
	FAILS(open("m/f", O_WRONLY), EROFS);
	FAILS(open("m/f", O_RDWR), EROFS);
	FAILS(open("m/f", O_RDONLY | O_TRUNC), EROFS);
	FAILS(open("m/new", O_CREAT | O_RDONLY, 0644), EROFS);
	FAILS(open("m", O_TMPFILE | O_WRONLY, 0644), EROFS);
	FAILS(open("m/d", O_WRONLY), EISDIR);
	FAILS(open("m/f", O_CREAT | O_EXCL, 0644), EEXIST);
	close(OK(open("m/f", O_CREAT | O_RDONLY, 0644)));
	FAILS(mkdir("m/new", 0755), EROFS);
	FAILS(mkdir("m/d", 0755), EEXIST);
	FAILS(mknod("m/new", S_IFREG | 0644, 0), EROFS);
	FAILS(symlink("x", "m/new"), EROFS);
	FAILS(link("m/f", "m/new"), EROFS);
	FAILS(unlink("m/f"), EROFS);
	FAILS(unlink("m/missing"), EROFS);
	FAILS(rmdir("m/d"), EROFS);
	FAILS(rename("m/f", "m/g"), EROFS);
	FAILS(rename("m/missing", "m/g"), EROFS);
	FAILS(chmod("m/f", 0600), EROFS);
	FAILS(chown("m/f", 1, 1), EROFS);
	FAILS(lchown("m/l", 1, 1), EROFS);
	FAILS(truncate("m/f", 0), EROFS);
	FAILS(truncate("m/d", 0), EISDIR);
	FAILS(utimensat(AT_FDCWD, "m/f", now, 0), EROFS);
	FAILS(utime("m/f", NULL), EROFS);
	FAILS(access("m/f", W_OK), EROFS);
	FAILS(access("m/d", W_OK), EROFS);
	EQ(access("m/f", R_OK), 0);
	EQ(access("m/f", F_OK), 0);
	/* Devices and pipes are written to, not the file system. */
	EQ(access("m/null", W_OK), 0);
	EQ(access("m/p", W_OK), 0);
	int fd = OK(open("m/null", O_WRONLY));
	EQ(write(fd, "x", 1), 1);
	close(fd);
	fd = OK(open("m/p", O_RDWR));
	EQ(write(fd, "x", 1), 1);
	close(fd);
	fd = OK(open("m/f", O_RDONLY));
	FAILS(fchmod(fd, 0600), EROFS);
	FAILS(fchown(fd, 1, 1), EROFS);
	FAILS(futimens(fd, now), EROFS);
	char c;
	EQ(read(fd, &c, 1), 1);
	close(fd);
	OK(stat("m/f", &after));
	EQ(after.st_atim.tv_sec, before.st_atim.tv_sec);
	EQ(after.st_atim.tv_nsec, before.st_atim.tv_nsec);
}

static void read_only_mount(void)
{
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	EQ(flags_of("m"), 0x1001);
	refuses_writes();
	/* Another mount of it is not concerned. */
	OK(mount("m", "n", NULL, MS_BIND, NULL));
	FAILS(chmod("n/f", 0644), EROFS);
	OK(mount(NULL, "n", NULL, MS_REMOUNT | MS_BIND, NULL));
	OK(chmod("n/f", 0644));
	FAILS(chmod("m/f", 0644), EROFS);
	OK(umount("n"));
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND, NULL));
	OK(chmod("m/f", 0644));
	EQ(flags_of("m"), 0x1000);
}

static void read_only_file_system(void)
{
	OK(mount("m", "n", NULL, MS_BIND, NULL));
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	EQ(flags_of("m"), 0x1001);
	EQ(flags_of("n"), 0x1001);
	refuses_writes();
	FAILS(chmod("n/f", 0644), EROFS);
	OK(mount(NULL, "n", NULL, MS_REMOUNT | MS_BIND, NULL));
	FAILS(chmod("n/f", 0644), EROFS);
	OK(mount(NULL, "m", NULL, MS_REMOUNT, NULL));
	OK(chmod("n/f", 0644));
	OK(chmod("m/f", 0644));
	OK(umount("n"));
}

static void order_of_errors(void)
{
	/* The mount is asked after the permissions, the file system before them. */
	OK(chmod("m/d", 0755));
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	pid_t pid = fork();
	if (pid == 0) {
		OK(setresuid(1000, 1000, 1000));
		FAILS(open("m/f", O_WRONLY), EACCES);
		FAILS(access("m/f", W_OK), EACCES);
		FAILS(chmod("m/f", 0), EROFS);
		_exit(report());
	}
	EXITS(pid, 0);
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	pid = fork();
	if (pid == 0) {
		OK(setresuid(1000, 1000, 1000));
		FAILS(open("m/f", O_WRONLY), EROFS);
		FAILS(access("m/f", W_OK), EROFS);
		_exit(report());
	}
	EXITS(pid, 0);
	OK(mount(NULL, "m", NULL, MS_REMOUNT, NULL));
}

static void writers_are_in_the_way(void)
{
	int fd = OK(open("m/f", O_WRONLY));

	FAILS(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), EBUSY);
	FAILS(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
	EQ(flags_of("m"), 0x1000);
	EQ(write(fd, "data", 4), 4);
	/* Through another mount only the file system minds. */
	OK(mount("m", "n", NULL, MS_BIND, NULL));
	OK(mount(NULL, "n", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	FAILS(mount(NULL, "n", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
	OK(umount("n"));
	close(fd);
	fd = OK(open("m/f", O_RDONLY));
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	OK(mount(NULL, "m", NULL, MS_REMOUNT, NULL));
	close(fd);
	/* A file that lost its name waits to be removed: a write. */
	fd = file_with("m/gone", "x", 1);
	close(fd);
	fd = OK(open("m/gone", O_RDONLY));
	OK(unlink("m/gone"));
	FAILS(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
	close(fd);
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	OK(mount(NULL, "m", NULL, MS_REMOUNT, NULL));
	/* A pipe that is open for writing does not count. */
	fd = OK(open("m/p", O_RDWR));
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	OK(mount(NULL, "m", NULL, MS_REMOUNT, NULL));
	close(fd);
}

static void devices(void)
{
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_NODEV, NULL));
	EQ(flags_of("m"), 0x1004);
	FAILS(open("m/null", O_RDONLY), EACCES);
	close(OK(open("m/p", O_RDWR)));
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND, NULL));
	close(OK(open("m/null", O_RDONLY)));
}

static void copy_self(const char *self, const char *to)
{
	char buffer[65536];
	int in = OK(open(self, O_RDONLY)), out;
	ssize_t n;

	out = OK(open(to, O_CREAT | O_TRUNC | O_WRONLY, 0755));
	while ((n = read(in, buffer, sizeof buffer)) > 0)
		EQ(write(out, buffer, n), n);
	close(in);
	close(out);
}

static void execution(const char *self)
{
	char *argv[] = { "x", "exit7", NULL };
	int fd;

	copy_self(self, "m/x");
	pid_t pid = fork();
	if (pid == 0) {
		execv("m/x", argv);
		_exit(1);
	}
	EXITS(pid, 7);
	fd = OK(open("m/x", O_RDONLY));
	char *early = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	CHECK(early != MAP_FAILED);
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_NOEXEC, NULL));
	EQ(flags_of("m"), 0x1008);
	FAILS(execv("m/x", argv), EACCES);
	FAILS(access("m/x", X_OK), EACCES);
	EQ(access("m/d", X_OK), 0);
	FAILS((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0), EPERM);
	char *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(map != MAP_FAILED);
	FAILS(mprotect(map, 4096, PROT_READ | PROT_EXEC), EACCES);
	munmap(map, 4096);
	munmap(early, 4096);
	close(fd);
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND, NULL));
}

static void set_ids(void)
{
	char *argv[] = { "x", "euid", NULL };

	OK(chown("m/x", 1234, 0));
	OK(chmod("m/x", 04755));
	pid_t pid = fork();
	if (pid == 0) {
		OK(setresuid(1000, 1000, 1000));
		execv("m/x", argv);
		_exit(1);
	}
	EXITS(pid, 1234 % 256);
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID, NULL));
	EQ(flags_of("m"), 0x1002);
	pid = fork();
	if (pid == 0) {
		OK(setresuid(1000, 1000, 1000));
		execv("m/x", argv);
		_exit(1);
	}
	EXITS(pid, 1000 % 256);
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND, NULL));
	OK(unlink("m/x"));
}

static void symbolic_links(void)
{
	char text[8];

	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | 256, NULL));
	EQ(flags_of("m"), 0x3000);
	FAILS(open("m/l", O_RDONLY), ELOOP);
	EQ(readlink("m/l", text, sizeof text), 1);
	close(OK(open("m/f", O_RDONLY)));
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND, NULL));
	close(OK(open("m/l", O_RDONLY)));
}

static void shown_flags(void)
{
	static const struct {
		unsigned long flags;
		long shown;
	} cases[] = {
		{ 0, 0x1000 }, { MS_NOATIME, 0x400 }, { MS_STRICTATIME, 0 }, { MS_NODIRATIME, 0x1800 },
		{ MS_RELATIME, 0x1000 }, { MS_NOATIME | MS_STRICTATIME, 0 },
		{ MS_NOATIME | MS_RELATIME, 0x400 }, { MS_SYNCHRONOUS, 0x1010 }, { MS_DIRSYNC, 0x1000 },
		{ 1 << 25, 0x1000 }, { MS_SILENT, 0x1000 }, { MS_RDONLY, 0x1001 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		OK(mount("none", "n", "tmpfs", cases[i].flags, NULL));
		EQ(flags_of("n"), cases[i].shown);
		OK(umount("n"));
	}
	/* Options may say it, too. */
	OK(mount("none", "n", "tmpfs", 0, "ro,sync"));
	EQ(flags_of("n"), 0x1011);
	FAILS(mkdir("n/d", 0755), EROFS);
	OK(mount(NULL, "n", NULL, MS_REMOUNT, "rw"));
	EQ(flags_of("n"), 0x1000);
	OK(umount("n"));
	/* A remount that is silent about times keeps what was said. */
	OK(mount("none", "n", "tmpfs", MS_NOATIME, NULL));
	OK(mount(NULL, "n", NULL, MS_REMOUNT | MS_NOSUID, NULL));
	EQ(flags_of("n"), 0x402);
	OK(mount(NULL, "n", NULL, MS_REMOUNT | MS_BIND | MS_NODIRATIME, NULL));
	EQ(flags_of("n"), 0x1800);
	OK(umount("n"));
}

static void set_times(const char *path, long atime, long mtime)
{
	struct timespec t[2] = { { atime, 0 }, { mtime, 0 } };

	OK(utimensat(AT_FDCWD, path, t, 0));
}

/* Whether a read of the file changes its time of last read. */
static int touched(const char *path)
{
	struct stat before, after;
	char c;
	int fd;

	OK(stat(path, &before));
	fd = OK(open(path, O_RDONLY));
	OK(read(fd, &c, 1));
	close(fd);
	OK(stat(path, &after));
	return before.st_atim.tv_sec != after.st_atim.tv_sec ||
	       before.st_atim.tv_nsec != after.st_atim.tv_nsec;
}

static void times_of_reading(void)
{
	time_t now = time(NULL);
	struct stat a, b;

	/* relatime: older than the last change, or than a day. */
	set_times("m/f", now - 10, now - 20);
	CHECK(touched("m/f"));
	set_times("m/f", now + 100, now - 20);
	CHECK(!touched("m/f"));
	set_times("m/f", now + 100, now + 100);
	CHECK(touched("m/f"));
	set_times("m/f", now - 2 * 86400, now - 3 * 86400);
	CHECK(touched("m/f"));
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_STRICTATIME, NULL));
	set_times("m/f", now + 100, now - 20);
	CHECK(touched("m/f"));
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_NOATIME, NULL));
	set_times("m/f", now - 10, now);
	CHECK(!touched("m/f"));
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_NODIRATIME | MS_STRICTATIME, NULL));
	set_times("m/f", now - 10, now);
	CHECK(touched("m/f"));
	set_times("m/d", now - 10, now);
	OK(stat("m/d", &a));
	int fd = OK(open("m/d", O_RDONLY | O_DIRECTORY));
	char buffer[1024];
	OK(syscall(SYS_getdents64, fd, buffer, sizeof buffer));
	OK(stat("m/d", &b));
	EQ(a.st_atim.tv_sec, b.st_atim.tv_sec);
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_STRICTATIME, NULL));
	OK(lseek(fd, 0, SEEK_SET));
	OK(syscall(SYS_getdents64, fd, buffer, sizeof buffer));
	OK(stat("m/d", &b));
	CHECK(a.st_atim.tv_sec != b.st_atim.tv_sec);
	close(fd);
	OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RELATIME, NULL));
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "exit7") == 0)
		return 7;
	if (argc > 1 && strcmp(argv[1], "euid") == 0)
		return geteuid() % 256;
	OK(chmod(".", 0755));
	OK(mkdir("m", 0755));
	OK(mkdir("n", 0755));
	RUN(fill);
	RUN(read_only_mount);
	RUN(read_only_file_system);
	RUN(order_of_errors);
	RUN(writers_are_in_the_way);
	RUN(devices);
	check_name = "execution";
	execution(argv[0]);
	RUN(set_ids);
	RUN(symbolic_links);
	RUN(shown_flags);
	RUN(times_of_reading);
	OK(umount("m"));
	return report();
}
