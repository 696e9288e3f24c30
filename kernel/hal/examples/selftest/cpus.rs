//! Interrupts while a program runs, and what CPUs do to each other. With one CPU the tests that
//! need two pass at once.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use hal::cpu::{self, CpuId};
use hal::mem::Space;
use hal::time;
use hal::user::{Regs, Trap};

use crate::kernel::{
    ATTENTION, CODE, Check, DATA, READ_LOOP, SPIN, TICKS, XMM, check, on_other_cpu, program,
    wait_for_job, wait_until,
};

pub fn quiet_interrupts() -> Check {
    // dec rdi; jnz; syscall: long enough for a few timer interrupts.
    let (space, mut regs) = program(&[0x48, 0xff, 0xcf, 0x75, 0xfb, 0x0f, 0x05]);
    regs.rdi = 20_000_000;
    let before = TICKS.load(SeqCst);
    time::arm(time::now_ns() + 100_000);
    check!(regs.run(&space) == Trap::Syscall);
    check!(TICKS.load(SeqCst) == before + 1);
    Ok(())
}

pub fn attention() -> Check {
    let (space, mut regs) = program(SPIN);
    ATTENTION.store(true, SeqCst);
    for _ in 0..10 {
        time::arm(time::now_ns() + 100_000);
        check!(regs.run(&space) == Trap::Interrupt && regs.rip() == CODE);
    }
    ATTENTION.store(false, SeqCst);
    Ok(())
}

pub fn early_kick() -> Check {
    let (space, mut regs) = program(SPIN);
    cpu::kick(CpuId(0));
    check!(regs.run(&space) == Trap::Interrupt);
    cpu::kick(CpuId(0));
    cpu::idle_unless(|| false); // returns at once
    Ok(())
}

pub fn kick() -> Check {
    static ENTERED: AtomicBool = AtomicBool::new(false);
    static GOT: AtomicBool = AtomicBool::new(false);
    let started = on_other_cpu(|| {
        let (space, mut regs) = program(SPIN);
        // A kick meant for the job itself may still be there.
        while !GOT.load(SeqCst) {
            ENTERED.store(true, SeqCst);
            if regs.run(&space) == Trap::Interrupt && !ENTERED.load(SeqCst) {
                GOT.store(true, SeqCst);
            }
        }
    });
    if !started {
        return Ok(());
    }
    check!(wait_until(|| ENTERED.load(SeqCst)));
    let end = time::now_ns() + 1_000_000;
    while time::now_ns() < end {
        cpu::relax();
    }
    ENTERED.store(false, SeqCst);
    cpu::kick(CpuId(1));
    check!(wait_for_job() && GOT.load(SeqCst));
    Ok(())
}

pub fn shootdown() -> Check {
    let (space, mut regs) = program(READ_LOOP);
    regs.rdi = DATA;
    let space = Arc::new(space);
    let faulted = Arc::new(AtomicU64::new(0));
    let (theirs, result) = (space.clone(), faulted.clone());
    let started = on_other_cpu(move || {
        loop {
            match regs.run(&theirs) {
                Trap::Fault { addr, .. } => break result.store(addr, SeqCst),
                Trap::Interrupt => {}
                _ => break,
            }
        }
    });
    if !started {
        return Ok(());
    }
    let end = time::now_ns() + 5_000_000;
    while time::now_ns() < end {
        cpu::relax();
    }
    check!(faulted.load(SeqCst) == 0);
    drop(space.unmap(DATA..DATA + 4096));
    check!(wait_for_job());
    check!(faulted.load(SeqCst) == DATA);
    Ok(())
}

pub fn forgotten_space() -> Check {
    static PARKED: spin::Mutex<Option<Box<(Space, Regs)>>> = spin::Mutex::new(None);
    let started = on_other_cpu(|| {
        let (space, mut regs) = program(XMM);
        regs.rdi = 77;
        regs.run(&space);
        *PARKED.lock() = Some(Box::new((space, regs)));
    });
    if !started {
        return Ok(());
    }
    check!(wait_for_job());
    // CPU 1 still has it in CR3, and the FPU state in its registers was stored by its exit.
    let parked = PARKED.lock().take();
    let (space, mut regs) = *parked.ok_or("nothing parked")?;
    check!(regs.run(&space) == Trap::Syscall && regs.rax == 77);
    drop((space, regs));
    check!(on_other_cpu(|| {}) && wait_for_job());
    Ok(())
}

pub fn migration() -> Check {
    static HANDED: spin::Mutex<Option<Box<(Space, Regs)>>> = spin::Mutex::new(None);
    static STAY: AtomicBool = AtomicBool::new(true);
    // The fiber over there neither suspends nor exits: the state must be fetched from its CPU.
    let started = on_other_cpu(|| {
        let (space, mut regs) = program(XMM);
        regs.rdi = 4711;
        regs.run(&space);
        *HANDED.lock() = Some(Box::new((space, regs)));
        while STAY.load(SeqCst) {
            cpu::relax();
        }
    });
    if !started {
        return Ok(());
    }
    check!(wait_until(|| HANDED.lock().is_some()));
    let handed = HANDED.lock().take();
    let (space, mut regs) = *handed.ok_or("nothing handed")?;
    check!(regs.run(&space) == Trap::Syscall && regs.rax == 4711);
    STAY.store(false, SeqCst);
    check!(wait_for_job());
    Ok(())
}
