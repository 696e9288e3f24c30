/* /proc/PID/stat, statm and status: every field parsed strictly, the values against system calls
 * and what the process did itself; another process, a stopped one and a zombie. */
#include "../proc.h"
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>

enum { PAGE = 4096, MIB = 1 << 20 };

static void own_identity(void)
{
	EQ(prctl(PR_SET_NAME, "a (b) c"), 0);
	EQ(parse_stat(slurp("/proc/self/stat")), 0);
	EQ(proc_stat[1], getpid());
	STREQ(proc_comm, "a (b) c");
	EQ(proc_state, 'R');
	EQ(proc_stat[4], getppid());
	EQ(proc_stat[5], getpgrp());
	EQ(proc_stat[6], getsid(0));
	EQ(proc_stat[8], -1);
	EQ(proc_stat[18], 20);
	EQ(proc_stat[19], 0);
	EQ(proc_stat[20], 1);
	EQ(proc_stat[21], 0);
	EQ(proc_stat[25], -1);
	EQ(proc_stat[38], SIGCHLD);
	EQ(proc_stat[41], 0);
	EQ(proc_stat[52], 0);
	EQ(setpriority(PRIO_PROCESS, 0, 4), 0);
	EQ(parse_stat(slurp("/proc/self/stat")), 0);
	EQ(proc_stat[18], 24);
	EQ(proc_stat[19], 4);
	EQ(setpriority(PRIO_PROCESS, 0, 0), 0);
	STREQ(slurp("/proc/self/comm"), "a (b) c\n");
	EQ(prctl(PR_SET_NAME, "new\nline\\"), 0);
	STREQ(slurp("/proc/self/comm"), "new\nline\\\n");
	parse_stat(slurp("/proc/self/stat"));
	STREQ(proc_comm, "new\nline\\");
	CHECK(strncmp(slurp("/proc/self/status"), "Name:\tnew\\nline\\\\\nUmask:", 24) == 0);
	int fd = OK(open("/proc/self/comm", O_RDWR));

	EQ(write(fd, "written-by-file-x", 17), 17);
	STREQ(slurp("/proc/thread-self/comm"), "written-by-file\n");
	close(fd);
}

static void times(void)
{
	struct timespec now;
	struct rusage used;
	volatile unsigned spin = 0;

	clock_gettime(CLOCK_BOOTTIME, &now);
	long long ticks = now.tv_sec * 100 + now.tv_nsec / 10000000;

	EQ(parse_stat(slurp("/proc/self/stat")), 0);
	CHECK(proc_stat[22] <= ticks && proc_stat[22] + 3000 > ticks);
	do {
		for (int i = 0; i < 100000; i++)
			spin++;
		getrusage(RUSAGE_SELF, &used);
	} while (used.ru_utime.tv_usec < 60000 && used.ru_utime.tv_sec == 0);
	EQ(parse_stat(slurp("/proc/self/stat")), 0);
	CHECK(proc_stat[14] >= 6);
	CHECK(proc_stat[14] + proc_stat[15] >= 6 && proc_stat[14] + proc_stat[15] < 6000);
	long long user = proc_stat[14], faults = proc_stat[10];

	char *touched = OK(mmap(NULL, 50 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	for (int i = 0; i < 50; i++)
		touched[i * PAGE] = 1;
	EQ(parse_stat(slurp("/proc/self/stat")), 0);
	CHECK(proc_stat[14] >= user);
	CHECK(proc_stat[10] >= faults + 50);
	/* A child's time comes to its parent when it was waited for. */
	long long before = proc_stat[16];
	pid_t pid = fork();

	if (pid == 0) {
		do {
			for (int i = 0; i < 100000; i++)
				spin++;
			getrusage(RUSAGE_SELF, &used);
		} while (used.ru_utime.tv_usec < 50000 && used.ru_utime.tv_sec == 0);
		_exit(0);
	}
	EXITS(pid, 0);
	EQ(parse_stat(slurp("/proc/self/stat")), 0);
	CHECK(proc_stat[16] >= before + 5);
	CHECK(proc_stat[11] > 0);
}

extern char **environ;
static char in_data[] = "x", in_bss[1];

static void sizes(void)
{
	EQ(parse_stat(slurp("/proc/self/stat")), 0);
	long long size = proc_stat[23];
	char *area = OK(mmap(NULL, 5 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	EQ(parse_stat(slurp("/proc/self/stat")), 0);
	EQ(proc_stat[23], size + 5 * MIB);
	long long resident = field(slurp("/proc/self/status"), "VmRSS");

	memset(area, 1, 3 * MIB);
	EQ(parse_stat(slurp("/proc/self/stat")), 0);
	/* Linux counts in batches. */
	long long now = field(slurp("/proc/self/status"), "VmRSS");

	CHECK(now >= resident + 3 * 1024 - 300 && now <= resident + 3 * 1024 + 600);
	CHECK(field(slurp("/proc/self/status"), "VmHWM") >= now - 300);
	CHECK(field(slurp("/proc/self/status"), "VmPeak") * 1024 >= size + 5 * MIB);
	EQ(field(slurp("/proc/self/status"), "VmSize") * 1024, size + 5 * MIB);
	long long data = field(slurp("/proc/self/status"), "VmData");

	EQ(munmap(area, 5 * MIB), 0);
	EQ(field(slurp("/proc/self/status"), "VmData"), data - 5 * 1024);
	EQ(parse_stat(slurp("/proc/self/stat")), 0);
	EQ(proc_stat[23], size);
	CHECK(field(slurp("/proc/self/status"), "VmHWM") >= now - 300);

	long long pages[7];

	EQ(sscanf(slurp("/proc/self/statm"), "%lld %lld %lld %lld %lld %lld %lld\n", &pages[0], &pages[1], &pages[2], &pages[3], &pages[4], &pages[5], &pages[6]), 7);
	EQ(pages[0] * PAGE, size);
	CHECK(pages[1] >= pages[2] && pages[1] > 0);
	EQ(pages[4], 0);
	EQ(pages[6], 0);
	EQ(pages[5] * 4, field(slurp("/proc/self/status"), "VmData") + field(slurp("/proc/self/status"), "VmStk"));
	EQ(pages[3] * 4, field(slurp("/proc/self/status"), "VmExe"));
}

int main(int argc, char **argv);

static char **arguments;

static void places(void)
{
	int on_stack;
	char **last = environ;

	EQ(parse_stat(slurp("/proc/self/stat")), 0);
	CHECK(proc_stat[26] <= (long)main && (long)main < proc_stat[27]);
	CHECK(proc_stat[28] > (long)&on_stack);
	CHECK(proc_stat[45] <= (long)in_data && (long)in_data < proc_stat[46]);
	CHECK((long)in_bss >= proc_stat[46]);
	CHECK(proc_stat[47] <= (long)sbrk(0));
	EQ(proc_stat[48], (long)arguments[0]);
	EQ(proc_stat[50], (long)environ[0]);
	EQ(proc_stat[49], proc_stat[50]);
	while (last[1])
		last++;
	EQ(proc_stat[51], (long)*last + strlen(*last) + 1);
}

static void handler(int signo)
{
	(void)signo;
}

static void status(void)
{
	static const char *const names[] = {
		"Name", "Umask", "State", "Tgid", "Ngid", "Pid", "PPid", "TracerPid", "Uid", "Gid", "FDSize",
		"Groups", "NStgid", "NSpid", "NSpgid", "NSsid", "VmPeak", "VmSize", "VmLck", "VmPin", "VmHWM",
		"VmRSS", "RssAnon", "RssFile", "RssShmem", "VmData", "VmStk", "VmExe", "VmLib", "VmPTE",
		"VmSwap", "HugetlbPages", "CoreDumping", "THP_enabled", "Threads", "SigQ", "SigPnd", "ShdPnd",
		"SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs",
		"Seccomp", "Seccomp_filters", "Speculation_Store_Bypass", "SpeculationIndirectBranch",
		"Cpus_allowed", "Cpus_allowed_list", "Mems_allowed", "Mems_allowed_list",
		"voluntary_ctxt_switches", "nonvoluntary_ctxt_switches",
	};
	char *line = slurp("/proc/self/status");
	sigset_t set;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t len = strlen(names[i]);

		if (strncmp(line, names[i], len) || strncmp(line + len, ":\t", 2)) {
			check_fail(__FILE__, __LINE__, "line %zu is not %s: %.30s", i, names[i], line);
			return;
		}
		line = strchr(line, '\n') + 1;
	}
	STREQ(line, "");
	umask(037);
	EQ(field(slurp("/proc/self/status"), "Umask"), 037);
	umask(022);
	line = slurp("/proc/self/status");
	CHECK(strstr(line, "\nState:\tR (running)\n"));
	EQ(field(line, "Tgid"), getpid());
	EQ(field(line, "Pid"), getpid());
	EQ(field(line, "PPid"), getppid());
	EQ(field(line, "NSpgid"), getpgrp());
	EQ(field(line, "NSsid"), getsid(0));
	EQ(field(line, "Threads"), 1);
	EQ(field(line, "NoNewPrivs"), 0);
	EQ(field(line, "VmStk"), 132);
	CHECK(strstr(line, "\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t64\nGroups:\t"));
	CHECK(strstr(line, "\nCapPrm:\t000001ffffffffff\nCapEff:\t000001ffffffffff\n"));
	CHECK(strstr(line, "\nMems_allowed_list:\t0\n"));

	signal(SIGUSR1, handler);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, 40);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	syscall(SYS_tkill, getpid(), SIGTERM);
	line = slurp("/proc/self/status");
	CHECK(strstr(line, "\nSigPnd:\t0000000000004000\nShdPnd:\t0000000000000200\nSigBlk:\t0000008000004200\n"));
	CHECK(strstr(line, "\nSigIgn:\t0000000000000800\nSigCgt:\t0000000000000200\n"));
	CHECK(strstr(line, "\nSigQ:\t2/"));
	EQ(parse_stat(slurp("/proc/self/stat")), 0);
	EQ(proc_stat[31], 0x4000);
	EQ(proc_stat[32], 0x4200);
	EQ(proc_stat[33], 0x800);
	EQ(proc_stat[34], 0x200);
	signal(SIGTERM, SIG_IGN);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
}

static void changed_ids(void)
{
	gid_t groups[3] = {70, 7, 700};
	char *line;

	EQ(syscall(SYS_setgroups, 3, groups), 0);
	EQ(syscall(SYS_setresgid, 10, 20, 30), 0);
	EQ(syscall(SYS_setresuid, 1, 2, 3), 0);
	line = slurp("/proc/self/status");
	CHECK(strstr(line, "\nUid:\t1\t2\t3\t2\nGid:\t10\t20\t30\t20\n"));
	CHECK(strstr(line, "\nGroups:\t7 70 700 \n"));
	CHECK(strstr(line, "\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"));
	EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	EQ(field(slurp("/proc/self/status"), "NoNewPrivs"), 1);
}

static void affinity(void)
{
	cpu_set_t set = {{0}};

	EQ(syscall(SYS_sched_getaffinity, 0, sizeof set, &set) > 0, 1);
	EQ(strtoull(strstr(slurp("/proc/self/status"), "Cpus_allowed:\t") + 14, NULL, 16), set.__bits[0]);
	if (set.__bits[0] == 3) {
		CHECK(strstr(slurp("/proc/self/status"), "\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n"));
		set.__bits[0] = 2;
		EQ(sched_setaffinity(0, sizeof set, &set), 0);
		CHECK(strstr(slurp("/proc/self/status"), "\nCpus_allowed:\t2\nCpus_allowed_list:\t1\n"));
		EQ(parse_stat(slurp("/proc/self/stat")), 0);
		EQ(proc_stat[39], 1);
	}
}

/* Waits until a process is in a state. */
static void await_state(pid_t pid, char state)
{
	do {
		nanosleep(&(struct timespec){0, 2000000}, NULL);
		if (parse_stat(slurp("/proc/%d/stat", pid))) {
			check_fail(__FILE__, __LINE__, "no stat of %d", pid);
			return;
		}
	} while (proc_state != state);
}

static void others(void)
{
	int ends[2];
	siginfo_t info;
	pid_t pid;

	OK(pipe(ends));
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		prctl(PR_SET_NAME, "sleeper");
		setpgid(0, 0);
		await_byte(ends[0]);
		_exit(7);
	}
	close(ends[0]);
	await_state(pid, 'S');
	STREQ(proc_comm, "sleeper");
	EQ(proc_stat[1], pid);
	EQ(proc_stat[4], getpid());
	EQ(proc_stat[5], pid);
	/* It has not executed a program. */
	CHECK(proc_stat[9] & 0x40);
	CHECK(strstr(slurp("/proc/%d/status", pid), "\nState:\tS (sleeping)\n"));
	char children[32];

	snprintf(children, sizeof children, "%d ", pid);
	STREQ(slurp("/proc/self/task/%d/children", getpid()), children);
	kill(pid, SIGSTOP);
	await_state(pid, 'T');
	CHECK(strstr(slurp("/proc/%d/status", pid), "\nState:\tT (stopped)\n"));
	kill(pid, SIGCONT);
	await_state(pid, 'S');
	close(ends[1]);
	EQ(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
	EQ(parse_stat(slurp("/proc/%d/stat", pid)), 0);
	EQ(proc_state, 'Z');
	STREQ(proc_comm, "sleeper");
	EQ(proc_stat[4], getpid());
	EQ(proc_stat[20], 1);
	EQ(proc_stat[23], 0);
	EQ(proc_stat[24], 0);
	EQ(proc_stat[26], 0);
	EQ(proc_stat[52], 7 << 8);
	STREQ(slurp("/proc/%d/statm", pid), "0 0 0 0 0 0 0\n");
	char *status = slurp("/proc/%d/status", pid);

	CHECK(strstr(status, "Name:\tsleeper\nState:\tZ (zombie)\n"));
	CHECK(strstr(status, "\nFDSize:\t0\n"));
	CHECK(!strstr(status, "\nVm"));
	EXITS(pid, 7);
	EQ(open_errno("/proc/%d/stat", pid), ENOENT);
}

int main(int argc, char **argv)
{
	(void)argc;
	arguments = argv;
	RUN(own_identity);
	RUN(times);
	RUN(sizes);
	RUN(places);
	RUN(status);
	IN_CHILD(changed_ids);
	RUN(others);
	RUN(affinity);
	return report();
}
