/* symlink(2), readlink(2) and what following means; loops end in ELOOP. */
#include "check.h"
#include <limits.h>

static void reading(void)
{
	char text[64] = {0};

	OK(symlink("some/where", "l"));
	EQ(readlink("l", text, sizeof text), 10);
	STREQ(text, "some/where");
	/* The target is cut to the buffer, without a NUL. */
	memset(text, '#', sizeof text);
	EQ(readlink("l", text, 4), 4);
	SAME(text, "some#", 5);
	FAILS(syscall(SYS_readlink, "l", text, 0), EINVAL);
	FAILS(syscall(SYS_readlink, "l", text, -1), EINVAL);
	FAILS(readlink(".", text, sizeof text), EINVAL);
	FAILS(readlink("nothing", text, sizeof text), ENOENT);
	FAILS(symlink("x", "l"), EEXIST);
	FAILS(symlink("", "m"), ENOENT);
	FAILS(symlink("x", ""), ENOENT);
	FAILS(symlink("x", "nothing/m"), ENOENT);
	int dir = OK(open(".", O_RDONLY | O_DIRECTORY));

	OK(symlinkat("y", dir, "m"));
	EQ(readlinkat(dir, "m", text, sizeof text), 1);
	FAILS(readlinkat(-1, "m", text, sizeof text), EBADF);
	close(dir);
	int link = OK(open("m", O_PATH | O_NOFOLLOW));

	EQ(readlinkat(link, "", text, sizeof text), 1);
	close(link);
}

/* A relative target starts at the link's own directory; `..` after a link is
 * the parent of the target. */
static void following(void)
{
	char text[8] = {0};
	struct stat a, b;

	OK(mkdir("d", 0755));
	OK(mkdir("d/e", 0755));
	close(file_with("d/f", "found", 5));
	OK(symlink("../f", "d/e/up"));
	int fd = OK(open("d/e/up", O_RDONLY));

	EQ(read(fd, text, 8), 5);
	close(fd);
	OK(symlink("d/e", "short"));
	OK(stat("short/../f", &a));
	OK(stat("d/f", &b));
	EQ(a.st_ino, b.st_ino);
	OK(symlink("/tmp/.", "absolute"));
	OK(stat("absolute", &a));
	OK(stat("/tmp", &b));
	EQ(a.st_ino, b.st_ino);
}

static void loops(void)
{
	char name[16], target[16];
	struct stat st;

	OK(symlink("self", "self"));
	FAILS(stat("self", &st), ELOOP);
	FAILS(open("self", O_RDONLY), ELOOP);
	FAILS(open("self/x", O_RDONLY), ELOOP);
	OK(lstat("self", &st));
	OK(symlink("pong", "ping"));
	OK(symlink("ping", "pong"));
	FAILS(open("ping", O_RDONLY), ELOOP);
	/* Forty links are followed, the forty-first is one too many. */
	close(file_with("n0", "", 0));
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof name, "n%d", i);
		snprintf(target, sizeof target, "n%d", i - 1);
		OK(symlink(target, name));
	}
	OK(stat("n40", &st));
	FAILS(stat("n41", &st), ELOOP);
}

static void long_targets(void)
{
	static char target[PATH_MAX + 1], back[PATH_MAX + 1];

	memset(target, 'x', PATH_MAX);
	FAILS(symlink(target, "long"), ENAMETOOLONG);
	target[PATH_MAX - 1] = 0;
	OK(symlink(target, "long"));
	EQ(readlink("long", back, sizeof back), PATH_MAX - 1);
	SAME(back, target, PATH_MAX - 1);
}

int main(void)
{
	RUN(reading);
	RUN(following);
	RUN(loops);
	RUN(long_targets);
	return report();
}
