/* Odd `#!` lines: what each answers, compared with Linux. */
//@ oracle
#include "check.h"

static void script(const char *name, const void *text, size_t len)
{
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0755);

	if (write(fd, text, len) != (ssize_t)len)
		_exit(1);
	close(fd);
}

/* Prints a name in which control characters can be read. */
static void show(const char *text, size_t len)
{
	for (size_t i = 0; i < len && i < 40; i++)
		if (text[i] >= 32 && text[i] < 127)
			printf("%c", text[i]);
		else
			printf("\\x%02x", (unsigned char)text[i]);
}

static void attempt(const char *text, size_t len)
{
	script("s", text, len);
	pid_t pid = fork();

	if (pid == 0) {
		execl("./s", "s", "argument", (char *)NULL);
		_exit(errno);
	}
	int status = status_of(pid);

	show(text, len);
	printf(" (%zu): ", len);
	if (status == 0)
		printf("runs\n");
	else if (status & 0x7f)
		printf("signal %d\n", status & 0x7f);
	else
		printf("%s\n", strerror(status >> 8));
}

#define LINE(text) attempt(text, sizeof(text) - 1)

int main(void)
{
	static char line[5000];
	char name[16], inner[16];

	setvbuf(stdout, NULL, _IONBF, 0);
	LINE("#!/bin/true\n");
	LINE("#!/bin/true");
	LINE("#! /bin/true x y z\n");
	LINE("#!\t/bin/true\t\n");
	LINE("#!/bin/true\r\n");
	LINE("#!/bin/true\0junk\n");
	LINE("#!\0/bin/true\n");
	LINE("#!\n/bin/true\n");
	LINE("#!");
	LINE("#");
	LINE("");
	LINE("#! ");
	LINE("#! \t \n");
	LINE(" #!/bin/true\n");
	LINE("#!/\n");
	LINE("#!.\n");
	LINE("#!/dev/null\n");
	LINE("#!s\n");
	LINE("#!./s\n");
	LINE("#!/nothing\n");
	LINE("#!/bin/true/x\n");
	LINE("#!true\n");
	/* Every length around the 256 bytes that are looked at. */
	for (size_t len = 250; len <= 260; len++) {
		memset(line, '/', len);
		memcpy(line, "#!", 2);
		memcpy(line + len - 8, "bin/true", 8);
		attempt(line, len);
		line[len] = '\n';
		attempt(line, len + 1);
		line[len] = ' ';
		attempt(line, len + 1);
	}
	memset(line, 'x', sizeof line);
	memcpy(line, "#!/bin/true ", 12);
	attempt(line, sizeof line);
	memset(line, ' ', sizeof line);
	memcpy(line, "#!", 2);
	attempt(line, sizeof line);
	/* Chains of scripts: up to the limit, and over. */
	script("c0", "#!/bin/true\n", 12);
	for (int i = 1; i < 8; i++) {
		snprintf(name, sizeof name, "c%d", i);
		snprintf(inner, sizeof inner, "#!./c%d\n", i - 1);
		script(name, inner, strlen(inner));
		pid_t pid = fork();

		if (pid == 0) {
			execl(name, name, (char *)NULL);
			_exit(errno);
		}
		printf("chain of %d: %s\n", i, strerror(status_of(pid) >> 8));
	}
	return report();
}
