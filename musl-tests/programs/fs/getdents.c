/* getdents64(2): records, types, positions, changes while reading, many entries. */
#include "check.h"

struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

enum { FIFO = 1, DIRECTORY = 4, REGULAR = 8, LINK = 10 };

static char buffer[32768] __attribute__((aligned(8)));

/* Reads the whole directory and answers the number of entries; `each` sees all. */
static int scan(int dir, size_t size, void (*each)(const struct entry *))
{
	int count = 0;
	long n;

	while ((n = OK(syscall(SYS_getdents64, dir, buffer, size))) > 0)
		for (long at = 0; at < n;) {
			const struct entry *e = (const void *)(buffer + at);

			EQ(e->reclen % 8, 0);
			CHECK(e->reclen >= 19 + strlen(e->name) + 1);
			if (each)
				each(e);
			count++;
			at += e->reclen;
			if (e->reclen == 0)
				return -1;
		}
	return count;
}

static int dots, others;

static void judge(const struct entry *e)
{
	struct stat st;

	OK(lstat(e->name, &st));
	if (strcmp(e->name, "..") != 0)
		EQ(e->ino, st.st_ino);
	EQ(e->type, (st.st_mode & S_IFMT) >> 12);
	if (e->name[0] == '.')
		dots++;
	else
		others++;
}

static void records(void)
{
	close(file_with("file", "", 0));
	OK(mkdir("dir", 0755));
	OK(symlink("x", "link"));
	OK(mknod("fifo", S_IFIFO | 0600, 0));
	int dir = OK(open(".", O_RDONLY | O_DIRECTORY));

	EQ(scan(dir, sizeof buffer, judge), 6);
	EQ(dots, 2);
	EQ(others, 4);
	EQ(scan(dir, sizeof buffer, NULL), 0);
	EQ(lseek(dir, 0, SEEK_SET), 0);
	EQ(scan(dir, 40, NULL), 6);
	OK(unlink("file"));
	OK(rmdir("dir"));
	OK(unlink("link"));
	OK(unlink("fifo"));
	close(dir);
}

static void refusals(void)
{
	int dir = OK(open(".", O_RDONLY | O_DIRECTORY)), file = file_with("f", "", 0);

	FAILS(syscall(SYS_getdents64, dir, buffer, 10), EINVAL);
	FAILS(syscall(SYS_getdents64, dir, 8, sizeof buffer), EFAULT);
	FAILS(syscall(SYS_getdents64, file, buffer, sizeof buffer), ENOTDIR);
	FAILS(syscall(SYS_getdents64, -1, buffer, sizeof buffer), EBADF);
	close(file);
	OK(unlink("f"));
	close(dir);
}

static char seen[3000];

static void mark(const struct entry *e)
{
	if (e->name[0] == 'n')
		seen[atoi(e->name + 1)]++;
}

/* Every entry that is there the whole time comes exactly once. */
static void many(void)
{
	char name[16];

	OK(mkdir("big", 0755));
	OK(chdir("big"));
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "n%d", i);
		close(OK(open(name, O_CREAT | O_EXCL | O_WRONLY, 0600)));
	}
	int dir = OK(open(".", O_RDONLY | O_DIRECTORY));

	EQ(scan(dir, 1000, mark), 3002);
	for (int i = 0; i < 3000; i++)
		EQ(seen[i], 1);
	close(dir);
}

static int removed;

static void remove_it(const struct entry *e)
{
	if (e->name[0] == 'n') {
		OK(unlink(e->name));
		removed++;
	}
}

/* `rm -r`: deleting what was just read loses none of the rest. */
static void removing_while_reading(void)
{
	int dir = OK(open(".", O_RDONLY | O_DIRECTORY));

	scan(dir, 2000, remove_it);
	EQ(removed, 3000);
	EQ(lseek(dir, 0, SEEK_SET), 0);
	EQ(scan(dir, sizeof buffer, NULL), 2);
	close(dir);
	OK(chdir(".."));
	OK(rmdir("big"));
}

int main(void)
{
	RUN(records);
	RUN(refusals);
	RUN(many);
	RUN(removing_while_reading);
	return report();
}
