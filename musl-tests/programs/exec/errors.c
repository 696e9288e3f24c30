/* execve(2) and execveat(2): each way not to start a program. */
#include "check.h"
#include <elf.h>

static const char *self;
static char *const no_args[] = {"x", NULL};

static void make(const char *path, const void *data, size_t len, mode_t mode)
{
	close(file_with(path, data, len));
	OK(chmod(path, mode));
}

static void paths(void)
{
	FAILS(execv("nothing", no_args), ENOENT);
	FAILS(execv("", no_args), ENOENT);
	FAILS(execv("/dev", no_args), EACCES);
	FAILS(execv("/dev/null", no_args), EACCES);
	make("plain", "echo", 4, 0644);
	FAILS(execv("plain", no_args), EACCES);
	FAILS(execv("plain/x", no_args), ENOTDIR);
	OK(symlink("loop", "loop"));
	FAILS(execv("loop", no_args), ELOOP);
	FAILS(syscall(SYS_execve, 8, no_args, NULL), EFAULT);
	FAILS(syscall(SYS_execve, self, 8, NULL), EFAULT);
	FAILS(syscall(SYS_execve, self, no_args, 8), EFAULT);
}

static void formats(void)
{
	static unsigned char header[4096] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

	make("empty", "", 0, 0755);
	FAILS(execv("empty", no_args), ENOEXEC);
	make("text", "echo hello\n", 11, 0755);
	FAILS(execv("text", no_args), ENOEXEC);
	make("magic", "\177ELF", 4, 0755);
	FAILS(execv("magic", no_args), ENOEXEC);
	make("header", header, sizeof header, 0755);
	FAILS(execv("header", no_args), ENOEXEC);
}

/* A program being written is busy, and one that runs cannot be written. */
static void busy(void)
{
	int out = OK(open("text", O_WRONLY));

	FAILS(execv("text", no_args), ETXTBSY);
	close(out);
	FAILS(execv("text", no_args), ENOEXEC);
	FAILS(open(self, O_WRONLY), ETXTBSY);
	FAILS(truncate(self, 0), ETXTBSY);
}

static void scripts(void)
{
	make("missing", "#!/nothing/here\n", 16, 0755);
	FAILS(execv("missing", no_args), ENOENT);
	make("blank", "#!  \n", 5, 0755);
	FAILS(execv("blank", no_args), ENOEXEC);
	make("no_access", "#!./plain\n", 10, 0755);
	FAILS(execv("no_access", no_args), EACCES);
	/* Five deep is too deep. */
	make("s1", "#!./s1\n", 7, 0755);
	FAILS(execv("s1", no_args), ELOOP);
}

static void by_descriptor(void)
{
	int dir = OK(open(".", O_RDONLY | O_DIRECTORY)), file = OK(open(self, O_RDONLY | O_CLOEXEC));
	char *const argv[] = {"x", "child", NULL};

	FAILS(syscall(SYS_execveat, dir, "nothing", argv, NULL, 0), ENOENT);
	FAILS(syscall(SYS_execveat, -1, "x", argv, NULL, 0), EBADF);
	FAILS(syscall(SYS_execveat, file, "x", argv, NULL, 0), ENOTDIR);
	FAILS(syscall(SYS_execveat, file, "", argv, NULL, 0), ENOENT);
	FAILS(syscall(SYS_execveat, file, "x", argv, NULL, 0x8000), EINVAL);
	OK(symlink(self, "link"));
	FAILS(syscall(SYS_execveat, dir, "link", argv, NULL, AT_SYMLINK_NOFOLLOW), ELOOP);
	pid_t pid = fork();

	if (pid == 0) {
		syscall(SYS_execveat, file, "", argv, NULL, AT_EMPTY_PATH);
		_exit(1);
	}
	EXITS(pid, 44);
	pid = fork();
	if (pid == 0) {
		syscall(SYS_execveat, dir, "link", argv, NULL, 0);
		_exit(1);
	}
	EXITS(pid, 44);
}

/* After a refusal the old program goes on as if nothing had been. */
static void old_program_is_whole(void)
{
	int fd = OK(open("/", O_RDONLY | O_CLOEXEC));
	char *page = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	*page = 'p';
	FAILS(execv("text", no_args), ENOEXEC);
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EQ(*page, 'p');
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 44;
	self = argv[0];
	RUN(paths);
	RUN(formats);
	RUN(busy);
	RUN(scripts);
	RUN(by_descriptor);
	RUN(old_program_is_whole);
	return report();
}
