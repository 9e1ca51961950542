//! One node: how fast it may be asked, how much it is trusted, and what it has turned out not to offer.
//!
//! # Invariants
//!
//! - At most as many requests are under way as its limit says, and none earlier than its rate allows.
//! - A node that lies is asked last for a while; one of another chain is never asked again.
//!
//! **Spec:** op-node's flags `l1.rpc-rate-limit` and `l1.max-concurrency`.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy_primitives::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::{sync::Semaphore, time::Instant};

use super::{
    L1Error,
    transport::{Address, Call, Transport},
};

/// Penalty of a lie, in failures.
const LIE_PENALTY: u32 = 16;
/// Highest penalty, in failures: what a node can win back.
const PENALTY_MAX: u32 = 64;

/// How a node may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests a second; zero for no limit.
    pub per_second: u32,
    /// Requests under way at once; at least one.
    pub in_flight: u32,
    /// Time for one request.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_second: 0, in_flight: 64, timeout: Duration::from_secs(30) }
    }
}

/// A method a node may lack; it is asked once.
#[derive(Debug, Default)]
pub(crate) struct Offer(AtomicBool);

impl Offer {
    pub(crate) fn is_open(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn close(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A node.
#[derive(Debug)]
pub struct Endpoint {
    address: Address,
    transport: Transport,
    limits: Limits,
    slots: Semaphore,
    /// When the next request may leave.
    next: Mutex<Option<Instant>>,
    penalty: AtomicU32,
    requests: AtomicU64,
    /// Whether its chain is the right one, once that is known.
    pub(crate) is_of_chain: AtomicBool,
    pub(crate) raw_block: Offer,
    pub(crate) raw_receipts: Offer,
    pub(crate) block_receipts: Offer,
    pub(crate) blobs: Offer,
    pub(crate) batches: Offer,
}

#[derive(Serialize)]
struct Request<'a, P> {
    jsonrpc: &'static str,
    id: u32,
    method: &'a str,
    params: P,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(default)]
    id: Option<u32>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    error: Option<AnswerError>,
}

#[derive(Deserialize)]
struct AnswerError {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

/// Longest message of a node that is shown, characters.
const MESSAGE_CHARS_MAX: usize = 200;

/// An answer of JSON-RPC: where in its bytes the result is.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Text; empty if there is no result.
    result: Bytes,
}

/// What stands around the result in the answers of most nodes.
const FRAMES: [(&[u8], &[u8]); 3] = [
    (br#"{"jsonrpc":"2.0","id":1,"result":"#, b"}"),
    (br#"{"id":1,"jsonrpc":"2.0","result":"#, b"}"),
    (br#"{"jsonrpc":"2.0","result":"#, br#","id":1}"#),
];
/// Bytes of an answer from which on it is not walked through to find the result in it. Errors are shorter.
const WALKED_BYTES_MAX: usize = 4_096;

impl Reply {
    /// Finds the result of a long answer by what stands around it. Should something else stand there too, what is returned is no
    /// value of JSON, which whoever reads it will say.
    fn of_long(body: &Bytes) -> Option<Self> {
        let text = body.trim_ascii();
        let inside = |(head, tail): &(&[u8], &[u8])| text.strip_prefix(*head)?.strip_suffix(*tail);
        let result = FRAMES.iter().find_map(inside).filter(|_| body.len() > WALKED_BYTES_MAX)?;
        Some(Self { result: body.slice_ref(result) })
    }

    /// Returns the bytes of the result, which were not looked at: JSON, or no text at all; `null` if there is none.
    pub(crate) fn bytes(&self) -> &[u8] {
        if self.result.is_empty() { b"null" } else { &self.result }
    }

    /// Returns the result; `null` if there is none.
    pub(crate) fn result(&self) -> &str {
        std::str::from_utf8(&self.result).ok().filter(|text| !text.is_empty()).unwrap_or("null")
    }
}

impl Endpoint {
    /// Makes a node of an address.
    ///
    /// # Errors
    ///
    /// [`L1Error::Address`] if it is none.
    pub fn new(address: &str, limits: Limits, transport: Transport) -> Result<Self, L1Error> {
        let slots = usize::try_from(limits.in_flight.max(1)).unwrap_or(1);
        Ok(Self {
            address: Address::parse(address)?,
            transport,
            limits,
            slots: Semaphore::new(slots),
            next: Mutex::default(),
            penalty: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            is_of_chain: AtomicBool::new(false),
            raw_block: Offer::default(),
            raw_receipts: Offer::default(),
            block_receipts: Offer::default(),
            blobs: Offer::default(),
            batches: Offer::default(),
        })
    }

    /// Returns what it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        self.address.name()
    }

    /// Returns how many requests were sent to it.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns how little it is trusted.
    pub(crate) fn penalty(&self) -> u32 {
        self.penalty.load(Ordering::Relaxed)
    }

    /// Takes note of a good answer.
    pub(crate) fn praise(&self) {
        let less = |penalty: u32| Some(penalty.saturating_sub(1));
        let _before = self.penalty.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Takes note of a bad one.
    pub(crate) fn blame(&self, error: &L1Error) {
        let more = match error {
            L1Error::WrongChain { .. } => PENALTY_MAX,
            _ if error.is_lie() => LIE_PENALTY,
            _ => 1,
        };
        let add = |penalty: u32| Some(penalty.saturating_add(more).min(PENALTY_MAX));
        let _before = self.penalty.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Waits until the rate allows the next request.
    async fn pace(&self) {
        let Some(step) = 1_000_000_000_u64.checked_div(u64::from(self.limits.per_second)) else {
            return;
        };
        let at = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let at = next.filter(|next| *next > now).unwrap_or(now);
            *next = Some(at + Duration::from_nanos(step));
            at
        };
        tokio::time::sleep_until(at).await;
    }

    pub(crate) async fn send(
        &self,
        method: &'static str,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Bytes, L1Error> {
        let closed = |_| L1Error::Unreachable {
            endpoint: self.name().to_owned(),
            reason: "the node is being closed".to_owned(),
        };
        let _slot = self.slots.acquire().await.map_err(closed)?;
        self.pace().await;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let (address, limit) = (&self.address, self.limits.timeout);
        self.transport.send(Call { address, method, path, body, bearer: None, limit }).await
    }

    /// Calls a method of JSON-RPC.
    pub(crate) async fn call(
        &self,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<Reply, L1Error> {
        let request = Request { jsonrpc: "2.0", id: 1, method, params };
        let body = serde_json::to_vec(&request).map_err(|error| self.malformed(method, &error))?;
        let body = self.send(method, "", Some(body)).await?;
        if let Some(reply) = Reply::of_long(&body) {
            return Ok(reply);
        }
        let answer: Answer<'_> =
            serde_json::from_slice(&body).map_err(|error| self.malformed(method, &error))?;
        self.reply(method, &body, answer)
    }

    fn reply(
        &self,
        method: &'static str,
        body: &Bytes,
        answer: Answer<'_>,
    ) -> Result<Reply, L1Error> {
        if let Some(AnswerError { code, message }) = answer.error {
            let clean = message.chars().filter(|c| !c.is_control());
            let message = clean.take(MESSAGE_CHARS_MAX).collect();
            return Err(L1Error::Rpc { endpoint: self.name().to_owned(), method, code, message });
        }
        let result = answer.result.map(|result| body.slice_ref(result.get().as_bytes()));
        Ok(Reply { result: result.unwrap_or_default() })
    }

    /// Calls a method several times in one request, and returns the answers in the order of the calls.
    ///
    /// **Spec:** JSON-RPC 2.0, section 6.
    pub(crate) async fn call_many(
        &self,
        method: &'static str,
        calls: impl IntoIterator<Item = impl Serialize>,
    ) -> Result<Vec<Reply>, L1Error> {
        let request = |(id, params)| Request { jsonrpc: "2.0", id, method, params };
        let requests: Vec<_> = (1..).zip(calls).map(request).collect();
        let body = serde_json::to_vec(&requests).map_err(|error| self.malformed(method, &error))?;
        let body = self.send(method, "", Some(body)).await?;
        let bad = |error| self.malformed(method, &error);
        let mut answers: Vec<Answer<'_>> = match serde_json::from_slice(&body) {
            Ok(answers) => answers,
            // A node that takes no batches says so in one answer.
            Err(error) => match serde_json::from_slice::<Answer<'_>>(&body) {
                Ok(answer) => vec![answer],
                Err(_) => return Err(bad(error)),
            },
        };
        if let Some(refused) = answers.iter().position(|answer| answer.error.is_some()) {
            let answer = answers.swap_remove(refused);
            return self.reply(method, &body, answer).map(|reply| vec![reply]);
        }
        // Answers may come in any order, each once.
        answers.sort_by_key(|answer| answer.id);
        let ids = answers.iter().map(|answer| answer.id);
        if !ids.eq((1..).take(requests.len()).map(Some)) {
            let actual = format!("{} answers", answers.len());
            return Err(self.not_of_form(method, "an answer to each call of a batch", actual));
        }
        answers.into_iter().map(|answer| self.reply(method, &body, answer)).collect()
    }

    /// An answer is not JSON of the form.
    pub(crate) fn malformed(&self, method: &'static str, error: &serde_json::Error) -> L1Error {
        self.not_of_form(method, "an answer of JSON-RPC", error.to_string())
    }

    /// An answer is not of the form.
    pub(crate) fn not_of_form(
        &self,
        method: &'static str,
        expected: &'static str,
        actual: impl Into<String>,
    ) -> L1Error {
        let (endpoint, actual) = (self.name().to_owned(), actual.into());
        L1Error::Malformed { endpoint, method, expected, actual }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_of_a_long_answer_is_found_without_walking_through_it() {
        let block = format!("{{\"extraData\":\"0x{}\"}}", "00".repeat(WALKED_BYTES_MAX));
        for (head, tail) in FRAMES {
            let body: Bytes = [head, block.as_bytes(), tail, b"\n"].concat().into();
            assert_eq!(Reply::of_long(&body).unwrap().result(), block);
        }
        let other: Bytes = format!("{{\"id\":1,\"result\":{block}}}").into_bytes().into();
        assert!(Reply::of_long(&other).is_none(), "that is for a parser");
    }

    #[test]
    fn a_short_answer_is_always_walked_through() {
        let body = br#"{"jsonrpc":"2.0","id":1,"result":null,"error":{"code":-1,"message":"no"}}"#;
        assert!(Reply::of_long(&Bytes::from_static(body)).is_none());
    }
}
