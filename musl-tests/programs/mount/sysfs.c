/* sysfs: the devices that every machine has, as programs find them. */
#include "../check.h"
#include <dirent.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

static const char *text_of(const char *path)
{
	static char text[5000];
	int fd = OK(open(path, O_RDONLY));
	ssize_t n = OK(read(fd, text, sizeof text - 1));

	text[n > 0 ? n : 0] = 0;
	close(fd);
	return text;
}

static void top(void)
{
	static const char *const names[] = {
		"block", "bus", "class", "dev", "devices", "firmware", "fs", "kernel", "module", "power",
	};
	struct stat st;
	struct statfs fs;
	char path[64];

	OK(stat("s", &st));
	EQ(st.st_mode, S_IFDIR | 0555);
	EQ(st.st_size, 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "s/%s", names[i]);
		OK(stat(path, &st));
		check_name = path;
		EQ(st.st_mode, S_IFDIR | 0755);
		EQ(st.st_uid, 0);
	}
	OK(statfs("s", &fs));
	EQ(fs.f_type, 0x62656572);
	EQ(fs.f_blocks, 0);
	EQ(fs.f_namelen, 255);
}

static void devices(void)
{
	static const struct {
		const char *class, *name, *number, *mode;
	} want[] = {
		{ "mem", "null", "1:3", "0666" }, { "mem", "zero", "1:5", "0666" },
		{ "mem", "full", "1:7", "0666" }, { "mem", "random", "1:8", "0666" },
		{ "mem", "urandom", "1:9", "0666" }, { "tty", "tty", "5:0", "0666" },
		{ "tty", "console", "5:1", NULL }, { "tty", "ptmx", "5:2", "0666" },
		{ "tty", "ttyS0", "4:64", NULL }, { "tty", "ttyS1", "4:65", NULL },
	};
	char path[128], expect[256], target[128], other[4096], real[4096];

	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		check_name = want[i].name;
		snprintf(path, sizeof path, "s/class/%s/%s/dev", want[i].class, want[i].name);
		snprintf(expect, sizeof expect, "%s\n", want[i].number);
		STREQ(text_of(path), expect);
		snprintf(path, sizeof path, "s/class/%s/%s/uevent", want[i].class, want[i].name);
		int n = snprintf(expect, sizeof expect, "MAJOR=%.1s\nMINOR=%s\nDEVNAME=%s\n",
				 want[i].number, want[i].number + 2, want[i].name);
		if (want[i].mode)
			snprintf(expect + n, sizeof expect - n, "DEVMODE=%s\n", want[i].mode);
		STREQ(text_of(path), expect);
		/* By its number one comes to the same place. */
		snprintf(path, sizeof path, "s/dev/char/%s", want[i].number);
		CHECK(realpath(path, other) != NULL);
		snprintf(path, sizeof path, "s/class/%s/%s", want[i].class, want[i].name);
		CHECK(realpath(path, real) != NULL);
		STREQ(other, real);
		CHECK(strstr(real, "/devices/") != NULL);
		struct stat st;
		OK(lstat(path, &st));
		EQ(st.st_mode, S_IFLNK | 0777);
		snprintf(path, sizeof path, "s/class/%s/%s/subsystem", want[i].class, want[i].name);
		CHECK(realpath(path, other) != NULL);
		snprintf(target, sizeof target, "/class/%s", want[i].class);
		CHECK(strlen(other) > strlen(target) &&
		      strcmp(other + strlen(other) - strlen(target), target) == 0);
	}
	check_name = "devices";
	ssize_t n = OK(readlink("s/class/mem/null", target, sizeof target));
	target[n > 0 ? n : 0] = 0;
	STREQ(target, "../../devices/virtual/mem/null");
	n = OK(readlink("s/class/mem/null/subsystem", target, sizeof target));
	target[n > 0 ? n : 0] = 0;
	STREQ(target, "../../../../class/mem");
	STREQ(text_of("s/class/tty/console/active"), "ttyS0\n");
}

static void cpus(void)
{
	char path[64], expect[64];
	long count = sysconf(_SC_NPROCESSORS_CONF), found = 0;

	snprintf(expect, sizeof expect, count > 1 ? "0-%ld\n" : "%ld\n", count - 1);
	STREQ(text_of("s/devices/system/cpu/online"), expect);
	STREQ(text_of("s/devices/system/cpu/possible"), expect);
	STREQ(text_of("s/devices/system/cpu/present"), expect);
	STREQ(text_of("s/devices/system/cpu/offline"), "\n");
	STREQ(text_of("s/devices/system/cpu/isolated"), "\n");
	for (long i = 0; i < 64; i++) {
		snprintf(path, sizeof path, "s/devices/system/cpu/cpu%ld", i);
		found += access(path, F_OK) == 0;
	}
	EQ(found, count);
	EQ(access("s/bus/cpu/devices/cpu0/uevent", R_OK), 0);
}

static void attributes(void)
{
	struct stat st;
	char text[64];
	const char *path = "s/class/mem/null/dev";

	OK(stat(path, &st));
	EQ(st.st_mode, S_IFREG | 0444);
	EQ(st.st_size, 4096);
	EQ(st.st_blocks, 0);
	EQ(st.st_nlink, 1);
	OK(stat("s/class/mem/null/uevent", &st));
	EQ(st.st_mode, S_IFREG | 0644);
	int fd = OK(open(path, O_RDONLY));
	EQ(read(fd, text, 2), 2);
	EQ(read(fd, text + 2, 60), 2);
	SAME(text, "1:3\n", 4);
	EQ(read(fd, text, 60), 0);
	EQ(pread(fd, text, 60, 1), 3);
	EQ(pread(fd, text, 60, 100), 0);
	EQ(lseek(fd, 0, SEEK_END), 4096);
	EQ(lseek(fd, 0, SEEK_SET), 0);
	EQ(read(fd, text, 60), 4);
	FAILS(write(fd, "x", 1), EBADF);
	FAILS(ftruncate(fd, 0), EINVAL);
	close(fd);
	FAILS(open(path, O_WRONLY), EACCES);
	FAILS(open(path, O_RDWR), EACCES);
	FAILS(open("s/class/mem/null/missing", O_RDONLY), ENOENT);
	FAILS(open("s/class/mem/null/missing", O_CREAT | O_WRONLY, 0644), EACCES);
	FAILS(mkdir("s/class/new", 0755), EPERM);
	FAILS(mknod("s/class/new", S_IFIFO | 0644, 0), EPERM);
	FAILS(symlink("x", "s/class/new"), EPERM);
	FAILS(link(path, "s/class/new"), EPERM);
	FAILS(unlink(path), EPERM);
	FAILS(rmdir("s/class/mem"), EPERM);
	FAILS(rename("s/class/mem", "s/class/new"), EPERM);
	OK(chmod(path, 0400));
	OK(stat(path, &st));
	EQ(st.st_mode, S_IFREG | 0400);
	OK(chmod(path, 0444));
}

static void events(void)
{
	long before = strtol(text_of("s/kernel/uevent_seqnum"), NULL, 10);
	int fd = OK(open("s/class/mem/null/uevent", O_WRONLY));

	EQ(write(fd, "change\n", 7), 7);
	EQ(strtol(text_of("s/kernel/uevent_seqnum"), NULL, 10), before + 1);
	EQ(write(fd, "add", 3), 3);
	FAILS(write(fd, "nonsense", 8), EINVAL);
	EQ(strtol(text_of("s/kernel/uevent_seqnum"), NULL, 10), before + 2);
	close(fd);
}

static void listing(void)
{
	DIR *dir = opendir("s/class/mem");
	int links = 0, others = 0;
	struct dirent *entry;

	CHECK(dir != NULL);
	while (dir && (entry = readdir(dir)) != NULL) {
		links += entry->d_type == DT_LNK;
		others += entry->d_type != DT_LNK;
	}
	if (dir)
		closedir(dir);
	EQ(others, 2);
	CHECK(links >= 5);
}

static void mounts(void)
{
	struct stat a, b;

	FAILS(mount("sys", "s", "sysfs", 0, NULL), EBUSY);
	OK(mkdir("t", 0755));
	FAILS(mount("sys", "t", "sysfs", 0, "nonsense"), EINVAL);
	OK(mount("sys", "t", "sysfs", MS_RDONLY, NULL));
	OK(stat("s", &a));
	OK(stat("t", &b));
	EQ(a.st_dev, b.st_dev);
	EQ(a.st_ino, b.st_ino);
	FAILS(chmod("t/class/mem/null/dev", 0400), EROFS);
	OK(chmod("s/class/mem/null/dev", 0444));
	OK(umount("t"));
}

int main(void)
{
	OK(mkdir("s", 0755));
	OK(mount("sys", "s", "sysfs", 0, NULL));
	RUN(top);
	RUN(devices);
	RUN(cpus);
	RUN(attributes);
	RUN(events);
	RUN(listing);
	RUN(mounts);
	OK(umount("s"));
	return report();
}
