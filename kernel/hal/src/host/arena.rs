//! The memory of all host machines: one arena of frames, and a ledger for each machine.

use crate::contract::NoMemory;
use crate::frame;
use std::alloc::{Layout, alloc_zeroed};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{OnceLock, RwLock};

/// Bytes of the arena: address space only, pages come into being when touched.
const ARENA: usize = 4 << 30;
/// Alignment of the arena, that of the largest block.
const ALIGN: usize = 2 << 20;

/// Where "physical" address 0 is.
static BASE: OnceLock<usize> = OnceLock::new();

/// Makes the arena at the first call, and gives it to the frame allocator.
fn base() -> usize {
    *BASE.get_or_init(|| {
        let zeroed = |bytes| {
            let layout = Layout::from_size_align(bytes, 16).expect("a small alignment");
            // SAFETY: the size is not zero.
            let memory = unsafe { alloc_zeroed(layout) };
            assert!(!memory.is_null(), "the host has no address space left");
            memory.expose_provenance()
        };
        let base = zeroed(ARENA + ALIGN).next_multiple_of(ALIGN);
        let frames = ARENA / frame::SIZE;
        let meta = std::ptr::with_exposed_provenance_mut(zeroed(frames * frame::META_SIZE));
        // SAFETY: zeroed memory of the right size and alignment (16), never freed, called once.
        unsafe { frame::init(meta, frames) };
        // Frame 0 stays out: physical address 0 means "none".
        // SAFETY: the range lies in the arena, which nobody else uses, and is added once.
        unsafe { frame::add_region(frame::SIZE as u64, ARENA as u64) };
        base
    })
}

/// Frames under kernel stacks: none, those of fibers are std's.
pub(crate) fn stack_frames() -> usize {
    0
}

/// Where the kernel sees physical address `pa`.
pub(crate) fn phys_to_virt(pa: u64) -> *mut u8 {
    debug_assert!(pa < ARENA as u64, "no such frame: {pa:#x}");
    let base = BASE.get().expect("an address of a frame, so there is an arena");
    std::ptr::with_exposed_provenance_mut(base + pa as usize)
}

/// The upper half that every address space starts with: nothing, the host's kernel is elsewhere.
pub(crate) fn kernel_pml4_template() -> Option<u64> {
    None
}

/// The host caches no translations.
pub(crate) mod tlb {
    /// Nothing to shoot.
    pub(crate) fn shoot(_cpus: u64, _root: u64, _pages: &[u64]) {}
    /// Nobody remembers.
    pub(crate) fn forget(_root: u64, _cpus: u64) {}
}

/// What one machine holds, and what it shall be refused.
pub(super) struct Ledger {
    tag: u16,
    limit: usize,
    held: AtomicUsize,
    frames: Countdown,
    admissions: Countdown,
}

/// Counts requests, and refuses one of them when told to.
#[derive(Default)]
struct Countdown {
    asked: AtomicU64,
    /// The request (by number, from 1) to refuse.
    refuse: AtomicU64,
}

impl Countdown {
    fn ask(&self) -> Result<(), NoMemory> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        if number == self.refuse.load(Ordering::SeqCst) { Err(NoMemory) } else { Ok(()) }
    }

    fn refuse_at(&self, n: u64) {
        self.refuse.store(self.asked.load(Ordering::SeqCst) + n, Ordering::SeqCst);
    }
}

/// Ledger `n` has tag `n + 1`; 0 marks frames that no machine owns. Frames may outlive their
/// machine, so ledgers stay.
static LEDGERS: RwLock<Vec<&'static Ledger>> = RwLock::new(Vec::new());

impl Ledger {
    pub(super) fn new(limit: usize) -> &'static Ledger {
        let mut ledgers = LEDGERS.write().expect("nobody panics here");
        let tag = u16::try_from(ledgers.len() + 1).expect("fewer than 65535 machines per process");
        let ledger = Box::leak(Box::new(Ledger {
            tag,
            limit,
            held: AtomicUsize::new(0),
            frames: Countdown::default(),
            admissions: Countdown::default(),
        }));
        ledgers.push(ledger);
        ledger
    }

    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn frame_requests(&self) -> u64 {
        self.frames.asked.load(Ordering::SeqCst)
    }

    pub(super) fn fail_frame_at(&self, n: u64) {
        self.frames.refuse_at(n);
    }

    pub(super) fn admissions(&self) -> u64 {
        self.admissions.asked.load(Ordering::SeqCst)
    }

    pub(super) fn fail_admit_at(&self, n: u64) {
        self.admissions.refuse_at(n);
    }

    pub(super) fn admit(&self) -> Result<(), NoMemory> {
        self.admissions.ask()
    }

    fn charge(&self, frames: usize) -> Result<u16, NoMemory> {
        self.frames.ask()?;
        if self.held.fetch_add(frames, Ordering::SeqCst) + frames > self.limit {
            self.held.fetch_sub(frames, Ordering::SeqCst);
            return Err(NoMemory);
        }
        Ok(self.tag)
    }
}

/// Puts `frames` frames on the account of this thread's machine; the answer marks them.
pub(crate) fn charge(frames: usize) -> Result<u16, NoMemory> {
    base();
    super::cpu::machine().map_or(Ok(0), |machine| machine.ledger.charge(frames))
}

/// Takes frames marked with `tag` off the account they are on.
pub(crate) fn refund(tag: u16, frames: usize) {
    if tag != 0 {
        let ledgers = LEDGERS.read().expect("nobody panics here");
        ledgers[usize::from(tag) - 1].held.fetch_sub(frames, Ordering::SeqCst);
    }
}

/// This thread's machine's limit and what it holds of it, in frames.
pub(crate) fn limits() -> Option<(usize, usize)> {
    super::cpu::machine().map(|machine| (machine.ledger.limit(), machine.ledger.held()))
}

/// Whether a small object may be made; refused only when a test wants it so.
pub(crate) fn admit() -> Result<(), NoMemory> {
    super::cpu::machine().map_or(Ok(()), |machine| machine.ledger.admit())
}
