//! Who talks to whom: bind(2), connect(2), listen(2), accept(2).

use abi::errno::{
    EADDRINUSE, EAGAIN, ECONNREFUSED, EEXIST, EINVAL, EISCONN, ENOMEM, EOPNOTSUPP, EPERM,
    EPROTOTYPE, Result,
};
use abi::net::{SOMAXCONN, Ucred};
use alloc::{collections::VecDeque, sync::Arc};
use core::mem;

use super::name::Key;
use super::{Address, Backlog, Handle, Kind, Name, Phase, Socket, State, socket};
use crate::fs::access::{WRITE, permission};
use crate::fs::inode::{Kind as FileKind, What};
use crate::fs::{Caller, lookup, namei};

impl Socket {
    /// bind(2)
    pub fn bind(self: &Arc<Self>, c: &Caller, address: &Address) -> Result<()> {
        match address {
            Address::Path(path) => self.bind_file(c, path),
            Address::Abstract(word) => {
                let name = Name::of_word(self.kind, word)?;
                self.may_bind()?;
                self.registry.add(&name, self)?;
                self.take_name(name)
            }
            Address::Nothing => {
                // It keeps the name that it has.
                if self.name().is_some() {
                    return Ok(());
                }
                let name = self.registry.add_any(self)?;
                self.take_name(name)
            }
        }
    }

    /// The file is made before it is known whether the socket may have it, as on Linux.
    fn bind_file(self: &Arc<Self>, c: &Caller, path: &[u8]) -> Result<()> {
        let taken = |why| if why == EEXIST { EADDRINUSE } else { why };
        namei::make(c, None, path, 0o777, What::Socket).map_err(taken)?;
        let bound = self.may_bind().and_then(|()| {
            let file = lookup(c, None, path, false)?;
            let name = Name::of_file(path, file.inode()?.clone())?;
            self.registry.add(&name, self)?;
            self.take_name(name)
        });
        if bound.is_err() {
            // Whoever has taken it away already has done the same.
            let _ = namei::unlink(c, None, path);
        }
        bound
    }

    fn may_bind(&self) -> Result<()> {
        if self.state.lock().name.is_some() { Err(EINVAL) } else { Ok(()) }
    }

    fn take_name(&self, name: Name) -> Result<()> {
        let name = Arc::new(name);
        let mut state = self.state.lock();
        if state.name.is_some() {
            drop(state);
            self.registry.remove(&name, self);
            return Err(EINVAL);
        }
        state.name = Some(name);
        Ok(())
    }

    /// The socket at an address to which this one may send (`unix_find_other`).
    pub fn find(&self, c: &Caller, address: &Address) -> Result<Arc<Socket>> {
        let key = match address {
            Address::Nothing => return Err(EINVAL),
            Address::Abstract(word) => Name::of_word(self.kind, word)?.key,
            Address::Path(path) => {
                let file = lookup(c, None, path, true)?;
                let inode = file.inode()?;
                permission(c.cred, inode.access(), WRITE)?;
                let FileKind::Socket = inode.kind() else { return Err(ECONNREFUSED) };
                let attr = inode.attr();
                Key::File(attr.dev, attr.ino)
            }
        };
        let found = self.registry.find(&key).ok_or(ECONNREFUSED)?;
        if found.kind == self.kind { Ok(found) } else { Err(EPROTOTYPE) }
    }

    /// connect(2) of datagrams: from now on it only talks with `peer`, or with `None` with all.
    pub fn choose(self: &Arc<Self>, peer: Option<Arc<Socket>>) -> Result<()> {
        if let Some(peer) = &peer
            && !self.may_send(&peer.state.lock())
        {
            return Err(EPERM);
        }
        let (old, inbox) = {
            let mut state = self.state.lock();
            let same = match (&state.peer, &peer) {
                (Some(old), Some(new)) => Arc::ptr_eq(old, new),
                (None, _) => true,
                _ => false,
            };
            // What others have sent is not for it any more.
            let inbox = if same { None } else { Some(mem::take(&mut state.inbox)) };
            (mem::replace(&mut state.peer, peer), inbox)
        };
        drop((old, inbox));
        self.changed.wake_all();
        Ok(())
    }

    /// May it send to a socket in this state? That may have chosen whom it hears.
    pub(super) fn may_send(&self, to: &State) -> bool {
        to.peer.as_ref().is_none_or(|heard| core::ptr::eq(&**heard, self))
    }

    /// connect(2) of a stream to one that listens. `EAGAIN`: too many wait there already.
    pub fn connect(self: &Arc<Self>, to: &Arc<Socket>, cred: Ucred) -> Result<()> {
        // Linux looks there first: a socket that is connected may have to wait to be told so.
        to.state.lock().open_backlog()?;
        {
            let mut state = self.state.lock();
            match state.phase {
                Phase::Closed if state.peer.is_none() => state.phase = Phase::Connecting,
                Phase::Connected => return Err(EISCONN),
                _ => return Err(EINVAL),
            }
        }
        let connected = self.enqueue(to, cred);
        let mut state = self.state.lock();
        match connected {
            Ok((far, far_cred)) => {
                state.phase = Phase::Connected;
                state.peer = Some(far);
                state.peer_cred = far_cred;
                Ok(())
            }
            Err(why) => {
                state.phase = Phase::Closed;
                Err(why)
            }
        }
    }

    /// Makes the far end and puts it where accept(2) finds it.
    fn enqueue(self: &Arc<Self>, to: &Arc<Socket>, cred: Ucred) -> Result<(Arc<Socket>, Ucred)> {
        let far = socket(self.registry, self.kind);
        let end = far.0.clone();
        let name = to.name();
        {
            let mut state = end.state.lock();
            state.phase = Phase::Connected;
            state.peer = Some(self.clone());
            state.peer_cred = cred;
            state.name = name;
        }
        let listener_cred = {
            let mut listener = to.state.lock();
            let backlog = listener.open_backlog()?;
            backlog.waiting.try_reserve(1).map_err(|_| ENOMEM)?;
            backlog.waiting.push_back(far);
            listener.peer_cred
        };
        to.changed.wake_all();
        Ok((end, listener_cred))
    }

    /// listen(2)
    pub fn listen(&self, backlog: usize, cred: Ucred) -> Result<()> {
        if self.kind == Kind::Dgram {
            return Err(EOPNOTSUPP);
        }
        let max = backlog.min(SOMAXCONN);
        {
            let mut state = self.state.lock();
            if state.name.is_none() {
                return Err(EINVAL);
            }
            match &mut state.phase {
                Phase::Listening(backlog) => backlog.max = max,
                Phase::Closed => {
                    state.phase = Phase::Listening(Backlog { max, waiting: VecDeque::new() });
                }
                _ => return Err(EINVAL),
            }
            state.peer_cred = cred;
        }
        self.changed.wake_all();
        Ok(())
    }

    /// accept(2): the far end of the connection that has waited longest. `EAGAIN`: none has.
    pub fn accept(&self) -> Result<Handle> {
        if self.kind == Kind::Dgram {
            return Err(EOPNOTSUPP);
        }
        let accepted = {
            let mut state = self.state.lock();
            let shut = state.shut_receive;
            let Phase::Listening(backlog) = &mut state.phase else { return Err(EINVAL) };
            match backlog.waiting.pop_front() {
                Some(accepted) => accepted,
                None if shut => return Err(EINVAL),
                None => return Err(EAGAIN),
            }
        };
        self.changed.wake_all();
        Ok(accepted)
    }
}

impl State {
    /// Where a new connection waits: `ECONNREFUSED` if it does not listen, `EAGAIN` if there is no
    /// room.
    fn open_backlog(&mut self) -> Result<&mut Backlog> {
        let Phase::Listening(backlog) = &mut self.phase else { return Err(ECONNREFUSED) };
        if self.shut_receive {
            return Err(ECONNREFUSED);
        }
        if backlog.waiting.len() > backlog.max { Err(EAGAIN) } else { Ok(backlog) }
    }
}
