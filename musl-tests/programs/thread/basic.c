/* pthreads: create, join, detach, thread-local data, locks, ends of all kinds. */
//@ smp=1,2
#include "../check.h"
#include <pthread.h>
#include <semaphore.h>
#include <sched.h>

static _Thread_local int own = 5;
static int shared;

static pid_t tid(void) { return syscall(SYS_gettid); }

static void *count(void *arg)
{
	EQ(own, 5);
	own = (int)(intptr_t)arg;
	__atomic_add_fetch(&shared, own, __ATOMIC_SEQ_CST);
	CHECK(tid() != getpid());
	return (void *)(intptr_t)(own * 2);
}

static void create_join(void)
{
	pthread_t t[20];
	void *got;

	for (int i = 0; i < 20; i++)
		EQ(pthread_create(&t[i], 0, count, (void *)(intptr_t)i), 0);
	for (int i = 0; i < 20; i++) {
		EQ(pthread_join(t[i], &got), 0);
		EQ((intptr_t)got, i * 2);
	}
	EQ(shared, 190);
	EQ(own, 5);
	EQ(tid(), getpid());
}

static void many_in_turn(void)
{
	shared = 0;
	for (int i = 0; i < 500; i++) {
		pthread_t t;
		EQ(pthread_create(&t, 0, count, (void *)1), 0);
		EQ(pthread_join(t, 0), 0);
	}
	EQ(shared, 500);
}

static sem_t sem;

static void *post(void *arg) { (void)arg; sem_post(&sem); return 0; }

static void detached(void)
{
	sem_init(&sem, 0, 0);
	for (int i = 0; i < 50; i++) {
		pthread_t t;
		EQ(pthread_create(&t, 0, post, 0), 0);
		EQ(pthread_detach(t), 0);
	}
	for (int i = 0; i < 50; i++)
		sem_wait(&sem);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static long plain;
static int turn;

static void *add(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&mutex);
		plain++;
		pthread_mutex_unlock(&mutex);
	}
	return 0;
}

static void *alternate(void *arg)
{
	int me = (int)(intptr_t)arg;

	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&mutex);
		while (turn != me)
			pthread_cond_wait(&cond, &mutex);
		turn = (turn + 1) % 3;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
	}
	return 0;
}

static void *phases(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100; i++) {
		__atomic_add_fetch(&shared, 1, __ATOMIC_SEQ_CST);
		pthread_barrier_wait(&barrier);
		EQ(__atomic_load_n(&shared, __ATOMIC_SEQ_CST), (i + 1) * 4);
		pthread_barrier_wait(&barrier);
	}
	return 0;
}

static void *readers(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		if (arg) {
			pthread_rwlock_wrlock(&rwlock);
			plain++;
			plain++;
			pthread_rwlock_unlock(&rwlock);
		} else {
			pthread_rwlock_rdlock(&rwlock);
			EQ(plain % 2, 0);
			pthread_rwlock_unlock(&rwlock);
		}
	}
	return 0;
}

static void run(void *(*f)(void *), int n, int with)
{
	pthread_t t[8];

	for (int i = 0; i < n; i++)
		EQ(pthread_create(&t[i], 0, f, (void *)(intptr_t)(with ? i : 0)), 0);
	for (int i = 0; i < n; i++)
		EQ(pthread_join(t[i], 0), 0);
}

static void locks(void)
{
	plain = 0;
	run(add, 4, 0);
	EQ(plain, 80000);
	run(alternate, 3, 1);
	shared = 0;
	pthread_barrier_init(&barrier, 0, 4);
	run(phases, 4, 0);
	plain = 0;
	run(readers, 4, 1);
	EQ(plain, 12000);
}

static void cleaned(void *arg) { *(int *)arg += 1; }

static void *sleeper(void *arg)
{
	pthread_cleanup_push(cleaned, arg);
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	return 0;
}

static void *busy(void *arg)
{
	pthread_cleanup_push(cleaned, arg);
	for (;;)
		pthread_testcancel();
	pthread_cleanup_pop(0);
	return 0;
}

static void cancel(void)
{
	int cleanups = 0;

	for (int i = 0; i < 40; i++) {
		pthread_t t;
		void *got = 0;
		EQ(pthread_create(&t, 0, i % 2 ? sleeper : busy, &cleanups), 0);
		if (i % 3)
			sched_yield();
		EQ(pthread_cancel(t), 0);
		EQ(pthread_join(t, &got), 0);
		CHECK(got == PTHREAD_CANCELED);
		EQ(cleanups, i + 1);
	}
}

/* What threads share: memory, files, directory, pid, parent. */
static void *changes(void *arg)
{
	int *fd = arg;

	EQ(chdir("/"), 0);
	umask(017);
	*fd = open("/dev/null", O_RDONLY);
	EQ(getpid(), fd[1]);
	return 0;
}

static void sharing(void)
{
	int args[2] = { -1, getpid() };
	char cwd[64];
	pthread_t t;
	mode_t old = umask(022);

	EQ(pthread_create(&t, 0, changes, args), 0);
	EQ(pthread_join(t, 0), 0);
	OK(fcntl(args[0], F_GETFD));
	CHECK(getcwd(cwd, sizeof cwd) && strcmp(cwd, "/") == 0);
	EQ(umask(old), 017);
	close(args[0]);
}

/* setuid(2) of the C library reaches all threads; the kernel's is the thread's own. */
static void *own_ids(void *arg)
{
	(void)arg;
	EQ(syscall(SYS_setresuid, 1000, 1000, 1000), 0);
	EQ(syscall(SYS_getuid), 1000);
	return 0;
}

static void ids(void)
{
	pthread_t t;

	EQ(pthread_create(&t, 0, own_ids, 0), 0);
	EQ(pthread_join(t, 0), 0);
	EQ(syscall(SYS_getuid), 0);
}

static void *see_ids(void *arg)
{
	sem_wait(&sem);
	*(int *)arg = syscall(SYS_getuid);
	return 0;
}

static void all_ids(void)
{
	pthread_t t[3];
	int seen[3] = { 9, 9, 9 };

	sem_init(&sem, 0, 0);
	for (int i = 0; i < 3; i++)
		EQ(pthread_create(&t[i], 0, see_ids, &seen[i]), 0);
	EQ(setuid(1000), 0);
	for (int i = 0; i < 3; i++)
		sem_post(&sem);
	for (int i = 0; i < 3; i++) {
		EQ(pthread_join(t[i], 0), 0);
		EQ(seen[i], 1000);
	}
}

static void all_ids_in_child(void) { IN_CHILD(all_ids); }

static void clone_errors(void)
{
	FAILS(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0), EINVAL);
	FAILS(syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND, 0, 0, 0, 0), EINVAL);
	FAILS(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0), EINVAL);
	FAILS(syscall(SYS_tgkill, getpid(), getpid() + 20000, 0), ESRCH);
	FAILS(syscall(SYS_tgkill, getppid(), getpid(), 0), ESRCH);
	FAILS(syscall(SYS_tkill, 0, 0), EINVAL);
}

int main(void)
{
	RUN(create_join);
	RUN(many_in_turn);
	RUN(detached);
	RUN(locks);
	RUN(cancel);
	RUN(sharing);
	RUN(ids);
	RUN(all_ids_in_child);
	RUN(clone_errors);
	return report();
}
