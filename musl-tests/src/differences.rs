//! What is answered otherwise than on Linux, knowingly: `differences.txt`, a program, a line's
//! question (all before its ` = `) and the reason on each line. These lines are left out of the
//! comparison; each must really differ, and there may be few.

use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;

const LIST: &str = include_str!("../differences.txt");

/// Whoever asks: questions are the same for root and for nobody.
const NOBODY: &str = "nobody: ";

/// The questions of `program` that are answered otherwise, with their reasons.
///
/// # Errors
/// When a line has not three parts.
pub fn of(program: &str) -> Result<BTreeMap<&'static str, &'static str>> {
    let mut list = BTreeMap::new();
    for line in LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut parts = line.splitn(3, '|').map(str::trim);
        let mut part = || parts.next().filter(|part| !part.is_empty()).context(line);
        let (name, question, reason) = (part()?, part()?, part()?);
        if name == program {
            list.insert(question, reason);
        }
    }
    Ok(list)
}

/// Both outputs without the lines that `program` may answer otherwise.
///
/// # Errors
/// When such a line does not differ, or when they are more than a hundredth of all.
pub fn without(program: &str, linux: &[u8], ours: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    strip(&of(program)?, linux, ours)
}

fn strip(known: &BTreeMap<&str, &str>, linux: &[u8], ours: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    let (kept_linux, left_linux) = split(known, linux);
    let (kept_ours, left_ours) = split(known, ours);
    for question in known.keys() {
        let answers = |lines: &[String]| -> Vec<String> {
            lines.iter().filter(|line| question_of(line) == *question).cloned().collect()
        };
        if answers(&left_linux) == answers(&left_ours) {
            bail!("{question} is answered as on Linux: it can leave differences.txt");
        }
    }
    let lines = linux.iter().filter(|&&byte| byte == b'\n').count();
    if left_linux.len() * 100 > lines {
        bail!("{} of {lines} lines are left out: more than a hundredth", left_linux.len());
    }
    Ok((kept_linux, kept_ours))
}

fn split(known: &BTreeMap<&str, &str>, output: &[u8]) -> (Vec<u8>, Vec<String>) {
    let (mut kept, mut left) = (Vec::new(), Vec::new());
    for line in output.split_inclusive(|&byte| byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        if known.contains_key(question_of(&text)) {
            left.push(text.into_owned());
        } else {
            kept.extend_from_slice(line);
        }
    }
    (kept, left)
}

fn question_of(line: &str) -> &str {
    let line = line.strip_prefix(NOBODY).unwrap_or(line);
    line.split_once(" = ").map_or(line, |(question, _)| question)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_lines_are_left_out_while_they_differ_and_are_few() {
        let known = BTreeMap::from([("call(1: x)", "why")]);
        let same = "call(0: y) = ok\n".repeat(200);
        let linux = format!("{same}call(1: x) = ok\nnobody: call(1: x) = ok\n");
        let ours = format!("{same}call(1: x) = ok\nnobody: call(1: x) = No\n");
        let (a, b) = strip(&known, linux.as_bytes(), ours.as_bytes()).unwrap();
        assert_eq!((a, b), (same.clone().into_bytes(), same.clone().into_bytes()));
        assert!(strip(&known, linux.as_bytes(), linux.as_bytes()).is_err());
        let few = "call(1: x) = ok\n";
        assert!(strip(&known, few.as_bytes(), b"call(1: x) = No\n").is_err());
    }

    #[test]
    fn the_list_can_be_read() {
        assert!(of("oracle/memory").is_ok());
    }
}
