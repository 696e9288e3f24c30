//! [`Wire`]: values with a fixed Linux byte layout, and the macros that make such structures.
//!
//! The kernel never reinterprets memory as a structure. A value is *put* into bytes field by
//! field, over zeroes, and *got* back the same way: padding cannot leak, every bit pattern is
//! fine, and it takes no `unsafe`. The optimiser turns both into plain moves.

/// A value with a fixed size and byte layout, as user space sees it.
pub trait Wire: Copy {
    /// Size in bytes; what C calls `sizeof`.
    const SIZE: usize;

    /// The value whose bytes are all zero.
    const ZERO: Self;

    /// Writes the value to the first [`SIZE`](Self::SIZE) bytes of `out`, padding as zeroes.
    ///
    /// # Panics
    ///
    /// If `out` is shorter than `SIZE`. The length is the caller's, never the user's.
    fn put(&self, out: &mut [u8]);

    /// Reads a value from the first [`SIZE`](Self::SIZE) bytes of `bytes`.
    ///
    /// # Panics
    ///
    /// If `bytes` is shorter than `SIZE`. The length is the caller's, never the user's.
    fn get(bytes: &[u8]) -> Self;
}

/// Where a field lies in a structure: its name in C, its offset and its size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name, as in C.
    pub name: &'static str,
    /// Offset from the start of the structure.
    pub offset: usize,
    /// Size.
    pub size: usize,
}

macro_rules! wire_int {
    ($($t:ty),*) => { $(
        impl Wire for $t {
            const SIZE: usize = size_of::<$t>();
            const ZERO: Self = 0;

            #[inline]
            fn put(&self, out: &mut [u8]) {
                out[..Self::SIZE].copy_from_slice(&self.to_ne_bytes());
            }

            #[inline]
            fn get(bytes: &[u8]) -> Self {
                let mut own = [0; size_of::<$t>()];
                own.copy_from_slice(&bytes[..Self::SIZE]);
                Self::from_ne_bytes(own)
            }
        }
    )* };
}
wire_int!(u8, i8, u16, i16, u32, i32, u64, i64, usize, isize);

/// An array lies in memory element after element.
impl<T: Wire, const N: usize> Wire for [T; N] {
    const SIZE: usize = T::SIZE * N;
    const ZERO: Self = [T::ZERO; N];

    #[inline]
    fn put(&self, out: &mut [u8]) {
        for (i, item) in self.iter().enumerate() {
            item.put(&mut out[i * T::SIZE..]);
        }
    }

    #[inline]
    fn get(bytes: &[u8]) -> Self {
        core::array::from_fn(|i| T::get(&bytes[i * T::SIZE..]))
    }
}

/// Nothing: for ioctls and calls whose argument carries no bytes.
impl Wire for () {
    const SIZE: usize = 0;
    const ZERO: Self = ();

    #[inline]
    fn put(&self, _out: &mut [u8]) {}

    #[inline]
    fn get(_bytes: &[u8]) {}
}

/// Defines structures with C's layout (`#[repr(C)]`) that are [`Wire`].
///
/// Every field's type must be `Wire` and as large in Rust as on the wire. Besides the structure
/// comes `FIELDS`, the place of every field, which the tests compare with C.
///
/// ```
/// use abi::Wire;
/// abi::wire! {
///     /// A byte, seven bytes that belong to nobody, and a number.
///     pub struct Sample {
///         /// The byte.
///         pub a: u8,
///         /// The number.
///         pub b: u64,
///     }
/// }
/// let mut bytes = [0xaa; Sample::SIZE];
/// Sample { a: 1, ..Sample::ZERO }.put(&mut bytes);
/// assert_eq!(bytes, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
/// ```
#[macro_export]
macro_rules! wire {
    ($(
        $(#[$m:meta])*
        pub struct $name:ident { $($(#[$fm:meta])* pub $f:ident: $t:ty),* $(,)? }
    )*) => { $(
        $(#[$m])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name { $($(#[$fm])* pub $f: $t),* }

        impl $name {
            /// The place of every field, in order.
            #[allow(dead_code, reason = "wanted by tests")]
            pub const FIELDS: &'static [$crate::wire::Field] = &[$($crate::wire::Field {
                name: stringify!($f),
                offset: ::core::mem::offset_of!($name, $f),
                size: <$t as $crate::Wire>::SIZE,
            }),*];
        }

        impl $crate::Wire for $name {
            const SIZE: usize = ::core::mem::size_of::<Self>();
            const ZERO: Self = Self { $($f: <$t as $crate::Wire>::ZERO),* };

            #[inline]
            fn put(&self, out: &mut [u8]) {
                const {
                    $(assert!(<$t as $crate::Wire>::SIZE == ::core::mem::size_of::<$t>());)*
                }
                out[..Self::SIZE].fill(0);
                $($crate::Wire::put(&self.$f, &mut out[::core::mem::offset_of!($name, $f)..]);)*
            }

            #[inline]
            fn get(bytes: &[u8]) -> Self {
                Self { $($f: $crate::Wire::get(&bytes[::core::mem::offset_of!($name, $f)..])),* }
            }
        }
    )* };
}

/// Like [`wire!`], for the structures C declares `packed`: field after field without padding.
///
/// Only the bytes are packed. The Rust structure is an ordinary one, so that its fields can be
/// borrowed.
#[macro_export]
macro_rules! wire_packed {
    ($(
        $(#[$m:meta])*
        pub struct $name:ident { $($(#[$fm:meta])* pub $f:ident: $t:ty),* $(,)? }
    )*) => { $(
        $(#[$m])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name { $($(#[$fm])* pub $f: $t),* }

        impl $name {
            /// The place of every field on the wire, in order.
            #[allow(dead_code, reason = "wanted by tests")]
            pub const FIELDS: &'static [$crate::wire::Field] = &{
                let mut fields = [$($crate::wire::Field {
                    name: stringify!($f),
                    offset: 0,
                    size: <$t as $crate::Wire>::SIZE,
                }),*];
                let mut i = 1;
                while i < fields.len() {
                    fields[i].offset = fields[i - 1].offset + fields[i - 1].size;
                    i += 1;
                }
                fields
            };
        }

        impl $crate::Wire for $name {
            const SIZE: usize = 0 $(+ <$t as $crate::Wire>::SIZE)*;
            const ZERO: Self = Self { $($f: <$t as $crate::Wire>::ZERO),* };

            #[inline]
            fn put(&self, out: &mut [u8]) {
                let rest = &mut out[..Self::SIZE];
                $(
                    let (own, rest) = rest.split_at_mut(<$t as $crate::Wire>::SIZE);
                    $crate::Wire::put(&self.$f, own);
                )*
                debug_assert!(rest.is_empty());
            }

            #[inline]
            fn get(bytes: &[u8]) -> Self {
                let rest = &bytes[..Self::SIZE];
                $(
                    let (own, rest) = rest.split_at(<$t as $crate::Wire>::SIZE);
                    let $f = <$t as $crate::Wire>::get(own);
                )*
                debug_assert!(rest.is_empty());
                Self { $($f),* }
            }
        }
    )* };
}

#[cfg(test)]
mod tests {
    use super::*;

    wire! {
        /// Padding inside and at the end.
        pub struct Padded {
            /// At 0.
            pub a: u8,
            /// At 8.
            pub b: u64,
            /// At 16.
            pub c: [u16; 2],
        }
    }
    wire_packed! {
        /// The same without padding.
        pub struct Packed {
            /// At 0.
            pub a: u8,
            /// At 1.
            pub b: u64,
            /// At 9.
            pub c: [u16; 2],
        }
    }

    #[test]
    fn padding_is_written_as_zero() {
        let value = Padded { a: 1, b: 2, c: [3, 4] };
        let mut bytes = [0xaa; Padded::SIZE + 1];
        value.put(&mut bytes);
        assert_eq!(bytes[..8], [1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[8..16], [2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[16..24], [3, 0, 4, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[24], 0xaa, "nothing is written past the end");
        assert_eq!(Padded::get(&bytes), value);
    }

    #[test]
    fn packed_has_no_padding() {
        let value = Packed { a: 1, b: 2, c: [3, 4] };
        let mut bytes = [0xaa; 14];
        value.put(&mut bytes);
        assert_eq!(bytes, [1, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0xaa]);
        assert_eq!(Packed::get(&bytes), value);
        assert_eq!(Packed::FIELDS[2], Field { name: "c", offset: 9, size: 4 });
    }

    #[test]
    fn any_bytes_survive_the_way_in_and_out() {
        let bytes: [u8; Packed::SIZE] = core::array::from_fn(|i| 0xf0 ^ i as u8);
        let mut again = [0; Packed::SIZE];
        Packed::get(&bytes).put(&mut again);
        assert_eq!(bytes, again);
        Packed::ZERO.put(&mut again);
        assert_eq!(again, [0; Packed::SIZE]);
    }
}
