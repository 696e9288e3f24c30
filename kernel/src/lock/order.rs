//! The lock order of the whole kernel: one list, outermost first.
//!
//! A lock may be taken only while every lock held stands above it here. Two locks of one level
//! are taken through [`super::spin::Spin::lock_pair`] or under a level above both.

/// A place in the lock order.
pub trait Level {
    /// Smaller is further out.
    const RANK: u8;
    /// What a broken order is reported with.
    const NAME: &'static str;
}

macro_rules! lock_order {
    ($($(#[$m:meta])* $name:ident),* $(,)?) => {
        #[repr(u8)]
        enum Rank { $($name),* }
        $(
            $(#[$m])*
            #[derive(Debug)]
            pub enum $name {}
            impl Level for $name {
                const RANK: u8 = Rank::$name as u8;
                const NAME: &'static str = stringify!($name);
            }
        )*
    };
}

lock_order! {
    /// Which epoll sets are within which, while that changes.
    EpollNesting,
    /// An epoll set being looked through, with all the files in it; sets within a set are looked
    /// through under it.
    EpollScan,
    /// The offset of an open, seekable file (`f_pos_lock`); what a
    /// read or a listing takes comes below.
    FileOffset,
    /// What an open file of `/proc` keeps of its text; whatever the text tells of comes below.
    Seq,
    // ---- may sleep; user memory is copied only above `Mm` ----
    /// One `execve` at a time in a thread group (Linux's `cred_guard_mutex`).
    Exec,
    /// The mount tree.
    Mounts,
    /// Renames between directories of one file system (`s_vfs_rename_mutex`).
    Rename,
    /// A directory's entries (`i_rwsem` of a directory).
    Dir,
    /// Whose turn it is at one end of a pipe; held while a pipe is spliced into another stream.
    PipeTurn,
    /// Whose turn it is at one end of a stream (terminal); held across user copies.
    Turn,
    /// A regular file's size and contents (`i_rwsem` of a file).
    FileData,
    /// The mappings of an address space (`mmap_lock`).
    Mm,
    /// A shared page table.
    Table,
    /// The cached pages of one file.
    PageCache,
    // ---- spin ----
    /// A pipe's ring.
    Pipe,
    /// A terminal's line and settings.
    Tty,
    /// What is on its way between the two ends of a pseudoterminal.
    Pty,
    /// A socket's state.
    Socket,
    /// System V objects.
    Ipc,
    /// The files of an epoll set, and the sets that watch a file.
    EpollItems,
    /// Who wants signals about a pipe or terminal.
    Listeners,
    /// Whom an open file sends signals.
    FileOwner,
    /// A futex hash bucket; user words are read under it without faulting.
    Futex,
    /// Parents, children, groups, sessions, exit codes (`tasklist_lock`).
    Family,
    /// A table of open files.
    Files,
    /// Names: a dentry's children, an inode's attributes, root and working directory.
    Names,
    /// Free numbers of mounts, peer groups and file systems.
    Numbers,
    /// Queued signals and signal actions of a process (`siglock`).
    Signals,
    /// A thread's blocked and pending signals; under its process's `Signals` where both are held.
    ThreadSignals,
    /// What a thread works with and its process's limits (`alloc_lock`); looked at while a signal
    /// is sent, hence not among the `Names`.
    Parts,
    /// What a process does with each signal (shared with `CLONE_SIGHAND`).
    Actions,
    /// How many processes each user has.
    Users,
    /// The watches of an inotify instance.
    Watches,
    /// The watches on an inode, or in a file system.
    Marks,
    /// Events that nobody has read yet; how many watches each user has.
    Events,
    /// The locks that processes have on a file.
    FileLocks,
    /// Which files have locks, and which process waits for which.
    LockTable,
    /// The key of the random number generator.
    Random,
    /// When a process's alarm goes off.
    Alarm,
    /// Armed timers.
    Timers,
    /// The ready list of an epoll set, which wake-ups of all kinds add to.
    Epoll,
    /// A wait queue.
    Wait,
    /// Who owns a thread's fiber.
    Slot,
    /// The runnable threads of one CPU.
    RunQueue,
    /// Bytes on their way from a serial port to its queue.
    SerialPort,
    /// The kernel log.
    Log,
    /// Console output; last, so that anyone may print.
    Console,
}
