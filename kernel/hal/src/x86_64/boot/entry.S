# From the loader's 32-bit world to 64-bit Rust in the higher half.
#
# PVH hands over in protected mode without paging, EBX = start info. Zero .bss, map the first GiB
# twice (identity, and at KERNEL_BASE), turn on long mode, jump up. AT&T syntax.

    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 8, 18                      # name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad pvh_start

    .section .boot, "ax"
    .code32
    .globl pvh_start
pvh_start:
    cli
    cld
    movl %ebx, %ebp                     # start info, kept over cpuid

    # No long mode, no kernel: say so on the serial port.
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb 9f
    movl $0x80000001, %eax
    cpuid
    andl $0x20100000, %edx              # LM and NX
    cmpl $0x20100000, %edx
    jne 9f

    movl $(__bss_start - {base}), %edi
    movl $(__bss_end - {base}), %ecx
    subl %edi, %ecx
    shrl $2, %ecx
    xorl %eax, %eax
    rep stosl

    movl $({pd} - {base}), %edi         # 512 pages of 2 MiB
    movl $0x83, %eax                    # present, writable, large
    movl $512, %ecx
1:  movl %eax, (%edi)
    addl $0x200000, %eax
    addl $8, %edi
    decl %ecx
    jnz 1b
    movl $({pd} - {base} + 3), %eax
    movl %eax, ({pdpt} - {base})
    movl %eax, ({pdpt} - {base} + 510 * 8)
    movl $({pdpt} - {base} + 3), %eax
    movl %eax, ({pml4} - {base})
    movl %eax, ({pml4} - {base} + 511 * 8)

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
    movl %eax, %cr0
    lgdt boot_gdt_pointer
    ljmp $0x08, $2f

9:  movl $no_long_mode, %esi
    movw $0x3f8, %dx
3:  lodsb
    testb %al, %al
    jz 4f
    outb %al, (%dx)
    jmp 3b
4:  hlt
    jmp 4b

    .code64
2:  movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movabsq $start_high, %rax
    jmpq *%rax

    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff            # 64-bit code
    .quad 0x00cf93000000ffff            # data
boot_gdt_pointer:
    .word 23
    .quad boot_gdt
no_long_mode:
    .asciz "Eclipse needs a 64-bit CPU with NX.\r\n"

    .text
start_high:
    movq ${stack} + {stack_size}, %rsp
    movl %ebp, %edi
    xorl %ebp, %ebp                     # ends back traces
    call {rust_start}
    ud2
