/* uname, getrandom, sysinfo, reboot's guard, arch_prctl, unknown numbers. */
#include "check.h"
#include <sys/personality.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static void names(void)
{
	struct utsname u;

	memset(&u, 0xee, sizeof u);
	OK(uname(&u));
	STREQ(u.sysname, "Linux");
	STREQ(u.machine, "x86_64");
	CHECK(u.release[0] >= '1' && u.release[0] <= '9');
	CHECK(strlen(u.version) > 0 && u.version[0] == '#');
	FAILS(syscall(SYS_uname, 8), EFAULT);
}

static void machine_of_32_bits(void)
{
	struct utsname u;
	int before = personality(0xffffffff);

	EQ(personality(before | PER_LINUX32), before);
	OK(uname(&u));
	STREQ(u.machine, "i686");
	/* Flags above the execution domain change nothing, and another domain is none. */
	OK(personality(PER_LINUX32 | ADDR_NO_RANDOMIZE));
	OK(uname(&u));
	STREQ(u.machine, "i686");
	OK(personality(PER_LINUX32 | PER_SVR4));
	OK(uname(&u));
	STREQ(u.machine, "x86_64");
	OK(personality(before));
}

static void randomness(void)
{
	unsigned char a[300], b[300];
	int ones = 0;

	EQ(getrandom(a, sizeof a, 0), sizeof a);
	EQ(getrandom(b, sizeof b, GRND_NONBLOCK), sizeof b);
	CHECK(memcmp(a, b, sizeof a) != 0);
	for (size_t i = 0; i < sizeof a; i++)
		ones += __builtin_popcount(a[i]);
	/* 2400 bits; seven standard deviations are 172. */
	CHECK(ones > 1028 && ones < 1372);
	EQ(getrandom(a, 0, 0), 0);
	FAILS(getrandom(a, 1, 0x80), EINVAL);
	FAILS(getrandom((void *)8, 1, 0), EFAULT);
}

static void machine(void)
{
	struct sysinfo s;

	memset(&s, 0xee, sizeof s);
	OK(sysinfo(&s));
	unsigned long long total = (unsigned long long)s.totalram * s.mem_unit;
	unsigned long long left = (unsigned long long)s.freeram * s.mem_unit;

	CHECK(total >= 16 << 20 && left > 0 && left < total);
	CHECK(s.procs >= 2);
	CHECK(s.uptime >= 0 && s.uptime < 100000);
	FAILS(syscall(SYS_sysinfo, 8), EFAULT);
}

static void no_accidental_reboot(void)
{
	FAILS(syscall(SYS_reboot, 0xfee1dead, 0x12345678, 0x4321fedc, 0), EINVAL);
	FAILS(syscall(SYS_reboot, 0, 672274793, 0x4321fedc, 0), EINVAL);
	FAILS(syscall(SYS_reboot, 0xfee1dead, 672274793, 0x11111111, 0), EINVAL);
	OK(setresuid(65534, 65534, 65534));
	FAILS(syscall(SYS_reboot, 0xfee1dead, 672274793, 0x4321fedc, 0), EPERM);
}

static void segment_bases(void)
{
	unsigned long base = 0, first;
	static unsigned long word = 0x1122334455667788;

	/* FS is the library's thread pointer: put back what was there. */
	OK(syscall(SYS_arch_prctl, 0x1003, &first));
	CHECK(first != 0);
	OK(syscall(SYS_arch_prctl, 0x1001, &word));
	OK(syscall(SYS_arch_prctl, 0x1004, &base));
	EQ(base, (unsigned long)&word);
	__asm__("mov %%gs:0, %0" : "=r"(base));
	EQ(base, word);
	/* It survives a switch to another process. */
	pid_t pid = fork();

	if (pid == 0) {
		__asm__ volatile("mov %%gs:0, %0" : "=r"(base));
		syscall(SYS_arch_prctl, 0x1001, 0);
		_exit(base == word ? 0 : 1);
	}
	EXITS(pid, 0);
	__asm__ volatile("mov %%gs:0, %0" : "=r"(base));
	EQ(base, word);
	FAILS(syscall(SYS_arch_prctl, 0x1001, 1UL << 56), EPERM);
	FAILS(syscall(SYS_arch_prctl, 0x1002, 0xffff800000000000), EPERM);
	FAILS(syscall(SYS_arch_prctl, 0x1003, 8), EFAULT);
	FAILS(syscall(SYS_arch_prctl, 0x7777, 0), EINVAL);
}

static void unknown_calls(void)
{
	FAILS(syscall(100000), ENOSYS);
	FAILS(syscall(-1), ENOSYS);
	FAILS(syscall(335), ENOSYS);
	FAILS(syscall(0x7fffffff), ENOSYS);
}

static void robust_list(void)
{
	static struct {
		void *list;
		long offset;
		void *pending;
	} head = {&head, 0, NULL};

	EQ(syscall(SYS_set_robust_list, &head, 24), 0);
	FAILS(syscall(SYS_set_robust_list, &head, 23), EINVAL);
	EQ(syscall(SYS_set_tid_address, &head), getpid());
	EQ(syscall(SYS_sched_yield), 0);
}

int main(void)
{
	RUN(names);
	RUN(machine_of_32_bits);
	RUN(randomness);
	RUN(machine);
	IN_CHILD(no_accidental_reboot);
	RUN(segment_bases);
	RUN(unknown_calls);
	IN_CHILD(robust_list);
	return report();
}
