//! `consts!`: numbers under Linux's own names, with a table of those names.

/// The names of a group of constants. Two names may share a value (`SIGIOT` is `SIGABRT`).
pub type Names<T> = &'static [(&'static str, T)];

/// The first name in `names` that stands for `value`.
pub fn name_of<T: Copy + PartialEq>(names: Names<T>, value: T) -> Option<&'static str> {
    names.iter().find(|(_, v)| *v == value).map(|(name, _)| *name)
}

/// Defines constants of one type, and a table of them for printing and for the tests.
///
/// ```
/// abi::consts! {
///     /// Where lseek(2) counts from.
///     pub WHENCE_NAMES: u32 { SEEK_SET = 0, SEEK_CUR = 1 }
/// }
/// assert_eq!(SEEK_CUR, 1);
/// assert_eq!(abi::name_of(WHENCE_NAMES, 1), Some("SEEK_CUR"));
/// ```
#[macro_export]
macro_rules! consts {
    ($($(#[$m:meta])* pub $table:ident: $t:ty { $($(#[$cm:meta])* $name:ident = $v:expr),* $(,)? })*) => { $(
        $(
            #[doc = concat!("`", stringify!($name), "`")]
            ///
            $(#[$cm])*
            pub const $name: $t = $v;
        )*
        $(#[$m])*
        #[allow(dead_code, reason = "wanted by traces and tests")]
        pub const $table: $crate::Names<$t> = &[$((stringify!($name), $name)),*];
    )* };
}

#[cfg(test)]
mod tests {
    use super::*;

    consts! {
        /// Three names, two values.
        pub THREE: i32 { ONE = 1, MINUS = -1, UN = 1 }
    }

    #[test]
    fn the_first_name_counts() {
        assert_eq!(name_of(THREE, ONE), Some("ONE"));
        assert_eq!(name_of(THREE, UN), Some("ONE"));
        assert_eq!(name_of(THREE, MINUS), Some("MINUS"));
        assert_eq!(name_of(THREE, 0), None);
    }
}
