//! Messages from one inbox to the other: what send(2) and recv(2) do.

use abi::errno::{
    EAGAIN, ECONNREFUSED, EFAULT, EINVAL, EMSGSIZE, ENOMEM, ENOTCONN, EPERM, EPIPE, Result,
};
use abi::signal::SIGPIPE;
use alloc::{sync::Arc, vec, vec::Vec};

use super::inbox::Message;
use super::{Kind, Name, Phase, Socket};
use crate::fs::Caller;
use crate::mm::io::{Sink, Source};
use crate::signal::Signal;

/// The most bytes of a stream that become one message.
const PIECE: usize = 32 * 1024;
/// What of the send buffer a datagram leaves.
const SPARE: usize = 32;

/// What was received.
pub struct Received {
    /// Bytes that were stored.
    pub len: usize,
    /// Bytes of the message, of which not all may have been stored.
    pub whole: usize,
    /// The sender's name.
    pub from: Option<Arc<Name>>,
}

impl Socket {
    /// Sends to `to`, or else to whom it is connected: of a stream what there is room for now, of
    /// the others the whole message. `signal`: a stream that nobody reads raises SIGPIPE.
    pub fn send(
        &self,
        c: &Caller,
        from: &mut dyn Source,
        to: Option<&Arc<Socket>>,
        signal: bool,
    ) -> Result<usize> {
        if self.kind != Kind::Stream {
            return self.send_message(from, to);
        }
        let sent = self.send_piece(from);
        if sent == Err(EPIPE) && signal {
            (c.raise)(Signal(SIGPIPE));
        }
        sent
    }

    fn send_piece(&self, from: &mut dyn Source) -> Result<usize> {
        let _turn = self.writing.lock();
        let (peer, buffer, shut, name) = {
            let state = self.state.lock();
            (state.peer.clone(), state.send_buffer, state.shut_send, state.name.clone())
        };
        let peer = peer.ok_or(ENOTCONN)?;
        if shut {
            return Err(EPIPE);
        }
        if from.left() == 0 {
            return Ok(0);
        }
        {
            let state = peer.state.lock();
            if state.dead || state.shut_receive {
                return Err(EPIPE);
            }
            if state.inbox.charge() >= buffer {
                return Err(EAGAIN);
            }
        }
        let mut bytes = zeroes(from.left().min(PIECE))?;
        let n = from.get(&mut bytes)?;
        if n == 0 {
            return Err(EFAULT);
        }
        bytes.truncate(n);
        let message = Message { bytes: Arc::new(bytes), taken: 0, from: name };
        {
            let mut state = peer.state.lock();
            if state.dead {
                return Err(EPIPE);
            }
            state.inbox.push(message)?;
        }
        peer.changed.wake_all();
        Ok(n)
    }

    fn send_message(&self, from: &mut dyn Source, to: Option<&Arc<Socket>>) -> Result<usize> {
        let (peer, buffer, shut, name) = {
            let state = self.state.lock();
            if self.kind == Kind::Seqpacket && !matches!(state.phase, Phase::Connected) {
                return Err(ENOTCONN);
            }
            (state.peer.clone(), state.send_buffer, state.shut_send, state.name.clone())
        };
        let chosen = if self.kind == Kind::Seqpacket { None } else { to };
        let target = chosen.cloned().or(peer).ok_or(ENOTCONN)?;
        let len = from.left();
        if len > buffer - SPARE {
            return Err(EMSGSIZE);
        }
        if shut {
            return Err(EPIPE);
        }
        let mut bytes = zeroes(len)?;
        from.peek(&mut bytes)?;
        let message = Message { bytes: Arc::new(bytes), taken: 0, from: name };
        {
            let mut state = target.state.lock();
            if state.dead {
                drop(state);
                return Err(self.lost(&target));
            }
            if !self.may_send(&state) {
                return Err(EPERM);
            }
            if state.shut_receive {
                return Err(EPIPE);
            }
            let full = match state.peer {
                Some(_) => state.inbox.charge() >= buffer,
                None => state.inbox.is_crowded(),
            };
            if full {
                return Err(EAGAIN);
            }
            state.inbox.push(message)?;
        }
        target.changed.wake_all();
        Ok(len)
    }

    /// Whom it sent to is gone: datagrams forget them.
    fn lost(&self, target: &Arc<Socket>) -> abi::Errno {
        if self.kind == Kind::Seqpacket {
            return EPIPE;
        }
        let forgotten = {
            let mut state = self.state.lock();
            let same = state.peer.as_ref().is_some_and(|peer| Arc::ptr_eq(peer, target));
            if same { state.peer.take() } else { None }
        };
        drop(forgotten);
        ECONNREFUSED
    }

    /// Receives into `to`; `peek` leaves it there. 0 bytes of a connection are its end.
    pub fn receive(&self, to: &mut dyn Sink, peek: bool) -> Result<Received> {
        let _turn = self.reading.lock();
        let mut got = Received { len: 0, whole: 0, from: None };
        // Of a stream, as many messages as fit; `index` is 0 but when they stay.
        let mut index = 0;
        loop {
            let message = match self.message(index) {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(_) if index > 0 || got.len > 0 => break,
                Err(why) => return Err(why),
            };
            let left = message.left();
            let part = left.get(..left.len().min(to.left())).unwrap_or_default();
            if self.kind != Kind::Stream {
                if !peek {
                    self.took(&message, 0, true);
                }
                to.put_all(part)?;
                return Ok(Received { len: part.len(), whole: left.len(), from: message.from });
            }
            let n = match to.put(part) {
                Err(_) if got.len > 0 => break,
                put => put?,
            };
            got.len += n;
            got.from.clone_from(&message.from);
            match peek {
                true => index += 1,
                false => self.took(&message, n, false),
            }
            if n < part.len() || to.left() == 0 {
                break;
            }
        }
        got.whole = got.len;
        Ok(got)
    }

    /// The message at `index`; `None` at the end of a connection.
    fn message(&self, index: usize) -> Result<Option<Message>> {
        let mut state = self.state.lock();
        match (self.kind, &state.phase) {
            (Kind::Dgram, _) | (_, Phase::Connected) => {}
            (Kind::Seqpacket, _) => return Err(ENOTCONN),
            (Kind::Stream, _) => return Err(EINVAL),
        }
        if let Some(message) = state.inbox.get(index) {
            return Ok(Some(message.clone()));
        }
        match state.error.take() {
            Some(error) => Err(error),
            None if state.shut_receive => Ok(None),
            None => Err(EAGAIN),
        }
    }

    /// Takes `n` bytes of the first message off, or `whole` of it; whoever waits for room is told.
    fn took(&self, message: &Message, n: usize, whole: bool) {
        let peer = {
            let mut state = self.state.lock();
            state.inbox.consume(message, n, whole);
            state.peer.clone()
        };
        self.changed.wake_all();
        if let Some(peer) = peer {
            peer.changed.wake_all();
        }
    }
}

fn zeroes(len: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![];
    bytes.try_reserve_exact(len).map_err(|_| ENOMEM)?;
    bytes.resize(len, 0);
    Ok(bytes)
}
