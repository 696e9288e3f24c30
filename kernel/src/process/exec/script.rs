//! `#!` lines (`fs/binfmt_script.c` of Linux 6.1).

/// Bytes of a file that decide what it is (`BINPRM_BUF_SIZE`); shorter files are padded with NUL.
pub const HEAD: usize = 256;

/// How many scripts may interpret each other; one more is `ELOOP`.
pub const MAX_DEPTH: usize = 5;

/// What a `#!` line asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Script<'a> {
    /// Path of the interpreter, which becomes argument 0.
    pub interpreter: &'a [u8],
    /// All the rest of the line, as one argument.
    pub argument: Option<&'a [u8]>,
}

/// Reads the line; `None` is `ENOEXEC`: no script, no interpreter, or its path may be cut off.
///
/// The end of the buffer may cut off the argument: the interpreter can read the script itself.
pub fn parse(head: &[u8; HEAD]) -> Option<Script<'_>> {
    let line = head.strip_prefix(b"#!")?;
    // A newline after a NUL does not count, as for `strnchr`.
    let newline = line.iter().position(|b| matches!(b, b'\n' | 0)).filter(|at| line[*at] == b'\n');
    let line = match newline {
        Some(end) => &line[..end],
        None => {
            let path = trim_start(line);
            if path.is_empty() || !path.iter().copied().any(ends_word) {
                return None;
            }
            // The buffer's last byte makes room for the NUL that ends the line.
            &line[..line.len() - 1]
        }
    };
    let line = trim_start(trim_end(line));
    let end = line.iter().copied().position(ends_word).unwrap_or(line.len());
    let (interpreter, rest) = line.split_at(end);
    if line.is_empty() {
        return None;
    }
    let argument = trim_start(rest);
    // A NUL ends what is used of the line.
    let argument = argument.split(|b| *b == 0).next().filter(|argument| !argument.is_empty());
    Some(Script { interpreter, argument: argument.filter(|_| rest.first() != Some(&0)) })
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn ends_word(byte: u8) -> bool {
    is_blank(byte) || byte == 0
}

fn trim_start(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|b| is_blank(**b)).count();
    &text[blanks..]
}

fn trim_end(text: &[u8]) -> &[u8] {
    let blanks = text.iter().rev().take_while(|b| is_blank(**b)).count();
    &text[..text.len() - blanks]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &[u8]) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[..text.len()].copy_from_slice(text);
        head
    }

    #[test]
    fn lines_as_linux_reads_them() {
        type Line = (&'static [u8], Option<&'static [u8]>);
        let table: &[(&[u8], Option<Line>)] = &[
            (b"#!/bin/sh\necho", Some((b"/bin/sh", None))),
            (b"#! \t /bin/sh \t \n", Some((b"/bin/sh", None))),
            (b"#!/bin/sh -e -x \n", Some((b"/bin/sh", Some(b"-e -x")))),
            (b"#!/usr/bin/env\t perl -w\n", Some((b"/usr/bin/env", Some(b"perl -w")))),
            (b"#!/bin/sh", Some((b"/bin/sh", None))),
            (b"#!/bin/sh x", Some((b"/bin/sh", Some(b"x")))),
            (b"#!/bin/sh\0 x\n", Some((b"/bin/sh", None))),
            (b"#!/bin/sh x\0y\n", Some((b"/bin/sh", Some(b"x")))),
            (b"#!sh\r\n", Some((b"sh\r", None))),
            (b"#!\n", None),
            (b"#!   \n/bin/sh", None),
            (b"#", None),
            (b"", None),
            (b" #!/bin/sh\n", None),
            (b"\x7fELF", None),
        ];
        for (text, expected) in table {
            let head = head(text);
            let found = parse(&head).map(|script| (script.interpreter, script.argument));
            assert_eq!(found, *expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_long_line_loses_its_argument_s_end_but_never_its_path_s() {
        let mut long = [b'a'; HEAD];
        long[..3].copy_from_slice(b"#!/");
        assert_eq!(parse(&long), None);
        long[255] = b' ';
        let script = parse(&long).unwrap();
        assert_eq!((script.interpreter.len(), script.argument), (253, None));
        long[255] = b'\n';
        assert_eq!(parse(&long).unwrap().interpreter.len(), 253);
        long[255] = b'a';
        long[100] = b' ';
        let script = parse(&long).unwrap();
        assert_eq!(script.interpreter.len(), 98);
        assert_eq!(script.argument.map(<[u8]>::len), Some(154));
        let mut blank = [b' '; HEAD];
        blank[..2].copy_from_slice(b"#!");
        assert_eq!(parse(&blank), None);
    }
}
