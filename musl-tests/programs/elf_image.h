/* A tiny program as bytes, for programs that spoil executables: one ELF header,
 * two program headers, and code that exits with status 42. */
#ifndef ELF_IMAGE_H
#define ELF_IMAGE_H

#include "check.h"
#include <elf.h>

#ifndef PT_GNU_PROPERTY
#define PT_GNU_PROPERTY 0x6474e553
#endif

struct image {
	Elf64_Ehdr head;
	Elf64_Phdr text, data;
	unsigned char code[16];
	char value[8];
};

/* Text at 4 MiB, data with 8 KiB of zeroes behind it at 6 MiB. */
static const struct image good_image __attribute__((unused)) = {
	.head = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		 .e_type = ET_EXEC,
		 .e_machine = EM_X86_64,
		 .e_version = EV_CURRENT,
		 .e_entry = 0x400000 + offsetof(struct image, code),
		 .e_phoff = offsetof(struct image, text),
		 .e_ehsize = sizeof(Elf64_Ehdr),
		 .e_phentsize = sizeof(Elf64_Phdr),
		 .e_phnum = 2},
	.text = {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x400000, .p_paddr = 0x400000,
		 .p_filesz = sizeof(struct image), .p_memsz = sizeof(struct image), .p_align = 4096},
	.data = {.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = 0x600000, .p_paddr = 0x600000,
		 .p_filesz = sizeof(struct image), .p_memsz = sizeof(struct image) + 8192, .p_align = 4096},
	/* mov $42, %edi; mov $60, %eax; syscall */
	.code = {0xbf, 42, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05, 0x0f, 0x0b},
	.value = "value",
};

/* Executes the file `image` in a child. What it came to, in words. */
__attribute__((unused))
static const char *outcome(void)
{
	static char text[64];
	pid_t pid = vfork();

	if (pid == 0) {
		/* A spoiled program may run anything: not for long. */
		alarm(2);
		execl("image", "image", (char *)NULL);
		_exit(errno == ENOEXEC ? 201 : errno == EINVAL ? 202 : errno == ENOMEM ? 203 : errno);
	}
	int status = status_of(pid);

	if (status & 0x7f)
		snprintf(text, sizeof text, "signal %d", status & 0x7f);
	else if (status >> 8 == 42)
		return "runs";
	else if (status >> 8 == 201)
		return "ENOEXEC";
	else if (status >> 8 == 202)
		return "EINVAL";
	else if (status >> 8 == 203)
		return "ENOMEM";
	else
		snprintf(text, sizeof text, "errno or status %d", status >> 8);
	return text;
}

/* Executes these bytes as a program in a child. What it came to, in words. */
__attribute__((unused))
static const char *outcome_of(const void *bytes, size_t len)
{
	int fd = open("image", O_CREAT | O_TRUNC | O_WRONLY, 0755);

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len || close(fd) != 0)
		return "cannot write the image";
	return outcome();
}

#endif
