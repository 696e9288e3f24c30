/* A wild store kills the program by SIGSEGV: 139 to a shell. */
//@ expect=139
int main(void)
{
	*(volatile int *)16 = 1;
	return 0;
}
