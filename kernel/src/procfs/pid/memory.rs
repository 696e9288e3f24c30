//! `maps`, `smaps`, `numa_maps`: the mapped ranges of a process, one by one
//! (`fs/proc/task_mmu.c`).
//!
//! A list goes on at the address where it stopped, so a read sees ranges as they are then; none is
//! shown twice.

use super::super::table::input;
use super::{ProcCx, Task, Text, access};
use crate::fs::{Caller, File};
use crate::mm::io::Source;
use crate::mm::{PAGE, PSS_SHIFT, Prot, Region, RegionName, Space, Survey, VmFlags};
use abi::Result;
use abi::errno::{EACCES, EINVAL, ESRCH};
use abi::fs::{major, minor};
use alloc::sync::Arc;

/// Ranges looked at under one hold of the lock.
const BATCH: usize = 32;

/// Where names begin in a line.
const NAME_COLUMN: usize = 73;

/// Calls `line` for the ranges from address `from` on, until the text is full.
fn each(
    cx: &ProcCx<Task>,
    from: u64,
    out: &mut Text,
    line: impl Fn(&Space, &Region, &mut Text) -> Result<()>,
) -> Result<Option<u64>> {
    let Some(space) = access::memory(cx)? else { return Ok(None) };
    let mut from = from;
    loop {
        let regions = space.regions(from, BATCH)?;
        for region in &regions {
            line(&space, region, out)?;
            from = region.range.end;
            if out.is_full() {
                return Ok(Some(from));
            }
        }
        if regions.len() < BATCH {
            return Ok(None);
        }
    }
}

/// The open file behind a range.
fn file(region: &Region) -> Option<Arc<File>> {
    match &region.name {
        RegionName::File(file) => file.clone().downcast().ok(),
        _ => None,
    }
}

/// The name of a range, if it has one.
fn name(cx: &ProcCx<Task>, region: &Region, out: &mut Text) -> Result<()> {
    match &region.name {
        RegionName::None => Ok(()),
        RegionName::Heap => out.bytes(b"[heap]"),
        RegionName::Stack => out.bytes(b"[stack]"),
        RegionName::Special(name) | RegionName::Shared(name, _) => out.bytes(name.as_bytes()),
        RegionName::File(_) => path(cx, region, b"\n", out),
    }
}

/// The path of the file behind a range, as the reader sees it.
fn path(cx: &ProcCx<Task>, region: &Region, special: &[u8], out: &mut Text) -> Result<()> {
    let Some(file) = file(region) else { return Ok(()) };
    out.escaped(&super::links::text(cx, &file)?, special)
}

/// The line of `maps`, which also begins an entry of `smaps`.
fn head(cx: &ProcCx<Task>, region: &Region, out: &mut Text) -> Result<()> {
    let (dev, ino) = match (&region.name, file(region)) {
        (_, Some(file)) => {
            let attr = file.inode().attr();
            (attr.dev, attr.ino)
        }
        (RegionName::Shared(_, number), _) => (1, *number),
        _ => (0, 0),
    };
    let began = out.len();
    let letter = |has: bool, letter: char| if has { letter } else { '-' };
    let (range, prot) = (&region.range, region.prot);
    write!(
        out,
        "{:08x}-{:08x} {}{}{}{} {:08x} {:02x}:{:02x} {ino} ",
        range.start,
        range.end,
        letter(prot.has(Prot::READ), 'r'),
        letter(prot.has(Prot::WRITE), 'w'),
        letter(prot.has(Prot::EXEC), 'x'),
        if region.flags.has(VmFlags::SHARED) { 's' } else { 'p' },
        region.offset,
        major(dev),
        minor(dev),
    )?;
    if !matches!(region.name, RegionName::None) {
        let column = out.len() - began;
        write!(out, "{:1$}", "", NAME_COLUMN.saturating_sub(column))?;
        name(cx, region, out)?;
    }
    writeln!(out)
}

/// `maps`
pub fn maps(cx: &ProcCx<Task>, from: u64, out: &mut Text) -> Result<Option<u64>> {
    each(cx, from, out, |_, region, out| head(cx, region, out))
}

fn survey(space: &Space, region: &Region) -> Survey {
    space.survey(region.range.clone(), region.flags.has(VmFlags::LOCKED))
}

fn kib(out: &mut Text, name: &str, bytes: u64) -> Result<()> {
    writeln!(out, "{name:16}{:8} kB", bytes >> 10)
}

/// The sums of `smaps`, and with `parts` those of `smaps_rollup`.
fn sums(survey: &Survey, parts: bool, out: &mut Text) -> Result<()> {
    kib(out, "Rss:", survey.rss)?;
    kib(out, "Pss:", survey.pss >> PSS_SHIFT)?;
    kib(out, "Pss_Dirty:", survey.pss_dirty >> PSS_SHIFT)?;
    if parts {
        kib(out, "Pss_Anon:", survey.pss_anon >> PSS_SHIFT)?;
        kib(out, "Pss_File:", survey.pss_file >> PSS_SHIFT)?;
        kib(out, "Pss_Shmem:", survey.pss_shmem >> PSS_SHIFT)?;
    }
    for (name, bytes) in [
        ("Shared_Clean:", survey.shared_clean),
        ("Shared_Dirty:", survey.shared_dirty),
        ("Private_Clean:", survey.private_clean),
        ("Private_Dirty:", survey.private_dirty),
        ("Referenced:", survey.referenced),
        ("Anonymous:", survey.anonymous),
        // Neither huge pages nor swap exist.
        ("LazyFree:", 0),
        ("AnonHugePages:", 0),
        ("ShmemPmdMapped:", 0),
        ("FilePmdMapped:", 0),
        ("Shared_Hugetlb:", 0),
        ("Private_Hugetlb:", 0),
        ("Swap:", 0),
        ("SwapPss:", 0),
        ("Locked:", survey.pss_locked >> PSS_SHIFT),
    ] {
        kib(out, name, bytes)?;
    }
    Ok(())
}

/// `smaps`
pub fn smaps(cx: &ProcCx<Task>, from: u64, out: &mut Text) -> Result<Option<u64>> {
    each(cx, from, out, |space, region, out| {
        head(cx, region, out)?;
        kib(out, "Size:", region.range.end - region.range.start)?;
        kib(out, "KernelPageSize:", PAGE)?;
        kib(out, "MMUPageSize:", PAGE)?;
        sums(&survey(space, region), false, out)?;
        writeln!(out, "THPeligible:    0")?;
        out.bytes(b"VmFlags: ")?;
        for (has, word) in words(region) {
            if has {
                write!(out, "{word} ")?;
            }
        }
        writeln!(out)
    })
}

/// The words of `VmFlags:`, in Linux's order.
fn words(region: &Region) -> [(bool, &'static str); 17] {
    let flag = |flag| region.flags.has(flag);
    let special = region.name.is_special();
    let shared = flag(VmFlags::SHARED);
    let charged = flag(VmFlags::COPIES) && !flag(VmFlags::NORESERVE);
    // The kernel's data page, which is no memory to Linux.
    let device = special && !flag(VmFlags::MAYEXEC);
    [
        (region.prot.has(Prot::READ), "rd"),
        (region.prot.has(Prot::WRITE), "wr"),
        (region.prot.has(Prot::EXEC), "ex"),
        (shared, "sh"),
        (flag(VmFlags::MAYREAD), "mr"),
        (flag(VmFlags::MAYWRITE), "mw"),
        (flag(VmFlags::MAYEXEC), "me"),
        (shared, "ms"),
        (flag(VmFlags::GROWSDOWN), "gd"),
        (device, "pf"),
        (flag(VmFlags::LOCKED), "lo"),
        (device, "io"),
        (flag(VmFlags::DONTFORK), "dc"),
        (special, "de"),
        (charged, "ac"),
        (flag(VmFlags::NORESERVE), "nr"),
        (flag(VmFlags::DONTDUMP), "dd"),
    ]
}

/// `smaps_rollup`: the sums over all ranges.
pub fn smaps_rollup(cx: &ProcCx<Task>, out: &mut Text) -> Result<()> {
    // Linux finds no memory to look at.
    let space = access::memory(cx)?.ok_or(ESRCH)?;
    let mut total = Survey::default();
    let (mut first, mut last) = (None, 0);
    loop {
        let regions = space.regions(last, BATCH)?;
        for region in &regions {
            first.get_or_insert(region.range.start);
            last = region.range.end;
            total.merge(&survey(&space, region));
        }
        if regions.len() < BATCH {
            break;
        }
    }
    let began = out.len();
    write!(out, "{:08x}-{last:08x} ---p 00000000 00:00 0 ", first.unwrap_or(0))?;
    let column = out.len() - began;
    writeln!(out, "{:1$}[rollup]", "", NAME_COLUMN.saturating_sub(column))?;
    sums(&total, true, out)
}

/// `numa_maps`: where memory lies, on the one node there is.
pub fn numa_maps(cx: &ProcCx<Task>, from: u64, out: &mut Text) -> Result<Option<u64>> {
    each(cx, from, out, |space, region, out| {
        write!(out, "{:08x} default", region.range.start)?;
        match region.name {
            RegionName::File(_) => {
                out.bytes(b" file=")?;
                path(cx, region, b"\n\t= ", out)?;
            }
            RegionName::Heap => out.bytes(b" heap")?,
            RegionName::Stack => out.bytes(b" stack")?,
            RegionName::Shared(name, _) => {
                out.bytes(b" file=")?;
                out.escaped(name.as_bytes(), b"\n\t= ")?;
            }
            _ => {}
        }
        let survey = survey(space, region);
        let pages = survey.rss / PAGE;
        // What is the kernel's own is no page of a program's to Linux.
        if pages > 0 && !region.name.is_special() {
            let anon = survey.anonymous / PAGE;
            let dirty = (survey.shared_dirty + survey.private_dirty) / PAGE;
            if anon > 0 {
                write!(out, " anon={anon}")?;
            }
            if dirty > 0 {
                write!(out, " dirty={dirty}")?;
            }
            if pages != anon && pages != dirty {
                write!(out, " mapped={pages}")?;
            }
            if survey.most_users > 1 {
                write!(out, " mapmax={}", survey.most_users)?;
            }
            write!(out, " N0={pages} kernelpagesize_kB=4")?;
        }
        writeln!(out)
    })
}

/// `clear_refs`: forgets that pages have been used (1: all, 2: anonymous, 3: files), or how many
/// there have been at most (5). `EINVAL` for 4, soft-dirty bits, as with that configured off.
pub fn clear_refs(
    cx: &ProcCx<Task>,
    _c: &Caller,
    _at: u64,
    from: &mut dyn Source,
) -> Result<usize> {
    const NUMBER: usize = 12;
    let bytes = input(from, NUMBER).map_err(|_| EINVAL)?;
    let space = access::memory(cx)?.ok_or(ESRCH)?;
    access::look(cx).map_err(|_| EACCES)?;
    match super::settings::number(&bytes, 10)? {
        1 => space.forget_use(true, true)?,
        2 => space.forget_use(true, false)?,
        3 => space.forget_use(false, true)?,
        5 => space.forget_most(),
        _ => return Err(EINVAL),
    }
    Ok(bytes.len())
}
