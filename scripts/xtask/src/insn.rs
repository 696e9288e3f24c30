//! Instructions per operation, on both kernels: the same program (`musl-tests/bench/insn.c`), the
//! same virtual machine, virtual time that counts instructions.
//!
//! Counting does not depend on the load of the machine, and equal runs are equal. It sees neither
//! TLB flushes nor cache misses.

use crate::exec::{self, Exit, Kernel, Options};
use crate::{image, project};
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::time::Duration;

/// Linux without what Debian switches on and Eclipse does not have: mitigations, double zeroing,
/// security modules, address randomisation. A ratio against untuned Linux would flatter us.
const PEER: &str = "mitigations=off init_on_alloc=0 init_on_free=0 randomize_kstack_offset=off \
    hardened_usercopy=off apparmor=0 selinux=0 lsm= audit=0 cgroup_disable=memory nokaslr \
    norandmaps no5lvl transparent_hugepage=always";

/// What one row gave on one kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Instructions per operation.
    Count(u64),
    /// The operation failed with this errno.
    Errno(i32),
    /// The program never came to this row.
    Missing,
}

/// One operation on both kernels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The row's name.
    pub name: String,
    /// On the reference.
    pub linux: Cell,
    /// On this kernel.
    pub eclipse: Cell,
}

/// Measures the named rows, or all, on one kernel.
///
/// # Errors
/// When the guest cannot be run at all; a kernel that dies half-way gives the rows so far.
pub fn measure(kernel: Kernel, rows: &[String]) -> Result<Vec<(String, Cell)>> {
    let source = project::root().join("musl-tests/bench/insn.c");
    let program = image::compile(&source, "insn", "-O2")?;
    let mut argv = vec!["/bin/insn".to_owned()];
    argv.extend_from_slice(rows);
    let outcome = exec::run(&Options {
        kernel,
        append: if kernel == Kernel::Linux { PEER.to_owned() } else { String::new() },
        adds: vec![(program, "/bin/insn".to_owned())],
        timeout: Some(Duration::from_secs(300)),
        icount: true,
        argv,
        ..Options::default()
    })?;
    let cells: Result<_> = String::from_utf8_lossy(&outcome.stdout).lines().map(parse).collect();
    if outcome.status != Exit::Code(0) && cells.is_ok() {
        eprintln!("insn: on {kernel:?} it ended with {:?}", outcome.status);
    }
    cells
}

fn parse(line: &str) -> Result<(String, Cell)> {
    let cell = match *line.split(' ').collect::<Vec<_>>() {
        [name, "ticks", count] => (name.to_owned(), Cell::Count(count.parse()?)),
        [name, "errno", errno] => (name.to_owned(), Cell::Errno(errno.parse()?)),
        [name, "unknown"] => bail!("there is no row {name}"),
        _ => bail!("insn wrote {line:?}"),
    };
    Ok(cell)
}

/// Joins both kernels' cells to rows, in the order of the first list; what only the second has
/// comes after.
#[must_use]
pub fn join(linux: Vec<(String, Cell)>, eclipse: &[(String, Cell)]) -> Vec<Row> {
    let cell = |cells: &[(String, Cell)], name: &str| {
        cells.iter().find(|cell| cell.0 == name).map_or(Cell::Missing, |cell| cell.1.clone())
    };
    let mut names: Vec<&String> = linux.iter().map(|cell| &cell.0).collect();
    for (name, _) in eclipse {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
        .into_iter()
        .map(|name| Row {
            name: name.clone(),
            linux: cell(&linux, name),
            eclipse: cell(eclipse, name),
        })
        .collect()
}

impl Cell {
    fn text(&self) -> String {
        match self {
            Self::Count(count) => count.to_string(),
            Self::Errno(errno) => format!("errno {errno}"),
            Self::Missing => "-".to_owned(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Count(count) => json!({ "instructions": count }),
            Self::Errno(errno) => json!({ "errno": errno }),
            Self::Missing => Value::Null,
        }
    }
}

impl Row {
    /// Instructions on this kernel for one on the reference.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        match (&self.linux, &self.eclipse) {
            (Cell::Count(linux), Cell::Count(eclipse)) if *linux > 0 => {
                Some(*eclipse as f64 / *linux as f64)
            }
            _ => None,
        }
    }
}

/// The rows for people.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut text = format!("{:<18} {:>10} {:>10} {:>7}\n", "row", "Linux", "Eclipse", "ratio");
    for row in rows {
        let ratio = row.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        let (linux, eclipse) = (row.linux.text(), row.eclipse.text());
        text += &format!("{:<18} {linux:>10} {eclipse:>10} {ratio:>7}\n", row.name);
    }
    text
}

/// The rows for machines.
#[must_use]
pub fn to_json(rows: &[Row]) -> Value {
    let one = |row: &Row| {
        json!({
            "row": row.name,
            "linux": row.linux.json(),
            "eclipse": row.eclipse.json(),
            "ratio": row.ratio(),
        })
    };
    rows.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_join_by_name() {
        let linux = vec![("a".into(), Cell::Count(100)), ("b".into(), Cell::Count(7))];
        let eclipse = [("b".into(), Cell::Errno(38)), ("c".into(), Cell::Count(1))];
        let rows = join(linux, &eclipse);
        let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(rows[0].eclipse, Cell::Missing);
        assert_eq!(rows[1].eclipse, Cell::Errno(38));
        assert!(rows.iter().all(|row| row.ratio().is_none()));
    }

    #[test]
    fn lines_are_a_number_or_an_errno() {
        assert_eq!(parse("stat ticks 2946").unwrap(), ("stat".into(), Cell::Count(2946)));
        assert_eq!(parse("vfork errno 38").unwrap(), ("vfork".into(), Cell::Errno(38)));
        assert!(parse("stat 2946").is_err());
        assert!(parse("statt unknown").is_err());
    }
}
