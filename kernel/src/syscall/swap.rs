//! swapon(2), swapoff(2). Swapping needs a file system that tells where on a device a file lies
//! (`read_folio`, `bmap`) or the device itself, and there is none yet: each file gets the answer
//! that Linux gives to one that cannot be swapped to (`mm/swapfile.c`).

use abi::{
    errno::{EINVAL, EPERM, Result},
    fs::OpenFlags,
    mm::SwapFlags,
    process::CAP_SYS_ADMIN,
};
use alloc::sync::Arc;

use super::fs::{CWD, open_path};
use crate::{fs::File, mm::user::UserPath, process::Cx};

/// swapon(2)
pub fn swapon(cx: &mut Cx, path: UserPath, flags: u32) -> Result<()> {
    SwapFlags::checked(flags & !SwapFlags::PRIO_MASK.bits()).ok_or(EINVAL)?;
    candidate(cx, path)?;
    Err(EINVAL)
}

/// swapoff(2)
pub fn swapoff(cx: &mut Cx, path: UserPath) -> Result<()> {
    candidate(cx, path)?;
    Err(EINVAL)
}

fn candidate(cx: &Cx, path: UserPath) -> Result<Arc<File>> {
    if !cx.cred().capable(CAP_SYS_ADMIN) {
        return Err(EPERM);
    }
    open_path(cx, CWD, &path.read(cx.space())?, OpenFlags::RDWR, 0)
}
