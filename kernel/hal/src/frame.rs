//! Physical memory: a buddy allocator of 4 KiB to 2 MiB, per-CPU caches of single frames in front
//! of it, and [`Frame`], the counted handle everybody else sees. Lock level `Frames`, the innermost
//! but the console: nothing is called with its locks held.
//!
//! Each frame has 16 bytes of metadata in one array. A free block is described by its first frame;
//! free blocks of an order form a doubly linked list by frame number, so that a buddy can be taken
//! from the middle. Interrupt handlers must not come here (they would spin on a lock they
//! interrupted), which `Hooks` demands of them.

pub(crate) mod bytes;

use crate::contract::{MAX_CPUS, NoMemory};
use crate::machine;
#[cfg(not(metal))]
use crate::machine::{charge, refund};
use core::num::NonZeroU32;
use core::ptr;
use core::sync::atomic::{AtomicIsize, AtomicPtr, AtomicU32, AtomicUsize, Ordering, fence};
use spin::Mutex;

/// Bytes of a frame.
pub const SIZE: usize = 4096;
/// Bytes of metadata per frame.
pub(crate) const META_SIZE: usize = size_of::<Meta>();
/// The largest block: 2 MiB.
pub(crate) const MAX_ORDER: usize = 9;
/// Frames in one CPU's cache.
const CACHE: usize = 64;
/// Frames moved between a cache and the buddy allocator at a time.
const BATCH: usize = CACHE / 2;

/// What is known of a frame. Zeroed metadata means: no such memory.
#[repr(C, align(16))]
pub(crate) struct Meta {
    /// Handles to an allocated frame.
    count: AtomicU32,
    /// Bits 0..8 one of `ABSENT`, `FREE`, `USED`; bits 8..16 the order of a free block, or the
    /// [`Use`] of an allocated frame; bits 16..32 the account that an allocated frame is on.
    state: AtomicU32,
    /// Free: the neighbours in the list (0: none). Allocated: the owner's, see [`Frame::words`].
    words: [AtomicU32; 2],
}

const FREE: u32 = 1;
const USED: u32 = 2;

/// The metadata array and how many frames it describes. Set once at boot.
static META: AtomicPtr<Meta> = AtomicPtr::new(ptr::null_mut());
static FRAMES: AtomicUsize = AtomicUsize::new(0);

static POOL: Mutex<Pool> = Mutex::new(Pool { heads: [0; MAX_ORDER + 1], free: 0, total: 0 });
static CACHES: [CacheSlot; MAX_CPUS] =
    [const { CacheSlot(Mutex::new(heapless::Vec::new())) }; MAX_CPUS];

/// A CPU's cache, on cache lines of its own. Only its CPU uses it, but for the last resort of an
/// empty pool; the lock is what makes that (and a misbehaving interrupt handler) harmless.
#[repr(align(64))]
struct CacheSlot(Mutex<heapless::Vec<u32, CACHE>>);

/// The buddy allocator.
struct Pool {
    /// First free block of each order; 0 means none.
    heads: [u32; MAX_ORDER + 1],
    free: usize,
    total: usize,
}

/// Tells the allocator where its metadata is.
///
/// # Safety
/// `meta` must be zeroed memory for `frames` times [`META_SIZE`] bytes, aligned to 16, which nobody
/// else uses from now on. Called once, before any other function here.
pub(crate) unsafe fn init(meta: *mut Meta, frames: usize) {
    META.store(meta, Ordering::Release);
    FRAMES.store(frames, Ordering::Release);
}

/// Adds the whole frames in a range of physical memory to the pool.
///
/// # Safety
/// The range must be RAM, mapped at [`machine::phys_to_virt`], used by nobody, described by the
/// metadata, and added once. It must not contain frame 0.
pub(crate) unsafe fn add_region(start_pa: u64, end_pa: u64) {
    let mut at = start_pa.div_ceil(SIZE as u64) as usize;
    let end = (end_pa as usize / SIZE).min(FRAMES.load(Ordering::Acquire));
    let mut pool = POOL.lock();
    pool.total += end.saturating_sub(at);
    while at < end {
        let fits = (end - at).ilog2() as usize;
        let order = (at.trailing_zeros() as usize).min(fits).min(MAX_ORDER);
        pool.put(at as u32, order);
        at += 1 << order;
    }
}

/// Makes the whole frames in a range of physical memory allocated ones with count 1 each, which
/// [`Frame::from_pa`] takes over: for what the boot loader left us.
///
/// # Safety
/// As for [`add_region`]; but the range is in use, by whoever takes the frames over.
#[cfg(metal)]
pub(crate) unsafe fn adopt_region(start_pa: u64, end_pa: u64) {
    let numbers = start_pa.div_ceil(SIZE as u64)..end_pa / SIZE as u64;
    POOL.lock().total += (numbers.end - numbers.start) as usize;
    for number in numbers {
        let meta = meta(number as u32);
        meta.count.store(1, Ordering::Relaxed);
        meta.state.store(USED, Ordering::Release);
    }
}

/// The metadata of frame `number`.
fn meta(number: u32) -> &'static Meta {
    let number = number as usize;
    assert!(number < FRAMES.load(Ordering::Relaxed), "no such frame");
    let first = META.load(Ordering::Relaxed);
    // SAFETY: in bounds of the array given to `init`.
    let meta = unsafe { first.add(number) };
    // SAFETY: metadata is never freed and only changed through its atomics.
    unsafe { &*meta }
}

impl Pool {
    /// Puts a block into its list, without looking at its buddy.
    fn link(&mut self, block: u32, order: usize) {
        let next = core::mem::replace(&mut self.heads[order], block);
        let this = meta(block);
        this.words[0].store(next, Ordering::Relaxed);
        this.words[1].store(0, Ordering::Relaxed);
        this.state.store(FREE | (order as u32) << 8, Ordering::Relaxed);
        if next != 0 {
            meta(next).words[1].store(block, Ordering::Relaxed);
        }
    }

    /// Takes a free block out of its list.
    fn unlink(&mut self, block: u32, order: usize) {
        let this = meta(block);
        let [next, prev] = [0, 1].map(|i| this.words[i].load(Ordering::Relaxed));
        match prev {
            0 => self.heads[order] = next,
            prev => meta(prev).words[0].store(next, Ordering::Relaxed),
        }
        if next != 0 {
            meta(next).words[1].store(prev, Ordering::Relaxed);
        }
        this.state.store(USED, Ordering::Relaxed);
    }

    /// Frees a block, joining it with its buddy as often as that is free.
    fn put(&mut self, mut block: u32, mut order: usize) {
        self.free += 1 << order;
        while order < MAX_ORDER {
            let buddy = block ^ 1 << order;
            let whole = FREE | (order as u32) << 8;
            let known = (buddy as usize) < FRAMES.load(Ordering::Relaxed);
            if !known || meta(buddy).state.load(Ordering::Relaxed) != whole {
                break;
            }
            self.unlink(buddy, order);
            block &= !(1 << order);
            order += 1;
        }
        self.link(block, order);
    }

    /// Takes a block, splitting the smallest that is large enough.
    fn take(&mut self, order: usize) -> Option<u32> {
        let mut from = (order..=MAX_ORDER).find(|&from| self.heads[from] != 0)?;
        let block = self.heads[from];
        self.unlink(block, from);
        while from > order {
            from -= 1;
            self.link(block + (1 << from), from);
        }
        self.free -= 1 << order;
        Some(block)
    }
}

/// On metal there is one account, that of the machine.
#[cfg(metal)]
fn charge(_frames: usize) -> Result<u16, NoMemory> {
    Ok(0)
}

#[cfg(metal)]
fn refund(_tag: u16, _frames: usize) {}

/// Takes one frame, from this CPU's cache if it can.
fn take_one() -> Option<u32> {
    let Some(mut cache) = CACHES[machine::cpu_index()].0.try_lock() else {
        return POOL.lock().take(0);
    };
    if cache.is_empty() {
        let mut pool = POOL.lock();
        while cache.len() < BATCH
            && let Some(frame) = pool.take(0)
        {
            let _ = cache.push(frame);
        }
    }
    let found = cache.pop();
    drop(cache);
    // The pool is empty: what other CPUs have put aside is the last there is.
    found.or_else(|| CACHES.iter().find_map(|other| other.0.try_lock()?.pop()))
}

/// Gives one frame back, to this CPU's cache if it can.
fn put_one(frame: u32) {
    let Some(mut cache) = CACHES[machine::cpu_index()].0.try_lock() else {
        POOL.lock().put(frame, 0);
        return;
    };
    if cache.is_full() {
        let mut pool = POOL.lock();
        for frame in cache.drain(..BATCH) {
            pool.put(frame, 0);
        }
    }
    let _ = cache.push(frame);
}

/// Empties all caches, so that their frames can become larger blocks again.
fn drain_caches() {
    for slot in &CACHES {
        if let Some(mut cache) = slot.0.try_lock() {
            let mut pool = POOL.lock();
            while let Some(frame) = cache.pop() {
                pool.put(frame, 0);
            }
        }
    }
}

/// Takes 2^`order` frames in a row, aligned to their size; the contents are arbitrary.
fn allocate(order: usize) -> Result<NonZeroU32, NoMemory> {
    let tag = charge(1 << order)?;
    let found = match order {
        0 => take_one(),
        _ => {
            let first = POOL.lock().take(order);
            first.or_else(|| {
                drain_caches();
                POOL.lock().take(order)
            })
        }
    };
    let Some(number) = found.and_then(NonZeroU32::new) else {
        refund(tag, 1 << order);
        return Err(NoMemory);
    };
    let meta = meta(number.get());
    meta.state.store(USED | u32::from(tag) << 16, Ordering::Relaxed);
    meta.count.store(1, Ordering::Relaxed);
    Ok(number)
}

/// Frees what [`allocate`] gave.
fn release(number: NonZeroU32, order: usize) {
    let meta = meta(number.get());
    let state = meta.state.load(Ordering::Relaxed);
    refund((state >> 16) as u16, 1 << order);
    if state & USE_MASK != 0 {
        count_use((state & USE_MASK) >> USE_SHIFT, -1);
    }
    meta.state.store(USED, Ordering::Relaxed);
    match order {
        0 => put_one(number.get()),
        _ => POOL.lock().put(number.get(), order),
    }
}

/// What a frame is used for, as far as anybody counts it. A frame keeps its use until it is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Memory of programs that no file stands behind.
    Anon = 1,
    /// Contents of files, and memory that programs share.
    Cache = 2,
    /// Page tables of programs.
    Table = 3,
}

/// Where the use stands in a frame's state.
const USE_SHIFT: u32 = 8;
const USE_MASK: u32 = 0xff << USE_SHIFT;

/// Frames by use, for each CPU those that it has counted less those that it has freed: a CPU may
/// stand below zero, only the sums mean something.
static USES: [UseSlot; MAX_CPUS] =
    [const { UseSlot([const { AtomicIsize::new(0) }; 3]) }; MAX_CPUS];

#[repr(align(64))]
struct UseSlot([AtomicIsize; 3]);

/// One frame more or less for the use whose number is `which`.
fn count_use(which: u32, by: isize) {
    if let Some(count) = USES[machine::cpu_index()].0.get((which as usize).wrapping_sub(1)) {
        count.fetch_add(by, Ordering::Relaxed);
    }
}

fn used_for(what: Use) -> usize {
    let sum: isize = USES.iter().map(|cpu| cpu.0[what as usize - 1].load(Ordering::Relaxed)).sum();
    sum.max(0) as usize
}

/// How much memory there is, in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemStats {
    /// Those the kernel manages.
    pub total: usize,
    /// Those nobody uses.
    pub free: usize,
    /// Those of [`Use::Anon`]. On the host machine this and the next two are sums over all
    /// machines.
    pub anon: usize,
    /// Those of [`Use::Cache`].
    pub cache: usize,
    /// Those of [`Use::Table`].
    pub tables: usize,
    /// Those under kernel stacks.
    pub stacks: usize,
}

/// How much memory there is, and is free; exact only while nobody allocates.
pub fn stats() -> MemStats {
    let (total, free) = total_and_free();
    let [anon, cache, tables] = [Use::Anon, Use::Cache, Use::Table].map(used_for);
    MemStats { total, free, anon, cache, tables, stacks: machine::stack_frames() }
}

fn total_and_free() -> (usize, usize) {
    #[cfg(not(metal))]
    if let Some((total, held)) = machine::limits() {
        return (total, total.saturating_sub(held));
    }
    let cached: usize = CACHES.iter().map(|slot| slot.0.try_lock().map_or(0, |c| c.len())).sum();
    let pool = POOL.lock();
    (pool.total, pool.free + cached)
}

/// How many free blocks there are of 1, 2, 4, ... frames; CPUs' caches count as single frames.
/// Walks the lists: for /proc.
pub fn free_blocks() -> [usize; MAX_ORDER + 1] {
    let cached: usize = CACHES.iter().map(|slot| slot.0.try_lock().map_or(0, |c| c.len())).sum();
    let pool = POOL.lock();
    let mut blocks = core::array::from_fn(|order| {
        let next = |block: &u32| meta(*block).words[0].load(Ordering::Relaxed);
        let first = Some(pool.heads[order]).filter(|&block| block != 0);
        core::iter::successors(first, |block| Some(next(block)).filter(|&b| b != 0)).count()
    });
    blocks[0] += cached;
    blocks
}

/// 2^order frames in a row, aligned to their size, for the kernel's own use. Freed when dropped.
#[cfg(any(metal, test))]
#[derive(Debug)]
pub(crate) struct Block {
    first: NonZeroU32,
    order: u8,
}

#[cfg(any(metal, test))]
impl Block {
    /// A block with arbitrary contents; `order` is 0 to [`MAX_ORDER`].
    pub(crate) fn new(order: usize) -> Result<Block, NoMemory> {
        assert!(order <= MAX_ORDER);
        Ok(Block { first: allocate(order)?, order: order as u8 })
    }

    /// Physical address of its first byte.
    pub(crate) fn pa(&self) -> u64 {
        u64::from(self.first.get()) * SIZE as u64
    }

    /// Lets go of the block without freeing it.
    pub(crate) fn into_pa(self) -> u64 {
        let pa = self.pa();
        core::mem::forget(self);
        pa
    }

    /// Takes back a block that was let go of.
    ///
    /// # Safety
    /// `pa` came from [`Block::into_pa`] of a block of this order, and is taken back once.
    pub(crate) unsafe fn from_pa(pa: u64, order: usize) -> Block {
        let first =
            NonZeroU32::new((pa / SIZE as u64) as u32).expect("frame 0 is never handed out");
        Block { first, order: order as u8 }
    }
}

#[cfg(any(metal, test))]
impl Drop for Block {
    fn drop(&mut self) {
        release(self.first, self.order.into());
    }
}

/// A counted handle to one frame of 4 KiB. Programs may have the frame mapped and write it at any
/// time, so its contents can only be copied.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame(NonZeroU32);

impl Frame {
    /// A frame with arbitrary contents: the caller overwrites them before anybody else looks.
    fn raw() -> Result<Frame, NoMemory> {
        allocate(0).map(Frame)
    }

    /// A frame full of zeros.
    pub fn zeroed() -> Result<Frame, NoMemory> {
        let frame = Frame::raw()?;
        frame.zero(0, SIZE);
        Ok(frame)
    }

    /// A frame with the same contents.
    pub fn copy_of(other: &Frame) -> Result<Frame, NoMemory> {
        let frame = Frame::raw()?;
        // SAFETY: two whole frames, which are different ones: ours is new.
        unsafe { bytes::copy(frame.virt(), other.virt(), SIZE) };
        Ok(frame)
    }

    /// Counts the frame as used for `what` from now until it is free; once counted it stays so.
    pub fn count_as(&self, what: Use) {
        let state = &self.meta().state;
        if state.load(Ordering::Relaxed) & USE_MASK == 0 {
            let before = state.fetch_or((what as u32) << USE_SHIFT, Ordering::Relaxed);
            // Another CPU may have been faster, for the same use: a page has one owner.
            if before & USE_MASK == 0 {
                count_use(what as u32, 1);
            }
        }
    }

    /// Whether this is the only handle. Page-table entries count as handles.
    pub fn is_unique(&self) -> bool {
        self.count() == 1
    }

    /// How many handles there are, page-table entries included.
    pub(crate) fn count(&self) -> u32 {
        self.meta().count.load(Ordering::Acquire)
    }

    /// Copies bytes from offset `off`.
    ///
    /// # Panics
    /// If the range leaves the frame.
    pub fn read(&self, off: usize, to: &mut [u8]) {
        let from = self.at(off, to.len());
        // SAFETY: inside the frame.
        unsafe { bytes::load(to, from) }
    }

    /// Copies bytes to offset `off`.
    ///
    /// # Panics
    /// If the range leaves the frame.
    pub fn write(&self, off: usize, from: &[u8]) {
        let to = self.at(off, from.len());
        // SAFETY: inside the frame.
        unsafe { bytes::store(to, from) }
    }

    /// Zeroes `len` bytes from offset `off`.
    ///
    /// # Panics
    /// If the range leaves the frame.
    pub fn zero(&self, off: usize, len: usize) {
        let to = self.at(off, len);
        // SAFETY: inside the frame.
        unsafe { bytes::zero(to, len) }
    }

    /// The frame's number: its physical address divided by 4096.
    pub fn number(&self) -> u64 {
        self.0.get().into()
    }

    /// Whether both are handles to one frame.
    pub fn same(&self, other: &Frame) -> bool {
        self == other
    }

    /// Two words of metadata for the frame's one owner; what is in them at first is arbitrary.
    pub(crate) fn words(&self) -> &'static [AtomicU32; 2] {
        &self.meta().words
    }

    /// Physical address.
    pub(crate) fn pa(&self) -> u64 {
        self.number() * SIZE as u64
    }

    /// Turns the handle into an address, to be kept in a page-table entry.
    pub(crate) fn into_pa(self) -> u64 {
        let pa = self.pa();
        core::mem::forget(self);
        pa
    }

    /// Turns an address back into the handle.
    ///
    /// # Safety
    /// `pa` came from [`Frame::into_pa`] (or is of an adopted frame) and is turned back once.
    pub(crate) unsafe fn from_pa(pa: u64) -> Frame {
        let number = NonZeroU32::new((pa / SIZE as u64) as u32);
        Frame(number.expect("frame 0 is never handed out"))
    }

    /// Where the kernel sees the frame.
    pub(crate) fn virt(&self) -> *mut u8 {
        machine::phys_to_virt(self.pa())
    }

    /// Where the kernel sees `len` bytes at offset `off`.
    pub(crate) fn at(&self, off: usize, len: usize) -> *mut u8 {
        assert!(off <= SIZE && len <= SIZE - off, "a copy left its frame");
        self.virt().wrapping_add(off)
    }

    fn meta(&self) -> &'static Meta {
        meta(self.0.get())
    }
}

impl Clone for Frame {
    fn clone(&self) -> Frame {
        let count = self.meta().count.fetch_add(1, Ordering::Relaxed);
        // As `Arc`: leaked handles must not bring the count round to 0.
        assert!(count < u32::MAX / 2, "too many handles to one frame");
        Frame(self.0)
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        if self.meta().count.fetch_sub(1, Ordering::Release) == 1 {
            // All that other holders did to the frame comes before its next life.
            fence(Ordering::Acquire);
            release(self.0, 0);
        }
    }
}

#[cfg(test)]
#[path = "frame/tests.rs"]
mod tests;
