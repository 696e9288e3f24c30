/* Files of /proc as files: parts of a text fit together, nothing can be made,
 * names of processes go with them.  proc(5), fs/seq_file.c.
 */
#include "check.h"
#include <dirent.h>
#include <sys/statfs.h>

static char whole[65536], parts[65536];

static ssize_t slurp(const char *path, char *to, size_t room, size_t step)
{
	int fd = OK(open(path, O_RDONLY));
	size_t done = 0;
	ssize_t n;

	while ((n = read(fd, to + done, step < room - done ? step : room - done)) > 0)
		done += n;
	EQ(n, 0);
	OK(close(fd));
	return done;
}

static void partial_reads_fit_together(void)
{
	ssize_t len = slurp("/proc/self/mounts", whole, sizeof whole, sizeof whole);

	CHECK(len > 0);
	for (size_t step = 1; step < 100; step += 13) {
		EQ(slurp("/proc/self/mounts", parts, sizeof parts, step), len);
		SAME(parts, whole, len);
	}
	int fd = OK(open("/proc/self/mounts", O_RDONLY));
	EQ(pread(fd, parts, 10, 3), 10);
	SAME(parts, whole + 3, 10);
	EQ(lseek(fd, 0, SEEK_CUR), 0);
	EQ(read(fd, parts, 5), 5);
	EQ(lseek(fd, 2, SEEK_CUR), 7);
	EQ(read(fd, parts, 4), 4);
	SAME(parts, whole + 7, 4);
	FAILS(lseek(fd, 0, SEEK_END), EINVAL);
	FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
	EQ(lseek(fd, 1 << 20, SEEK_SET), 1 << 20);
	EQ(read(fd, parts, 10), 0);
	EQ(pread(fd, parts, sizeof parts, 0), len);
	SAME(parts, whole, len);
	OK(close(fd));
}

static void bad_buffers(void)
{
	int fd = OK(open("/proc/self/mounts", O_RDONLY));

	FAILS(syscall(SYS_read, fd, 16, 10), EFAULT);
	EQ(read(fd, parts, 0), 0);
	FAILS(write(fd, "x", 1), EBADF);
	OK(close(fd));
}

static void attributes(void)
{
	struct stat st;
	struct statfs fs;

	OK(stat("/proc", &st));
	EQ(st.st_mode, S_IFDIR | 0555);
	EQ(st.st_ino, 1);
	EQ(st.st_size, 0);
	EQ(st.st_blksize, 1024);
	CHECK(st.st_nlink > 3);
	OK(stat("/proc/uptime", &st));
	EQ(st.st_mode, S_IFREG | 0444);
	EQ(st.st_nlink, 1);
	EQ(st.st_size, 0);
	OK(lstat("/proc/self", &st));
	EQ(st.st_mode, S_IFLNK | 0777);
	OK(stat("/proc/self/comm", &st));
	EQ(st.st_mode, S_IFREG | 0644);
	OK(statfs("/proc", &fs));
	EQ(fs.f_type, 0x9fa0);
	EQ(fs.f_bsize, 4096);
	EQ(fs.f_blocks, 0);
	EQ(fs.f_namelen, 255);
	/* The same number at each look. */
	struct stat again;
	OK(stat("/proc/uptime", &st));
	OK(stat("/proc/uptime", &again));
	EQ(st.st_ino, again.st_ino);
}

static void nothing_is_made(void)
{
	FAILS(open("/proc/new", O_CREAT | O_WRONLY, 0600), ENOENT);
	FAILS(mkdir("/proc/new", 0755), ENOENT);
	FAILS(symlink("x", "/proc/new"), ENOENT);
	FAILS(mkdir("/proc/uptime", 0755), EEXIST);
	FAILS(unlink("/proc/uptime"), EPERM);
	FAILS(rmdir("/proc/1"), EPERM);
	FAILS(rmdir("/proc/uptime"), ENOTDIR);
	FAILS(rename("/proc/uptime", "/proc/new"), ENOENT);
	FAILS(open("/proc/uptime/x", O_RDONLY), ENOTDIR);
	FAILS(open("/proc", O_WRONLY), EISDIR);
	FAILS(truncate("/proc/nosuch", 0), ENOENT);
}

static void writing_what_cannot_be_written(void)
{
	int fd = OK(open("/proc/uptime", O_WRONLY));

	FAILS(write(fd, "1", 1), EIO);
	OK(close(fd));
	fd = OK(open("/proc/self/mounts", O_WRONLY));
	FAILS(write(fd, "1", 1), EINVAL);
	OK(close(fd));
	IN_CHILD(({
		void body(void)
		{
			OK(setuid(1000));
			FAILS(open("/proc/uptime", O_WRONLY), EACCES);
			FAILS(open("/proc/1/comm", O_WRONLY), EACCES);
			FAILS(mkdir("/proc/new", 0755), ENOENT);
			FAILS(unlink("/proc/uptime"), EACCES);
			OK(close(OK(open("/proc/1/comm", O_RDONLY))));
		}
		body;
	}));
}

static void self_is_who_asks_child(void)
{
	char link[64], want[64];
	ssize_t n = OK(readlink("/proc/self", link, sizeof link - 1));

	link[n] = 0;
	snprintf(want, sizeof want, "%d", getpid());
	STREQ(link, want);
	n = OK(readlink("/proc/thread-self", link, sizeof link - 1));
	link[n] = 0;
	snprintf(want, sizeof want, "%d/task/%ld", getpid(), syscall(SYS_gettid));
	STREQ(link, want);
	int fd = OK(open("/proc/self/comm", O_RDWR));
	EQ(write(fd, "a name that is too long", 23), 23);
	EQ(pread(fd, link, sizeof link, 0), 16);
	SAME(link, "a name that is \n", 16);
	OK(close(fd));
	fd = OK(open("/proc/1/comm", O_WRONLY));
	FAILS(write(fd, "x", 1), EINVAL);
	OK(close(fd));
}

static void self_is_who_asks(void)
{
	self_is_who_asks_child();
	IN_CHILD(self_is_who_asks_child);
}

static int listed(pid_t pid)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int found = 0, last = 0;

	CHECK(dir != NULL);
	while ((entry = readdir(dir))) {
		int n = atoi(entry->d_name);

		if (n > 0) {
			CHECK(n > last);
			EQ(entry->d_type, DT_DIR);
			last = n;
			found += n == pid;
		}
	}
	closedir(dir);
	return found;
}

static void names_of_processes_go_with_them(void)
{
	int ends[2];
	char path[64];

	OK(pipe(ends));
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[1]);
		await_byte(ends[0]);
		_exit(0);
	}
	close(ends[0]);
	snprintf(path, sizeof path, "/proc/%d/comm", pid);
	int fd = OK(open(path, O_RDONLY));
	int dir = OK(open("/proc/self", O_RDONLY | O_DIRECTORY));
	EQ(listed(pid), 1);
	OK(close(ends[1]));
	/* A zombie still has its names. */
	siginfo_t info;
	OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	EQ(listed(pid), 1);
	EQ(access(path, F_OK), 0);
	EXITS(pid, 0);
	EQ(listed(pid), 0);
	FAILS(open(path, O_RDONLY), ENOENT);
	FAILS(access(path, F_OK), ENOENT);
	FAILS(read(fd, parts, 10), ESRCH);
	OK(close(fd));
	OK(close(dir));
}

static void only_plain_numbers(void)
{
	const char *names[] = { "0", "01", "1x", "99999999999", "2147483648", "4294967297", "-1", "+1" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[64];

		snprintf(path, sizeof path, "/proc/%s/comm", names[i]);
		FAILS(open(path, O_RDONLY), ENOENT);
	}
}

int main(void)
{
	RUN(partial_reads_fit_together);
	RUN(bad_buffers);
	RUN(attributes);
	RUN(nothing_is_made);
	RUN(writing_what_cannot_be_written);
	RUN(self_is_who_asks);
	RUN(names_of_processes_go_with_them);
	RUN(only_plain_numbers);
	return report();
}
