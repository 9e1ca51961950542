//! Who is told of what.
//!
//! # Invariants
//!
//! - Publishing never waits: a subscriber whose queue is full is dropped, and its connection ends.
//! - A subscriber watches at most [`WATCHED_MAX`] scripts.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use bytes::Bytes;
use quintet_kaspa_protocol::{
    address::Prefix,
    state::{UtxoDiff, UtxoMap},
    tx::ScriptPublicKey,
};
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    Failure,
    model::{Notification, RpcUtxoByAddress, Scope, UtxosChanged, VirtualChainChanged},
    protobuf,
    wire::{Wire as _, put_payload},
};

/// Notifications that wait for one client, at most.
pub(super) const QUEUE_MAX: usize = 2048;

/// Scripts one client watches, at most.
pub(super) const WATCHED_MAX: usize = 1_000_000;

/// Number of the first notification's operation.
const FIRST_OPERATION: u8 = 60;

/// Says that a message is a notification.
const NOTIFICATION: u8 = 0xff;

/// A notification, encoded at most once for each encoding.
#[derive(Debug)]
pub(super) struct Told {
    notification: Notification,
    borsh: OnceLock<Vec<u8>>,
    protobuf: OnceLock<Bytes>,
    json: OnceLock<String>,
}

impl Told {
    fn new(notification: Notification) -> Arc<Self> {
        Arc::new(Self {
            notification,
            borsh: OnceLock::new(),
            protobuf: OnceLock::new(),
            json: OnceLock::new(),
        })
    }

    /// Returns the message: no id, the kind, the operation, the payload.
    pub(super) fn borsh(&self) -> &[u8] {
        self.borsh.get_or_init(|| {
            let operation = FIRST_OPERATION.saturating_add(self.notification.number());
            let mut message = vec![0, NOTIFICATION, 1, operation];
            let mut inner = Vec::new();
            self.notification.put(&mut inner);
            u32::try_from(inner.len()).unwrap_or(u32::MAX).put(&mut message);
            message.extend_from_slice(&inner);
            message
        })
    }

    /// Returns the message of gRPC.
    pub(super) fn protobuf(&self) -> Bytes {
        let encode = || Bytes::from(protobuf::notification(&self.notification));
        self.protobuf.get_or_init(encode).clone()
    }

    pub(super) fn json(&self) -> &str {
        self.json.get_or_init(|| {
            let name = self.notification.name();
            let mut letters = name.chars();
            let first = letters.next().map(|letter| letter.to_ascii_lowercase());
            let method: String =
                first.into_iter().chain(letters).chain("Notification".chars()).collect();
            json!({ "method": method, "params": self.notification.to_json() }).to_string()
        })
    }
}

/// What one client wants.
#[derive(Debug, Default)]
struct Wants {
    events: HashSet<u8>,
    with_ids: bool,
    all_utxos: bool,
    scripts: HashSet<ScriptPublicKey>,
}

#[derive(Debug)]
struct Subscriber {
    queue: mpsc::Sender<Arc<Told>>,
    wants: Wants,
}

#[derive(Debug, Default)]
struct Subscribers {
    next: u64,
    all: HashMap<u64, Subscriber>,
}

/// A client's end. Dropping it ends all it wanted.
#[derive(Debug)]
pub struct Subscription {
    id: u64,
    hub: Hub,
    pub(super) queue: mpsc::Receiver<Arc<Told>>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.lock().all.remove(&self.id);
    }
}

/// The subscribers.
#[derive(Debug, Clone, Default)]
pub struct Hub(Arc<Mutex<Subscribers>>);

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Subscribers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a client that wants nothing yet.
    #[must_use]
    pub fn connect(&self) -> Subscription {
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let mut all = self.lock();
        all.next += 1;
        let id = all.next;
        all.all.insert(id, Subscriber { queue: sender, wants: Wants::default() });
        drop(all);
        Subscription { id, hub: self.clone(), queue }
    }

    /// Changes what a client wants.
    pub(super) fn change(&self, id: u64, scope: Scope, begins: bool) -> Result<(), Failure> {
        let mut all = self.lock();
        let Some(subscriber) = all.all.get_mut(&id) else { return Ok(()) };
        let wants = &mut subscriber.wants;
        let number = scope.number();
        match scope {
            Scope::Event(_) => {}
            Scope::VirtualChain { with_ids } => wants.with_ids = begins && with_ids,
            Scope::Utxos { addresses } if addresses.is_empty() => {
                wants.all_utxos = begins;
                if !begins {
                    wants.scripts.clear();
                }
            }
            Scope::Utxos { addresses } => {
                for address in addresses {
                    if begins {
                        wants.scripts.insert(address.script());
                    } else {
                        wants.scripts.remove(&address.script());
                    }
                }
                if wants.scripts.len() > WATCHED_MAX {
                    wants.scripts.clear();
                    return Err(Failure::General(format!(
                        "expected at most {WATCHED_MAX} addresses to be watched; subscribe anew with fewer"
                    )));
                }
                if !begins && !wants.scripts.is_empty() {
                    return Ok(());
                }
            }
        }
        if begins {
            wants.events.insert(number)
        } else {
            wants.events.remove(&number)
        };
        Ok(())
    }

    /// Returns whether anybody wants to know of an event.
    pub(crate) fn is_wanted(&self, number: u8) -> bool {
        self.lock().all.values().any(|subscriber| subscriber.wants.events.contains(&number))
    }

    /// Returns whether anybody wants to know what chain blocks accept.
    pub(crate) fn wants_ids(&self) -> bool {
        self.lock().all.values().any(|subscriber| subscriber.wants.with_ids)
    }

    fn send(&self, mut choose: impl FnMut(&Wants) -> Option<Arc<Told>>) {
        // Who cannot keep up is let go; its connection sees the queue end.
        self.lock().all.retain(|_, subscriber| match choose(&subscriber.wants) {
            Some(told) => subscriber.queue.try_send(told).is_ok(),
            None => true,
        });
    }

    /// Tells whoever wants to know.
    pub(crate) fn publish(&self, notification: Notification) {
        let number = notification.number();
        let told = Told::new(notification);
        self.send(|wants| wants.events.contains(&number).then(|| Arc::clone(&told)));
    }

    /// Tells of the chain's changes, with and without what was accepted.
    pub(crate) fn publish_chain(&self, changed: VirtualChainChanged) {
        let bare = VirtualChainChanged { accepted_transaction_ids: Vec::new(), ..changed.clone() };
        let full = Told::new(Notification::VirtualChainChanged(changed));
        let bare = Told::new(Notification::VirtualChainChanged(bare));
        self.send(|wants| {
            let wanted = wants.events.contains(&1);
            wanted.then(|| Arc::clone(if wants.with_ids { &full } else { &bare }))
        });
    }

    /// Tells of unspent outputs that came and went: each client of its own.
    pub(crate) fn publish_utxos(&self, prefix: Prefix, diff: &UtxoDiff) {
        let shown = |map: &UtxoMap, wants: &Wants| -> Vec<RpcUtxoByAddress> {
            let mine = map.iter().filter(|(_, entry)| {
                wants.all_utxos || wants.scripts.contains(&entry.script_public_key)
            });
            mine.map(|(outpoint, entry)| RpcUtxoByAddress::of(prefix, *outpoint, entry)).collect()
        };
        self.send(|wants| {
            if !wants.events.contains(&4) {
                return None;
            }
            let added = shown(diff.added(), wants);
            let removed = shown(diff.removed(), wants);
            let is_empty = added.is_empty() && removed.is_empty();
            let changed = Notification::UtxosChanged(UtxosChanged { added, removed });
            (!is_empty).then(|| Told::new(changed))
        });
    }
}

impl Subscription {
    /// Returns the client's number.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }
}

/// Says that a method is not known: of workflow-rpc's `ServerError`.
const NOT_FOUND: u8 = 3;

/// Says that a text follows: of workflow-rpc's `ServerError`.
const TEXT: u8 = 13;

/// Kinds of messages.
const ANSWER: u8 = 0;
const FAILURE: u8 = 1;

fn borsh_head(id: u64, kind: u8, operation: Option<u8>) -> Vec<u8> {
    let mut message = Vec::new();
    Some(id).put(&mut message);
    message.push(kind);
    operation.put(&mut message);
    message
}

/// Returns the message of an answer in Borsh.
pub(super) fn borsh_answer(id: u64, operation: u8, payload: &[u8]) -> Vec<u8> {
    let mut message = borsh_head(id, ANSWER, Some(operation));
    message.push(1);
    message.extend_from_slice(payload);
    message
}

/// Returns the message of an answer that is none, and why.
pub(super) fn borsh_refusal(id: u64, operation: u8, why: &str) -> Vec<u8> {
    let mut message = borsh_head(id, ANSWER, Some(operation));
    message.extend_from_slice(&[0, TEXT]);
    why.to_owned().put(&mut message);
    message
}

/// Returns the message that there is no such method.
pub(super) fn borsh_unknown(id: u64) -> Vec<u8> {
    let mut message = borsh_head(id, FAILURE, None);
    message.push(NOT_FOUND);
    message
}

/// Returns the payload of an answer.
pub(super) fn payload<T: super::wire::Wire>(answer: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_payload(answer, &mut bytes);
    bytes
}
