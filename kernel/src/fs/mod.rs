//! Files: what a descriptor leads to, and the tree of names.
//!
//! ```text
//! FdTable ──fd──▶ Arc<File> ──▶ dyn FileOps            pipe end, tty, open regular file, …
//!                    └──▶ Path { mount, dentry } ──▶ Arc<dyn Inode>
//! ```
//!
//! Objects never sleep: a [`file::FileOps`] says `EAGAIN`, and [`file::File::block`] sleeps for
//! it. Names are bytes. A file system implements [`inode::Inode`] and, by kind, [`inode::Dir`],
//! [`inode::Data`] or [`inode::Link`]; permissions, symbolic links, mounts and caching are
//! decided here, once for all of them.

pub mod access;
pub mod attached;
pub mod attr;
pub mod busy;
pub mod caller;
pub mod dentry;
pub mod epoll;
pub mod eventfd;
pub mod fd_table;
pub mod file;
pub mod info;
pub mod initramfs;
pub mod inode;
pub mod locks;
pub mod mount;
pub mod namei;
pub mod nameless;
pub mod notify;
pub mod open;
pub mod path;
pub mod pipe;
pub mod poll;
pub mod protect;
pub mod regular;
pub mod settings;
pub mod sigio;
pub mod splice;
pub mod superblock;
pub mod timerfd;
pub mod tmpfs;
pub mod xattr;

#[cfg(test)]
mod tests;

pub use busy::ExecFile;
pub use caller::Caller;
pub use fd_table::{Fd, FdTable};
pub use file::{File, FileOps, Pos};
pub use info::FsInfo;
pub use inode::{Attr, Inode, Kind};
pub use nameless::Nameless;
pub use path::{Path, lookup};
