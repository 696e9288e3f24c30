/* Standard output carries every byte value unchanged. */
//@ oracle
#include <unistd.h>

int main(void)
{
	unsigned char all[256];

	for (int i = 0; i < 256; i++)
		all[i] = i;
	return write(1, all, sizeof all) == sizeof all ? 0 : 1;
}
