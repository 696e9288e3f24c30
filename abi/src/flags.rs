//! `flags!`: a type for a set of bits that knows the names of its bits.

/// Defines a set of bits.
///
/// The names are Linux's without their common prefix. A name may stand for several bits; put it
/// before the names of its parts, so that `Debug` prefers it. A name may be zero (`RDONLY`).
///
/// ```
/// abi::flags! {
///     /// A few bits of open(2).
///     pub struct Few: u32 { NONBLOCK = 0o4000, CLOEXEC = 0o2000000 }
/// }
/// let both = Few::NONBLOCK | Few::CLOEXEC;
/// assert_eq!(format!("{both:?}"), "NONBLOCK|CLOEXEC");
/// assert!(both.has(Few::CLOEXEC));
/// assert_eq!(Few::checked(1), None);
/// ```
#[macro_export]
macro_rules! flags {
    ($(
        $(#[$m:meta])*
        pub struct $name:ident: $t:ty { $($(#[$fm:meta])* $f:ident = $v:expr),* $(,)? }
    )*) => { $(
        $(#[$m])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(pub $t);

        #[allow(dead_code, reason = "not every set of bits needs every operation")]
        impl $name {
            $(
                #[doc = concat!("`", stringify!($f), "`")]
                ///
                $(#[$fm])*
                pub const $f: Self = Self($v);
            )*

            /// No bit.
            pub const EMPTY: Self = Self(0);

            /// Every bit that has a name.
            pub const KNOWN: Self = Self(0 $(| Self::$f.0)*);

            /// The names and what they stand for.
            pub const NAMES: $crate::Names<$t> = &[$((stringify!($f), Self::$f.0)),*];

            /// The set as a number.
            #[inline]
            pub const fn bits(self) -> $t {
                self.0
            }

            /// The set with exactly these bits, if all of them have names.
            ///
            /// This is how newer system calls treat their flags: `EINVAL` for the rest.
            #[inline]
            pub const fn checked(bits: $t) -> Option<Self> {
                if bits & !Self::KNOWN.0 == 0 { Some(Self(bits)) } else { None }
            }

            /// The set of those bits that have names.
            ///
            /// This is how open(2) and a few other old system calls treat their flags.
            #[inline]
            pub const fn from_bits_truncate(bits: $t) -> Self {
                Self(bits & Self::KNOWN.0)
            }

            /// Whether no bit is set.
            #[inline]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Whether *every* bit of `other` is set.
            #[inline]
            pub const fn has(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether *any* bit of `other` is set.
            #[inline]
            pub const fn intersects(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// The bits of both; `|` for constants.
            #[inline]
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// The bits that are not in `other`; `-` for constants.
            #[inline]
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }
        }

        impl ::core::ops::BitOr for $name {
            type Output = Self;
            #[inline]
            fn bitor(self, other: Self) -> Self {
                self.with(other)
            }
        }

        impl ::core::ops::BitOrAssign for $name {
            #[inline]
            fn bitor_assign(&mut self, other: Self) {
                *self = self.with(other);
            }
        }

        impl ::core::ops::BitAnd for $name {
            type Output = Self;
            #[inline]
            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }

        impl ::core::ops::BitAndAssign for $name {
            #[inline]
            fn bitand_assign(&mut self, other: Self) {
                self.0 &= other.0;
            }
        }

        impl ::core::ops::Sub for $name {
            type Output = Self;
            #[inline]
            fn sub(self, other: Self) -> Self {
                self.without(other)
            }
        }

        impl ::core::ops::SubAssign for $name {
            #[inline]
            fn sub_assign(&mut self, other: Self) {
                *self = self.without(other);
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let names = Self::NAMES.iter().map(|&(name, v)| (name, u64::from(v)));
                $crate::flags::write_names(f, u64::from(self.0), names)
            }
        }

        impl $crate::Wire for $name {
            const SIZE: usize = <$t as $crate::Wire>::SIZE;
            const ZERO: Self = Self(0);
            #[inline]
            fn put(&self, out: &mut [u8]) {
                $crate::Wire::put(&self.0, out);
            }
            #[inline]
            fn get(bytes: &[u8]) -> Self {
                Self(<$t as $crate::Wire>::get(bytes))
            }
        }
    )* };
}

/// Writes `bits` as `NONBLOCK|CLOEXEC|0x1`, what has no name in hexadecimal, nothing as `0`.
#[doc(hidden)]
pub fn write_names(
    f: &mut core::fmt::Formatter<'_>,
    bits: u64,
    names: impl Iterator<Item = (&'static str, u64)>,
) -> core::fmt::Result {
    let mut rest = bits;
    let mut separator = "";
    for (name, value) in names {
        if value != 0 && rest & value == value {
            write!(f, "{separator}{name}")?;
            separator = "|";
            rest &= !value;
        }
    }
    match (rest, bits) {
        (_, 0) => f.write_str("0"),
        (0, _) => Ok(()),
        _ => write!(f, "{separator}{rest:#x}"),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::format;

    flags! {
        /// A zero, a name for two bits, and its parts.
        pub struct Sample: u8 { NONE = 0, BOTH = 3, LOW = 1, HIGH = 2, FAR = 0x80 }
    }

    #[test]
    fn debug_prints_names_and_the_rest() {
        assert_eq!(format!("{:?}", Sample::EMPTY), "0");
        assert_eq!(format!("{:?}", Sample::LOW | Sample::FAR), "LOW|FAR");
        assert_eq!(format!("{:?}", Sample::LOW | Sample::HIGH), "BOTH");
        assert_eq!(format!("{:?}", Sample(0x12)), "HIGH|0x10");
        assert_eq!(format!("{:?}", Sample(0x40)), "0x40");
    }

    #[test]
    fn has_wants_all_and_intersects_any() {
        assert!(Sample::BOTH.has(Sample::LOW));
        assert!(!Sample::LOW.has(Sample::BOTH));
        assert!(Sample::LOW.intersects(Sample::BOTH));
        assert!(!Sample::LOW.intersects(Sample::HIGH));
        assert!(Sample::LOW.has(Sample::NONE));
        assert!(!Sample::LOW.intersects(Sample::NONE));
    }

    #[test]
    fn unknown_bits_are_refused_or_dropped() {
        assert_eq!(Sample::checked(0x83), Some(Sample::KNOWN));
        assert_eq!(Sample::checked(0x84), None);
        assert_eq!(Sample::from_bits_truncate(0x84), Sample::FAR);
    }

    #[test]
    fn operators() {
        let mut set = Sample::LOW;
        set |= Sample::FAR;
        assert_eq!(set - Sample::LOW, Sample::FAR);
        set -= Sample::FAR;
        assert_eq!(set, Sample::LOW);
        set &= Sample::HIGH;
        assert!(set.is_empty());
        assert_eq!(Sample::BOTH & Sample::HIGH, Sample::HIGH);
    }
}
