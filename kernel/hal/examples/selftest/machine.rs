//! Clock, timer, fibers, stacks, guards.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

use hal::context::{self, Held};
use hal::cpu;
use hal::fiber::{Fiber, Suspend, suspend};
use hal::time;

use crate::kernel::{Check, FIRED_AT, TICKS, check, say, wait_until};

pub fn clock() -> Check {
    let mut last = time::now_ns();
    for _ in 0..1000 {
        let now = time::now_ns();
        check!(now >= last);
        last = now;
    }
    check!(time::tsc_hz() > 1_000_000);
    Ok(())
}

pub fn timer() -> Check {
    for delay in [100_000, 1_000_000, 5_000_000] {
        let deadline = time::now_ns() + delay;
        let before = TICKS.load(SeqCst);
        time::arm(deadline);
        while TICKS.load(SeqCst) == before {
            cpu::idle_unless(|| TICKS.load(SeqCst) != before);
        }
        check!(FIRED_AT.load(SeqCst) >= deadline);
        check!(FIRED_AT.load(SeqCst) - deadline < 50_000_000);
    }
    Ok(())
}

pub fn deadlines() -> Check {
    for delay in 0..200 {
        let before = TICKS.load(SeqCst);
        time::arm(time::now_ns().saturating_sub(50) + delay);
        check!(wait_until(|| TICKS.load(SeqCst) > before));
    }
    time::arm(0);
    let before = TICKS.load(SeqCst);
    check!(wait_until(|| TICKS.load(SeqCst) >= before));
    time::arm(u64::MAX);
    Ok(())
}

pub fn fibers() -> Check {
    let count = Arc::new(AtomicU32::new(0));
    let make = |step: u32| {
        let count = count.clone();
        Fiber::new(move || {
            for _ in 0..100 {
                count.fetch_add(step, SeqCst);
                suspend(Suspend::Yield);
            }
        })
        .unwrap()
    };
    let (mut a, mut b) = (make(1), make(1000));
    for turn in 1..=100 {
        check!(a.resume() == Suspend::Yield);
        check!(b.resume() == Suspend::Yield);
        check!(count.load(SeqCst) == turn * 1001);
    }
    check!(a.resume() == Suspend::Exit);
    check!(b.resume() == Suspend::Exit);
    drop((a, b));
    check!(Arc::strong_count(&count) == 1);
    check!(!cpu::may_sleep());
    Ok(())
}

pub fn switch_cost() -> Check {
    const TURNS: u64 = 10_000;
    let mut fiber = Fiber::new(|| {
        for _ in 0..TURNS {
            suspend(Suspend::Yield);
        }
    })
    .map_err(|_| "no memory")?;
    let start = time::now_ns();
    for _ in 0..TURNS {
        fiber.resume();
    }
    say!("        {} ns to a fiber and back", (time::now_ns() - start) / TURNS);
    check!(fiber.resume() == Suspend::Exit);
    Ok(())
}

/// Each fiber, and the CPU loop, has a stack of held locks of its own.
pub fn held_locks() -> Check {
    let depth = || context::held(|held| held.len());
    let push = |rank| context::held(|held| held.push(Held { rank, name: "test" }).is_ok());
    let pop = || context::held(|held| held.pop().map(|held| held.rank));
    check!(depth() == 0 && push(1));
    let mut fiber = Fiber::new(move || {
        assert!(depth() == 0 && push(2) && push(3));
        suspend(Suspend::Yield);
        assert!(depth() == 2 && pop() == Some(3) && pop() == Some(2));
    })
    .map_err(|_| "no memory")?;
    check!(fiber.resume() == Suspend::Yield);
    check!(depth() == 1 && pop() == Some(1) && fiber.resume() == Suspend::Exit);
    Ok(())
}

pub fn fiber_discard() -> Check {
    let held = Arc::new(());
    let inside = held.clone();
    let fiber = Fiber::new(move || drop(inside)).unwrap();
    check!(Arc::strong_count(&held) == 2);
    drop(fiber);
    check!(Arc::strong_count(&held) == 1);
    Ok(())
}

pub fn stacks() -> Check {
    let before = hal::mem::stats().free;
    for _ in 0..3 {
        let mut fibers = alloc::vec::Vec::new();
        for number in 0..100u32 {
            let mut fiber = Fiber::new(move || {
                core::hint::black_box(recurse_to(20));
                suspend(Suspend::Sleep);
                core::hint::black_box(number);
            })
            .map_err(|_| "no memory")?;
            check!(fiber.resume() == Suspend::Sleep);
            fibers.push(fiber);
        }
        for fiber in &mut fibers {
            check!(fiber.resume() == Suspend::Exit);
        }
    }
    // At most a cache of stacks, their page tables and a little heap stay behind.
    check!(before - hal::mem::stats().free < 16 * 8 + 64 + 256);
    Ok(())
}

#[inline(never)]
fn recurse_to(depth: u32) -> u32 {
    let noise = core::hint::black_box([depth; 64]);
    if depth == 0 { 0 } else { recurse_to(depth - 1) + noise[depth as usize % 64] }
}

pub fn guards() -> Check {
    let a = cpu::NoIrq::new();
    let b = cpu::NoIrq::new();
    drop(a);
    let before = TICKS.load(SeqCst);
    time::arm(0);
    let end = time::now_ns() + 1_000_000;
    while time::now_ns() < end {}
    check!(TICKS.load(SeqCst) == before);
    drop(b);
    check!(wait_until(|| TICKS.load(SeqCst) != before));
    Ok(())
}

pub fn entropy() -> Check {
    let (a, b) = (hal::random::seed(), hal::random::seed());
    check!(a != b && a != [0; 32]);
    Ok(())
}
