/* What siginfo says of traps and of floating-point exceptions.
 * QEMU's TCG raises no SSE exceptions, and knows no int1. */
//@ smp=1,2
#include "../check.h"
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
	EQ(CODE(__asm__ volatile("int3")), SI_KERNEL);
	EQ(CODE(__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; nop; nop" ::: "cc", "memory")), TRAP_TRACE);
	EQ(CODE(__asm__ volatile("xorl %%eax, %%eax; idivl %%eax" ::: "eax", "edx", "cc")), FPE_INTDIV);
}

/* Lets these exceptions through (bits of the control word are cleared) and divides. */
static void x87(unsigned short unmasked, double a, double b)
{
	unsigned short cw = 0x37f & ~unmasked;
	volatile double z;

	__asm__ volatile("fninit; fldcw %0" ::"m"(cw));
	__asm__ volatile("fldl %2; fdivl %1; fstpl %0; fwait" : "=m"(z) : "m"(b), "m"(a));
	__asm__ volatile("fninit");
}

static void floats(void)
{
	EQ(CODE(x87(0, 1, 0)), -1);
	EQ(CODE(x87(4, 1, 0)), FPE_FLTDIV);
	EQ(CODE(x87(1, 0, 0)), FPE_FLTINV);
	EQ(CODE(x87(32, 1, 3)), FPE_FLTRES);
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
