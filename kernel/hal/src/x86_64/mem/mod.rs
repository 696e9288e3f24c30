//! Kernel virtual memory: the physmap, device windows, stacks, and TLB upkeep.

pub mod physmap;
pub mod stack;
pub mod tlb;
