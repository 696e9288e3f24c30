/* What siginfo says of traps and of floating-point exceptions. */
//@ smp=1,2
#include "../check.h"
#include <fenv.h>
#include <setjmp.h>

static sigjmp_buf back;
static volatile int code;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	code = info->si_code;
	siglongjmp(back, 1);
}

/* Runs the statement and yields the code of the signal it raises; -1: none. */
#define CODE(statement) \
	({ \
		code = -1; \
		if (!sigsetjmp(back, 1)) { \
			statement; \
		} \
		code; \
	})

static void traps(void)
{
	EQ(CODE(__asm__ volatile(".byte 0xf1")), TRAP_BRKPT);
	EQ(CODE(__asm__ volatile("int3")), SI_KERNEL);
	EQ(CODE(__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; nop; nop" ::: "cc", "memory")), TRAP_TRACE);
	EQ(CODE(__asm__ volatile("xorl %%eax, %%eax; idivl %%eax" ::: "eax", "edx", "cc")), FPE_INTDIV);
}

/* Lets these SSE exceptions through (bits of the mask are cleared) and divides. */
static void sse(unsigned unmasked, double a, double b)
{
	unsigned csr = 0x1f80 & ~unmasked;
	volatile double x = a, y = b, z;

	__asm__ volatile("ldmxcsr %0" ::"m"(csr));
	z = x / y;
	(void)z;
	csr = 0x1f80;
	__asm__ volatile("ldmxcsr %0" ::"m"(csr));
}

static void x87(unsigned short unmasked, double a, double b)
{
	unsigned short cw = 0x37f & ~unmasked;
	volatile double z;

	__asm__ volatile("fninit; fldcw %0" ::"m"(cw));
	__asm__ volatile("fldl %1; fldl %2; fdivrp; fstpl %0; fwait" : "=m"(z) : "m"(b), "m"(a));
	__asm__ volatile("fninit");
}

static void floats(void)
{
	EQ(CODE(sse(0x200, 1, 0)), FPE_FLTDIV);
	EQ(CODE(sse(0x080, 0, 0)), FPE_FLTINV);
	EQ(CODE(sse(0x400, 1e308, 1e-308)), FPE_FLTOVF);
	EQ(CODE(sse(0x800, 1e-308, 1e308)), FPE_FLTUND);
	EQ(CODE(sse(0x1000, 1, 3)), FPE_FLTRES);
	EQ(CODE(sse(0, 1, 0)), -1);
	EQ(CODE(x87(4, 1, 0)), FPE_FLTDIV);
	EQ(CODE(x87(1, 0, 0)), FPE_FLTINV);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

	sigaction(SIGTRAP, &sa, 0);
	sigaction(SIGFPE, &sa, 0);
	RUN(traps);
	RUN(floats);
	return report();
}
