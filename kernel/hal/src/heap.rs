//! The kernel's heap.

use crate::contract::NoMemory;

/// Whether small objects may be made.
pub fn admit() -> Result<(), NoMemory> {
    Ok(())
}
pub(crate) fn init() {}
#[cfg(target_os = "none")]
mod temp {
    use core::alloc::{GlobalAlloc, Layout};
    struct A;
    static P: spin::Mutex<(usize, usize)> = spin::Mutex::new((0, 0));
    unsafe impl GlobalAlloc for A {
        unsafe fn alloc(&self, l: Layout) -> *mut u8 {
            let _g = crate::cpu::NoIrq::new();
            let mut p = P.lock();
            let mut s = p.0.next_multiple_of(l.align());
            if s + l.size() > p.1 {
                let Ok(b) = crate::frame::Block::new(6) else { return core::ptr::null_mut() };
                s = crate::machine::phys_to_virt(b.into_pa()) as usize;
                p.1 = s + (4096 << 6);
            }
            p.0 = s + l.size();
            s as *mut u8
        }
        unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
    }
    #[global_allocator]
    static G: A = A;
}
