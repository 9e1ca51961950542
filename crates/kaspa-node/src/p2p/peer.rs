//! One peer: who it is, what is sent to it, what it was asked.
//!
//! Sending is bounded by bytes: a frame is encoded when it enters the outbox and takes its length of room until it is written. Answers wait
//! for room, so that serving a slow reader holds no more than the outbox. Announcements have room of their own and do not wait for it: a
//! peer that does not read loses its connection, one that is busy downloading does not.
//!
//! Questions are numbered. [`Peer::open`] makes an [`Exchange`]: what answers its number arrives there, up to a number of messages, and in
//! order.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use quintet_kaspa_protocol::wire::{Frame, Kind, Message};
use tokio::{
    sync::{Semaphore, mpsc},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{error::PeerError, handshake::Agreed};
use crate::grpc::{Outbox, Outgoing};

/// Answers that wait to be written, kibibytes: what a download asks for at once, if blocks are full.
const ANSWERS_KIB: usize = 48 << 10;

/// Announcements that wait to be written, kibibytes: a message of transaction ids and more, or the blocks of some minutes.
const ANNOUNCEMENTS_KIB: usize = 8 << 10;

/// What a frame takes of the room for answers, and of that for announcements, at least, kibibytes: bounds the number of frames, too.
const LEAST_KIB: (usize, usize) = (8, 4);

/// How long an answer may wait for room in the outbox.
const SLOW_READER: Duration = Duration::from_secs(120);

/// How long an answer may take, if nothing else is said.
///
/// Reference: `DEFAULT_TIMEOUT`.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// Messages of an answer that wait to be taken. A peer sends at most 99 and some before it waits for us.
const EXCHANGE_MAX: usize = 256;

/// Names a connection for as long as the node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct PeerKey(pub(super) u64);

/// Questions that wait for answers.
#[derive(Debug, Default)]
struct Questions {
    by_id: HashMap<u32, mpsc::Sender<Message>>,
    /// The exchange that takes answers without a number.
    unnumbered: Option<u32>,
}

/// A connected peer.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) key: PeerKey,
    pub(super) address: SocketAddr,
    pub(super) is_outbound: bool,
    pub(super) since: Instant,
    pub(super) cancel: CancellationToken,
    agreed: OnceLock<Agreed>,
    /// How far its clock is behind ours, milliseconds.
    time_offset: OnceLock<i64>,
    outgoing: Mutex<Option<Outbox<Outgoing>>>,
    answers: Arc<Semaphore>,
    announcements: Arc<Semaphore>,
    questions: Mutex<Questions>,
    next_id: AtomicU32,
    ping_millis: AtomicU64,
    end: Mutex<Option<PeerError>>,
}

impl Peer {
    pub(super) fn new(
        key: PeerKey,
        address: SocketAddr,
        is_outbound: bool,
        outgoing: Outbox<Outgoing>,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            key,
            address,
            is_outbound,
            since: Instant::now(),
            cancel,
            agreed: OnceLock::new(),
            time_offset: OnceLock::new(),
            outgoing: Mutex::new(Some(outgoing)),
            answers: Arc::new(Semaphore::new(ANSWERS_KIB)),
            announcements: Arc::new(Semaphore::new(ANNOUNCEMENTS_KIB)),
            questions: Mutex::default(),
            next_id: AtomicU32::new(1),
            ping_millis: AtomicU64::new(0),
            end: Mutex::default(),
        }
    }

    /// Takes in what the handshake led to.
    pub(super) fn agree(&self, agreed: Agreed, time_offset: i64) {
        let _ = self.agreed.set(agreed);
        let _ = self.time_offset.set(time_offset);
    }

    /// Returns what the handshake led to; `None` before it.
    pub(super) fn agreed(&self) -> Option<&Agreed> {
        self.agreed.get()
    }

    pub(super) fn time_offset(&self) -> i64 {
        self.time_offset.get().copied().unwrap_or(0)
    }

    pub(super) fn last_ping(&self) -> Duration {
        Duration::from_millis(self.ping_millis.load(Ordering::Relaxed))
    }

    pub(super) fn set_last_ping(&self, took: Duration) {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.ping_millis.store(millis, Ordering::Relaxed);
    }

    /// Ends the connection. The first reason counts; the peer is told it if it is worth telling.
    pub(super) fn close(&self, reason: PeerError) {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        if end.is_none() {
            if let Some(reason) = reason.reject_reason() {
                let _ = self.try_send(&Frame::new(Message::Reject(reason)));
            }
            *end = Some(reason);
        }
        drop(end);
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.cancel.cancel();
    }

    /// Returns why the connection ended, if it did.
    pub(super) fn end(&self) -> Option<PeerError> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn outgoing(&self) -> Result<Outbox<Outgoing>, PeerError> {
        let outgoing = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
        outgoing.clone().ok_or(PeerError::Closed)
    }

    /// Sends if there is room.
    pub(super) fn try_send(&self, frame: &Frame) -> Result<(), PeerError> {
        let bytes = Bytes::from(frame.encode());
        let room = Arc::clone(&self.announcements)
            .try_acquire_many_owned(kibibytes(bytes.len(), LEAST_KIB.1, ANNOUNCEMENTS_KIB))
            .map_err(|_| PeerError::SlowReader)?;
        self.outgoing()?.try_send(Ok(Outgoing { bytes, room })).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => PeerError::SlowReader,
            mpsc::error::TrySendError::Closed(_) => PeerError::Closed,
        })
    }

    /// Sends, waiting for room.
    pub(super) async fn send(&self, frame: &Frame) -> Result<(), PeerError> {
        let bytes = Bytes::from(frame.encode());
        let sending = async {
            let room = kibibytes(bytes.len(), LEAST_KIB.0, ANSWERS_KIB);
            let room = Arc::clone(&self.answers).acquire_many_owned(room).await;
            let room = room.map_err(|_| PeerError::Closed)?;
            let outgoing = self.outgoing()?;
            outgoing.send(Ok(Outgoing { bytes, room })).await.map_err(|_| PeerError::Closed)
        };
        timeout(SLOW_READER, sending).await.map_err(|_| PeerError::SlowReader)?
    }

    /// Sends a message that neither asks nor answers by number, waiting for room.
    pub(super) async fn tell(&self, message: Message) -> Result<(), PeerError> {
        self.send(&Frame::new(message)).await
    }

    /// Opens an exchange. One that is `unnumbered` takes answers without a number too: some answers have none.
    pub(super) fn open(self: &Arc<Self>, unnumbered: bool) -> Exchange {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed).max(1);
        let (sender, answers) = mpsc::channel(EXCHANGE_MAX);
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        questions.by_id.insert(id, sender);
        if unnumbered {
            questions.unnumbered = Some(id);
        }
        Exchange { id, answers, peer: Arc::clone(self) }
    }

    /// Gives an answer to whoever asked. An answer to a question that was given up is thrown away.
    pub(super) fn answer(&self, id: u32, message: Message) -> Result<(), PeerError> {
        let questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        let id = match id {
            0 => questions.unnumbered.unwrap_or(0),
            id => id,
        };
        let kind = message.kind();
        let Some(sender) = questions.by_id.get(&id) else {
            if id != 0 && id < self.next_id.load(Ordering::Relaxed) {
                return Ok(());
            }
            return Err(PeerError::Unexpected { expected: "answers to questions", actual: kind });
        };
        match sender.try_send(message) {
            Err(mpsc::error::TrySendError::Full(_)) => Err(PeerError::Overflow { kind }),
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
        }
    }
}

/// A question, or several one after the other, and the answers that name it.
#[derive(Debug)]
pub(super) struct Exchange {
    id: u32,
    answers: mpsc::Receiver<Message>,
    peer: Arc<Peer>,
}

impl Exchange {
    /// Asks.
    pub(super) async fn ask(&self, question: Message) -> Result<(), PeerError> {
        self.peer.send(&Frame::request(question, self.id)).await
    }

    /// Waits for the next answer.
    pub(super) async fn next(
        &mut self,
        what: &'static str,
        within: Duration,
    ) -> Result<Message, PeerError> {
        tokio::select! {
            () = self.peer.cancel.cancelled() => Err(PeerError::Closed),
            answer = timeout(within, self.answers.recv()) => match answer {
                Ok(Some(message)) => Ok(message),
                Ok(None) => Err(PeerError::Closed),
                Err(_) => Err(PeerError::Timeout { what, within }),
            },
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut questions = self.peer.questions.lock().unwrap_or_else(PoisonError::into_inner);
        questions.by_id.remove(&self.id);
        if questions.unnumbered == Some(self.id) {
            questions.unnumbered = None;
        }
    }
}

/// Returns the room a frame takes, in kibibytes; one that is longer than all the room takes all of it.
fn kibibytes(bytes: usize, least: usize, most: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 10).clamp(least, most)).unwrap_or(u32::MAX)
}

/// Shorthand for an answer of another kind than was asked for.
pub(super) const fn unexpected(expected: &'static str, actual: Kind) -> PeerError {
    PeerError::Unexpected { expected, actual }
}
