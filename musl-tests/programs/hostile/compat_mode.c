/* `syscall` from 32-bit code enters some CPUs' kernels by another door. Where
 * there is no 32-bit code the far jump to it is already refused; whatever the
 * child gets, it must not get further. */
#include "check.h"

/* A far pointer: where 32-bit code is, and Linux's selector of it. */
struct far {
	uint32_t offset;
	uint16_t selector;
} __attribute__((packed));

static void syscall_instruction(void)
{
	unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	CHECK(code != MAP_FAILED);
	/* syscall; int3 */
	memcpy(code, "\x0f\x05\xcc", 3);
	pid_t pid = fork();

	if (pid == 0) {
		uint32_t low = (uintptr_t)code;
		struct far far = {low, 0x23};

		asm volatile("mov %1, %%esp; ljmpl *(%0)"
			     :: "r"(&far), "r"(low + 2048), "a"(SYS_getpid) : "memory");
		_exit(1);
	}
	CHECK(WIFSIGNALED(status_of(pid)));
}

int main(void)
{
	RUN(syscall_instruction);
	return report();
}
