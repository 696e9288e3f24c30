/* The modem lines of a serial port, and settings in all structures. */
//@ smp=1
#include "check.h"
#include "pty.h"
#include <sys/ioctl.h>
#include <termios.h>

#define IN_LINES (TIOCM_CTS | TIOCM_DSR | TIOCM_CAR)
#define OUT_LINES (TIOCM_DTR | TIOCM_RTS | 0x4000)

static int tty;

static unsigned lines(void)
{
	unsigned on = 0;

	OK(ioctl(tty, TIOCMGET, &on));
	return on;
}

static void modem_lines(void)
{
	unsigned some = TIOCM_DTR;

	EQ(lines(), IN_LINES | OUT_LINES);
	OK(ioctl(tty, TIOCMBIC, &some));
	EQ(lines(), IN_LINES | (OUT_LINES & ~TIOCM_DTR));
	OK(ioctl(tty, TIOCMBIS, &some));
	EQ(lines(), IN_LINES | OUT_LINES);
	some = 0;
	OK(ioctl(tty, TIOCMSET, &some));
	EQ(lines(), IN_LINES);
	some = OUT_LINES;
	OK(ioctl(tty, TIOCMSET, &some));
	EQ(lines(), IN_LINES | OUT_LINES);
	FAILS(ioctl(tty, TIOCMSET, 8), EFAULT);
	FAILS(ioctl(tty, TIOCMGET, 8), EFAULT);
}

static void speed_zero_hangs_up(void)
{
	struct termios t, saved;

	OK(tcgetattr(tty, &saved));
	t = saved;
	cfsetospeed(&t, B0);
	OK(tcsetattr(tty, TCSANOW, &t));
	EQ(lines(), IN_LINES | (OUT_LINES & ~(TIOCM_DTR | TIOCM_RTS)));
	OK(tcsetattr(tty, TCSANOW, &saved));
	EQ(lines(), IN_LINES | OUT_LINES);
}

/* `struct termio` of System V. */
struct old {
	unsigned short iflag, oflag, cflag, lflag;
	unsigned char line, cc[8];
};

static void structures(void)
{
	mount_devpts("pts", "ptmxmode=666");
	struct pair p = new_pair();
	struct old o, again;
	struct termios t;
	unsigned value;

	EQ(sizeof o, 18);
	OK(ioctl(p.slave, 0x5405, &o));
	OK(tcgetattr(p.slave, &t));
	EQ(o.iflag, t.c_iflag);
	EQ(o.cflag, t.c_cflag);
	EQ(o.lflag, t.c_lflag);
	EQ(o.cc[2], 0x7f);
	o.lflag &= ~ECHO;
	o.cc[2] = 'x';
	OK(ioctl(p.slave, 0x5406, &o));
	OK(ioctl(p.master, 0x5405, &again));
	SAME(&again, &o, sizeof o);
	OK(tcgetattr(p.slave, &t));
	EQ(t.c_cc[VERASE], 'x');
	EQ(t.c_cc[VSTART], 0x11);
	OK(ioctl(p.slave, 0x5408, &o));
	OK(ioctl(p.slave, 0x5407, &o));
	FAILS(ioctl(p.slave, 0x5406, 8), EFAULT);
	/* What is locked stays. */
	struct termios lock, set;

	OK(ioctl(p.slave, 0x5456, &lock));
	EQ(lock.c_iflag | lock.c_oflag | lock.c_cflag | lock.c_lflag, 0);
	memset(&lock, 0, sizeof lock);
	lock.c_lflag = ECHO;
	lock.c_cc[VERASE] = 1;
	OK(ioctl(p.slave, 0x5457, &lock));
	set = t;
	set.c_lflag |= ECHO | ECHONL;
	set.c_cc[VERASE] = 'y';
	set.c_cc[VKILL] = 'z';
	OK(tcsetattr(p.slave, TCSANOW, &set));
	OK(tcgetattr(p.slave, &t));
	EQ(t.c_lflag & (ECHO | ECHONL), ECHONL);
	EQ(t.c_cc[VERASE], 'x');
	EQ(t.c_cc[VKILL], 'z');
	OK(seteuid(1));
	FAILS(ioctl(p.slave, 0x5457, &lock), EPERM);
	OK(seteuid(0));
	/* Carrier in software. */
	OK(ioctl(p.slave, TIOCGSOFTCAR, &value));
	EQ(value, 0);
	value = 1;
	OK(ioctl(p.slave, TIOCSSOFTCAR, &value));
	OK(ioctl(p.slave, TIOCGSOFTCAR, &value));
	EQ(value, 1);
	OK(tcgetattr(p.slave, &t));
	EQ(t.c_cflag & CLOCAL, CLOCAL);
	/* What a pseudoterminal has not. */
	FAILS(ioctl(p.slave, TIOCMGET, &value), ENOTTY);
	FAILS(ioctl(p.slave, TIOCMSET, &value), ENOTTY);
	FAILS(ioctl(p.slave, TIOCGSERIAL, &t), ENOTTY);
	FAILS(ioctl(p.master, TIOCMGET, &value), ENOTTY);
	FAILS(ioctl(p.slave, 0x4b33, &value), ENOTTY);
	int disc = 99, what = 6;

	OK(ioctl(p.slave, TIOCGETD, &disc));
	EQ(disc, 0);
	OK(ioctl(p.slave, TIOCSETD, &disc));
	disc = -1;
	FAILS(ioctl(p.slave, TIOCSETD, &disc), EINVAL);
	FAILS(ioctl(p.slave, TIOCSETD, 8), EFAULT);
	FAILS(ioctl(p.slave, TIOCLINUX, &what), ENOTTY);
	close_pair(&p);
	OK(umount("pts"));
}

int main(void)
{
	tty = OK(open("/dev/ttyS0", O_RDWR | O_NOCTTY | O_NONBLOCK));
	RUN(modem_lines);
	RUN(speed_zero_hangs_up);
	RUN(structures);
	return report();
}
