//! What a host machine tells its kernel at boot.

use super::machine::Shared;
use crate::contract::{BootInfo, MemoryRange, NoMemory};
use crate::frame::{self, Frame};
use std::time::{SystemTime, UNIX_EPOCH};

/// The initial RAM disk, in frames of its own.
pub struct Initrd {
    frames: Vec<Frame>,
    len: usize,
}

impl Initrd {
    fn new(bytes: &[u8]) -> Result<Initrd, NoMemory> {
        let frames = bytes.chunks(frame::SIZE).map(|page| {
            let frame = Frame::zeroed()?;
            frame.write(0, page);
            Ok(frame)
        });
        Ok(Initrd { frames: frames.collect::<Result<_, _>>()?, len: bytes.len() })
    }

    /// Bytes in the disk.
    #[expect(clippy::len_without_is_empty, reason = "a boot loader loads no empty disk")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Copies `to.len()` bytes from offset `at`.
    ///
    /// # Panics
    /// If the range leaves the disk.
    pub fn read(&self, at: usize, to: &mut [u8]) {
        assert!(at.checked_add(to.len()).is_some_and(|end| end <= self.len));
        let mut at = at;
        let mut rest = to;
        while !rest.is_empty() {
            let off = at % frame::SIZE;
            let len = rest.len().min(frame::SIZE - off);
            let (now, later) = rest.split_at_mut(len);
            self.frames[at / frame::SIZE].read(off, now);
            (at, rest) = (at + len, later);
        }
    }

    /// A share of the frame at offset `at`, if that is page-aligned and the whole page is inside.
    pub fn frame(&self, at: usize) -> Option<Frame> {
        let inside = at.is_multiple_of(frame::SIZE) && at.checked_add(frame::SIZE)? <= self.len;
        if inside { self.frames.get(at / frame::SIZE).cloned() } else { None }
    }
}

/// Called on CPU 0, so that the disk's frames are the machine's.
pub(super) fn boot_info(machine: &Shared) -> BootInfo {
    let initrd =
        machine.config.initrd.as_deref().map(|bytes| {
            Initrd::new(bytes).expect("the machine has memory for its initial RAM disk")
        });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let total = machine.config.frames;
    BootInfo {
        cmdline: machine.config.cmdline.clone(),
        initrd,
        boot_unix_seconds: now.as_secs() as i64,
        cpus: machine.config.cpus,
        total_frames: total,
        memory_map: vec![MemoryRange { start: 0, end: (total * frame::SIZE) as u64, kind: 1 }],
    }
}
