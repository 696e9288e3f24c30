//! Writes `docs/syscalls.md`, the coverage page, from the kernel's own table; as a test, compares
//! the two. `scripts/syscalls` runs it.
#![forbid(unsafe_code)]

use abi::nr;
use kernel::syscall::table::IMPLEMENTED;

/// Numbers behind which Linux 6.1 has no code either (`sys_ni_syscall` in its `syscall_64.tbl`).
const GONE: [usize; 16] = [
    nr::uselib,
    nr::_sysctl,
    nr::create_module,
    nr::get_kernel_syms,
    nr::query_module,
    nr::nfsservctl,
    nr::getpmsg,
    nr::putpmsg,
    nr::afs_syscall,
    nr::tuxcall,
    nr::security,
    nr::set_thread_area,
    nr::get_thread_area,
    nr::epoll_ctl_old,
    nr::epoll_wait_old,
    nr::vserver,
];

fn main() {
    print!("{}", page());
}

/// What the kernel says of one call: its note, empty when nothing is left out.
fn note(number: usize) -> Option<&'static str> {
    IMPLEMENTED.iter().find(|row| row.0 == number).map(|row| row.1)
}

/// The page.
fn page() -> String {
    let calls: Vec<_> = nr::ALL.iter().filter(|call| !GONE.contains(&call.0)).collect();
    let names = |keep: fn(Option<&str>) -> bool| -> Vec<&str> {
        calls.iter().filter(|call| keep(note(call.0))).map(|call| call.1).collect()
    };
    let complete = names(|note| note == Some(""));
    let missing = names(|note| note.is_none());
    let partial: Vec<String> = calls
        .iter()
        .filter_map(|&&(number, name)| {
            let note = note(number).filter(|note| !note.is_empty())?;
            Some(format!("| {number} | `{name}` | {note} |\n"))
        })
        .collect();
    format!(
        "# System calls\n\n\
         Made by `scripts/syscalls` from the kernel's table; a test compares the two.\n\n\
         | | of {} |\n|---|--:|\n| complete | {} |\n| partial | {} |\n| missing | {} |\n\n\
         All are the calls that Linux 6.1 has on x86-64; {} more numbers have no code there \
         either. Complete: nothing that is known is left out. A missing call answers `ENOSYS`.\n\n\
         ## Partial\n\n| number | call | what there is, or is not |\n|--:|---|---|\n{}\n\
         ## Complete\n\n{}\n\n## Missing\n\n{}\n",
        calls.len(),
        complete.len(),
        partial.len(),
        missing.len(),
        GONE.len(),
        partial.concat(),
        paragraph(complete),
        paragraph(missing),
    )
}

/// The names in the order of the alphabet, in lines of bounded length.
fn paragraph(mut names: Vec<&str>) -> String {
    const WIDTH: usize = 99;
    names.sort_unstable();
    let mut lines: Vec<String> = vec![];
    for name in names {
        match lines.last_mut() {
            Some(line) if line.len() + name.len() + 3 <= WIDTH => *line += &format!(" `{name}`"),
            _ => lines.push(format!("`{name}`")),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checked_in_page_is_up_to_date() {
        let place = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/syscalls.md");
        let text = std::fs::read_to_string(place).unwrap_or_default();
        assert!(text == page(), "docs/syscalls.md is stale: run scripts/syscalls");
    }

    #[test]
    fn every_call_is_in_the_page_once() {
        let page = page();
        for (number, name) in nr::ALL {
            let count = page.matches(&format!("`{name}`")).count();
            assert_eq!(count, usize::from(!GONE.contains(number)), "{name}");
        }
    }

    #[test]
    fn what_linux_has_not_is_not_built() {
        assert!(GONE.iter().all(|&number| note(number).is_none()));
    }
}
