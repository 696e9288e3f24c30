/* /proc/PID/maps, smaps, pagemap, clear_refs, mem, cmdline, environ, auxv: against mappings of the
 * test's own making, in itself and in a child. */
#include "../proc.h"
#include <elf.h>
#include <link.h>
#include <sys/prctl.h>

enum { PAGE = 4096 };

/* The line of a text whose range begins here. */
static char *line_at(char *text, void *addr)
{
	char start[24];

	snprintf(start, sizeof start, "%08lx-", (long)addr);
	if (strncmp(text, start, strlen(start)) == 0)
		return text;
	for (char *line = text; (line = strchr(line, '\n')); )
		if (strncmp(++line, start, strlen(start)) == 0)
			return line;
	return NULL;
}

static void expect_line(void *addr, size_t len, const char *rest)
{
	char *line = line_at(slurp("/proc/self/maps"), addr), want[256];

	if (!line) {
		check_fail(__FILE__, __LINE__, "no line at %p", addr);
		return;
	}
	line[strcspn(line, "\n")] = 0;
	snprintf(want, sizeof want, "%08lx-%08lx %s", (long)addr, (long)addr + (long)len, rest);
	STREQ(line, want);
}

static void lines(void)
{
	char *area = OK(mmap(NULL, 16 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), want[256], cwd[128];
	struct stat st;
	int fd;

	OK(mprotect(area + PAGE, PAGE, PROT_READ));
	OK(mprotect(area + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE));
	OK(mprotect(area + 3 * PAGE, PAGE, PROT_READ | PROT_EXEC));
	OK(mprotect(area + 4 * PAGE, PAGE, PROT_WRITE));
	expect_line(area, PAGE, "---p 00000000 00:00 0 ");
	expect_line(area + PAGE, PAGE, "r--p 00000000 00:00 0 ");
	expect_line(area + 2 * PAGE, PAGE, "rw-p 00000000 00:00 0 ");
	expect_line(area + 3 * PAGE, PAGE, "r-xp 00000000 00:00 0 ");
	expect_line(area + 4 * PAGE, PAGE, "-w-p 00000000 00:00 0 ");

	char zero[4 * PAGE] = "";

	fd = file_with("a file", zero, sizeof zero);
	OK(fstat(fd, &st));
	OK(mmap(area + 8 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 2 * PAGE));
	OK(getcwd(cwd, sizeof cwd));
	snprintf(want, sizeof want, "r--s 00002000 %02x:%02x %lu ", (int)(st.st_dev >> 8), (int)(st.st_dev & 0xff), (long)st.st_ino);
	/* Names stand in a column of their own. */
	size_t head = 2 * 12 + 2;

	snprintf(want + strlen(want), sizeof want - strlen(want), "%*s%s/a file", (int)(73 - head - strlen(want)), "", cwd);
	expect_line(area + 8 * PAGE, PAGE, want);
	OK(rename("a file", "new\nname"));
	char *line = line_at(slurp("/proc/self/maps"), area + 8 * PAGE);

	CHECK(strstr(line, "/new\\012name\n"));
	OK(unlink("new\nname"));
	line = line_at(slurp("/proc/self/maps"), area + 8 * PAGE);
	CHECK(strstr(line, "/new\\012name (deleted)\n"));
	close(fd);

	char *shared = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));

	line = line_at(slurp("/proc/self/maps"), shared);
	CHECK(line && strstr(line, " rw-s 00000000 00:01 ") == line + 25 && strstr(line, " /dev/zero (deleted)\n"));
	syscall(SYS_brk, syscall(SYS_brk, 0) + PAGE);
	CHECK(strstr(slurp("/proc/self/maps"), " [heap]\n"));
	CHECK(strstr(slurp("/proc/self/maps"), " [stack]\n"));
	CHECK(strstr(slurp("/proc/self/maps"), " r-xp 00000000 00:00 0                          [vdso]\n"));
	munmap(area, 16 * PAGE);
}

/* Read bytewise or at once, the text is the same; ranges come by rising address. */
static void partial_reads(void)
{
	static char parts[1 << 16];
	char *whole;
	size_t len;
	int fd;

	/* More than one piece. */
	for (int i = 0; i < 300; i++)
		OK(mmap(NULL, PAGE, i & 1 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	whole = slurp("/proc/self/maps");
	len = proc_len;
	CHECK(len > 300 * 40);
	for (size_t step = 1; step < 5000; step = step * 7 + 3) {
		size_t done = 0;
		ssize_t n;

		fd = OK(open("/proc/self/maps", O_RDONLY));
		while ((n = read(fd, parts + done, step < sizeof parts - done ? step : sizeof parts - done)) > 0)
			done += n;
		EQ(n, 0);
		EQ(done, len);
		SAME(parts, whole, len);
		EQ(lseek(fd, 0, SEEK_SET), 0);
		EQ(read(fd, parts, 10), 10);
		SAME(parts, whole, 10);
		close(fd);
	}
	unsigned long last = 0, start, end;

	for (char *line = whole; *line; line = strchr(line, '\n') + 1) {
		if (sscanf(line, "%lx-%lx ", &start, &end) != 2 || start < last || end <= start) {
			check_fail(__FILE__, __LINE__, "bad line %.40s", line);
			break;
		}
		last = end;
	}
}

/* A number of kB in the smaps entry of this range. */
static long long sum(pid_t pid, void *addr, const char *name)
{
	char *line = line_at(slurp("/proc/%d/smaps", pid), addr);

	return line ? field(line, name) : -2;
}

static void sums(void)
{
	char *area = OK(mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	pid_t self = getpid();
	int ends[2], fd;

	EQ(sum(self, area, "Size"), 256);
	EQ(sum(self, area, "Rss"), 0);
	memset(area, 1, 16 * PAGE);
	EQ(sum(self, area, "Rss"), 64);
	EQ(sum(self, area, "Pss"), 64);
	EQ(sum(self, area, "Private_Dirty"), 64);
	EQ(sum(self, area, "Shared_Dirty"), 0);
	EQ(sum(self, area, "Anonymous"), 64);
	EQ(sum(self, area, "Referenced"), 64);
	EQ(sum(self, area, "KernelPageSize"), 4);
	CHECK(strstr(strstr(line_at(slurp("/proc/self/smaps"), area), "VmFlags:"), "rd wr mr mw me ac "));
	OK(pipe(ends));
	pid_t pid = fork();

	if (pid == 0) {
		close(ends[1]);
		await_byte(ends[0]);
		_exit(0);
	}
	EQ(sum(self, area, "Shared_Dirty"), 64);
	EQ(sum(self, area, "Private_Dirty"), 0);
	EQ(sum(self, area, "Pss"), 32);
	EQ(sum(pid, area, "Rss"), 64);
	memset(area, 2, 4 * PAGE);
	EQ(sum(self, area, "Private_Dirty"), 16);
	EQ(sum(self, area, "Shared_Dirty"), 48);
	close(ends[1]);
	EXITS(pid, 0);
	EQ(sum(self, area, "Private_Dirty"), 64);

	fd = OK(open("/proc/self/clear_refs", O_WRONLY));
	EQ(write(fd, "1\n", 2), 2);
	EQ(sum(self, area, "Referenced"), 0);
	/* Linux leaves it to chance when CPUs forget the page. */
	OK(mprotect(area + PAGE, PAGE, PROT_READ));
	OK(mprotect(area + PAGE, PAGE, PROT_READ | PROT_WRITE));
	((volatile char *)area)[PAGE]++;
	EQ(sum(self, area, "Referenced"), 4);
	FAILS(write(fd, "0", 1), EINVAL);
	FAILS(write(fd, "6", 1), EINVAL);
	FAILS(write(fd, "x", 1), EINVAL);
	EQ(write(fd, "5", 1), 1);
	FAILS(read(fd, ends, 1), EBADF);
	close(fd);
	OK(mlock(area, 2 * PAGE));
	EQ(sum(self, area, "Locked"), 8);
	CHECK(strstr(strstr(line_at(slurp("/proc/self/smaps"), area), "VmFlags:"), " lo "));
	EQ(field(slurp("/proc/self/status"), "VmLck"), 8);
	munmap(area, 64 * PAGE);

	long long rss = 0, total;

	for (char *line = slurp("/proc/self/smaps"); (line = strstr(line, "\nRss:")); line++)
		rss += strtoll(line + 5, NULL, 10);
	total = field(slurp("/proc/self/smaps_rollup"), "Rss");
	CHECK(total >= rss - 40 && total <= rss + 80);
	CHECK(strstr(slurp("/proc/self/smaps_rollup"), " ---p 00000000 00:00 0                              [rollup]\nRss: "));
}

static void page_map(void)
{
	char *area = OK(mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	uint64_t entries[8];
	int fd = OK(open("/proc/self/pagemap", O_RDONLY));
	off_t at = (long)area / PAGE * 8;

	area[PAGE] = area[3 * PAGE] = 1;
	EQ(pread(fd, entries, 64, at), 64);
	for (int i = 0; i < 8; i++)
		EQ(entries[i] >> 63, i == 1 || i == 3);
	CHECK(entries[1] >> 56 & 1);
	CHECK(entries[1] & ((1ull << 55) - 1));
	CHECK((entries[1] ^ entries[3]) & ((1ull << 55) - 1));
	EQ(entries[0] & ((1ull << 55) - 1), 0);
	FAILS(pread(fd, entries, 64, at + 1), EINVAL);
	FAILS(pread(fd, entries, 63, at), EINVAL);
	/* Past the end of user memory. */
	EQ(pread(fd, entries, 64, (1ull << 47) / PAGE * 8), 0);
	close(fd);
	munmap(area, 8 * PAGE);
}

static const char constant[PAGE * 2] __attribute__((aligned(PAGE))) = "unchanged";

static void memory(void)
{
	char *area = OK(mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), buffer[2 * PAGE];
	int ends[2], answer[2], fd;

	strcpy(area, "hello");
	OK(munmap(area + PAGE, PAGE));
	fd = OK(open("/proc/self/mem", O_RDWR));
	EQ(pread(fd, buffer, 6, (long)area), 6);
	STREQ(buffer, "hello");
	EQ(pwrite(fd, "HE", 2, (long)area), 2);
	STREQ(area, "HEllo");
	EQ(pread(fd, buffer, 2 * PAGE, (long)area), PAGE);
	FAILS(pread(fd, buffer, 1, (long)area + PAGE), EIO);
	FAILS(pwrite(fd, buffer, 1, (long)area + PAGE), EIO);
	FAILS(pread(fd, buffer, 1, 1ull << 47), EIO);
	EQ(lseek(fd, (long)area + 1, SEEK_SET), (long)area + 1);
	EQ(read(fd, buffer, 1), 1);
	EQ(buffer[0], 'E');
	FAILS(lseek(fd, 0, SEEK_END), EINVAL);
	/* What the program may not do itself: a private page is copied. */
	OK(mprotect(area, PAGE, PROT_NONE));
	EQ(pread(fd, buffer, 5, (long)area), 5);
	EQ(pwrite(fd, "xx", 2, (long)area), 2);
	OK(mprotect(area, PAGE, PROT_READ));
	STREQ(area, "xxllo");
	EQ(pwrite(fd, "CH", 2, (long)constant + 2), 2);
	const char *volatile changed = constant;

	STREQ(changed, "unCHanged");
	int file = file_with("shared", "abcdef", 6);
	char *shared = OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0));

	EQ(pread(fd, buffer, 6, (long)shared), 6);
	int again = OK(open("shared", O_RDONLY));
	char *readonly = OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, again, 0));

	FAILS(pwrite(fd, "X", 1, (long)readonly), EIO);
	close(fd);

	/* Another process. */
	OK(pipe(ends));
	OK(pipe(answer));
	OK(mprotect(area, PAGE, PROT_READ | PROT_WRITE));
	strcpy(area, "before");
	pid_t pid = fork();

	if (pid == 0) {
		strcpy(area, "in the child");
		if (write(answer[1], "x", 1) != 1)
			_exit(9);
		await_byte(ends[0]);
		_exit(strcmp(area, "IN the child") == 0 ? 0 : 1);
	}
	await_byte(answer[0]);
	snprintf(buffer, sizeof buffer, "/proc/%d/mem", pid);
	fd = OK(open(buffer, O_RDWR));
	EQ(pread(fd, buffer, 13, (long)area), 13);
	STREQ(buffer, "in the child");
	EQ(pwrite(fd, "IN", 2, (long)area), 2);
	STREQ(area, "before");
	OK(write(ends[1], "x", 1));
	siginfo_t info;

	EQ(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
	EQ(pread(fd, buffer, 13, (long)area), 0);
	EXITS(pid, 0);
	EQ(pread(fd, buffer, 13, (long)area), 0);
	close(fd);
	munmap(area, PAGE);
}

extern char **environ;
static char **arguments;

static void strings(void)
{
	char *text = slurp("/proc/self/cmdline");
	size_t len = strlen(arguments[0]) + 1, end = 0, size;
	ElfW(auxv_t) aux[40];
	int fd;

	EQ(proc_len, len);
	STREQ(text, arguments[0]);
	text = slurp("/proc/self/environ");
	for (char **e = environ; *e; e++) {
		STREQ(text + end, *e);
		end += strlen(*e) + 1;
	}
	EQ(proc_len, end);
	text = slurp("/proc/self/auxv");
	size = proc_len;
	EQ(size % sizeof *aux, 0);
	memcpy(aux, text, size);
	EQ(aux[size / sizeof *aux - 1].a_type, AT_NULL);
	for (size_t i = 0; i < size / sizeof *aux; i++) {
		if (aux[i].a_type == AT_PAGESZ)
			EQ(aux[i].a_un.a_val, PAGE);
		if (aux[i].a_type == AT_EXECFN)
			CHECK(strcmp((char *)aux[i].a_un.a_val, arguments[0]) == 0);
	}
	fd = OK(open("/proc/self/cmdline", O_RDONLY));
	char part[8] = "";

	EQ(pread(fd, part, 3, 2), len - 2 < 3 ? (long)len - 2 : 3);
	EQ(memcmp(part, arguments[0] + 2, 3), 0);
	EQ(pread(fd, part, 3, 100000), 0);
	close(fd);
	/* setproctitle: without a NUL at the end of the arguments, up to one in the environment. */
	char *title = arguments[0];

	memset(title, 'T', len + 2);
	title[len + 2] = 0;
	text = slurp("/proc/self/cmdline");
	EQ(proc_len, len + 3);
	EQ(strspn(text, "T"), len + 2);
	/* With it the arguments end where they did. */
	title[len - 1] = 0;
	slurp("/proc/self/cmdline");
	EQ(proc_len, len);
}

int main(int argc, char **argv)
{
	(void)argc;
	arguments = argv;
	RUN(lines);
	RUN(sums);
	RUN(page_map);
	RUN(memory);
	RUN(partial_reads);
	RUN(strings);
	return report();
}
