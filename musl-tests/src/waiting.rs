//! Tests that Eclipse does not pass yet: `busybox/waiting.txt`, a name and the reason on
//! each line; `call/NAME` is a system call that busybox asks for in vain. The tests are ignored on
//! Eclipse (`--include-ignored` runs them) and run on Linux. A name leaves the list with the change
//! that makes it pass; the list is meant to end empty.

use anyhow::{Context, Result};
use std::collections::BTreeMap;

const LIST: &str = include_str!("../busybox/waiting.txt");

/// Each name with its reason.
///
/// # Errors
/// When a line has no reason.
pub fn list() -> Result<BTreeMap<&'static str, &'static str>> {
    let lines = LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let split = |line: &'static str| {
        let (name, reason) = line.split_once(char::is_whitespace).with_context(|| line)?;
        Ok((name, reason.trim()))
    };
    lines.map(split).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_reason_and_stands_once() {
        let list = list().unwrap();
        assert!(list.values().all(|reason| !reason.is_empty()));
        let lines = LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert_eq!(lines.count(), list.len());
    }
}
