//! The queue itself, without waiting.

use std::{
    collections::VecDeque,
    num::{NonZeroU32, NonZeroUsize},
};

use thiserror::Error;

/// Classes a queue has at most.
pub const CLASSES_MAX: usize = 16;

/// The number of a class: 0 is the most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(pub u8);

/// How a class is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassConfig {
    /// Messages of the class sent in one round of the queue.
    pub weight: NonZeroU32,
    /// Whether its messages may be dropped for more urgent ones.
    pub droppable: bool,
}

/// The bounds of a queue, and its classes from the most urgent to the least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueConfig {
    /// Messages waiting at most.
    pub messages_max: NonZeroUsize,
    /// Bytes waiting at most.
    pub bytes_max: NonZeroUsize,
    /// Between 1 and [`CLASSES_MAX`] classes.
    pub classes: Vec<ClassConfig>,
}

/// A queue cannot be made like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected 1 to {expected} classes, got {actual}")]
pub struct QueueConfigError {
    /// Classes a queue has at most.
    pub expected: usize,
    /// Classes of the configuration.
    pub actual: usize,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PushError {
    /// The queue is full of messages that may not be dropped for this one.
    #[error("queue is full with {messages} messages of {bytes} bytes: try again later")]
    Full {
        /// Messages waiting.
        messages: usize,
        /// Bytes waiting.
        bytes: usize,
    },
    /// The message is larger than the whole queue.
    #[error("expected a message of at most {expected} bytes, got {actual}")]
    TooLarge {
        /// Bytes the queue holds.
        expected: usize,
        /// Bytes of the message.
        actual: usize,
    },
    /// The queue has no such class.
    #[error("expected a class below {expected}, got {actual}")]
    NoSuchClass {
        /// Classes of the queue.
        expected: usize,
        /// The class named.
        actual: u8,
    },
    /// Nobody takes messages any more: the connection is over.
    #[error("queue is closed: the connection is over")]
    Closed,
}

/// A message that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Refused<T> {
    /// Why.
    pub reason: PushError,
    /// The message.
    pub message: T,
}

#[derive(Debug)]
struct Lane<T> {
    config: ClassConfig,
    /// Messages with their sizes in bytes, oldest first.
    waiting: VecDeque<(T, usize)>,
    bytes: usize,
    /// Messages the class may still send in this round.
    credit: u32,
}

impl<T> Lane<T> {
    fn take_oldest(&mut self) -> Option<(T, usize)> {
        let (message, size) = self.waiting.pop_front()?;
        self.bytes -= size;
        Some((message, size))
    }
}

/// A bounded queue in classes.
#[derive(Debug)]
pub struct PriorityQueue<T> {
    messages_max: usize,
    bytes_max: usize,
    lanes: Vec<Lane<T>>,
    messages: usize,
    bytes: usize,
}

impl<T> PriorityQueue<T> {
    /// Makes an empty queue.
    ///
    /// # Errors
    ///
    /// [`QueueConfigError`] if it has no class or too many.
    pub fn new(config: QueueConfig) -> Result<Self, QueueConfigError> {
        let actual = config.classes.len();
        if actual == 0 || actual > CLASSES_MAX {
            return Err(QueueConfigError { expected: CLASSES_MAX, actual });
        }
        let lane = |config: ClassConfig| Lane {
            config,
            waiting: VecDeque::new(),
            bytes: 0,
            credit: config.weight.get(),
        };
        Ok(Self {
            messages_max: config.messages_max.get(),
            bytes_max: config.bytes_max.get(),
            lanes: config.classes.into_iter().map(lane).collect(),
            messages: 0,
            bytes: 0,
        })
    }

    /// Takes `message` of `size` bytes in, and returns what had to be dropped for it, the least
    /// urgent first.
    ///
    /// # Errors
    ///
    /// [`Refused`] carries the message back; the queue is unchanged.
    pub fn push(&mut self, class: Class, message: T, size: usize) -> Result<Vec<T>, Refused<T>> {
        if let Err(reason) = self.check(class, size) {
            return Err(Refused { reason, message });
        }
        let mut dropped = Vec::new();
        for lane in self.lanes.iter_mut().skip(usize::from(class.0) + 1).rev() {
            while lane.config.droppable
                && (self.messages >= self.messages_max || self.bytes > self.bytes_max - size)
                && let Some((old, old_size)) = lane.take_oldest()
            {
                self.messages -= 1;
                self.bytes -= old_size;
                dropped.push(old);
            }
        }
        if let Some(lane) = self.lanes.get_mut(usize::from(class.0)) {
            lane.waiting.push_back((message, size));
            lane.bytes += size;
            self.messages += 1;
            self.bytes += size;
        }
        Ok(dropped)
    }

    /// Takes the next message out.
    pub fn pop(&mut self) -> Option<T> {
        let ready = |lane: &Lane<T>| !lane.waiting.is_empty();
        if !self.lanes.iter().any(|lane| ready(lane) && lane.credit > 0) {
            for lane in &mut self.lanes {
                lane.credit = lane.config.weight.get();
            }
        }
        let lane = self.lanes.iter_mut().find(|lane| ready(lane) && lane.credit > 0)?;
        let (message, size) = lane.take_oldest()?;
        lane.credit -= 1;
        self.messages -= 1;
        self.bytes -= size;
        Some(message)
    }

    /// Returns the number of messages waiting.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.messages
    }

    /// Returns whether no message waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// Returns the number of bytes waiting.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a message of that class and size fits, after dropping what may be dropped for it.
    fn check(&self, class: Class, size: usize) -> Result<(), PushError> {
        let index = usize::from(class.0);
        if index >= self.lanes.len() {
            return Err(PushError::NoSuchClass { expected: self.lanes.len(), actual: class.0 });
        }
        if size > self.bytes_max {
            return Err(PushError::TooLarge { expected: self.bytes_max, actual: size });
        }
        let below = self.lanes.iter().skip(index + 1).filter(|lane| lane.config.droppable);
        let (messages, bytes) = below
            .fold((self.messages, self.bytes), |(messages, bytes), lane| {
                (messages - lane.waiting.len(), bytes - lane.bytes)
            });
        if messages >= self.messages_max || bytes > self.bytes_max - size {
            return Err(PushError::Full { messages: self.messages, bytes: self.bytes });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(messages_max: usize, bytes_max: usize) -> PriorityQueue<&'static str> {
        let class =
            |weight, droppable| ClassConfig { weight: NonZeroU32::new(weight).unwrap(), droppable };
        let config = QueueConfig {
            messages_max: NonZeroUsize::new(messages_max).unwrap(),
            bytes_max: NonZeroUsize::new(bytes_max).unwrap(),
            classes: vec![class(2, false), class(1, true), class(1, true)],
        };
        PriorityQueue::new(config).unwrap()
    }

    fn drain(queue: &mut PriorityQueue<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn urgent_messages_leave_first_but_not_for_ever() {
        let mut queue = queue(99, 99);
        for message in ["a1", "a2", "a3", "a4", "a5"] {
            queue.push(Class(0), message, 1).unwrap();
        }
        for message in ["b1", "b2"] {
            queue.push(Class(1), message, 1).unwrap();
        }
        queue.push(Class(2), "c1", 1).unwrap();
        assert_eq!(drain(&mut queue), ["a1", "a2", "b1", "c1", "a3", "a4", "b2", "a5"]);
    }

    #[test]
    fn a_full_queue_drops_the_oldest_of_the_lowest_class_first() {
        let mut queue = queue(3, 99);
        queue.push(Class(2), "c1", 1).unwrap();
        queue.push(Class(2), "c2", 1).unwrap();
        queue.push(Class(1), "b1", 1).unwrap();
        assert_eq!(queue.push(Class(0), "a1", 1), Ok(vec!["c1"]));
        assert_eq!(queue.push(Class(1), "b2", 1), Ok(vec!["c2"]));
        let full = PushError::Full { messages: 3, bytes: 3 };
        assert_eq!(queue.push(Class(1), "b3", 1).unwrap_err().reason, full);
        assert_eq!(queue.push(Class(0), "a2", 1), Ok(vec!["b1"]));
        assert_eq!(queue.push(Class(0), "a3", 1), Ok(vec!["b2"]));
        assert_eq!(queue.push(Class(0), "a4", 1).unwrap_err().message, "a4");
        assert_eq!(drain(&mut queue), ["a1", "a2", "a3"]);
    }

    #[test]
    fn nothing_is_dropped_for_a_message_that_would_not_fit_anyway() {
        let mut queue = queue(9, 100);
        queue.push(Class(0), "a1", 60).unwrap();
        queue.push(Class(2), "c1", 40).unwrap();
        let refused = queue.push(Class(1), "b1", 50).unwrap_err();
        assert_eq!(refused.reason, PushError::Full { messages: 2, bytes: 100 });
        assert_eq!(queue.len(), 2);
        assert_eq!(queue.push(Class(1), "b2", 40), Ok(vec!["c1"]));
        assert_eq!(queue.bytes(), 100);
    }

    #[test]
    fn what_can_never_fit_is_refused_for_good() {
        let mut queue = queue(9, 100);
        let too_large = PushError::TooLarge { expected: 100, actual: 101 };
        assert_eq!(queue.push(Class(0), "a", 101).unwrap_err().reason, too_large);
        let no_class = PushError::NoSuchClass { expected: 3, actual: 3 };
        assert_eq!(queue.push(Class(3), "d", 1).unwrap_err().reason, no_class);
    }
}
