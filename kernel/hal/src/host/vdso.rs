//! No vDSO: scripted programs have no instructions to call it with.

use crate::contract::NoMemory;
use crate::frame::Frame;

/// The vDSO's frames; here there is never one.
pub enum Vdso {}

impl Vdso {
    /// `None`: this machine has no vDSO.
    pub fn new() -> Result<Option<Self>, NoMemory> {
        Ok(None)
    }

    /// The image, to be mapped readable and executable right after the data.
    pub fn code(&self) -> &[Frame] {
        match *self {}
    }

    /// The data, to be mapped readable.
    pub fn data(&self) -> &Frame {
        match *self {}
    }

    /// Sets by how many nanoseconds the real-time clock is ahead of the monotonic one.
    pub fn set_real_offset(&self, _ns: i64) {
        match *self {}
    }
}
