/* chmod, fchmod, fchmodat, chown, fchown, lchown, fchownat, umask. */
#include "check.h"

static struct stat look(const char *path)
{
	struct stat st = {0};

	OK(lstat(path, &st));
	return st;
}

static void modes(void)
{
	int fd = file_with("f", "", 0);

	OK(chmod("f", 07777));
	EQ(look("f").st_mode, S_IFREG | 07777);
	/* Bits outside the twelve are dropped. */
	OK(chmod("f", S_IFDIR | 0100000 | 0600));
	EQ(look("f").st_mode, S_IFREG | 0600);
	OK(fchmod(fd, 0640));
	EQ(look("f").st_mode, S_IFREG | 0640);
	OK(symlink("f", "l"));
	OK(fchmodat(AT_FDCWD, "l", 0604, 0));
	EQ(look("f").st_mode, S_IFREG | 0604);
	EQ(look("l").st_mode, S_IFLNK | 0777);
	FAILS(chmod("nothing", 0600), ENOENT);
	FAILS(fchmod(-1, 0600), EBADF);
	FAILS(chmod("f/x", 0600), ENOTDIR);
	close(fd);
}

static void owners(void)
{
	int fd = OK(open("f", O_RDWR));

	OK(chown("f", 12, 34));
	EQ(look("f").st_uid, 12);
	EQ(look("f").st_gid, 34);
	OK(chown("f", -1, 35));
	EQ(look("f").st_uid, 12);
	EQ(look("f").st_gid, 35);
	OK(fchown(fd, 13, -1));
	EQ(look("f").st_uid, 13);
	OK(lchown("l", 7, 8));
	EQ(look("l").st_uid, 7);
	EQ(look("f").st_uid, 13);
	OK(fchownat(AT_FDCWD, "l", 9, -1, AT_SYMLINK_NOFOLLOW));
	EQ(look("l").st_uid, 9);
	OK(fchownat(fd, "", 14, -1, AT_EMPTY_PATH));
	EQ(look("f").st_uid, 14);
	FAILS(syscall(SYS_fchownat, AT_FDCWD, "f", 1, 1, 0x40000), EINVAL);
	FAILS(chown("nothing", 0, 0), ENOENT);
	FAILS(fchown(-1, 0, 0), EBADF);
	OK(chown("f", 0, 0));
	close(fd);
}

/* A new owner, and a write by somebody else, take the set-id bits away. */
static void set_id_bits(void)
{
	OK(chmod("f", 06755));
	OK(chown("f", 0, 0));
	EQ(look("f").st_mode & 07777, 0755);
	/* Set-group-ID without group execution meant locking, and stays. */
	OK(chmod("f", 06745));
	OK(chown("f", 0, 0));
	EQ(look("f").st_mode & 07777, 02745);
	OK(chmod("f", 06777));
	pid_t pid = fork();

	if (pid == 0) {
		int fd = setresuid(65534, 65534, 65534) == 0 ? open("f", O_WRONLY) : -1;

		_exit(write(fd, "x", 1) == 1 ? 0 : 1);
	}
	EXITS(pid, 0);
	EQ(look("f").st_mode & 07777, 0777);
}

static void creation_mask(void)
{
	EQ(umask(027), 022);
	close(OK(open("masked", O_CREAT | O_WRONLY, 0777)));
	EQ(look("masked").st_mode & 07777, 0750);
	OK(mkdir("masked_dir", 0777));
	EQ(look("masked_dir").st_mode & 07777, 0750);
	OK(mknod("masked_fifo", S_IFIFO | 0666, 0));
	EQ(look("masked_fifo").st_mode & 07777, 0640);
	/* chmod does not look at the mask; only nine bits are kept of it. */
	OK(chmod("masked", 0777));
	EQ(look("masked").st_mode & 07777, 0777);
	EQ(umask(07777), 027);
	EQ(umask(022), 0777);
}

static void changes_status_time(void)
{
	struct stat before = look("f");
	struct timespec tick = {0, 20000000};

	nanosleep(&tick, NULL);
	OK(chmod("f", 0600));
	struct stat after = look("f");

	CHECK(after.st_ctim.tv_sec > before.st_ctim.tv_sec || after.st_ctim.tv_nsec > before.st_ctim.tv_nsec);
	EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

int main(void)
{
	RUN(modes);
	RUN(owners);
	RUN(set_id_bits);
	RUN(creation_mask);
	RUN(changes_status_time);
	return report();
}
