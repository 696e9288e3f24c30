/* Vector registers and floating-point control survive signals, forks, and other
 * processes' turns on the CPU; a handler starts clean; a context can change them. */
//@ smp=1,2,4
#include "check.h"
#include <ucontext.h>

typedef struct {
	uint64_t lane[2];
} vector __attribute__((aligned(16)));

/* Loads xmm0..xmm15 with a pattern, makes a system call, and stores them. */
static void across_syscall(long number, long a, long b, uint64_t seed, vector *after)
{
	vector before[16];
	long result = number;

	for (int i = 0; i < 16; i++)
		before[i] = (vector){{seed * (i + 1), ~seed + i}};
	__asm__ volatile("movdqa 0(%[in]), %%xmm0\n movdqa 16(%[in]), %%xmm1\n movdqa 32(%[in]), %%xmm2\n"
			 "movdqa 48(%[in]), %%xmm3\n movdqa 64(%[in]), %%xmm4\n movdqa 80(%[in]), %%xmm5\n"
			 "movdqa 96(%[in]), %%xmm6\n movdqa 112(%[in]), %%xmm7\n movdqa 128(%[in]), %%xmm8\n"
			 "movdqa 144(%[in]), %%xmm9\n movdqa 160(%[in]), %%xmm10\n movdqa 176(%[in]), %%xmm11\n"
			 "movdqa 192(%[in]), %%xmm12\n movdqa 208(%[in]), %%xmm13\n movdqa 224(%[in]), %%xmm14\n"
			 "movdqa 240(%[in]), %%xmm15\n"
			 "syscall\n"
			 "movdqa %%xmm0, 0(%[out])\n movdqa %%xmm1, 16(%[out])\n movdqa %%xmm2, 32(%[out])\n"
			 "movdqa %%xmm3, 48(%[out])\n movdqa %%xmm4, 64(%[out])\n movdqa %%xmm5, 80(%[out])\n"
			 "movdqa %%xmm6, 96(%[out])\n movdqa %%xmm7, 112(%[out])\n movdqa %%xmm8, 128(%[out])\n"
			 "movdqa %%xmm9, 144(%[out])\n movdqa %%xmm10, 160(%[out])\n movdqa %%xmm11, 176(%[out])\n"
			 "movdqa %%xmm12, 192(%[out])\n movdqa %%xmm13, 208(%[out])\n movdqa %%xmm14, 224(%[out])\n"
			 "movdqa %%xmm15, 240(%[out])\n"
			 : "+a"(result)
			 : [in] "r"(before), [out] "r"(after), "D"(a), "S"(b)
			 : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
			   "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	for (int i = 0; i < 16; i++)
		SAME(&after[i], &before[i], sizeof(vector));
}

static uint32_t mxcsr(void)
{
	uint32_t value;

	__asm__ volatile("stmxcsr %0" : "=m"(value));
	return value;
}

static void set_mxcsr(uint32_t value)
{
	__asm__ volatile("ldmxcsr %0" : : "m"(value));
}

static uint16_t control_word(void)
{
	uint16_t value;

	__asm__ volatile("fnstcw %0" : "=m"(value));
	return value;
}

static void set_control_word(uint16_t value)
{
	__asm__ volatile("fldcw %0" : : "m"(value));
}

static volatile int count;

/* The handler finds the library's defaults, and spoils everything. */
static void spoil(int sig)
{
	(void)sig;
	EQ(mxcsr(), 0x1f80);
	EQ(control_word(), 0x37f);
	__asm__ volatile("pxor %%xmm0, %%xmm0\n pxor %%xmm7, %%xmm7\n pxor %%xmm15, %%xmm15\n"
			 "fldz\n fld1\n" : : : "xmm0", "xmm7", "xmm15", "st", "st(1)");
	set_mxcsr(0x9fc0);
	set_control_word(0x77f);
	count++;
}

static void at_start(void)
{
	EQ(mxcsr(), 0x1f80);
	EQ(control_word(), 0x37f);
}

static void across_a_handler(void)
{
	vector after[16];

	signal(SIGUSR1, spoil);
	set_mxcsr(0x3f80);
	set_control_word(0x27f);
	for (int i = 1; i < 50; i++)
		across_syscall(SYS_kill, getpid(), SIGUSR1, 0x123456789abcdefUL * i, after);
	EQ(count, 49);
	EQ(mxcsr(), 0x3f80);
	EQ(control_word(), 0x27f);
	set_mxcsr(0x1f80);
	set_control_word(0x37f);
}

/* fork(2): the child goes on with the same registers. */
static void across_fork(void)
{
	vector after[16];
	pid_t self = getpid();

	set_mxcsr(0x5f80);
	across_syscall(SYS_fork, 0, 0, 0xfeedface12345678UL, after);
	EQ(mxcsr(), 0x5f80);
	if (syscall(SYS_getpid) != self)
		_exit(report());
	int status = -1;

	OK(wait(&status));
	EQ(status, 0);
	set_mxcsr(0x1f80);
}

/* Many processes, each with its own numbers, turn about on few CPUs. */
static void across_switches(void)
{
	enum { PROCESSES = 8 };

	for (int p = 0; p < PROCESSES; p++)
		if (fork() == 0) {
			vector after[16];
			double sum = 0;

			for (int i = 1; i <= 2000; i++) {
				across_syscall(SYS_sched_yield, 0, 0, (uint64_t)(p + 1) << 40 | i, after);
				sum += i * (p + 0.5);
			}
			EQ(sum * 2, 2001000L * (2 * p + 1));
			_exit(report());
		}
	for (int p = 0; p < PROCESSES; p++) {
		int status = -1;

		OK(wait(&status));
		EQ(status, 0);
	}
}

/* And without any system call: the timer alone takes the CPU away. */
static void across_preemption(void)
{
	enum { PROCESSES = 6 };

	for (int p = 0; p < PROCESSES; p++)
		if (fork() == 0) {
			uint64_t want = 0x1111111111111111UL * (p + 1), got = 0;

			__asm__ volatile("movq %[want], %%xmm5\n movq %[want], %%xmm14\n"
					 "mov $60000000, %%ecx\n"
					 "1: dec %%ecx\n jnz 1b\n"
					 "pxor %%xmm14, %%xmm5\n movq %%xmm5, %[got]\n"
					 "movq %%xmm14, %%rcx\n xor %[want], %%rcx\n or %%rcx, %[got]"
					 : [got] "=&r"(got)
					 : [want] "r"(want)
					 : "rcx", "xmm5", "xmm14", "cc");
			_exit(got == 0 ? 0 : 1);
		}
	for (int p = 0; p < PROCESSES; p++) {
		int status = -1;

		OK(wait(&status));
		EQ(status, 0);
	}
}

/* The context's floating-point state is what comes back. */
static void change_xmm3(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)sig;
	(void)info;
	CHECK(u->uc_mcontext.fpregs != NULL);
	EQ((unsigned long)u->uc_mcontext.fpregs % 16, 0);
	EQ(u->uc_mcontext.fpregs->mxcsr, 0x1f80);
	EQ(u->uc_mcontext.fpregs->_xmm[3].element[0], 0x12345678);
	u->uc_mcontext.fpregs->_xmm[3].element[0] = 0x9abcdef0;
	u->uc_mcontext.fpregs->mxcsr = 0x7f80;
}

static void through_the_context(void)
{
	struct sigaction action = {.sa_sigaction = change_xmm3, .sa_flags = SA_SIGINFO};
	uint32_t in = 0x12345678, out = 0;
	long result = SYS_kill;

	OK(sigaction(SIGUSR2, &action, NULL));
	__asm__ volatile("movd %[in], %%xmm3\n syscall\n movd %%xmm3, %[out]"
			 : "+a"(result), [out] "=&r"(out)
			 : [in] "r"(in), "D"((long)getpid()), "S"((long)SIGUSR2)
			 : "rcx", "r11", "memory", "xmm3");
	EQ(out, 0x9abcdef0);
	EQ(mxcsr(), 0x7f80);
	set_mxcsr(0x1f80);
}

/* The other half of the 256-bit registers, where the processor has them. */
static void upper_halves(void)
{
	uint64_t in[4] = {1, 2, 0x3333333333333333, 0x4444444444444444}, out[4] = {0};
	long result = SYS_kill;

	if (!__builtin_cpu_supports("avx"))
		return;
	__asm__ volatile("vmovdqu (%[in]), %%ymm6\n syscall\n vmovdqu %%ymm6, (%[out])\n vzeroupper"
			 : "+a"(result)
			 : [in] "r"(in), [out] "r"(out), "D"((long)getpid()), "S"((long)SIGUSR1)
			 : "rcx", "r11", "memory", "xmm6");
	SAME(out, in, sizeof in);
}

int main(void)
{
	RUN(at_start);
	RUN(across_a_handler);
	RUN(across_fork);
	RUN(across_switches);
	RUN(across_preemption);
	RUN(through_the_context);
	RUN(upper_halves);
	return report();
}
