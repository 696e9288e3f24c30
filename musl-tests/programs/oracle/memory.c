/* Calls on memory, with every argument bad in every way: the answers are Linux's. */
//@ oracle smp=1 timeout=600
#include "oracle.h"

static char bytes[PAGE];
static struct iovec vector = {bytes, 16};

static const struct row rows[] = {
	CALL(mmap, A(0), L(PAGE), FLAGS(PROT_READ), V(MAP_PRIVATE | MAP_ANONYMOUS), V(-1), V(0)),
	CALL(mmap, A(SPARE), L(PAGE), V(PROT_READ), V(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), V(-1), V(0)),
	CALL(mmap, A(SPARE), V(PAGE), V(PROT_READ), V(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE), V(-1), V(0)),
	CALL(mmap, V(0), L(PAGE), V(PROT_READ), V(MAP_PRIVATE), F(REG), O(0)),
	CALL(mmap, V(0), V(PAGE), FLAGS(PROT_READ), V(MAP_SHARED), F(RDONLY), O(0)),
	CALL(mmap, V(0), V(PAGE), V(PROT_READ | PROT_WRITE), V(MAP_SHARED), F(REG), V(0)),
	CALL(mmap, V(0), V(PAGE), V(PROT_READ), FLAGS(MAP_PRIVATE | MAP_ANONYMOUS), V(-1), V(0)),
	CALL(mmap, V(0), V(PAGE), V(PROT_READ), FLAGS(MAP_SHARED_VALIDATE), V(REG), V(0)),
	CALL(munmap, A(SPARE), L(PAGE)),
	CALL(mprotect, A(SPARE), L(PAGE), FLAGS(PROT_READ)),
	CALL(mremap, A(SPARE), L(PAGE), L(2 * PAGE), FLAGS(MREMAP_MAYMOVE), V(0)),
	CALL(mremap, V(SPARE), V(PAGE), L(PAGE), V(MREMAP_MAYMOVE | MREMAP_FIXED), A(SPARE + 2 * PAGE)),
	CALL(msync, A(SPARE), L(PAGE), FLAGS(MS_SYNC)),
	CALL(madvise, A(SPARE), L(PAGE), C(MADV_NORMAL)),
	CALL(mincore, A(SPARE), L(PAGE), B(bytes)),
	CALL(mlock, A(SPARE), L(PAGE)),
	CALL(mlock2, A(SPARE), L(PAGE), FLAGS(0)),
	CALL(munlock, A(SPARE), L(PAGE)),
	CALL(mlockall, FLAGS(MCL_CURRENT)),
	CALL(process_vm_readv, PROC(0), B(&vector), L(1), B(&vector), L(1), FLAGS(0)),
	CALL(process_vm_writev, PROC(1), B(&vector), L(1), B(&vector), L(1), FLAGS(0)),
	CALL(getrandom, B(bytes), L(16), FLAGS(0)),
};

int main(void)
{
	return RUN_TABLE(rows, 1);
}
