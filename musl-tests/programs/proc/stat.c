/* What /proc tells of time and CPUs, parsed strictly and checked against other
 * sources: stat, uptime, loadavg, interrupts, softirqs.  proc(5).
 */
#include "check.h"
#include <sched.h>
#include <sys/sysinfo.h>

static char text[65536];

static char *slurp(const char *path)
{
	int fd = OK(open(path, O_RDONLY));
	size_t done = 0;
	ssize_t n;

	while ((n = read(fd, text + done, sizeof text - 1 - done)) > 0)
		done += n;
	EQ(n, 0);
	text[done] = 0;
	OK(close(fd));
	return text;
}

static void report_nothing(void)
{
}

struct stat_file {
	int cpus;
	unsigned long long all[10], sum[10], intr, ctxt, btime, processes, running, blocked, softirq;
};

/* Every line must be one that Linux prints, in Linux's order. */
static struct stat_file read_stat(void)
{
	struct stat_file s = { .cpus = -1 };
	const char *want = "cpu";

	for (char *line = strtok(slurp("/proc/stat"), "\n"); line; line = strtok(NULL, "\n")) {
		unsigned long long v[10];
		char name[16];
		int end = 0;

		if (strncmp(line, "cpu", 3) == 0) {
			STREQ(want, "cpu");
			int n = sscanf(line, "%15s %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu%n", name,
				       v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7, v + 8, v + 9, &end);
			EQ(n, 11);
			EQ(line[end], 0);
			if (s.cpus < 0) {
				CHECK(strncmp(line, "cpu  ", 5) == 0);
				memcpy(s.all, v, sizeof v);
			} else {
				char expected[16];

				snprintf(expected, sizeof expected, "cpu%d", s.cpus);
				STREQ(name, expected);
				for (int i = 0; i < 10; i++)
					s.sum[i] += v[i];
			}
			s.cpus++;
			continue;
		}
		CHECK(sscanf(line, "%15s %llu%n", name, v, &end) == 2);
		if (strcmp(name, "intr") == 0) {
			unsigned long long each = 0, n;
			int len;

			for (char *at = line + end; sscanf(at, " %llu%n", &n, &len) == 1; at += len)
				each += n;
			CHECK(v[0] >= each);
			s.intr = v[0];
			want = "ctxt";
		} else if (strcmp(name, "softirq") == 0) {
			unsigned long long each = 0, n;
			int len, kinds = 0;

			for (char *at = line + end; sscanf(at, " %llu%n", &n, &len) == 1; at += len, kinds++)
				each += n;
			EQ(kinds, 10);
			EQ(v[0], each);
			s.softirq = v[0];
			want = "";
		} else {
			STREQ(name, want);
			EQ(line[end], 0);
			if (strcmp(name, "ctxt") == 0)
				s.ctxt = v[0], want = "btime";
			else if (strcmp(name, "btime") == 0)
				s.btime = v[0], want = "processes";
			else if (strcmp(name, "processes") == 0)
				s.processes = v[0], want = "procs_running";
			else if (strcmp(name, "procs_running") == 0)
				s.running = v[0], want = "procs_blocked";
			else if (strcmp(name, "procs_blocked") == 0)
				s.blocked = v[0], want = "softirq";
		}
	}
	STREQ(want, "");
	return s;
}

static int cpus(void)
{
	cpu_set_t set;

	OK(sched_getaffinity(0, sizeof set, &set));
	return CPU_COUNT(&set);
}

static void stat_adds_up(void)
{
	struct stat_file s = read_stat();
	struct timespec now, up;

	EQ(s.cpus, cpus());
	for (int i = 0; i < 10; i++)
		CHECK(s.all[i] + s.cpus >= s.sum[i] && s.sum[i] + s.cpus >= s.all[i]);
	CHECK(s.running >= 1);
	CHECK(s.ctxt > 0);
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	CHECK(llabs((long long)s.btime - (now.tv_sec - up.tv_sec)) <= 1);
}

static void a_fork_counts(void)
{
	struct stat_file before = read_stat();

	for (int i = 0; i < 7; i++)
		EXITS(child(report_nothing), 0);
	struct stat_file after = read_stat();
	EQ(after.processes - before.processes, 7);
	CHECK(after.ctxt > before.ctxt);
}

static unsigned long long spent(const struct stat_file *s)
{
	return s->all[0] + s->all[1] + s->all[2];
}

/* Work shows as user time, sleep as idle time, and the counters never go back. */
static void time_goes_where_it_was_spent(void)
{
	struct stat_file a = read_stat();
	struct timespec start, now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	do {
		for (volatile int i = 0; i < 100000; i++)
			;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < 600);
	struct stat_file b = read_stat();
	CHECK(b.all[0] - a.all[0] >= 30);
	CHECK(spent(&b) - spent(&a) >= 40);
	usleep(600000);
	struct stat_file c = read_stat();
	CHECK(c.all[3] - b.all[3] >= 30);
	for (int i = 0; i < 10; i++)
		CHECK(c.all[i] >= b.all[i] && b.all[i] >= a.all[i]);
	CHECK(c.intr > a.intr);
	CHECK(c.softirq > a.softirq);
}

static void uptime_is_the_boot_clock(void)
{
	unsigned long long up, up_cs, idle, idle_cs;
	struct timespec now;
	struct sysinfo info;
	int end = 0;

	EQ(sscanf(slurp("/proc/uptime"), "%llu.%2llu %llu.%2llu\n%n", &up, &up_cs, &idle, &idle_cs, &end), 4);
	EQ(text[end], 0);
	clock_gettime(CLOCK_BOOTTIME, &now);
	long long late = now.tv_sec * 100 + now.tv_nsec / 10000000 - (up * 100 + up_cs);
	CHECK(late >= 0 && late < 300);
	CHECK(idle * 100 + idle_cs <= (up * 100 + up_cs + 100) * cpus());
	OK(sysinfo(&info));
	CHECK(info.uptime >= (long)up && info.uptime <= (long)up + 4);
}

static void loadavg_format(void)
{
	unsigned a, b, c, d, e, f, running, threads;
	int last, end = 0;
	pid_t pid = child(report_nothing);

	EXITS(pid, 0);
	EQ(sscanf(slurp("/proc/loadavg"), "%u.%2u %u.%2u %u.%2u %u/%u %d\n%n", &a, &b, &c, &d, &e, &f,
		  &running, &threads, &last, &end), 9);
	EQ(text[end], 0);
	EQ(last, pid);
	CHECK(running >= 1 && running <= threads);
	struct sysinfo info;
	OK(sysinfo(&info));
	CHECK(llabs((long long)info.loads[0] * 100 / 65536 - (a * 100 + b)) <= 60);
}

/* A timer must interrupt to end a sleep. */
static unsigned long long local_timer(void)
{
	char *line = strstr(slurp("/proc/interrupts"), "\nLOC: ");
	unsigned long long sum = 0, n;
	int len, count = 0;

	CHECK(line != NULL);
	for (line += 6; sscanf(line, "%llu%n", &n, &len) == 1; line += len, count++)
		sum += n;
	EQ(count, cpus());
	CHECK(strncmp(line, "   Local timer interrupts\n", 26) == 0);
	return sum;
}

static void interrupts_are_counted(void)
{
	unsigned long long before = local_timer();

	slurp("/proc/interrupts");
	CHECK(strncmp(text, "           CPU0       ", 22) == 0);
	for (int i = 0; i < 20; i++)
		usleep(1000);
	CHECK(local_timer() >= before + 20);
	CHECK(strncmp(slurp("/proc/softirqs"), "                    CPU0       ", 31) == 0);
	CHECK(strstr(text, "\n          HI:") != NULL && strstr(text, "\n         RCU:") != NULL);
}

int main(void)
{
	RUN(stat_adds_up);
	RUN(a_fork_counts);
	RUN(time_goes_where_it_was_spent);
	RUN(uptime_is_the_boot_clock);
	RUN(loadavg_format);
	RUN(interrupts_are_counted);
	return report();
}
