//! The kernel's heap.

use crate::contract::NoMemory;

/// Whether small objects may be made.
pub fn admit() -> Result<(), NoMemory> {
    crate::machine::admit()
}
