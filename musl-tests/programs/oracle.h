/* The errno oracle: every call with each of its arguments bad in each way that its kind has, as
 * root and as nobody. Each case is a child in a folder of its own that prints nothing; the line
 * `call(argument: class) = result` is what the kernels are compared by.
 *
 * A table has a row per call, a word per argument: its kind, and the value that is good.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include "check.h"
#include <ftw.h>
#include <limits.h>
#include <sys/time.h>
#include <sys/eventfd.h>

enum kind { NONE, VALUE, FD, DIRFD, PATH, BUF, LEN, BITS, OFFSET, CHOICE, PID, ID, ADDR };

struct arg {
	enum kind kind;
	long good;
};

struct row {
	const char *name;
	long number;
	struct arg args[6];
};

#define CALL(call, ...) {#call, SYS_##call, {__VA_ARGS__}}
#define V(value) {VALUE, (long)(value)}
#define F(fd) {FD, fd}
#define D(fd) {DIRFD, fd}
#define P(path) {PATH, (long)(path)}
#define B(bytes) {BUF, (long)(bytes)}
#define L(len) {LEN, len}
#define FLAGS(bits) {BITS, bits}
#define O(offset) {OFFSET, offset}
#define C(choice) {CHOICE, choice}
#define PROC(pid) {PID, pid}
#define I(id) {ID, id}
#define A(address) {ADDR, address}

/* What is open in every case. */
enum { REG = 10, DIR_FD, PIPE_R, PIPE_W, RDONLY, WRONLY, PATH_FD, NUL, PATH_DIR, EVENT, CLOSED };

#define PAGE 4096
/* A page of zeroes, a hole, a page to read only. */
#define AREA 0x10000000L
/* Four pages that are the child's to spoil. */
#define SPARE 0x20000000L

struct class {
	const char *name;
	long value;
};

static char long_name[NAME_MAX + 2], long_path[PATH_MAX + 2];

static const struct class fds[] = {
	{"-1", -1}, {"cwd", AT_FDCWD}, {"least", INT_MIN}, {"most", INT_MAX}, {"closed", CLOSED},
	{"file", REG}, {"folder", DIR_FD}, {"pipe's end to read", PIPE_R}, {"pipe's end to write", PIPE_W},
	{"file to read", RDONLY}, {"file to write", WRONLY}, {"path", PATH_FD}, {"null", NUL},
	{"path of a folder", PATH_DIR}, {"event", EVENT}, {"high half", 0x100000000L + REG},
}, paths[] = {
	{"NULL", 0}, {"unmapped", AREA + PAGE}, {"kernel", (long)0xffffffff81000000}, {"empty", (long)""},
	{"missing", (long)"missing"}, {"missing folder", (long)"missing/x"}, {"below a file", (long)"file/x"},
	{"file as folder", (long)"file/"}, {"file", (long)"file"}, {"folder", (long)"dir"}, {"folder/", (long)"dir/"},
	{"full folder", (long)"full"}, {"dot", (long)"."}, {"dot dot", (long)".."}, {"dir/.", (long)"dir/."},
	{"root", (long)"/"}, {"loop", (long)"loop"}, {"below a loop", (long)"loop/x"}, {"dangling", (long)"dangling"},
	{"link to folder", (long)"todir"}, {"link to folder/", (long)"todir/"}, {"link to file", (long)"tofile"},
	{"link to file/", (long)"tofile/"}, {"long name", (long)long_name}, {"long path", (long)long_path},
	{"closed folder", (long)"shut/file"}, {"missing in closed folder", (long)"shut/x"},
	{"foreign", (long)"foreign"}, {"foreign folder", (long)"foreign.d/x"}, {"sticky", (long)"sticky/file"},
	{"fifo", (long)"fifo"},
}, bufs[] = {
	{"NULL", 0}, {"low", 8}, {"unmapped", AREA + PAGE}, {"read-only", AREA + 2 * PAGE},
	{"crossing", AREA + PAGE - 4}, {"odd", AREA + 1}, {"kernel", (long)0xffffffff81000000},
	{"non-canonical", LONG_MIN}, {"last", -1},
}, lens[] = {
	{"0", 0}, {"1", 1}, {"3", 3}, {"page", PAGE}, {"1 TiB", 1L << 40}, {"INT_MAX", INT_MAX}, {"UINT_MAX", UINT_MAX},
	{"LONG_MAX", LONG_MAX}, {"LONG_MIN", LONG_MIN}, {"-1", -1},
}, offsets[] = {
	{"0", 0}, {"1", 1}, {"page", PAGE}, {"2 GiB", 1L << 31}, {"8 EiB", LONG_MAX}, {"LONG_MIN", LONG_MIN}, {"-1", -1},
}, pids[] = {
	{"0", 0}, {"1", 1}, {"missing", 4000000}, {"most", INT_MAX}, {"least", INT_MIN}, {"-missing", -4000000},
}, ids[] = {
	{"0", 0}, {"1", 1}, {"65534", 65534}, {"most", INT_MAX}, {"least", INT_MIN}, {"-1", -1},
	{"high half", 0x100000000L},
}, addresses[] = {
	{"NULL", 0}, {"odd", SPARE + 1}, {"unmapped", AREA + PAGE}, {"read-only", AREA + 2 * PAGE},
	{"half mapped", SPARE + 3 * PAGE}, {"last of user", 0x7fffffffe000}, {"kernel", (long)0xffffffff81000000},
	{"non-canonical", LONG_MIN}, {"last page", -PAGE},
};

static void none(int sig)
{
	(void)sig;
}

static void in_fd(int want, int fd)
{
	OK(dup2(fd, want));
	close(fd);
}

/* The folder in which a case runs. */
static void furnish(void)
{
	int p[2];

	close(file_with("file", "0123456789abcdef", 16));
	OK(chown("file", 65534, 65534));
	close(file_with("foreign", "0123456789abcdef", 16));
	OK(mkdir("dir", 0755));
	OK(chown("dir", 65534, 65534));
	OK(mkdir("full", 0755));
	OK(chown("full", 65534, 65534));
	OK(mkdir("full/x", 0755));
	OK(mkdir("foreign.d", 0755));
	close(file_with("foreign.d/x", "x", 1));
	OK(mkdir("shut", 0700));
	close(file_with("shut/file", "x", 1));
	OK(mkdir("sticky", 0777));
	OK(chmod("sticky", 01777));
	close(file_with("sticky/file", "x", 1));
	OK(symlink("loop", "loop"));
	OK(symlink("missing", "dangling"));
	OK(symlink("dir", "todir"));
	OK(symlink("file", "tofile"));
	OK(mkfifo("fifo", 0666));
	OK(pipe(p));
	in_fd(PIPE_R, p[0]);
	in_fd(PIPE_W, p[1]);
	in_fd(REG, OK(open("file", O_RDWR)));
	in_fd(DIR_FD, OK(open(".", O_RDONLY)));
	in_fd(RDONLY, OK(open("file", O_RDONLY)));
	in_fd(WRONLY, OK(open("file", O_WRONLY)));
	in_fd(PATH_FD, OK(open("file", O_PATH)));
	in_fd(NUL, OK(open("/dev/null", O_RDWR)));
	in_fd(PATH_DIR, OK(open(".", O_PATH)));
	in_fd(EVENT, OK(eventfd(0, 0)));
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st, (void)kind, (void)where;
	return remove(path);
}

/* Away with the folder of a case, whatever the call made of it. */
static void clear(const char *name)
{
	OK(chdir(".."));
	OK(nftw(name, remove_one, 16, FTW_DEPTH | FTW_PHYS));
}

/* The case itself, in a child: the call. */
static _Noreturn void perform(const struct row *row, int slot, long bad, int nobody)
{
	static const struct itimerval soon = {{0, 100000}, {0, 200000}};
	struct sigaction action = {.sa_handler = none};
	long args[6];

	for (int i = 0; i < 6; i++)
		args[i] = i == slot ? bad : row->args[i].good;
	OK(mmap((void *)SPARE, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	if (nobody) {
		OK(syscall(SYS_setgroups, 0, NULL));
		OK(syscall(SYS_setresgid, 65534, 65534, 65534));
		OK(syscall(SYS_setresuid, 65534, 65534, 65534));
	}
	/* What sleeps is woken, and answers EINTR. */
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	errno = 0;
	long result = syscall(row->number, args[0], args[1], args[2], args[3], args[4], args[5]);

	_exit(result == -1 ? errno : 0);
}

static void run_case(const struct row *row, int slot, const char *class, long bad, int nobody)
{
	static unsigned count;
	char name[24];

	snprintf(name, sizeof name, "%u", count++);
	OK(mkdir(name, 0777));
	OK(chmod(name, 0777));
	OK(chdir(name));
	furnish();
	fflush(stdout);
	pid_t pid = fork();

	if (pid == 0)
		perform(row, slot, bad, nobody);
	int status = status_of(pid);

	printf("%s%s(%d: %s) = ", nobody ? "nobody: " : "", row->name, slot, class);
	if (status & 0x7f)
		printf("signal %d\n", status & 0x7f);
	else
		printf("%s\n", status ? strerror(status >> 8) : "ok");
	clear(name);
}

static void run_classes(const struct row *row, int slot, const struct class *classes, size_t count, int nobody)
{
	for (size_t i = 0; i < count; i++)
		run_case(row, slot, classes[i].name, classes[i].value, nobody);
}

#define RUN_CLASSES(which) run_classes(row, slot, which, sizeof which / sizeof which[0], nobody)

static void run_row(const struct row *row, int nobody)
{
	char name[32];

	run_case(row, 6, "good", 0, nobody);
	for (int slot = 0; slot < 6; slot++)
		switch (row->args[slot].kind) {
		case NONE:
		case VALUE:
			break;
		case FD:
		case DIRFD:
			RUN_CLASSES(fds);
			break;
		case PATH:
			RUN_CLASSES(paths);
			break;
		case BUF:
			RUN_CLASSES(bufs);
			break;
		case LEN:
			RUN_CLASSES(lens);
			break;
		case OFFSET:
			RUN_CLASSES(offsets);
			break;
		case PID:
			RUN_CLASSES(pids);
			break;
		case ID:
			RUN_CLASSES(ids);
			break;
		case ADDR:
			RUN_CLASSES(addresses);
			break;
		case BITS:
			for (int bit = 0; bit < 33; bit++) {
				snprintf(name, sizeof name, "with bit %d", bit);
				run_case(row, slot, name, row->args[slot].good ^ 1L << bit, nobody);
			}
			run_case(row, slot, "all bits", -1, nobody);
			break;
		case CHOICE:
			for (long choice = -1; choice < 40; choice++) {
				snprintf(name, sizeof name, "%ld", choice);
				run_case(row, slot, name, choice, nobody);
			}
			run_case(row, slot, "most", INT_MAX, nobody);
			run_case(row, slot, "least", INT_MIN, nobody);
			break;
		}
}

/* All of a table. `nobody`: a second time as uid 65534. */
static int run_table(const struct row *rows, size_t count, int nobody)
{
	setvbuf(stdout, NULL, _IOFBF, 65536);
	memset(long_name, 'n', NAME_MAX + 1);
	for (size_t i = 0; i < PATH_MAX; i++)
		long_path[i] = i % 2 ? '/' : '.';
	OK(mmap((void *)AREA, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	OK(mprotect((void *)(AREA + 2 * PAGE), PAGE, PROT_READ));
	OK(munmap((void *)(AREA + PAGE), PAGE));
	for (size_t r = 0; r < count; r++)
		for (int who = 0; who <= nobody; who++)
			run_row(&rows[r], who);
	fflush(stdout);
	return report();
}

#define RUN_TABLE(rows, nobody) run_table(rows, sizeof rows / sizeof rows[0], nobody)

#endif
