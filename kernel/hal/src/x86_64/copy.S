# Copies that may fault. AT&T syntax.
#
# Between user_copy_start and user_copy_end a page fault on a user address goes on at the fixup of
# its instruction instead of being fatal, with RDX = the address (`user::fix_copy_fault`).
# 8-byte steps first: the CPUs here that claim fast byte copies do not have them. When one of them
# faults, the rest is tried byte by byte, so the count is exact to the byte.

    .text
    .globl user_copy_start
    .globl user_copy_end
user_copy_start:

# user_copy(rdi = to, rsi = from, rcx = length) -> rax = bytes not copied, rdx = fault address
    .globl user_copy
    .balign 16
user_copy:
    movq %rcx, %rax
    shrq $3, %rcx
    andl $7, %eax
1:  rep movsq
    movq %rax, %rcx
2:  rep movsb
    xorl %eax, %eax
    retq
3:  leaq (%rax,%rcx,8), %rcx            # fixup of 1
    jmp 2b
4:  movq %rcx, %rax                     # fixup of 2
    retq

# user_zero(rdi = to, rcx = length) -> the same
    .globl user_zero
    .balign 16
user_zero:
    movq %rcx, %rdx
    xorl %eax, %eax
    shrq $3, %rcx
    andl $7, %edx
5:  rep stosq
    movq %rdx, %rcx
6:  rep stosb
    retq
7:  leaq (%r8,%rcx,8), %rcx             # fixup of 5: r8 = length & 7, as rdx is overwritten
    jmp 6b
8:  movq %rcx, %rax                     # fixup of 6
    retq

# user_load(rsi = from) -> ecx = value, rax = 0, or rax = 1 and rdx = fault address
    .globl user_load
    .balign 16
user_load:
    xorl %eax, %eax
9:  movl (%rsi), %ecx
    retq

# user_cas(rdi = at, eax = old, ecx = new) -> eax = seen, rcx = 0; or rcx = 1, rdx = address
    .globl user_cas
    .balign 16
user_cas:
10: lock cmpxchgl %ecx, (%rdi)
    xorl %ecx, %ecx
    retq
11: movl $1, %eax                       # fixup of 9
    retq
12: movl $1, %ecx                       # fixup of 10
    retq

user_copy_end:

    .section .rodata
    .globl user_copy_fixups
    .balign 8
user_copy_fixups:
    .quad 1b, 3b
    .quad 2b, 4b
    .quad 5b, 7b
    .quad 6b, 8b
    .quad 9b, 11b
    .quad 10b, 12b
    .quad 0
