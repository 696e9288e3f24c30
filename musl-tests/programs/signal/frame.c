/* The signal frame: registers can be read and written through the context, all
 * of them come back, flags and vectors too, and the red zone is spared. */
#include "check.h"
#include <ucontext.h>

static volatile int count;
static greg_t at_fault[23];

/* Twelve registers get known values, `ud2` traps, and the handler turns each. */
static void turn(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	greg_t *r = u->uc_mcontext.gregs;

	(void)sig;
	(void)info;
	memcpy(at_fault, r, sizeof at_fault);
	count++;
	EQ(u->uc_link, 0);
	EQ(r[REG_TRAPNO], 6);
	EQ(r[REG_CSGSFS] & 0xffff, 0x33);
	r[REG_RIP] += 2;
	static const int turned[] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI,
				     REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

	for (size_t i = 0; i < sizeof turned / sizeof turned[0]; i++)
		r[turned[i]] = ~r[turned[i]];
	/* Carry may be set; the I/O level and the interrupt flag may not be touched. */
	r[REG_EFL] = (r[REG_EFL] | 1 | 0x3000) & ~0x200L;
}

/* Named by the assembly below; every register is taken there. */
uint64_t regs_in[14], regs_out[14], regs_flags;

static void registers(void)
{
	struct sigaction action = {.sa_sigaction = turn, .sa_flags = SA_SIGINFO};

	for (int i = 0; i < 14; i++)
		regs_in[i] = 0x0101010101010101UL * (i + 1);
	OK(sigaction(SIGILL, &action, NULL));
	__asm__ volatile(
			 "mov regs_in+0(%%rip), %%rax\n mov regs_in+8(%%rip), %%rbx\n"
			 "mov regs_in+16(%%rip), %%rcx\n mov regs_in+24(%%rip), %%rdx\n"
			 "mov regs_in+32(%%rip), %%rsi\n mov regs_in+40(%%rip), %%rdi\n"
			 "mov regs_in+48(%%rip), %%r8\n mov regs_in+56(%%rip), %%r9\n"
			 "mov regs_in+64(%%rip), %%r10\n mov regs_in+72(%%rip), %%r11\n"
			 "mov regs_in+80(%%rip), %%r12\n mov regs_in+88(%%rip), %%r13\n"
			 "mov regs_in+96(%%rip), %%r14\n mov regs_in+104(%%rip), %%r15\n"
			 "clc\n ud2\n"
			 "mov %%rax, regs_out+0(%%rip)\n mov %%rbx, regs_out+8(%%rip)\n"
			 "mov %%rcx, regs_out+16(%%rip)\n mov %%rdx, regs_out+24(%%rip)\n"
			 "mov %%rsi, regs_out+32(%%rip)\n mov %%rdi, regs_out+40(%%rip)\n"
			 "mov %%r8, regs_out+48(%%rip)\n mov %%r9, regs_out+56(%%rip)\n"
			 "mov %%r10, regs_out+64(%%rip)\n mov %%r11, regs_out+72(%%rip)\n"
			 "mov %%r12, regs_out+80(%%rip)\n mov %%r13, regs_out+88(%%rip)\n"
			 "mov %%r14, regs_out+96(%%rip)\n mov %%r15, regs_out+104(%%rip)\n"
			 "pushf\n popq regs_flags(%%rip)"
			 :
			 :
			 : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
			   "r14", "r15", "memory", "cc");
	EQ(count, 1);
	static const int saved[] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_R8,
				    REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

	for (int i = 0; i < 14; i++) {
		EQ(at_fault[saved[i]], regs_in[i]);
		EQ(regs_out[i], ~regs_in[i]);
	}
	EQ(regs_flags & 1, 1);
	EQ(regs_flags & 0x3200, 0x200);
}

/* 128 bytes below the stack pointer belong to the interrupted function. */
static void note(int sig)
{
	count += sig == SIGALRM;
}

static void red_zone(void)
{
	unsigned long bad = 0, pid = getpid();

	count = 0;
	signal(SIGALRM, note);
	for (int i = 0; i < 100; i++) {
		unsigned long changed, result = SYS_kill;

		__asm__ volatile("movq $0x55aa, -8(%%rsp)\n movq $0x66bb, -128(%%rsp)\n"
				 "syscall\n"
				 "xor %[changed], %[changed]\n"
				 "cmpq $0x55aa, -8(%%rsp)\n setne %b[changed]\n"
				 "cmpq $0x66bb, -128(%%rsp)\n je 1f\n inc %[changed]\n 1:"
				 : "+a"(result), [changed] "=&r"(changed)
				 : "D"(pid), "S"((long)SIGALRM)
				 : "rcx", "r11", "memory", "cc");
		bad += changed | result;
	}
	EQ(bad, 0);
	EQ(count, 100);
}

/* The handler starts with the direction flag off and the stack as after a call. */
unsigned long handler_flags, handler_stack;

__attribute__((naked)) static void bare(int sig)
{
	(void)sig;
	__asm__("pushf\n pop handler_flags(%rip)\n mov %rsp, handler_stack(%rip)\n ret");
}

static void entry_state(void)
{
	unsigned long result = SYS_kill, pid = getpid(), flags;

	signal(SIGUSR1, bare);
	__asm__ volatile("std\n syscall\n pushf\n pop %1\n cld"
			 : "+a"(result), "=&r"(flags)
			 : "D"(pid), "S"((long)SIGUSR1)
			 : "rcx", "r11", "memory", "cc");
	EQ(result, 0);
	EQ(handler_flags & 0x400, 0);
	EQ(handler_stack % 16, 8);
	EQ(flags & 0x400, 0x400);
}

/* A handler may go elsewhere for good. */
static void elsewhere(void)
{
	_exit(37);
}

static void divert(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)sig;
	(void)info;
	u->uc_mcontext.gregs[REG_RIP] = (greg_t)elsewhere;
	u->uc_mcontext.gregs[REG_RSP] &= -16;
	u->uc_mcontext.gregs[REG_RSP] -= 8;
}

static void diverted(void)
{
	struct sigaction action = {.sa_sigaction = divert, .sa_flags = SA_SIGINFO};

	OK(sigaction(SIGUSR1, &action, NULL));
	raise(SIGUSR1);
}

/* The mask in the context is the one after the handler. */
static void block_usr2(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	sigaddset(&((ucontext_t *)context)->uc_sigmask, SIGUSR2);
}

static void context_mask(void)
{
	struct sigaction action = {.sa_sigaction = block_usr2, .sa_flags = SA_SIGINFO};
	sigset_t now;

	OK(sigaction(SIGUSR1, &action, NULL));
	raise(SIGUSR1);
	OK(sigprocmask(SIG_BLOCK, NULL, &now));
	EQ(sigismember(&now, SIGUSR2), 1);
}

/* A context that names no user code is answered by SIGSEGV, not by the kernel
 * going there. */
static greg_t poison_rip, poison_cs;

static void poison(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)sig;
	(void)info;
	if (poison_rip)
		u->uc_mcontext.gregs[REG_RIP] = poison_rip;
	if (poison_cs)
		u->uc_mcontext.gregs[REG_CSGSFS] = (u->uc_mcontext.gregs[REG_CSGSFS] & ~0xffffL) | poison_cs;
}

static void poisoned(void)
{
	struct sigaction action = {.sa_sigaction = poison, .sa_flags = SA_SIGINFO};

	OK(sigaction(SIGUSR1, &action, NULL));
	raise(SIGUSR1);
}

/* A sigreturn without a frame, on a stack that is not there. */
static void bare_sigreturn(void)
{
	__asm__ volatile("mov $8, %%esp\n syscall" : : "a"(SYS_rt_sigreturn));
}

int main(void)
{
	RUN(registers);
	RUN(red_zone);
	RUN(entry_state);
	EXITS(child(diverted), 37);
	IN_CHILD(context_mask);
	poison_rip = 0x8000000000000000;
	KILLED(child(poisoned), SIGSEGV);
	poison_rip = 0xffffffff81000000;
	KILLED(child(poisoned), SIGSEGV);
	poison_rip = 0;
	poison_cs = 0x10;
	KILLED(child(poisoned), SIGSEGV);
	KILLED(child(bare_sigreturn), SIGSEGV);
	return report();
}
