//! What the kernel is and has: `version`, `cmdline`, `filesystems`, `devices`, `consoles` and the
//! lists of what there is none of.

use super::Text;
use super::table::ProcCx;
use crate::dev::MAJORS;
use crate::fs::locks;
use crate::process::uts::{RELEASE, SYSNAME, VERSION};
use abi::Result;
use abi::errno::ENOMEM;

/// `/proc/version`
pub(super) fn version(_cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    let [name, release, version] = [SYSNAME, RELEASE, VERSION].map(<[u8]>::escape_ascii);
    writeln!(out, "{name} version {release} ({BUILDER}) ({COMPILER}) {version}")
}

/// Who built it: nobody in particular, so that equal sources make equal kernels.
const BUILDER: &str = "eclipse@localhost";
const COMPILER: &str = env!("ECLIPSE_COMPILER");

/// `/proc/cmdline`
pub(super) fn cmdline(cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    if let Some(options) = cx.kernel.options.get() {
        out.bytes(&options.line)?;
    }
    writeln!(out)
}

/// `/proc/filesystems`
pub(super) fn filesystems(cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    for kind in cx.kernel.file_systems.get().into_iter().flatten() {
        writeln!(out, "{}\t{}", if kind.nodev { "nodev" } else { "" }, kind.name)?;
    }
    Ok(())
}

/// `/proc/devices`
pub(super) fn devices(_cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    let [characters, blocks] = MAJORS;
    let list = |out: &mut Text, majors: &[(u32, &str)]| {
        majors.iter().try_for_each(|(major, name)| writeln!(out, "{major:>3} {name}"))
    };
    writeln!(out, "Character devices:")?;
    list(out, characters)?;
    writeln!(out, "\nBlock devices:")?;
    list(out, blocks)
}

/// `/proc/consoles`: the log goes to the first serial port, for good, at any time.
pub(super) fn consoles(cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    if cx.kernel.options.get().is_some_and(|options| options.console.is_some()) {
        writeln!(out, "{:<20} -W- (EC p a) {:>4}:{}", "ttyS0", 4, 64)?;
    }
    Ok(())
}

/// `/proc/execdomains`
pub(super) fn execdomains(_cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    writeln!(out, "0-0\tLinux           \t[kernel]")
}

/// `/proc/locks`
pub(super) fn locks(cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    let Some(mounts) = cx.kernel.mounts.get() else { return Ok(()) };
    locks::show(mounts.locks(), out).map_err(|_| ENOMEM)
}

/// `/proc/swaps`: none, under a heading.
pub(super) fn swaps(_cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    writeln!(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority")
}

/// A list that is empty here, without a heading: `modules`, `misc`, `partitions`, `diskstats`.
pub(super) fn none(_cx: &ProcCx<()>, _out: &mut Text) -> Result<()> {
    Ok(())
}
