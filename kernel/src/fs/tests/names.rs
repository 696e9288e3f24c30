//! Paths, permissions, mounts.

use super::*;
use crate::fs::path::may_enter;
use abi::errno::*;

/// Each path with what open(2), O_RDONLY, says of it.
#[test]
fn where_paths_lead() {
    let w = World::new();
    w.mkdir("/d").unwrap();
    w.mkdir("/d/e").unwrap();
    w.touch("/d/f").unwrap();
    w.symlink("d/e", "/rel").unwrap();
    w.symlink("/d/f", "/abs").unwrap();
    w.symlink("../f", "/d/e/up").unwrap();
    w.symlink("loop", "/loop").unwrap();
    w.symlink("nowhere", "/dangling").unwrap();
    w.symlink("d/", "/slashed").unwrap();
    w.symlink("/", "/root").unwrap();
    let long = "n".repeat(255);
    w.touch(&long).unwrap();
    let too_long = "n".repeat(256);
    let deep = "/".to_owned_path(4095);
    let too_deep = "/".to_owned_path(4096);
    let table: &[(&str, Result<&str>)] = &[
        ("/", Ok("/")),
        ("//", Ok("/")),
        (".", Ok("/")),
        ("..", Ok("/")),
        ("/..", Ok("/")),
        ("/d", Ok("/d")),
        ("d/", Ok("/d")),
        ("d//.//e/..", Ok("/d")),
        ("/d/../d/./f", Ok("/d/f")),
        ("", Err(ENOENT)),
        ("x", Err(ENOENT)),
        ("x/", Err(ENOENT)),
        ("x/y", Err(ENOENT)),
        ("x/..", Err(ENOENT)),
        ("d/f/", Err(ENOTDIR)),
        ("d/f/.", Err(ENOTDIR)),
        ("d/f/..", Err(ENOTDIR)),
        ("d/f/x", Err(ENOTDIR)),
        ("rel", Ok("/d/e")),
        ("rel/", Ok("/d/e")),
        ("rel/..", Ok("/d")),
        ("rel/up", Ok("/d/f")),
        ("abs", Ok("/d/f")),
        ("abs/", Err(ENOTDIR)),
        ("loop", Err(ELOOP)),
        ("loop/x", Err(ELOOP)),
        ("dangling", Err(ENOENT)),
        ("dangling/", Err(ENOENT)),
        ("slashed", Ok("/d")),
        ("slashed/f", Ok("/d/f")),
        ("root/root/root/d/../root/d", Ok("/d")),
        (&long, Ok(&long)),
        (&too_long, Err(ENAMETOOLONG)),
        ("x/nnn", Err(ENOENT)),
        (&deep, Ok("/")),
        (&too_deep, Err(ENAMETOOLONG)),
    ];
    for _ in ["cold", "warm"] {
        for (path, want) in table {
            let got = w.find(path).map(|found| w.text(&found));
            let want = want.map(|text| match text.starts_with('/') {
                true => text.into(),
                false => std::format!("/{text}"),
            });
            assert_eq!(got, want, "{path:.30}");
        }
    }
}

trait Repeat {
    fn to_owned_path(&self, len: usize) -> std::string::String;
}

impl Repeat for str {
    fn to_owned_path(&self, len: usize) -> std::string::String {
        self.repeat(len)
    }
}

#[test]
fn forty_links_are_followed_and_no_more() {
    let w = World::new();
    w.touch("/l0").unwrap();
    for n in 1..=41 {
        w.symlink(&std::format!("l{}", n - 1), &std::format!("/l{n}")).unwrap();
    }
    assert!(w.find("/l40").is_ok());
    assert_eq!(w.find("/l41").err(), Some(ELOOP));
    assert!(w.find("/l39").is_ok());
}

#[test]
fn opening() {
    let w = World::new();
    w.mkdir("/d").unwrap();
    w.touch("/f").unwrap();
    w.symlink("f", "/l").unwrap();
    w.symlink("new", "/to-new").unwrap();
    w.make("/sock", 0o666, What::Socket).unwrap();
    w.make("/null", 0o666, What::Char(0x103)).unwrap();
    let (creat, excl) = (OpenFlags::CREAT, OpenFlags::EXCL);
    let (wr, dir, nofollow) = (OpenFlags::WRONLY, OpenFlags::DIRECTORY, OpenFlags::NOFOLLOW);
    let table = [
        ("/f", creat | excl, Err(EEXIST)),
        ("/l", creat | excl, Err(EEXIST)),
        ("/d", creat | excl, Err(EEXIST)),
        ("/.", creat, Err(EISDIR)),
        ("/d", creat, Err(EISDIR)),
        ("/d", wr, Err(EISDIR)),
        ("/d", OpenFlags::RDONLY | OpenFlags::TRUNC, Err(EISDIR)),
        ("/x/", creat, Err(EISDIR)),
        ("/f/", creat, Err(EISDIR)),
        ("/x/y", creat, Err(ENOENT)),
        ("/f/y", creat, Err(ENOTDIR)),
        ("/f", dir, Err(ENOTDIR)),
        ("/f", dir | creat, Err(EINVAL)),
        ("/f", OpenFlags::TMPFILE | wr, Err(ENOTDIR)),
        ("/x", OpenFlags::TMPFILE | wr, Err(ENOENT)),
        ("/d", OpenFlags::TMPFILE | wr | creat, Err(EINVAL)),
        ("/l", nofollow, Err(ELOOP)),
        ("/l", nofollow | OpenFlags::PATH, Ok(())),
        ("/l", nofollow | dir, Err(ENOTDIR)),
        ("/to-new", creat, Ok(())),
        ("/new", OpenFlags::EMPTY, Ok(())),
        ("/sock", OpenFlags::EMPTY, Err(ENXIO)),
        ("/null", OpenFlags::EMPTY, Err(ENXIO)),
        ("/sock", OpenFlags::PATH, Ok(())),
        ("/f", OpenFlags::TMPFILE, Err(EINVAL)),
        ("/d", OpenFlags::TMPFILE | wr, Ok(())),
        ("/f", OpenFlags::DIRECT, Err(EINVAL)),
    ];
    for (path, flags, want) in table {
        assert_eq!(w.open(path, flags).map(drop), want, "{path} {flags:?}");
    }
}

#[test]
fn files_without_a_name() {
    let w = World::new();
    let nlink = |file: &File| file.inode().attr().nlink;
    let tmpfile = OpenFlags::TMPFILE | OpenFlags::RDWR;
    let file = w.open("/", tmpfile).unwrap();
    assert_eq!((nlink(&file), w.names("/").len()), (0, 2));
    w.write(&file, b"late").unwrap();
    let name = |file: &File, path: &str| {
        w.with(|c| namei::link(c, file.path().unwrap(), None, path.as_bytes()))
    };
    assert_eq!(name(&file, "/named"), Ok(()));
    assert_eq!((nlink(&file), w.nlink("/named")), (1, 1));
    assert_eq!(w.unlink("/named"), Ok(()));
    assert_eq!(name(&file, "/again"), Err(ENOENT));
    let never = w.open("/", tmpfile | OpenFlags::EXCL).unwrap();
    assert_eq!(name(&never, "/never"), Err(ENOENT));
}

#[test]
fn names_come_and_go() {
    let w = World::new();
    w.mkdir("/d").unwrap();
    w.touch("/f").unwrap();
    w.symlink("nowhere", "/dangling").unwrap();
    assert_eq!(w.mkdir("/d"), Err(EEXIST));
    assert_eq!(w.mkdir("/dangling"), Err(EEXIST));
    assert_eq!(w.mkdir("/"), Err(EEXIST));
    assert_eq!(w.mkdir("/d/."), Err(EEXIST));
    assert_eq!(w.mkdir("/new/"), Ok(()));
    assert_eq!(w.mkdir("/x/y"), Err(ENOENT));
    assert_eq!(w.mkdir("/f/y"), Err(ENOTDIR));
    assert_eq!(w.make("/p/", 0o666, What::Fifo), Err(ENOENT));
    assert_eq!(w.make("/d/", 0o666, What::Fifo), Err(EEXIST));
    assert_eq!(w.unlink("/d"), Err(EISDIR));
    assert_eq!(w.unlink("/d/"), Err(EISDIR));
    assert_eq!(w.unlink("/f/"), Err(ENOTDIR));
    assert_eq!(w.unlink("/x"), Err(ENOENT));
    assert_eq!(w.unlink("/d/."), Err(EISDIR));
    assert_eq!(w.rmdir("/f"), Err(ENOTDIR));
    assert_eq!(w.rmdir("/x"), Err(ENOENT));
    assert_eq!(w.rmdir("/"), Err(EBUSY));
    assert_eq!(w.rmdir("/d/."), Err(EINVAL));
    assert_eq!(w.rmdir("/d/.."), Err(ENOTEMPTY));
    assert_eq!(w.link("/d", "/x"), Err(EPERM));
    assert_eq!(w.link("/f", "/dangling"), Err(EEXIST));
    assert_eq!(w.link("/dangling", "/d2"), Ok(()));
    assert_eq!(w.nlink("/"), 4);
    w.mkdir("/d/e").unwrap();
    assert_eq!(w.rmdir("/d"), Err(ENOTEMPTY));
    assert_eq!(w.rmdir("/d/e/"), Ok(()));
    assert_eq!(w.rmdir("/d"), Ok(()));
    assert_eq!(w.nlink("/"), 3);
    assert_eq!(w.find("/d").err(), Some(ENOENT));
}

#[test]
fn a_removed_directory_takes_nothing_in() {
    let w = World::new();
    w.mkdir("/d").unwrap();
    w.chdir("/d").unwrap();
    w.rmdir("/d").unwrap();
    assert!(w.info.cwd().dentry.is_unlinked());
    assert_eq!(w.touch("x"), Err(ENOENT));
    assert_eq!(w.mkdir("x"), Err(ENOENT));
    assert!(w.find(".").is_ok());
    assert_eq!(w.find("..").map(|p| w.text(&p)), Ok("/".into()));
    w.mkdir("/d").unwrap();
    assert_eq!(w.find("x").err(), Some(ENOENT));
}

#[test]
fn renaming() {
    let w = World::new();
    for dir in ["/a", "/b", "/a/sub", "/full", "/full/x"] {
        w.mkdir(dir).unwrap();
    }
    w.touch("/f").unwrap();
    w.touch("/g").unwrap();
    assert_eq!(w.rename("/x", "/y"), Err(ENOENT));
    assert_eq!(w.rename("/f", "/a"), Err(EISDIR));
    assert_eq!(w.rename("/a", "/f"), Err(ENOTDIR));
    assert_eq!(w.rename("/a", "/a/sub/c"), Err(EINVAL));
    assert_eq!(w.rename("/a", "/a/sub"), Err(EINVAL));
    assert_eq!(w.rename("/a/sub", "/a"), Err(ENOTEMPTY));
    assert_eq!(w.rename("/b", "/full"), Err(ENOTEMPTY));
    assert_eq!(w.rename("/f/", "/h"), Err(ENOTDIR));
    assert_eq!(w.rename("/f", "/h/"), Err(ENOTDIR));
    assert_eq!(w.rename("/", "/h"), Err(EBUSY));
    assert_eq!(w.rename("/a/.", "/h"), Err(EBUSY));
    // A file over a file, also one of the same inode.
    w.link("/f", "/f2").unwrap();
    assert_eq!(w.rename("/f", "/f2"), Ok(()));
    assert!(w.find("/f").is_ok());
    let old = w.find("/g").unwrap();
    assert_eq!(w.rename("/f", "/g"), Ok(()));
    assert_eq!(old.inode().unwrap().attr().nlink, 0);
    assert_eq!(w.find("/f").err(), Some(ENOENT));
    assert_eq!(w.nlink("/g"), 2);
    // A directory over an empty one, and into another.
    let moved = w.find("/a/sub").unwrap();
    assert_eq!(w.rename("/a/sub", "/b/"), Ok(()));
    assert_eq!(w.text(&moved), "/b");
    assert_eq!((w.nlink("/a"), w.nlink("/b"), w.nlink("/")), (2, 2, 5));
    assert_eq!(w.rename("/b", "/a/b"), Ok(()));
    assert_eq!((w.nlink("/a"), w.nlink("/")), (3, 4));
    assert_eq!(w.find("/a/b/..").map(|p| w.text(&p)), Ok("/a".into()));
}

#[test]
fn exchanging() {
    let w = World::new();
    w.mkdir("/d").unwrap();
    w.mkdir("/e").unwrap();
    w.touch("/e/f").unwrap();
    let swap = abi::fs::RenameFlags::EXCHANGE;
    let exchange = |a: &str, b: &str| {
        w.with(|c| namei::rename(c, (None, a.as_bytes()), (None, b.as_bytes()), swap))
    };
    assert_eq!(exchange("/d", "/x"), Err(ENOENT));
    assert_eq!(exchange("/d", "/e/f"), Ok(()));
    assert!(w.find("/e/f/").is_ok());
    assert_eq!(w.find("/d/").err(), Some(ENOTDIR));
    assert_eq!((w.nlink("/"), w.nlink("/e")), (3, 3));
    assert_eq!(exchange("/e", "/e/f"), Err(EINVAL));
}

#[test]
fn others_see_what_they_may() {
    let mut w = World::new();
    w.mkdir("/private").unwrap();
    w.touch("/private/f").unwrap();
    w.with(|c| attr::chmod(c, w.find("/private").unwrap().inode().unwrap(), 0o700)).unwrap();
    w.make("/tmp", 0, What::Dir).unwrap();
    w.with(|c| attr::chmod(c, w.find("/tmp").unwrap().inode().unwrap(), 0o1777)).unwrap();
    w.touch("/tmp/roots").unwrap();
    w.become_user(7);
    assert_eq!(w.find("/private/f").err(), Some(EACCES));
    assert_eq!(w.find("/private/no").err(), Some(EACCES));
    let private = w.find("/private").unwrap();
    assert_eq!(w.with(|c| may_enter(c, &private)), Err(EACCES));
    assert_eq!(w.touch("/x"), Err(EACCES));
    assert_eq!(w.touch("/tmp/mine"), Ok(()));
    assert_eq!(w.unlink("/tmp/roots"), Err(EPERM));
    assert_eq!(w.rename("/tmp/mine", "/tmp/roots"), Err(EPERM));
    assert_eq!(w.open("/tmp/roots", OpenFlags::WRONLY).err(), Some(EACCES));
    assert_eq!(w.make("/tmp/dev", 0o666, What::Char(0x103)), Err(EPERM));
    assert_eq!(w.unlink("/tmp/mine"), Ok(()));
    let roots = w.find("/tmp/roots").unwrap();
    let inode = roots.inode().unwrap();
    assert_eq!(w.with(|c| attr::chmod(c, inode, 0o777)), Err(EPERM));
    assert_eq!(w.with(|c| attr::chown(c, inode, Some(Uid(7)), None)), Err(EPERM));
    w.become_root();
    assert_eq!(w.with(|c| attr::chown(c, inode, Some(Uid(7)), Some(Gid(7)))), Ok(()));
}

#[test]
fn a_directory_hands_its_group_down() {
    let w = World::new();
    w.mkdir("/d").unwrap();
    let dir = w.find("/d").unwrap();
    let inode = dir.inode().unwrap();
    w.with(|c| attr::chown(c, inode, None, Some(Gid(9)))).unwrap();
    w.with(|c| attr::chmod(c, inode, 0o2775)).unwrap();
    w.touch("/d/f").unwrap();
    w.mkdir("/d/e").unwrap();
    let attr = |path| w.find(path).unwrap().inode().unwrap().attr();
    assert_eq!((attr("/d/f").gid, attr("/d/f").mode & 0o7777), (Gid(9), 0o644));
    assert_eq!((attr("/d/e").gid, attr("/d/e").mode & 0o7777), (Gid(9), 0o2755));
}

#[test]
fn nothing_is_above_the_root() {
    let w = World::new();
    w.mkdir("/jail").unwrap();
    w.mkdir("/jail/in").unwrap();
    w.symlink("/in", "/jail/link").unwrap();
    w.info.set_root(w.find("/jail").unwrap());
    assert_eq!(w.find("/..").map(|p| w.text(&p)), Ok("/".into()));
    assert_eq!(w.find("/in/../../..").map(|p| w.text(&p)), Ok("/".into()));
    assert_eq!(w.find("/link").map(|p| w.text(&p)), Ok("/in".into()));
    // The working directory is still outside.
    assert_eq!(w.text(&w.info.cwd()), "(unreachable)/");
}

#[test]
fn depth_costs_no_stack() {
    let w = World::new();
    for _ in 0..20_000 {
        w.mkdir("d").unwrap();
        w.chdir("d").unwrap();
    }
    w.info.set_cwd(w.info.root());
    w.mkdir("/m").unwrap();
    drop(w);
}
