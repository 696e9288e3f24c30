//! The kernel's random numbers: ChaCha20 (a well-kept crate's), seeded from the processor's
//! generator and timing, re-keyed after every request so that the past stays secret ("fast key
//! erasure", as Linux's `crng_make_state`). See random(4), getrandom(2). Lock level: `Random`.

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{RngCore, SeedableRng},
};

use crate::lock::{Spin, order};

/// Bytes after which fresh seed is mixed in.
const RESEED_BYTES: u64 = 1 << 20;

struct State {
    key: [u8; 32],
    /// Bytes given since the last seed; `None`: never seeded.
    given: Option<u64>,
}

/// A generator of random bytes.
pub struct Random(Spin<State, order::Random>);

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}

impl Random {
    /// A generator that seeds itself when it is first asked.
    pub const fn new() -> Self {
        Self(Spin::new(State { key: [0; 32], given: None }))
    }

    /// A one-request stream: the key under which it runs is gone from the state when it starts.
    fn stream(&self, bytes: u64) -> ChaCha20Rng {
        let mut state = self.0.lock();
        if state.given.is_none_or(|given| given >= RESEED_BYTES) {
            let seed = hal::random::seed();
            for (k, s) in state.key.iter_mut().zip(seed) {
                *k ^= s;
            }
            state.given = Some(0);
        }
        state.given = state.given.map(|given| given.saturating_add(bytes));
        let mut rng = ChaCha20Rng::from_seed(state.key);
        rng.fill_bytes(&mut state.key);
        rng
    }

    /// Fills `to`.
    pub fn fill(&self, to: &mut [u8]) {
        self.stream(to.len() as u64).fill_bytes(to);
    }

    /// Gives `total` bytes in pieces, without holding a lock while `sink` takes them.
    /// `sink` returns `false` to end early.
    pub fn pour(&self, total: usize, mut sink: impl FnMut(&[u8]) -> bool) {
        let mut rng = self.stream(total as u64);
        let mut piece = [0; 256];
        let mut left = total;
        while left > 0 {
            let n = left.min(piece.len());
            rng.fill_bytes(&mut piece[..n]);
            if !sink(&piece[..n]) {
                return;
            }
            left -= n;
        }
    }

    /// Mixes `bytes` into the state; they need not be random.
    pub fn mix(&self, bytes: &[u8]) {
        let mut state = self.0.lock();
        for chunk in bytes.chunks(32) {
            for (k, b) in state.key.iter_mut().zip(chunk) {
                *k ^= b;
            }
            let mut rng = ChaCha20Rng::from_seed(state.key);
            rng.fill_bytes(&mut state.key);
        }
    }

    /// Mixes in fresh seed before the next bytes.
    pub fn reseed(&self) {
        self.0.lock().given = None;
    }

    /// 64 random bits.
    pub fn u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_ne_bytes(bytes)
    }
}
