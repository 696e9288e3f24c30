/* /proc/sys: values, ranges, partial writes and positions as proc_dointvec and
 * proc_dostring have them, permissions that bind root, and that what is written
 * takes effect.  proc(5), Documentation/admin-guide/sysctl.
 *
 * What this program changes it sets back.
 */
#include "check.h"
#include <sys/utsname.h>

#define SYS "/proc/sys/"

static char text[4096];

static const char *get(const char *name)
{
	char path[128];

	snprintf(path, sizeof path, SYS "%s", name);
	int fd = OK(open(path, O_RDONLY));
	ssize_t n = OK(read(fd, text, sizeof text - 1));
	text[n > 0 ? n : 0] = 0;
	EQ(read(fd, path, 1), 0);
	OK(close(fd));
	return text;
}

/* What write(2) answers: bytes, or -errno. */
static long put(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof path, SYS "%s", name);
	int fd = OK(open(path, O_WRONLY));
	long n = write(fd, value, strlen(value));
	if (n < 0)
		n = -errno;
	OK(close(fd));
	return n;
}

static void numbers(void)
{
	static const struct { const char *text; long answer; const char *value; } cases[] = {
		{ "4000\n", 5, "4000\n" },
		{ " \t 4001", 7, "4001\n" },
		{ "0x1000", 6, "4096\n" },
		{ "010000\n", 7, "4096\n" },
		{ "4002 junk", 5, "4002\n" },
		{ "4003 4004\n", 5, "4003\n" },
		{ "junk", -EINVAL, "4003\n" },
		{ "4005x", -EINVAL, "4003\n" },
		{ "4005.5", -EINVAL, "4003\n" },
		{ "-", -EINVAL, "4003\n" },
		{ "+5", -EINVAL, "4003\n" },
		{ "\n", -EINVAL, "4003\n" },
		{ "300", -EINVAL, "4003\n" },
		{ "-301", -EINVAL, "4003\n" },
		{ "4194305", -EINVAL, "4003\n" },
		{ "99999999999999999999999", -EINVAL, "4003\n" },
		{ "301", 3, "301\n" },
		{ "4194304", 7, "4194304\n" },
	};
	char old[64];

	snprintf(old, sizeof old, "%s", get("kernel/pid_max"));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		check_name = cases[i].text;
		EQ(put("kernel/pid_max", cases[i].text), cases[i].answer);
		STREQ(get("kernel/pid_max"), cases[i].value);
	}
	check_name = "numbers";
	EQ(put("kernel/pid_max", old), strlen(old));
	STREQ(get("kernel/pid_max"), old);
}

static void positions(void)
{
	int fd = OK(open(SYS "kernel/pid_max", O_RDWR));
	char old[64] = { 0 };
	ssize_t len = OK(pread(fd, old, sizeof old - 1, 0));

	/* A short read gets the beginning, and there is nothing behind it. */
	EQ(read(fd, text, 2), 2);
	SAME(text, old, 2);
	EQ(read(fd, text, 10), 0);
	EQ(pread(fd, text, 10, 1), 0);
	EQ(lseek(fd, 0, SEEK_SET), 0);
	EQ(read(fd, text, sizeof text), len);
	/* What is written elsewhere than at the beginning is thrown away. */
	EQ(pwrite(fd, "999", 3, 1), 3);
	EQ(lseek(fd, 3, SEEK_SET), 3);
	EQ(write(fd, "junk", 4), 4);
	EQ(lseek(fd, 0, SEEK_CUR), 7);
	EQ(pread(fd, text, sizeof text, 0), len);
	SAME(text, old, len);
	EQ(write(fd, "", 0), 0);
	OK(close(fd));
	fd = OK(open(SYS "kernel/printk", O_RDWR));
	ssize_t all = OK(pread(fd, old, sizeof old - 1, 0));
	old[all] = 0;
	/* Fewer numbers than there are leave the others alone. */
	char want[64];
	snprintf(want, sizeof want, "%d%s", 3, strchr(old, '\t'));
	EQ(pwrite(fd, "3\n", 2, 0), 2);
	STREQ(get("kernel/printk"), want);
	EQ(pwrite(fd, old, all, 0), all);
	STREQ(get("kernel/printk"), old);
	OK(close(fd));
}

static void host_names(void)
{
	struct utsname uts, old;

	OK(uname(&old));
	EQ(put("kernel/hostname", "first line\nsecond\n"), 18);
	STREQ(get("kernel/hostname"), "first line\n");
	OK(uname(&uts));
	STREQ(uts.nodename, "first line");
	OK(sethostname("other", 5));
	STREQ(get("kernel/hostname"), "other\n");
	/* A write goes on where the position is, but not behind the end. */
	int fd = OK(open(SYS "kernel/hostname", O_RDWR));
	EQ(pwrite(fd, "THER!", 5, 1), 5);
	STREQ(get("kernel/hostname"), "oTHER!\n");
	EQ(pwrite(fd, "x", 1, 60), 1);
	STREQ(get("kernel/hostname"), "oTHER!\n");
	EQ(pread(fd, text, 3, 2), 3);
	SAME(text, "HER", 3);
	OK(close(fd));
	char longest[101];
	memset(longest, 'n', 100);
	longest[100] = 0;
	EQ(put("kernel/hostname", longest), 100);
	EQ(strlen(get("kernel/hostname")), 65);
	OK(uname(&uts));
	EQ(strlen(uts.nodename), 64);
	EQ(put("kernel/hostname", old.nodename), strlen(old.nodename));
	EQ(put("kernel/domainname", "example.org"), 11);
	OK(uname(&uts));
	STREQ(uts.domainname, "example.org");
	EQ(put("kernel/domainname", old.domainname), strlen(old.domainname));
	snprintf(longest, sizeof longest, "%s\n", old.release);
	STREQ(get("kernel/osrelease"), longest);
	snprintf(longest, sizeof longest, "%s\n", old.version);
	STREQ(get("kernel/version"), longest);
	STREQ(get("kernel/ostype"), "Linux\n");
	STREQ(get("kernel/ngroups_max"), "65536\n");
	STREQ(get("kernel/cap_last_cap"), "40\n");
}

static void as_user(void)
{
	OK(setuid(1000));
	FAILS(open(SYS "kernel/pid_max", O_WRONLY), EACCES);
	FAILS(access(SYS "kernel/pid_max", W_OK), EACCES);
	FAILS(open(SYS "vm/drop_caches", O_RDONLY), EACCES);
	/* Anybody may open this one, and few may write it. */
	int fd = OK(open(SYS "kernel/ns_last_pid", O_RDWR));
	FAILS(write(fd, "5000", 4), EPERM);
	OK(close(fd));
	OK(close(OK(open(SYS "kernel/pid_max", O_RDONLY))));
}

static void permissions_bind_root(void)
{
	struct stat st;

	FAILS(open(SYS "kernel/ostype", O_WRONLY), EACCES);
	FAILS(open(SYS "vm/drop_caches", O_RDONLY), EACCES);
	FAILS(access(SYS "kernel/ostype", W_OK), EACCES);
	EQ(access(SYS "kernel/hostname", R_OK | W_OK), 0);
	FAILS(open(SYS "kernel/new", O_CREAT | O_WRONLY, 0600), ENOENT);
	FAILS(chmod(SYS "kernel/hostname", 0666), EPERM);
	FAILS(chown(SYS "kernel/hostname", 1, 1), EPERM);
	FAILS(unlink(SYS "kernel/hostname"), EACCES);
	OK(stat(SYS "kernel", &st));
	EQ(st.st_mode, S_IFDIR | 0555);
	EQ(st.st_nlink, 1);
	OK(stat(SYS "kernel/hostname", &st));
	EQ(st.st_mode, S_IFREG | 0644);
	OK(stat(SYS "vm/drop_caches", &st));
	EQ(st.st_mode, S_IFREG | 0200);
	IN_CHILD(as_user);
}

static void nothing(void)
{
}

static void pids_follow(void)
{
	char number[32];
	pid_t pid = child(nothing);

	EXITS(pid, 0);
	snprintf(number, sizeof number, "%d\n", pid);
	STREQ(get("kernel/ns_last_pid"), number);
	/* The next process is given the next number. */
	EQ(put("kernel/ns_last_pid", "20000"), 5);
	pid = child(nothing);
	EXITS(pid, 0);
	CHECK(pid >= 20001 && pid <= 20020);
	/* And none is above the greatest. */
	char old[32];
	snprintf(old, sizeof old, "%s", get("kernel/pid_max"));
	EQ(put("kernel/pid_max", "15000"), 5);
	pid = child(nothing);
	EXITS(pid, 0);
	CHECK(pid < 15000);
	EQ(put("kernel/pid_max", old), strlen(old));
}

static void threads_max(void)
{
	char old[32];

	snprintf(old, sizeof old, "%s", get("kernel/threads-max"));
	EQ(put("kernel/threads-max", "0"), -EINVAL);
	EQ(put("kernel/threads-max", "1073741824"), -EINVAL);
	EQ(put("kernel/threads-max", "20"), 2);
	STREQ(get("kernel/threads-max"), "20\n");
	pid_t pids[30];
	int count = 0, failed = 0;

	for (int i = 0; i < 30; i++) {
		pids[count] = fork();
		if (pids[count] == 0) {
			pause();
			_exit(0);
		}
		if (pids[count] < 0) {
			CHECK(errno == EAGAIN);
			failed++;
		} else {
			count++;
		}
	}
	CHECK(failed > 0);
	EQ(put("kernel/threads-max", old), strlen(old));
	while (count-- > 0) {
		kill(pids[count], SIGKILL);
		KILLED(pids[count], SIGKILL);
	}
}

static int is_uuid(const char *at)
{
	if (strlen(at) != 37 || at[36] != '\n' || at[14] != '4' || !strchr("89ab", at[19]))
		return 0;
	for (int i = 0; i < 36; i++) {
		int dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? at[i] != '-' : !strchr("0123456789abcdef", at[i]))
			return 0;
	}
	return 1;
}

static void random_ids(void)
{
	char first[64], boot[64];

	snprintf(first, sizeof first, "%s", get("kernel/random/uuid"));
	CHECK(is_uuid(first));
	CHECK(is_uuid(get("kernel/random/uuid")));
	CHECK(strcmp(text, first) != 0);
	snprintf(boot, sizeof boot, "%s", get("kernel/random/boot_id"));
	CHECK(is_uuid(boot));
	STREQ(get("kernel/random/boot_id"), boot);
	STREQ(get("kernel/random/entropy_avail"), "256\n");
	STREQ(get("kernel/random/poolsize"), "256\n");
}

static const char *program;

/* Where the stack, heap and mappings of a new program are. */
static void places(unsigned long at[3])
{
	int ends[2];

	OK(pipe(ends));
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		execl(program, "sys", "places", (char *)NULL);
		_exit(9);
	}
	close(ends[1]);
	memset(text, 0, sizeof text);
	CHECK(read(ends[0], text, sizeof text - 1) > 0);
	EQ(sscanf(text, "%lx %lx %lx", at, at + 1, at + 2), 3);
	close(ends[0]);
	EXITS(pid, 0);
}

static void what_is_left_to_chance(void)
{
	unsigned long a[3], b[3];
	char old[32];

	snprintf(old, sizeof old, "%s", get("kernel/randomize_va_space"));
	STREQ(old, "2\n");
	EQ(put("kernel/randomize_va_space", "0"), 1);
	places(a), places(b);
	CHECK(a[0] == b[0] && a[1] == b[1] && a[2] == b[2]);
	EQ(put("kernel/randomize_va_space", "1"), 1);
	places(a), places(b);
	CHECK(a[0] != b[0] && a[1] == b[1] && a[2] != b[2]);
	EQ(put("kernel/randomize_va_space", "2"), 1);
	places(a), places(b);
	CHECK(a[0] != b[0] && a[1] != b[1] && a[2] != b[2]);
	EQ(put("kernel/randomize_va_space", old), strlen(old));
}

static void as_pipe_user(void)
{
	int ends[2];

	OK(setuid(1000));
	OK(pipe(ends));
	EQ(fcntl(ends[0], F_SETPIPE_SZ, 32768), 32768);
	FAILS(fcntl(ends[0], F_SETPIPE_SZ, 131072), EPERM);
}

static void pipe_sizes(void)
{
	STREQ(get("fs/pipe-max-size"), "1048576\n");
	EQ(put("fs/pipe-max-size", "2147483649"), -EINVAL);
	EQ(put("fs/pipe-max-size", "0"), 1);
	STREQ(get("fs/pipe-max-size"), "4096\n");
	EQ(put("fs/pipe-max-size", "50000"), 5);
	STREQ(get("fs/pipe-max-size"), "65536\n");
	IN_CHILD(as_pipe_user);
	EQ(put("fs/pipe-max-size", "1048576"), 7);
	EQ(put("vm/drop_caches", "0"), -EINVAL);
	EQ(put("vm/drop_caches", "5"), -EINVAL);
	EQ(put("vm/drop_caches", "3\n"), 2);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		void *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		dprintf(1, "%lx %lx %lx", (unsigned long)__builtin_frame_address(0),
			(unsigned long)syscall(SYS_brk, 0), (unsigned long)map);
		return 0;
	}
	program = argv[0];
	RUN(numbers);
	RUN(positions);
	RUN(host_names);
	RUN(permissions_bind_root);
	RUN(pids_follow);
	RUN(threads_max);
	RUN(random_ids);
	RUN(what_is_left_to_chance);
	RUN(pipe_sizes);
	return report();
}
