/* execve(2): arguments and environment arrive byte for byte, whatever they are. */
#include "check.h"

#define MANY 5000

static char *argv_many[MANY + 2];

/* `args check NAME …` compares with what `NAME` promises. */
static int checked(int argc, char **argv, char **envp)
{
	if (strcmp(argv[1], "plain") == 0) {
		EQ(argc, 5);
		STREQ(argv[2], "");
		STREQ(argv[3], "two words\n\t");
		STREQ(argv[4], "\xff\x80\x01");
		CHECK(argv[5] == NULL);
		STREQ(envp[0], "A=1");
		STREQ(envp[1], "NOEQUALS");
		STREQ(envp[2], "");
		CHECK(envp[3] == NULL);
	} else if (strcmp(argv[1], "many") == 0) {
		char number[16];

		EQ(argc, MANY);
		for (int i = 2; i < argc; i++) {
			snprintf(number, sizeof number, "%d", i);
			STREQ(argv[i], number);
		}
		CHECK(envp[0] == NULL);
	} else if (strcmp(argv[1], "long") == 0) {
		EQ(strlen(argv[2]), 131071);
		for (int i = 0; i < 131071; i += 1000)
			EQ(argv[2][i], 'L');
	}
	/* The strings lie in one piece, arguments first, then the environment. */
	char *next = argv[0];

	for (int i = 0; i < argc; i++) {
		CHECK(argv[i] == next);
		next = argv[i] + strlen(argv[i]) + 1;
	}
	for (int i = 0; envp[i]; i++) {
		CHECK(envp[i] == next);
		next = envp[i] + strlen(envp[i]) + 1;
	}
	return report();
}

static const char *self;

static void plain(void)
{
	char *const argv[] = {"args", "plain", "", "two words\n\t", "\xff\x80\x01", NULL};
	char *const envp[] = {"A=1", "NOEQUALS", "", NULL};

	execve(self, argv, envp);
	CHECK(!"execve failed");
}

static void many(void)
{
	char *const envp[] = {NULL};

	argv_many[0] = "args";
	argv_many[1] = "many";
	for (int i = 2; i < MANY; i++) {
		argv_many[i] = malloc(8);
		snprintf(argv_many[i], 8, "%d", i);
	}
	execve(self, argv_many, envp);
	CHECK(!"execve failed");
}

/* One string may have 128 KiB with its NUL (MAX_ARG_STRLEN), not more. */
static void long_one(void)
{
	char *text = malloc(131073);
	char *const argv[] = {"args", "long", text, NULL};

	memset(text, 'L', 131072);
	text[131072] = 0;
	FAILS(execv(self, argv), E2BIG);
	text[131071] = 0;
	execv(self, argv);
	CHECK(!"execve failed");
}

/* NULL for argv or envp is an empty list; argc is never 0 (since Linux 5.18). */
static void null_lists(void)
{
	syscall(SYS_execve, self, NULL, NULL);
	CHECK(!"execve failed");
}

int main(int argc, char **argv, char **envp)
{
	if (argc > 1)
		return checked(argc, argv, envp);
	if (argv[0][0] == 0)
		return argc == 1 && envp[0] == NULL ? 33 : 34;
	self = argv[0];
	IN_CHILD(plain);
	IN_CHILD(many);
	IN_CHILD(long_one);
	EXITS(child(null_lists), 33);
	return report();
}
