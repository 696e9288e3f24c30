//! [`Draft`]: a tree as it is written down, by paths, before it becomes nodes.

use alloc::{
    boxed::Box,
    collections::BTreeMap,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::fmt;

use abi::{Result, errno::EEXIST};

use super::{
    Uevents,
    node::{Body, Named, Node, Shared},
};
use crate::fs::inode::MountArgs;

/// Writes the text of an attribute, a page at most.
pub(super) type Show = Box<dyn Fn(&mut dyn fmt::Write) -> fmt::Result + Send + Sync>;

/// Takes what a program writes to an attribute.
pub(super) type Store = Box<dyn Fn(&[u8]) -> Result<()> + Send + Sync>;

/// A directory, attribute or link to be.
pub(super) enum Draft {
    Dir(BTreeMap<String, Draft>),
    File(Show, Option<Store>),
    Link(String),
}

impl Draft {
    /// An empty directory.
    pub fn dir() -> Self {
        Self::Dir(BTreeMap::new())
    }

    /// What is at `path`, below directories that are made as needed; an empty directory if nothing
    /// was there.
    pub fn at(&mut self, path: &str) -> &mut Self {
        let mut at = self;
        for name in path.split('/') {
            if !matches!(at, Self::Dir(_)) {
                *at = Self::dir();
            }
            let Self::Dir(entries) = at else { return at };
            at = entries.entry(name.to_string()).or_insert_with(Self::dir);
        }
        at
    }

    /// A file to read.
    pub fn file(
        &mut self,
        path: &str,
        show: impl Fn(&mut dyn fmt::Write) -> fmt::Result + Send + Sync + 'static,
    ) {
        *self.at(path) = Self::File(Box::new(show), None);
    }

    /// A file that always says the same.
    pub fn text(&mut self, path: &str, text: String) {
        self.file(path, move |out| out.write_str(&text));
    }

    /// The `uevent` of the directory `path`: what it is, for those who make nodes.
    pub fn uevent(&mut self, path: &str, text: String, uevents: &Arc<Uevents>) {
        let uevents = uevents.clone();
        let show: Show = Box::new(move |out| out.write_str(&text));
        let store: Store = Box::new(move |text| uevents.tell(text));
        *self.at(&alloc::format!("{path}/uevent")) = Self::File(show, Some(store));
    }

    /// A link to `target`, a path from the top; it says how to get there from where it is
    /// (`sysfs_create_link`).
    pub fn link(&mut self, path: &str, target: &str) {
        let from: Vec<_> = path.split('/').collect();
        let to: Vec<_> = target.split('/').collect();
        let (from, above) = (&from[..from.len() - 1], &to[..to.len() - 1]);
        let common = from.iter().zip(above).take_while(|(a, b)| a == b).count();
        let mut text = "../".repeat(from.len() - common);
        text += &to[common..].join("/");
        *self.at(path) = Self::Link(text);
    }

    /// The top of the finished tree.
    pub fn build(self, args: &MountArgs) -> Result<Arc<Node>> {
        let shared = Arc::new(Shared::new(args));
        let mut last = 0;
        self.into_node(&shared, &mut last)
    }

    fn into_node(self, shared: &Arc<Shared>, last: &mut u64) -> Result<Arc<Node>> {
        *last += 1;
        let ino = *last;
        let body = match self {
            Self::File(show, store) => Body::File(show, store),
            Self::Link(text) => Body::Link(text.into_bytes().into()),
            Self::Dir(entries) => {
                let mut nodes: Vec<Named> = Vec::new();
                for (name, draft) in entries {
                    let name: Box<[u8]> = name.into_bytes().into();
                    if nodes.last().is_some_and(|(before, _)| *before >= name) {
                        return Err(EEXIST);
                    }
                    nodes.push((name, draft.into_node(shared, last)?));
                }
                Body::Dir(nodes)
            }
        };
        Ok(Arc::new(Node::new(shared.clone(), ino, body)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_say_how_to_get_there() {
        let mut top = Draft::dir();
        for (path, target, text) in [
            ("class/mem/null", "devices/virtual/mem/null", "../../devices/virtual/mem/null"),
            ("devices/virtual/mem/null/subsystem", "class/mem", "../../../../class/mem"),
            ("devices/platform/p/tty/t/device", "devices/platform/p", "../../../p"),
            ("a/b", "a/c", "c"),
        ] {
            top.link(path, target);
            assert!(matches!(top.at(path), Draft::Link(link) if link == text), "{path}");
        }
    }
}
