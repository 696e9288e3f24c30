/* Calls on processes, signals, ids, limits and time, with every argument bad in every way: the
 * answers are Linux's. What would reach beyond the case, such as kill(-1), is left out. */
//@ oracle smp=1 timeout=900
#include "oracle.h"
#include <sched.h>
#include <sys/resource.h>

static char bytes[PAGE], more[PAGE];
static struct timespec moment;
static struct rlimit limit = {100, 100};
static int word;

static const struct row rows[] = {
	CALL(wait4, PROC(-1), B(bytes), FLAGS(0), B(more)),
	CALL(waitid, C(P_ALL), PROC(0), B(bytes), FLAGS(WEXITED | WNOHANG), B(more)),
	CALL(setpgid, PROC(0), PROC(0)),
	CALL(getpgid, PROC(0)),
	CALL(getsid, PROC(0)),
	CALL(set_robust_list, B(bytes), L(24)),
	CALL(arch_prctl, C(0x1003), V(bytes)),
	CALL(arch_prctl, V(0x1003), B(bytes)),
	CALL(setuid, I(0)),
	CALL(setgid, I(0)),
	CALL(setreuid, I(-1), I(-1)),
	CALL(setregid, I(-1), I(-1)),
	CALL(setresuid, I(-1), I(-1), I(-1)),
	CALL(setresgid, I(-1), I(-1), I(-1)),
	CALL(getresuid, B(bytes), B(bytes), B(bytes)),
	CALL(getresgid, B(bytes), B(bytes), B(bytes)),
	CALL(getgroups, I(0), B(bytes)),
	CALL(setgroups, L(0), B(bytes)),
	CALL(prlimit64, PROC(0), C(RLIMIT_NOFILE), B(&limit), B(more)),
	CALL(getrlimit, C(0), B(bytes)),
	CALL(setrlimit, C(RLIMIT_NOFILE), B(&limit)),
	CALL(getrusage, C(0), B(bytes)),
	CALL(times, B(bytes)),
	CALL(futex, B(&word), C(1), V(1), V(0), V(0), V(0)),
	CALL(futex, A(SPARE), V(0), I(1), B(&moment)),
	CALL(futex, A(SPARE), V(1), I(1)),
	CALL(futex, A(SPARE), V(4), V(1), V(1), A(SPARE + 4), I(0)),
	CALL(futex, A(SPARE), V(9), V(1), B(&moment), V(0), I(-1)),
	CALL(getcpu, B(bytes), B(bytes), V(0)),
	CALL(sched_getaffinity, PROC(0), L(128), B(bytes)),
	CALL(sched_setaffinity, PROC(0), L(8), B(bytes)),
	CALL(sched_getscheduler, PROC(0)),
	CALL(sched_setscheduler, PROC(0), C(0), B(bytes)),
	CALL(sched_getparam, PROC(0), B(bytes)),
	CALL(sched_setparam, PROC(0), B(bytes)),
	CALL(sched_get_priority_max, C(0)),
	CALL(sched_get_priority_min, C(0)),
	CALL(sched_rr_get_interval, PROC(0), B(bytes)),
	CALL(sched_getattr, PROC(0), B(bytes), L(48), FLAGS(0)),
	CALL(sched_setattr, PROC(0), B(bytes), FLAGS(0)),
	CALL(getpriority, C(0), PROC(0)),
	CALL(setpriority, C(0), V(0), I(1)),
	CALL(rt_sigaction, C(SIGUSR1), B(bytes), B(more), L(8)),
	CALL(rt_sigprocmask, C(SIG_BLOCK), B(bytes), B(more), L(8)),
	CALL(rt_sigpending, B(bytes), L(8)),
	CALL(rt_sigsuspend, B(bytes), L(8)),
	CALL(rt_sigtimedwait, B(bytes), B(more), B(&moment), L(8)),
	CALL(rt_sigqueueinfo, V(4000000), C(SIGUSR1), B(bytes)),
	CALL(sigaltstack, B(bytes), B(more)),
	CALL(kill, V(0x3d0900), C(0)),
	CALL(kill, V(1), C(0)),
	CALL(tkill, PROC(1), V(0)),
	CALL(tkill, V(4000000), C(0)),
	CALL(tgkill, PROC(1), PROC(1), V(0)),
	CALL(clock_gettime, C(0), B(bytes)),
	CALL(clock_getres, C(0), B(bytes)),
	CALL(gettimeofday, B(bytes), B(more)),
	CALL(time, B(bytes)),
	CALL(nanosleep, B(&moment), B(more)),
	CALL(clock_nanosleep, C(0), V(0), B(&moment), B(more)),
	CALL(clock_nanosleep, V(1), FLAGS(0), V(&moment), V(more)),
	CALL(getitimer, C(0), B(bytes)),
	CALL(setitimer, C(1), B(bytes), B(more)),
	CALL(uname, B(bytes)),
	CALL(sysinfo, B(bytes)),
	CALL(personality, FLAGS(0)),
	CALL(prctl, C(16), V(bytes), V(0), V(0), V(0)),
};

int main(void)
{
	return RUN_TABLE(rows, 1);
}
