//! What "as on Linux" means for an output. Most must be the same byte for byte; what cannot be is
//! changed on both sides by a rule, and the few rules are all here.

use crate::oracle;
use std::collections::HashSet;

/// How two outputs are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Byte for byte.
    Same,
    /// Numbers may differ, and the blanks that align them: process numbers, times, sizes of
    /// memory and loads differ from run to run even on one kernel.
    Numbers,
    /// The words of error messages may differ, and which failure a status tells: where something
    /// is missing on both machines, both fail, but may find out at different places.
    Class,
    /// Linux has what the program works with and we do not: here it must fail, and say why.
    Refused,
    /// Every line `PASS: ...` of Linux is there; whatever else a test suite says is for people.
    Passes,
}

/// In the output of an applet's case, what comes before its standard error.
pub const ERRORS: &str = "--- errors";
/// And what comes after it.
pub const FILES: &str = "--- files";

impl Rule {
    /// What differs, for people; none when the outputs agree.
    #[must_use]
    pub fn difference(self, linux: &[u8], ours: &[u8]) -> Option<String> {
        let both = |change: fn(&str) -> String| {
            let change = |bytes| change(&String::from_utf8_lossy(bytes)).into_bytes();
            oracle::difference(&change(linux), &change(ours))
        };
        match self {
            Self::Same => oracle::difference(linux, ours),
            Self::Numbers => both(without_numbers),
            Self::Class => both(without_messages),
            Self::Refused => not_refused(&String::from_utf8_lossy(ours)),
            Self::Passes => not_passed(linux, ours),
        }
    }
}

/// Every number is `N`, every row of blanks is one.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        let shown = match char {
            '0'..='9' => 'N',
            '\t' => ' ',
            other => other,
        };
        if !(matches!(shown, 'N' | ' ') && out.ends_with(shown)) {
            out.push(shown);
        }
    }
    out.replace("\n ", "\n")
}

/// The section of errors is one sentence when there are any, the status only success or failure.
fn without_messages(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let failed = text.starts_with("status ") && !text.starts_with("status 0\n");
    let (mut inside, mut said) = (false, false);
    for line in text.lines() {
        inside = inside && line != FILES;
        if out.is_empty() && failed {
            out += "it fails\n";
        } else if !inside {
            out += &format!("{line}\n");
        } else if !said {
            out += "(a message)\n";
        }
        said = inside;
        inside = inside || line == ERRORS;
    }
    out
}

/// What is wrong with the end of a program that could not do its work.
fn not_refused(ours: &str) -> Option<String> {
    let failed = ours.starts_with("status ") && !ours.starts_with("status 0\n");
    let (_, errors) = ours.split_once(&format!("{ERRORS}\n")).unwrap_or_default();
    let spoke = !errors.is_empty() && !errors.starts_with(FILES);
    (!failed || !spoke).then(|| format!("it does not fail with a message:\n{ours}"))
}

/// The tests that pass on Linux and not here, each with how it ended here.
fn not_passed(linux: &[u8], ours: &[u8]) -> Option<String> {
    let (linux, ours) = (String::from_utf8_lossy(linux), String::from_utf8_lossy(ours));
    let passed: HashSet<&str> = passes(&ours).collect();
    let mut text = String::new();
    for name in passes(&linux).filter(|name| !passed.contains(name)) {
        let end = ours.lines().find(|line| line.split_once(": ").is_some_and(|it| it.1 == name));
        text += &format!("passes on Linux: {name}\n  here: {}\n", end.unwrap_or("not reached"));
    }
    if text.is_empty() {
        return None;
    }
    let lines: Vec<&str> = ours.lines().collect();
    text += "--- the end of what it says here:\n";
    text += &lines[lines.len().saturating_sub(60)..].join("\n");
    text.push('\n');
    Some(text)
}

fn passes(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.strip_prefix("PASS: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_their_blanks_may_differ() {
        let rule = Rule::Numbers;
        assert_eq!(rule.difference(b"Mem:   1204  77\n", b"Mem: 9 1\n"), None);
        assert!(rule.difference(b"Mem: 1\n", b"Mem: x\n").is_some());
        assert!(rule.difference(b"a 1 2\n", b"a 1\n").is_some());
    }

    #[test]
    fn messages_may_differ_and_nothing_else() {
        let text = |status, message| {
            format!("status {status}\n--- output\nx\n{ERRORS}\n{message}{FILES}\ny\n").into_bytes()
        };
        let rule = Rule::Class;
        assert_eq!(rule.difference(&text(1, "no net\n"), &text(1, "no\nsuch\n")), None);
        assert_eq!(rule.difference(&text(1, "no net\n"), &text(2, "no\n")), None);
        assert!(rule.difference(&text(1, "no net\n"), &text(0, "no net\n")).is_some());
        assert!(rule.difference(&text(1, "no net\n"), &text(1, "")).is_some());
    }

    #[test]
    fn what_is_refused_says_why() {
        let text = |status, message| format!("status {status}\n{ERRORS}\n{message}{FILES}\n");
        let differs = |ours: String| Rule::Refused.difference(b"", ours.as_bytes()).is_some();
        assert!(!differs(text(1, "no\n")));
        assert!(differs(text(0, "no\n")) && differs(text(1, "")));
    }

    #[test]
    fn what_fails_on_linux_may_fail_here() {
        let linux = b"PASS: a\nFAIL: b\nPASS: c\n";
        assert_eq!(Rule::Passes.difference(linux, b"PASS: c\nFAIL: b\nPASS: a\n"), None);
        let text = Rule::Passes.difference(linux, b"FAIL: a\nPASS: b\n").unwrap();
        assert!(text.contains("here: FAIL: a"), "{text}");
        assert!(text.contains("c\n  here: not reached"), "{text}");
    }
}
