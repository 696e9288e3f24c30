//! Entropy: RDSEED and RDRAND where CPUID has them, mixed with the jitter of the time stamp
//! counter; the kernel's generator stretches it.

use core::arch::asm;
use core::arch::x86_64::_rdtsc;

use super::cpu::features::{self, has};

/// How often RDSEED and RDRAND are tried: they may run dry.
const TRIES: usize = 10;
/// Samples of jitter per word.
const SAMPLES: usize = 64;

fn hardware() -> Option<u64> {
    for _ in 0..TRIES {
        let value: u64;
        let valid: u8;
        if has(features::RDSEED) {
            // SAFETY: CPUID has it; touches no memory.
            unsafe {
                asm!("rdseed {}", "setc {}", out(reg) value, out(reg_byte) valid, options(nomem, nostack))
            };
        } else if has(features::RDRAND) {
            // SAFETY: CPUID has it; touches no memory.
            unsafe {
                asm!("rdrand {}", "setc {}", out(reg) value, out(reg_byte) valid, options(nomem, nostack))
            };
        } else {
            return None;
        }
        if valid != 0 {
            return Some(value);
        }
    }
    None
}

/// A bijective scrambler (the finaliser of SplitMix64).
fn scramble(mut x: u64) -> u64 {
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// 32 bytes of entropy. Never fails: without a hardware source it is as good as the jitter of the
/// clock.
pub fn seed() -> [u8; 32] {
    let mut seed = [0; 32];
    let mut pool = 0x9e37_79b9_7f4a_7c15_u64;
    for word in seed.chunks_exact_mut(8) {
        for _ in 0..SAMPLES {
            // SAFETY: reads a counter.
            pool = scramble(pool.rotate_left(7) ^ unsafe { _rdtsc() });
        }
        let value = pool ^ hardware().unwrap_or(0);
        word.copy_from_slice(&value.to_le_bytes());
    }
    seed
}
