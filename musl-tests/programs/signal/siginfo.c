/* siginfo of kill, tgkill, SIGCHLD, alarm, and of every fault. */
#include "check.h"
#include <sched.h>
#include <sys/time.h>

static volatile int count;
static siginfo_t info;

static void keep(int sig, siginfo_t *i, void *context)
{
	(void)sig;
	(void)context;
	info = *i;
	count++;
}

static void catch(int sig)
{
	struct sigaction action = {.sa_sigaction = keep, .sa_flags = SA_SIGINFO | SA_RESTART};

	OK(sigaction(sig, &action, NULL));
	count = 0;
	memset(&info, 0xee, sizeof info);
}

static void sent(void)
{
	catch(SIGUSR1);
	OK(kill(getpid(), SIGUSR1));
	EQ(count, 1);
	EQ(info.si_signo, SIGUSR1);
	EQ(info.si_errno, 0);
	EQ(info.si_code, SI_USER);
	EQ(info.si_pid, getpid());
	EQ(info.si_uid, getuid());
	catch(SIGUSR1);
	OK(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1));
	EQ(info.si_code, SI_TKILL);
	EQ(info.si_pid, getpid());
	catch(SIGUSR1);
	pid_t pid = fork();

	if (pid == 0) {
		OK(setresuid(33, 0, 0));
		_exit(kill(getppid(), SIGUSR1));
	}
	EXITS(pid, 0);
	EQ(info.si_pid, pid);
	EQ(info.si_uid, 33);
}

static pid_t ending(int code)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (code < 0)
			for (;;)
				pause();
		_exit(code);
	}
	return pid;
}

/* A wait may learn of a stop a moment before the signal is sent. */
static void of_child(pid_t pid, int options, int code, int status)
{
	siginfo_t waited;

	OK(waitid(P_PID, pid, &waited, options | WNOWAIT));
	while (count == 0)
		sched_yield();
	EQ(count, 1);
	EQ(info.si_signo, SIGCHLD);
	EQ(info.si_code, code);
	EQ(info.si_pid, pid);
	EQ(info.si_uid, 0);
	EQ(info.si_status, status);
}

static void child_states(void)
{
	catch(SIGCHLD);
	pid_t pid = ending(42);

	of_child(pid, WEXITED, CLD_EXITED, 42);
	EXITS(pid, 42);
	catch(SIGCHLD);
	pid = ending(-1);
	OK(kill(pid, SIGSTOP));
	of_child(pid, WSTOPPED, CLD_STOPPED, SIGSTOP);
	catch(SIGCHLD);
	OK(kill(pid, SIGCONT));
	of_child(pid, WCONTINUED, CLD_CONTINUED, SIGCONT);
	catch(SIGCHLD);
	OK(kill(pid, SIGTERM));
	of_child(pid, WEXITED, CLD_KILLED, SIGTERM);
	KILLED(pid, SIGTERM);
	/* SA_NOCLDSTOP: no word of stops. */
	struct sigaction action = {.sa_sigaction = keep, .sa_flags = SA_SIGINFO | SA_NOCLDSTOP | SA_RESTART};

	OK(sigaction(SIGCHLD, &action, NULL));
	count = 0;
	pid = ending(-1);
	OK(kill(pid, SIGSTOP));
	int status;

	EQ(waitpid(pid, &status, WUNTRACED), pid);
	EQ(count, 0);
	OK(kill(pid, SIGKILL));
	KILLED(pid, SIGKILL);
	EQ(count, 1);
	signal(SIGCHLD, SIG_DFL);
}

static void of_alarm(void)
{
	catch(SIGALRM);
	struct itimerval soon = {{0, 0}, {0, 1000}};

	OK(setitimer(ITIMER_REAL, &soon, NULL));
	while (count == 0)
		getppid();
	EQ(info.si_code, SI_KERNEL);
}

/* Each fault in a child whose handler reports by its exit status. */
static int want_sig, want_code;
static void *want_addr;

static void judge(int sig, siginfo_t *i, void *context)
{
	(void)context;
	EQ(sig, want_sig);
	EQ(i->si_signo, want_sig);
	EQ(i->si_code, want_code);
	if (want_addr != (void *)-1)
		EQ(i->si_addr, want_addr);
	_exit(report());
}

static char *page;
static void (*culprit)(void);

static void in_trouble(void)
{
	struct sigaction action = {.sa_sigaction = judge, .sa_flags = SA_SIGINFO};

	OK(sigaction(want_sig, &action, NULL));
	culprit();
	CHECK(!"no fault happened");
}

#define FAULTS(name, sig, code, addr) \
	do { \
		check_name = #name; \
		culprit = name; \
		want_sig = sig; \
		want_code = code; \
		want_addr = addr; \
		IN_CHILD(in_trouble); \
	} while (0)

static void read_nothing(void) { (void)*(volatile char *)0x1234; }
static void write_nothing(void) { *(volatile char *)0x1234 = 1; }
static void write_read_only(void) { *(volatile char *)(page + 5) = 1; }
static void read_kernel(void) { (void)*(volatile char *)0xffffffff81000000; }
static void read_non_canonical(void) { (void)*(volatile char *)0x8000000000000000; }
static void jump_to_nothing(void) { ((void (*)(void))0x1234)(); }
static void jump_to_data(void) { ((void (*)(void))page)(); }
static void privileged(void) { __asm__ volatile("hlt"); }
static void port(void) { __asm__ volatile("outb %b0, $0x80" : : "a"(0)); }
static void undefined(void) { __asm__ volatile("wrong: ud2"); }
static void breakpoint(void) { __asm__ volatile("int3"); }
static void divide(void)
{
	volatile int zero = 0;

	__asm__ volatile("divide_here: idivl %1" : : "a"(1), "m"(zero), "d"(0) : "cc");
}
static void software_interrupt(void) { __asm__ volatile("int $0x42"); }

extern char wrong[], divide_here[];

static void beyond_file(void)
{
	int fd = file_with("short", "x", 1);
	char *map = OK(mmap((void *)0x10000000, 8192, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0));

	(void)*(volatile char *)(map + 4096);
}

int main(void)
{
	RUN(sent);
	RUN(child_states);
	RUN(of_alarm);
	page = OK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	FAULTS(read_nothing, SIGSEGV, SEGV_MAPERR, (void *)0x1234);
	FAULTS(write_nothing, SIGSEGV, SEGV_MAPERR, (void *)0x1234);
	FAULTS(write_read_only, SIGSEGV, SEGV_ACCERR, page + 5);
	FAULTS(read_kernel, SIGSEGV, SEGV_MAPERR, (void *)0xffffffff81000000);
	FAULTS(read_non_canonical, SIGSEGV, SI_KERNEL, NULL);
	FAULTS(jump_to_nothing, SIGSEGV, SEGV_MAPERR, (void *)0x1234);
	FAULTS(jump_to_data, SIGSEGV, SEGV_ACCERR, page);
	FAULTS(privileged, SIGSEGV, SI_KERNEL, NULL);
	FAULTS(port, SIGSEGV, SI_KERNEL, NULL);
	FAULTS(software_interrupt, SIGSEGV, SI_KERNEL, NULL);
	FAULTS(undefined, SIGILL, ILL_ILLOPN, wrong);
	FAULTS(breakpoint, SIGTRAP, SI_KERNEL, NULL);
	FAULTS(divide, SIGFPE, FPE_INTDIV, divide_here);
	FAULTS(beyond_file, SIGBUS, BUS_ADRERR, (void *)0x10001000);
	return report();
}
