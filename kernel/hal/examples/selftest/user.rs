//! Programs: registers, traps, flags, FPU.

use hal::fiber::{Fiber, Suspend, suspend};
use hal::time;
use hal::user::{Regs, Trap, USER_END};

use crate::kernel::{CODE, Check, DATA, STACK_TOP, SYSCALL_LOOP, XMM, check, program, say};

pub fn registers() -> Check {
    let (space, mut r) = program(SYSCALL_LOOP);
    (r.rax, r.rbx, r.rcx, r.rdx, r.rsi, r.rdi, r.rbp) = (1, 2, 3, 4, 5, 6, 7);
    (r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15) = (8, 9, 10, 11, 12, 13, 14, 15);
    for turn in 0..3 {
        check!(r.run(&space) == Trap::Syscall);
        check!(r.rip() == CODE + 2 && r.rcx == CODE + 2 && r.r11 == r.flags());
        check!((r.rax, r.rbx, r.rdx, r.rsi, r.rdi, r.rbp) == (1 + turn, 2, 4, 5, 6, 7));
        check!((r.r8, r.r9, r.r10, r.r12) == (8, 9, 10, 12 + turn));
        check!((r.r13, r.r14, r.r15) == (13, 14, 15));
        check!(r.rsp() == STACK_TOP);
        r.rax += 1;
        r.r12 += 1;
    }
    // Not what SYSRET can restore: RCX and R11 of their own.
    (r.rcx, r.r11) = (77, 78);
    r.set_rip(CODE).unwrap();
    check!(r.run(&space) == Trap::Syscall);
    check!(r.set_rip(1 << 47).is_err());
    check!(r.set_fs_base(1 << 63).is_err());
    Ok(())
}

pub fn round_trip() -> Check {
    const TURNS: u64 = 10_000;
    let (space, mut regs) = program(SYSCALL_LOOP);
    let start = time::now_ns();
    for _ in 0..TURNS {
        if regs.run(&space) != Trap::Syscall {
            return Err("not a system call");
        }
    }
    let each = (time::now_ns() - start) / TURNS;
    say!("        {each} ns (under -icount shift=0: instructions), 2 of them the program's");
    Ok(())
}

fn trap_of(code: &[u8]) -> Trap {
    let (space, mut regs) = program(code);
    regs.run(&space)
}

pub fn exceptions() -> Check {
    let vector = |code: &[u8]| match trap_of(code) {
        Trap::Exception { vector, .. } => u32::from(vector),
        _ => u32::MAX,
    };
    check!(vector(&[0x31, 0xc9, 0xf7, 0xf1]) == 0); // xor ecx, ecx; div ecx
    check!(vector(&[0xcc]) == 3); // int3
    check!(vector(&[0x0f, 0x0b]) == 6); // ud2
    check!(vector(&[0xf4]) == 13); // hlt
    check!(vector(&[0xfa]) == 13); // cli
    check!(vector(&[0xcd, 0x80]) == 13); // int 0x80
    check!(vector(&[0xcd, 0xec]) == 13); // int of the timer's vector
    check!(vector(&[0xe4, 0x60]) == 13); // in al, 0x60
    let (space, mut regs) = program(&[0x48, 0x8b, 0x07]); // mov rax, [rdi]
    regs.rdi = 1 << 63;
    check!(regs.run(&space) == Trap::Exception { vector: 13, error: 0 });
    Ok(())
}

pub fn page_faults() -> Check {
    let fault = |code: &[u8], at: u64| {
        let (space, mut regs) = program(code);
        regs.rdi = at;
        match regs.run(&space) {
            Trap::Fault { addr, access, error } => {
                Some((addr, access.write, access.exec, error & 7))
            }
            _ => None,
        }
    };
    check!(fault(&[0x48, 0x8b, 0x07], 0x1234) == Some((0x1234, false, false, 4)));
    check!(fault(&[0x48, 0x89, 0x07], 0x1234) == Some((0x1234, true, false, 6)));
    check!(fault(&[0x48, 0x89, 0x07], CODE) == Some((CODE, true, false, 7)));
    check!(fault(&[0xff, 0xe7], DATA) == Some((DATA, false, true, 5))); // jmp rdi
    // Jumps to where no program is, and again from there.
    for target in [0xffff_ffff_8020_1000, USER_END, 1 << 47, 1 << 63] {
        let (space, mut regs) = program(&[0xff, 0xe7]);
        regs.rdi = target;
        for _ in 0..2 {
            check!(matches!(
                regs.run(&space),
                Trap::Fault { .. } | Trap::Exception { vector: 13, .. }
            ));
        }
    }
    let kernel = 0xffff_8880_0000_1000;
    check!(fault(&[0x48, 0x8b, 0x07], kernel).is_some_and(|(addr, ..)| addr == kernel));
    Ok(())
}

/// pushf; or qword [rsp], flag; popf; syscall
fn with_flag(flag: u32) -> [u8; 12] {
    let [a, b, c, d] = flag.to_le_bytes();
    [0x9c, 0x48, 0x81, 0x0c, 0x24, a, b, c, d, 0x9d, 0x0f, 0x05]
}

pub fn flags() -> Check {
    // NT, AC, DF, ID: none may survive into the kernel, all belong to the program.
    for flag in [0x4000, 0x4_0000, 0x400, 0x20_0000] {
        let (space, mut regs) = program(&with_flag(flag));
        check!(regs.run(&space) == Trap::Syscall);
        check!(regs.flags() & u64::from(flag) != 0 && regs.r11 == regs.flags());
        let mut byte = [0];
        check!(space.copy_in(DATA, &mut byte).is_ok());
        regs.set_rip(CODE + 10).unwrap();
        regs.rcx = 0; // by IRETQ
        check!(regs.run(&space) == Trap::Syscall);
        check!(regs.flags() & u64::from(flag) != 0);
    }
    // std; ud2: an exception with DF set; the kernel's own copies must go forwards.
    let (space, mut regs) = program(&[0xfd, 0x0f, 0x0b]);
    check!(regs.run(&space) == Trap::Exception { vector: 6, error: 0 });
    let mut text = [0; 32];
    check!(space.copy_out(DATA, b"in this direction, please, always").is_ok());
    check!(space.copy_in(DATA, &mut text).is_ok() && &text == b"in this direction, please, alway");
    let mut regs = Regs::new().unwrap();
    regs.set_flags(u64::MAX);
    check!(regs.flags() & 0x3_3000 & !0x1_0000 == 0); // no IOPL, no VM
    regs.set_flags(0);
    check!(regs.flags() == 0x202);
    Ok(())
}

pub fn single_step() -> Check {
    // mov eax, 0x2b; pushf; or [rsp], TF; popf; mov ss, eax; syscall; nop
    let mut code = [0x90; 22];
    code[..5].copy_from_slice(&[0xb8, 0x2b, 0, 0, 0]);
    code[5..15].copy_from_slice(&with_flag(0x100)[..10]);
    code[15..19].copy_from_slice(&[0x8e, 0xd0, 0x0f, 0x05]);
    let (space, mut regs) = program(&code);
    check!(regs.run(&space) == Trap::Syscall);
    check!(regs.flags() & 0x100 != 0);
    check!(regs.run(&space) == Trap::Exception { vector: 1, error: 0 });
    check!(regs.rip() == CODE + 20);
    Ok(())
}

pub fn bases() -> Check {
    let (space, mut regs) = program(SYSCALL_LOOP);
    let (_, mut other) = program(SYSCALL_LOOP);
    regs.set_fs_base(0x1000).unwrap();
    regs.set_gs_base(0x2000).unwrap();
    for _ in 0..3 {
        check!(regs.run(&space) == Trap::Syscall && other.run(&space) == Trap::Syscall);
        check!((regs.fs_base(), regs.gs_base()) == (0x1000, 0x2000));
        check!((other.fs_base(), other.gs_base()) == (0, 0));
    }
    // mov fs:[0], rax reaches the base; rdfsbase is not offered by every CPU.
    let (space, mut regs) = program(&[0x64, 0x48, 0x89, 0x04, 0x25, 0, 0, 0, 0, 0x0f, 0x05]);
    regs.set_fs_base(DATA).unwrap();
    regs.rax = 4321;
    check!(regs.run(&space) == Trap::Syscall && space.load_u32(DATA) == Ok(4321));
    Ok(())
}

pub fn fpu_two() -> Check {
    let make = |value: u64| {
        let (space, mut regs) = program(XMM);
        regs.rdi = value;
        (space, regs)
    };
    let ((space_a, mut a), (space_b, mut b)) = (make(111), make(222));
    check!(a.run(&space_a) == Trap::Syscall && b.run(&space_b) == Trap::Syscall);
    let mut child = a.try_clone().map_err(|_| "no memory")?;
    check!(a.run(&space_a) == Trap::Syscall && a.rax == 111);
    check!(b.run(&space_b) == Trap::Syscall && b.rax == 222);
    check!(child.run(&space_a) == Trap::Syscall && child.rax == 111);
    // Across a suspension, with another program in between.
    let mut fiber = Fiber::new(move || {
        let (space, mut regs) = program(XMM);
        regs.rdi = 333;
        let first = regs.run(&space);
        suspend(Suspend::Yield);
        let second = regs.run(&space);
        assert!((first, second, regs.rax) == (Trap::Syscall, Trap::Syscall, 333));
    })
    .unwrap();
    check!(fiber.resume() == Suspend::Yield);
    b.set_rip(CODE).unwrap();
    check!(b.run(&space_b) == Trap::Syscall);
    check!(fiber.resume() == Suspend::Exit);
    Ok(())
}

pub fn fpu_images() -> Check {
    let (space, mut regs) = program(XMM);
    let mut image = alloc::vec![0xaa; hal::user::fpu_bytes()];
    regs.save_fpu(&mut image);
    check!(image[..2] == [0x7f, 0x03] && image[24..28] == [0x80, 0x1f, 0, 0]);
    check!(image[160..416].iter().all(|&byte| byte == 0));
    regs.rdi = 0x1122_3344;
    check!(regs.run(&space) == Trap::Syscall);
    regs.save_fpu(&mut image);
    check!(image[160..164] == [0x44, 0x33, 0x22, 0x11]);
    image[160] = 0x55;
    check!(regs.restore_fpu(&image).is_ok());
    check!(regs.run(&space) == Trap::Syscall && regs.rax == 0x1122_3355);
    let good = image.clone();
    image[27] = 0xff; // reserved MXCSR bits
    check!(regs.restore_fpu(&image).is_err());
    if image.len() > 576 {
        for bad in [512 + 7, 520, 575] {
            image.copy_from_slice(&good);
            image[bad] = 0x80;
            check!(regs.restore_fpu(&image).is_err());
        }
    }
    check!(regs.restore_fpu(&good[..100]).is_err() && regs.restore_fpu(&good[..512]).is_ok());
    regs.reset_fpu();
    regs.set_rip(CODE + 7).unwrap();
    check!(regs.run(&space) == Trap::Syscall && regs.rax == 0);
    Ok(())
}
