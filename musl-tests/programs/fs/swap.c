/* swapon(2), swapoff(2) of what cannot be swapped to. */
#include "check.h"
#include <sys/swap.h>

static void refused(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);

	OK(ftruncate(fd, 1 << 20));
	FAILS(swapon("file", 0), EINVAL);
	FAILS(swapon("file", SWAP_FLAG_PREFER | 5 | SWAP_FLAG_DISCARD), EINVAL);
	FAILS(swapon("/dev/null", 0), EINVAL);
	FAILS(swapon("missing", 0), ENOENT);
	FAILS(swapon(".", 0), EISDIR);
	FAILS(swapon("missing", 0x100000), EINVAL);
	FAILS(swapon((char *)8, 0), EFAULT);
	FAILS(swapoff("file"), EINVAL);
	FAILS(swapoff("missing"), ENOENT);
	FAILS(swapoff("."), EISDIR);
}

static void as_nobody(void)
{
	OK(setresuid(65534, 65534, 65534));
	FAILS(swapon("missing", 0), EPERM);
	FAILS(swapon("missing", 0x100000), EINVAL);
	FAILS(swapoff("missing"), EPERM);
}

int main(void)
{
	RUN(refused);
	IN_CHILD(as_nobody);
	return report();
}
