/* The vDSO, found and called as the C library does it: its functions agree with the
 * system calls. */
//@ smp=1,2,4
#include "check.h"
#include <elf.h>
#include <sys/auxv.h>
#include <sys/time.h>

#ifndef CLOCK_TAI
#define CLOCK_TAI 11
#endif

static const Elf64_Ehdr *elf;
static int (*v_gettime)(clockid_t, struct timespec *);
static int (*v_getres)(clockid_t, struct timespec *);
static int (*v_gettimeofday)(struct timeval *, struct timezone *);
static time_t (*v_time)(time_t *);
static int (*v_getcpu)(unsigned *, unsigned *, void *);

/* Whether definition `index` of the image is LINUX_2.6. */
static int is_version(const Elf64_Verdef *def, int index, const char *strings)
{
	for (;;) {
		if (!(def->vd_flags & VER_FLG_BASE) && def->vd_ndx == (index & 0x7fff)) {
			const Elf64_Verdaux *aux = (void *)((char *)def + def->vd_aux);

			return strcmp(strings + aux->vda_name, "LINUX_2.6") == 0;
		}
		if (def->vd_next == 0)
			return 0;
		def = (void *)((char *)def + def->vd_next);
	}
}

/* musl's way: through the program headers and the dynamic section. */
static void *find(const char *name)
{
	const Elf64_Phdr *headers = (void *)((char *)elf + elf->e_phoff);
	const Elf64_Dyn *dynamic = NULL;
	const char *base = NULL, *strings = NULL;
	const Elf64_Sym *symbols = NULL;
	const uint32_t *hash = NULL;
	const uint16_t *versions = NULL;
	const Elf64_Verdef *definitions = NULL;

	for (int i = 0; i < elf->e_phnum; i++)
		if (headers[i].p_type == PT_LOAD)
			base = (char *)elf + headers[i].p_offset - headers[i].p_vaddr;
		else if (headers[i].p_type == PT_DYNAMIC)
			dynamic = (void *)((char *)elf + headers[i].p_offset);
	if (base == NULL || dynamic == NULL)
		return NULL;
	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		const void *at = base + dynamic->d_un.d_ptr;

		switch (dynamic->d_tag) {
		case DT_STRTAB:
			strings = at;
			break;
		case DT_SYMTAB:
			symbols = at;
			break;
		case DT_HASH:
			hash = at;
			break;
		case DT_VERSYM:
			versions = at;
			break;
		case DT_VERDEF:
			definitions = at;
			break;
		}
	}
	if (!strings || !symbols || !hash || !versions || !definitions)
		return NULL;
	/* Through the hash table's chains, so that those are tried as well. */
	for (uint32_t bucket = 0; bucket < hash[0]; bucket++)
		for (uint32_t i = hash[2 + bucket]; i != 0; i = hash[2 + hash[0] + i])
			if (symbols[i].st_shndx != 0 && strcmp(strings + symbols[i].st_name, name) == 0 &&
			    ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC &&
			    is_version(definitions, versions[i], strings))
				return (void *)(base + symbols[i].st_value);
	return NULL;
}

static void image(void)
{
	elf = (void *)getauxval(AT_SYSINFO_EHDR);
	CHECK(elf != NULL);
	SAME(elf->e_ident, ELFMAG, SELFMAG);
	EQ(elf->e_type, ET_DYN);
	EQ(elf->e_machine, EM_X86_64);
	v_gettime = find("__vdso_clock_gettime");
	v_getres = find("__vdso_clock_getres");
	v_gettimeofday = find("__vdso_gettimeofday");
	v_time = find("__vdso_time");
	v_getcpu = find("__vdso_getcpu");
	CHECK(v_gettime && v_getres && v_gettimeofday && v_time && v_getcpu);
	CHECK(find("clock_gettime") == (void *)v_gettime);
	CHECK(find("__vdso_nothing") == NULL);
}

static long long ns(struct timespec t)
{
	CHECK(t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long raw_ns(int clock)
{
	struct timespec t;

	OK(syscall(SYS_clock_gettime, clock, &t));
	return ns(t);
}

/* Each answer lies between what the system call says before and after. */
static void clocks(void)
{
	static const int all[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_MONOTONIC_RAW};

	for (int c = 0; c < 5; c++)
		for (int i = 0; i < 2000; i++) {
			struct timespec t = {-1, -1};
			long long before = raw_ns(all[c]);

			EQ(v_gettime(all[c], &t), 0);
			long long now = ns(t), after = raw_ns(all[c]);

			if (now < before || now > after)
				check_fail(__FILE__, __LINE__, "clock %d: %lld, %lld, %lld", all[c], before, now, after);
		}
}

/* The coarse clocks may lag by a tick. */
static void coarse(void)
{
	static const int all[] = {CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE};

	for (int c = 0; c < 2; c++) {
		struct timespec t;
		long long before = raw_ns(all[c]);

		EQ(v_gettime(all[c], &t), 0);
		CHECK(ns(t) >= before && ns(t) <= raw_ns(all[c]));
	}
}

/* What the vDSO does not know it asks the kernel. */
static void others(void)
{
	static const int all[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
	struct timespec t;

	for (int c = 0; c < 2; c++) {
		long long before = raw_ns(all[c]);

		EQ(v_gettime(all[c], &t), 0);
		CHECK(ns(t) >= before && ns(t) <= raw_ns(all[c]));
	}
	EQ(v_gettime(12, &t), -EINVAL);
	EQ(v_gettime(63, &t), -EINVAL);
	EQ(v_gettime(0x7fffffff, &t), -EINVAL);
	EQ(v_getres(12, &t), -EINVAL);
	EQ(v_getres(1000, NULL), -EINVAL);
}

static void resolutions(void)
{
	for (int clock = 0; clock < 12; clock++) {
		struct timespec ours = {-1, -1}, kernels = {-1, -1};

		EQ(v_getres(clock, &ours), syscall(SYS_clock_getres, clock, &kernels) == 0 ? 0 : -errno);
		EQ(ours.tv_sec, kernels.tv_sec);
		EQ(ours.tv_nsec, kernels.tv_nsec);
	}
	EQ(v_getres(CLOCK_MONOTONIC, NULL), 0);
}

static void time_of_day(void)
{
	struct timeval before, now, after;
	struct timezone zone = {7, 7};

	for (int i = 0; i < 1000; i++) {
		OK(syscall(SYS_gettimeofday, &before, NULL));
		EQ(v_gettimeofday(&now, &zone), 0);
		OK(syscall(SYS_gettimeofday, &after, NULL));
		CHECK(now.tv_usec >= 0 && now.tv_usec < 1000000);
		CHECK(!timercmp(&now, &before, <) && !timercmp(&after, &now, <));
		EQ(zone.tz_minuteswest, 0);
		EQ(zone.tz_dsttime, 0);
	}
	EQ(v_gettimeofday(NULL, NULL), 0);
	EQ(v_gettimeofday(NULL, &zone), 0);
}

static void seconds(void)
{
	time_t before = syscall(SYS_time, NULL), told, now = v_time(&told), after = syscall(SYS_time, NULL);

	CHECK(before <= now && now <= after);
	EQ(told, now);
	CHECK(v_time(NULL) >= now);
}

static void cpu(void)
{
	for (int i = 0; i < 100; i++) {
		unsigned before, now, after, node = 7;

		OK(syscall(SYS_getcpu, &before, NULL, NULL));
		EQ(v_getcpu(&now, &node, NULL), 0);
		OK(syscall(SYS_getcpu, &after, NULL, NULL));
		/* Another CPU between two calls that agree is as good as impossible. */
		CHECK(before != after || now == before);
		EQ(node, 0);
	}
	EQ(v_getcpu(NULL, NULL, NULL), 0);
}

/* A change of the clock is seen at once, by a child as well. */
static void set_clock(void)
{
	struct timespec t, old;

	OK(clock_gettime(CLOCK_REALTIME, &old));
	t = (struct timespec){old.tv_sec + 1000000, 0};
	OK(clock_settime(CLOCK_REALTIME, &t));
	EQ(v_gettime(CLOCK_REALTIME, &t), 0);
	CHECK(t.tv_sec >= old.tv_sec + 1000000 && t.tv_sec < old.tv_sec + 1000060);
	pid_t pid = fork();

	if (pid == 0) {
		CHECK(v_time(NULL) >= old.tv_sec + 1000000);
		OK(clock_settime(CLOCK_REALTIME, &old));
		_exit(check_failures);
	}
	EXITS(pid, 0);
	EQ(v_gettime(CLOCK_REALTIME, &t), 0);
	CHECK(t.tv_sec >= old.tv_sec && t.tv_sec < old.tv_sec + 60);
}

/* The image can be read and run; written only by who asks for a copy of its own. */
static void rights(void)
{
	void *page = (void *)elf;
	int p[2];

	OK(pipe(p));
	EQ(write(p[1], "xyz", 3), 3);
	FAILS(read(p[0], page, 3), EFAULT);
	pid_t pid = fork();

	if (pid == 0) {
		struct timespec t;
		size_t size = 4096;

		/* Only all of it, and nothing says how much that is. */
		while (mprotect(page, size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0 && size < 65536)
			size += 4096;
		EQ(read(p[0], page, 3), 3);
		SAME(elf->e_ident, "xyzF", 4);
		EQ(v_gettime(CLOCK_MONOTONIC, &t), 0);
		_exit(check_failures);
	}
	EXITS(pid, 0);
	SAME(elf->e_ident, ELFMAG, SELFMAG);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	RUN(image);
	if (!v_gettime || !v_getres || !v_gettimeofday || !v_time || !v_getcpu)
		return report();
	RUN(clocks);
	RUN(coarse);
	RUN(others);
	RUN(resolutions);
	RUN(time_of_day);
	RUN(seconds);
	RUN(cpu);
	RUN(set_clock);
	RUN(rights);
	return report();
}
