//! Terminals between a wire, programs and processes that are played by the tests.

mod files;
mod jobs;
mod serial;

use super::*;
use crate::cred::{CapSet, Cred, Limits};
use crate::fs::mount::{Devices, Namespace};
use crate::fs::{Caller, File, FileOps, FsInfo};
use crate::fs::{inode::FsType, path::Path, tmpfs};
use crate::mm::io::{SliceSink, SliceSource};
use crate::mm::user::{UserIn, UserOut};
use crate::mm::{Chance, MapRequest, Prot, Space, Who};
use crate::time::RealTime;
use abi::errno::*;
use abi::fs::OpenFlags;
use abi::mm::MapFlags;
use abi::poll::PollEvents;
use abi::signal::{SIGCONT, SIGHUP, SIGINT, SIGTTIN, SIGTTOU, SIGWINCH};
use abi::tty::*;
use abi::{Result, Wire};
use alloc::boxed::Box;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::vec;

/// What the processes of a test are like, and what was done to them.
#[derive(Default)]
struct Played {
    caller: Option<Job>,
    terminal: Option<Arc<Tty>>,
    shielded: bool,
    /// Sessions of groups other than the caller's.
    sessions: Vec<(i32, i32)>,
    /// Group (negative: leader of that session), signal.
    signals: Vec<(i32, u32)>,
}

#[derive(Default)]
pub(crate) struct Processes(Mutex<Played>);

impl Processes {
    fn play<R>(&self, f: impl FnOnce(&mut Played) -> R) -> R {
        f(&mut self.0.lock().unwrap())
    }

    fn signals(&self) -> Vec<(i32, u32)> {
        self.play(|p| core::mem::take(&mut p.signals))
    }
}

impl JobControl for Processes {
    fn caller(&self) -> Option<Job> {
        self.play(|p| p.caller)
    }
    fn shields(&self, _: u32) -> bool {
        self.play(|p| p.shielded)
    }
    fn terminal(&self) -> Option<Arc<Tty>> {
        self.play(|p| p.terminal.clone())
    }
    fn set_terminal(&self, tty: Option<Arc<Tty>>) {
        self.play(|p| p.terminal = tty);
    }
    fn session_of(&self, group: i32) -> Option<i32> {
        self.play(|p| p.sessions.iter().find(|&&(g, _)| g == group).map(|&(_, s)| s))
    }
    fn signal_group(&self, group: i32, signal: u32) {
        self.play(|p| p.signals.push((group, signal)));
    }
    fn hang_up_leader(&self, session: i32, _: i32) {
        self.play(|p| p.signals.extend([(-session, SIGHUP), (-session, SIGCONT)]));
    }
    fn clear_terminals(&self, _: i32) {
        self.play(|p| p.terminal = None);
    }
}

/// Both ends of a wire.
#[derive(Default)]
struct Wires {
    to_tty: VecDeque<u8>,
    from_tty: Vec<u8>,
}

#[derive(Clone, Default)]
struct TestWire(Arc<Mutex<Wires>>);

impl Driver for TestWire {
    fn open(&self) -> Result<()> {
        Ok(())
    }
    fn receive(&self, to: &mut [u8]) -> usize {
        let mut wires = self.0.lock().unwrap();
        let n = to.len().min(wires.to_tty.len());
        for slot in &mut to[..n] {
            *slot = wires.to_tty.pop_front().unwrap();
        }
        n
    }
    fn room(&self) -> usize {
        usize::MAX
    }
    fn send(&self, bytes: &[u8]) {
        self.0.lock().unwrap().from_tty.extend_from_slice(bytes);
    }
    fn flush_received(&self) {
        self.0.lock().unwrap().to_tty.clear();
    }
    fn is_pty(&self) -> bool {
        true
    }
    fn settle(&self, new: termios::Settings, _: &termios::Settings) -> termios::Settings {
        new
    }
}

struct NoDevices;

impl Devices for NoDevices {
    fn open_char(&self, _: u64, _: &Path, _: OpenFlags, _: &Caller) -> Result<Arc<dyn FileOps>> {
        Err(ENXIO)
    }
    fn open_block(&self, _: u64, _: OpenFlags, _: &Caller) -> Result<Arc<dyn FileOps>> {
        Err(ENXIO)
    }
}

/// A caller with files and a page of memory.
pub(crate) struct User {
    pub cred: Arc<Cred>,
    pub info: FsInfo,
    limits: Limits,
    space: Arc<Space>,
    page: u64,
}

impl User {
    pub fn new(devices: &'static dyn Devices) -> Self {
        // The first frame brings the memory whose size limits a tmpfs.
        drop(hal::mem::Frame::zeroed());
        let clock = Box::leak(Box::new(RealTime::new()));
        let mounts = Namespace::new(
            alloc::vec![FsType::nodev("tmpfs", tmpfs::mount)].leak(),
            devices,
            clock,
        )
        .unwrap();
        let (cred, limits) = (Arc::new(Cred::root()), Limits::init(1000));
        let space = Space::new(8 << 20, &mut Chance::new(&mut || 0, false)).unwrap();
        let flags = MapFlags::PRIVATE | MapFlags::ANONYMOUS;
        let request =
            MapRequest { addr: 0, len: 4096, prot: Prot(3), flags, offset: 0, file: None };
        let page = space.mmap(request, Who { cred: &cred, limits: &limits }).unwrap();
        Self { cred, info: FsInfo::new(mounts), limits, space, page }
    }

    pub fn with<R>(&self, f: impl FnOnce(&Caller) -> R) -> R {
        f(&Caller {
            cred: &self.cred,
            space: Some(&self.space),
            limits: &self.limits,
            fs_info: &self.info,
            raise: &|_| {},
        })
    }

    pub fn read(&self, file: &File, len: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        let n = self.with(|c| file.read(c, &mut SliceSink::new(&mut bytes)))?;
        bytes.truncate(n);
        Ok(bytes)
    }

    pub fn write(&self, file: &File, bytes: &[u8]) -> Result<usize> {
        self.with(|c| file.write(c, &mut SliceSource::new(bytes)))
    }

    fn ioctl(&self, file: &File, cmd: u32, arg: u64) -> Result<()> {
        self.with(|c| file.ops().ioctl(file, c, cmd, arg)).map(|value| assert_eq!(value, 0))
    }

    fn get<T: Wire>(&self, file: &File, cmd: u32) -> Result<T> {
        self.ioctl(file, cmd, self.page)?;
        UserIn::new(self.page).read(&self.space)
    }

    fn set<T: Wire>(&self, file: &File, cmd: u32, value: &T) -> Result<()> {
        UserOut::new(self.page).write(&self.space, value)?;
        self.ioctl(file, cmd, self.page)
    }
}

/// A terminal with everything around it. The caller leads session 10, in group 10.
struct World {
    user: User,
    processes: &'static Processes,
    wire: TestWire,
    tty: Arc<Tty>,
}

const LEADER: Job = Job { group: 10, session: 10, leads_session: true, orphaned: false };

impl World {
    fn new() -> Self {
        let processes: &'static Processes = Box::leak(Box::default());
        processes.play(|p| p.caller = Some(LEADER));
        let wire = TestWire::default();
        let dev = makedev(SERIAL_MAJOR, SERIAL_MINOR);
        let tty = Tty::new(dev, Box::new(wire.clone()), termios::STANDARD, processes);
        Self { user: User::new(&NoDevices), processes, wire, tty: Arc::new(tty) }
    }

    fn open_as(&self, flags: OpenFlags, console: bool) -> Result<File> {
        let ops = self.user.with(|c| match console {
            true => Terminal::open_console(self.tty.clone(), c),
            false => Terminal::open(self.tty.clone(), flags, c),
        })?;
        let root = self.user.info.root();
        let inode = root.inode()?.clone();
        Ok(File::new(ops, inode, None, flags, self.user.cred.clone()))
    }

    fn open(&self) -> File {
        self.open_as(OpenFlags::RDWR, false).unwrap()
    }

    fn type_in(&self, bytes: &[u8]) {
        self.wire.0.lock().unwrap().to_tty.extend(bytes);
        self.tty.pump();
    }

    fn screen(&self) -> Vec<u8> {
        core::mem::take(&mut self.wire.0.lock().unwrap().from_tty)
    }

    fn events(&self, file: &File) -> PollEvents {
        self.user.with(|c| file.poll(c, None))
    }

    fn change(&self, file: &File, f: impl FnOnce(&mut Termios)) {
        let mut t: Termios = self.user.get(file, TCGETS).unwrap();
        f(&mut t);
        self.user.set(file, TCSETS, &t).unwrap();
    }

    /// A shell's child in a background group of the same session.
    fn go_to_background(&self) {
        let job = Job { group: 20, session: 10, leads_session: false, orphaned: false };
        self.processes.play(|p| p.caller = Some(job));
    }
}

const READABLE: PollEvents = PollEvents::IN.with(PollEvents::RDNORM);
const WRITABLE: PollEvents = PollEvents::OUT.with(PollEvents::WRNORM);
