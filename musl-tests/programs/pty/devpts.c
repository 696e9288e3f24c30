/* devpts: options, nodes and their owners, numbers, and which instance a ptmx
 * belongs to.
 */
//@ smp=1,2
#include "pty.h"
#include <dirent.h>
#include <sys/vfs.h>

static void options(void)
{
	static const char *bad[] = {"gid", "gid=x", "mode=9", "max=1048577", "max=-1", "size=1", "newinstance=1"};

	mkdir("bad", 0755);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		FAILS(mount("none", "bad", "devpts", 0, bad[i]), EINVAL);
	mount_devpts("bad", "newinstance,ptmxmode=0640");
	struct stat st;

	OK(stat("bad/ptmx", &st));
	EQ(st.st_mode, S_IFCHR | 0640);
	EQ(umount("bad"), 0);
}

static void the_top(void)
{
	struct stat st;
	struct statfs fs;

	OK(stat("pts", &st));
	EQ(st.st_mode, S_IFDIR | 0755);
	EQ(st.st_ino, 1);
	EQ(st.st_nlink, 2);
	EQ(st.st_size, 0);
	EQ(st.st_blksize, 1024);
	OK(stat("pts/ptmx", &st));
	EQ(st.st_mode, S_IFCHR | 0666);
	EQ(st.st_ino, 2);
	EQ(st.st_rdev, makedev(5, 2));
	OK(statfs("pts", &fs));
	EQ(fs.f_type, 0x1cd1);
	EQ(fs.f_bsize, 4096);
	EQ(fs.f_namelen, 255);
	EQ(fs.f_blocks, 0);
	EQ(fs.f_files, 0);
	FAILS(open("pts/x", O_RDWR | O_CREAT, 0600), EACCES);
	FAILS(mkdir("pts/x", 0700), EPERM);
	FAILS(mknod("pts/x", S_IFCHR | 0600, makedev(1, 3)), EPERM);
	FAILS(symlink("ptmx", "pts/x"), EPERM);
	FAILS(unlink("pts/ptmx"), EPERM);
	FAILS(rename("pts/ptmx", "pts/x"), EPERM);
	FAILS(link("pts/ptmx", "pts/x"), EPERM);
	FAILS(stat("pts/0", &st), ENOENT);
	FAILS(stat("pts/00", &st), ENOENT);
	FAILS(stat("pts/-1", &st), ENOENT);
}

static void a_slave(void)
{
	struct stat st;
	time_t before = time(NULL);
	struct pair p = new_pair();
	char path[32];

	snprintf(path, sizeof path, "pts/%d", p.number);
	EQ(p.number, 0);
	OK(stat(path, &st));
	EQ(st.st_mode, S_IFCHR | 0620);
	EQ(st.st_uid, 0);
	EQ(st.st_gid, 5);
	EQ(st.st_ino, 3);
	EQ(st.st_nlink, 1);
	EQ(st.st_rdev, makedev(136, 0));
	CHECK(st.st_mtime >= before - 8 && st.st_mtime <= time(NULL));
	OK(chmod(path, 0600));
	OK(chown(path, 7, 8));
	OK(fstat(p.slave, &st));
	EQ(st.st_mode, S_IFCHR | 0600);
	EQ(st.st_uid, 7);
	EQ(st.st_gid, 8);
	/* The name of it goes with the master. */
	close(p.master);
	FAILS(stat(path, &st), ENOENT);
	OK(fstat(p.slave, &st));
	EQ(st.st_nlink, 0);
	close(p.slave);
}

static void times_go_in_steps(void)
{
	struct pair p = new_pair();
	struct timespec old[2] = {{1000, 5}, {1000, 6}};
	struct stat st;

	OK(futimens(p.slave, old));
	WRITES(p.slave, "x");
	OK(fstat(p.slave, &st));
	CHECK(st.st_mtim.tv_sec > 1000);
	EQ(st.st_mtim.tv_nsec, 6);
	EQ(st.st_atim.tv_sec, 1000);
	WRITES(p.master, "y\n");
	READS(p.slave, "y\n");
	OK(fstat(p.slave, &st));
	CHECK(st.st_atim.tv_sec > 1000);
	EQ(st.st_atim.tv_nsec, 5);
	close_pair(&p);
}

static int list(char names[][16], int max)
{
	DIR *dir = opendir("pts");
	struct dirent *entry;
	int n = 0;

	while ((entry = readdir(dir)) && n < max)
		if (entry->d_name[0] != '.')
			strncpy(names[n++], entry->d_name, 15);
	closedir(dir);
	return n;
}

static void numbers(void)
{
	struct pair a = new_pair(), b = new_pair(), c;
	char names[8][16] = {{0}};
	int n, i, seen = 0;

	EQ(a.number, 0);
	EQ(b.number, 1);
	n = list(names, 8);
	EQ(n, 3);
	for (i = 0; i < n; i++)
		seen |= !strcmp(names[i], "0") << 0 | !strcmp(names[i], "1") << 1 | !strcmp(names[i], "ptmx") << 2;
	EQ(seen, 7);
	/* A number is in use as long as one end is open. */
	close(a.master);
	c = new_pair();
	EQ(c.number, 2);
	close(a.slave);
	a = new_pair();
	EQ(a.number, 0);
	close_pair(&c);
	close_pair(&b);
	close_pair(&a);
}

static void no_more_than_max(void)
{
	mount_devpts("few", "ptmxmode=666,max=2");
	int a = OK(open("few/ptmx", O_RDWR | O_NOCTTY)), b = OK(open("few/ptmx", O_RDWR | O_NOCTTY));

	FAILS(open("few/ptmx", O_RDWR | O_NOCTTY), ENOSPC);
	close(a);
	a = OK(open("few/ptmx", O_RDWR | O_NOCTTY));
	FAILS(umount("few"), EBUSY);
	close(a);
	close(b);
	OK(umount("few"));
}

static void as_someone_else(void)
{
	int number, master;
	struct stat st;
	char path[32];

	OK(setegid(50));
	OK(seteuid(40));
	master = new_master(&number);
	snprintf(path, sizeof path, "pts/%d", number);
	OK(stat(path, &st));
	EQ(st.st_uid, 40);
	EQ(st.st_gid, 5);
	close(master);
	OK(seteuid(0));
	mount_devpts("plain", "ptmxmode=666");
	OK(seteuid(40));
	master = OK(open("plain/ptmx", O_RDWR));
	OK(stat("plain/0", &st));
	EQ(st.st_uid, 40);
	EQ(st.st_gid, 50);
	EQ(st.st_mode, S_IFCHR | 0600);
	close(master);
	OK(seteuid(0));
	OK(setegid(0));
	OK(umount("plain"));
}

static void instances(void)
{
	int number, m1, m2;
	struct stat st;

	mount_devpts("two", "ptmxmode=666");
	m1 = new_master(&number);
	EQ(number, 0);
	m2 = OK(open("two/ptmx", O_RDWR | O_NOCTTY));
	OK(ioctl(m2, TIOCGPTN, &number));
	EQ(number, 0);
	OK(stat("pts/0", &st));
	OK(stat("two/0", &st));
	close(m1);
	FAILS(stat("pts/0", &st), ENOENT);
	OK(stat("two/0", &st));
	close(m2);
	OK(umount("two"));
}

static void ptmx_elsewhere(void)
{
	int master, peer, number;
	struct stat st;

	/* Beside a devpts called pts. */
	OK(mknod("ptmx", S_IFCHR | 0666, makedev(5, 2)));
	master = OK(open("ptmx", O_RDWR | O_NOCTTY));
	OK(ioctl(master, TIOCGPTN, &number));
	OK(stat("pts/0", &st));
	unlock(master);
	peer = OK(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
	EQ(fcntl(peer, F_GETFD), FD_CLOEXEC);
	OK(fstat(peer, &st));
	EQ(st.st_rdev, makedev(136, number));
	EQ(st.st_ino, 3 + number);
	FAILS(ioctl(peer, TIOCGPTPEER, O_RDWR), EIO);
	close(peer);
	close(master);
	/* Beside none, and beside something else. */
	mkdir("else", 0755);
	OK(mknod("else/ptmx", S_IFCHR | 0666, makedev(5, 2)));
	FAILS(open("else/ptmx", O_RDWR), ENOENT);
	mkdir("else/pts", 0755);
	FAILS(open("else/ptmx", O_RDWR), ENODEV);
	OK(mount("none", "else/pts", "tmpfs", 0, NULL));
	FAILS(open("else/ptmx", O_RDWR), ENODEV);
	OK(umount("else/pts"));
	/* The node alone, bound into another place. */
	close(OK(open("else/bound", O_CREAT | O_RDWR, 0600)));
	OK(mount("pts/ptmx", "else/bound", NULL, MS_BIND, NULL));
	master = OK(open("else/bound", O_RDWR | O_NOCTTY));
	OK(ioctl(master, TIOCGPTN, &number));
	OK(stat("pts/0", &st));
	unlock(master);
	FAILS(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY), ENODEV);
	close(master);
	OK(umount("else/bound"));
	/* A slave's number without its node. */
	OK(mknod("slave", S_IFCHR | 0666, makedev(136, 0)));
	struct pair p = new_pair();
	FAILS(open("slave", O_RDWR | O_NOCTTY), EIO);
	close_pair(&p);
}

int main(void)
{
	mount_devpts("pts", "gid=5,mode=620,ptmxmode=666");
	umask(022);
	RUN(options);
	RUN(the_top);
	RUN(a_slave);
	RUN(times_go_in_steps);
	RUN(numbers);
	RUN(no_more_than_max);
	RUN(as_someone_else);
	RUN(instances);
	RUN(ptmx_elsewhere);
	OK(umount("pts"));
	return report();
}
