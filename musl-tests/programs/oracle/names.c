/* Calls on paths, with every argument bad in every way, as root and as nobody: the answers are
 * Linux's. */
//@ oracle smp=1 timeout=900
#include "oracle.h"
#include <sys/statfs.h>

static char bytes[PAGE];
static struct timespec moments[2];
static unsigned long how[3];

static const struct row rows[] = {
	CALL(open, P("file"), V(O_RDONLY)),
	CALL(open, P("file"), V(O_RDWR)),
	CALL(open, P("file"), V(O_WRONLY | O_TRUNC)),
	CALL(open, P("new"), V(O_CREAT | O_RDWR), V(0600)),
	CALL(open, P("new"), V(O_CREAT | O_EXCL | O_RDWR), V(0600)),
	CALL(open, P("file"), V(O_RDONLY | O_NOFOLLOW)),
	CALL(open, P("file"), V(O_PATH)),
	CALL(open, P("file"), V(O_PATH | O_NOFOLLOW)),
	CALL(open, P("file"), FLAGS(O_RDONLY | O_NONBLOCK)),
	CALL(open, P("dir"), FLAGS(O_DIRECTORY)),
	CALL(open, P("dir"), V(O_TMPFILE | O_RDWR), V(0600)),
	CALL(open, P("new"), V(O_CREAT | O_RDWR), FLAGS(0600)),
	CALL(openat, D(DIR_FD), P("file"), V(O_RDONLY | O_NONBLOCK)),
	CALL(openat, D(DIR_FD), V("/"), V(O_RDONLY)),
	CALL(openat2, D(DIR_FD), P("file"), B(how), L(24)),
	CALL(creat, P("new"), V(0600)),
	CALL(mkdir, P("new"), FLAGS(0700)),
	CALL(mkdirat, D(DIR_FD), P("new"), V(0700)),
	CALL(mknod, P("new"), V(S_IFREG | 0600), V(0)),
	CALL(mknod, P("new"), V(S_IFCHR | 0600), V(0)),
	CALL(mknod, P("new"), FLAGS(S_IFIFO | 0600), V(0)),
	CALL(mknodat, D(DIR_FD), P("new"), V(S_IFIFO | 0600), V(0)),
	CALL(symlink, P("target"), V("new")),
	CALL(symlink, V("target"), P("new")),
	CALL(symlinkat, V("target"), D(DIR_FD), P("new")),
	CALL(link, P("file"), V("new")),
	CALL(link, V("file"), P("new")),
	CALL(linkat, D(DIR_FD), P("file"), D(DIR_FD), P("new"), FLAGS(0)),
	CALL(unlink, P("file")),
	CALL(rmdir, P("dir")),
	CALL(unlinkat, D(DIR_FD), P("file"), FLAGS(0)),
	CALL(unlinkat, D(DIR_FD), P("dir"), V(AT_REMOVEDIR)),
	CALL(rename, P("file"), V("new")),
	CALL(rename, P("dir"), V("new")),
	CALL(rename, V("file"), P("new")),
	CALL(rename, V("dir"), P("new")),
	CALL(renameat, D(DIR_FD), P("file"), D(DIR_FD), P("new")),
	CALL(renameat2, D(DIR_FD), P("file"), D(DIR_FD), P("new"), FLAGS(0)),
	CALL(renameat2, V(AT_FDCWD), P("file"), V(AT_FDCWD), V("dir"), V(2)),
	CALL(readlink, P("tofile"), B(bytes), L(64)),
	CALL(readlinkat, D(DIR_FD), P("tofile"), B(bytes), L(64)),
	CALL(chdir, P("dir")),
	CALL(chroot, P("dir")),
	CALL(getcwd, B(bytes), L(PAGE)),
	CALL(stat, P("file"), B(bytes)),
	CALL(lstat, P("file"), B(bytes)),
	CALL(newfstatat, D(DIR_FD), P("file"), B(bytes), FLAGS(0)),
	CALL(newfstatat, D(REG), V(""), B(bytes), V(AT_EMPTY_PATH)),
	CALL(statx, D(DIR_FD), P("file"), FLAGS(0), FLAGS(0x7ff), B(bytes)),
	CALL(access, P("file"), C(0)),
	CALL(access, P("file"), V(R_OK | W_OK)),
	CALL(access, P("file"), V(X_OK)),
	CALL(faccessat, D(DIR_FD), P("file"), V(R_OK)),
	CALL(faccessat2, D(DIR_FD), P("file"), V(R_OK), FLAGS(0)),
	CALL(statfs, P("file"), B(bytes)),
	CALL(chmod, P("file"), FLAGS(0644)),
	CALL(fchmodat, D(DIR_FD), P("file"), V(0600)),
	CALL(chown, P("file"), I(-1), I(-1)),
	CALL(lchown, P("file"), I(-1), I(-1)),
	CALL(fchownat, D(DIR_FD), P("file"), I(-1), I(-1), FLAGS(0)),
	CALL(truncate, P("file"), O(8)),
	CALL(utime, P("file"), B(bytes)),
	CALL(utimes, P("file"), B(moments)),
	CALL(futimesat, D(DIR_FD), P("file"), B(moments)),
	CALL(utimensat, D(DIR_FD), P("file"), B(moments), FLAGS(0)),
	CALL(execve, P("file"), V(0), V(0)),
	CALL(execveat, D(DIR_FD), P("file"), V(0), V(0), FLAGS(0)),
	CALL(getxattr, P("file"), P("user.name"), B(bytes), L(64)),
	CALL(setxattr, P("file"), P("trusted.name"), B(bytes), L(8), FLAGS(0)),
	CALL(listxattr, P("file"), B(bytes), L(64)),
	CALL(removexattr, P("file"), P("trusted.name")),
};

int main(void)
{
	return RUN_TABLE(rows, 1);
}
