/* A chain of forked filters, like a long shell pipeline: every byte arrives,
 * and every process sees end of file because nobody keeps a stray end open. */
//@ smp=1,2,4
#include "check.h"

#define FILTERS 30
#define BYTES 200000

int main(void)
{
	static unsigned char chunk[4000];
	int p[2], in;
	pid_t pids[FILTERS + 1];

	OK(pipe(p));
	pids[0] = fork();
	if (pids[0] == 0) {
		close(p[0]);
		for (int i = 0; i < BYTES; i += sizeof chunk) {
			for (size_t j = 0; j < sizeof chunk; j++)
				chunk[j] = (i + j) % 251;
			if (write(p[1], chunk, sizeof chunk) != sizeof chunk)
				_exit(1);
		}
		_exit(0);
	}
	close(p[1]);
	in = p[0];
	for (int f = 1; f <= FILTERS; f++) {
		OK(pipe(p));
		pids[f] = fork();
		if (pids[f] == 0) {
			ssize_t n;

			close(p[0]);
			while ((n = read(in, chunk, sizeof chunk)) > 0) {
				for (ssize_t j = 0; j < n; j++)
					chunk[j]++;
				if (write(p[1], chunk, n) != n)
					_exit(1);
			}
			_exit(n == 0 ? 0 : 2);
		}
		close(in);
		close(p[1]);
		in = p[0];
	}
	int at = 0, wrong = 0;
	ssize_t n;

	while ((n = OK(read(in, chunk, sizeof chunk))) > 0)
		for (ssize_t j = 0; j < n; j++, at++)
			wrong += chunk[j] != (unsigned char)(at % 251 + FILTERS);
	EQ(at, BYTES);
	EQ(wrong, 0);
	for (int f = 0; f <= FILTERS; f++)
		EXITS(pids[f], 0);
	return report();
}
