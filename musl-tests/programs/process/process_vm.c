/* process_vm_readv(2), process_vm_writev(2): another process's memory, the errors, partial copies,
 * and who may. */
#include "check.h"
#include <sys/prctl.h>

enum { PAGE = 4096, PAGES = 8 };

static char *area;
static int ready[2], go[2];

static ssize_t from_other(pid_t pid, void *to, size_t len, void *at)
{
	struct iovec local = {to, len}, remote = {at, len};

	return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

static ssize_t to_other(pid_t pid, void *from, size_t len, void *at)
{
	struct iovec local = {from, len}, remote = {at, len};

	return process_vm_writev(pid, &local, 1, &remote, 1, 0);
}

/* A child with its own copy of the area, which it checks when it is told to. */
static pid_t start(void (*prepare)(void))
{
	pid_t pid;

	OK(pipe(ready));
	OK(pipe(go));
	pid = fork();
	if (pid == 0) {
		check_failures = 0;
		close(go[1]);
		for (int i = 0; i < PAGES * PAGE; i++)
			area[i] = i * 7;
		if (prepare)
			prepare();
		if (write(ready[1], "x", 1) != 1)
			_exit(9);
		await_byte(go[0]);
		_exit(area[PAGE + 5] == 'w' ? 3 : 0);
	}
	close(go[0]);
	EQ(await_byte(ready[0]), 'x');
	return pid;
}

static void finish(pid_t pid, int code)
{
	close(go[1]);
	EXITS(pid, code);
	close(ready[0]);
	close(ready[1]);
}

static void copies(void)
{
	static char buffer[PAGES * PAGE];
	pid_t pid = start(NULL);
	struct iovec local[3] = {{buffer, 10}, {buffer + 10, 5000}, {buffer + 5010, 90}};
	struct iovec remote[2] = {{area + 100, 4000}, {area + 9000, 1100}};
	struct iovec none[1] = {{area, 0}};

	EQ(process_vm_readv(pid, local, 3, remote, 2, 0), 5100);
	for (int i = 0; i < 5100; i++) {
		int at = i < 4000 ? 100 + i : 9000 + i - 4000;

		if (buffer[i] != (char)(at * 7)) {
			EQ(buffer[i], (char)(at * 7));
			break;
		}
	}
	CHECK(area[100] == 0);
	EQ(process_vm_readv(pid, local, 3, none, 1, 0), 0);
	EQ(process_vm_readv(pid, none, 1, remote, 2, 0), 0);
	EQ(to_other(pid, "w", 1, area + PAGE + 5), 1);
	CHECK(area[PAGE + 5] == 0);
	EQ(from_other(getpid(), buffer, 10, area), 10);
	finish(pid, 3);
}

static void makes_holes(void)
{
	mprotect(area + 2 * PAGE, PAGE, PROT_READ);
	mprotect(area + 3 * PAGE, PAGE, PROT_NONE);
	munmap(area + 5 * PAGE, PAGE);
}

static void protections(void)
{
	static char buffer[PAGES * PAGE];
	pid_t pid = start(makes_holes);

	EQ(from_other(pid, buffer, 2 * PAGE, area + 2 * PAGE), PAGE);
	FAILS(from_other(pid, buffer, PAGE, area + 3 * PAGE), EFAULT);
	EQ(from_other(pid, buffer, 100, area + 5 * PAGE - 60), 60);
	FAILS(from_other(pid, buffer, 100, area + 5 * PAGE), EFAULT);
	FAILS(from_other(pid, buffer, 100, (void *)-4096), EFAULT);
	EQ(to_other(pid, buffer, 2 * PAGE, area + PAGE), PAGE);
	FAILS(to_other(pid, buffer, 8, area + 2 * PAGE), EFAULT);
	/* What was copied counts more than what could not be. */
	struct iovec local = {buffer, 300}, remote[2] = {{area, 100}, {(void *)-4096, 200}};

	EQ(process_vm_readv(pid, &local, 1, remote, 2, 0), 100);
	/* The caller's own memory ends. */
	char *edge = OK(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	OK(munmap(edge + PAGE, PAGE));
	FAILS(from_other(pid, edge + PAGE, 8, area), EFAULT);
	finish(pid, 0);
}

static void errors(void)
{
	char buffer[8];
	struct iovec one = {buffer, 8}, negative = {buffer, -1};

	FAILS(process_vm_readv(getpid(), &one, 1, &one, 1, 1), EINVAL);
	FAILS(process_vm_readv(999999, &one, 1, &one, 1, 0), ESRCH);
	FAILS(process_vm_readv(getpid(), &one, 1025, &one, 1, 0), EINVAL);
	FAILS(process_vm_readv(getpid(), &one, 1, &one, 1025, 0), EINVAL);
	FAILS(process_vm_readv(getpid(), &negative, 1, &one, 1, 0), EINVAL);
	FAILS(process_vm_readv(getpid(), &one, 1, &negative, 1, 0), EINVAL);
	FAILS(process_vm_readv(getpid(), (void *)8, 1, &one, 1, 0), EFAULT);
	FAILS(process_vm_readv(getpid(), &one, 1, (void *)8, 1, 0), EFAULT);
	EQ(process_vm_readv(999999, &one, 0, &one, 1, 0), 0);
	EQ(process_vm_readv(999999, &one, 1, &one, 0, 0), 0);

	/* A zombie has no memory. */
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	siginfo_t info;

	EQ(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
	FAILS(process_vm_readv(pid, &one, 1, &one, 1, 0), ESRCH);
	EXITS(pid, 0);
}

static void becomes_nobody(void)
{
	if (setgid(65534) || setuid(65534))
		_exit(9);
	prctl(PR_SET_DUMPABLE, 1);
}

static void hides(void)
{
	becomes_nobody();
	prctl(PR_SET_DUMPABLE, 0);
}

static pid_t other;

static void as_nobody(void)
{
	char buffer[8];

	becomes_nobody();
	FAILS(from_other(1, buffer, 8, area), EPERM);
	FAILS(from_other(getppid(), buffer, 8, area), EPERM);
	EQ(from_other(getpid(), buffer, 8, area), 8);
	if (from_other(other, buffer, 8, area) == -1)
		_exit(errno == EPERM ? 40 : 41);
	_exit(42);
}

static void permissions(void)
{
	other = start(becomes_nobody);
	EXITS(child(as_nobody), 42);
	finish(other, 0);
	other = start(hides);
	EXITS(child(as_nobody), 40);
	finish(other, 0);
	other = start(NULL);
	EXITS(child(as_nobody), 40);
	finish(other, 0);
}

int main(void)
{
	area = OK(mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	RUN(copies);
	RUN(protections);
	RUN(errors);
	RUN(permissions);
	return report();
}
