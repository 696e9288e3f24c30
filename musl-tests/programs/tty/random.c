/* The line discipline under random settings, typing and writing: what is seen
 * and read then is printed, to be compared with Linux's own lines.
 *
 * Linux passes bytes on in work items. On one CPU they run when the program
 * sleeps. What a signal character throws away of that is another test's.
 */
//@ oracle smp=1 timeout=120
#include "pty.h"

#define CASES 1000

static unsigned long state;

static unsigned rnd(unsigned below)
{
	state = state * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned)(state >> 33) % below;
}

/* One of two, the second seldom. */
static tcflag_t seldom(tcflag_t bit)
{
	return rnd(6) == 0 ? bit : 0;
}

static tcflag_t mostly(tcflag_t bit)
{
	return rnd(6) != 0 ? bit : 0;
}

static void random_settings(struct termios *t)
{
	static const cc_t chars[] = {0, 'e', ';', '\t', 0x80};

	t->c_iflag = mostly(ICRNL) | seldom(IXON) | seldom(IXANY) | seldom(INLCR) | seldom(IGNCR) | seldom(ISTRIP) |
		     seldom(IUCLC) | seldom(PARMRK) | seldom(IMAXBEL) | seldom(IUTF8) | seldom(IXOFF);
	t->c_oflag = mostly(OPOST) | mostly(ONLCR) | seldom(OCRNL) | seldom(ONOCR) | seldom(ONLRET) | seldom(XTABS) |
		     seldom(OLCUC);
	t->c_lflag = mostly(ICANON) | mostly(ECHO) | mostly(ECHOE) | mostly(ECHOK) | mostly(ECHOKE) | mostly(ECHOCTL) |
		     seldom(ECHOPRT) | seldom(ECHONL) | mostly(IEXTEN) | mostly(ISIG) | NOFLSH | seldom(TOSTOP);
	t->c_cc[VEOL] = chars[rnd(5)];
	t->c_cc[VEOL2] = chars[rnd(5)];
	if (!rnd(8))
		t->c_cc[VERASE] = chars[rnd(5)];
	if (!rnd(8))
		t->c_cc[VEOF] = chars[rnd(5)];
	t->c_cc[VMIN] = rnd(3);
	t->c_cc[VTIME] = 0;
}

static int random_bytes(char *to, int max)
{
	static const char alphabet[] = "abc de_f.ABC\t\t\r\n\n\x7f\x7f\x7f\x15\x17\x17\x16\x12\x04\x04"
				       "\x03\x1c\x1a\x0f\x01\x02\x08\x13\x11\x11\xff\xe1\xc3\xa9\xe2\x82\xac\x80\x1b;\0";
	int n = rnd(max);

	for (int i = 0; i < n; i++)
		to[i] = alphabet[rnd(sizeof alphabet - 1)];
	return n;
}

static char line[8192];
static int used;

static void say(const char *bytes, int n)
{
	for (int i = 0; i < n && used < (int)sizeof line - 8; i++) {
		unsigned char c = bytes[i];

		if (c > ' ' && c < 0x7f && c != '\\')
			line[used++] = c;
		else
			used += sprintf(line + used, "\\%02x", c);
	}
}

static void drain(int fd, int size)
{
	char got[256];
	int n, zeroes = 0;

	for (int i = 0; i < 60 && zeroes < 2; i++) {
		n = read(fd, got, size);
		if (n < 0) {
			if (errno != EAGAIN)
				used += sprintf(line + used, " errno %d", errno);
			return;
		}
		zeroes += n == 0;
		line[used++] = '<';
		say(got, n);
		line[used++] = '>';
	}
}

static void one(int number)
{
	struct pair p = new_pair();
	struct termios t;
	char bytes[64];
	int n, left;

	state = number;
	fcntl(p.master, F_SETFL, O_NONBLOCK);
	fcntl(p.slave, F_SETFL, O_NONBLOCK);
	OK(tcgetattr(p.slave, &t));
	used = sprintf(line, "%d:", number);
	for (int phase = 0; phase < 3; phase++) {
		if (phase == 0 || !rnd(3)) {
			random_settings(&t);
			OK(tcsetattr(p.slave, TCSANOW, &t));
		}
		if (!rnd(2)) {
			n = random_bytes(bytes, 12);
			write(p.slave, bytes, n);
		}
		n = random_bytes(bytes, 24);
		write(p.master, bytes, n);
		usleep(300);
		used += sprintf(line + used, " ");
		drain(p.master, 256);
		if (!rnd(3)) {
			used += sprintf(line + used, " read ");
			drain(p.slave, 1 + rnd(12));
		}
		ioctl(p.slave, FIONREAD, &left);
		used += sprintf(line + used, " left %d", left);
	}
	used += sprintf(line + used, " end ");
	drain(p.slave, 1 + rnd(30));
	line[used++] = '\n';
	write(1, line, used);
	close_pair(&p);
}

int main(void)
{
	mount_devpts("pts", "ptmxmode=666");
	for (int i = 1; i <= CASES; i++)
		one(i);
	OK(umount("pts"));
	return report();
}
