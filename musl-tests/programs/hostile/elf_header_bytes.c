/* Every byte of the ELF header and of the program headers, set to 0, 0xff, and
 * with its lowest or highest bit turned: the outcomes are Linux's. */
//@ oracle timeout=180
#include "elf_image.h"

int main(void)
{
	setvbuf(stdout, NULL, _IOFBF, 65536);
	for (size_t at = 0; at < offsetof(struct image, code); at++) {
		unsigned char old = ((const unsigned char *)&good_image)[at];
		unsigned char values[] = {0, 0xff, old ^ 1, old ^ 0x80};

		printf("%zu:", at);
		for (int i = 0; i < 4; i++) {
			struct image spoiled = good_image;

			((unsigned char *)&spoiled)[at] = values[i];
			printf(" %02x %s;", values[i], outcome_of(&spoiled, sizeof spoiled));
		}
		printf("\n");
	}
	fflush(stdout);
	return report();
}
