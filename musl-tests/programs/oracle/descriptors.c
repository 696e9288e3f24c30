/* Calls on descriptors, with every argument bad in every way: the answers are Linux's. */
//@ oracle smp=1 timeout=600
#include "oracle.h"
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/sendfile.h>

static char bytes[PAGE], more[PAGE];
static struct iovec vectors[2] = {{bytes, 16}, {more, 16}};
static long position;
static struct epoll_event event = {.events = EPOLLIN};

static const struct row rows[] = {
	CALL(read, F(REG), B(bytes), L(16)),
	CALL(write, F(REG), B(bytes), L(16)),
	CALL(pread64, F(REG), B(bytes), L(16), O(0)),
	CALL(pwrite64, F(REG), B(bytes), L(16), O(0)),
	CALL(readv, F(REG), B(vectors), L(2)),
	CALL(writev, F(REG), B(vectors), L(2)),
	CALL(preadv, F(REG), B(vectors), L(2), O(0), V(0)),
	CALL(pwritev, F(REG), B(vectors), L(2), O(0), V(0)),
	CALL(preadv2, F(REG), B(vectors), L(2), O(0), V(0), FLAGS(0)),
	CALL(pwritev2, F(REG), B(vectors), L(2), O(0), V(0), FLAGS(0)),
	CALL(lseek, F(REG), O(0), C(SEEK_SET)),
	CALL(close, F(REG)),
	CALL(close_range, I(30), I(40), FLAGS(0)),
	CALL(dup, F(REG)),
	CALL(dup2, F(REG), F(40)),
	CALL(dup3, F(REG), F(40), FLAGS(0)),
	CALL(pipe, B(bytes)),
	CALL(pipe2, B(bytes), FLAGS(0)),
	CALL(fcntl, F(REG), V(F_GETFL), V(0)),
	CALL(fcntl, F(REG), C(F_GETFD), V(0)),
	CALL(fcntl, F(PIPE_R), C(F_GETFD), V(bytes)),
	CALL(fcntl, F(REG), V(F_DUPFD), I(40)),
	CALL(fcntl, F(REG), V(F_SETFL), FLAGS(0)),
	CALL(fcntl, F(REG), V(F_GETLK), B(bytes)),
	CALL(fcntl, F(REG), V(F_SETLK), B(bytes)),
	CALL(fcntl, F(PIPE_W), V(F_SETPIPE_SZ), I(PAGE)),
	CALL(flock, F(REG), C(LOCK_SH | LOCK_NB)),
	CALL(ioctl, F(REG), V(0x541b), B(bytes)),
	CALL(ioctl, F(PIPE_R), V(0x541b), B(bytes)),
	CALL(ioctl, F(PIPE_R), C(0x5401), V(bytes)),
	CALL(ioctl, F(REG), V(0x5421), B(bytes)),
	CALL(fsync, F(REG)),
	CALL(fdatasync, F(REG)),
	CALL(syncfs, F(REG)),
	CALL(ftruncate, F(REG), O(8)),
	CALL(fallocate, F(REG), FLAGS(0), O(0), O(4096)),
	CALL(fadvise64, F(REG), O(0), O(0), C(0)),
	CALL(sendfile, F(PIPE_W), F(REG), B(&position), L(16)),
	CALL(copy_file_range, F(REG), B(&position), F(REG), B(more), L(4), FLAGS(0)),
	CALL(fstat, F(REG), B(bytes)),
	CALL(fstatfs, F(REG), B(bytes)),
	CALL(fchmod, F(REG), FLAGS(0644)),
	CALL(fchown, F(REG), I(-1), I(-1)),
	CALL(fchdir, F(DIR_FD)),
	CALL(getdents64, F(DIR_FD), B(bytes), L(PAGE)),
	CALL(getdents, F(DIR_FD), B(bytes), L(PAGE)),
	CALL(poll, B(bytes), V(0), V(0)),
	CALL(poll, B(bytes), L(1), V(0)),
	CALL(ppoll, B(bytes), V(1), B(more), B(more), L(8)),
	CALL(select, I(1), B(bytes), B(bytes), B(bytes), B(more)),
	CALL(pselect6, I(1), B(bytes), B(bytes), B(bytes), B(more), V(0)),
	CALL(epoll_create, I(1)),
	CALL(epoll_create1, FLAGS(0)),
	CALL(epoll_ctl, F(REG), C(EPOLL_CTL_ADD), F(PIPE_R), B(&event)),
	CALL(epoll_wait, F(REG), B(bytes), I(1), V(0)),
	CALL(eventfd, I(0)),
	CALL(eventfd2, I(0), FLAGS(0)),
	CALL(memfd_create, P("name"), FLAGS(0)),
};

int main(void)
{
	return RUN_TABLE(rows, 1);
}
