/* The smallest program: it starts, writes, ends. */
//@ smp=1,2,4 pie
#include <unistd.h>

int main(void)
{
	return write(1, "hello\n", 6) == 6 ? 0 : 1;
}
