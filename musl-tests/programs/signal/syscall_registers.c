/* A system call changes rax, rcx and r11, and nothing else (x86-64 ABI, A.2.1). */
#include "check.h"

int main(void)
{
	static const long calls[] = {SYS_getpid, SYS_sched_yield, 100000, SYS_getppid, SYS_close};

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		register long r8 __asm__("r8") = 8, r9 __asm__("r9") = 9, r10 __asm__("r10") = 10;
		register long r12 __asm__("r12") = 12, r13 __asm__("r13") = 13;
		register long r14 __asm__("r14") = 14, r15 __asm__("r15") = 15;
		long rax = calls[i], rdi = -1, rsi = 6, rdx = 4, rbx = 3, rcx;

		__asm__ volatile("syscall"
				 : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+b"(rbx), "=&c"(rcx),
				   "+r"(r8), "+r"(r9), "+r"(r10), "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15)
				 :
				 : "r11", "memory");
		EQ(rdi, -1);
		EQ(rsi, 6);
		EQ(rdx, 4);
		EQ(rbx, 3);
		EQ(r8, 8);
		EQ(r9, 9);
		EQ(r10, 10);
		EQ(r12, 12);
		EQ(r13, 13);
		EQ(r14, 14);
		EQ(r15, 15);
		/* The processor itself leaves the return address in rcx. */
		CHECK(rcx > (long)main && rcx < (long)main + 4096);
	}
	return report();
}
