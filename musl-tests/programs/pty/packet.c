/* Packet mode: what the master is told of the slave's flushes, flow and
 * settings, and EXTPROC.
 */
//@ smp=1,2
#include "pty.h"

#ifndef EXTPROC
#define EXTPROC 0200000
#endif

static struct pair p;

/* Reads once; the first byte is what packet mode puts there. */
#define NEWS(bits) \
	do { \
		unsigned char n_[8]; \
		await_input(p.master); \
		EQ(read(p.master, n_, sizeof n_), 1); \
		EQ(n_[0], (bits)); \
	} while (0)

#define NOTHING() \
	do { \
		unsigned char n_[8]; \
		FAILS(read(p.master, n_, sizeof n_), EAGAIN); \
	} while (0)

static void on_and_off(void)
{
	int on = -1;
	char b[8];

	OK(ioctl(p.master, TIOCGPKT, &on));
	EQ(on, 0);
	FAILS(ioctl(p.slave, TIOCPKT, &on), ENOTTY);
	FAILS(ioctl(p.master, TIOCPKT, 8), EFAULT);
	/* What happened before is no news. */
	OK(tcflush(p.slave, TCIOFLUSH));
	on = 7;
	OK(ioctl(p.master, TIOCPKT, &on));
	OK(ioctl(p.master, TIOCGPKT, &on));
	EQ(on, 1);
	NOTHING();
	EQ(events(p.master), POLLOUT);
	WRITES(p.slave, "data");
	await_input(p.master);
	EQ(events(p.master), POLLIN | POLLOUT);
	EQ(read(p.master, b, 1), 1);
	EQ(b[0], 0);
	EQ(read(p.master, b, 3), 3);
	SAME(b, "\0da", 3);
	READS(p.master, "\0ta");
}

static void flushes(void)
{
	OK(tcflush(p.slave, TCIFLUSH));
	EQ(events(p.master), POLLIN | POLLPRI | POLLOUT);
	NEWS(TIOCPKT_FLUSHREAD);
	NOTHING();
	OK(tcflush(p.slave, TCOFLUSH));
	NEWS(TIOCPKT_FLUSHWRITE);
	OK(tcflush(p.slave, TCIOFLUSH));
	NEWS(TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE);
	/* Several become one, and they come before the bytes. */
	WRITES(p.slave, "x");
	OK(tcflush(p.slave, TCIFLUSH));
	NEWS(TIOCPKT_FLUSHREAD);
	READS(p.master, "\0x");
	/* The master's own flushes are none. */
	OK(tcflush(p.master, TCIOFLUSH));
	NOTHING();
}

static void flow(void)
{
	OK(tcflow(p.slave, TCOOFF));
	NEWS(TIOCPKT_STOP);
	OK(tcflow(p.slave, TCOON));
	NEWS(TIOCPKT_START);
	OK(tcflow(p.slave, TCOOFF));
	OK(tcflow(p.slave, TCOON));
	NEWS(TIOCPKT_START);
	OK(tcflow(p.slave, TCOON));
	NOTHING();
	WRITES(p.master, "\x13");
	NEWS(TIOCPKT_STOP);
	WRITES(p.master, "\x11");
	NEWS(TIOCPKT_START);
	WRITES(p.master, "\x13\x03");
	usleep(50000);
	NEWS(TIOCPKT_START | TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE);
	READS(p.master, "\0^C");
}

static void settings(void)
{
	struct termios t, saved;

	OK(tcgetattr(p.slave, &saved));
	t = saved;
	t.c_iflag &= ~IXON;
	OK(tcsetattr(p.slave, TCSANOW, &t));
	NEWS(TIOCPKT_NOSTOP);
	t.c_lflag &= ~ECHO;
	OK(tcsetattr(p.slave, TCSANOW, &t));
	NOTHING();
	t.c_iflag |= IXON;
	OK(tcsetattr(p.master, TCSANOW, &t));
	NEWS(TIOCPKT_DOSTOP);
	t.c_cc[VSTOP] = 'x';
	OK(tcsetattr(p.slave, TCSANOW, &t));
	NEWS(TIOCPKT_NOSTOP);
	t.c_lflag |= EXTPROC;
	OK(tcsetattr(p.slave, TCSANOW, &t));
	NEWS(TIOCPKT_IOCTL);
	OK(tcsetattr(p.slave, TCSANOW, &saved));
	NEWS(TIOCPKT_IOCTL | TIOCPKT_DOSTOP);
	/* Some bits cannot be changed. */
	t = saved;
	t.c_cflag &= ~(CSIZE | CREAD);
	t.c_cflag |= CS5 | PARENB;
	OK(tcsetattr(p.slave, TCSANOW, &t));
	OK(tcgetattr(p.slave, &t));
	EQ(t.c_cflag & (CSIZE | CREAD | PARENB), CS8 | CREAD);
	NOTHING();
}

static void external_processing(void)
{
	struct termios t;
	int off = 0, n;

	OK(ioctl(p.master, TIOCPKT, &off));
	OK(tcgetattr(p.slave, &t));
	t.c_lflag |= EXTPROC;
	OK(tcsetattr(p.slave, TCSANOW, &t));
	/* The line is edited elsewhere: it passes as it is. */
	WRITES(p.master, "a\x7f\x03\r");
	await_input(p.slave);
	OK(ioctl(p.slave, FIONREAD, &n));
	EQ(n, 4);
	READS(p.slave, "a\x7f\x03\r");
	WRITES(p.slave, "\n");
	READS(p.master, "\r\n");
	t.c_iflag |= ISTRIP;
	OK(tcsetattr(p.slave, TCSANOW, &t));
	WRITES(p.master, "\xe1\x7f\n");
	READS(p.slave, "a\x7f\n");
	char c;
	FAILS(read(p.master, &c, 1), EAGAIN);
}

int main(void)
{
	mount_devpts("pts", "ptmxmode=666");
	p = new_pair();
	fcntl(p.master, F_SETFL, O_NONBLOCK);
	RUN(on_and_off);
	RUN(flushes);
	RUN(flow);
	RUN(settings);
	RUN(external_processing);
	close_pair(&p);
	OK(umount("pts"));
	return report();
}
