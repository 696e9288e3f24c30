/* /proc/PID/fd, fdinfo, cwd, exe, root, ns: what links say, where they lead, what opening them
 * gives. */
#include "../proc.h"
#include <dirent.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static char cwd[256];

/* The names in a directory as one string, without the dots. */
static char *listing(const char *path)
{
	static char names[4096];
	struct dirent *entry;
	DIR *dir = opendir(path);

	names[0] = 0;
	if (!dir)
		return names;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			snprintf(names + strlen(names), sizeof names - strlen(names), "%s ", entry->d_name);
	closedir(dir);
	return names;
}

static unsigned mode_of(const char *format, int fd)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, format, fd);
	if (lstat(path, &st))
		return 0;
	if (S_ISLNK(st.st_mode))
		EQ(st.st_size, 64);
	return st.st_mode;
}

static int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, flags);
}

static void names(void)
{
	char want[300];
	struct stat st;
	int ends[2], fd, event, poll;

	fd = file_with("file", "abc", 3);
	OK(pipe(ends));
	event = OK(eventfd(7, 0));
	poll = OK(epoll_create1(0));
	snprintf(want, sizeof want, "%s/file", cwd);
	STREQ(link_text("/proc/self/fd/%d", fd), want);
	OK(fstat(ends[0], &st));
	snprintf(want, sizeof want, "pipe:[%lu]", (long)st.st_ino);
	STREQ(link_text("/proc/self/fd/%d", ends[0]), want);
	STREQ(link_text("/proc/%d/fd/%d", getpid(), ends[1]), want);
	STREQ(link_text("/proc/self/fd/%d", event), "anon_inode:[eventfd]");
	STREQ(link_text("/proc/self/fd/%d", poll), "anon_inode:[eventpoll]");
	EQ(mode_of("/proc/self/fd/%d", fd), S_IFLNK | 0700);
	EQ(mode_of("/proc/self/fd/%d", ends[0]), S_IFLNK | 0500);
	EQ(mode_of("/proc/self/fd/%d", ends[1]), S_IFLNK | 0300);
	int place = OK(open("file", O_PATH));

	EQ(mode_of("/proc/self/fd/%d", place), S_IFLNK);
	close(place);
	STREQ(link_text("/proc/self/fd/%d", place), "");
	CHECK(errno == ENOENT);
	/* The number means another file now. */
	EQ(open("file", O_WRONLY), place);
	EQ(mode_of("/proc/self/fd/%d", place), S_IFLNK | 0300);
	close(place);
	FAILS(open("/proc/self/fd/99", O_RDONLY), ENOENT);
	FAILS(open("/proc/self/fd/03", O_RDONLY), ENOENT);
	FAILS(open("/proc/self/fd/x", O_RDONLY), ENOENT);
	FAILS(open("/proc/self/fd/-1", O_RDONLY), ENOENT);
	OK(unlink("file"));
	snprintf(want, sizeof want, "%s/file (deleted)", cwd);
	STREQ(link_text("/proc/self/fd/%d", fd), want);
	snprintf(want, sizeof want, "0 1 2 %d %d %d %d %d %d ", fd, ends[0], ends[1], event, poll, place);
	STREQ(listing("/proc/self/fd"), want);
	STREQ(listing("/proc/self/fdinfo"), want);
	for (int i = fd; i <= poll; i++)
		close(i);
}

static void opens_again(void)
{
	int fd = file_with("again", "0123456789", 10), other, ends[2];
	char buffer[16] = "";
	struct stat a, b;

	EQ(read(fd, buffer, 4), 4);
	other = OK(reopen(fd, O_RDONLY));
	EQ(read(other, buffer, 2), 2);
	EQ(memcmp(buffer, "01", 2), 0);
	EQ(lseek(fd, 0, SEEK_CUR), 4);
	close(other);
	/* The file, whatever became of its name. */
	OK(unlink("again"));
	other = OK(reopen(fd, O_RDWR));
	EQ(pwrite(other, "x", 1, 0), 1);
	EQ(pread(fd, buffer, 1, 0), 1);
	EQ(buffer[0], 'x');
	OK(fstat(fd, &a));
	OK(fstat(other, &b));
	EQ(a.st_ino, b.st_ino);
	close(other);
	close(fd);

	/* A pipe has more ends then. */
	OK(pipe(ends));
	other = OK(reopen(ends[0], O_WRONLY | O_NONBLOCK));
	EQ(write(other, "through", 7), 7);
	EQ(read(ends[0], buffer, sizeof buffer), 7);
	close(ends[1]);
	int flags = fcntl(ends[0], F_GETFL);

	fcntl(ends[0], F_SETFL, flags | O_NONBLOCK);
	FAILS(read(ends[0], buffer, 1), EAGAIN);
	close(other);
	EQ(read(ends[0], buffer, 1), 0);
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
	OK(stat(path, &a));
	CHECK(S_ISFIFO(a.st_mode));
	OK(fstat(ends[0], &b));
	EQ(a.st_ino, b.st_ino);
	close(ends[0]);
	/* What has no inode of its own cannot be opened. */
	fd = OK(eventfd(0, 0));
	FAILS(reopen(fd, O_RDONLY), ENXIO);
	close(fd);
	/* A directory: a way to walk on. */
	OK(mkdir("dir", 0755));
	close(file_with("dir/inside", "!", 1));
	fd = OK(open("dir", O_RDONLY));
	snprintf(path, sizeof path, "/proc/self/fd/%d/inside", fd);
	other = OK(open(path, O_RDONLY));
	EQ(read(other, buffer, 4), 1);
	close(other);
	snprintf(path, sizeof path, "/proc/self/fd/%d/../dir/inside", fd);
	OK(access(path, R_OK));
	FAILS(reopen(fd, O_RDONLY | O_NOFOLLOW), ELOOP);
	close(fd);
}

static void infos(void)
{
	int fd = file_with("info", "0123456789", 10), event = OK(eventfd(0x2a, EFD_CLOEXEC));
	struct stat st;
	char *text, want[64];

	EQ(lseek(fd, 6, SEEK_SET), 6);
	OK(fstat(fd, &st));
	text = slurp("/proc/self/fdinfo/%d", fd);
	snprintf(want, sizeof want, "pos:\t6\nflags:\t0100002\nmnt_id:\t");
	EQ(strncmp(text, want, strlen(want)), 0);
	EQ(field(text, "ino"), st.st_ino);
	text = slurp("/proc/self/fdinfo/%d", event);
	EQ(strncmp(text, "pos:\t0\nflags:\t02000002\nmnt_id:\t", 31), 0);
	CHECK(strstr(text, "\neventfd-count:               2a\n"));
	fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	CHECK(strstr(slurp("/proc/self/fdinfo/%d", fd), "flags:\t02106002\n"));
	EQ(mode_of("/proc/self/fdinfo/%d", fd), S_IFREG | 0444);
	close(fd);
	close(event);
}

static void places(void)
{
	char want[300];
	struct stat a, b;
	int fd;

	STREQ(link_text("/proc/self/cwd"), cwd);
	STREQ(link_text("/proc/self/root"), "/");
	STREQ(link_text("/proc/self/task/%d/cwd", getpid()), cwd);
	OK(mkdir("gone", 0755));
	OK(chdir("gone"));
	OK(rmdir("../gone"));
	snprintf(want, sizeof want, "%s/gone (deleted)", cwd);
	STREQ(link_text("/proc/self/cwd"), want);
	OK(chdir(cwd));
	/* A link that goes straight to the place. */
	OK(stat("/proc/self/cwd", &a));
	OK(stat(".", &b));
	EQ(a.st_ino, b.st_ino);
	OK(stat("/proc/self/exe", &a));
	CHECK(S_ISREG(a.st_mode) && a.st_mode & 0111);
	FAILS(open("/proc/self/exe", O_WRONLY), ETXTBSY);
	fd = OK(open("/proc/self/exe", O_RDONLY));
	char magic[4];

	EQ(read(fd, magic, 4), 4);
	SAME(magic, "\177ELF", 4);
	snprintf(want, sizeof want, "%s", link_text("/proc/self/exe"));
	STREQ(link_text("/proc/self/fd/%d", fd), want);
	close(fd);
	close(file_with("leaf", "", 0));
	OK(access("/proc/self/cwd/leaf", F_OK));
}

static void roots(void)
{
	char want[300];
	int ends[2], ready[2];

	OK(mkdir("jail", 0755));
	OK(pipe(ends));
	OK(pipe(ready));
	pid_t pid = fork();

	if (pid == 0) {
		close(ends[1]);
		if (chroot("jail") || chdir("/") || write(ready[1], "x", 1) != 1)
			_exit(1);
		await_byte(ends[0]);
		_exit(0);
	}
	await_byte(ready[0]);
	snprintf(want, sizeof want, "%s/jail", cwd);
	STREQ(link_text("/proc/%d/root", pid), want);
	STREQ(link_text("/proc/%d/cwd", pid), want);
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/root/made", pid);
	close(OK(open(path, O_CREAT | O_WRONLY, 0644)));
	OK(access("jail/made", F_OK));
	close(ends[1]);
	EXITS(pid, 0);
}

static void name_spaces(void)
{
	static const struct {
		const char *name, *kind;
		unsigned long number;
	} kinds[] = {
		{"cgroup", "cgroup", 4026531835}, {"ipc", "ipc", 4026531839}, {"mnt", "mnt", 4026531841},
		{"net", "net", 4026531840}, {"pid", "pid", 4026531836}, {"user", "user", 4026531837},
		{"uts", "uts", 4026531838}, {"pid_for_children", "pid", 4026531836},
	};
	char want[64], path[64], byte;
	struct stat st;
	int fd;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		snprintf(want, sizeof want, "%s:[%lu]", kinds[i].kind, kinds[i].number);
		STREQ(link_text("/proc/self/ns/%s", kinds[i].name), want);
		snprintf(path, sizeof path, "/proc/1/ns/%s", kinds[i].name);
		OK(stat(path, &st));
		EQ(st.st_ino, kinds[i].number);
		EQ(st.st_mode, S_IFREG | 0444);
		fd = OK(open(path, O_RDONLY));
		STREQ(link_text("/proc/self/fd/%d", fd), want);
		FAILS(read(fd, &byte, 1), EINVAL);
		close(fd);
	}
}

int main(void)
{
	OK(getcwd(cwd, sizeof cwd));
	RUN(names);
	RUN(opens_again);
	RUN(infos);
	RUN(places);
	RUN(roots);
	RUN(name_spaces);
	return report();
}
