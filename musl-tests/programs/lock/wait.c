/* Waiting for record locks: wake-ups, signals, deadlocks, races. */
//@ timeout=120
#include "check.h"

static int set(int fd, int cmd, int type, off_t start, off_t len)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return fcntl(fd, cmd, &l);
}

/* Sleeping is seen from outside: the state letter in /proc/PID/stat is not to
 * be relied on here, so a waiter is given time by a lock that it must lose. */
static void settle(void)
{
	struct timespec ts = { 0, 50000000 };

	nanosleep(&ts, NULL);
}

static void woken_by(void (*release)(int fd))
{
	int p[2], fd = file_with("f", "x", 1);
	char byte;

	OK(pipe(p));
	OK(set(fd, F_SETLK, F_WRLCK, 10, 10));
	pid_t pid = fork();
	if (pid == 0) {
		check_failures = 0;
		EQ(write(p[1], "w", 1), 1);
		OK(set(fd, F_SETLKW, F_WRLCK, 0, 0));
		EQ(write(p[1], "l", 1), 1);
		_exit(report());
	}
	EQ(await_byte(p[0]), 'w');
	settle();
	OK(fcntl(p[0], F_SETFL, O_NONBLOCK));
	FAILS(read(p[0], &byte, 1), EAGAIN);
	OK(fcntl(p[0], F_SETFL, 0));
	release(fd);
	EQ(await_byte(p[0]), 'l');
	EXITS(pid, 0);
	close(fd);
	close(p[0]);
	close(p[1]);
}

static void unlock_all(int fd)
{
	OK(set(fd, F_SETLK, F_UNLCK, 0, 0));
}

/* Part by part: the waiter must not run before the last. */
static void unlock_parts(int fd)
{
	OK(set(fd, F_SETLK, F_UNLCK, 10, 4));
	OK(set(fd, F_SETLK, F_UNLCK, 16, 4));
	OK(set(fd, F_SETLK, F_RDLCK, 14, 1));
	settle();
	OK(set(fd, F_SETLK, F_UNLCK, 14, 2));
}

static void close_twin(int fd)
{
	close(OK(dup(fd)));
}

static void wakes(void)
{
	woken_by(unlock_all);
	woken_by(unlock_parts);
	woken_by(close_twin);
}

/* A write lock that becomes a read lock lets readers in. */
static void downgrade(void)
{
	int p[2], fd = file_with("f", "x", 1);

	OK(pipe(p));
	OK(set(fd, F_SETLK, F_WRLCK, 0, 0));
	pid_t pid = fork();
	if (pid == 0) {
		check_failures = 0;
		EQ(write(p[1], "w", 1), 1);
		OK(set(fd, F_SETLKW, F_RDLCK, 5, 1));
		_exit(report());
	}
	await_byte(p[0]);
	settle();
	OK(set(fd, F_SETLK, F_RDLCK, 0, 0));
	EXITS(pid, 0);
	close(fd);
}

static volatile int caught;
static void handler(int sig)
{
	(void)sig;
	caught++;
}

static void interrupted(int flags)
{
	int p[2], fd = file_with("f", "x", 1);

	OK(pipe(p));
	OK(set(fd, F_SETLK, F_WRLCK, 0, 0));
	pid_t pid = fork();
	if (pid == 0) {
		struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

		check_failures = 0;
		sigaction(SIGUSR1, &sa, NULL);
		EQ(write(p[1], "w", 1), 1);
		if (flags & SA_RESTART)
			OK(set(fd, F_SETLKW, F_WRLCK, 0, 0));
		else
			FAILS(set(fd, F_SETLKW, F_WRLCK, 0, 0), EINTR);
		EQ(caught, 1);
		_exit(report());
	}
	await_byte(p[0]);
	settle();
	kill(pid, SIGUSR1);
	if (flags & SA_RESTART) {
		settle();
		OK(set(fd, F_SETLK, F_UNLCK, 0, 0));
	}
	EXITS(pid, 0);
	close(fd);
}

static void signals(void)
{
	interrupted(0);
	interrupted(SA_RESTART);
	/* One that is killed while it waits leaves nothing behind. */
	int fd = file_with("f", "x", 1);
	OK(set(fd, F_SETLK, F_WRLCK, 0, 0));
	pid_t pid = fork();
	if (pid == 0)
		_exit(set(fd, F_SETLKW, F_WRLCK, 0, 0) != -1);
	settle();
	kill(pid, SIGKILL);
	KILLED(pid, SIGKILL);
	OK(set(fd, F_SETLK, F_UNLCK, 0, 0));
	OK(set(fd, F_SETLK, F_WRLCK, 0, 0));
	close(fd);
}

/* Three processes in a circle: the last to ask is told, and the others go on
 * when it has given up what it holds. */
static void deadlock(void)
{
	enum { N = 3 };
	int go[2], ready[2], fd = file_with("f", "x", 1), told = 0;
	pid_t pid[N];

	OK(pipe(go));
	OK(pipe(ready));
	for (int i = 0; i < N; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			check_failures = 0;
			OK(set(fd, F_SETLK, F_WRLCK, i, 1));
			EQ(write(ready[1], "", 1), 1);
			await_byte(go[0]);
			int r = set(fd, F_SETLKW, F_WRLCK, (i + 1) % N, 1);
			int was = r == -1 && errno == EDEADLK;
			CHECK(r == 0 || was);
			_exit(check_failures ? 2 : was);
		}
	}
	for (int i = 0; i < N; i++)
		await_byte(ready[0]);
	EQ(write(go[1], "123", N), N);
	for (int i = 0; i < N; i++) {
		int status = status_of(pid[i]);

		CHECK(status == 0 || status == 1 << 8);
		told += status >> 8;
	}
	EQ(told, 1);
	close(fd);
}

/* Waiting for oneself is none: the lock is changed. */
static void upgrade(void)
{
	int fd = file_with("f", "x", 1);

	OK(set(fd, F_SETLKW, F_RDLCK, 0, 0));
	OK(set(fd, F_SETLKW, F_WRLCK, 0, 0));
	close(fd);
}

/* Everyone adds to a number in the file under a lock; nothing is lost. */
static void race(void)
{
	enum { N = 4, TIMES = 300 };
	long zero = 0;
	int fd = file_with("f", &zero, sizeof zero);
	pid_t pid[N];

	for (int i = 0; i < N; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			check_failures = 0;
			fd = OK(open("f", O_RDWR));
			for (int k = 0; k < TIMES; k++) {
				long value = -1;

				OK(set(fd, F_SETLKW, F_WRLCK, 0, 8));
				EQ(pread(fd, &value, 8, 0), 8);
				value++;
				if (k % 16 == 0)
					syscall(SYS_sched_yield);
				EQ(pwrite(fd, &value, 8, 0), 8);
				OK(set(fd, F_SETLK, F_UNLCK, 0, 8));
			}
			_exit(report());
		}
	}
	for (int i = 0; i < N; i++)
		EXITS(pid[i], 0);
	EQ(pread(fd, &zero, sizeof zero, 0), 8);
	EQ(zero, N * TIMES);
	close(fd);
}

int main(void)
{
	RUN(wakes);
	RUN(downgrade);
	RUN(signals);
	RUN(deadlock);
	RUN(upgrade);
	RUN(race);
	return report();
}
