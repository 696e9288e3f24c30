/* Writes of at most PIPE_BUF from many processes never mix. */
//@ smp=1,2,4
#include "check.h"
#include <limits.h>

#define WRITERS 6
#define ROUNDS 60

static char block[PIPE_BUF];

int main(void)
{
	int p[2], seen[WRITERS] = {0};
	pid_t pids[WRITERS];

	OK(pipe(p));
	for (int w = 0; w < WRITERS; w++) {
		pids[w] = fork();
		if (pids[w] == 0) {
			close(p[0]);
			memset(block, 'a' + w, sizeof block);
			for (int i = 0; i < ROUNDS; i++)
				if (write(p[1], block, sizeof block) != sizeof block)
					_exit(1);
			_exit(0);
		}
	}
	close(p[1]);
	for (int i = 0; i < WRITERS * ROUNDS; i++) {
		size_t at = 0;

		while (at < sizeof block) {
			ssize_t n = OK(read(p[0], block + at, sizeof block - at));

			if (n <= 0)
				return 1;
			at += n;
		}
		for (size_t j = 1; j < sizeof block; j++)
			if (block[j] != block[0]) {
				CHECK(!"a block is torn");
				break;
			}
		seen[block[0] - 'a']++;
	}
	EQ(read(p[0], block, 1), 0);
	for (int w = 0; w < WRITERS; w++) {
		EQ(seen[w], ROUNDS);
		EXITS(pids[w], 0);
	}
	return report();
}
