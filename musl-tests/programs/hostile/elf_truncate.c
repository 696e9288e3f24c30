/* A program cut off at every byte, executed: the outcomes are Linux's, and the
 * kernel is well. First a tiny program, then this one. */
//@ oracle smp=1 timeout=900
#include "elf_image.h"

int main(int argc, char **argv)
{
	static char self[1 << 20];
	const char *last = "", *now;

	if (argc == 1 && strcmp(argv[0], "image") == 0)
		return 42;
	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t len = 0; len <= sizeof good_image; len++) {
		printf("%zu: %s\n", len, outcome_of(&good_image, len));
	}
	/* Of the large one only changes are printed: its layout is the compiler's. Which signal
	 * ends a program that runs into what is cut off is up to chance: its registers hold
	 * addresses. */
	int fd = OK(open(argv[0], O_RDONLY));
	ssize_t size = OK(read(fd, self, sizeof self));

	CHECK(strcmp(outcome_of(self, size), "runs") == 0);
	for (ssize_t len = size; len-- > 0;) {
		OK(truncate("image", len));
		now = outcome();
		if (strncmp(now, "signal", 6) == 0)
			now = "killed";
		if (strcmp(now, last) != 0) {
			printf("self %zd: %s\n", len, now);
			last = strdup(now);
		}
	}
	return report();
}
