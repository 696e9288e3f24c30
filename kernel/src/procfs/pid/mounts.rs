//! `mounts`, `mountinfo`, `mountstats`: the mounts that a process sees (`fs/proc_namespace.c`).

use super::super::table::Changes;
use super::{ProcCx, Task, Text};
use crate::fs::mount::{Mount, Namespace};
use crate::fs::path::Path;
use crate::fs::{Caller, FsInfo};
use abi::Result;
use abi::errno::{EINVAL, EIO};
use abi::fs::{major, minor};
use alloc::sync::Arc;

/// Characters that end a field; in the first ones of a line also `#`, which begins a comment.
const SPECIAL: &[u8] = b" \t\n\\";
const SPECIAL_FIRST: &[u8] = b" \t\n\\#";

/// poll(2) tells when mounts have changed.
pub static CHANGES: Changes<Task> = Changes {
    version: |cx| space(cx).map_or(0, |mounts| mounts.event()),
    watch: |cx, watch| {
        if let Some(mounts) = space(cx) {
            watch.add(mounts.changed(), 0);
        }
    },
};

fn space(cx: &ProcCx<Task>) -> Option<Arc<Namespace>> {
    Some(cx.target.parts().ok()??.fs.mounts.clone())
}

/// One that has ended has no mounts any more: `EINVAL` on opening.
pub fn guard(cx: &ProcCx<Task>, _c: &Caller) -> Result<()> {
    cx.target.parts()?.map(drop).ok_or(EINVAL)
}

/// A mount, where it is, and from whose root that is seen.
struct Shown<'a> {
    mount: &'a Mount,
    place: &'a [u8],
    fs: &'a FsInfo,
    root: &'a Path,
}

/// Calls `line` for the mounts from number `from` on that the process can reach.
fn each(
    cx: &ProcCx<Task>,
    from: u64,
    out: &mut Text,
    line: impl Fn(&Shown, &mut Text) -> Result<()>,
) -> Result<Option<u64>> {
    let Some(parts) = cx.target.parts()? else { return Ok(None) };
    let fs = &parts.fs;
    let root = &fs.root();
    let mut from = from;
    while let Some((number, mount)) = fs.mounts.next_mount(from) {
        if out.is_full() {
            return Ok(Some(number));
        }
        from = number + 1;
        let top = Path { mount: mount.clone(), dentry: mount.root().clone() };
        let place = &top.text(root)?;
        if place.starts_with(b"/") {
            line(&Shown { mount: &mount, place, fs, root }, out)?;
        }
    }
    Ok(None)
}

/// `mounts`
pub fn mounts(cx: &ProcCx<Task>, from: u64, out: &mut Text) -> Result<Option<u64>> {
    each(cx, from, out, |Shown { mount, place, .. }, out| {
        out.escaped(&mount.source, SPECIAL_FIRST)?;
        out.bytes(b" ")?;
        out.escaped(place, SPECIAL)?;
        write!(out, " {} ", mount.sb().kind)?;
        mount.show_all(out).map_err(|_| EIO)?;
        writeln!(out, " 0 0")
    })
}

/// `mountinfo`
pub fn mountinfo(cx: &ProcCx<Task>, from: u64, out: &mut Text) -> Result<Option<u64>> {
    each(cx, from, out, |Shown { mount, place, fs, root }, out| {
        let dev = mount.sb().dev;
        write!(out, "{} {} {}:{} ", mount.id, mount.parent_id(), major(dev), minor(dev))?;
        out.escaped(&mount.root_text()?, SPECIAL)?;
        out.bytes(b" ")?;
        out.escaped(place, SPECIAL)?;
        out.bytes(b" ")?;
        mount.show_mount(out).map_err(|_| EIO)?;
        let ties = fs.mounts.show_ties(mount, root);
        for (name, group) in [
            ("shared", ties.shared),
            ("master", ties.master),
            ("propagate_from", ties.propagate_from),
        ] {
            if let Some(group) = group {
                write!(out, " {name}:{group}")?;
            }
        }
        if ties.unbindable {
            out.bytes(b" unbindable")?;
        }
        write!(out, " - {} ", mount.sb().kind)?;
        out.escaped(&mount.source, SPECIAL)?;
        out.bytes(b" ")?;
        mount.show_super(out).map_err(|_| EIO)?;
        writeln!(out)
    })
}

/// `mountstats`
pub fn mountstats(cx: &ProcCx<Task>, from: u64, out: &mut Text) -> Result<Option<u64>> {
    each(cx, from, out, |Shown { mount, place, .. }, out| {
        out.bytes(b"device ")?;
        out.escaped(&mount.source, SPECIAL)?;
        out.bytes(b" mounted on ")?;
        out.escaped(place, SPECIAL)?;
        writeln!(out, " with fstype {}", mount.sb().kind)
    })
}
