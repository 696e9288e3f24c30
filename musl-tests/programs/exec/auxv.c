/* What execve(2) puts on the new stack: alignment, auxiliary vector. */
//@ pie
#include "check.h"
#include <elf.h>
#include <sys/auxv.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

extern char **environ;
extern char _start[];
extern const Elf64_Ehdr __ehdr_start;
static const char *self;
static unsigned long vector[64];
static char present[64];

static void collect(void)
{
	char **end = environ;

	while (*end)
		end++;
	for (unsigned long *a = (unsigned long *)(end + 1); *a != AT_NULL; a += 2)
		if (a[0] < 64) {
			CHECK(!present[a[0]]);
			vector[a[0]] = a[1];
			present[a[0]] = 1;
		}
}

static void keys(void)
{
	static const int all[] = {AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY,
				  AT_UID, AT_EUID, AT_GID, AT_EGID, AT_PLATFORM, AT_HWCAP, AT_CLKTCK,
				  AT_SECURE, AT_RANDOM, AT_EXECFN, AT_SYSINFO_EHDR, AT_MINSIGSTKSZ};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (!present[all[i]])
			check_fail(__FILE__, __LINE__, "key %d is missing", all[i]);
}

static void numbers(void)
{
	unsigned eax = 1, ebx, ecx, edx;

	__asm__("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
	EQ(vector[AT_PAGESZ], 4096);
	EQ(vector[AT_CLKTCK], 100);
	EQ(vector[AT_HWCAP], edx);
	EQ(vector[AT_BASE], 0);
	EQ(vector[AT_FLAGS], 0);
	EQ(vector[AT_UID], getuid());
	EQ(vector[AT_EUID], geteuid());
	EQ(vector[AT_GID], getgid());
	EQ(vector[AT_EGID], getegid());
	EQ(vector[AT_SECURE], 0);
	CHECK(vector[AT_MINSIGSTKSZ] >= 1024);
}

static void program_headers(void)
{
	EQ(vector[AT_PHENT], sizeof(Elf64_Phdr));
	EQ(vector[AT_PHNUM], __ehdr_start.e_phnum);
	EQ(vector[AT_PHDR], (unsigned long)&__ehdr_start + __ehdr_start.e_phoff);
	EQ(vector[AT_ENTRY], (unsigned long)_start);
}

static void strings(void)
{
	const unsigned char *random = (void *)vector[AT_RANDOM];
	int zeroes = 0;

	for (int i = 0; i < 16; i++)
		zeroes += random[i] == 0;
	CHECK(zeroes < 8);
	STREQ((char *)vector[AT_EXECFN], self);
	STREQ((char *)vector[AT_PLATFORM], "x86_64");
}

static void stack(void)
{
	/* argc stands on a 16-byte border, just below argv. */
	unsigned long *argc = (unsigned long *)environ;

	while ((char *)argc[-1] != self)
		argc--;
	EQ(argc[-2], 1);
	EQ((unsigned long)(argc - 2) % 16, 0);
	/* The stack is private, and the top page holds the name of the file. */
	CHECK(vector[AT_EXECFN] > (unsigned long)argc);
	EQ((vector[AT_EXECFN] + strlen(self) + 1 + 8) % 4096, 0);
}

/* The vDSO is an ELF image of its own, where AT_SYSINFO_EHDR says. */
static void vdso(void)
{
	const Elf64_Ehdr *elf = (void *)vector[AT_SYSINFO_EHDR];

	SAME(elf->e_ident, ELFMAG, SELFMAG);
	EQ(elf->e_type, ET_DYN);
	EQ((unsigned long)elf % 4096, 0);
}

/* AT_SECURE is 1 for a set-user-ID program started by another user. */
static void set_user_id(void)
{
	char command[256];
	int in = OK(open(self, O_RDONLY)), out = OK(open("suid", O_CREAT | O_WRONLY, 0755));
	ssize_t n;

	while ((n = read(in, command, sizeof command)) > 0)
		EQ(write(out, command, n), n);
	OK(fchmod(out, 04755));
	close(in);
	close(out);
	pid_t pid = fork();

	if (pid == 0) {
		OK(setresgid(1000, 1000, 1000));
		OK(setresuid(1000, 1000, 1000));
		execl("suid", "suid", "secure", (char *)NULL);
		_exit(99);
	}
	EXITS(pid, 0);
}

int main(int argc, char **argv)
{
	self = argv[0];
	collect();
	if (argc > 1) {
		EQ(vector[AT_SECURE], 1);
		EQ(vector[AT_UID], 1000);
		EQ(vector[AT_EUID], 0);
		EQ(getuid(), 1000);
		EQ(geteuid(), 0);
		/* The saved id becomes the effective one. */
		uid_t r, e, s;

		OK(syscall(SYS_getresuid, &r, &e, &s));
		EQ(s, 0);
		return report();
	}
	RUN(keys);
	RUN(numbers);
	RUN(program_headers);
	RUN(strings);
	RUN(stack);
	RUN(vdso);
	RUN(set_user_id);
	return report();
}
