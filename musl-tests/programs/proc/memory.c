/* What /proc tells of memory, parsed strictly, checked against sysinfo(2) and
 * against what this program itself takes and gives back.  proc(5).
 */
#include "check.h"
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

/* A line of meminfo in kB. */
static long meminfo(const char *name)
{
	char want[64], *line;
	long value = -1;

	slurp("/proc/meminfo");
	snprintf(want, sizeof want, "%s:", name);
	for (line = text; *line && strncmp(line, want, strlen(want)) != 0;)
		line = strchr(line, '\n') + 1;
	if (!*line) {
		check_fail(__FILE__, __LINE__, "no line %s", name);
		return -1;
	}
	EQ(sscanf(line + strlen(want), " %ld kB\n", &value), 1);
	return value;
}

/* Every line is one of Linux's, in Linux's order and columns. */
static void format(void)
{
	static const char *names[] = {
		"MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapCached", "Active",
		"Inactive", "Active(anon)", "Inactive(anon)", "Active(file)", "Inactive(file)",
		"Unevictable", "Mlocked", "SwapTotal", "SwapFree", "Dirty", "Writeback", "AnonPages",
		"Mapped", "Shmem", "KReclaimable", "Slab", "SReclaimable", "SUnreclaim", "KernelStack",
		"PageTables", "SecPageTables", "NFS_Unstable", "Bounce", "WritebackTmp", "CommitLimit",
		"Committed_AS", "VmallocTotal", NULL,
	};
	const char **name = names;
	char *next;

	for (char *line = slurp("/proc/meminfo"); *line; line = next) {
		char want[64];
		long value;

		next = strchr(line, '\n') + 1;
		while (*name && (strncmp(line, *name, strlen(*name)) != 0 || line[strlen(*name)] != ':'))
			name++;
		if (!*name) {
			check_fail(__FILE__, __LINE__, "what is %.20s", line);
			return;
		}
		if (strcmp(*name, "VmallocTotal") == 0)
			return;
		EQ(sscanf(line + strlen(*name) + 1, "%ld", &value), 1);
		snprintf(want, sizeof want, "%s:%*ld kB\n", *name, (int)(23 - strlen(*name)), value);
		CHECK(strncmp(line, want, strlen(want)) == 0);
		name++;
	}
}

static void near(const char *what, long got, long want, long by)
{
	if (labs(got - want) > by)
		check_fail(__FILE__, __LINE__, "%s is %ld, not about %ld", what, got, want);
}

static void like_sysinfo(void)
{
	struct sysinfo info;

	OK(sysinfo(&info));
	EQ(meminfo("MemTotal"), info.totalram * info.mem_unit / 1024);
	near("MemFree", meminfo("MemFree"), info.freeram * info.mem_unit / 1024, 4096);
	near("Shmem", meminfo("Shmem"), info.sharedram * info.mem_unit / 1024, 512);
	EQ(meminfo("SwapTotal"), info.totalswap);
	CHECK(meminfo("MemAvailable") <= meminfo("MemTotal"));
	CHECK(meminfo("Slab") == meminfo("SReclaimable") + meminfo("SUnreclaim"));
	CHECK(meminfo("KernelStack") > 0 && meminfo("PageTables") > 0);
}

enum { MIB = 1 << 20, KIB_OF_16 = 16 * 1024 };

static void anonymous(void)
{
	long anon = meminfo("AnonPages"), free = meminfo("MemFree"), tables = meminfo("PageTables");
	char *map = mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(map != MAP_FAILED);
	near("untouched", meminfo("AnonPages"), anon, 512);
	memset(map, 1, 16 * MIB);
	near("AnonPages", meminfo("AnonPages"), anon + KIB_OF_16, 512);
	near("MemFree", meminfo("MemFree"), free - KIB_OF_16, 2048);
	/* Linux lets counters lag behind by some pages. */
	CHECK(meminfo("PageTables") >= tables);
	/* A child shares them until it writes. */
	pid_t pid = fork();
	if (pid == 0) {
		near("shared", meminfo("AnonPages"), anon + KIB_OF_16, 768);
		memset(map, 2, 8 * MIB);
		near("copied", meminfo("AnonPages"), anon + KIB_OF_16 * 3 / 2, 768);
		_exit(report());
	}
	EXITS(pid, 0);
	near("after the child", meminfo("AnonPages"), anon + KIB_OF_16, 768);
	OK(munmap(map, 16 * MIB));
	near("given back", meminfo("AnonPages"), anon, 512);
	near("free again", meminfo("MemFree"), free, 2048);
}

static void shared(void)
{
	long shmem = meminfo("Shmem"), cached = meminfo("Cached");
	int fd = OK(open("big", O_CREAT | O_RDWR, 0600));

	static char block[MIB];
	for (int i = 0; i < 8; i++)
		EQ(write(fd, block, MIB), MIB);
	near("Shmem", meminfo("Shmem"), shmem + 8192, 512);
	near("Cached", meminfo("Cached"), cached + 8192, 512);
	OK(ftruncate(fd, 4 * MIB));
	near("cut", meminfo("Shmem"), shmem + 4096, 512);
	OK(unlink("big"));
	near("open still", meminfo("Shmem"), shmem + 4096, 512);
	OK(close(fd));
	near("gone", meminfo("Shmem"), shmem, 512);
	char *map = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(map != MAP_FAILED);
	memset(map, 1, 4 * MIB);
	near("mapped", meminfo("Shmem"), shmem + 4096, 512);
	OK(munmap(map, 4 * MIB));
	near("unmapped", meminfo("Shmem"), shmem, 512);
}

/* Free blocks add up to what is free, roughly: CPUs keep some. */
static void blocks(void)
{
	char *line = slurp("/proc/buddyinfo"), name[16];
	long pages = 0, count;
	int len;

	while (*line) {
		EQ(sscanf(line, "Node 0, zone %15s%n", name, &len), 1);
		for (int order = 0; sscanf(line + len, "%ld", &count) == 1 && order < 11; order++) {
			pages += count << order;
			line += 7;
		}
		CHECK(strncmp(line + len, " \n", 2) == 0);
		line += len + 2;
	}
	near("buddyinfo", pages * 4, meminfo("MemFree"), 8192);
}

int main(void)
{
	RUN(format);
	RUN(like_sysinfo);
	RUN(anonymous);
	RUN(shared);
	RUN(blocks);
	return report();
}
