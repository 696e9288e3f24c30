//! From the loader's hand-over to the kernel's CPU loop.

use core::arch::global_asm;

use super::dev::serial;

/// Where the image is linked; see linker.ld.
pub const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;

const BOOT_STACK: usize = 32 << 10;

#[repr(C, align(4096))]
struct Page<const N: usize>([u8; N]);

static mut STACK: Page<BOOT_STACK> = Page([0; BOOT_STACK]);
static mut PML4: Page<4096> = Page([0; 4096]);
static mut PDPT: Page<4096> = Page([0; 4096]);
static mut PD: Page<4096> = Page([0; 4096]);

global_asm!(
    include_str!("entry.S"),
    base = const KERNEL_BASE,
    pml4 = sym PML4,
    pdpt = sym PDPT,
    pd = sym PD,
    stack = sym STACK,
    stack_size = const BOOT_STACK,
    rust_start = sym rust_start,
    options(att_syntax)
);

extern "C" fn rust_start(start_info: u32) -> ! {
    serial::init();
    serial::write(0, b"hello from 64-bit Rust\n");
    loop { core::hint::spin_loop() }
}
