/* Copy-on-write: after fork each side sees its own writes, at every depth. */
//@ smp=1,2,4
#include "check.h"

#define PAGES 256
#define PAGE 4096

static char *p;

static void fill(char value)
{
	for (int i = 0; i < PAGES; i++)
		memset(p + i * PAGE, value + i % 7, PAGE);
}

static int holds(char value)
{
	for (int i = 0; i < PAGES; i++)
		for (int j = 0; j < PAGE; j += 511)
			if (p[i * PAGE + j] != (char)(value + i % 7))
				return 0;
	return 1;
}

static void child_writes(void)
{
	fill('a');
	pid_t pid = fork();

	if (pid == 0) {
		fill('b');
		_exit(holds('b') ? 0 : 1);
	}
	EXITS(pid, 0);
	CHECK(holds('a'));
}

static void parent_writes(void)
{
	int go[2];

	fill('a');
	OK(pipe(go));
	pid_t pid = fork();

	if (pid == 0) {
		await_byte(go[0]);
		_exit(holds('a') ? 0 : 1);
	}
	fill('c');
	EQ(write(go[1], "x", 1), 1);
	EXITS(pid, 0);
	CHECK(holds('c'));
	close(go[0]);
	close(go[1]);
}

/* Every generation changes one page and passes the rest on. */
static void generation(int depth)
{
	if (depth == 20) {
		for (int i = 0; i < 20; i++)
			EQ(p[i * PAGE], 'A' + i);
		CHECK(p[20 * PAGE] == 'a' + 20 % 7);
		return;
	}
	pid_t pid = fork();

	if (pid == 0) {
		p[depth * PAGE] = 'A' + depth;
		generation(depth + 1);
		_exit(report());
	}
	EXITS(pid, 0);
	EQ(p[depth * PAGE], 'a' + depth % 7);
}

static void generations(void)
{
	fill('a');
	generation(0);
	CHECK(holds('a'));
}

/* Many children write the same pages at once, while the parent does, too. */
static void all_at_once(void)
{
	pid_t pids[8];

	fill('a');
	for (int c = 0; c < 8; c++) {
		pids[c] = fork();
		if (pids[c] == 0) {
			fill('k' + c);
			_exit(holds('k' + c) ? 0 : 1);
		}
	}
	fill('z');
	for (int c = 0; c < 8; c++)
		EXITS(pids[c], 0);
	CHECK(holds('z'));
}

/* The kernel's copies into a shared page copy it first, as a store would. */
static void written_by_the_kernel(void)
{
	int fd = file_with("f", "KERNEL", 6);

	fill('a');
	pid_t pid = fork();

	if (pid == 0)
		_exit(pread(fd, p, 6, 0) == 6 && memcmp(p, "KERNEL", 6) == 0 ? 0 : 1);
	EXITS(pid, 0);
	CHECK(holds('a'));
	close(fd);
}

/* Protection changes between fork and write. */
static void with_protection(void)
{
	fill('a');
	pid_t pid = fork();

	if (pid == 0) {
		OK(mprotect(p, PAGES * PAGE, PROT_READ));
		OK(mprotect(p, PAGES * PAGE, PROT_READ | PROT_WRITE));
		fill('b');
		_exit(holds('b') ? 0 : 1);
	}
	EXITS(pid, 0);
	CHECK(holds('a'));
}

/* A shared map stays shared. */
static void shared(void)
{
	volatile int *s = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));

	pid_t pid = fork();

	if (pid == 0) {
		s[3] = 77;
		_exit(0);
	}
	EXITS(pid, 0);
	EQ(s[3], 77);
	munmap((void *)s, PAGE);
}

int main(void)
{
	p = OK(mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	RUN(child_writes);
	RUN(parent_writes);
	RUN(generations);
	RUN(all_at_once);
	RUN(written_by_the_kernel);
	RUN(with_protection);
	RUN(shared);
	return report();
}
