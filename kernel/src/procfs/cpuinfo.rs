//! `cpuinfo`: what the CPUs say of themselves (`arch/x86/kernel/cpu/proc.c`).

use super::Text;
use super::table::ProcCx;
use abi::Result;
use alloc::vec::Vec;
use hal::cpu::{CpuId, apic_id, cpuid};

/// Which word of CPUID holds flags: leaf, subleaf, register (EAX 0 to EDX 3), and the names of its
/// bits, Linux's (`asm/cpufeatures.h`), a hyphen for a bit that it does not show.
struct Word {
    leaf: u32,
    subleaf: u32,
    register: usize,
    names: &'static str,
}

/// In the order in which Linux shows them.
static WORDS: [Word; 8] = [
    Word {
        leaf: 1,
        subleaf: 0,
        register: 3,
        names: "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn \
                clflush - dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe",
    },
    Word {
        leaf: 0x8000_0001,
        subleaf: 0,
        register: 3,
        names: "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb \
                rdtscp - lm 3dnowext 3dnow",
    },
    Word {
        leaf: 1,
        subleaf: 0,
        register: 2,
        names: "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr \
                pdcm - pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - \
                avx f16c rdrand hypervisor",
    },
    Word {
        leaf: 0x8000_0001,
        subleaf: 0,
        register: 2,
        names: "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch \
                osvw ibs xop skinit wdt - lwp fma4 tce - nodeid_msr - tbm topoext perfctr_core \
                perfctr_nb - bpext ptsc perfctr_llc mwaitx - -",
    },
    Word {
        leaf: 7,
        subleaf: 0,
        register: 1,
        names: "fsgsbase tsc_adjust - bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a \
                avx512f avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf \
                avx512er avx512cd sha_ni avx512bw avx512vl",
    },
    Word { leaf: 0xd, subleaf: 1, register: 0, names: "xsaveopt xsavec xgetbv1 xsaves" },
    Word {
        leaf: 0x8000_0008,
        subleaf: 0,
        register: 1,
        names: "clzero irperf xsaveerptr - rdpru - - - - wbnoinvd",
    },
    Word {
        leaf: 7,
        subleaf: 0,
        register: 2,
        names: "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq \
                avx512_vnni avx512_bitalg tme avx512_vpopcntdq - - - - - - - rdpid - - \
                cldemote - movdiri movdir64b enqcmd - -",
    },
];

/// Flags of what the kernel does not let programs use, whatever the CPU has: protection keys,
/// bounds registers, a second address-space identity.
const UNUSED: [&str; 8] =
    ["x2apic", "tsc_deadline_timer", "pcid", "invpcid", "xsaves", "pku", "ospke", "mpx"];

/// Family, model and stepping as CPUID leaf 1's EAX has them.
fn signature(eax: u32) -> (u32, u32, u32) {
    let (mut family, mut model) = (eax >> 8 & 0xf, eax >> 4 & 0xf);
    if family == 0xf {
        family += eax >> 20 & 0xff;
    }
    if family >= 6 {
        model |= (eax >> 16 & 0xf) << 4;
    }
    (family, model, eax & 0xf)
}

/// Text that CPUID gives in registers, up to its first NUL.
fn text(registers: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let bytes = registers.into_iter().flat_map(u32::to_le_bytes);
    bytes.take_while(|&byte| byte != 0).collect()
}

fn flags(out: &mut Text) -> Result<()> {
    for Word { leaf, subleaf, register, names } in &WORDS {
        let word = cpuid(*leaf, *subleaf).get(*register).copied().unwrap_or(0);
        for (bit, name) in names.split_ascii_whitespace().enumerate() {
            if word >> bit & 1 == 1 && name != "-" && !UNUSED.contains(&name) {
                write!(out, " {name}")?;
            }
        }
    }
    Ok(())
}

/// `/proc/cpuinfo`
pub(super) fn cpuinfo(cx: &ProcCx<()>, out: &mut Text) -> Result<()> {
    let cpus = cx.kernel.sched.cpus();
    let [highest, b, c, d] = cpuid(0, 0);
    let vendor = text([b, d, c]);
    let [eax, ebx, ..] = cpuid(1, 0);
    let (family, model, stepping) = signature(eax);
    let brand = text((0..3).flat_map(|n| cpuid(0x8000_0002 + n, 0)));
    let khz = hal::time::tsc_hz() / 1000;
    let cache_kib = cpuid(0x8000_0006, 0)[2] >> 16;
    let clflush = (ebx >> 8 & 0xff) * 8;
    let bits = cpuid(0x8000_0008, 0)[0];
    for (n, cpu) in cpus.iter().enumerate() {
        let apic = apic_id(CpuId(cpu.id().0));
        writeln!(out, "processor\t: {n}")?;
        writeln!(out, "vendor_id\t: {}", vendor.escape_ascii())?;
        writeln!(out, "cpu family\t: {family}")?;
        writeln!(out, "model\t\t: {model}")?;
        writeln!(out, "model name\t: {}", brand.trim_ascii().escape_ascii())?;
        writeln!(out, "stepping\t: {stepping}")?;
        writeln!(out, "cpu MHz\t\t: {}.{:03}", khz / 1000, khz % 1000)?;
        if cache_kib != 0 {
            writeln!(out, "cache size\t: {cache_kib} KB")?;
        }
        writeln!(out, "physical id\t: 0\nsiblings\t: {}", cpus.len())?;
        writeln!(out, "core id\t\t: {n}\ncpu cores\t: {}", cpus.len())?;
        writeln!(out, "apicid\t\t: {apic}\ninitial apicid\t: {apic}")?;
        writeln!(out, "fpu\t\t: yes\nfpu_exception\t: yes")?;
        writeln!(out, "cpuid level\t: {highest}\nwp\t\t: yes")?;
        write!(out, "flags\t\t:")?;
        flags(out)?;
        // Loops of the delay that Linux would use: two for each tick of the counter.
        let bogo = khz / 5;
        writeln!(out, "\nbugs\t\t:\nbogomips\t: {}.{:02}", bogo / 100, bogo % 100)?;
        writeln!(out, "clflush size\t: {clflush}\ncache_alignment\t: {clflush}")?;
        let (physical, linear) = (bits & 0xff, bits >> 8 & 0xff);
        // Tables here have four levels, whatever the CPU could walk.
        let linear = linear.min(48);
        writeln!(out, "address sizes\t: {physical} bits physical, {linear} bits virtual")?;
        writeln!(out, "power management:\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures() {
        assert_eq!(signature(0x0006_0fb1), (15, 0x6b, 1), "QEMU's");
        assert_eq!(signature(0x0005_0657), (6, 0x55, 7));
        assert_eq!(signature(0x00a2_0f12), (25, 0x21, 2));
    }

    #[test]
    fn no_word_has_more_names_than_bits() {
        for word in &WORDS {
            assert!(word.names.split_ascii_whitespace().count() <= 32, "{}", word.names);
        }
    }

    #[test]
    fn names_end_with_a_nul() {
        assert_eq!(text([0x4443_4241, 0x0000_0045, 0x4646_4646]), b"ABCDE");
    }
}
