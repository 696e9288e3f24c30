//! The heap over frames: size-class caches, talc, blocks, and the reserve.

use super::HeapStats;
use crate::contract::{MAX_CPUS, NoMemory};
use crate::frame::{Block, MAX_ORDER, SIZE};
use crate::machine;
use core::alloc::{GlobalAlloc, Layout};
use core::fmt;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};
use spin::Mutex;
use talc::DefaultBinning;
use talc::base::Talc;
use talc::source::GlobalAllocSource;

/// Sizes of cached objects; all are multiples of [`ALIGN`].
const CLASSES: [usize; 12] = [16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];
/// Cached objects are aligned so; what needs more comes from talc or from frames.
const ALIGN: usize = 16;
/// From this size on, objects are blocks of frames.
const LARGE: usize = 2 * SIZE;
/// Order and bytes of talc's arenas.
const ARENA_ORDER: usize = 4;
const ARENA: usize = SIZE << ARENA_ORDER;
/// Arenas in the reserve besides one for each CPU.
const RESERVE: usize = 4;

/// Where an object of some layout lives. The same for its allocation and its release.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the caches; an index into [`CLASSES`].
    Class(usize),
    Talc,
    /// In 2^order frames.
    Frames(usize),
    /// Nowhere: there are no blocks so large.
    Nowhere,
}

fn place(layout: Layout) -> Place {
    let size = layout.size().max(layout.align());
    if size >= LARGE {
        let order = size.div_ceil(SIZE).next_power_of_two().ilog2() as usize;
        return if order <= MAX_ORDER { Place::Frames(order) } else { Place::Nowhere };
    }
    match CLASSES.iter().position(|&class| size <= class) {
        Some(class) if layout.align() <= ALIGN => Place::Class(class),
        _ => Place::Talc,
    }
}

/// The layout of a class's objects, as talc sees them.
fn class_layout(class: usize) -> Layout {
    Layout::from_size_align(CLASSES[class], ALIGN).expect("sizes are multiples of the alignment")
}

/// Objects moved between a cache and talc at a time: about half a frame's worth.
fn batch(class: usize) -> usize {
    (SIZE / 2 / CLASSES[class]).clamp(4, 32)
}

/// The block's place in memory.
fn address(block: Block) -> *mut u8 {
    machine::phys_to_virt(block.into_pa())
}

/// The block at a place in memory.
///
/// # Safety
/// `at` came from [`address`] of a block of this order, and is turned back once.
unsafe fn block_at(at: *mut u8, order: usize) -> Block {
    let pa = (at.addr() - machine::phys_to_virt(0).addr()) as u64;
    // SAFETY: the caller turns back what `into_pa` gave.
    unsafe { Block::from_pa(pa, order) }
}

/// Where talc gets its arenas from: blocks of frames, or the reserve.
struct Arenas {
    reserve: &'static Reserve,
}

impl fmt::Debug for Arenas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Arenas")
    }
}

/// Arenas put aside. They are taken when no frames are left and filled up first when arenas return.
struct Reserve {
    blocks: Mutex<heapless::Vec<Block, { RESERVE + MAX_CPUS }>>,
    /// How many there should be.
    wanted: AtomicUsize,
    /// How many of them there are not.
    missing: AtomicUsize,
    /// Arenas in talc's hands.
    used: AtomicUsize,
}

impl Reserve {
    /// Fills up as far as frames reach; whether it is full.
    fn fill(&self) -> bool {
        let mut blocks = self.blocks.lock();
        let wanted = self.wanted.load(Ordering::Relaxed);
        while blocks.len() < wanted
            && let Ok(block) = Block::new(ARENA_ORDER)
        {
            let _ = blocks.push(block);
        }
        self.note(blocks.len());
        blocks.len() >= wanted
    }

    fn take(&self) -> Option<Block> {
        let mut blocks = self.blocks.lock();
        let block = blocks.pop();
        self.note(blocks.len());
        block
    }

    /// Keeps `block` if one is missing, else gives it back.
    fn keep(&self, block: Block) -> Option<Block> {
        let mut blocks = self.blocks.lock();
        if blocks.len() >= self.wanted.load(Ordering::Relaxed) {
            return Some(block);
        }
        let refused = blocks.push(block).err();
        self.note(blocks.len());
        refused
    }

    fn note(&self, len: usize) {
        let missing = self.wanted.load(Ordering::Relaxed).saturating_sub(len);
        self.missing.store(missing, Ordering::Relaxed);
    }
}

// SAFETY: blocks are memory of their own until given back; no unwinding, no use of the heap itself.
unsafe impl GlobalAlloc for Arenas {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Everything talc serves fits one arena with what talc adds.
        if layout.size() != ARENA {
            return ptr::null_mut();
        }
        let block = Block::new(ARENA_ORDER).ok().or_else(|| self.reserve.take());
        block.map_or(ptr::null_mut(), |block| {
            self.reserve.used.fetch_add(1, Ordering::Relaxed);
            address(block)
        })
    }

    unsafe fn dealloc(&self, at: *mut u8, _layout: Layout) {
        self.reserve.used.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: talc gives back what `alloc` gave, once.
        let block = unsafe { block_at(at, ARENA_ORDER) };
        drop(self.reserve.keep(block));
    }
}

/// Free objects of one class, chained through their first words.
#[derive(Clone, Copy)]
struct Chain {
    first: *mut u8,
    len: usize,
}

// SAFETY: free objects belong to whoever holds the chain.
unsafe impl Send for Chain {}

impl Chain {
    const EMPTY: Chain = Chain { first: ptr::null_mut(), len: 0 };

    /// Adds a free object.
    ///
    /// # Safety
    /// It must be memory of at least 16 bytes, aligned, that nobody else uses.
    unsafe fn push(&mut self, object: *mut u8) {
        // SAFETY: the caller gives the memory away.
        unsafe { object.cast::<*mut u8>().write(self.first) };
        self.first = object;
        self.len += 1;
    }

    fn pop(&mut self) -> Option<*mut u8> {
        let object = self.first;
        if object.is_null() {
            return None;
        }
        // SAFETY: free objects hold the chain's next, and belong to the chain.
        self.first = unsafe { object.cast::<*mut u8>().read() };
        self.len -= 1;
        Some(object)
    }
}

type Caches = [Chain; CLASSES.len()];

/// A CPU's caches, on cache lines of their own.
#[repr(align(64))]
struct CacheSlot(Mutex<Caches>);

/// The allocator. There is one on metal; tests make others.
pub(super) struct Heap {
    talc: Mutex<Talc<GlobalAllocSource<Arenas>, DefaultBinning>>,
    caches: [CacheSlot; MAX_CPUS],
    reserve: &'static Reserve,
    large: AtomicUsize,
}

static RESERVED: Reserve = Reserve {
    blocks: Mutex::new(heapless::Vec::new()),
    wanted: AtomicUsize::new(0),
    missing: AtomicUsize::new(0),
    used: AtomicUsize::new(0),
};

impl Heap {
    /// An empty heap with no reserve.
    pub(super) const fn new() -> Heap {
        let source = GlobalAllocSource::with_block_size(Arenas { reserve: &RESERVED }, ARENA);
        Heap {
            talc: Mutex::new(Talc::new(source)),
            caches: [const { CacheSlot(Mutex::new([Chain::EMPTY; CLASSES.len()])) }; MAX_CPUS],
            reserve: &RESERVED,
            large: AtomicUsize::new(0),
        }
    }

    pub(super) fn reserve_for(&self, cpus: usize) {
        self.reserve.wanted.store(RESERVE + cpus.min(MAX_CPUS), Ordering::Relaxed);
        self.reserve.fill();
    }

    #[inline]
    pub(super) fn admit(&self) -> Result<(), NoMemory> {
        if self.reserve.missing.load(Ordering::Relaxed) == 0 || self.reserve.fill() {
            Ok(())
        } else {
            Err(NoMemory)
        }
    }

    pub(super) fn stats(&self) -> HeapStats {
        HeapStats {
            arenas: self.reserve.used.load(Ordering::Relaxed) * ARENA,
            large: self.large.load(Ordering::Relaxed),
        }
    }

    /// From talc, without a cache.
    fn talc_alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no layout here has size 0: classes start at 16, and `GlobalAlloc` forbids it.
        let object = unsafe { self.talc.lock().allocate(layout) };
        object.map_or(ptr::null_mut(), ptr::NonNull::as_ptr)
    }

    fn class_alloc(&self, class: usize) -> *mut u8 {
        let Some(mut caches) = self.caches[machine::cpu_index()].0.try_lock() else {
            return self.talc_alloc(class_layout(class));
        };
        let chain = &mut caches[class];
        if let Some(object) = chain.pop() {
            return object;
        }
        let mut talc = self.talc.lock();
        // All but the first only from memory that is there already.
        for _ in 1..batch(class) {
            // SAFETY: the size is not 0.
            let Some(object) = (unsafe { talc.try_allocate(class_layout(class)) }) else { break };
            // SAFETY: fresh memory of the class's size.
            unsafe { chain.push(object.as_ptr()) };
        }
        drop(talc);
        chain.pop().unwrap_or_else(|| self.talc_alloc(class_layout(class)))
    }

    /// Frees an object of a class.
    ///
    /// # Safety
    /// It came from [`Heap::class_alloc`] of this class, and is freed once.
    unsafe fn class_free(&self, class: usize, object: *mut u8) {
        let Some(mut caches) = self.caches[machine::cpu_index()].0.try_lock() else {
            // SAFETY: all objects of a class are talc's, of this layout.
            return unsafe { self.talc.lock().deallocate(object, class_layout(class)) };
        };
        let chain = &mut caches[class];
        // SAFETY: the caller gives it away.
        unsafe { chain.push(object) };
        if chain.len > 2 * batch(class) {
            let mut talc = self.talc.lock();
            for object in (0..batch(class)).map_while(|_| chain.pop()) {
                // SAFETY: all objects of a class are talc's, of this layout.
                unsafe { talc.deallocate(object, class_layout(class)) };
            }
        }
    }
}

// SAFETY: objects are talc's or whole blocks, of at least the size and alignment asked for, and go
// back to where they came from, as `place` depends on the layout alone. Nothing unwinds.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match place(layout) {
            Place::Class(class) => self.class_alloc(class),
            Place::Talc => self.talc_alloc(layout),
            Place::Frames(order) => Block::new(order).map_or(ptr::null_mut(), |block| {
                self.large.fetch_add(SIZE << order, Ordering::Relaxed);
                address(block)
            }),
            Place::Nowhere => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, object: *mut u8, layout: Layout) {
        match place(layout) {
            // SAFETY: the caller gives back what `alloc` gave for this layout.
            Place::Class(class) => unsafe { self.class_free(class, object) },
            // SAFETY: as above.
            Place::Talc => unsafe { self.talc.lock().deallocate(object, layout) },
            Place::Frames(order) => {
                self.large.fetch_sub(SIZE << order, Ordering::Relaxed);
                // SAFETY: as above.
                drop(unsafe { block_at(object, order) });
            }
            Place::Nowhere => {}
        }
    }

    unsafe fn realloc(&self, object: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Ok(new) = Layout::from_size_align(new_size, layout.align()) else {
            return ptr::null_mut();
        };
        let stays = place(layout) == place(new) && place(layout) != Place::Talc;
        if stays {
            return object;
        }
        // SAFETY: the caller gives a size that is not 0.
        let moved = unsafe { self.alloc(new) };
        if !moved.is_null() {
            // SAFETY: both are at least so long, and different objects.
            unsafe { ptr::copy_nonoverlapping(object, moved, layout.size().min(new_size)) };
            // SAFETY: the caller gives the old object away.
            unsafe { self.dealloc(object, layout) };
        }
        moved
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
