/* /proc/locks, line by line. */
#include "check.h"
#include <sys/file.h>

static char text[4096];

/* The lines about one file, without their numbers, in the order of the alphabet. */
static void lines_of(const struct stat *st, char out[8][80])
{
	char place[40];
	int fd = OK(open("/proc/locks", O_RDONLY)), count = 0;
	ssize_t n = read(fd, text, sizeof text - 1);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	snprintf(place, sizeof place, " %02x:%02x:%lu ", (int)(st->st_dev >> 8), (int)(st->st_dev & 255),
		 (unsigned long)st->st_ino);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (strstr(line, place) && count < 8) {
			char *at = strchr(line, ' '), *cut = strstr(at, place);
			int i = count++;

			snprintf(text + 3000, 90, "%.*s@ %s", (int)(cut - at), at, cut + strlen(place));
			for (; i > 0 && strcmp(out[i - 1], text + 3000) > 0; i--)
				strcpy(out[i], out[i - 1]);
			strcpy(out[i], text + 3000);
		}
	for (; count < 8; count++)
		out[count][0] = 0;
}

int main(void)
{
	char lines[8][80], want[80];
	struct stat st;
	int p[2], fd = file_with("f", "x", 1), pid = getpid();
	struct flock l = { .l_type = F_RDLCK, .l_start = 3, .l_len = 4 };

	OK(fstat(fd, &st));
	lines_of(&st, lines);
	STREQ(lines[0], "");
	OK(fcntl(fd, F_SETLK, &l));
	l = (struct flock){ .l_type = F_WRLCK, .l_start = 10 };
	OK(fcntl(fd, F_SETLK, &l));
	OK(flock(fd, LOCK_SH));
	int other = OK(open("f", O_RDWR));
	l = (struct flock){ .l_type = F_WRLCK, .l_len = 2 };
	OK(fcntl(other, 37, &l));
	OK(pipe(p));
	pid_t child = fork();
	if (child == 0) {
		l = (struct flock){ .l_type = F_WRLCK, .l_start = 5 };
		close(p[0]);
		close(p[1]);
		_exit(fcntl(other, F_SETLKW, &l) != 0);
	}
	for (int tries = 0; tries < 500; tries++) {
		struct timespec ts = { 0, 10000000 };

		lines_of(&st, lines);
		if (lines[4][0])
			break;
		nanosleep(&ts, NULL);
	}
	snprintf(want, sizeof want, " -> POSIX  ADVISORY  WRITE %d@ 5 EOF", child);
	STREQ(lines[0], want);
	snprintf(want, sizeof want, " FLOCK  ADVISORY  READ %d@ 0 EOF", pid);
	STREQ(lines[1], want);
	STREQ(lines[2], " OFDLCK ADVISORY  WRITE -1@ 0 1");
	snprintf(want, sizeof want, " POSIX  ADVISORY  READ %d@ 3 6", pid);
	STREQ(lines[3], want);
	snprintf(want, sizeof want, " POSIX  ADVISORY  WRITE %d@ 10 EOF", pid);
	STREQ(lines[4], want);
	STREQ(lines[5], "");
	l = (struct flock){ .l_type = F_UNLCK };
	OK(fcntl(fd, F_SETLK, &l));
	EXITS(child, 0);
	OK(flock(fd, LOCK_UN));
	lines_of(&st, lines);
	STREQ(lines[0], " OFDLCK ADVISORY  WRITE -1@ 0 1");
	STREQ(lines[1], "");
	return report();
}
