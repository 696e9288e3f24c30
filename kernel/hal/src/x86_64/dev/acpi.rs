//! The few facts the kernel needs from the ACPI tables.
//!
//! A bounded reader of its own rather than the crate `acpi`: that one casts tables to structures
//! that may be longer than the table (QEMU's `pc` has a FADT of 116 bytes, where a reset register
//! would be the next table's bytes), and its stable half cannot do more than list the entries.
//! Here a table is a checked slice, and a field beyond its end is absent.

use super::super::mem::physmap;

/// Where a register is.
#[derive(Clone, Copy)]
pub enum Place {
    /// Physical memory.
    Memory(u64),
    /// An I/O port.
    Port(u16),
}

/// What the tables say about the machine.
pub struct Machine {
    /// Registers of the local APICs.
    pub local_apic: u64,
    /// Registers of the I/O APIC that has GSI 0.
    pub io_apic: Option<u64>,
    /// APIC ids of the enabled CPUs, in the table's order.
    pub cpus: heapless::Vec<u32, 256>,
    /// For each ISA interrupt: `flags << 8 | GSI` (flags as in the MADT).
    pub isa_routes: [u32; 16],
    /// Registers of the HPET.
    pub hpet: Option<u64>,
    /// Port of the ACPI timer.
    pub pm_timer: Option<u16>,
    /// PM1a control port; 0: none.
    pub pm1a_control: u16,
    /// Sleep type of S5 (power off).
    pub s5_type: u8,
    /// Sleep control register of hardware-reduced machines.
    pub sleep_control: Option<Place>,
    /// Reset register and the value to write.
    pub reset: Option<(Place, u8)>,
}

const HEADER: usize = 36;
/// No table is taken to be longer.
const LONGEST: usize = 1 << 20;
/// No root table is taken to list more.
const MOST_TABLES: usize = 64;

impl Machine {
    /// A PC without tables: one CPU, everything where it has always been.
    fn plain() -> Machine {
        Machine {
            local_apic: 0xfee0_0000,
            io_apic: Some(0xfec0_0000),
            cpus: heapless::Vec::new(),
            isa_routes: core::array::from_fn(|irq| irq as u32),
            hpet: None,
            pm_timer: None,
            pm1a_control: 0,
            s5_type: 0,
            sleep_control: None,
            reset: None,
        }
    }

    /// Reads the tables behind the root pointer at `rsdp` (0: there are none).
    pub fn read(rsdp: u64) -> Machine {
        let mut machine = Machine::plain();
        if rsdp == 0 {
            return machine;
        }
        for table in tables(rsdp) {
            match &table.0[..4] {
                b"APIC" => machine.madt(table),
                b"FACP" => machine.fadt(table),
                b"HPET" => machine.hpet = table.u64(44).filter(|_| table.u8(40) == Some(0)),
                _ => {}
            }
        }
        machine
    }

    /// The Multiple APIC Description Table.
    fn madt(&mut self, table: Table) {
        if let Some(base) = table.u32(HEADER) {
            self.local_apic = base.into();
        }
        self.io_apic = None;
        let mut at = HEADER + 8;
        while let (Some(kind), Some(length)) = (table.u8(at), table.u8(at + 1)) {
            if length < 2 {
                break;
            }
            let entry = Table(table.0.get(at..at + usize::from(length)).unwrap_or(&[]));
            let _ = match kind {
                0 => self.cpu(entry),
                1 => self.io_apic(entry),
                2 => self.isa_override(entry),
                _ => Some(()),
            };
            at += usize::from(length);
        }
    }

    fn cpu(&mut self, entry: Table) -> Option<()> {
        if entry.u32(4)? & 1 != 0 {
            let _ = self.cpus.push(entry.u8(3)?.into());
        }
        Some(())
    }

    fn io_apic(&mut self, entry: Table) -> Option<()> {
        let (base, first) = (entry.u32(4)?, entry.u32(8)?);
        if first == 0 {
            self.io_apic = Some(base.into());
        }
        Some(())
    }

    fn isa_override(&mut self, entry: Table) -> Option<()> {
        let (irq, gsi, flags) = (entry.u8(3)?, entry.u32(4)?, entry.u16(8)?);
        *self.isa_routes.get_mut(usize::from(irq))? = u32::from(flags) << 8 | gsi & 0xff;
        Some(())
    }

    /// The Fixed ACPI Description Table.
    fn fadt(&mut self, table: Table) {
        const RESET_SUPPORTED: u32 = 1 << 10;
        const HARDWARE_REDUCED: u32 = 1 << 20;
        let flags = table.u32(112).unwrap_or(0);
        if flags & HARDWARE_REDUCED == 0 {
            self.pm1a_control = table.u32(64).unwrap_or(0) as u16;
            self.pm_timer = table.u32(76).map(|port| port as u16).filter(|&port| port != 0);
        } else {
            self.sleep_control = table.place(244);
        }
        if flags & RESET_SUPPORTED != 0 {
            self.reset = table.place(116).zip(table.u8(128));
        }
        // The 64-bit address counts if it is there and set.
        let dsdt = table.u64(140).filter(|&pa| pa != 0);
        if let Some(dsdt) = dsdt.or(table.u32(40).map(u64::from)).and_then(Table::at) {
            self.s5_type = sleep_type(dsdt.0).unwrap_or(0);
        }
    }
}

/// SLP_TYPa of `_S5` by a search of the byte code: `Name(_S5_, Package(..) { n, .. })` with n as
/// ZeroOp, OneOp or a byte constant.
fn sleep_type(code: &[u8]) -> Option<u8> {
    let name = code.windows(6).position(|bytes| bytes == b"\x08_S5_\x12")?;
    // The package's length takes 1 + (bits 6-7 of its first byte) bytes, then the element count.
    let length = name + 6;
    let element = length + 1 + usize::from(code.get(length)? >> 6) + 1;
    match code.get(element)? {
        0x0a => code.get(element + 1).copied(),
        &constant @ 0..=1 => Some(constant),
        _ => None,
    }
    .map(|kind| kind & 7)
}

/// A table, or a part of one.
#[derive(Clone, Copy)]
struct Table(&'static [u8]);

impl Table {
    /// The table at `pa`, if its length and checksum are right.
    fn at(pa: u64) -> Option<Table> {
        let length = bytes(pa, HEADER).u32(4)? as usize;
        if !(HEADER..=LONGEST).contains(&length) {
            return None;
        }
        let table = bytes(pa, length);
        (table.sum() == 0).then_some(table)
    }

    fn sum(self) -> u8 {
        self.0.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
    }

    fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at + N)?.try_into().ok()
    }

    fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn u64(self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }

    /// A Generic Address Structure.
    fn place(self, at: usize) -> Option<Place> {
        match (self.u8(at)?, self.u64(at + 4)?) {
            (_, 0) => None,
            (0, pa) => Some(Place::Memory(pa)),
            (1, port) => Some(Place::Port(port as u16)),
            _ => None,
        }
    }
}

/// Firmware memory.
fn bytes(pa: u64, length: usize) -> Table {
    let start = physmap::window(pa, length);
    // SAFETY: mapped for ever, and nobody writes the tables.
    Table(unsafe { core::slice::from_raw_parts(start, length) })
}

/// All tables the root table lists.
fn tables(rsdp: u64) -> impl Iterator<Item = Table> {
    let root = bytes(rsdp, HEADER);
    let extended = root.u8(15).is_some_and(|revision| revision >= 2);
    let (pa, step) = match root.u64(24).filter(|&pa| extended && pa != 0) {
        Some(pa) => (Some(pa), 8),
        None => (root.u32(16).map(u64::from), 4),
    };
    let valid = root.0.starts_with(b"RSD PTR ");
    let list = pa.filter(|_| valid).and_then(Table::at);
    (0..MOST_TABLES)
        .map_while(move |index| {
            let at = HEADER + index * step;
            let list = list?;
            if step == 8 { list.u64(at) } else { list.u32(at).map(u64::from) }
        })
        .filter_map(Table::at)
}
