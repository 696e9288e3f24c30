//! From a path to a file: path_resolution(7), `fs/namei.c`.
//!
//! A warm walk takes `Names` briefly at each component, nothing else, and allocates nothing.

use crate::fs::access::EXEC;
use crate::fs::caller::Caller;
use crate::fs::dentry::Dentry;
use crate::fs::inode::{Inode, Kind, Target};
use crate::fs::mount::Mount;
use crate::fs::protect;
use crate::fs::regular::touch_atime;
use abi::Result;
use abi::errno::{EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EXDEV};
use abi::fs::{MAXSYMLINKS, MountFlags, PATH_MAX, ResolveFlags};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

/// A place in the tree: a name, and the mount it was reached through.
#[derive(Clone)]
pub struct Path {
    /// The mount.
    pub mount: Arc<Mount>,
    /// The name.
    pub dentry: Arc<Dentry>,
}

impl Path {
    /// The inode. `ENOENT` if there is no such name.
    pub fn inode(&self) -> Result<&Arc<dyn Inode>> {
        self.dentry.inode().ok_or(ENOENT)
    }

    /// Whether both are the same place.
    pub fn same(&self, other: &Path) -> bool {
        Arc::ptr_eq(&self.dentry, &other.dentry) && Arc::ptr_eq(&self.mount, &other.mount)
    }

    /// Whether the mount shows the name (`path_connected`).
    fn is_connected(&self) -> bool {
        let top = self.mount.root();
        if top.parent().is_none() || self.dentry.is_within(top) {
            return true;
        }
        // Or it was on its way from one place to another while it was looked at.
        let _still = top.sb().rename.lock();
        self.dentry.is_within(top)
    }

    /// The way up, through mounts, but not above `root`.
    pub fn parent(&self, root: &Path) -> Path {
        let mut at = self.clone();
        loop {
            if at.same(root) {
                return at;
            }
            if !at.is_mount_root() {
                let dentry = at.dentry.parent().unwrap_or_else(|| at.dentry.clone());
                return Path { mount: at.mount, dentry }.cross();
            }
            match at.mount.place() {
                Some(place) => at = place,
                None => return at,
            }
        }
    }
}

/// The last component of a path, when the directory it is in was found.
#[derive(Debug)]
pub enum Last<'p> {
    /// There is none: the path was `/`, or a link led straight to a file.
    Here,
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// A name.
    Name(Component<'p>),
}

/// A name in a path, or in the text of a symbolic link.
#[derive(Clone, Debug)]
pub struct Component<'p> {
    text: Text<'p>,
    range: Range<usize>,
}

impl Component<'_> {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.text.bytes().get(self.range.clone()).unwrap_or_default()
    }
}

#[derive(Clone, Debug)]
enum Text<'p> {
    Given(&'p [u8]),
    Link(Arc<[u8]>),
}

impl Text<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Text::Given(text) => text,
            Text::Link(text) => text,
        }
    }
}

/// What is left of a text.
struct Rest<'p> {
    text: Text<'p>,
    at: usize,
}

/// The rules that keep a walk below where it starts.
const SCOPED: ResolveFlags = ResolveFlags::BENEATH.with(ResolveFlags::IN_ROOT);

/// A walk along a path.
pub struct Walk<'p> {
    c: &'p Caller<'p>,
    /// What absolute paths start from, and `..` does not leave.
    root: Path,
    /// What is forbidden on the way (openat2(2)).
    rules: ResolveFlags,
    /// Where the walk is.
    at: Path,
    /// The text it is in: the path, or a link's.
    text: Option<Rest<'p>>,
    /// The texts to go on with after that. None is used up, so a link at the end of a path, the
    /// common case, allocates nothing.
    texts: Vec<Rest<'p>>,
    links: usize,
    /// The path ends with a slash: what it leads to must be a directory.
    slash: bool,
}

impl<'p> Walk<'p> {
    /// A walk along `path`, which starts at `from` unless it is absolute; `None` is the working
    /// directory. An empty path is `ENOENT`.
    pub fn new(c: &'p Caller<'p>, from: Option<Path>, path: &'p [u8]) -> Result<Self> {
        Self::ruled(c, from, path, ResolveFlags::EMPTY)
    }

    /// The same under the rules of openat2(2): `EXDEV` where it would leave what they allow,
    /// `ELOOP` at a link that they do not.
    pub fn ruled(
        c: &'p Caller<'p>,
        from: Option<Path>,
        path: &'p [u8],
        rules: ResolveFlags,
    ) -> Result<Self> {
        if path.is_empty() {
            return Err(ENOENT);
        }
        if path.len() >= PATH_MAX {
            return Err(ENAMETOOLONG);
        }
        let absolute = path.starts_with(b"/");
        if absolute && rules.has(ResolveFlags::BENEATH) {
            return Err(EXDEV);
        }
        let scoped = rules.intersects(SCOPED);
        let mut root = c.fs_info.root();
        let at = match from {
            _ if absolute && !scoped => root.clone(),
            Some(from) => from,
            None => c.fs_info.cwd(),
        };
        if scoped {
            root = at.clone();
        }
        let text = Some(Rest { text: Text::Given(path), at: 0 });
        Ok(Self { c, root, rules, at, text, texts: Vec::new(), links: 0, slash: false })
    }

    /// Where the walk is: the directory of the last component after [`Walk::to_last`].
    pub fn at(&self) -> &Path {
        &self.at
    }

    /// Whether the path ended with a slash, so that only a directory will do.
    pub fn wants_dir(&self) -> bool {
        self.slash
    }

    /// The file the path leads to; a symbolic link at its end is followed if `follow`.
    pub fn target(&mut self, follow: bool) -> Result<Path> {
        loop {
            match self.to_last()? {
                Last::Here | Last::Dot => break,
                Last::DotDot => {
                    self.up()?;
                    break;
                }
                Last::Name(name) => {
                    let child = self.child(name.bytes())?;
                    child.inode()?;
                    if (follow || self.slash) && self.follow(&child)? {
                        continue;
                    }
                    self.at = child;
                    break;
                }
            }
        }
        if self.slash && !self.at.dentry.is_dir() {
            return Err(ENOTDIR);
        }
        Ok(self.at.clone())
    }

    /// Walks up to the last component, following the links on the way.
    pub fn to_last(&mut self) -> Result<Last<'p>> {
        while let Some(name) = self.component() {
            self.may_search()?;
            let last = self.text.is_none();
            match name.bytes() {
                b"." if last => return Ok(Last::Dot),
                b"." => {}
                b".." if last => return Ok(Last::DotDot),
                b".." => self.up()?,
                _ if last => return Ok(Last::Name(name)),
                bytes => {
                    let child = self.child(bytes)?;
                    child.inode()?;
                    if !self.follow(&child)? {
                        self.at = child;
                    }
                }
            }
        }
        Ok(Last::Here)
    }

    /// Goes to the parent directory. `ENOENT` where the mount does not show it: a directory that
    /// was moved out of the part of the file system that is mounted.
    pub fn up(&mut self) -> Result<()> {
        if self.rules.has(ResolveFlags::BENEATH) && self.at.same(&self.root) {
            return Err(EXDEV);
        }
        let parent = self.at.parent(&self.root);
        if !parent.is_connected() {
            return Err(ENOENT);
        }
        self.may_go(&parent)?;
        self.at = parent;
        Ok(())
    }

    /// `EXDEV` where the walk may not leave the mount it is in.
    fn may_go(&self, to: &Path) -> Result<()> {
        let stays = !self.rules.has(ResolveFlags::NO_XDEV);
        if stays || Arc::ptr_eq(&self.at.mount, &to.mount) { Ok(()) } else { Err(EXDEV) }
    }

    /// What `name` leads to in the directory where the walk is, mounts included. It may lead to
    /// nothing.
    pub fn child(&self, name: &[u8]) -> Result<Path> {
        let dentry = self.at.dentry.lookup(name)?;
        let child = Path { mount: self.at.mount.clone(), dentry }.cross();
        self.may_go(&child)?;
        Ok(child)
    }

    /// If `link` is a symbolic link, goes on along it: `ELOOP` after 40 of them.
    pub fn follow(&mut self, link: &Path) -> Result<bool> {
        let inode = link.inode()?;
        let Kind::Link(body) = inode.kind() else { return Ok(false) };
        self.links += 1;
        let forbidden = self.rules.has(ResolveFlags::NO_SYMLINKS);
        if forbidden || self.links > MAXSYMLINKS || link.mount.flags().has(MountFlags::NOSYMFOLLOW)
        {
            return Err(ELOOP);
        }
        if self.text.is_none() {
            protect::may_follow(self.c, &**self.at.inode()?, &**inode)?;
        }
        touch_atime(inode, &link.mount);
        match body.follow(self.c)? {
            Target::Text(text) if text.is_empty() => Err(ENOENT),
            Target::Text(text) => {
                if text.starts_with(b"/") {
                    if self.rules.has(ResolveFlags::BENEATH) {
                        return Err(EXDEV);
                    }
                    self.may_go(&self.root)?;
                    self.at = self.root.clone();
                }
                self.push(Text::Link(text))?;
                Ok(true)
            }
            Target::Jump(_) if self.rules.has(ResolveFlags::NO_MAGICLINKS) => Err(ELOOP),
            Target::Jump(_) if self.rules.intersects(SCOPED) => Err(EXDEV),
            Target::Jump(path) => {
                self.may_go(&path)?;
                self.at = path;
                Ok(true)
            }
        }
    }

    fn push(&mut self, text: Text<'p>) -> Result<()> {
        self.texts.try_reserve(1).map_err(|_| ENOMEM)?;
        self.texts.extend(self.text.replace(Rest { text, at: 0 }));
        Ok(())
    }

    /// The directory may be searched: `ENOTDIR` if it is none, `EACCES`.
    fn may_search(&self) -> Result<()> {
        let inode = self.at.inode()?;
        if !matches!(inode.kind(), Kind::Dir(_)) {
            return Err(ENOTDIR);
        }
        inode.permission(self.c.cred, EXEC)
    }

    /// The next component. A text leaves the stack with its last one.
    fn component(&mut self) -> Option<Component<'p>> {
        loop {
            let rest = self.text.as_mut()?;
            let bytes = rest.text.bytes();
            let slashes = |at: usize| {
                let left = bytes.get(at..).unwrap_or_default();
                at + left.iter().take_while(|&&b| b == b'/').count()
            };
            let start = slashes(rest.at);
            let name = bytes.get(start..).unwrap_or_default();
            let end = start + name.iter().take_while(|&&b| b != b'/').count();
            let next = slashes(end);
            let is_last = next == bytes.len();
            let range = start..end;
            rest.at = next;
            let slash = next > end;
            let text = rest.text.clone();
            if is_last {
                self.text = self.texts.pop();
            }
            if range.is_empty() {
                // Only slashes: the root itself.
                continue;
            }
            if is_last && self.text.is_none() {
                self.slash |= slash;
            }
            return Some(Component { text, range });
        }
    }
}

impl Path {
    /// The path from `root` down to here, as getcwd(2) and `/proc` show it.
    ///
    /// What `root` does not reach begins with `(unreachable)`.
    pub fn text(&self, root: &Path) -> Result<Vec<u8>> {
        let mut at = self.clone();
        // Built from the end, each name back to front, and turned over at last.
        let mut reversed = Vec::new();
        let reached = loop {
            if at.same(root) {
                break true;
            }
            if at.is_mount_root() {
                match at.mount.place() {
                    Some(place) => at = place,
                    None => break false,
                }
                continue;
            }
            let name = at.dentry.name();
            reversed.try_reserve(name.len() + 1).map_err(|_| ENOMEM)?;
            reversed.extend(name.iter().rev());
            reversed.push(b'/');
            match at.dentry.parent() {
                Some(parent) => at.dentry = parent,
                None => break false,
            }
        };
        reversed.try_reserve(UNREACHABLE.len() + 1).map_err(|_| ENOMEM)?;
        if reversed.is_empty() {
            reversed.push(b'/');
        }
        if !reached {
            reversed.extend(UNREACHABLE.iter().rev());
        }
        reversed.reverse();
        Ok(reversed)
    }
}

const UNREACHABLE: &[u8] = b"(unreachable)";

/// The file a path leads to.
pub fn lookup(c: &Caller, from: Option<Path>, path: &[u8], follow: bool) -> Result<Path> {
    Walk::new(c, from, path)?.target(follow)
}

/// The directory a path leads to, for chdir(2) and chroot(2): `ENOTDIR`, `EACCES`.
pub fn lookup_dir(c: &Caller, path: &[u8]) -> Result<Path> {
    let path = lookup(c, None, path, true)?;
    may_enter(c, &path)?;
    Ok(path)
}

/// Whether the caller may make `path` its working directory.
pub fn may_enter(c: &Caller, path: &Path) -> Result<()> {
    let inode = path.inode()?;
    if !path.dentry.is_dir() {
        return Err(ENOTDIR);
    }
    inode.permission(c.cred, EXEC).map_err(|_| EACCES)
}
