//! [`Family`]: pids, parents and children, process groups and sessions, and what parents may learn
//! by wait(2). Pure data (generic over the handle of a process), kept under the one lock of level
//! `Family`, Linux's `tasklist_lock`.

use alloc::collections::{BTreeMap, BTreeSet};

use abi::errno::{EACCES, ECHILD, EEXIST, EINVAL, EPERM, ESRCH, Result};

/// The number of a process, a thread, a group or a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(pub i32);

impl Pid {
    /// Nobody: the parent of init.
    pub const NONE: Self = Self(0);
    /// The first process.
    pub const INIT: Self = Self(1);
}

/// Pids below this are not used again after the first round (`RESERVED_PIDS`).
const RESERVED: i32 = 300;

/// Something that a parent may learn of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It ended with this wait status; it stays a zombie until reaped.
    Ended(i32),
    /// A signal stopped it.
    Stopped(u32),
    /// SIGCONT let it go on.
    Continued,
}

/// What kinds of news a waiter asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// `WEXITED`
    pub ended: bool,
    /// `WSTOPPED`
    pub stopped: bool,
    /// `WCONTINUED`
    pub continued: bool,
}

impl Wanted {
    fn wants(self, news: News) -> bool {
        match news {
            News::Ended(_) => self.ended,
            News::Stopped(_) => self.stopped,
            News::Continued => self.continued,
        }
    }
}

/// Whose news a waiter asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Any child.
    Any,
    /// The child with this pid.
    Child(Pid),
    /// Any child in this process group.
    Group(Pid),
}

struct Entry<P> {
    handle: P,
    parent: Pid,
    children: BTreeSet<Pid>,
    /// The children with news.
    told: BTreeSet<Pid>,
    group: Pid,
    session: Pid,
    news: Option<News>,
    /// It has executed a program since it was forked: its parent may not move it any more.
    execed: bool,
    /// Orphaned descendants become its children (`PR_SET_CHILD_SUBREAPER`).
    subreaper: bool,
}

/// All processes.
pub struct Family<P> {
    processes: BTreeMap<Pid, Entry<P>>,
    /// Members by process group.
    groups: BTreeMap<Pid, BTreeSet<Pid>>,
    /// Groups by session, with the number of their members.
    sessions: BTreeMap<Pid, usize>,
    /// Threads that lead no process, by their numbers, with their process's; for one in the making
    /// that is [`Pid::NONE`].
    threads: BTreeMap<Pid, Pid>,
    last: i32,
    pid_max: i32,
}

/// What the end of a process brings about.
#[derive(Debug)]
pub struct Ended<P> {
    /// Who is to be told.
    pub parent: Option<P>,
    /// Children that have found a new parent, with it; those that have ended already are marked.
    pub adopted: alloc::vec::Vec<(P, P, bool)>,
    /// Groups that this left without anyone to restart their stopped jobs.
    pub orphaned: alloc::vec::Vec<Pid>,
}

impl<P: Clone> Family<P> {
    /// Nobody yet. Pids run below `pid_max`.
    pub const fn new(pid_max: i32) -> Self {
        Self {
            processes: BTreeMap::new(),
            groups: BTreeMap::new(),
            sessions: BTreeMap::new(),
            threads: BTreeMap::new(),
            last: 0,
            pid_max,
        }
    }

    /// A pid that nothing uses: no process, thread, group or session. `None`: all are taken. It
    /// counts as a thread's until [`Family::add`], or [`Family::remove_thread`] gives it back.
    pub fn allocate(&mut self) -> Option<Pid> {
        for _ in 0..self.pid_max {
            self.last += 1;
            if self.last >= self.pid_max {
                self.last = RESERVED;
            }
            let pid = Pid(self.last);
            if !self.is_used(pid) {
                self.threads.insert(pid, Pid::NONE);
                return Some(pid);
            }
        }
        None
    }

    /// Takes `pid` if nothing uses it, as [`Family::allocate`] takes any.
    pub fn claim(&mut self, pid: Pid) -> Result<Pid> {
        if !(1..self.pid_max).contains(&pid.0) {
            return Err(EINVAL);
        }
        if self.is_used(pid) {
            return Err(EEXIST);
        }
        self.threads.insert(pid, Pid::NONE);
        Ok(pid)
    }

    fn is_used(&self, pid: Pid) -> bool {
        self.processes.contains_key(&pid)
            || self.threads.contains_key(&pid)
            || self.groups.contains_key(&pid)
            || self.sessions.contains_key(&pid)
    }

    /// The pid allocated last.
    pub fn last_pid(&self) -> Pid {
        Pid(self.last)
    }

    /// The next pid is looked for behind `pid` (`kernel.ns_last_pid`).
    pub fn set_last_pid(&mut self, pid: Pid) {
        self.last = pid.0;
    }

    /// Pids run below this (`kernel.pid_max`).
    pub fn pid_max(&self) -> i32 {
        self.pid_max
    }

    /// New pids run below `max`; those that are there stay.
    pub fn set_pid_max(&mut self, max: i32) {
        self.pid_max = max;
    }

    /// How many processes there are, zombies included.
    pub fn len(&self) -> usize {
        self.processes.len()
    }

    /// How many threads there are, zombies and those in the making included.
    pub fn threads(&self) -> usize {
        self.processes.len() + self.threads.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    /// A new process, in the group and session of `parent`; without one, in its own.
    pub fn add(&mut self, pid: Pid, parent: Pid, handle: P) {
        let (group, session) = match self.processes.get_mut(&parent) {
            Some(entry) => {
                entry.children.insert(pid);
                (entry.group, entry.session)
            }
            None => (pid, pid),
        };
        let entry = Entry {
            handle,
            parent,
            children: BTreeSet::new(),
            told: BTreeSet::new(),
            group,
            session,
            news: None,
            execed: false,
            subreaper: false,
        };
        self.processes.insert(pid, entry);
        self.threads.remove(&pid);
        self.enter(pid, group, session);
    }

    /// A new thread of `process`, which it does not lead.
    pub fn add_thread(&mut self, tid: Pid, process: Pid) {
        self.threads.insert(tid, process);
    }

    /// Such a thread ended.
    pub fn remove_thread(&mut self, tid: Pid) {
        self.threads.remove(&tid);
    }

    /// The process `pid`, zombies included; also by the number of one of its threads.
    pub fn get(&self, pid: Pid) -> Option<&P> {
        let pid = self.threads.get(&pid).unwrap_or(&pid);
        self.processes.get(pid).map(|entry| &entry.handle)
    }

    /// The handles of the children of `pid`.
    pub fn children(&self, pid: Pid) -> impl Iterator<Item = &P> {
        let children = self.processes.get(&pid).into_iter().flat_map(|entry| &entry.children);
        children.filter_map(|child| self.get(*child))
    }

    /// Has it ended, waiting to be reaped?
    pub fn is_zombie(&self, pid: Pid) -> bool {
        matches!(self.processes.get(&pid), Some(Entry { news: Some(News::Ended(_)), .. }))
    }

    /// The wait status of a zombie.
    pub fn status(&self, pid: Pid) -> Option<i32> {
        match self.processes.get(&pid)?.news {
            Some(News::Ended(status)) => Some(status),
            _ => None,
        }
    }

    /// All processes, by rising pid.
    pub fn iter(&self) -> impl Iterator<Item = (Pid, &P)> {
        self.processes.iter().map(|(pid, entry)| (*pid, &entry.handle))
    }

    /// The pids of all processes from `pid` on, rising.
    pub fn pids_from(&self, pid: Pid) -> impl Iterator<Item = Pid> {
        self.processes.range(pid..).map(|(pid, _)| *pid)
    }

    /// The members of group `group`, by rising pid.
    pub fn members(&self, group: Pid) -> impl Iterator<Item = &P> {
        let members = self.groups.get(&group).into_iter().flatten();
        members.filter_map(|pid| self.get(*pid))
    }

    /// Parent, group and session of `pid`.
    pub fn place(&self, pid: Pid) -> Option<(Pid, Pid, Pid)> {
        let pid = self.threads.get(&pid).unwrap_or(&pid);
        self.processes.get(pid).map(|entry| (entry.parent, entry.group, entry.session))
    }

    /// execve: see `EACCES` of setpgid(2).
    pub fn has_execed(&mut self, pid: Pid) {
        if let Some(entry) = self.processes.get_mut(&pid) {
            entry.execed = true;
        }
    }

    /// Has it executed a program since it was forked?
    pub fn is_execed(&self, pid: Pid) -> bool {
        self.processes.get(&pid).is_some_and(|entry| entry.execed)
    }

    /// Children of `parent` from number `from` on, rising.
    pub fn children_from(&self, parent: Pid, from: Pid) -> impl Iterator<Item = Pid> {
        let children = self.processes.get(&parent).map(|entry| entry.children.range(from..));
        children.into_iter().flatten().copied()
    }

    /// `PR_SET_CHILD_SUBREAPER`
    pub fn set_subreaper(&mut self, pid: Pid, on: bool) {
        if let Some(entry) = self.processes.get_mut(&pid) {
            entry.subreaper = on;
        }
    }

    /// `PR_GET_CHILD_SUBREAPER`
    pub fn is_subreaper(&self, pid: Pid) -> bool {
        self.processes.get(&pid).is_some_and(|entry| entry.subreaper)
    }

    /// setsid(2). `EPERM`: it leads a group, or its pid is the number of one.
    pub fn new_session(&mut self, pid: Pid) -> Result<Pid> {
        if self.groups.contains_key(&pid) || self.sessions.contains_key(&pid) {
            return Err(EPERM);
        }
        self.move_to(pid, pid, pid);
        Ok(pid)
    }

    /// setpgid(2), called by `caller`.
    pub fn set_group(&mut self, caller: Pid, pid: Pid, group: Pid) -> Result<()> {
        let mine = self.place(caller).ok_or(ESRCH)?;
        let target = self.processes.get(&pid).ok_or(ESRCH)?;
        if pid != caller {
            if target.parent != caller {
                return Err(ESRCH);
            }
            if target.session != mine.2 {
                return Err(EPERM);
            }
            if target.execed {
                return Err(EACCES);
            }
        }
        if target.session == pid {
            return Err(EPERM);
        }
        let session = target.session;
        if group != pid {
            let member = self.groups.get(&group).and_then(|g| g.first()).ok_or(EPERM)?;
            if self.place(*member).is_none_or(|place| place.2 != mine.2) {
                return Err(EPERM);
            }
        }
        self.move_to(pid, group, session);
        Ok(())
    }

    /// `pid` has news for its parent, which is returned.
    pub fn tell(&mut self, pid: Pid, news: News) -> Option<P> {
        let entry = self.processes.get_mut(&pid)?;
        if !matches!(entry.news, Some(News::Ended(_))) {
            entry.news = Some(news);
        }
        let parent = entry.parent;
        let parent = self.processes.get_mut(&parent)?;
        parent.told.insert(pid);
        Some(parent.handle.clone())
    }

    /// News that are no news any more: a stopped child went on, a continued one stopped.
    pub fn untell(&mut self, pid: Pid) {
        let Some(entry) = self.processes.get_mut(&pid) else { return };
        if matches!(entry.news, Some(News::Stopped(_) | News::Continued)) {
            entry.news = None;
            let parent = entry.parent;
            if let Some(parent) = self.processes.get_mut(&parent) {
                parent.told.remove(&pid);
            }
        }
    }

    /// wait(2) by `parent`: the first child of `whose` with news that are `wanted`. `None`: there
    /// are such children, but without news. `keep` leaves the news for another time (`WNOWAIT`);
    /// otherwise a zombie must be [`Family::reap`]ed. Only `eligible` children count.
    pub fn wait(
        &mut self,
        parent: Pid,
        whose: Whose,
        wanted: Wanted,
        keep: bool,
        eligible: impl Fn(&P) -> bool,
    ) -> Result<Option<(Pid, P, News)>> {
        let entry = self.processes.get(&parent).ok_or(ECHILD)?;
        let belongs = |pid: &Pid| {
            self.processes.get(pid).is_some_and(|e| match whose {
                Whose::Any => eligible(&e.handle),
                Whose::Child(child) => *pid == child && eligible(&e.handle),
                Whose::Group(group) => e.group == group && eligible(&e.handle),
            })
        };
        let exists = match whose {
            Whose::Child(child) => entry.children.contains(&child) && belongs(&child),
            _ => entry.children.iter().any(belongs),
        };
        if !exists {
            return Err(ECHILD);
        }
        let found = entry.told.iter().filter(|pid| belongs(pid)).find_map(|pid| {
            let child = self.processes.get(pid)?;
            let news = child.news.filter(|news| wanted.wants(*news))?;
            Some((*pid, child.handle.clone(), news))
        });
        if let Some((pid, _, news)) = found
            && !keep
            && !matches!(news, News::Ended(_))
        {
            self.untell(pid);
        }
        Ok(found)
    }

    /// Who takes over the children of `pid`: the nearest living ancestor that wants to, or init.
    fn reaper_of(&self, pid: Pid) -> Pid {
        let mut at = self.processes.get(&pid).map_or(Pid::NONE, |entry| entry.parent);
        while let Some(entry) = self.processes.get(&at) {
            if entry.subreaper && !matches!(entry.news, Some(News::Ended(_))) {
                return at;
            }
            at = entry.parent;
        }
        Pid::INIT
    }

    /// `pid` ended with wait status `status`: it becomes a zombie, its children get a new parent.
    pub fn end(&mut self, pid: Pid, status: i32) -> Ended<P> {
        let mut ended = Ended {
            parent: None,
            adopted: alloc::vec::Vec::new(),
            orphaned: alloc::vec::Vec::new(),
        };
        let reaper = self.reaper_of(pid);
        let Some(entry) = self.processes.get_mut(&pid) else { return ended };
        entry.news = Some(News::Ended(status));
        let (parent, own_group, own_session) = (entry.parent, entry.group, entry.session);
        let children = core::mem::take(&mut entry.children);
        entry.told.clear();
        // Groups for which this process was, or had, a link to a parent that could restart them.
        let mut affected = BTreeSet::new();
        let linked = |other: &Entry<P>| other.group != own_group && other.session == own_session;
        if self.processes.get(&parent).is_some_and(linked) {
            affected.insert(own_group);
        }
        for child in children {
            let Some(entry) = self.processes.get_mut(&child) else { continue };
            entry.parent = reaper;
            if linked(entry) {
                affected.insert(entry.group);
            }
            let news = entry.news;
            let handle = entry.handle.clone();
            let Some(new) = self.processes.get_mut(&reaper) else { continue };
            new.children.insert(child);
            if news.is_some() {
                new.told.insert(child);
            }
            let zombie = matches!(news, Some(News::Ended(_)));
            ended.adopted.push((handle, new.handle.clone(), zombie));
        }
        ended.orphaned = affected.into_iter().filter(|group| self.is_orphaned(*group)).collect();
        if let Some(parent) = self.processes.get_mut(&parent) {
            parent.told.insert(pid);
            ended.parent = Some(parent.handle.clone());
        }
        ended
    }

    /// Is `group` orphaned: has no living member a parent in another group of the same session?
    pub fn is_orphaned(&self, group: Pid) -> bool {
        let members = self.groups.get(&group).into_iter().flatten();
        !members.filter_map(|pid| self.processes.get(pid)).any(|member| {
            !matches!(member.news, Some(News::Ended(_)))
                && member.parent != Pid::INIT
                && self.processes.get(&member.parent).is_some_and(|parent| {
                    parent.group != member.group && parent.session == member.session
                })
        })
    }

    /// A zombie goes for good. `None`: somebody else was faster.
    pub fn reap(&mut self, pid: Pid) -> Option<P> {
        if !self.is_zombie(pid) {
            return None;
        }
        let entry = self.processes.remove(&pid)?;
        if let Some(parent) = self.processes.get_mut(&entry.parent) {
            parent.children.remove(&pid);
            parent.told.remove(&pid);
        }
        self.leave(pid, entry.group, entry.session);
        Some(entry.handle)
    }

    fn move_to(&mut self, pid: Pid, group: Pid, session: Pid) {
        let Some(entry) = self.processes.get_mut(&pid) else { return };
        let (old_group, old_session) = (entry.group, entry.session);
        entry.group = group;
        entry.session = session;
        self.enter(pid, group, session);
        if (old_group, old_session) != (group, session) {
            if old_group == group {
                self.leave_session(old_session);
            } else {
                self.leave(pid, old_group, old_session);
            }
        }
    }

    fn enter(&mut self, pid: Pid, group: Pid, session: Pid) {
        if self.groups.entry(group).or_default().insert(pid) {
            *self.sessions.entry(session).or_default() += 1;
        }
    }

    fn leave(&mut self, pid: Pid, group: Pid, session: Pid) {
        if let Some(members) = self.groups.get_mut(&group) {
            members.remove(&pid);
            if members.is_empty() {
                self.groups.remove(&group);
            }
        }
        self.leave_session(session);
    }

    fn leave_session(&mut self, session: Pid) {
        if let Some(count) = self.sessions.get_mut(&session) {
            *count -= 1;
            if *count == 0 {
                self.sessions.remove(&session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Wanted = Wanted { ended: true, stopped: true, continued: true };

    /// init (1) with children 2 and 3, and 4 below 3.
    fn small() -> Family<i32> {
        let mut f = Family::new(32768);
        for (pid, parent) in [(1, 0), (2, 1), (3, 1), (4, 3)] {
            assert_eq!(f.allocate(), Some(Pid(pid)));
            f.add(Pid(pid), Pid(parent), pid);
        }
        f
    }

    #[test]
    fn pids_rise_wrap_and_skip_what_is_used() {
        let mut f: Family<i32> = Family::new(310);
        for pid in 1..310 {
            assert_eq!(f.allocate(), Some(Pid(pid)));
        }
        assert_eq!(f.allocate(), None, "all are in the making");
        for pid in 1..310 {
            f.remove_thread(Pid(pid));
        }
        f.add(Pid(300), Pid(0), 0);
        f.add_thread(Pid(301), Pid(300));
        assert_eq!(f.allocate(), Some(Pid(302)));
    }

    #[test]
    fn a_group_keeps_its_number_after_its_leader() {
        let mut f = small();
        f.set_group(Pid(3), Pid(3), Pid(3)).unwrap();
        f.set_group(Pid(3), Pid(4), Pid(3)).unwrap();
        f.end(Pid(3), 0);
        f.reap(Pid(3)).unwrap();
        f.last = 2;
        assert_eq!(f.allocate(), Some(Pid(5)), "3 names a group, 4 a process");
    }

    #[test]
    fn zombies_wait_for_their_parent() {
        let mut f = small();
        assert_eq!(f.wait(Pid(1), Whose::Any, ALL, false, |_| true), Ok(None));
        assert_eq!(f.end(Pid(2), 0x100).parent, Some(1));
        let found = Ok(Some((Pid(2), 2, News::Ended(0x100))));
        assert_eq!(f.wait(Pid(1), Whose::Child(Pid(3)), ALL, false, |_| true), Ok(None));
        assert_eq!(f.wait(Pid(1), Whose::Any, ALL, true, |_| true), found);
        assert_eq!(f.wait(Pid(1), Whose::Child(Pid(2)), ALL, false, |_| true), found);
        assert_eq!(f.reap(Pid(2)), Some(2));
        assert_eq!(f.reap(Pid(2)), None);
        assert_eq!(f.wait(Pid(1), Whose::Child(Pid(2)), ALL, false, |_| true), Err(ECHILD));
        assert_eq!(f.wait(Pid(2), Whose::Any, ALL, false, |_| true), Err(ECHILD));
    }

    #[test]
    fn orphans_go_to_init_or_the_nearest_subreaper() {
        let mut f = small();
        f.add(Pid(5), Pid(4), 5);
        f.set_subreaper(Pid(3), true);
        let ended = f.end(Pid(4), 0);
        assert_eq!(ended.adopted, [(5, 3, false)]);
        assert_eq!(f.place(Pid(5)).unwrap().0, Pid(3));
        let ended = f.end(Pid(3), 0);
        assert_eq!(ended.adopted, [(4, 1, true), (5, 1, false)]);
    }

    #[test]
    fn stop_and_continue_are_told_once() {
        let mut f = small();
        assert_eq!(f.tell(Pid(2), News::Stopped(19)), Some(1));
        let ended = Wanted { ended: true, stopped: false, continued: false };
        assert_eq!(f.wait(Pid(1), Whose::Any, ended, false, |_| true), Ok(None));
        let told = f.wait(Pid(1), Whose::Any, ALL, false, |_| true).unwrap();
        assert_eq!(told, Some((Pid(2), 2, News::Stopped(19))));
        assert_eq!(f.wait(Pid(1), Whose::Any, ALL, false, |_| true), Ok(None));
    }

    #[test]
    fn setpgid_refuses_as_the_man_page_says() {
        let mut f = small();
        assert_eq!(f.set_group(Pid(1), Pid(1), Pid(1)), Err(EPERM), "a session leader");
        assert_eq!(f.set_group(Pid(1), Pid(4), Pid(4)), Err(ESRCH), "no child");
        assert_eq!(f.set_group(Pid(3), Pid(3), Pid(9)), Err(EPERM), "no such group");
        f.has_execed(Pid(4));
        assert_eq!(f.set_group(Pid(3), Pid(4), Pid(4)), Err(EACCES));
        assert_eq!(f.set_group(Pid(4), Pid(4), Pid(4)), Ok(()));
        assert_eq!(f.new_session(Pid(4)), Err(EPERM), "a group leader");
        assert_eq!(f.new_session(Pid(2)), Ok(Pid(2)));
        assert_eq!(f.set_group(Pid(1), Pid(2), Pid(1)), Err(EPERM), "another session");
    }

    #[test]
    fn sessions_count_their_members() {
        let mut f = small();
        f.new_session(Pid(3)).unwrap();
        assert_eq!(f.sessions.get(&Pid(1)), Some(&3));
        f.end(Pid(3), 0);
        f.reap(Pid(3)).unwrap();
        assert!(!f.sessions.contains_key(&Pid(3)));
    }

    #[test]
    fn a_job_without_its_shell_is_orphaned() {
        let mut f = small();
        // 3 is a shell in its own session, 4 its job in a group of its own.
        f.new_session(Pid(3)).unwrap();
        f.add(Pid(6), Pid(3), 6);
        f.set_group(Pid(3), Pid(6), Pid(6)).unwrap();
        assert!(!f.is_orphaned(Pid(6)));
        assert!(f.end(Pid(3), 0).orphaned.contains(&Pid(6)));
    }
}
