/* O_APPEND: each write goes to the end, also when several processes write. */
//@ smp=1,2,4
#include "check.h"

#define WRITERS 4
#define LINES 200

static void goes_to_the_end(void)
{
	int fd = file_with("f", "abc", 3), end = OK(open("f", O_WRONLY | O_APPEND));
	char text[10];

	EQ(write(end, "d", 1), 1);
	EQ(lseek(end, 0, SEEK_SET), 0);
	EQ(write(end, "e", 1), 1);
	EQ(lseek(end, 0, SEEK_CUR), 5);
	/* Linux appends with pwrite, too (pwrite(2), BUGS). */
	EQ(pwrite(end, "f", 1, 0), 1);
	EQ(lseek(end, 0, SEEK_CUR), 5);
	EQ(read(fd, text, sizeof text), 6);
	SAME(text, "abcdef", 6);
	close(end);
	close(fd);
}

static void set_by_fcntl(void)
{
	int fd = file_with("f", "abc", 3);
	char text[10];

	OK(fcntl(fd, F_SETFL, O_APPEND));
	EQ(write(fd, "d", 1), 1);
	OK(fcntl(fd, F_SETFL, 0));
	EQ(lseek(fd, 0, SEEK_SET), 0);
	EQ(write(fd, "A", 1), 1);
	EQ(pread(fd, text, sizeof text, 0), 4);
	SAME(text, "Abcd", 4);
	close(fd);
}

/* Nothing is lost and no line is torn. */
static void many_writers(void)
{
	pid_t pids[WRITERS];
	int seen[WRITERS] = {0};
	char line[64];

	close(file_with("f", "", 0));
	for (int w = 0; w < WRITERS; w++) {
		pids[w] = fork();
		if (pids[w] == 0) {
			int fd = open("f", O_WRONLY | O_APPEND);

			for (int i = 0; i < LINES; i++) {
				memset(line, 'a' + w, 49);
				line[49] = '\n';
				if (write(fd, line, 50) != 50)
					_exit(1);
			}
			_exit(0);
		}
	}
	for (int w = 0; w < WRITERS; w++)
		EXITS(pids[w], 0);
	int fd = OK(open("f", O_RDONLY));

	for (int i = 0; i < WRITERS * LINES; i++) {
		EQ(read(fd, line, 50), 50);
		for (int j = 1; j < 49; j++)
			EQ(line[j], line[0]);
		EQ(line[49], '\n');
		CHECK(line[0] >= 'a' && line[0] < 'a' + WRITERS);
		seen[line[0] - 'a']++;
	}
	EQ(read(fd, line, 1), 0);
	for (int w = 0; w < WRITERS; w++)
		EQ(seen[w], LINES);
	close(fd);
}

int main(void)
{
	RUN(goes_to_the_end);
	RUN(set_by_fcntl);
	RUN(many_writers);
	return report();
}
