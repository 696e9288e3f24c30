//! The vDSO in address spaces (`arch/x86/entry/vdso/vma.c`): a page of data, `[vvar]`, and behind it
//! the code, `[vdso]`. All programs share the frames; who makes the code writable gets a copy.
//!
//! Lock level: `Names` while the real-time clock is set.

use alloc::sync::Arc;
use alloc::vec::Vec;

use abi::errno::{EIO, ENOMEM, Result};
use abi::mm::MapFlags;
use hal::mem::Frame;

use super::source::{Attached, Mappings, PageSource};
use super::vma::{Backing, Object, Prot, VmFlags, Vma};
use super::{Chance, PAGE, Space};
use crate::lock::{Spin, order};
use crate::time::RealTime;

/// The vDSO, once per kernel.
pub struct Vdso {
    machine: hal::vdso::Vdso,
    data: Arc<Fixed>,
    code: Arc<Fixed>,
    setting: Spin<(), order::Names>,
}

/// Pages that are always there, and what they are called.
struct Fixed(Vec<Frame>, &'static str);

impl Vdso {
    /// Makes it, with the real-time clock as it is. `None` if the machine has none.
    pub fn new(clock: &RealTime) -> Result<Option<Self>> {
        let Some(machine) = hal::vdso::Vdso::new().map_err(|_| ENOMEM)? else { return Ok(None) };
        machine.set_real_offset(clock.boot_ns());
        let data = Arc::new(Fixed(Vec::from([machine.data().clone()]), "[vvar]"));
        let code = Arc::new(Fixed(machine.code().to_vec(), "[vdso]"));
        Ok(Some(Self { machine, data, code, setting: Spin::new(()) }))
    }

    /// Sets `clock`, and with it what programs see.
    pub fn set_clock(&self, clock: &RealTime, now_ns: i64) {
        let _setting = self.setting.lock();
        clock.set(now_ns);
        self.machine.set_real_offset(clock.boot_ns());
    }
}

impl Space {
    /// Maps the vDSO of a program whose stack begins at `stack`; returns where its image starts.
    pub fn map_vdso(&self, vdso: &Vdso, stack: u64, chance: &mut Chance<'_>) -> Result<u64> {
        let (data, code) = (vdso.data.len(), vdso.code.len());
        let hint = chance.vdso(stack, data + code);
        let part = |start: u64, source: &Arc<Fixed>, prot, may| Vma {
            range: start..start + source.len(),
            prot,
            flags: may,
            backing: Backing::Pages(Object {
                source: Attached::new(source.clone(), &self.me),
                first: 0,
                file: None,
            }),
        };
        let (look, run) = (Prot::READ, Prot::READ | Prot::EXEC);
        let may_look = VmFlags::MAYREAD | VmFlags::DONTDUMP;
        let may_all = VmFlags::MAYREAD | VmFlags::MAYWRITE | VmFlags::MAYEXEC;
        self.edit(|state, _| {
            let start = state.find_place(hint, data + code, MapFlags::EMPTY).ok_or(ENOMEM)?;
            let image = start + data;
            state.add(part(start, &vdso.data, look, may_look))?;
            state.add(part(image, &vdso.code, run, may_all))?;
            Ok(image)
        })
    }
}

impl PageSource for Fixed {
    fn page(&self, index: u64, _write: bool) -> Result<Frame> {
        self.0.get(index as usize).cloned().ok_or(EIO)
    }

    fn cached(&self, first: u64, to: &mut [Option<Frame>]) {
        for (slot, frame) in to.iter_mut().zip(self.0.iter().skip(first as usize)) {
            *slot = Some(frame.clone());
        }
    }

    fn len(&self) -> u64 {
        self.0.len() as u64 * PAGE
    }

    fn name(&self) -> Option<&'static str> {
        Some(self.1)
    }

    fn mappings(&self) -> Option<&Mappings> {
        None
    }
}
