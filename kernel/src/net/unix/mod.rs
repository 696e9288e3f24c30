//! Sockets within one machine (unix(7), `net/unix/af_unix.c`): streams, datagrams, and sequenced
//! packets, which are datagrams over a connection.
//!
//! A [`Socket`] has an inbox of messages; whoever sends puts a message into the inbox of the other.
//! A stream only forgets where one message ends and the next begins. What a descriptor stands for
//! is a [`Handle`], with which a socket ends; other sockets may know it for longer.
//!
//! Locks: `Turn`, one for each direction, is held over user copies and keeps messages in order;
//! `Socket` guards a socket's state, never two at a time and never over a copy.

mod connect;
mod inbox;
mod name;
mod transfer;

pub use name::{Address, Name, Registry};
pub use transfer::Received;

use abi::errno::{EFAULT, EINVAL, ENOTTY, Errno, Result};
use abi::fs::{FIONREAD, OpenFlags};
use abi::net::Ucred;
use abi::poll::PollEvents;
use alloc::{collections::VecDeque, sync::Arc};
use core::mem;

use crate::cred::Cred;
use crate::fs::{Caller, File, FileOps, Nameless, Pos};
use crate::lock::{Spin, order};
use crate::mm::io::{Sink, Source};
use crate::mm::user::UserOut;
use crate::wait::{Mutex, WaitQueue, Watch};
use inbox::Inbox;

/// Bytes that may wait to be received, with what keeping them costs (`wmem_default`).
const BUFFER: usize = 212_992;

/// What carries messages, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `SOCK_STREAM`
    Stream,
    /// `SOCK_DGRAM`
    Dgram,
    /// `SOCK_SEQPACKET`
    Seqpacket,
}

/// One end.
pub struct Socket {
    kind: Kind,
    registry: &'static Registry,
    state: Spin<State, order::Socket>,
    reading: Mutex<(), order::Turn>,
    writing: Mutex<(), order::Turn>,
    /// Told of everything: messages, room, connections, ends.
    changed: Arc<WaitQueue>,
}

struct State {
    phase: Phase,
    name: Option<Arc<Name>>,
    /// Whom it sends to. A dead one stays known: sending to it is what tells.
    peer: Option<Arc<Socket>>,
    peer_cred: Ucred,
    inbox: Inbox,
    /// Bytes that may wait at the other end.
    send_buffer: usize,
    receive_buffer: usize,
    shut_receive: bool,
    shut_send: bool,
    /// Its descriptors are closed.
    dead: bool,
    /// What the next call is told (`SO_ERROR`).
    error: Option<Errno>,
}

/// Where a socket with connections is on its way.
enum Phase {
    Closed,
    Connecting,
    Connected,
    Listening(Backlog),
}

/// Connections that wait to be accepted.
struct Backlog {
    max: usize,
    waiting: VecDeque<Handle>,
}

/// A socket that is open; the socket ends with it.
pub struct Handle(Arc<Socket>);

/// What `SO_PEERCRED` tells of nobody.
const NOBODY: Ucred = Ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };

/// Makes a socket.
pub fn socket(registry: &'static Registry, kind: Kind) -> Handle {
    Handle(Arc::new(Socket {
        kind,
        registry,
        state: Spin::new(State {
            phase: Phase::Closed,
            name: None,
            peer: None,
            peer_cred: NOBODY,
            inbox: Inbox::default(),
            send_buffer: BUFFER,
            receive_buffer: BUFFER,
            shut_receive: false,
            shut_send: false,
            dead: false,
            error: None,
        }),
        reading: Mutex::new(()),
        writing: Mutex::new(()),
        changed: Arc::new(WaitQueue::new()),
    }))
}

/// socketpair(2): two sockets that are connected.
pub fn pair(registry: &'static Registry, kind: Kind, cred: Ucred) -> (Handle, Handle) {
    let (a, b) = (socket(registry, kind), socket(registry, kind));
    for (one, other) in [(&a, &b), (&b, &a)] {
        let mut state = one.0.state.lock();
        state.phase = Phase::Connected;
        state.peer = Some(other.0.clone());
        state.peer_cred = cred;
    }
    (a, b)
}

/// Gives a socket an open file.
pub fn open(c: &Caller, cred: &Arc<Cred>, handle: Handle, flags: OpenFlags) -> Arc<File> {
    let inode = Arc::new(Nameless::socket(c));
    Arc::new(File::new(Arc::new(handle), inode, None, flags | OpenFlags::RDWR, cred.clone()))
}

impl Handle {
    /// The socket.
    pub fn socket(&self) -> &Arc<Socket> {
        &self.0
    }
}

impl Socket {
    /// What it carries.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Told of everything that happens to it.
    pub fn changed(&self) -> &Arc<WaitQueue> {
        &self.changed
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<Arc<Name>> {
        self.state.lock().name.clone()
    }

    /// Whom it is connected to.
    pub fn peer(&self) -> Option<Arc<Socket>> {
        self.state.lock().peer.clone()
    }

    /// Who was at the other end when it was connected (`SO_PEERCRED`).
    pub fn peer_cred(&self) -> Ucred {
        self.state.lock().peer_cred
    }

    /// Does it wait for connections (`SO_ACCEPTCONN`)?
    pub fn is_listening(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Listening(_))
    }

    /// The error to be told, which then is told (`SO_ERROR`).
    pub fn take_error(&self) -> Option<Errno> {
        self.state.lock().error.take()
    }

    /// The sizes of what may be sent and received (`SO_SNDBUF`, `SO_RCVBUF`).
    pub fn buffers(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.send_buffer, state.receive_buffer)
    }

    /// Sets them; `None` leaves one as it is. They are twice what is asked for, within limits.
    pub fn set_buffers(&self, send: Option<usize>, receive: Option<usize>) {
        let within = |size: usize, least| size.min(BUFFER).saturating_mul(2).max(least);
        let mut state = self.state.lock();
        if let Some(size) = send {
            state.send_buffer = within(size, 4608);
        }
        if let Some(size) = receive {
            state.receive_buffer = within(size, 2304);
        }
    }

    /// shutdown(2): of a connection, the other end is shut the other way round.
    pub fn shut_down(&self, receive: bool, send: bool) {
        let peer = {
            let mut state = self.state.lock();
            state.shut_receive |= receive;
            state.shut_send |= send;
            state.peer.clone().filter(|_| self.kind != Kind::Dgram)
        };
        if let Some(peer) = peer {
            {
                let mut state = peer.state.lock();
                state.shut_receive |= send;
                state.shut_send |= receive;
            }
            peer.changed.wake_all();
        }
        self.changed.wake_all();
    }

    /// Is there room at whom it sends to, for a message that it need not wait with?
    fn has_room(&self, peer: Option<&Arc<Socket>>, send_buffer: usize) -> bool {
        let Some(peer) = peer else { return true };
        let state = peer.state.lock();
        let mutual = state.peer.as_ref().is_some_and(|other| core::ptr::eq(&**other, self));
        match mutual {
            true => state.inbox.charge() * 4 <= send_buffer,
            false => state.dead || !state.inbox.is_crowded(),
        }
    }

    fn events(&self) -> PollEvents {
        const READABLE: PollEvents = PollEvents::IN.with(PollEvents::RDNORM);
        const WRITABLE: PollEvents =
            PollEvents::OUT.with(PollEvents::WRNORM).with(PollEvents::WRBAND);
        let mut events = PollEvents::EMPTY;
        let (peer, send_buffer, listening) = {
            let state = self.state.lock();
            let (pending, listening) = match &state.phase {
                Phase::Listening(backlog) => (!backlog.waiting.is_empty(), true),
                _ => (!state.inbox.is_empty(), false),
            };
            if pending {
                events |= READABLE;
            }
            if state.error.is_some() {
                events |= PollEvents::ERR;
            }
            if state.shut_receive {
                events |= READABLE | PollEvents::RDHUP;
            }
            let unconnected = self.kind != Kind::Dgram && matches!(state.phase, Phase::Closed);
            if unconnected || state.shut_receive && state.shut_send {
                events |= PollEvents::HUP;
            }
            (state.peer.clone(), state.send_buffer, listening)
        };
        if !listening && self.has_room(peer.as_ref(), send_buffer) {
            events |= WRITABLE;
        }
        events
    }

    /// Its last descriptor is closed.
    fn end(&self) {
        let (phase, name, peer, inbox) = {
            let mut state = self.state.lock();
            state.dead = true;
            state.shut_receive = true;
            state.shut_send = true;
            let phase = mem::replace(&mut state.phase, Phase::Closed);
            (phase, state.name.take(), state.peer.take(), mem::take(&mut state.inbox))
        };
        if let Some(name) = name {
            self.registry.remove(&name, self);
        }
        if let Some(peer) = peer.filter(|_| self.kind != Kind::Dgram) {
            {
                let mut state = peer.state.lock();
                state.shut_receive = true;
                state.shut_send = true;
                if !inbox.is_empty() {
                    state.error = Some(abi::errno::ECONNRESET);
                }
            }
            peer.changed.wake_all();
        }
        if let Phase::Listening(backlog) = phase {
            for never_accepted in backlog.waiting {
                if let Some(client) = never_accepted.0.peer() {
                    client.state.lock().error = Some(abi::errno::ECONNRESET);
                }
            }
        }
        self.changed.wake_all();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl FileOps for Handle {
    fn read(&self, _f: &File, _c: &Caller, to: &mut dyn Sink, _at: Pos) -> Result<usize> {
        self.0.receive(to, false).map(|received| received.len)
    }

    fn write(&self, _f: &File, c: &Caller, from: &mut dyn Source, _at: Pos) -> Result<usize> {
        self.0.send(c, from, None, true)
    }

    fn writes_records(&self) -> bool {
        self.0.kind != Kind::Stream
    }

    fn can_poll(&self) -> bool {
        true
    }

    fn poll(&self, _f: &File, _c: &Caller, watch: Option<&mut Watch>) -> PollEvents {
        if let Some(watch) = watch {
            watch.add(&self.0.changed, 0);
            if let Some(peer) = self.0.peer() {
                watch.add(&peer.changed, 0);
            }
        }
        self.0.events()
    }

    fn ioctl(&self, _f: &File, c: &Caller, cmd: u32, arg: u64) -> Result<i64> {
        if cmd != FIONREAD {
            return Err(ENOTTY);
        }
        let waiting = {
            let state = self.0.state.lock();
            if matches!(state.phase, Phase::Listening(_)) {
                return Err(EINVAL);
            }
            if self.0.kind == Kind::Stream { state.inbox.bytes() } else { state.inbox.first() }
        };
        UserOut::<i32>::new(arg).write(c.space.ok_or(EFAULT)?, &(waiting as i32))?;
        Ok(0)
    }
}
