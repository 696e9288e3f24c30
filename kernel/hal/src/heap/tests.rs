//! The heap under random use, and at the end of memory.

use super::*;
use crate::host::tests::on_machine;
use std::boxed::Box;
use std::vec::Vec;

/// A heap with a reserve of its own, which outlives the test's machine: its frames are given back.
fn with_heap(f: impl Fn(&'static Heap)) {
    let reserve: &'static Reserve = Box::leak(Box::new(Reserve {
        blocks: Mutex::new(heapless::Vec::new()),
        wanted: AtomicUsize::new(0),
        missing: AtomicUsize::new(0),
        used: AtomicUsize::new(0),
    }));
    let source = GlobalAllocSource::with_block_size(Arenas { reserve }, ARENA);
    let heap: &'static Heap =
        Box::leak(Box::new(Heap { talc: Mutex::new(Talc::new(source)), reserve, ..Heap::new() }));
    f(heap);
    for slot in &heap.caches {
        for (class, chain) in slot.0.lock().iter_mut().enumerate() {
            while let Some(object) = chain.pop() {
                // SAFETY: a free object of this class.
                unsafe { heap.talc.lock().deallocate(object, class_layout(class)) };
            }
        }
    }
    reserve.wanted.store(0, Ordering::Relaxed);
    reserve.blocks.lock().clear();
    // Talc keeps the arena in which its own lists are.
    assert!(reserve.used.load(Ordering::Relaxed) <= 1, "empty arenas are given back");
    // SAFETY: nothing of this heap is used any more, its first arena included.
    drop(unsafe { ptr::read(&heap.talc) });
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }
}

/// An object filled with one byte.
struct Object {
    at: *mut u8,
    layout: Layout,
    fill: u8,
}

impl Object {
    fn check(&self) {
        assert_eq!(self.at.addr() % self.layout.align(), 0);
        for i in 0..self.layout.size() {
            // SAFETY: inside the object, which was filled.
            assert_eq!(unsafe { self.at.add(i).read() }, self.fill, "objects overlap");
        }
    }
}

fn make(heap: &Heap, layout: Layout, fill: u8) -> Option<Object> {
    // SAFETY: the size is not 0.
    let at = unsafe { heap.alloc(layout) };
    if at.is_null() {
        return None;
    }
    // SAFETY: a fresh object of that size.
    unsafe { at.write_bytes(fill, layout.size()) };
    Some(Object { at, layout, fill })
}

fn free(heap: &Heap, object: Object) {
    object.check();
    // SAFETY: allocated with this layout, and given away.
    unsafe { heap.dealloc(object.at, object.layout) };
}

fn random_layout(random: &mut Random) -> Layout {
    let size = match random.below(10) {
        0..=6 => 1 + random.below(1100),
        7 | 8 => 1 + random.below(10_000),
        _ => 1 + random.below(100_000),
    };
    Layout::from_size_align(size, 1 << random.below(8)).unwrap()
}

#[test]
fn objects_never_overlap() {
    on_machine(1 << 16, |_| {
        with_heap(|heap| {
            let mut random = Random(3);
            let mut objects = Vec::new();
            for step in 0..20_000 {
                if random.below(5) < 3 && objects.len() < 800 {
                    objects.push(make(heap, random_layout(&mut random), step as u8).unwrap());
                } else if !objects.is_empty() {
                    let mut object: Object = objects.swap_remove(random.below(objects.len()));
                    if random.below(4) == 0 {
                        object.check();
                        let size = 1 + random.below(9000);
                        // SAFETY: allocated with this layout; the size is not 0.
                        object.at = unsafe { heap.realloc(object.at, object.layout, size) };
                        let kept = size.min(object.layout.size());
                        let align = object.layout.align();
                        object.layout = Layout::from_size_align(kept, align).unwrap();
                        object.check();
                        object.layout = Layout::from_size_align(size, align).unwrap();
                        // SAFETY: the object is so long now.
                        unsafe { object.at.write_bytes(object.fill, size) };
                    }
                    free(heap, object);
                }
            }
            objects.into_iter().for_each(|object| free(heap, object));
            assert_eq!(heap.stats().large, 0);
        });
    });
}

#[test]
fn cpus_share_the_heap() {
    on_machine(1 << 16, |machine| {
        with_heap(|heap| {
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    scope.spawn(move || {
                        machine.attach();
                        let mut random = Random(thread);
                        let mut objects = Vec::new();
                        for _ in 0..3000 {
                            let fill = thread as u8;
                            objects.push(make(heap, random_layout(&mut random), fill).unwrap());
                            if objects.len() > 50 {
                                free(heap, objects.swap_remove(random.below(50)));
                            }
                        }
                        objects.into_iter().for_each(|object| free(heap, object));
                    });
                }
            });
        });
    });
}

#[test]
fn the_reserve_serves_small_objects_when_frames_are_gone() {
    on_machine(1000, |_| {
        with_heap(|heap| {
            heap.reserve_for(2);
            assert_eq!(heap.admit(), Ok(()));
            let layout = Layout::from_size_align(128, 8).unwrap();
            let first = make(heap, layout, 1).unwrap();
            let hog: Vec<_> = core::iter::from_fn(|| Block::new(0).ok()).collect();
            // Without frames there are still six arenas, and whoever asks is told.
            let mut objects = Vec::new();
            while heap.admit().is_ok() {
                objects.push(make(heap, layout, 2).unwrap());
            }
            for _ in 0..5 * ARENA / 256 {
                objects.push(make(heap, layout, 3).unwrap());
            }
            assert_eq!(heap.admit(), Err(NoMemory));
            assert!(make(heap, Layout::from_size_align(LARGE, 8).unwrap(), 4).is_none());
            // When they are freed, the reserve comes first; the caches keep what pins one arena.
            objects.into_iter().for_each(|object| free(heap, object));
            assert!(heap.reserve.missing.load(Ordering::Relaxed) <= 1);
            drop(hog);
            assert_eq!(heap.admit(), Ok(()));
            free(heap, first);
        });
    });
}

#[test]
fn a_full_heap_answers_null() {
    on_machine(100, |_| {
        with_heap(|heap| {
            let layout = Layout::from_size_align(5000, 8).unwrap();
            let objects: Vec<_> = core::iter::from_fn(|| make(heap, layout, 5)).collect();
            assert!(objects.len() > 60);
            assert!(make(heap, Layout::from_size_align(4 << 20, 8).unwrap(), 6).is_none());
            objects.into_iter().for_each(|object| free(heap, object));
        });
    });
}
