/* The two ends of a pseudoterminal: locking, opening and closing, hanging up,
 * and what poll(2) says of each.
 */
//@ smp=1,2
#include "pty.h"

static void a_locked_slave(void)
{
	int number, master = new_master(&number), locked = 0, on = 1;

	OK(ioctl(master, TIOCGPTLCK, &locked));
	EQ(locked, 1);
	FAILS(open_slave(number, O_RDWR | O_NOCTTY), EIO);
	FAILS(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY), EIO);
	unlock(master);
	OK(ioctl(master, TIOCGPTLCK, &locked));
	EQ(locked, 0);
	int slave = OK(open_slave(number, O_RDWR | O_NOCTTY));

	OK(ioctl(master, TIOCSPTLCK, &on));
	OK(ioctl(master, TIOCGPTLCK, &locked));
	EQ(locked, 1);
	FAILS(ioctl(slave, TIOCGPTN, &number), ENOTTY);
	FAILS(ioctl(slave, TIOCSPTLCK, &on), ENOTTY);
	FAILS(ioctl(master, TIOCSPTLCK, 8), EFAULT);
	close(slave);
	close(master);
}

static void bytes_pass(void)
{
	struct pair p = new_pair();
	int n;

	WRITES(p.master, "ab\x7f" "c\n");
	READS(p.slave, "ac\n");
	READS(p.master, "ab\b \bc\r\n");
	WRITES(p.slave, "one\ntwo");
	await_input(p.master);
	OK(ioctl(p.master, FIONREAD, &n));
	EQ(n, 8);
	OK(ioctl(p.slave, TIOCOUTQ, &n));
	EQ(n, 0);
	READS(p.master, "one\r\ntwo");
	OK(tcdrain(p.slave));
	make_raw(p.master);
	WRITES(p.master, "\x03\n");
	READS(p.slave, "\x03\n");
	FAILS(lseek(p.master, 0, SEEK_SET), ESPIPE);
	EQ(isatty(p.master), 1);
	close_pair(&p);
}

static void nobody_has_the_slave_open(void)
{
	int number, master = new_master(&number), slave;
	char c;

	unlock(master);
	fcntl(master, F_SETFL, O_NONBLOCK);
	FAILS(read(master, &c, 1), EAGAIN);
	EQ(events(master), POLLOUT);
	WRITES(master, "early\n");
	READS(master, "early\r\n");
	slave = OK(open_slave(number, O_RDWR | O_NOCTTY));
	READS(slave, "early\n");
	/* After the last close there is nothing more to come. */
	WRITES(slave, "last");
	close(slave);
	await_input(master);
	EQ(events(master), POLLIN | POLLOUT | POLLHUP);
	READS(master, "last");
	FAILS(read(master, &c, 1), EIO);
	EQ(events(master), POLLOUT | POLLHUP);
	/* Writing goes on, and the settings stay. */
	WRITES(master, "kept\n");
	slave = OK(open_slave(number, O_RDWR | O_NOCTTY));
	READS(slave, "kept\n");
	EQ(events(master) & POLLHUP, 0);
	READS(master, "kept\r\n");
	FAILS(read(master, &c, 1), EAGAIN);
	make_raw(slave);
	close(slave);
	slave = OK(open_slave(number, O_RDWR | O_NOCTTY | O_NONBLOCK));
	WRITES(master, "x");
	READS(slave, "x");
	FAILS(read(slave, &c, 1), EAGAIN);
	close(slave);
	close(master);
}

static void a_blocked_reader_hears_of_the_close(void)
{
	struct pair p = new_pair();
	int ready[2];

	OK(pipe(ready));
	pid_t pid = fork();

	if (pid == 0) {
		char c;

		close(p.slave);
		close(ready[0]);
		write(ready[1], "r", 1);
		FAILS(read(p.master, &c, 1), EIO);
		_exit(report());
	}
	EQ(await_byte(ready[0]), 'r');
	close(p.slave);
	EXITS(pid, 0);
	close(p.master);
	close(ready[0]);
	close(ready[1]);
}

static void the_master_closes(void)
{
	struct pair p = new_pair();
	struct termios t;
	int n;
	char c;

	WRITES(p.master, "unread\n");
	await_input(p.slave);
	close(p.master);
	EQ(read(p.slave, &c, 1), 0);
	FAILS(write(p.slave, "x", 1), EIO);
	FAILS(tcgetattr(p.slave, &t), EIO);
	FAILS(ioctl(p.slave, TIOCGWINSZ, &n), EIO);
	FAILS(ioctl(p.slave, TIOCSPGRP, &n), ENOTTY);
	EQ(events(p.slave), POLLIN | POLLOUT | POLLERR | POLLHUP);
	FAILS(open_slave(p.number, O_RDWR), ENOENT);
	close(p.slave);
}

static void a_hang_up(void)
{
	struct pair p = new_pair();
	struct termios t;
	char c;
	int again;

	make_raw(p.slave);
	WRITES(p.slave, "sent");
	await_input(p.master);
	WRITES(p.master, "unread");
	await_input(p.slave);
	OK(ioctl(p.slave, TIOCVHANGUP));
	EQ(read(p.slave, &c, 1), 0);
	FAILS(write(p.slave, "x", 1), EIO);
	fcntl(p.master, F_SETFL, O_NONBLOCK);
	READS(p.master, "sent");
	FAILS(read(p.master, &c, 1), EAGAIN);
	/* A new one finds a new terminal: settings and input are gone. */
	again = OK(open_slave(p.number, O_RDWR | O_NOCTTY | O_NONBLOCK));
	FAILS(read(again, &c, 1), EAGAIN);
	OK(tcgetattr(again, &t));
	EQ(t.c_lflag & ICANON, ICANON);
	EQ(t.c_iflag, ICRNL | IXON);
	close(again);
	FAILS(read(p.master, &c, 1), EAGAIN);
	close(p.slave);
	FAILS(read(p.master, &c, 1), EIO);
	close(p.master);
}

static void full_in_both_directions(void)
{
	struct pair p = new_pair();
	static char block[1024], back[70000];
	int down = 0, up = 0, n, got;

	make_raw(p.slave);
	memset(block, 'x', sizeof block);
	fcntl(p.slave, F_SETFL, O_NONBLOCK);
	fcntl(p.master, F_SETFL, O_NONBLOCK);
	while ((n = write(p.slave, block, sizeof block)) > 0)
		up += n;
	FAILS(write(p.slave, block, 1024), EAGAIN);
	CHECK(up >= 8192 && up < 65536);
	EQ(events(p.slave) & POLLOUT, 0);
	while ((n = write(p.master, block, sizeof block)) > 0)
		down += n;
	FAILS(write(p.master, block, 1024), EAGAIN);
	CHECK(down >= 8192 && down < 65536);
	EQ(events(p.master) & POLLOUT, 0);
	/* All of it arrives, and one read of the master gives what it has received. */
	n = read(p.master, back, sizeof back);
	EQ(n, 4095);
	got = n;
	while (got < up && await_input(p.master) == 1)
		got += read(p.master, back, sizeof back);
	EQ(got, up);
	for (got = 0; got < down && await_input(p.slave) == 1;)
		got += read(p.slave, back, sizeof back);
	EQ(got, down);
	EQ(events(p.slave), POLLOUT);
	EQ(events(p.master), POLLOUT);
	close_pair(&p);
}

static void stopped_output(void)
{
	struct pair p = new_pair();

	fcntl(p.slave, F_SETFL, O_NONBLOCK);
	OK(tcflow(p.slave, TCOOFF));
	FAILS(write(p.slave, "x", 1), EAGAIN);
	EQ(events(p.slave), 0);
	OK(tcflow(p.slave, TCOON));
	WRITES(p.slave, "go");
	READS(p.master, "go");
	WRITES(p.master, "\x13");
	for (int i = 0; i < 10000 && (events(p.slave) & POLLOUT); i++)
		usleep(1000);
	FAILS(write(p.slave, "x", 1), EAGAIN);
	/* Echo waits, too. */
	WRITES(p.master, "abc\x11");
	READS(p.master, "abc");
	FAILS(tcflow(p.slave, 9), EINVAL);
	FAILS(tcflush(p.slave, 9), EINVAL);
	FAILS(tcflush(p.master, 9), EINVAL);
	OK(tcflow(p.slave, TCIOFF));
	READS(p.master, "\x13");
	OK(tcflow(p.slave, TCION));
	READS(p.master, "\x11");
	close_pair(&p);
}

static void exclusive(void)
{
	struct pair p = new_pair();
	int on = -1;

	OK(ioctl(p.slave, TIOCGEXCL, &on));
	EQ(on, 0);
	OK(ioctl(p.slave, TIOCEXCL));
	OK(ioctl(p.slave, TIOCGEXCL, &on));
	EQ(on, 1);
	OK(ioctl(p.master, TIOCGEXCL, &on));
	EQ(on, 0);
	close(OK(open_slave(p.number, O_RDWR | O_NOCTTY)));
	OK(seteuid(1));
	char path[32];

	snprintf(path, sizeof path, "pts/%d", p.number);
	FAILS(open(path, O_RDWR | O_NOCTTY), EACCES);
	OK(seteuid(0));
	OK(chmod(path, 0666));
	OK(seteuid(1));
	FAILS(open(path, O_RDWR | O_NOCTTY), EBUSY);
	OK(ioctl(p.slave, TIOCNXCL));
	close(OK(open(path, O_RDWR | O_NOCTTY)));
	OK(seteuid(0));
	close_pair(&p);
}

int main(void)
{
	mount_devpts("pts", "ptmxmode=666");
	RUN(a_locked_slave);
	RUN(bytes_pass);
	RUN(nobody_has_the_slave_open);
	RUN(a_blocked_reader_hears_of_the_close);
	RUN(the_master_closes);
	RUN(a_hang_up);
	RUN(full_in_both_directions);
	RUN(stopped_output);
	RUN(exclusive);
	OK(umount("pts"));
	return report();
}
