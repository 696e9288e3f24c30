# Ways into the kernel and back to user mode. AT&T syntax.
#
# User registers live in `Regs` only: there is no trap frame for user mode. `enter_user` is called
# like a function by `Regs::run`; every trap that ends the run stores the registers in place and
# returns from that call. The caller declares everything but RBX, RBP and RSP clobbered.
# Interrupts are off in here throughout; GS is the kernel's from each `swapgs` on.

    .text

# All but RCX, R11, RSP, and RDI, which points to them.
    .macro load_registers
    movq {rax}(%rdi), %rax
    movq {rbx}(%rdi), %rbx
    movq {rdx}(%rdi), %rdx
    movq {rsi}(%rdi), %rsi
    movq {rbp}(%rdi), %rbp
    movq {r8}(%rdi), %r8
    movq {r9}(%rdi), %r9
    movq {r10}(%rdi), %r10
    movq {r12}(%rdi), %r12
    movq {r13}(%rdi), %r13
    movq {r14}(%rdi), %r14
    movq {r15}(%rdi), %r15
    .endm

# All but RAX and RSP.
    .macro store_registers regs
    movq %rbx, {rbx}(\regs)
    movq %rcx, {rcx}(\regs)
    movq %rdx, {rdx}(\regs)
    movq %rsi, {rsi}(\regs)
    movq %rdi, {rdi}(\regs)
    movq %rbp, {rbp}(\regs)
    movq %r8, {r8}(\regs)
    movq %r9, {r9}(\regs)
    movq %r10, {r10}(\regs)
    movq %r11, {r11}(\regs)
    movq %r12, {r12}(\regs)
    movq %r13, {r13}(\regs)
    movq %r14, {r14}(\regs)
    movq %r15, {r15}(\regs)
    .endm

# enter_user(rdi = regs) -> eax = vector (or SYSCALL), edx = error code
    .globl enter_user
    .balign 64
enter_user:
    pushq %rbx
    pushq %rbp
    movq %rsp, %gs:{kernel_rsp}
    movq %rdi, %gs:{regs}
    # SYSRET restores RIP from RCX and the flags from R11, and must not be used with TF or RF.
    # RIP is canonical: it is private to Regs and checked there, and USER_END keeps `syscall` off
    # the last page.
    movq {rcx}(%rdi), %rcx
    cmpq %rcx, {rip}(%rdi)
    jne 1f
    movq {r11}(%rdi), %r11
    cmpq %r11, {flags}(%rdi)
    jne 1f
    testl $0x10100, %r11d
    jnz 1f
    load_registers
    movq {rsp}(%rdi), %rsp
    movq {rdi}(%rdi), %rdi
    swapgs
    sysretq

1:  pushq ${user_ds}
    pushq {rsp}(%rdi)
    pushq {flags}(%rdi)
    pushq ${user_cs}
    pushq {rip}(%rdi)
    movq {rcx}(%rdi), %rcx
    movq {r11}(%rdi), %r11
    load_registers
    movq {rdi}(%rdi), %rdi
    swapgs
    iretq

# The `syscall` instruction: RCX = return address, R11 = flags, RSP still the user's.
    .globl syscall_entry
    .balign 64
syscall_entry:
    swapgs
    movq %rsp, %gs:{scratch}
    movq %gs:{regs}, %rsp
    movq %rax, {rax}(%rsp)
    store_registers %rsp
    movq %rcx, {rip}(%rsp)
    movq %r11, {flags}(%rsp)
    movq %gs:{scratch}, %rax
    movq %rax, {rsp}(%rsp)
    movq %gs:{kernel_rsp}, %rsp
    popq %rbp
    popq %rbx
    movl ${syscall}, %eax
    retq

# Leaves user mode for good. On the stack: vector, error code, RIP, CS, flags, RSP, SS.
user_exit:
    pushq %rax
    movq %gs:{regs}, %rax
    store_registers %rax
    popq {rax}(%rax)
    popq %rcx                           # vector
    popq %rdx                           # error code
    popq {rip}(%rax)
    addq $8, %rsp
    popq {flags}(%rax)
    popq {rsp}(%rax)
    movl %ecx, %eax
    cld
    movq %gs:{kernel_rsp}, %rsp
    popq %rbp
    popq %rbx
    retq

# Exceptions. From user mode they end the run; in the kernel they are handled or fatal.
exception:
    testb $3, 24(%rsp)
    jz 1f
    swapgs
    jmp user_exit
1:  call push_frame
    movq %rsp, %rdi
    call {kernel_exception}
    jmp pop_frame

# Exceptions that may strike anywhere, even between user mode and the first `swapgs`; each has a
# stack of its own, with the address of this CPU's block above the frame. GS is the kernel's if it
# has that base; its sign tells nothing, as programs may set theirs to any address (WRGSBASE).
exception_anywhere:
    call push_frame
    movl $0xc0000101, %ecx
    rdmsr
    shlq $32, %rdx
    orq %rdx, %rax
    xorl %ebx, %ebx
    cmpq {frame_size}(%rsp), %rax
    je 1f
    swapgs
    incl %ebx
1:  movq %rsp, %rdi
    call {kernel_exception}
    testl %ebx, %ebx
    jz pop_frame
    swapgs
    jmp pop_frame

# `mov ss` before `syscall` delays a single-step trap into the kernel's first instruction. There
# is nothing to do but go on; from user mode it is an exception as any other.
debug:
    testb $3, 24(%rsp)
    jz 1f
    swapgs
    jmp user_exit
1:  addq $16, %rsp
    iretq

# A `trap::Frame` below the vector; called, so the return address is moved out of the way.
push_frame:
    xchgq %rbp, (%rsp)                  # the frame's rbp; return address in rbp
    pushq %rax
    pushq %rbx
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    cld
    pushq %rbp
    leaq 128(%rsp), %rbp                # the saved rbp: back traces go on from there
    retq

pop_frame:
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rbx
    popq %rax
    popq %rbp
    addq $16, %rsp
    iretq

# One entry per exception. Those without an error code get 0.
    .macro stub vector, target=exception
    .balign 16
    pushq $0
    pushq $\vector
    jmp \target
    .endm
    .macro stub_error vector, target=exception
    .balign 16
    pushq $\vector
    jmp \target
    .endm
    .globl exception_table
    .balign 16
exception_table:
    stub 0
    stub 1, debug
    stub 2, exception_anywhere
    stub 3
    stub 4
    stub 5
    stub 6
    stub 7
    stub_error 8, exception_anywhere
    stub 9
    stub_error 10
    stub_error 11
    stub_error 12
    stub_error 13
    stub_error 14
    stub 15
    stub 16
    stub_error 17
    stub 18, exception_anywhere
    stub 19
    stub 20
    stub_error 21
    stub 22
    stub 23
    stub 24
    stub 25
    stub 26
    stub 27
    stub 28
    stub_error 29
    stub_error 30
    stub 31

# Device and inter-processor interrupts: served on the spot, whoever ran. Only if attention was
# asked for does a user program not simply go on.
    .macro interrupt name, vector, handler
    .globl \name
    .balign 16
\name:
    testb $3, 8(%rsp)
    jz 1f
    swapgs
1:  pushq %rbp
    movq %rsp, %rbp
    pushq %rax
    pushq %rcx
    pushq %rdx
    pushq %rsi
    pushq %rdi
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    subq $8, %rsp
    cld
    movl $\vector, %edi
    call \handler
    jmp interrupt_return
    .endm
    interrupt interrupt_timer, {timer}, {on_timer}
    interrupt interrupt_call, {call}, {on_call}
    interrupt interrupt_kick, {kick}, {on_kick}
    interrupt interrupt_isa3, {isa3}, {on_isa}
    interrupt interrupt_isa4, {isa4}, {on_isa}

interrupt_return:
    addq $8, %rsp
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rdi
    popq %rsi
    popq %rdx
    popq %rcx
    popq %rax
    popq %rbp
    testb $3, 8(%rsp)
    jz 1f
    cmpb $0, %gs:{attention}
    jne 2f
    swapgs
1:  iretq
2:  pushq $0
    pushq ${interrupt}
    jmp user_exit

    .globl interrupt_ignore
interrupt_ignore:
    iretq

# `syscall` in compatibility mode, which programs cannot enter: ENOSYS all the same.
    .globl syscall_compat
syscall_compat:
    movl ${enosys}, %eax
    sysretl
