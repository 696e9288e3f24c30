/* The ioctls of /dev/random. */
//@ smp=1
#include "check.h"
#include <sys/ioctl.h>

#define RNDGETENTCNT 0x80045200
#define RNDADDTOENTCNT 0x40045201
#define RNDGETPOOL 0x80085202
#define RNDADDENTROPY 0x40085203
#define RNDZAPENTCNT 0x5204
#define RNDCLEARPOOL 0x5206
#define RNDRESEEDCRNG 0x5207

static void on(const char *name)
{
	int fd = OK(open(name, O_RDWR)), n = -1;
	int good[3] = {8, 4, 1234}, bad_count[3] = {-1, 4, 0}, bad_len[3] = {1, -5, 0};

	OK(ioctl(fd, RNDGETENTCNT, &n));
	EQ(n, 256);
	FAILS(ioctl(fd, RNDGETENTCNT, 8), EFAULT);
	n = 8;
	OK(ioctl(fd, RNDADDTOENTCNT, &n));
	n = -1;
	FAILS(ioctl(fd, RNDADDTOENTCNT, &n), EINVAL);
	OK(ioctl(fd, RNDADDENTROPY, good));
	FAILS(ioctl(fd, RNDADDENTROPY, bad_count), EINVAL);
	FAILS(ioctl(fd, RNDADDENTROPY, bad_len), EFAULT);
	FAILS(ioctl(fd, RNDADDENTROPY, 8), EFAULT);
	OK(ioctl(fd, RNDZAPENTCNT));
	OK(ioctl(fd, RNDCLEARPOOL));
	OK(ioctl(fd, RNDRESEEDCRNG));
	FAILS(ioctl(fd, RNDGETPOOL, &n), EINVAL);
	FAILS(ioctl(fd, 0x5401, &n), EINVAL);
	OK(seteuid(1));
	OK(ioctl(fd, RNDGETENTCNT, &n));
	EQ(n, 256);
	FAILS(ioctl(fd, RNDADDTOENTCNT, &n), EPERM);
	FAILS(ioctl(fd, RNDADDENTROPY, good), EPERM);
	FAILS(ioctl(fd, RNDZAPENTCNT), EPERM);
	FAILS(ioctl(fd, RNDRESEEDCRNG), EPERM);
	OK(seteuid(0));
	close(fd);
}

static void random_device(void)
{
	on("/dev/random");
}

static void urandom_device(void)
{
	on("/dev/urandom");
}

int main(void)
{
	RUN(random_device);
	RUN(urandom_device);
	return report();
}
