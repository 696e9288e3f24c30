//! The kernel command line, read as Linux reads it (bootparam(7), `parse_args`): words by blanks,
//! quotes keep blanks, what is no parameter goes to init.

use alloc::{string::String, vec::Vec};

use crate::process::Options;

/// Parameters that Linux takes and that change nothing here.
const IGNORED: &[&[u8]] = &[
    b"nokaslr",
    b"ro",
    b"rw",
    b"root",
    b"rootfstype",
    b"rootwait",
    b"earlyprintk",
    b"maxcpus",
    b"nosmp",
    b"nr_cpus",
    b"mem",
    b"mitigations",
    b"init_on_alloc",
    b"init_on_free",
    b"hardened_usercopy",
    b"randomize_kstack_offset",
    b"apparmor",
    b"selinux",
    b"lsm",
    b"audit",
    b"cgroup_disable",
    b"no5lvl",
    b"transparent_hugepage",
    b"noapic",
    b"acpi",
    b"tsc",
    b"clocksource",
    b"lpj",
    b"printk.time",
    b"oops",
    b"nmi_watchdog",
    b"nowatchdog",
    b"ignore_loglevel",
];

/// Reads the command line.
pub fn parse(line: &[u8]) -> Options {
    let mut options = Options { line: line.to_vec(), ..Options::default() };
    let mut words = words(line).into_iter();
    for word in words.by_ref() {
        if word == b"--" {
            break;
        }
        apply(&mut options, word);
    }
    options.args.extend(words);
    options
}

fn apply(options: &mut Options, word: Vec<u8>) {
    let at = word.iter().position(|b| *b == b'=');
    let (name, value) = match at {
        Some(at) => (&word[..at], Some(word[at + 1..].to_vec())),
        None => (&word[..], None),
    };
    match (name, value) {
        (b"rdinit", Some(value)) => options.rdinit = Some(value),
        (b"init", Some(value)) => options.init = Some(value),
        (b"console", Some(value)) => {
            options.console = Some(String::from_utf8_lossy(&value).into_owned());
        }
        (b"panic", Some(value)) => options.panic = number(&value).unwrap_or(0),
        (b"loglevel", Some(value)) => {
            options.console_level = number(&value).and_then(|n| u8::try_from(n).ok());
        }
        (b"quiet", None) => options.console_level = Some(4),
        (b"debug", None) => options.console_level = Some(10),
        (b"norandmaps", None) => options.norandmaps = true,
        (b"eclipse.debug", Some(value)) => options.debug = Some(value),
        (b"eclipse.trace", None) => options.trace = true,
        (name, _) if IGNORED.contains(&name) => {}
        // A module's parameter, and no module has that name.
        (name, _) if name.contains(&b'.') => {}
        (_, Some(_)) => options.env.push(word),
        (_, None) => options.args.push(word),
    }
}

fn number(text: &[u8]) -> Option<i32> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

/// Cuts a line at blanks that are not in double quotes; the quotes go.
fn words(line: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quoted = false;
    for &byte in line {
        match byte {
            b'"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            b' ' | b'\t' | b'\n' if !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_at_blanks_outside_quotes() {
        let cut = words(b" a  b=\"c d\" \"e f\"=g\t");
        assert_eq!(cut, [&b"a"[..], b"b=c d", b"e f=g"]);
    }

    #[test]
    fn what_is_no_parameter_goes_to_init() {
        let o = parse(b"console=ttyS0 panic=-1 single FOO=bar mod.x=1 quiet -- --last quiet");
        assert_eq!(o.console.as_deref(), Some("ttyS0"));
        assert_eq!((o.panic, o.console_level), (-1, Some(4)));
        assert_eq!(o.args, [&b"single"[..], b"--last", b"quiet"]);
        assert_eq!(o.env, [b"FOO=bar"]);
    }

    #[test]
    fn the_last_of_a_kind_counts() {
        let o = parse(b"rdinit=/a rdinit=/b loglevel=3 loglevel=x console=tty0 console=ttyS0");
        assert_eq!(o.rdinit.as_deref(), Some(&b"/b"[..]));
        assert_eq!((o.console_level, o.console.as_deref()), (None, Some("ttyS0")));
    }
}
