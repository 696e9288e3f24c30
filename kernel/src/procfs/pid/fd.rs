//! `fd/` and `fdinfo/`: the open files of a process (`fs/proc/fd.c`).

use super::super::table::{Magic, number_of};
use super::{Body, Dir, Named, Names, ProcCx, Subject, Task, Text, access, links};
use crate::cred::{Gid, Uid};
use crate::fs::inode::Inode;
use crate::fs::{Caller, Fd, FdTable, File, Path};
use abi::Result;
use abi::errno::{EACCES, EINVAL, ENOENT, ENOMEM, Errno};
use abi::fs::{DT_LNK, DT_REG, OpenFlags, S_IRUSR, S_IWUSR, S_IXUSR};
use alloc::format;
use alloc::sync::{Arc, Weak};

pub static FD: Dir<Task> = Dir::new(&[]).with(&Links).admitting(access::itself);
pub static FDINFO: Dir<Task> = Dir::new(&[]).with(&Infos).admitting(access::lookers);

/// A descriptor while it means this very file.
#[derive(Clone)]
pub struct Descriptor {
    task: Task,
    fd: Fd,
    file: Weak<File>,
}

impl Descriptor {
    fn find(task: &Task, name: &[u8]) -> Result<Option<(Self, Arc<File>)>> {
        let fd = number_of(name).and_then(|n| i32::try_from(n).ok()).map(Fd);
        let Some((fd, files)) = fd.zip(files(task)?) else { return Ok(None) };
        let Ok(file) = files.get(fd) else { return Ok(None) };
        let weak = Arc::downgrade(&file);
        Ok(Some((Self { task: task.clone(), fd, file: weak }, file)))
    }

    fn file(&self) -> Result<Arc<File>> {
        let file = files(&self.task)?.ok_or(ENOENT)?.get(self.fd).map_err(|_| ENOENT)?;
        if Arc::as_ptr(&file) == self.file.as_ptr() { Ok(file) } else { Err(ENOENT) }
    }
}

impl Subject for Descriptor {
    const LACKING: Errno = EINVAL;
    /// What Linux says of every link of a process.
    const LINK_SIZE: u64 = 64;

    fn is_stale(&self) -> bool {
        self.file().is_err()
    }

    fn owner(&self, mode: u32) -> (Uid, Gid) {
        self.task.owner(mode)
    }
}

/// The table of a process; `None` when it has ended.
fn files(task: &Task) -> Result<Option<Arc<FdTable>>> {
    Ok(task.parts()?.map(|parts| parts.files))
}

fn list(cx: &ProcCx<Task>, from: u64, kind: u8, emit: &mut dyn FnMut(Named) -> bool) -> Result<()> {
    let Some(files) = files(cx.target)? else { return Ok(()) };
    let mut from = usize::try_from(from).map_err(|_| EINVAL)?;
    while let Some((fd, file)) = files.next_open(from) {
        drop(file);
        let name = format!("{}", fd.0);
        if !emit(Named { key: fd.0 as u64, name: name.as_bytes(), kind }) {
            break;
        }
        from = fd.0 as usize + 1;
    }
    Ok(())
}

/// `fd/`: its rights say what the file can be used for.
struct Links;

impl Names<Task> for Links {
    fn find(&self, cx: &ProcCx<Task>, name: &[u8]) -> Result<Option<Arc<dyn Inode>>> {
        let Some((found, file)) = Descriptor::find(cx.target, name)? else { return Ok(None) };
        let mut perm = 0;
        if file.readable() {
            perm |= S_IRUSR | S_IXUSR;
        }
        if file.writable() {
            perm |= S_IWUSR | S_IXUSR;
        }
        cx.node(found.fd.0 as u64, found, perm, Body::Magic(&OpenFile)).map(Some)
    }

    fn list(
        &self,
        cx: &ProcCx<Task>,
        from: u64,
        emit: &mut dyn FnMut(Named) -> bool,
    ) -> Result<()> {
        list(cx, from, DT_LNK, emit)
    }
}

struct OpenFile;

impl OpenFile {
    fn file(cx: &ProcCx<Descriptor>) -> Result<Arc<File>> {
        access::look(&cx.about(&cx.target.task)).map_err(|_| EACCES)?;
        cx.target.file()
    }
}

impl Magic<Descriptor> for OpenFile {
    fn text(&self, cx: &ProcCx<Descriptor>, _c: &Caller) -> Result<Arc<[u8]>> {
        let file = Self::file(cx)?;
        Ok(links::text(&cx.about(&cx.target.task), &file)?.into())
    }

    fn follow(&self, cx: &ProcCx<Descriptor>, c: &Caller) -> Result<Path> {
        let file = Self::file(cx)?;
        match file.path() {
            Some(path) => Ok(path.clone()),
            None => Ok(c.fs_info.mounts.nowhere(file.inode())),
        }
    }
}

/// `fdinfo/`
struct Infos;

impl Names<Task> for Infos {
    fn find(&self, cx: &ProcCx<Task>, name: &[u8]) -> Result<Option<Arc<dyn Inode>>> {
        let Some((found, _)) = Descriptor::find(cx.target, name)? else { return Ok(None) };
        cx.node(found.fd.0 as u64, found, 0o444, Body::Text(info)).map(Some)
    }

    fn list(
        &self,
        cx: &ProcCx<Task>,
        from: u64,
        emit: &mut dyn FnMut(Named) -> bool,
    ) -> Result<()> {
        list(cx, from, DT_REG, emit)
    }
}

/// What `fdinfo/N` tells: position, flags, mount, inode, and what the file adds.
fn info(cx: &ProcCx<Descriptor>, out: &mut Text) -> Result<()> {
    let files = files(&cx.target.task)?.ok_or(ENOENT)?;
    let file = files.get(cx.target.fd).map_err(|_| ENOENT)?;
    let mut flags = file.flags();
    if files.cloexec(cx.target.fd).unwrap_or(false) {
        flags |= OpenFlags::CLOEXEC;
    }
    let mount = file.path().map_or(0, |path| path.mount.id);
    writeln!(out, "pos:\t{}\nflags:\t0{:o}", file.offset(), flags.bits())?;
    writeln!(out, "mnt_id:\t{mount}\nino:\t{}", file.inode().attr().ino)?;
    file.ops().fdinfo(&file, out).map_err(|_| ENOMEM)
}
