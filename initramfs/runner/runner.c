/*
 * The guest runner: PID 1 of a harness boot, the same on Eclipse and on Linux.
 *
 * It runs the one program named in /.exec and carries that program's standard
 * streams over the second serial port, so that the kernel's log (first port)
 * and the program's output never share a line. The host's end is
 * scripts/xtask/src/wire.rs.
 *
 * /.exec: path, cwd, number of arguments, the arguments, then the environment;
 * every item ends with a NUL.
 *
 * On the wire, both ways: a frame is a type byte, a length (two bytes, little
 * endian) and that many bytes.
 *
 *   guest to host   'R'  ready for one more frame of input (a serial line has
 *                        no flow control: the host sends one frame per 'R')
 *                   'O'  bytes of standard output
 *                   'E'  bytes of standard error
 *                   'S'  the program's wait status (four bytes)
 *                   'F'  a sentence: the runner itself failed
 *   host to guest   'I'  bytes of standard input; none at all: end of file
 *                   'Q'  the host has the status: power off
 *
 * Only plain old system calls are used, because a young kernel must run this.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#define LINE "/dev/ttyS1"
#define CHUNK 4096		/* one read from a pipe, one frame */
#define INPUT 1024		/* the host's frames are no longer than this */
#define HEADER 3

static int line = -1;
static volatile sig_atomic_t child_changed;

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	/* Where that cannot be done, the death of PID 1 ends the machine. */
	_exit(1);
}

static void write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t done = write(fd, data, len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		data += done;
		len -= done;
	}
}

static void send(char type, const void *data, size_t len)
{
	char frame[HEADER + CHUNK] = { type, len & 0xff, len >> 8 };

	memcpy(frame + HEADER, data, len);
	write_all(line, frame, HEADER + len);
}

/* Says what failed, on the line or else on the console, and powers off. */
static void fail(const char *what)
{
	char text[256];
	int len = snprintf(text, sizeof text, "%s: %s", what, strerror(errno));

	if (line >= 0)
		send('F', text, len);
	else
		write_all(2, text, len);
	power_off();
}

/*
 * What a program may expect to find mounted. A kernel that has not all of
 * these yet is no reason to stop.
 */
static void mount_all(void)
{
	mkdir("/proc", 0555);
	mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	mkdir("/sys", 0555);
	mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	mkdir("/dev", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, NULL);
	mkdir("/dev/pts", 0755);
	mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "ptmxmode=0666");
}

/* Opens the serial line and makes it carry bytes as they are: cfmakeraw(3). */
static void open_line(void)
{
	struct termios raw;

	line = open(LINE, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (line < 0 || ioctl(line, TCGETS, &raw))
		fail(LINE);
	cfmakeraw(&raw);
	raw.c_cflag |= CLOCAL | CREAD;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (ioctl(line, TCSETS, &raw))
		fail(LINE);
}

struct program {
	char *path, *cwd, **argv, **envp;
};

static char *next_item(char **at, char *end)
{
	char *item = *at;

	if (item >= end)
		return NULL;
	*at += strlen(item) + 1;
	return item;
}

static void read_program(struct program *program)
{
	static char text[1 << 20];
	static char *items[1 << 14];
	size_t used = 0, count = 0, max = sizeof items / sizeof *items;
	ssize_t got;
	int fd = open("/.exec", O_RDONLY);

	if (fd < 0)
		fail("/.exec");
	while ((got = read(fd, text + used, sizeof text - 1 - used)) > 0)
		used += got;
	close(fd);

	char *at = text, *end = text + used;
	program->path = next_item(&at, end);
	program->cwd = next_item(&at, end);
	char *argc = next_item(&at, end);
	errno = EINVAL;
	if (!argc)
		fail("/.exec");
	program->argv = items;
	for (int i = atoi(argc); i > 0 && count < max - 2; i--)
		items[count++] = next_item(&at, end);
	items[count++] = NULL;
	program->envp = items + count;
	while (count < max - 1 && (items[count] = next_item(&at, end)))
		count++;
	items[count] = NULL;
}

/* The child: becomes the program, or says why not and ends as env(1) would. */
static void become(const struct program *program, int in, int out, int err)
{
	setsid();
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	if (chdir(program->cwd) == 0)
		execve(program->path, program->argv, program->envp);
	dprintf(2, "exec: %s: %s\n", program->path, strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* A pipe that the program inherits only as its standard streams. */
static void make_pipe(int ends[2])
{
	if (pipe(ends))
		fail("pipe");
	fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	fcntl(ends[1], F_SETFD, FD_CLOEXEC);
}

static pid_t start(const struct program *program, int *in, int *out, int *err)
{
	int in_ends[2], out_ends[2], err_ends[2];

	make_pipe(in_ends);
	make_pipe(out_ends);
	make_pipe(err_ends);
	pid_t pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0)
		become(program, in_ends[0], out_ends[1], err_ends[1]);
	close(in_ends[0]);
	close(out_ends[1]);
	close(err_ends[1]);
	*in = in_ends[1];
	*out = out_ends[0];
	*err = err_ends[0];
	return pid;
}

/* Sends on what one read gives; returns -1 once the pipe has ended. */
static int relay(int fd, char type)
{
	char data[CHUNK];
	ssize_t got = read(fd, data, sizeof data);

	if (got > 0)
		send(type, data, got);
	else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
		close(fd);
		return -1;
	}
	return fd;
}

/*
 * Input on its way: one frame is gathered from the line, then written to the
 * program as the program takes it; only then is the next one asked for.
 */
struct input {
	int fd;			/* the program's standard input, -1 when ended */
	size_t have;		/* bytes of the frame that have come */
	size_t given;		/* bytes of its payload already written */
	unsigned char frame[HEADER + INPUT];
};

static size_t payload(const struct input *input)
{
	return input->frame[1] | input->frame[2] << 8;
}

static int is_whole(const struct input *input)
{
	return input->have >= HEADER && input->have == HEADER + payload(input);
}

static void end_input(struct input *input)
{
	if (input->fd >= 0)
		close(input->fd);
	input->fd = -1;
}

static void read_line(struct input *input)
{
	size_t want = HEADER;

	if (input->have >= HEADER)
		want += payload(input);
	if (want > sizeof input->frame) {
		errno = EPROTO;
		fail(LINE);
	}
	ssize_t got = read(line, input->frame + input->have, want - input->have);
	if (got > 0)
		input->have += got;
}

/* Gives the program what there is; asks for more once it has taken all. */
static void feed(struct input *input)
{
	size_t len = payload(input);

	if (len == 0) {
		end_input(input);
		input->have = 0;
		return;
	}
	ssize_t done = write(input->fd, input->frame + HEADER + input->given,
			     len - input->given);
	if (done > 0)
		input->given += done;
	else if (errno != EAGAIN && errno != EINTR)
		end_input(input);	/* EPIPE: the program reads no more */
	if (input->given == len && input->fd >= 0) {
		input->have = input->given = 0;
		send('R', "", 0);
	}
}

/* Reaps every child that has died; true once the program is among them. */
static int reap(pid_t program, int *status)
{
	int ended = 0, one;
	pid_t pid;

	while ((pid = wait4(-1, &one, WNOHANG, NULL)) > 0) {
		if (pid == program) {
			*status = one;
			ended = 1;
		}
	}
	return ended;
}

static void note_child(int signal)
{
	(void)signal;
	child_changed = 1;
}

/*
 * What is still in a pipe after the program has died. Children it left behind
 * may hold the pipe open, and even go on writing: this neither waits for them
 * nor reads more than the largest pipe (1 MiB) can have held.
 */
static void drain(int fd, char type)
{
	for (int i = 0; i < (1 << 20) / CHUNK && fd >= 0; i++) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };

		if (poll(&ready, 1, 0) <= 0)
			break;
		fd = relay(fd, type);
	}
}

/*
 * Bytes written to a tty may still be on their way when write(2) returns, and
 * a power-off would lose them: wait until the host says that it has them.
 */
static void wait_for_quit(struct input *input)
{
	for (;;) {
		if (is_whole(input)) {
			if (input->frame[0] == 'Q')
				return;
			input->have = 0;
		}
		read_line(input);
	}
}

/* Standard streams on the console, where the kernel has not opened them. */
static void open_console(void)
{
	int fd;

	do
		fd = open("/dev/console", O_RDWR | O_NOCTTY);
	while (fd >= 0 && fd < 2);
	if (fd > 2)
		close(fd);
}

/*
 * SIGCHLD may come just before poll(2) sleeps, so poll never sleeps long.
 * (ppoll would close that gap, but it is one more system call to need.)
 */
#define TICK_MS 50

int main(void)
{
	struct program program;
	struct input input = { .fd = -1 };
	struct sigaction action = { .sa_handler = note_child };
	int out, err, status = 0;

	open_console();
	open_line();
	mount_all();
	read_program(&program);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGCHLD, &action, NULL);
	pid_t pid = start(&program, &input.fd, &out, &err);
	fcntl(input.fd, F_SETFL, O_NONBLOCK);
	send('R', "", 0);

	for (;;) {
		int whole = is_whole(&input);
		struct pollfd ready[] = {
			{ .fd = out, .events = POLLIN },
			{ .fd = err, .events = POLLIN },
			{ .fd = whole ? -1 : line, .events = POLLIN },
			{ .fd = whole ? input.fd : -1, .events = POLLOUT },
		};
		int count = poll(ready, 4, TICK_MS);

		if (count > 0 && ready[0].revents)
			out = relay(out, 'O');
		if (count > 0 && ready[1].revents)
			err = relay(err, 'E');
		if (count > 0 && ready[2].revents)
			read_line(&input);
		if (is_whole(&input) && input.fd >= 0)
			feed(&input);
		if (child_changed || count == 0) {
			child_changed = 0;
			if (reap(pid, &status))
				break;
		}
	}
	drain(out, 'O');
	drain(err, 'E');
	send('S', &status, sizeof status);
	wait_for_quit(&input);
	power_off();
}
