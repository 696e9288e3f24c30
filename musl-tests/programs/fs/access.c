/* access(2), faccessat(2), faccessat2(2): real and effective ids. */
#include "check.h"

#define NOBODY 65534

static void as_root(void)
{
	close(OK(open("plain", O_CREAT | O_WRONLY, 0)));
	close(OK(open("program", O_CREAT | O_WRONLY, 0100)));
	EQ(access("plain", F_OK | R_OK | W_OK), 0);
	/* Root may execute only what somebody may execute. */
	FAILS(access("plain", X_OK), EACCES);
	EQ(access("program", X_OK), 0);
	EQ(access(".", R_OK | W_OK | X_OK), 0);
	FAILS(access("nothing", F_OK), ENOENT);
	FAILS(access("plain/x", F_OK), ENOTDIR);
	FAILS(access("plain", 8), EINVAL);
	FAILS(access((char *)8, F_OK), EFAULT);
}

static void as_nobody(void)
{
	OK(setresuid(NOBODY, NOBODY, NOBODY));
	EQ(access("plain", F_OK), 0);
	FAILS(access("plain", R_OK), EACCES);
	FAILS(access("plain", W_OK), EACCES);
	FAILS(access("program", X_OK), EACCES);
}

/* access asks for the real user, faccessat2 with AT_EACCESS for the effective. */
static void real_against_effective(void)
{
	OK(setresuid(0, NOBODY, 0));
	EQ(access("plain", R_OK), 0);
	FAILS(syscall(SYS_faccessat2, AT_FDCWD, "plain", R_OK, AT_EACCESS), EACCES);
	OK(setresuid(-1, 0, -1));
	OK(setresuid(NOBODY, 0, 0));
	FAILS(access("plain", R_OK), EACCES);
	EQ(syscall(SYS_faccessat2, AT_FDCWD, "plain", R_OK, AT_EACCESS), 0);
}

static void relative(void)
{
	int dir = OK(open(".", O_RDONLY | O_DIRECTORY)), file = OK(open("plain", O_RDONLY));

	OK(symlink("nothing", "dangling"));
	EQ(syscall(SYS_faccessat, dir, "plain", F_OK), 0);
	FAILS(syscall(SYS_faccessat, file, "plain", F_OK), ENOTDIR);
	FAILS(syscall(SYS_faccessat, -1, "plain", F_OK), EBADF);
	FAILS(syscall(SYS_faccessat, dir, "dangling", F_OK), ENOENT);
	EQ(syscall(SYS_faccessat2, dir, "dangling", F_OK, AT_SYMLINK_NOFOLLOW), 0);
	EQ(syscall(SYS_faccessat2, file, "", R_OK, AT_EMPTY_PATH), 0);
	FAILS(syscall(SYS_faccessat2, dir, "plain", F_OK, 0x8000), EINVAL);
	close(file);
	close(dir);
}

int main(void)
{
	RUN(as_root);
	IN_CHILD(as_nobody);
	IN_CHILD(real_against_effective);
	RUN(relative);
	return report();
}
