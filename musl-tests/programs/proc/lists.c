/* What the kernel is and has: version, cmdline, filesystems, devices, cpuinfo,
 * iomem, ioports and their kin, against uname(2), the machine and Linux's
 * formats.  proc(5).
 */
#include "check.h"
#include <sched.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

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

/* Is this a whole line of the text? */
static int has_line(const char *line)
{
	size_t len = strlen(line);

	for (char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return 1;
	return 0;
}

static void version(void)
{
	struct utsname uts;
	char start[256], end[256];

	OK(uname(&uts));
	snprintf(start, sizeof start, "%s version %s (", uts.sysname, uts.release);
	snprintf(end, sizeof end, ") %s\n", uts.version);
	slurp("/proc/version");
	CHECK(strncmp(text, start, strlen(start)) == 0);
	CHECK(strlen(text) > strlen(end));
	STREQ(text + strlen(text) - strlen(end), end);
	slurp("/proc/cmdline");
	CHECK(strstr(text, "console=ttyS0") != NULL);
	EQ(text[strlen(text) - 1], '\n');
}

static void file_systems(void)
{
	slurp("/proc/filesystems");
	CHECK(has_line("nodev\ttmpfs"));
	CHECK(has_line("nodev\tproc"));
	CHECK(has_line("nodev\tramfs"));
	CHECK(has_line("nodev\tdevpts"));
}

static void device_numbers(void)
{
	struct stat st;
	char want[64];

	slurp("/proc/devices");
	CHECK(strncmp(text, "Character devices:\n  1 mem\n", 27) == 0);
	CHECK(has_line("  4 ttyS") && has_line("  5 /dev/tty") && has_line("  5 /dev/console"));
	CHECK(has_line("  5 /dev/ptmx") && has_line("128 ptm") && has_line("136 pts"));
	CHECK(strstr(text, "\n\nBlock devices:\n") != NULL);
	OK(stat("/dev/null", &st));
	snprintf(want, sizeof want, "%3u mem", (unsigned)(st.st_rdev >> 8));
	CHECK(has_line(want));
	slurp("/proc/tty/drivers");
	CHECK(has_line("/dev/tty             /dev/tty        5       0 system:/dev/tty"));
	CHECK(has_line("pty_slave            /dev/pts      136 0-1048575 pty:slave"));
}

static void headings(void)
{
	slurp("/proc/swaps");
	STREQ(text, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	STREQ(slurp("/proc/execdomains"), "0-0\tLinux           \t[kernel]\n");
	STREQ(slurp("/proc/modules"), "");
	slurp("/proc/consoles");
	CHECK(has_line("ttyS0                -W- (EC p a)    4:64"));
}

static void processors(void)
{
	static const char *keys[] = {
		"vendor_id\t: ", "cpu family\t: ", "model\t\t: ", "model name\t: ", "stepping\t: ",
		"cpu MHz\t\t: ", "fpu\t\t: yes\n", "cpuid level\t: ", "wp\t\t: yes\n", "flags\t\t: fpu ",
		"clflush size\t: 64\n", "address sizes\t: ", "power management:\n\n", NULL,
	};
	cpu_set_t set;
	int count = 0, siblings;

	OK(sched_getaffinity(0, sizeof set, &set));
	for (char *at = slurp("/proc/cpuinfo"); *at; count++) {
		char want[32];

		snprintf(want, sizeof want, "processor\t: %d\n", count);
		CHECK(strncmp(at, want, strlen(want)) == 0);
		for (const char **key = keys; *key; key++) {
			char *found = strstr(at, *key);

			if (!found) {
				check_fail(__FILE__, __LINE__, "no %s", *key);
				return;
			}
			CHECK(found[-1] == '\n');
			at = found + strlen(*key);
		}
	}
	EQ(count, CPU_COUNT(&set));
	char *line = strstr(text, "siblings\t: ");
	CHECK(line && sscanf(line, "siblings\t: %d\n", &siblings) == 1 && siblings == count);
	CHECK(strstr(text, " sse2 ") && strstr(text, " syscall ") && strstr(text, " nx "));
}

static void hidden_addresses(void)
{
	OK(setuid(1000));
	slurp("/proc/iomem");
	CHECK(has_line("00000000-00000000 : System RAM"));
	CHECK(strstr(text, "00100000-") == NULL);
}

static void addresses(void)
{
	struct sysinfo info;
	unsigned long long start, end, ram = 0;
	char kind[64];
	int len;

	slurp("/proc/iomem");
	for (char *line = text; *line; line = strchr(line, '\n') + 1)
		if (sscanf(line, "%llx-%llx : %63[^\n]%n", &start, &end, kind, &len) == 3 && line[0] != ' ' &&
		    strcmp(kind, "System RAM") == 0)
			ram += end + 1 - start;
	OK(sysinfo(&info));
	CHECK(ram >= info.totalram && ram < info.totalram + (96 << 20));
	slurp("/proc/ioports");
	CHECK(strstr(text, "03f8-03ff : serial\n") != NULL);
	IN_CHILD(hidden_addresses);
}

/* What everybody may read, everybody may read. */
static void as_user(void)
{
	static const char *names[] = {
		"version", "cmdline", "filesystems", "devices", "cpuinfo", "meminfo", "stat", "uptime",
		"loadavg", "interrupts", "softirqs", "swaps", "partitions", "diskstats", "modules",
		"misc", "mounts", "buddyinfo", "vmstat", "locks", "consoles", "iomem", "ioports",
	};

	OK(setuid(1000));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[64];

		snprintf(path, sizeof path, "/proc/%s", names[i]);
		check_name = names[i];
		slurp(path);
		FAILS(open(path, O_WRONLY), EACCES);
	}
	FAILS(open("/proc/sysrq-trigger", O_WRONLY), EACCES);
}

static void everybody_may_read(void)
{
	IN_CHILD(as_user);
}

int main(void)
{
	RUN(version);
	RUN(file_systems);
	RUN(device_numbers);
	RUN(headings);
	RUN(processors);
	RUN(addresses);
	RUN(everybody_may_read);
	return report();
}
