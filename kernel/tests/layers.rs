//! The rule between the kernel's layers: a module uses only those to the left of it in [`LAYERS`].
//!
//! This reads the sources. What a test module uses does not count.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the kernel, lowest first.
const LAYERS: &[&str] = &[
    "lock", "log", "random", "sched", "wait", "time", "cred", "signal", "mm", "fs", "tty", "dev",
    "net", "process", "procfs", "sysfs", "syscall", "boot",
];

/// Macros at the root of the crate, and the module that their text leads to. `log` only writes
/// `printk!` down: the text says `$crate::sched`, and it is the user of the macro who needs that.
const MACROS: &[(&str, &str)] = &[("printk", "sched")];

/// Arrows upward that are meant: from this very module, and why.
const EXCEPTIONS: &[(&str, &str, &str)] =
    &[("process::thread", "syscall", "a thread's loop makes the system call it asks for")];

/// One file and the module it is, from the crate's root.
struct Source {
    file: PathBuf,
    module: Vec<String>,
    text: String,
}

fn sources(dir: &Path, module: &[String], found: &mut Vec<Source>) {
    for entry in fs::read_dir(dir).expect("the sources can be listed") {
        let file = entry.expect("a listing has entries").path();
        let name = file.file_stem().expect("a name").to_str().expect("in UTF-8").to_owned();
        if name == "tests" {
            continue;
        }
        let own = [module, std::slice::from_ref(&name)].concat();
        if file.is_dir() {
            sources(&file, &own, found);
        } else if file.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&file).expect("a source is text");
            let module = if name == "mod" { module.to_vec() } else { own };
            found.push(Source { file, module, text });
        }
    }
}

/// The source without comments, string and character literals.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '"' {
            string_end(rest)
        } else if first == '\'' {
            char_end(rest)
        } else {
            0
        };
        if skipped == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.push(' ');
            rest = &rest[skipped..];
        }
    }
    code
}

/// The length of the string literal that `text` starts with.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

/// The length of the character literal that `text` starts with; 0 if it is a lifetime.
fn char_end(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, c)), _) => {
            text[at + c.len_utf8()..].find('\'').map_or(0, |end| at + c.len_utf8() + end + 1)
        }
        (Some(_), Some((at, '\'')), _) => at + 1,
        _ => 0,
    }
}

/// Identifiers, and every other character by itself.
fn tokens(code: &str) -> Vec<&str> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = if word(first) {
            rest.find(|c| !word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        tokens.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    tokens
}

/// The place behind the item at `at`, which ends with a semicolon or a block.
fn item_end(tokens: &[&str], at: usize) -> usize {
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate().skip(at) {
        match *token {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return place + 1;
                }
            }
            ";" if depth == 0 => return place + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// The tokens without items for tests.
fn without_tests<'a>(tokens: &[&'a str]) -> Vec<&'a str> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        let test = rest.starts_with(&["#", "[", "cfg", "(", "test", ")"])
            || rest.starts_with(&["#", "[", "cfg", "(", "all", "(", "test"]);
        if test {
            at = item_end(tokens, at);
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// What `text`, the source of `module`, names at the root of the crate.
fn uses(module: &[String], text: &str) -> BTreeSet<String> {
    let code = code(text);
    let tokens = without_tests(&tokens(&code));
    let mut found = BTreeSet::new();
    for (at, token) in tokens.iter().enumerate() {
        if at > 0 && tokens[at - 1] == "$" {
            continue;
        }
        match *token {
            "crate" => names(&tokens[at + 1..], &mut found),
            // A chain of `super` that is long enough leads to the root.
            "super" if at < 3 || tokens[at - 3] != "super" => {
                let chain = tokens[at..].chunks(3).take_while(|part| part[0] == "super").count();
                if chain >= module.len() {
                    names(&tokens[at + 3 * chain - 2..], &mut found);
                }
            }
            _ if tokens.get(at + 1) == Some(&"!") => {
                if let Some((_, leads_to)) = MACROS.iter().find(|(name, _)| name == token) {
                    found.insert((*leads_to).to_owned());
                }
            }
            _ => {}
        }
    }
    for (name, leads_to) in MACROS {
        if found.remove(*name) {
            found.insert((*leads_to).to_owned());
        }
    }
    found
}

/// The names behind `crate`: of a path, or all of a group.
fn names(tokens: &[&str], found: &mut BTreeSet<String>) {
    match tokens {
        [":", ":", "{", group @ ..] => {
            let mut depth = 0;
            let mut first = true;
            for token in group {
                match *token {
                    "}" if depth == 0 => return,
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    "," if depth == 0 => first = true,
                    name if first => {
                        found.insert(name.to_owned());
                        first = false;
                    }
                    _ => {}
                }
            }
        }
        [":", ":", name, ..] => _ = found.insert((*name).to_owned()),
        _ => {}
    }
}

fn rank(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| *layer == name)
}

fn all_sources() -> Vec<Source> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut found);
    found.retain(|source| source.module != ["lib"] && source.module != ["main"]);
    assert!(found.len() > 50, "these are not all sources");
    found
}

#[test]
fn no_arrow_points_upward() {
    let mut wrong = Vec::new();
    let mut excused = BTreeSet::new();
    for Source { file, module, text } in all_sources() {
        let (own, path) = (&module[0], module.join("::"));
        let Some(from) = rank(own) else {
            wrong.push(format!("{}: `{own}` is in no layer", file.display()));
            continue;
        };
        for to in uses(&module, &text) {
            let excuse = EXCEPTIONS.iter().find(|(a, b, _)| *a == path && *b == to);
            match rank(&to) {
                _ if excuse.is_some() => _ = excused.insert(excuse),
                Some(to) if to <= from => {}
                Some(_) => wrong.push(format!("{}: `{own}` uses `{to}`", file.display())),
                None => wrong.push(format!("{}: what is `crate::{to}`?", file.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "arrows upward:\n{}", wrong.join("\n"));
    assert_eq!(excused.len(), EXCEPTIONS.len(), "an exception that nobody needs");
}

#[test]
fn every_layer_exists() {
    let own: BTreeSet<_> = all_sources().iter().map(|source| source.module[0].clone()).collect();
    assert_eq!(own, LAYERS.iter().map(|layer| (*layer).to_owned()).collect());
}

#[test]
fn the_scanner_sees_what_it_should() {
    let text = r#"
        //! Not [`crate::boot`].
        use crate::{
            lock::{self, Spin}, // crate::dev
            mm::{fault::{Deep, crate_like}, user},
            time,
        };
        fn f<'a>(c: char) { crate::fs::open("crate::tty"); crate::printk!(INFO, "{c}"); ['"', '\''] }
        use super::super::wait::Queue; use super::sibling;
        macro_rules! m { () => { $crate::boot::x } }
        #[cfg(test)] mod tests { use crate::syscall; fn g() { if true { crate::boot() } } }
        #[cfg(all(test, loom))]
        mod model { use crate::process; }
        use crate::cred;
    "#;
    let module = ["signal".to_owned(), "pending".to_owned()];
    let found: Vec<String> = uses(&module, text).into_iter().collect();
    assert_eq!(found, ["cred", "fs", "lock", "mm", "sched", "time", "wait"]);
}
