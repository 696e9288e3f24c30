//! What this CPU can do, by CPUID, and the control registers set accordingly.
//!
//! A feature is used only if CPUID offers it; leaves beyond the highest are never asked for (they
//! return another leaf's data, not zeros).

use core::arch::x86_64::{__cpuid, __cpuid_count, CpuidResult};
use core::sync::atomic::{AtomicU32, Ordering};

use bit_field::BitField;
use x86_64::registers::control::{Cr0, Cr0Flags, Cr4, Cr4Flags, Efer, EferFlags};
use x86_64::registers::model_specific::Msr;

/// FSGSBASE: user mode may change its own segment bases.
pub const FSGSBASE: u32 = 1 << 0;
/// SMAP: the kernel reaches user pages between STAC and CLAC only.
pub const SMAP: u32 = 1 << 1;
/// SMEP: the kernel does not execute user pages.
pub const SMEP: u32 = 1 << 2;
/// UMIP: no SGDT and its kin in user mode.
pub const UMIP: u32 = 1 << 3;
/// XSAVE and XRSTOR.
pub const XSAVE: u32 = 1 << 4;
/// XSAVEOPT.
pub const XSAVEOPT: u32 = 1 << 5;
/// Pages of 1 GiB.
pub const PAGE_1G: u32 = 1 << 6;
/// RDRAND.
pub const RDRAND: u32 = 1 << 7;
/// RDSEED.
pub const RDSEED: u32 = 1 << 8;
/// RDTSCP and the TSC_AUX register.
pub const RDTSCP: u32 = 1 << 9;

static FEATURES: AtomicU32 = AtomicU32::new(0);

/// Whether every CPU has the feature.
#[inline]
pub fn has(feature: u32) -> bool {
    FEATURES.load(Ordering::Relaxed) & feature != 0
}

/// A CPUID leaf, or zeros beyond the highest.
pub fn cpuid(leaf: u32, subleaf: u32) -> CpuidResult {
    let highest = __cpuid(leaf & 0x8000_0000).eax;
    if leaf > highest {
        return CpuidResult { eax: 0, ebx: 0, ecx: 0, edx: 0 };
    }
    __cpuid_count(leaf, subleaf)
}

/// What the processor tells programs of itself: CPUID leaf 1's EDX.
pub fn hwcap() -> u64 {
    cpuid(1, 0).edx.into()
}

/// What the kernel lets programs use: bit 1, the instructions for FS and GS bases.
pub fn hwcap2() -> u64 {
    u64::from(has(FSGSBASE)) << 1
}

/// Finds out what the boot CPU can do. The others are taken to be its equals.
pub fn detect() {
    let basic = cpuid(1, 0);
    let seven = cpuid(7, 0);
    let xsave = cpuid(0xd, 1);
    let extended = cpuid(0x8000_0001, 0);
    let mut found = 0;
    for (present, feature) in [
        (seven.ebx.get_bit(0), FSGSBASE),
        (seven.ebx.get_bit(7), SMEP),
        (seven.ebx.get_bit(20), SMAP),
        (seven.ecx.get_bit(2), UMIP),
        (basic.ecx.get_bit(26), XSAVE),
        (basic.ecx.get_bit(26) && xsave.eax.get_bit(0), XSAVEOPT),
        (extended.edx.get_bit(26), PAGE_1G),
        (basic.ecx.get_bit(30), RDRAND),
        (seven.ebx.get_bit(18), RDSEED),
        (extended.edx.get_bit(27), RDTSCP),
    ] {
        if present {
            found |= feature;
        }
    }
    FEATURES.store(found, Ordering::Relaxed);
}

/// Sets this CPU's control registers. Only bits that CPUID offers: others hang some machines.
pub fn enable() {
    let mut cr4 =
        Cr4Flags::PHYSICAL_ADDRESS_EXTENSION | Cr4Flags::OSFXSR | Cr4Flags::OSXMMEXCPT_ENABLE;
    for (feature, flag) in [
        (FSGSBASE, Cr4Flags::FSGSBASE),
        (SMAP, Cr4Flags::SUPERVISOR_MODE_ACCESS_PREVENTION),
        (SMEP, Cr4Flags::SUPERVISOR_MODE_EXECUTION_PROTECTION),
        (UMIP, Cr4Flags::USER_MODE_INSTRUCTION_PREVENTION),
        (XSAVE, Cr4Flags::OSXSAVE),
    ] {
        if has(feature) {
            cr4 |= flag;
        }
    }
    // MP and NE: x87 errors arrive as #MF; WP: the kernel honours read-only pages.
    let cr0 = Cr0Flags::PROTECTED_MODE_ENABLE
        | Cr0Flags::MONITOR_COPROCESSOR
        | Cr0Flags::EXTENSION_TYPE
        | Cr0Flags::NUMERIC_ERROR
        | Cr0Flags::WRITE_PROTECT
        | Cr0Flags::PAGING;
    // SAFETY: paging stays as it is; the kernel keeps to the rules the new bits enforce.
    unsafe { Cr4::write(cr4) };
    // SAFETY: as above; caching stays on.
    unsafe { Cr0::write(cr0) };
    // SAFETY: long mode stays on; the kernel sets NX only in tables made for it.
    unsafe {
        Efer::write(
            EferFlags::SYSTEM_CALL_EXTENSIONS
                | EferFlags::LONG_MODE_ENABLE
                | EferFlags::LONG_MODE_ACTIVE
                | EferFlags::NO_EXECUTE_ENABLE,
        )
    };
}

/// Lets RDTSCP tell programs the CPU's number (with node 0), as Linux does.
pub fn set_number(index: u32) {
    const TSC_AUX: u32 = 0xc000_0103;
    if has(RDTSCP) {
        // SAFETY: the register comes with RDTSCP, and only programs look at it.
        unsafe { Msr::new(TSC_AUX).write(index.into()) };
    }
}
