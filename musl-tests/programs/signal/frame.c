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
	/* Carry on, direction off; what user mode may not own stays as it is. */
	r[REG_EFL] = (r[REG_EFL] | 1 | 0x3000) & ~0x200L;
}

static void registers(void)
{
	struct sigaction action = {.sa_sigaction = turn, .sa_flags = SA_SIGINFO};
	uint64_t in[14], out[14], flags = 0;

	for (int i = 0; i < 14; i++)
		in[i] = 0x0101010101010101UL * (i + 1);
	OK(sigaction(SIGILL, &action, NULL));
	__asm__ volatile("push %%rbp\n push %[flags]\n push %[out]\n mov %[in], %%rbp\n"
			 "mov 0(%%rbp), %%rax\n mov 8(%%rbp), %%rbx\n mov 16(%%rbp), %%rcx\n"
			 "mov 24(%%rbp), %%rdx\n mov 32(%%rbp), %%rsi\n mov 40(%%rbp), %%rdi\n"
			 "mov 48(%%rbp), %%r8\n mov 56(%%rbp), %%r9\n mov 64(%%rbp), %%r10\n"
			 "mov 72(%%rbp), %%r11\n mov 80(%%rbp), %%r12\n mov 88(%%rbp), %%r13\n"
			 "mov 96(%%rbp), %%r14\n mov 104(%%rbp), %%r15\n"
			 "clc\n ud2\n"
			 "pop %%rbp\n"
			 "mov %%rax, 0(%%rbp)\n mov %%rbx, 8(%%rbp)\n mov %%rcx, 16(%%rbp)\n"
			 "mov %%rdx, 24(%%rbp)\n mov %%rsi, 32(%%rbp)\n mov %%rdi, 40(%%rbp)\n"
			 "mov %%r8, 48(%%rbp)\n mov %%r9, 56(%%rbp)\n mov %%r10, 64(%%rbp)\n"
			 "mov %%r11, 72(%%rbp)\n mov %%r12, 80(%%rbp)\n mov %%r13, 88(%%rbp)\n"
			 "mov %%r14, 96(%%rbp)\n mov %%r15, 104(%%rbp)\n"
			 "pop %%rax\n pushf\n pop 0(%%rax)\n pop %%rbp\n"
			 :
			 : [in] "r"(in), [out] "r"(out), [flags] "r"(&flags)
			 : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
			   "r14", "r15", "memory", "cc");
	EQ(count, 1);
	static const int saved[] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_R8,
				    REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

	for (int i = 0; i < 14; i++) {
		EQ(at_fault[saved[i]], in[i]);
		EQ(out[i], ~in[i]);
	}
	EQ(flags & 1, 1);
	EQ(flags & 0x3200, 0x200);
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
static unsigned long handler_flags, handler_stack;

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
