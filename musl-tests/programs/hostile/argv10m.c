/* Arguments beyond every limit: E2BIG, and the program goes on. */
//@ oracle
#include "check.h"
#include <sys/resource.h>

static const char *self;

/* Strings of `length` bytes, `count` of them, in the argument list. */
static void attempt(size_t count, size_t length)
{
	char **argv = calloc(count + 3, sizeof *argv);
	char *text = malloc(length + 1);

	memset(text, 'x', length);
	text[length] = 0;
	argv[0] = "argv10m";
	argv[1] = "child";
	for (size_t i = 0; i < count; i++)
		argv[2 + i] = text;
	pid_t pid = fork();

	if (pid == 0) {
		execve(self, argv, (char *[]){NULL});
		_exit(errno);
	}
	int status = status_of(pid);

	printf("%zu strings of %zu bytes: %s\n", count, length,
	       status == 77 << 8 ? "runs" : strerror(status >> 8 & 0xff));
	free(text);
	free(argv);
}

/* The same pointer as both lists, far more of it than there is memory for. */
static void endless_list(void)
{
	size_t size = 64 << 20;
	char **list = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* It ends where memory ends, not with a NULL. */
	size -= 4096;
	munmap((char *)list + size, 4096);
	for (size_t i = 0; i < size / sizeof *list; i++)
		list[i] = "0123456789";
	pid_t pid = fork();

	if (pid == 0) {
		execve(self, list, list);
		_exit(errno);
	}
	printf("an endless list: %s\n", strerror(status_of(pid) >> 8 & 0xff));
	munmap(list, size);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 77;
	self = argv[0];
	setvbuf(stdout, NULL, _IONBF, 0);
	attempt(80, 131071);
	attempt(1, 131071);
	attempt(1, 131072);
	attempt(10, 100000);
	attempt(100000, 1);
	attempt(1000000, 1);
	attempt(10 << 20, 0);
	attempt(1, 10 << 20);
	endless_list();
	/* A quarter of the stack's limit is what arguments may take. */
	struct rlimit limit = {1 << 20, RLIM_INFINITY};

	OK(setrlimit(RLIMIT_STACK, &limit));
	attempt(2, 100000);
	attempt(3, 100000);
	return report();
}
