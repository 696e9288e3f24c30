/* What ends gives everything back: pipes, files, mappings, children killed in
 * every state. Free memory is compared between two equal halves. */
//@ smp=1,2 timeout=120
#include "check.h"
#include <sys/sysinfo.h>

#define SLACK_KIB 1024

static long free_kib(void)
{
	struct sysinfo s;
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	if (fd >= 0) {
		(void)!write(fd, "3", 1);
		close(fd);
	}
	OK(sysinfo(&s));
	return (long)(s.freeram * s.mem_unit >> 10);
}

/* A child that is killed while it holds a bit of everything. */
static void holder(void)
{
	int p[2];
	char *map = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static char data[60000];

	memset(map, 1, 2 << 20);
	if (pipe(p) != 0 || write(p[1], data, sizeof data) < 0)
		_exit(1);
	int fd = open("held", O_CREAT | O_RDWR, 0600);

	unlink("held");
	if (write(fd, data, sizeof data) < 0 || fork() < 0)
		_exit(1);
	for (;;)
		pause();
}

static void round_of_all(void)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			setpgid(0, 0);
			holder();
		}
		setpgid(pid, pid);
		OK(kill(-pid, SIGKILL));
		KILLED(pid, SIGKILL);
	}
	for (int i = 0; i < 200; i++) {
		char name[16];

		snprintf(name, sizeof name, "f%d", i);
		close(file_with(name, "x", 1));
		OK(unlink(name));
		OK(mkdir(name, 0700));
		OK(rmdir(name));
	}
	int fd = file_with("big", "", 0);

	OK(ftruncate(fd, 8 << 20));
	char *map = OK(mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));

	memset(map, 2, 8 << 20);
	OK(munmap(map, 8 << 20));
	close(fd);
	OK(unlink("big"));
}

int main(void)
{
	for (int i = 0; i < 3; i++)
		round_of_all();
	long before = free_kib();

	for (int i = 0; i < 10; i++)
		round_of_all();
	long after = free_kib();

	if (before - after > SLACK_KIB)
		check_fail(__FILE__, __LINE__, "free: %ld KiB before, %ld KiB after", before, after);
	return report();
}
