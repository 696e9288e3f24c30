//! System calls about the system as a whole.

use abi::{
    errno::{EFAULT, EINVAL, EPERM, Result},
    process::{
        CAP_SYS_ADMIN, CAP_SYS_BOOT, LINUX_REBOOT_CMD_CAD_OFF, LINUX_REBOOT_CMD_CAD_ON,
        LINUX_REBOOT_CMD_HALT, LINUX_REBOOT_CMD_POWER_OFF, LINUX_REBOOT_CMD_RESTART,
        LINUX_REBOOT_CMD_RESTART2, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_MAGIC2A,
        LINUX_REBOOT_MAGIC2B, LINUX_REBOOT_MAGIC2C, RandomFlags, Sysinfo, Utsname,
    },
};

use crate::{
    dev::bulk::in_pieces,
    mm::user::{Out, UserBytes, UserOut},
    process::{
        Cx, reboot,
        uts::{MACHINE, RELEASE, SYSNAME, VERSION},
    },
    sched::load::SHIFT,
    time,
};

/// `personality(2)`, in the bits that hold the execution domain: this is a 32-bit machine.
const PER_LINUX32: u32 = 8;
/// Those bits.
const PER_MASK: u32 = 0xff;
/// uname -m on a 32-bit machine
const MACHINE32: &[u8] = b"i686";
/// `personality(2)`: uname says 2.6.x.
const UNAME26: u32 = 0x002_0000;

/// Bytes of getrandom(2) between two looks at signals; so many are never cut short.
const RANDOM_PIECE: usize = 4096;

fn field<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(text) {
        *to = *from;
    }
    out
}

/// uname(2)
pub fn uname(cx: &mut Cx, out: UserOut<Utsname>) -> Result<()> {
    let is_32_bit = cx.personality & PER_MASK == PER_LINUX32;
    let name = {
        let uts = cx.kernel.uts.lock();
        // 6.1 is 2.6.61 to programs that cannot count so far.
        let release = if cx.personality & UNAME26 != 0 { b"2.6.61-eclipse" } else { RELEASE };
        Utsname {
            sysname: field(SYSNAME),
            nodename: field(&uts.nodename),
            release: field(release),
            version: field(VERSION),
            machine: field(if is_32_bit { MACHINE32 } else { MACHINE }),
            domainname: field(&uts.domainname),
        }
    };
    out.write(cx.space(), &name)
}

fn new_name(cx: &Cx, at: u64, len: i32) -> Result<heapless::Vec<u8, 64>> {
    if !cx.cred().capable(CAP_SYS_ADMIN) {
        return Err(EPERM);
    }
    let len = usize::try_from(len).ok().filter(|len| *len <= 64).ok_or(EINVAL)?;
    let mut name = heapless::Vec::new();
    name.resize(len, 0).map_err(|_| EINVAL)?;
    cx.space().copy_in(at, &mut name)?;
    Ok(name)
}

/// sethostname(2)
pub fn sethostname(cx: &mut Cx, name: u64, len: i32) -> Result<()> {
    let name = new_name(cx, name, len)?;
    cx.kernel.uts.lock().nodename = name;
    Ok(())
}

/// setdomainname(2)
pub fn setdomainname(cx: &mut Cx, name: u64, len: i32) -> Result<()> {
    let name = new_name(cx, name, len)?;
    cx.kernel.uts.lock().domainname = name;
    Ok(())
}

/// getrandom(2). The generator is seeded before the first program runs, so it never blocks.
pub fn getrandom(cx: &mut Cx, buffer: UserBytes<Out>, flags: u32) -> Result<usize> {
    let flags = RandomFlags::checked(flags).ok_or(EINVAL)?;
    if flags.has(RandomFlags::INSECURE | RandomFlags::RANDOM) {
        return Err(EINVAL);
    }
    let (mut at, total) = (buffer.addr(), buffer.len().min(i32::MAX as usize));
    if at.checked_add(total as u64).is_none_or(|end| end > hal::user::USER_END) {
        return Err(EFAULT);
    }
    in_pieces(total, RANDOM_PIECE, |want| {
        let mut done = 0;
        cx.kernel.random.pour(want, |bytes| {
            let copied = cx.space().copy_out_partial(at, bytes);
            at = at.wrapping_add(copied as u64);
            done += copied;
            copied == bytes.len()
        });
        if done == 0 { Err(EFAULT) } else { Ok(done) }
    })
}

/// reboot(2)
pub fn reboot(cx: &mut Cx, magic1: u32, magic2: u32, command: u32, argument: u64) -> Result<()> {
    if !cx.cred().capable(CAP_SYS_BOOT) {
        return Err(EPERM);
    }
    let magics2 =
        [LINUX_REBOOT_MAGIC2, LINUX_REBOOT_MAGIC2A, LINUX_REBOOT_MAGIC2B, LINUX_REBOOT_MAGIC2C];
    if magic1 != LINUX_REBOOT_MAGIC1 || !magics2.contains(&magic2) {
        return Err(EINVAL);
    }
    match command {
        LINUX_REBOOT_CMD_RESTART => reboot::restart(None),
        LINUX_REBOOT_CMD_RESTART2 => {
            let mut text = [0; 255];
            let len = cx.space().copy_str_in(argument, &mut text)?.unwrap_or(text.len());
            reboot::restart(text.get(..len))
        }
        LINUX_REBOOT_CMD_HALT => reboot::halt(),
        LINUX_REBOOT_CMD_POWER_OFF => reboot::power_off(),
        // There is no keyboard whose Ctrl-Alt-Del this could be about; init may ask all the same.
        LINUX_REBOOT_CMD_CAD_ON | LINUX_REBOOT_CMD_CAD_OFF => Ok(()),
        _ => Err(EINVAL),
    }
}

/// Bits behind the point of a load in `struct sysinfo`.
const SI_LOAD_SHIFT: u32 = 16;

/// sysinfo(2)
pub fn sysinfo(cx: &mut Cx, out: UserOut<Sysinfo>) -> Result<()> {
    let memory = hal::mem::stats();
    let page = 4096;
    let info = Sysinfo {
        uptime: (time::mono_ns().div_ceil(time::NSEC_PER_SEC)) as i64,
        loads: cx.kernel.sched.load_averages().map(|load| load << (SI_LOAD_SHIFT - SHIFT)),
        totalram: memory.total as u64 * page,
        freeram: memory.free as u64 * page,
        sharedram: memory.cache as u64 * page,
        procs: cx.kernel.family.lock().threads().min(u16::MAX.into()) as u16,
        mem_unit: 1,
        ..<Sysinfo as abi::Wire>::ZERO
    };
    out.write(cx.space(), &info)
}

/// personality(2)
pub fn personality(cx: &mut Cx, new: u32) -> Result<u32> {
    let old = cx.personality;
    if new != u32::MAX {
        cx.set_personality(new);
    }
    Ok(old)
}
