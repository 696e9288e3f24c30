/* Segments that overlap, wrap, end outside the file or outside memory; strange
 * interpreters; absurd tables: the outcomes are Linux's. */
//@ oracle timeout=120
#include "elf_image.h"

static struct image image;
static unsigned char file[70000];

static void attempt(const char *what)
{
	memset(file, 0, sizeof file);
	memcpy(file, &image, sizeof image);
	printf("%s: %s\n", what, outcome_of(file, sizeof file));
	image = good_image;
}

/* The data segment becomes the interpreter's name, which stands at `value`. */
static void interpreter(const char *what, const char *name, size_t len)
{
	image = good_image;
	image.data = (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = sizeof image, .p_filesz = len, .p_memsz = len};
	memset(file, 0, sizeof file);
	memcpy(file, &image, sizeof image);
	memcpy(file + sizeof image, name, len < 6000 ? len : 6000);
	printf("interpreter %s: %s\n", what, outcome_of(file, sizeof file));
	image = good_image;
}

int main(void)
{
	static const uint64_t numbers[] = {0, 1, 4095, 4096, 0x400000, 0x401000, 0x10000, 0x7fffffff, 0x80000000,
					   0x7ffffffff000, 0x800000000000, 0x7fffffffffffffff, 0x8000000000000000,
					   0xffff800000000000, 0xffffffff81000000, -4096UL, -1UL};
	char what[80];

	setvbuf(stdout, NULL, _IONBF, 0);
	image = good_image;
	attempt("as it should be");
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		uint64_t n = numbers[i];
		struct {
			const char *name;
			Elf64_Xword *field;
		} fields[] = {{"vaddr", &image.data.p_vaddr},   {"offset", &image.data.p_offset},
			      {"filesz", &image.data.p_filesz}, {"memsz", &image.data.p_memsz},
			      {"align", &image.data.p_align},   {"entry", &image.head.e_entry},
			      {"phoff", &image.head.e_phoff}};

		for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
			*fields[f].field = n;
			snprintf(what, sizeof what, "%s %#llx", fields[f].name, (unsigned long long)n);
			attempt(what);
		}
		image.data.p_filesz = image.data.p_memsz = n;
		snprintf(what, sizeof what, "filesz and memsz %#llx", (unsigned long long)n);
		attempt(what);
	}
	image.data.p_vaddr = 0x400000;
	attempt("data over text");
	image.data.p_vaddr = 0x3ff000;
	attempt("data below text");
	image.text.p_memsz = 0x300000;
	attempt("text's zeroes over data");
	image.text.p_flags = PF_R;
	attempt("text that may not run");
	image.text.p_flags = 0;
	attempt("text that may do nothing");
	image.data.p_flags = PF_R;
	attempt("zeroes in a segment that may not be written");
	image.text.p_type = image.data.p_type = PT_NULL;
	attempt("no segment at all");
	image.head.e_type = ET_DYN;
	attempt("fixed addresses, but relocatable");
	image.head.e_phnum = 0xffff;
	attempt("65535 program headers");
	image.head.e_phnum = 1170;
	attempt("1170 program headers");
	image.head.e_phnum = 0;
	attempt("no program headers");
	image.data.p_type = PT_GNU_STACK;
	attempt("a stack header");
	image.data.p_type = PT_TLS;
	attempt("thread storage");
	image.data.p_type = PT_NOTE;
	attempt("notes");
	image.data.p_type = PT_GNU_PROPERTY;
	attempt("properties");
	interpreter("/nothing", "/nothing", 9);
	interpreter("without NUL", "/nothing", 8);
	interpreter("of length 0", "", 0);
	interpreter("of length 1", "", 1);
	interpreter("of length 2", "/", 2);
	interpreter("a folder", "/dev", 5);
	interpreter("a device", "/dev/null", 10);
	interpreter("itself", "image", 6);
	interpreter("a script", "/tests/none", 12);
	static char longest[6000];

	memset(longest, 'a', sizeof longest);
	longest[4095] = 0;
	interpreter("of 4096 bytes", longest, 4096);
	longest[4095] = 'a';
	longest[4096] = 0;
	interpreter("of 4097 bytes", longest, 4097);
	interpreter("of a gigabyte", "/nothing", 1 << 30);
	interpreter("of all memory", "/nothing", -1UL);
	return report();
}
