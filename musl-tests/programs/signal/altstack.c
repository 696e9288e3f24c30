/* sigaltstack(2): handlers on another stack, even when the own one is used up. */
#include "check.h"
#include <setjmp.h>

static char alternate[65536] __attribute__((aligned(16)));
static volatile int count;
static char *where;
static stack_t inside;

static int on_alternate(const char *p)
{
	return p >= alternate && p < alternate + sizeof alternate;
}

static void look(int sig)
{
	char here;

	(void)sig;
	where = &here;
	sigaltstack(NULL, &inside);
	count++;
}

static void install(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate}, old;

	OK(sigaltstack(NULL, &old));
	EQ(old.ss_flags, SS_DISABLE);
	OK(sigaltstack(&stack, &old));
	EQ(old.ss_flags, SS_DISABLE);
	OK(sigaltstack(NULL, &old));
	EQ(old.ss_flags, 0);
	CHECK(old.ss_sp == alternate);
	EQ(old.ss_size, sizeof alternate);
}

static void only_with_the_flag(void)
{
	struct sigaction action = {.sa_handler = look};
	stack_t after;

	OK(sigaction(SIGUSR1, &action, NULL));
	raise(SIGUSR1);
	CHECK(!on_alternate(where));
	action.sa_flags = SA_ONSTACK;
	OK(sigaction(SIGUSR1, &action, NULL));
	raise(SIGUSR1);
	CHECK(on_alternate(where));
	EQ(inside.ss_flags, SS_ONSTACK);
	OK(sigaltstack(NULL, &after));
	EQ(after.ss_flags, 0);
}

static void nested_again(int sig)
{
	char here;

	if (++count < 4)
		raise(sig);
	/* A nested handler goes on below the first one. */
	CHECK(on_alternate(&here));
	stack_t none = {.ss_flags = SS_DISABLE};

	FAILS(sigaltstack(&none, NULL), EPERM);
}

static void nesting(void)
{
	struct sigaction action = {.sa_handler = nested_again, .sa_flags = SA_ONSTACK | SA_NODEFER};

	count = 0;
	OK(sigaction(SIGUSR1, &action, NULL));
	raise(SIGUSR1);
	EQ(count, 4);
}

static jmp_buf back;

static void overflow(int sig)
{
	char here;

	(void)sig;
	where = &here;
	siglongjmp(back, 1);
}

static volatile int bottom = -1;

__attribute__((noinline)) static int endless(int depth)
{
	volatile char room[4096];

	if (depth == bottom)
		return 0;

	room[depth % 4096] = depth;
	return endless(depth + 1) + room[0];
}

/* Endless recursion ends in a handler on the other stack, twice. */
static void own_stack_used_up(void)
{
	struct sigaction action = {.sa_handler = overflow, .sa_flags = SA_ONSTACK};

	OK(sigaction(SIGSEGV, &action, NULL));
	for (int i = 0; i < 2; i++) {
		where = NULL;
		if (sigsetjmp(back, 1) == 0)
			endless(0);
		CHECK(on_alternate(where));
	}
	signal(SIGSEGV, SIG_DFL);
}

/* Without another stack there is no place for a frame: killed, handler or not. */
static void no_place(void)
{
	stack_t none = {.ss_flags = SS_DISABLE};
	struct sigaction action = {.sa_handler = overflow};

	OK(sigaltstack(&none, NULL));
	OK(sigaction(SIGSEGV, &action, NULL));
	endless(0);
}

static void refusals(void)
{
	stack_t small = {.ss_sp = alternate, .ss_size = 100}, odd = {.ss_sp = alternate, .ss_size = 65536, .ss_flags = 77};

	FAILS(syscall(SYS_sigaltstack, &small, NULL), ENOMEM);
	FAILS(syscall(SYS_sigaltstack, &odd, NULL), EINVAL);
	FAILS(syscall(SYS_sigaltstack, 8, NULL), EFAULT);
	FAILS(syscall(SYS_sigaltstack, NULL, 8), EFAULT);
}

static void fork_keeps_it(void)
{
	stack_t now;

	OK(sigaltstack(NULL, &now));
	CHECK(now.ss_sp == alternate);
	EQ(now.ss_flags, 0);
}

/* SS_AUTODISARM forgets the stack while a handler is on it. */
static void autodisarm(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate, .ss_flags = (int)0x80000000}, after;
	struct sigaction action = {.sa_handler = look, .sa_flags = SA_ONSTACK};

	OK(sigaltstack(&stack, NULL));
	OK(sigaction(SIGUSR1, &action, NULL));
	raise(SIGUSR1);
	CHECK(on_alternate(where));
	EQ(inside.ss_flags, SS_DISABLE);
	OK(sigaltstack(NULL, &after));
	EQ(after.ss_flags, (int)0x80000000);
}

int main(void)
{
	RUN(install);
	RUN(only_with_the_flag);
	RUN(nesting);
	RUN(own_stack_used_up);
	KILLED(child(no_place), SIGSEGV);
	RUN(refusals);
	IN_CHILD(fork_keeps_it);
	RUN(autodisarm);
	return report();
}
