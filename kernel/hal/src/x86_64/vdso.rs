//! The pages of the vDSO: its image (`vdso.S`), the same for every program, and before it the page
//! of data that its functions read.
//!
//! Of that data only the real-time clock's offset ever changes. It is one word, read and written
//! whole, and all that a reader takes from one moment: so no sequence count is needed.

use alloc::vec::Vec;
use core::arch::global_asm;
use core::slice;

use super::cpu::features;
use super::time;
use crate::contract::NoMemory;
use crate::frame::{Frame, SIZE};

global_asm!(include_str!("vdso.S"), options(att_syntax));

unsafe extern "C" {
    static vdso_start: u8;
    static vdso_end: u8;
}

/// Where the data page holds the offset of the real-time clock.
const REAL_OFFSET: usize = 16;

/// The vDSO's frames.
pub struct Vdso {
    code: Vec<Frame>,
    data: Frame,
}

impl Vdso {
    /// Makes the frames; once, when the clock runs. `None` on machines that have no vDSO.
    pub fn new() -> Result<Option<Self>, NoMemory> {
        let image = image();
        let mut code = Vec::new();
        code.try_reserve_exact(image.len().div_ceil(SIZE)).map_err(|_| NoMemory)?;
        for page in image.chunks(SIZE) {
            let frame = Frame::zeroed()?;
            frame.write(0, page);
            code.push(frame);
        }
        let data = Frame::zeroed()?;
        let (start, factor) = time::tsc_scale();
        let rdtscp = u64::from(features::has(features::RDTSCP));
        for (at, word) in [(0, start), (8, factor), (24, rdtscp)] {
            data.write(at, &word.to_ne_bytes());
        }
        Ok(Some(Self { code, data }))
    }

    /// The image, to be mapped readable and executable right after the data.
    pub fn code(&self) -> &[Frame] {
        &self.code
    }

    /// The data, to be mapped readable.
    pub fn data(&self) -> &Frame {
        &self.data
    }

    /// Sets by how many nanoseconds the real-time clock is ahead of the monotonic one.
    pub fn set_real_offset(&self, ns: i64) {
        self.data.write(REAL_OFFSET, &ns.to_ne_bytes());
    }
}

fn image() -> &'static [u8] {
    let (start, end) = (&raw const vdso_start, &raw const vdso_end);
    let len = end.addr() - start.addr();
    // SAFETY: the bytes between the two symbols are constant data of the kernel's image.
    unsafe { slice::from_raw_parts(start, len) }
}
