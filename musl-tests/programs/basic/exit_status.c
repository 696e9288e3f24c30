/* exit(2) hands up the low eight bits. */
//@ expect=7
#include <unistd.h>

int main(void)
{
	_exit(0x1207);
}
