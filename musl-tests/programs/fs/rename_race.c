/* rename replaces atomically: a reader never misses the name, and crossing
 * directory moves neither hang nor make a loop. */
//@ smp=1,2,4
#include "check.h"

#define ROUNDS 2000

static void name_is_always_there(void)
{
	close(file_with("target", "0", 1));
	pid_t writer = fork();

	if (writer == 0) {
		for (int i = 0; i < ROUNDS; i++) {
			int fd = open("new", O_CREAT | O_WRONLY, 0600);

			if (fd < 0 || write(fd, "1", 1) != 1 || close(fd) != 0 || rename("new", "target") != 0)
				_exit(1);
		}
		_exit(0);
	}
	int status, missed = 0;
	struct stat st;

	while (waitpid(writer, &status, WNOHANG) == 0)
		if (stat("target", &st) != 0 || st.st_size != 1)
			missed++;
	EQ(status, 0);
	EQ(missed, 0);
}

/* Two processes try to push each directory into the other. */
static void crossing(void)
{
	pid_t pids[2];

	OK(mkdir("a", 0755));
	OK(mkdir("b", 0755));
	for (int side = 0; side < 2; side++) {
		pids[side] = fork();
		if (pids[side] == 0) {
			for (int i = 0; i < ROUNDS; i++) {
				if (side == 0 && rename("a", "b/a") == 0 && rename("b/a", "a") != 0)
					_exit(1);
				if (side == 1 && rename("b", "a/b") == 0 && rename("a/b", "b") != 0)
					_exit(2);
			}
			_exit(0);
		}
	}
	EXITS(pids[0], 0);
	EXITS(pids[1], 0);
	OK(rmdir("a"));
	OK(rmdir("b"));
}

int main(void)
{
	RUN(name_is_always_there);
	RUN(crossing);
	return report();
}
