//! That nothing in the sources escapes the comparison.
//!
//! The sources are read for the heads of `consts!`, `flags!` and `wire!` items; each must be in
//! one of the lists the other modules check.

use crate::{layouts, numbers};
use std::path::Path;

/// The files that define the macros, and those with lists of another kind.
const TOOLS: [&str; 6] = ["lib.rs", "consts.rs", "flags.rs", "wire.rs", "errno.rs", "nr.rs"];

/// What a line of source begins: `pub NAME: type {`, `pub struct Name: type {` or
/// `pub struct Name {`.
fn item(line: &str) -> Option<&str> {
    let line = line.trim_start().strip_prefix("pub ")?;
    let head = line.split('{').next().filter(|head| head.len() < line.len())?;
    let name = head.strip_prefix("struct ").unwrap_or(head);
    if name == head && !head.contains(':') {
        return None;
    }
    let name = name.split([':', ' ', '(']).next()?;
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase());
    (is_name && !head.contains("fn ") && !head.contains("const ")).then_some(name)
}

fn items(dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            items(&path, found);
        } else if !TOOLS.contains(&path.file_name().unwrap().to_str().unwrap()) {
            let text = std::fs::read_to_string(&path).unwrap();
            found.extend(text.lines().filter_map(item).map(String::from));
        }
    }
}

#[test]
fn heads_are_recognised() {
    assert_eq!(item("    pub SEEK_NAMES: u32 {"), Some("SEEK_NAMES"));
    assert_eq!(item("    pub struct Few: u32 { A = 1 }"), Some("Few"));
    assert_eq!(item("    pub struct Stat {"), Some("Stat"));
    assert_eq!(item("        pub st_dev: u64,"), None);
    assert_eq!(item("pub const fn s_isreg(mode: u32) -> bool {"), None);
    assert_eq!(item("pub enum DefaultAction {"), None);
}

#[test]
fn every_table_and_structure_is_compared() {
    let lists = [numbers::IN_KERNEL_HEADERS, numbers::IN_LIBRARY_HEADERS, layouts::COMPARED];
    let compared: Vec<&str> =
        lists.concat().iter().map(|path| path.rsplit(':').next().unwrap().trim()).collect();
    let mut found = Vec::new();
    items(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 100, "only {} items found", found.len());
    let missing: Vec<_> = found.iter().filter(|name| !compared.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "compared with nothing: {missing:?}");
}
