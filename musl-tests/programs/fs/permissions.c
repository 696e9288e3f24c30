/* Mode bits as uid 65534 meets them: owner, group, other, directories, sticky. */
#include "check.h"
#include <grp.h>
#include <sys/fsuid.h>

#define NOBODY 65534

static void become_nobody(void)
{
	OK(setgroups(0, NULL));
	OK(setresgid(NOBODY, NOBODY, NOBODY));
	OK(setresuid(NOBODY, NOBODY, NOBODY));
}

/* The first class that fits decides, even if a later one would allow more. */
static void classes(void)
{
	become_nobody();
	FAILS(open("mine_0077", O_RDONLY), EACCES);
	close(OK(open("mine_0400", O_RDONLY)));
	FAILS(open("mine_0400", O_WRONLY), EACCES);
	FAILS(open("group_0707", O_RDONLY), EACCES);
	close(OK(open("group_0040", O_RDONLY)));
	close(OK(open("other_0004", O_RDONLY)));
	FAILS(open("other_0004", O_RDWR), EACCES);
	FAILS(open("other_0770", O_RDONLY), EACCES);
	FAILS(open("other_0004", O_RDONLY | O_TRUNC), EACCES);
	FAILS(truncate("other_0004", 0), EACCES);
}

static void supplementary_group(void)
{
	gid_t groups[] = {5, 77};

	OK(setgroups(2, groups));
	OK(setresgid(NOBODY, NOBODY, NOBODY));
	OK(setresuid(NOBODY, NOBODY, NOBODY));
	close(OK(open("group77_0040", O_RDONLY)));
	FAILS(open("group77_0040", O_WRONLY), EACCES);
}

static void in_directories(void)
{
	struct stat st;

	become_nobody();
	/* Reading lists, executing passes through, writing with it changes. */
	FAILS(stat("list_only/f", &st), EACCES);
	close(OK(open("list_only", O_RDONLY | O_DIRECTORY)));
	OK(stat("pass_only/f", &st));
	FAILS(open("pass_only", O_RDONLY | O_DIRECTORY), EACCES);
	FAILS(unlink("pass_only/f"), EACCES);
	FAILS(open("pass_only/new", O_CREAT | O_WRONLY, 0600), EACCES);
	FAILS(mkdir("pass_only/new", 0700), EACCES);
	FAILS(symlink("x", "pass_only/new"), EACCES);
	FAILS(link("pass_only/f", "pass_only/new"), EACCES);
	FAILS(rename("pass_only/f", "open/f"), EACCES);
	/* What exists is said to exist, even where nothing may be made. */
	FAILS(mkdir("pass_only/f", 0700), EEXIST);
	OK(unlink("open/f"));
}

static void sticky(void)
{
	become_nobody();
	FAILS(unlink("sticky/theirs"), EPERM);
	FAILS(rename("sticky/theirs", "sticky/x"), EPERM);
	close(OK(open("sticky/mine", O_CREAT | O_WRONLY, 0600)));
	OK(unlink("sticky/mine"));
}

static void owner_only(void)
{
	become_nobody();
	FAILS(chmod("other_0004", 0777), EPERM);
	OK(chmod("mine_0400", 0600));
	FAILS(chown("mine_0400", 0, -1), EPERM);
	FAILS(chown("mine_0400", -1, 77), EPERM);
	OK(chown("mine_0400", -1, NOBODY));
	FAILS(chown("other_0004", -1, NOBODY), EPERM);
	FAILS(mknod("open/dev", S_IFCHR | 0600, 0x103), EPERM);
	OK(mknod("open/fifo", S_IFIFO | 0600, 0));
}

/* File system ids are what files look at; setresuid moves them along. */
static void fs_ids(void)
{
	EQ(setfsgid(NOBODY), 0);
	EQ(setfsuid(NOBODY), 0);
	EQ(geteuid(), 0);
	FAILS(open("other_0770", O_RDONLY), EACCES);
	EQ(setfsuid(-1), NOBODY);
	OK(setresuid(-1, 0, -1));
	EQ(setfsuid(-1), 0);
	close(OK(open("other_0770", O_RDONLY)));
}

static void file(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	int fd = OK(open(name, O_CREAT | O_WRONLY, 0600));

	OK(fchown(fd, uid, gid));
	OK(fchmod(fd, mode));
	close(fd);
}

int main(void)
{
	umask(0);
	file("mine_0077", NOBODY, 0, 0077);
	file("mine_0400", NOBODY, 0, 0400);
	file("group_0707", 0, NOBODY, 0707);
	file("group_0040", 0, NOBODY, 0040);
	file("group77_0040", 0, 77, 0040);
	file("other_0004", 0, 0, 0004);
	file("other_0770", 0, 0, 0770);
	OK(mkdir("list_only", 0744));
	file("list_only/f", 0, 0, 0666);
	OK(mkdir("pass_only", 0711));
	file("pass_only/f", 0, 0, 0666);
	OK(mkdir("open", 0777));
	file("open/f", 0, 0, 0600);
	OK(mkdir("sticky", 0777));
	OK(chmod("sticky", 01777));
	file("sticky/theirs", 0, 0, 0666);
	IN_CHILD(classes);
	IN_CHILD(supplementary_group);
	IN_CHILD(in_directories);
	IN_CHILD(sticky);
	IN_CHILD(owner_only);
	IN_CHILD(fs_ids);
	return report();
}
