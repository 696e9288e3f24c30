/* inotify(7): which events come, in which order, with which names. */
//@ timeout=120
#include "check.h"
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/xattr.h>

static int in;
static char text[4096];

static const struct {
	uint32_t bit;
	const char *name;
} names[] = {
	{ IN_ACCESS, "access" }, { IN_MODIFY, "modify" }, { IN_ATTRIB, "attrib" },
	{ IN_CLOSE_WRITE, "close_write" }, { IN_CLOSE_NOWRITE, "close_nowrite" },
	{ IN_OPEN, "open" }, { IN_MOVED_FROM, "from" }, { IN_MOVED_TO, "to" },
	{ IN_CREATE, "create" }, { IN_DELETE, "delete" }, { IN_DELETE_SELF, "delete_self" },
	{ IN_MOVE_SELF, "move_self" }, { IN_UNMOUNT, "unmount" }, { IN_Q_OVERFLOW, "overflow" },
	{ IN_IGNORED, "ignored" },
};

/* All events that wait, as "wd:name[/][=file] ...". */
static const char *events(void)
{
	uint32_t cookie = 0;
	char buffer[8192] __attribute__((aligned(8)));
	ssize_t n = read(in, buffer, sizeof buffer);
	char *out = text;

	*out = 0;
	if (n < 0) {
		if (errno != EAGAIN)
			check_fail(__FILE__, __LINE__, "read: errno %d", errno);
		return "";
	}
	for (ssize_t at = 0; at < n;) {
		struct inotify_event *e = (void *)(buffer + at);

		out += sprintf(out, "%s%d:", at ? " " : "", e->wd);
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			if (e->mask & names[i].bit)
				out += sprintf(out, "%s", names[i].name);
		if (e->mask & IN_ISDIR)
			out += sprintf(out, "/");
		if (e->len) {
			EQ(e->len % 16, 0);
			CHECK(strlen(e->name) < e->len);
			out += sprintf(out, "=%s", e->name);
		}
		CHECK(!!e->cookie == !!(e->mask & IN_MOVE));
		if (e->mask & IN_MOVED_FROM)
			cookie = e->cookie;
		if (e->mask & IN_MOVED_TO && cookie)
			EQ(e->cookie, cookie);
		at += sizeof *e + e->len;
	}
	return text;
}

static void start(void)
{
	in = OK(inotify_init1(IN_NONBLOCK));
}

static void errors(void)
{
	char buffer[16];
	int file = OK(open("e", O_CREAT | O_RDWR, 0600));

	start();
	FAILS(inotify_init1(1), EINVAL);
	FAILS(inotify_add_watch(in, ".", 0), EINVAL);
	FAILS(inotify_add_watch(in, ".", 1u << 20), EINVAL);
	FAILS(inotify_add_watch(-1, ".", IN_OPEN), EBADF);
	FAILS(inotify_add_watch(file, ".", IN_OPEN), EINVAL);
	FAILS(inotify_add_watch(in, "nothing", IN_OPEN), ENOENT);
	FAILS(inotify_add_watch(in, "", IN_OPEN), ENOENT);
	FAILS(inotify_add_watch(in, (char *)8, IN_OPEN), EFAULT);
	FAILS(inotify_add_watch(in, "e", IN_OPEN | IN_ONLYDIR), ENOTDIR);
	FAILS(inotify_add_watch(in, "e", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE), EINVAL);
	FAILS(inotify_rm_watch(in, 1), EINVAL);
	FAILS(inotify_rm_watch(file, 1), EINVAL);
	FAILS(inotify_rm_watch(-1, 1), EBADF);
	FAILS(read(in, buffer, 16), EAGAIN);
	FAILS(write(in, buffer, 16), EBADF);
	EQ(fcntl(in, F_GETFL), O_RDONLY | O_NONBLOCK);
	EQ(inotify_add_watch(in, "e", IN_OPEN), 1);
	EQ(inotify_add_watch(in, "e", IN_OPEN), 1);
	FAILS(inotify_add_watch(in, "e", IN_OPEN | IN_MASK_CREATE), EEXIST);
	EQ(inotify_add_watch(in, ".", IN_OPEN), 2);
	close(OK(open("e", O_RDONLY)));
	/* Too little room for the first. */
	FAILS(read(in, buffer, 16), EINVAL);
	FAILS(read(in, buffer, 0), EINVAL);
	STREQ(events(), "2:open=e 1:open");
	OK(inotify_rm_watch(in, 1));
	STREQ(events(), "1:ignored");
	FAILS(inotify_rm_watch(in, 1), EINVAL);
	EQ(inotify_add_watch(in, "e", IN_OPEN), 3);
	chmod("e", 0);
	pid_t pid = fork();
	if (pid == 0) {
		OK(setuid(1000));
		FAILS(inotify_add_watch(in, "e", IN_OPEN), EACCES);
		_exit(check_failures != 0);
	}
	EXITS(pid, 0);
	close(in);
	close(file);
	unlink("e");
}

static void files_in_a_directory(void)
{
	char byte;
	int fd;

	OK(mkdir("d", 0700));
	start();
	EQ(inotify_add_watch(in, "d", IN_ALL_EVENTS), 1);
	fd = OK(open("d/a", O_CREAT | O_RDWR, 0600));
	STREQ(events(), "1:create=a 1:open=a");
	EQ(write(fd, "x", 1), 1);
	EQ(write(fd, "x", 1), 1);
	EQ(pread(fd, &byte, 1, 0), 1);
	EQ(pread(fd, &byte, 1, 5), 0);
	EQ(write(fd, "x", 1), 1);
	STREQ(events(), "1:modify=a 1:access=a 1:modify=a");
	OK(ftruncate(fd, 0));
	OK(fchmod(fd, 0640));
	OK(fchown(fd, 1, 1));
	OK(futimens(fd, NULL));
	STREQ(events(), "1:modify=a 1:attrib=a");
	struct timespec ts[2] = { { 1, 1 }, { 1, UTIME_OMIT } };
	OK(futimens(fd, ts));
	ts[0].tv_nsec = UTIME_OMIT, ts[1].tv_nsec = 1;
	OK(futimens(fd, ts));
	OK(fallocate(fd, 0, 0, 100));
	STREQ(events(), "1:access=a 1:modify=a");
	OK(setxattr("d/a", "trusted.x", "1", 1, 0));
	STREQ(events(), "1:attrib=a");
	OK(truncate("d/a", 5));
	STREQ(events(), "1:modify=a");
	close(fd);
	STREQ(events(), "1:close_write=a");
	close(OK(open("d/a", O_RDONLY)));
	STREQ(events(), "1:open=a 1:close_nowrite=a");
	close(OK(open("d/a", O_PATH)));
	STREQ(events(), "");
	close(OK(open("d/a", O_WRONLY | O_TRUNC)));
	STREQ(events(), "1:modify=a 1:open=a 1:close_write=a");
	fd = OK(dup(OK(open("d/a", O_RDONLY))));
	close(fd);
	STREQ(events(), "1:open=a");
	close(fd - 1);
	STREQ(events(), "1:close_nowrite=a");
	OK(link("d/a", "d/b"));
	STREQ(events(), "1:create=b");
	OK(symlink("a", "d/l"));
	OK(mkdir("d/sub", 0700));
	OK(mknod("d/p", S_IFIFO | 0600, 0));
	STREQ(events(), "1:create=l 1:create/=sub 1:create=p");
	OK(unlink("d/a"));
	OK(unlink("d/b"));
	OK(unlink("d/l"));
	OK(unlink("d/p"));
	OK(rmdir("d/sub"));
	STREQ(events(), "1:delete=a 1:delete=b 1:delete=l 1:delete=p 1:delete/=sub");
	fd = OK(open("d", O_RDONLY | O_DIRECTORY));
	EQ(syscall(SYS_getdents64, fd, text, 4000) > 0, 1);
	close(fd);
	STREQ(events(), "1:open/ 1:access/ 1:close_nowrite/");
	FAILS(unlink("d/none"), ENOENT);
	FAILS(open("d/none", O_RDONLY), ENOENT);
	STREQ(events(), "");
	OK(rmdir("d"));
	STREQ(events(), "1:delete_self 1:ignored");
	close(in);
}

static void renames(void)
{
	OK(mkdir("d", 0700));
	OK(mkdir("e", 0700));
	close(file_with("d/a", "x", 1));
	close(file_with("e/z", "x", 1));
	start();
	EQ(inotify_add_watch(in, "d", IN_ALL_EVENTS), 1);
	EQ(inotify_add_watch(in, "e", IN_ALL_EVENTS), 2);
	EQ(inotify_add_watch(in, "d/a", IN_ALL_EVENTS), 3);
	EQ(inotify_add_watch(in, "e/z", IN_ALL_EVENTS), 4);
	OK(rename("d/a", "d/b"));
	STREQ(events(), "1:from=a 1:to=b 3:move_self");
	OK(rename("d/b", "e/b"));
	STREQ(events(), "1:from=b 2:to=b 3:move_self");
	OK(rename("e/b", "e/z"));
	STREQ(events(), "2:from=b 2:to=z 4:attrib 3:move_self 4:delete_self 4:ignored");
	OK(rename("e/z", "a"));
	STREQ(events(), "2:from=z 3:move_self");
	OK(rename("a", "d/a"));
	STREQ(events(), "1:to=a 3:move_self");
	OK(mkdir("e/s", 0700));
	STREQ(events(), "2:create/=s");
	OK(syscall(SYS_renameat2, AT_FDCWD, "d/a", AT_FDCWD, "e/s", 2));
	STREQ(events(), "1:from=a 2:to=s 3:move_self 2:from/=s 1:to/=a");
	OK(rename("d", "dd"));
	STREQ(events(), "1:move_self");
	OK(unlink("e/s"));
	STREQ(events(), "3:attrib 3:delete_self 3:ignored 2:delete=s");
	OK(rmdir("dd/a"));
	OK(rmdir("dd"));
	OK(rmdir("e"));
	STREQ(events(), "1:delete/=a 1:delete_self 1:ignored 2:delete_self 2:ignored");
	close(in);
}

/* A file that is open lives on without its name. */
static void unlinked(void)
{
	OK(mkdir("d", 0700));
	int fd = file_with("d/a", "x", 1), other;

	start();
	other = OK(inotify_init1(IN_NONBLOCK));
	EQ(inotify_add_watch(in, "d", IN_ALL_EVENTS), 1);
	EQ(inotify_add_watch(in, "d/a", IN_ALL_EVENTS), 2);
	EQ(inotify_add_watch(other, "d", IN_ALL_EVENTS | IN_EXCL_UNLINK), 1);
	OK(unlink("d/a"));
	STREQ(events(), "2:attrib 1:delete=a");
	EQ(write(fd, "x", 1), 1);
	STREQ(events(), "1:modify=a 2:modify");
	close(fd);
	STREQ(events(), "1:close_write=a 2:close_write 2:delete_self 2:ignored");
	close(in);
	in = other;
	STREQ(events(), "1:delete=a");
	close(in);
	rmdir("d");
}

static void masks(void)
{
	close(file_with("f", "x", 1));
	start();
	EQ(inotify_add_watch(in, "f", IN_OPEN), 1);
	close(OK(open("f", O_RDONLY)));
	STREQ(events(), "1:open");
	EQ(inotify_add_watch(in, "f", IN_CLOSE_NOWRITE), 1);
	close(OK(open("f", O_RDONLY)));
	STREQ(events(), "1:close_nowrite");
	EQ(inotify_add_watch(in, "f", IN_OPEN | IN_MASK_ADD), 1);
	close(OK(open("f", O_RDONLY)));
	STREQ(events(), "1:open 1:close_nowrite");
	EQ(inotify_add_watch(in, "f", IN_OPEN | IN_ONESHOT), 1);
	close(OK(open("f", O_RDONLY)));
	STREQ(events(), "1:open 1:ignored");
	close(OK(open("f", O_RDONLY)));
	STREQ(events(), "");
	OK(symlink("f", "l"));
	EQ(inotify_add_watch(in, "l", IN_OPEN), 2);
	EQ(inotify_add_watch(in, "l", IN_DELETE_SELF | IN_DONT_FOLLOW), 3);
	close(OK(open("f", O_RDONLY)));
	OK(unlink("l"));
	STREQ(events(), "2:open 3:delete_self 3:ignored");
	/* A program that runs is opened, read and closed. */
	close(in);
	unlink("f");
}

static void queue(void)
{
	struct pollfd p;
	int bytes, fd = file_with("f", "x", 1);
	char old[16] = "", small[40];

	start();
	p = (struct pollfd){ in, POLLIN, 0 };
	EQ(inotify_add_watch(in, ".", IN_OPEN | IN_CLOSE), 1);
	EQ(poll(&p, 1, 0), 0);
	close(OK(open("f", O_RDONLY)));
	EQ(poll(&p, 1, 0), 1);
	EQ(p.revents, POLLIN);
	OK(ioctl(in, FIONREAD, &bytes));
	EQ(bytes, 64);
	EQ(read(in, small, sizeof small), 32);
	STREQ(events(), "1:close_nowrite=f");
	close(in);

	int limit = OK(open("/proc/sys/fs/inotify/max_queued_events", O_RDWR));
	EQ(read(limit, old, 15) > 0, 1);
	EQ(pwrite(limit, "3", 1, 0), 1);
	start();
	EQ(pwrite(limit, old, strlen(old), 0), strlen(old));
	close(limit);
	EQ(inotify_add_watch(in, "f", IN_ALL_EVENTS), 1);
	for (int i = 0; i < 4; i++)
		close(OK(open("f", O_RDONLY)));
	STREQ(events(), "1:open 1:close_nowrite 1:open -1:overflow");
	close(OK(open("f", O_RDONLY)));
	STREQ(events(), "1:open 1:close_nowrite");
	close(in);
	close(fd);
	unlink("f");
}

static void limits(void)
{
	char old[16] = "";
	int fd = OK(open("/proc/sys/fs/inotify/max_user_watches", O_RDWR));

	EQ(read(fd, old, 15) > 0, 1);
	EQ(pwrite(fd, "1", 1, 0), 1);
	start();
	EQ(inotify_add_watch(in, ".", IN_OPEN), 1);
	FAILS(inotify_add_watch(in, "/", IN_OPEN), ENOSPC);
	OK(inotify_rm_watch(in, 1));
	EQ(inotify_add_watch(in, "/", IN_OPEN), 3);
	close(in);
	start();
	EQ(inotify_add_watch(in, "/", IN_OPEN), 1);
	close(in);
	EQ(pwrite(fd, old, strlen(old), 0), strlen(old));
	close(fd);
	fd = OK(open("/proc/sys/fs/inotify/max_user_instances", O_RDWR));
	memset(old, 0, sizeof old);
	EQ(read(fd, old, 15) > 0, 1);
	EQ(pwrite(fd, "1", 1, 0), 1);
	start();
	FAILS(inotify_init(), EMFILE);
	close(in);
	close(OK(inotify_init()));
	EQ(pwrite(fd, old, strlen(old), 0), strlen(old));
	close(fd);
}

static void unmount(void)
{
	OK(mkdir("m", 0700));
	OK(mount("x", "m", "tmpfs", 0, NULL));
	close(file_with("m/f", "x", 1));
	start();
	EQ(inotify_add_watch(in, "m/f", IN_OPEN), 1);
	OK(umount("m"));
	STREQ(events(), "1:unmount 1:ignored");
	FAILS(inotify_rm_watch(in, 1), EINVAL);
	close(in);
	rmdir("m");
}

/* A reader that waits, woken by another process. */
static void blocking(void)
{
	char buffer[64];

	in = OK(inotify_init());
	EQ(inotify_add_watch(in, ".", IN_CREATE), 1);
	pid_t pid = fork();
	if (pid == 0) {
		struct timespec ts = { 0, 50000000 };

		nanosleep(&ts, NULL);
		_exit(mkdir("made", 0700) != 0);
	}
	EQ(read(in, buffer, sizeof buffer), 32);
	EXITS(pid, 0);
	rmdir("made");
	close(in);
}

/* Watches come and go while another process makes and removes. */
static void race(void)
{
	OK(mkdir("d", 0700));
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 300; i++) {
			close(open("d/f", O_CREAT | O_RDWR, 0600));
			rename("d/f", "d/g");
			unlink("d/g");
		}
		_exit(0);
	}
	for (int i = 0; i < 20; i++) {
		start();
		int wd = OK(inotify_add_watch(in, "d", IN_ALL_EVENTS));
		inotify_add_watch(in, "d/f", IN_ALL_EVENTS);
		inotify_add_watch(in, "d/g", IN_ALL_EVENTS | IN_ONESHOT);
		char buffer[2000];
		if (i % 3 == 0)
			poll(&(struct pollfd){ in, POLLIN, 0 }, 1, 20);
		read(in, buffer, sizeof buffer);
		if (i % 2)
			OK(inotify_rm_watch(in, wd));
		close(in);
	}
	EXITS(pid, 0);
	unlink("d/f");
	unlink("d/g");
	OK(rmdir("d"));
}

int main(void)
{
	RUN(errors);
	RUN(files_in_a_directory);
	RUN(renames);
	RUN(unlinked);
	RUN(masks);
	RUN(queue);
	RUN(limits);
	RUN(unmount);
	RUN(blocking);
	RUN(race);
	return report();
}
