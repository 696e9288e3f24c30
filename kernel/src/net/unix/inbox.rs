//! [`Inbox`]: the messages that wait at a socket. Pure data, kept under the socket's lock.

use abi::errno::{ENOMEM, Result};
use alloc::{collections::VecDeque, sync::Arc, vec::Vec};

use super::Name;

/// Datagrams that may wait at a socket which has not chosen whom to hear
/// (`/proc/sys/net/unix/max_dgram_qlen`).
const CROWD: usize = 10;

/// A message on its way.
#[derive(Clone)]
pub struct Message {
    /// What was sent.
    pub bytes: Arc<Vec<u8>>,
    /// How much of it a stream's reader has taken.
    pub taken: usize,
    /// The name of the sender.
    pub from: Option<Arc<Name>>,
}

impl Message {
    /// The bytes that nobody has taken yet.
    pub fn left(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    /// What keeping it costs, as Linux counts it (`skb->truesize`): the bytes and their
    /// description as a power of two, and the buffer's head.
    fn charge(&self) -> usize {
        256 + (self.bytes.len() + 320).next_power_of_two()
    }
}

/// Messages, first come first.
#[derive(Default)]
pub struct Inbox {
    messages: VecDeque<Message>,
    charge: usize,
}

impl Inbox {
    /// Adds a message. `ENOMEM` without memory for it.
    pub fn push(&mut self, message: Message) -> Result<()> {
        self.messages.try_reserve(1).map_err(|_| ENOMEM)?;
        self.charge += message.charge();
        self.messages.push_back(message);
        Ok(())
    }

    /// The message at place `index`.
    pub fn get(&self, index: usize) -> Option<&Message> {
        self.messages.get(index)
    }

    /// Takes `n` bytes of the first message, and the message once it is empty or if `whole`. Only
    /// if it is still `message`: somebody may have thrown all away.
    pub fn consume(&mut self, message: &Message, n: usize, whole: bool) {
        let Some(first) = self.messages.front_mut() else { return };
        if !Arc::ptr_eq(&first.bytes, &message.bytes) {
            return;
        }
        first.taken += n;
        if whole || first.left().is_empty() {
            self.charge -= first.charge();
            self.messages.pop_front();
        }
    }

    /// Is there no message?
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// What keeping all of them costs.
    pub fn charge(&self) -> usize {
        self.charge
    }

    /// Are there so many that those whom the socket has not chosen must wait?
    pub fn is_crowded(&self) -> bool {
        self.messages.len() > CROWD
    }

    /// Bytes in all messages.
    pub fn bytes(&self) -> usize {
        self.messages.iter().map(|message| message.left().len()).sum()
    }

    /// Bytes in the first message.
    pub fn first(&self) -> usize {
        self.messages.front().map_or(0, |message| message.left().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: &[u8]) -> Message {
        Message { bytes: Arc::new(bytes.to_vec()), taken: 0, from: None }
    }

    #[test]
    fn a_message_goes_when_all_of_it_is_taken() {
        let mut inbox = Inbox::default();
        inbox.push(message(b"hello")).unwrap();
        inbox.push(message(b"you")).unwrap();
        assert_eq!((inbox.bytes(), inbox.first()), (8, 5));
        let first = inbox.get(0).unwrap().clone();
        inbox.consume(&first, 2, false);
        assert_eq!(inbox.get(0).unwrap().left(), b"llo");
        inbox.consume(&first, 3, false);
        assert_eq!(inbox.get(0).unwrap().left(), b"you");
        inbox.consume(&first, 1, true);
        assert_eq!(inbox.bytes(), 3, "that was another message");
        let second = inbox.get(0).unwrap().clone();
        inbox.consume(&second, 0, true);
        assert!(inbox.is_empty());
        assert_eq!(inbox.charge(), 0);
    }

    #[test]
    fn a_byte_costs_what_it_costs_on_linux() {
        assert_eq!(message(b"x").charge(), 768);
        assert_eq!(super::super::BUFFER.div_ceil(768), 278);
    }
}
