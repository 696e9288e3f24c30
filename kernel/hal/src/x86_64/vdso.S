# The vDSO: an ELF image that the kernel maps into every program, with functions that tell the time
# and the CPU without a system call (vdso(7)). AT&T syntax.
#
# It is written down byte by byte, headers included, so that nothing has to link it. The page before
# it, which the kernel fills and programs can only read, holds what it needs to know (`vdso.rs`).
# Whatever cannot be answered here is passed on to the system call.

    .set .Ltsc_start, vdso_start - 4096         # counter at the monotonic clock's zero
    .set .Ltsc_to_ns, vdso_start - 4096 + 8     # nanoseconds per tick, times 2^32
    .set .Lreal_offset, vdso_start - 4096 + 16  # from the monotonic clock to the real-time clock
    .set .Lrdtscp, vdso_start - 4096 + 24       # 1: RDTSCP tells the CPU

    .section .rodata.vdso, "a", @progbits
    .balign 4096
    .globl vdso_start
    .globl vdso_end
vdso_start:
    .byte 0x7f, 'E', 'L', 'F', 2, 1, 1, 0       # 64 bits, little endian, version 1, System V
    .quad 0
    .short 3, 62                                # ET_DYN, EM_X86_64
    .long 1
    .quad 0                                     # no entry point
    .quad .Lheaders - vdso_start
    .quad 0                                     # no sections
    .long 0
    .short 64, 56, 2, 64, 0, 0
.Lheaders:
    .long 1, 5                                  # PT_LOAD, readable and executable
    .quad 0, 0, 0, vdso_end - vdso_start, vdso_end - vdso_start, 4096
    .long 2, 4                                  # PT_DYNAMIC, readable
    .quad .Ldynamic - vdso_start, .Ldynamic - vdso_start, .Ldynamic - vdso_start
    .quad .Ldynamic_end - .Ldynamic, .Ldynamic_end - .Ldynamic, 8

.Ldynamic:
    .quad 14, .Lsoname - .Lstrings              # DT_SONAME
    .quad 4, .Lhash - vdso_start                # DT_HASH
    .quad 5, .Lstrings - vdso_start             # DT_STRTAB
    .quad 6, .Lsymbols - vdso_start             # DT_SYMTAB
    .quad 10, .Lstrings_end - .Lstrings         # DT_STRSZ
    .quad 11, 24                                # DT_SYMENT
    .quad 0x6ffffffc, .Lverdef - vdso_start     # DT_VERDEF
    .quad 0x6ffffffd, 2                         # DT_VERDEFNUM
    .quad 0x6ffffff0, .Lversym - vdso_start     # DT_VERSYM
    .quad 0, 0
.Ldynamic_end:

    .set .LCOUNT, 11
.Lhash:                                         # all symbols in one chain
    .long 1, .LCOUNT, 1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0

# A symbol: name, type FUNC and binding (1 global, 2 weak), a section that is not "undefined".
    .macro symbol name, binding, function
    .long .Lname_\name - .Lstrings
    .byte \binding << 4 | 2, 0
    .short 1
    .quad \function - vdso_start, \function\()_end - \function
    .endm

    .balign 8
.Lsymbols:
    .quad 0, 0, 0
    symbol __vdso_clock_gettime, 1, .Lclock_gettime
    symbol __vdso_gettimeofday, 1, .Lgettimeofday
    symbol __vdso_time, 1, .Ltime
    symbol __vdso_getcpu, 1, .Lgetcpu
    symbol __vdso_clock_getres, 1, .Lclock_getres
    symbol clock_gettime, 2, .Lclock_gettime
    symbol gettimeofday, 2, .Lgettimeofday
    symbol time, 2, .Ltime
    symbol getcpu, 2, .Lgetcpu
    symbol clock_getres, 2, .Lclock_getres

.Lversym:                                       # all but the first belong to LINUX_2.6
    .short 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2

    .balign 8
.Lverdef:
    .short 1, 1, 1, 1                           # version, VER_FLG_BASE, index, names
    .long 0x0deebfa1, 20, 28                    # hash of the name, where it is, the next
    .long .Lsoname - .Lstrings, 0
    .short 1, 0, 2, 1
    .long 0x03ae75f6, 20, 0
    .long .Lversion - .Lstrings, 0

.Lstrings:
    .byte 0
.Lsoname:                       .asciz "linux-vdso.so.1"
.Lversion:                      .asciz "LINUX_2.6"
.Lname___vdso_clock_gettime:    .asciz "__vdso_clock_gettime"
.Lname___vdso_gettimeofday:     .asciz "__vdso_gettimeofday"
.Lname___vdso_time:             .asciz "__vdso_time"
.Lname___vdso_getcpu:           .asciz "__vdso_getcpu"
.Lname___vdso_clock_getres:     .asciz "__vdso_clock_getres"
.Lname_clock_gettime:           .asciz "clock_gettime"
.Lname_gettimeofday:            .asciz "gettimeofday"
.Lname_time:                    .asciz "time"
.Lname_getcpu:                  .asciz "getcpu"
.Lname_clock_getres:            .asciz "clock_getres"
.Lstrings_end:

# rax = nanoseconds of the monotonic clock, by the same steps as `time::now_ns`. Uses rdx.
    .macro monotonic
    lfence
    rdtsc
    shlq $32, %rdx
    orq %rdx, %rax
    subq .Ltsc_start(%rip), %rax
    mulq .Ltsc_to_ns(%rip)
    shrdq $32, %rdx, %rax
    .endm

# The same of the real-time clock; before the epoch \number, the system call, has the word.
    .macro real number
    monotonic
    addq .Lreal_offset(%rip), %rax
    jns 8f
    movl $\number, %eax
    syscall
    retq
8:
    .endm

# rdx = seconds, rax = nanoseconds of rax nanoseconds. Uses rcx and r8. Division by 10^9 is a shift
# by 9 and multiplication by 2^75 / 5^9, rounded up, over 2^75: exact for all 64 bits.
    .macro seconds
    movq %rax, %rcx
    shrq $9, %rax
    movabsq $0x44b82fa09b5a53, %r8
    mulq %r8
    shrq $11, %rdx
    imulq $1000000000, %rdx, %rax
    subq %rax, %rcx
    movq %rcx, %rax
    .endm

# int clock_gettime(clockid_t edi, struct timespec *rsi)
    .balign 16
.Lclock_gettime:
    cmpl $11, %edi
    ja 3f
    movl $0x0d2, %eax           # MONOTONIC, MONOTONIC_RAW, MONOTONIC_COARSE, BOOTTIME
    btl %edi, %eax
    jc 1f
    movl $0x821, %eax           # REALTIME, REALTIME_COARSE, TAI
    btl %edi, %eax
    jnc 3f
    real 228
    jmp 2f
1:  monotonic
2:  seconds
    movq %rdx, (%rsi)
    movq %rax, 8(%rsi)
    xorl %eax, %eax
    retq
3:  movl $228, %eax
    syscall
    retq
.Lclock_gettime_end:

# int gettimeofday(struct timeval *rdi, struct timezone *rsi): either may be NULL, there is no zone
    .balign 16
.Lgettimeofday:
    testq %rdi, %rdi
    jz 1f
    real 96
    seconds
    movq %rdx, (%rdi)
    imulq $0x10624dd3, %rax, %rax   # division by 1000: times 2^38 / 1000
    shrq $38, %rax
    movq %rax, 8(%rdi)
1:  testq %rsi, %rsi
    jz 2f
    movq $0, (%rsi)
2:  xorl %eax, %eax
    retq
.Lgettimeofday_end:

# time_t time(time_t *rdi)
    .balign 16
.Ltime:
    real 201
    seconds
    movq %rdx, %rax
    testq %rdi, %rdi
    jz 1f
    movq %rax, (%rdi)
1:  retq
.Ltime_end:

# int getcpu(unsigned *rdi, unsigned *rsi): either may be NULL
    .balign 16
.Lgetcpu:
    cmpq $0, .Lrdtscp(%rip)
    je 3f
    rdtscp
    movl %ecx, %eax
    andl $0xfff, %ecx
    shrl $12, %eax
    testq %rdi, %rdi
    jz 1f
    movl %ecx, (%rdi)
1:  testq %rsi, %rsi
    jz 2f
    movl %eax, (%rsi)
2:  xorl %eax, %eax
    retq
3:  movl $309, %eax
    syscall
    retq
.Lgetcpu_end:

# int clock_getres(clockid_t edi, struct timespec *rsi): the coarse clocks are the kernel's to tell
    .balign 16
.Lclock_getres:
    cmpl $11, %edi
    ja 2f
    movl $0x893, %eax           # REALTIME, MONOTONIC, MONOTONIC_RAW, BOOTTIME, TAI
    btl %edi, %eax
    jnc 2f
    testq %rsi, %rsi
    jz 1f
    movq $0, (%rsi)
    movq $1, 8(%rsi)
1:  xorl %eax, %eax
    retq
2:  movl $229, %eax
    syscall
    retq
.Lclock_getres_end:

    .balign 4096, 0
vdso_end:
