//! System calls about memory. The work is done by [`crate::mm::Space`].

use abi::errno::{EINVAL, ENOMEM, EOPNOTSUPP, Result};
use abi::mm::{MapFlags, MlockFlags, Prot};

use crate::fs::Fd;
use crate::mm::{MapRequest, Who, is_aligned};
use crate::process::Cx;

/// Calls `f` with the credentials and limits of the thread.
fn with_who<R>(cx: &Cx, f: impl FnOnce(Who<'_>) -> R) -> R {
    f(Who { cred: cx.cred(), limits: &cx.limits })
}

/// mmap(2)
pub fn mmap(
    cx: &mut Cx,
    addr: u64,
    len: u64,
    prot: u32,
    flags: u64,
    fd: Fd,
    offset: u64,
) -> Result<u64> {
    let unknown = flags > u32::MAX.into();
    let (prot, flags) = (Prot(prot), MapFlags(flags as u32));
    if !is_aligned(offset) {
        return Err(EINVAL);
    }
    let anonymous = flags.has(MapFlags::ANONYMOUS);
    let file = if anonymous { None } else { Some(cx.usable_file(fd)?.map_file()) };
    if flags.has(MapFlags::HUGETLB) {
        // As without huge pages in reserve; files of a hugetlbfs do not exist.
        let known = matches!(flags.huge_shift(), 0 | 21 | 30);
        return Err(if anonymous && known { ENOMEM } else { EINVAL });
    }
    if unknown && flags.is_validated() {
        return Err(EOPNOTSUPP);
    }
    let request = MapRequest { addr, len, prot, flags, offset, file };
    with_who(cx, |who| cx.space().mmap(request, who))
}

/// munmap(2)
pub fn munmap(cx: &mut Cx, addr: u64, len: u64) -> Result<()> {
    cx.space().munmap(addr, len)
}

/// mprotect(2)
pub fn mprotect(cx: &mut Cx, addr: u64, len: u64, prot: u64) -> Result<()> {
    // What does not fit is refused as any other unknown bit.
    let prot = Prot(u32::try_from(prot).unwrap_or(1 << 31));
    with_who(cx, |who| cx.space().mprotect(addr, len, prot, who))
}

/// mremap(2)
pub fn mremap(
    cx: &mut Cx,
    addr: u64,
    old_len: u64,
    new_len: u64,
    flags: u64,
    to: u64,
) -> Result<u64> {
    let flags = u32::try_from(flags).map_err(|_| EINVAL)?;
    with_who(cx, |who| cx.space().mremap(addr, old_len, new_len, flags, to, who))
}

/// brk(2): never fails, but may leave the break where it is.
pub fn brk(cx: &mut Cx, to: u64) -> Result<u64> {
    Ok(with_who(cx, |who| cx.space().brk(to, who)))
}

/// msync(2)
pub fn msync(cx: &mut Cx, addr: u64, len: u64, flags: u32) -> Result<()> {
    cx.space().msync(addr, len, flags)
}

/// madvise(2)
pub fn madvise(cx: &mut Cx, addr: u64, len: u64, advice: u32) -> Result<()> {
    cx.space().madvise(addr, len, advice)
}

/// mincore(2)
pub fn mincore(cx: &mut Cx, addr: u64, len: u64, vector: u64) -> Result<()> {
    cx.space().mincore(addr, len, vector)
}

/// mlock(2)
pub fn mlock(cx: &mut Cx, addr: u64, len: u64) -> Result<()> {
    with_who(cx, |who| cx.space().mlock(addr, len, false, who))
}

/// mlock2(2)
pub fn mlock2(cx: &mut Cx, addr: u64, len: u64, flags: u32) -> Result<()> {
    let flags = MlockFlags::checked(flags).ok_or(EINVAL)?;
    let on_fault = flags.has(MlockFlags::ONFAULT);
    with_who(cx, |who| cx.space().mlock(addr, len, on_fault, who))
}

/// munlock(2)
pub fn munlock(cx: &mut Cx, addr: u64, len: u64) -> Result<()> {
    cx.space().munlock(addr, len)
}

/// mlockall(2)
pub fn mlockall(cx: &mut Cx, flags: u32) -> Result<()> {
    with_who(cx, |who| cx.space().mlockall(flags, who))
}

/// munlockall(2)
pub fn munlockall(cx: &mut Cx) -> Result<()> {
    cx.space().munlockall()
}
