/* Mounts come and go while others walk through them, make and remove the
 * places where they are mounted, and fork. */
//@ smp=2 timeout=120
#include "../check.h"
#include <sys/mount.h>

enum { ROUNDS = 300 };

static pid_t others[5];
static int stop[2];

/* Runs `step` again and again until the pipe is closed. */
static pid_t again(void (*step)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		char byte;

		check_failures = 0;
		close(stop[1]);
		fcntl(stop[0], F_SETFL, O_NONBLOCK);
		do
			step();
		while (read(stop[0], &byte, 1) == -1 && errno == EAGAIN);
		_exit(report());
	}
	return pid;
}

static void walk(void)
{
	static const char *const paths[] = { "m/x/y", "m/../m/x/../../m", "m/x/../x/./y", "m/z/.." };

	for (int i = 0; i < 4; i++) {
		struct stat st;
		int fd = open(paths[i], O_RDONLY);

		if (fd < 0) {
			CHECK(errno == ENOENT);
			continue;
		}
		OK(fstat(fd, &st));
		close(fd);
	}
}

static void make(void)
{
	int fd = open("m/x/made", O_CREAT | O_WRONLY, 0644);

	if (fd >= 0) {
		EQ(write(fd, "x", 1), 1);
		close(fd);
	} else {
		CHECK(errno == ENOENT || errno == EROFS);
	}
	if (unlink("m/x/made") != 0)
		CHECK(errno == ENOENT || errno == EROFS);
}

static void place(void)
{
	if (mkdir("place", 0755) != 0)
		CHECK(errno == EEXIST);
	if (rmdir("place") != 0)
		CHECK(errno == EBUSY || errno == ENOENT || errno == EACCES);
}

static void cover(void)
{
	if (mount("none", "place", "tmpfs", 0, NULL) != 0) {
		CHECK(errno == ENOENT);
		return;
	}
	/* It is there until it is taken away: nobody could remove it. */
	close(OK(open("place/in", O_CREAT | O_WRONLY, 0644)));
	OK(umount2("place", MNT_DETACH));
}

static void inside(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		char path[4096];

		if (chdir("m/x") != 0)
			_exit(0);
		/* Wherever it is now, it is somewhere. */
		_exit(syscall(SYS_getcwd, path, sizeof path) < 0);
	}
	EXITS(pid, 0);
}

int main(void)
{
	OK(mkdir("m", 0755));
	OK(mkdir("m/x", 0755));
	OK(mkdir("m/z", 0755));
	OK(pipe(stop));
	void (*const steps[])(void) = { walk, make, place, cover, inside };

	for (int i = 0; i < 5; i++)
		others[i] = again(steps[i]);
	close(stop[0]);
	for (int i = 0; i < ROUNDS; i++) {
		OK(mount("none", "m", "tmpfs", 0, NULL));
		OK(mkdir("m/x", 0755));
		close(OK(open("m/x/y", O_CREAT | O_WRONLY, 0644)));
		OK(mount("m/x", "m/x", NULL, MS_BIND, NULL));
		if (mount(NULL, "m/x", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0)
			CHECK(errno == EBUSY);
		if (umount("m/x") != 0) {
			CHECK(errno == EBUSY);
			OK(umount2("m/x", MNT_DETACH));
		}
		if (umount("m") != 0) {
			CHECK(errno == EBUSY);
			OK(umount2("m", MNT_DETACH));
		}
		FAILS(umount("m"), EINVAL);
	}
	close(stop[1]);
	for (int i = 0; i < 5; i++)
		EXITS(others[i], 0);
	return report();
}
