//! `cwd`, `exe`, `root`, and what open files are called: links that lead straight to a file,
//! whatever path there may be to it (`proc_pid_link_inode_operations`).

use super::super::table::Magic;
use super::{ProcCx, Task, access};
use crate::fs::{Caller, ExecFile, File, FsInfo, Path};
use abi::Result;
use abi::errno::{EACCES, ENOENT, ENOMEM};
use abi::fs::{S_IFIFO, S_IFMT};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The reader's root, up to which paths are shown.
fn root(cx: &ProcCx<Task>) -> Result<Path> {
    let own = super::current(cx.kernel)?;
    let fs = own.thread().and_then(|thread| thread.parts.lock().as_ref().map(|p| p.fs.clone()));
    Ok(fs.ok_or(ENOENT)?.root())
}

/// A path as a link shows it: a file without its name any more is `(deleted)` (`d_path`).
pub fn path_text(path: &Path, root: &Path) -> Result<Vec<u8>> {
    let mut text = path.text(root)?;
    if path.dentry.is_unlinked() {
        const MARK: &[u8] = b" (deleted)";
        text.try_reserve(MARK.len()).map_err(|_| ENOMEM)?;
        text.extend_from_slice(MARK);
    }
    Ok(text)
}

/// What an open file is called.
pub fn text(cx: &ProcCx<Task>, file: &File) -> Result<Vec<u8>> {
    if let Some(path) = file.path() {
        return path_text(path, &root(cx)?);
    }
    if let Some(name) = file.ops().link_name() {
        return Ok(name.as_bytes().to_vec());
    }
    let attr = file.inode().attr();
    let kind = if attr.mode & S_IFMT == S_IFIFO { "pipe" } else { "socket" };
    Ok(format!("{kind}:[{}]", attr.ino).into_bytes())
}

/// Root and working directory of the process: `EACCES` for those who may not look into it,
/// `ENOENT` when it has ended.
fn fs(cx: &ProcCx<Task>) -> Result<Arc<FsInfo>> {
    access::look(cx).map_err(|_| EACCES)?;
    Ok(cx.target.parts()?.ok_or(ENOENT)?.fs)
}

/// `cwd`
pub struct Cwd;

impl Magic<Task> for Cwd {
    fn text(&self, cx: &ProcCx<Task>, c: &Caller) -> Result<Arc<[u8]>> {
        Ok(path_text(&self.follow(cx, c)?, &c.fs_info.root())?.into())
    }

    fn follow(&self, cx: &ProcCx<Task>, _c: &Caller) -> Result<Path> {
        Ok(fs(cx)?.cwd())
    }
}

/// `root`
pub struct Root;

impl Magic<Task> for Root {
    fn text(&self, cx: &ProcCx<Task>, c: &Caller) -> Result<Arc<[u8]>> {
        Ok(path_text(&self.follow(cx, c)?, &c.fs_info.root())?.into())
    }

    fn follow(&self, cx: &ProcCx<Task>, _c: &Caller) -> Result<Path> {
        Ok(fs(cx)?.root())
    }
}

/// `exe`
pub struct Exe;

impl Magic<Task> for Exe {
    fn text(&self, cx: &ProcCx<Task>, c: &Caller) -> Result<Arc<[u8]>> {
        Ok(path_text(&self.follow(cx, c)?, &c.fs_info.root())?.into())
    }

    fn follow(&self, cx: &ProcCx<Task>, _c: &Caller) -> Result<Path> {
        access::look(cx).map_err(|_| EACCES)?;
        let exe = cx.target.space()?.and_then(|space| space.exe()).ok_or(ENOENT)?;
        let exe = exe.downcast::<ExecFile>().map_err(|_| ENOENT)?;
        exe.file().path().cloned().ok_or(ENOENT)
    }
}
