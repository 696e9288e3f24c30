//! The events of an inotify instance that nobody has read yet. Pure; under the lock `Events`.

use abi::Wire;
use abi::fs::{InotifyEvent, InotifyMask as Mask};
use alloc::collections::VecDeque;
use alloc::sync::Arc;

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) wd: i32,
    pub(super) mask: Mask,
    pub(super) cookie: u32,
    pub(super) name: Option<Arc<[u8]>>,
}

impl Event {
    /// Bytes of the name as it is read: with a NUL, and NULs up to a multiple of the head's size.
    fn name_len(&self) -> usize {
        let round = |name: &Arc<[u8]>| (name.len() + 1).next_multiple_of(InotifyEvent::SIZE);
        self.name.as_ref().map_or(0, round)
    }

    /// Bytes of the whole event as it is read.
    pub(super) fn size(&self) -> usize {
        InotifyEvent::SIZE + self.name_len()
    }

    /// The head as it is read.
    pub(super) fn head(&self) -> InotifyEvent {
        let Self { wd, mask, cookie, .. } = *self;
        InotifyEvent { wd, mask, cookie, len: self.name_len() as u32 }
    }
}

/// Events in the order they came.
pub(super) struct Queue {
    events: VecDeque<Event>,
    /// The most there may be, but for the one that tells of more.
    most: usize,
    /// That one is there.
    overflown: bool,
}

impl Queue {
    pub(super) fn new(most: usize) -> Self {
        Self { events: VecDeque::new(), most, overflown: false }
    }

    /// Adds an event, unless the last one is the same; once there are too many (or no memory) only
    /// that this is so. Returns whether there is news.
    pub(super) fn push(&mut self, event: Event) -> bool {
        let same = |last: &Event| {
            let Event { wd, mask, ref name, .. } = event;
            !mask.has(Mask::IGNORED) && (last.wd, last.mask) == (wd, mask) && last.name == *name
        };
        if self.events.len() >= self.most || self.events.try_reserve(2).is_err() {
            return self.overflow();
        }
        if self.events.back().is_some_and(same) {
            return false;
        }
        self.events.push_back(event);
        true
    }

    /// Says that something was lost, if that does not stand there yet.
    pub(super) fn overflow(&mut self) -> bool {
        if self.overflown || self.events.try_reserve(1).is_err() {
            return false;
        }
        self.overflown = true;
        self.events.push_back(Event { wd: -1, mask: Mask::Q_OVERFLOW, cookie: 0, name: None });
        true
    }

    pub(super) fn first(&self) -> Option<&Event> {
        self.events.front()
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        self.overflown &= !event.mask.has(Mask::Q_OVERFLOW);
        Some(event)
    }

    /// Bytes of all of them (`FIONREAD`).
    pub(super) fn bytes(&self) -> usize {
        self.events.iter().map(Event::size).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(wd: i32, mask: Mask, name: &[u8]) -> Event {
        Event { wd, mask, cookie: 0, name: (!name.is_empty()).then(|| Arc::from(name)) }
    }

    #[test]
    fn equal_neighbours_are_one() {
        let mut queue = Queue::new(10);
        assert!(queue.push(event(1, Mask::MODIFY, b"a")));
        assert!(!queue.push(event(1, Mask::MODIFY, b"a")));
        assert!(queue.push(event(1, Mask::MODIFY, b"b")));
        assert!(queue.push(event(1, Mask::MODIFY, b"a")));
        assert!(queue.push(event(1, Mask::IGNORED, b"")));
        assert!(queue.push(event(1, Mask::IGNORED, b"")));
        assert_eq!(queue.bytes(), 3 * 32 + 2 * 16);
    }

    #[test]
    fn too_many_are_told_once() {
        let mut queue = Queue::new(2);
        assert!(queue.push(event(1, Mask::MODIFY, b"")));
        assert!(queue.push(event(2, Mask::MODIFY, b"")));
        assert!(queue.push(event(3, Mask::MODIFY, b"")));
        assert!(!queue.push(event(4, Mask::MODIFY, b"")));
        let masks = [Mask::MODIFY, Mask::MODIFY, Mask::Q_OVERFLOW];
        for mask in masks {
            assert_eq!(queue.pop().map(|event| event.mask), Some(mask));
        }
        assert!(queue.pop().is_none());
        assert!(queue.push(event(5, Mask::MODIFY, b"")));
    }

    #[test]
    fn names_are_rounded_up_with_their_nul() {
        for (len, want) in [(1, 32), (15, 32), (16, 48)] {
            assert_eq!(event(1, Mask::OPEN, &alloc::vec![b'x'; len]).size(), want);
        }
        assert_eq!(event(1, Mask::OPEN, b"").size(), 16);
    }
}
