/* A token runs round a ring of processes, each sleeping in read. */
//@ smp=1,2,4
#include "check.h"

#define PROCESSES 20
#define ROUNDS 100

int main(void)
{
	int first[2], in, p[2];
	uint32_t token = 0;

	OK(pipe(first));
	in = first[0];
	for (int i = 1; i < PROCESSES; i++) {
		OK(pipe(p));
		if (fork() == 0) {
			close(first[1]);
			close(p[0]);
			while (read(in, &token, sizeof token) == sizeof token) {
				token++;
				if (write(p[1], &token, sizeof token) != sizeof token)
					_exit(1);
			}
			_exit(0);
		}
		close(in);
		close(p[1]);
		in = p[0];
	}
	for (int round = 0; round < ROUNDS; round++) {
		EQ(write(first[1], &token, sizeof token), sizeof token);
		EQ(read(in, &token, sizeof token), sizeof token);
		EQ(token, (round + 1) * (PROCESSES - 1));
	}
	/* Closing the first end runs round as end of file. */
	close(first[1]);
	EQ(read(in, &token, sizeof token), 0);
	for (int i = 1; i < PROCESSES; i++) {
		int status = -1;

		OK(wait(&status));
		EQ(status, 0);
	}
	return report();
}
