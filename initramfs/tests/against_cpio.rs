//! What the packer writes, read back by GNU cpio and by a second reader of the format.

use initramfs::{Kind, Meta, Node, PAGE, Tree};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

fn sample() -> Tree {
    let mut tree = Tree::new();
    tree.dir("/tmp", 0o1777);
    tree.file("/empty", 0o600, vec![]);
    tree.file("/bin/big", 0o755, (0..100_000u32).map(|i| (i % 251) as u8).collect());
    tree.file("/bin/page", 0o644, vec![7; PAGE]);
    tree.file("/bin/small", 0o4755, b"small\n".to_vec());
    tree.symlink("/bin/link", "../tmp/nothing");
    tree.add(
        "/etc/owned",
        Node {
            kind: Kind::File(b"x".to_vec()),
            meta: Meta { mode: 0o640, uid: 7, gid: 8, mtime: 1_234_567_890 },
        },
    );
    // Many names and sizes, so that headers fall on every place of a page.
    for i in 0..600 {
        tree.file(&format!("/many/{}{i}", "n".repeat(i % 97)), 0o644, vec![i as u8; PAGE + i * 5]);
    }
    tree
}

#[test]
fn gnu_cpio_extracts_the_same_tree() {
    let tree = sample();
    let folder = tempfile::tempdir().unwrap();
    let mut cpio = Command::new("cpio")
        .args(["--extract", "--quiet", "--make-directories", "--preserve-modification-time"])
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the cpio tool (apt-get install cpio)");
    cpio.stdin.take().unwrap().write_all(&tree.pack()).unwrap();
    let output = cpio.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");

    for (path, node) in tree.iter() {
        let place = folder.path().join(path);
        let info = fs::symlink_metadata(&place).unwrap();
        match &node.kind {
            Kind::File(data) => assert_eq!(&fs::read(&place).unwrap(), data, "{path}"),
            Kind::Symlink(to) => assert_eq!(fs::read_link(&place).unwrap().to_str(), Some(&**to)),
            _ => assert!(info.is_dir(), "{path}"),
        }
        if !matches!(node.kind, Kind::Symlink(_)) {
            assert_eq!(info.mode() & 0o777, node.meta.mode & 0o777, "{path}");
        }
        if path == "etc/owned" {
            assert_eq!(info.mtime(), 1_234_567_890);
        }
    }
}

#[test]
fn names_and_numbers_are_where_the_format_says() {
    let mut tree = sample();
    tree.char_device("/dev/ttyS1", 0o600, 4, 65);
    let archive = tree.pack();
    let entries = read(&archive);
    assert_eq!(entries["etc/owned"].fields[1..6], [0o100_640, 7, 8, 1, 1_234_567_890]);
    assert_eq!(entries["dev/ttyS1"].fields[1], 0o020_600);
    assert_eq!(entries["dev/ttyS1"].fields[9..11], [4, 65]);
    assert_eq!(entries["bin/link"].data, b"../tmp/nothing");
    assert!(entries.contains_key("TRAILER!!!"));
}

#[test]
fn file_data_of_a_page_and_more_begins_on_a_page() {
    let tree = sample();
    let archive = tree.pack();
    let entries = read(&archive);
    let mut seen = 0;
    for (path, node) in tree.iter() {
        let Kind::File(data) = &node.kind else { continue };
        assert_eq!(entries[path].data, data);
        if data.len() >= PAGE {
            assert_eq!(entries[path].at % PAGE, 0, "{path}");
            seen += 1;
        }
    }
    assert_eq!(seen, 602);
}

#[test]
fn equal_trees_make_equal_archives() {
    assert_eq!(sample().pack(), sample().pack());
    assert_eq!(initramfs::gzip(&sample().pack()), initramfs::gzip(&sample().pack()));
}

#[test]
fn a_directory_of_this_machine_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("inner")).unwrap();
    fs::write(folder.path().join("inner/file"), "text").unwrap();
    std::os::unix::fs::symlink("file", folder.path().join("inner/link")).unwrap();
    let mut tree = Tree::new();
    tree.copy(folder.path(), "/at/here").unwrap();
    assert_eq!(tree.get("/at/here/inner/file").unwrap().kind, Kind::File(b"text".to_vec()));
    assert_eq!(tree.get("/at/here/inner/link").unwrap().kind, Kind::Symlink("file".into()));
    assert!(tree.copy(&folder.path().join("nothing"), "/x").is_err());
}

struct Entry<'a> {
    fields: Vec<u32>,
    at: usize,
    data: &'a [u8],
}

/// Reads an archive as `init/initramfs.c` does; entries by name, the last of a name wins.
fn read(archive: &[u8]) -> BTreeMap<String, Entry<'_>> {
    let mut entries = BTreeMap::new();
    let mut at = 0;
    while at < archive.len() {
        let header = std::str::from_utf8(&archive[at..at + 110]).unwrap();
        assert!(header.starts_with("070701"), "no header at {at}");
        let fields: Vec<u32> = (0..13)
            .map(|i| u32::from_str_radix(&header[6 + 8 * i..14 + 8 * i], 16).unwrap())
            .collect();
        let (size, name_size) = (fields[6] as usize, fields[11] as usize);
        assert!(name_size <= 4096, "Linux skips longer names");
        let name = &archive[at + 110..at + 110 + name_size];
        assert_eq!(name.last(), Some(&0));
        let name = name.split(|&byte| byte == 0).next().unwrap();
        let data_at = (at + 110 + name_size).next_multiple_of(4);
        let data = &archive[data_at..data_at + size];
        entries
            .insert(String::from_utf8(name.to_vec()).unwrap(), Entry { fields, at: data_at, data });
        at = (data_at + size).next_multiple_of(4);
    }
    entries
}
