# Where a started CPU begins: copied to TRAMPOLINE, entered in real mode. AT&T syntax.

    .section .rodata
    .globl trampoline_start
    .globl trampoline_end
trampoline_start:
    .code16
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ds
    lgdtl ({place} + 4f - trampoline_start)
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $0x08, $({place} + 1f - trampoline_start)

    .code32
1:  movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $0x20, %eax                    # CR4.PAE
    movl %eax, %cr4
    movl $({pml4} - {base}), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx              # EFER: SCE, LME, NXE
    rdmsr
    orl $0x901, %eax
    wrmsr
    movl %cr0, %eax
    orl $0x80010001, %eax               # PG, WP, PE
    andl $0x9fffffff, %eax              # caches on: INIT leaves them off
    movl %eax, %cr0
    ljmpl $0x18, $({place} + 2f - trampoline_start)

    .code64
2:  movabsq $start_ap, %rax
    jmpq *%rax

    .balign 8
3:  .quad 0
    .quad 0x00cf9b000000ffff            # 32-bit code
    .quad 0x00cf93000000ffff            # data
    .quad 0x00af9b000000ffff            # 64-bit code
4:  .word 31
    .long {place} + 3b - trampoline_start
trampoline_end:

    .text
start_ap:
    movl $1, %eax
    cpuid
    shrl $24, %ebx                      # the APIC id
    movl %ebx, %edi
    movabsq ${stacks}, %rax
    movq (%rax,%rdi,8), %rsp
    testq %rsp, %rsp
    jz 5f
    xorl %ebp, %ebp
    call {ap_main}
5:  cli
    hlt
    jmp 5b
