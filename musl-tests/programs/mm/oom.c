/* Memory runs out: who holds most of it is killed, the others go on. */
//@ mem=128 timeout=120
#include "check.h"

#define PIECE (1 << 20)

static char *piece(void)
{
	char *at = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		_exit(99);
	return at;
}

static void touches(void)
{
	for (;;) {
		char *at = piece();

		for (int i = 0; i < PIECE; i += 4096)
			at[i] = 1;
	}
}

/* The kernel is the one that touches. */
static void reads(void)
{
	int zero = OK(open("/dev/zero", O_RDONLY));

	while (read(zero, piece(), PIECE) == PIECE)
		;
}

static void the_glutton_is_killed(void)
{
	KILLED(child(touches), SIGKILL);
	KILLED(child(reads), SIGKILL);
}

static void modest(void)
{
	char *at = piece();
	int zero = OK(open("/dev/zero", O_RDONLY));

	await_byte(0);
	for (int i = 0; i < 64; i++)
		EQ(read(zero, at, PIECE), PIECE);
}

/* Three at once, while a small process works. */
static void the_others_go_on(void)
{
	pid_t hogs[3];
	pid_t small = child(modest);

	for (int i = 0; i < 3; i++)
		hogs[i] = child(touches);
	for (int i = 0; i < 3; i++)
		KILLED(hogs[i], SIGKILL);
	EXITS(small, 0);
}

int main(void)
{
	RUN(the_glutton_is_killed);
	RUN(the_others_go_on);
	return report();
}
