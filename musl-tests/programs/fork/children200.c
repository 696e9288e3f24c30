/* 200 children, each of which executes this program again and passes data from
 * its left neighbour to its right; all are waited for. */
//@ smp=1,2,4 timeout=120
#include "check.h"

#define CHILDREN 200
#define WORDS 64

/* `children200 INDEX`: from standard input to standard output, adding INDEX. */
static int link_of_the_chain(int index)
{
	uint32_t word;
	int n = 0;

	while (read(0, &word, sizeof word) == sizeof word) {
		word += index;
		if (write(1, &word, sizeof word) != sizeof word)
			return 1;
		n++;
	}
	return n == WORDS ? index % 100 : 101;
}

static void become(const char *self, int index, int in, int out)
{
	char number[16];

	snprintf(number, sizeof number, "%d", index);
	if (dup2(in, 0) != 0 || dup2(out, 1) != 1)
		_exit(102);
	execl(self, self, number, (char *)NULL);
	_exit(103);
}

int main(int argc, char **argv)
{
	pid_t pids[CHILDREN];
	int first[2], in, p[2];
	char seen[CHILDREN] = {0};

	if (argc > 1)
		return link_of_the_chain(atoi(argv[1]));
	OK(pipe2(first, O_CLOEXEC));
	in = first[0];
	for (int i = 0; i < CHILDREN; i++) {
		OK(pipe2(p, O_CLOEXEC));
		pids[i] = OK(fork());
		if (pids[i] == 0)
			become(argv[0], i, in, p[1]);
		close(in);
		close(p[1]);
		in = p[0];
	}
	for (uint32_t w = 0; w < WORDS; w++)
		EQ(write(first[1], &w, sizeof w), sizeof w);
	close(first[1]);
	for (uint32_t w = 0; w < WORDS; w++) {
		uint32_t word = 0;

		EQ(read(in, &word, sizeof word), sizeof word);
		EQ(word, w + CHILDREN * (CHILDREN - 1) / 2);
	}
	EQ(read(in, first, 1), 0);
	for (int i = 0; i < CHILDREN; i++) {
		int status = -1, who = -1;
		pid_t pid = OK(wait(&status));

		for (int c = 0; c < CHILDREN; c++)
			if (pids[c] == pid)
				who = c;
		CHECK(who >= 0);
		if (who >= 0) {
			EQ(seen[who]++, 0);
			EQ(status, (who % 100) << 8);
		}
	}
	FAILS(wait(NULL), ECHILD);
	return report();
}
