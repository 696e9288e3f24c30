// boot: says what booting took: the TSC at the start of this program, and the memory that is left.
// Run as /init, or by a shell that is, with instructions counted (QEMU's -icount, one tick each).
//
// Prints "boot TICKS TOTAL FREE", the memory in bytes; FREE counts what Linux would drop for
// programs, where /proc is mounted and says so.
#include <stdio.h>
#include <sys/sysinfo.h>
#include <x86intrin.h>

static unsigned long long available(void)
{
	unsigned long long kib = 0;
	char line[128];
	FILE *meminfo = fopen("/proc/meminfo", "r");
	if (!meminfo)
		return 0;
	while (fgets(line, sizeof line, meminfo))
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			break;
	fclose(meminfo);
	return kib << 10;
}

int main(void)
{
	unsigned long long ticks = __rdtsc();
	struct sysinfo info;
	if (sysinfo(&info)) {
		perror("sysinfo");
		return 1;
	}
	unsigned long long left = available();
	if (!left)
		left = (unsigned long long)info.freeram * info.mem_unit;
	printf("boot %llu %llu %llu\n", ticks, (unsigned long long)info.totalram * info.mem_unit,
	       left);
	return 0;
}
