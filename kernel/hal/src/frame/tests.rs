//! The allocator against a set of owned ranges, and the handles' counts.

use super::*;
use crate::host::tests::on_machine;
use std::collections::BTreeMap;

#[test]
fn blocks_never_overlap_and_join_again() {
    const FRAMES: usize = 4096;
    on_machine(8192, |_| {
        let mut held: BTreeMap<u64, Block> = BTreeMap::new();
        let mut seed = 7u64;
        let mut random = |n: u64| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) % n
        };
        let mut frames = 0;
        for _ in 0..20_000 {
            if random(2) == 0 && frames < FRAMES {
                let order = random(10).min(random(10)) as usize;
                let block = Block::new(order).unwrap();
                let (start, len) = (block.pa(), (SIZE << order) as u64);
                assert_eq!(start % len, 0);
                let before = held.range(..start + len).next_back();
                let free = before
                    .is_none_or(|(at, block)| at + (SIZE as u64) * (1 << block.order) <= start);
                assert!(free, "a block was handed out twice");
                frames += 1 << order;
                held.insert(start, block);
            } else if let Some((&at, _)) =
                held.range(random(1 << 40)..).next().or(held.iter().next())
            {
                frames -= 1 << held[&at].order;
                held.remove(&at);
            }
        }
    });
}

#[test]
fn all_memory_joins_to_large_blocks() {
    on_machine(1 << 14, |_| {
        let mut singles: Vec<_> = (0..2048).map(|_| Frame::zeroed().unwrap()).collect();
        // Free in an order that leaves holes first.
        for i in (0..singles.len()).rev().step_by(2) {
            singles.swap_remove(i);
        }
        drop(singles);
        let large: Vec<_> = (0..16).map(|_| Block::new(MAX_ORDER).unwrap()).collect();
        assert!(large.iter().all(|block| block.pa().is_multiple_of(2 << 20)));
    });
}

#[test]
fn a_full_machine_says_so() {
    on_machine(600, |machine| {
        let block = Block::new(MAX_ORDER).unwrap();
        assert_eq!(Block::new(MAX_ORDER).unwrap_err(), NoMemory);
        let singles: Vec<_> = (0..88).map(|_| Frame::zeroed().unwrap()).collect();
        assert_eq!(Frame::zeroed().unwrap_err(), NoMemory);
        assert_eq!(machine.frames_held(), 600);
        drop((block, singles));
        assert_eq!(machine.frames_held(), 0);
    });
}

#[test]
fn handles_are_counted() {
    let frame = Frame::zeroed().unwrap();
    assert!(frame.is_unique());
    let other = frame.clone();
    assert!(!frame.is_unique() && frame.same(&other));
    other.write(100, b"abc");
    let copy = Frame::copy_of(&frame).unwrap();
    drop(other);
    assert!(frame.is_unique() && !copy.same(&frame));
    let mut bytes = [0; 5];
    copy.read(99, &mut bytes);
    assert_eq!(&bytes, b"\0abc\0");
}

#[test]
fn copies_keep_to_their_range() {
    let frame = Frame::zeroed().unwrap();
    for (off, len) in [(0, 0), (0, 1), (1, 7), (3, 30), (8, 8), (5, 4091), (4095, 1), (4096, 0)] {
        let pattern: Vec<u8> = (0..len).map(|i| i as u8 ^ 0x5a | 1).collect();
        frame.zero(0, SIZE);
        frame.write(off, &pattern);
        let mut all = [0; SIZE];
        frame.read(0, &mut all);
        assert!(all[..off].iter().chain(&all[off + len..]).all(|&byte| byte == 0));
        assert_eq!(all[off..off + len], pattern);
        let mut part = vec![0; len];
        frame.read(off, &mut part);
        assert_eq!(part, pattern);
        frame.zero(off, len);
        frame.read(0, &mut all);
        assert!(all.iter().all(|&byte| byte == 0));
    }
}

#[test]
fn memory_of_a_frame_is_zeroed_anew() {
    for _ in 0..200 {
        let frame = Frame::zeroed().unwrap();
        let mut bytes = [1; 16];
        frame.read(4080, &mut bytes);
        assert_eq!(bytes, [0; 16]);
        frame.write(4080, &[9; 16]);
    }
}

#[test]
#[should_panic(expected = "left its frame")]
fn a_copy_past_the_end_is_a_bug() {
    Frame::zeroed().unwrap().write(4090, &[0; 7]);
}
