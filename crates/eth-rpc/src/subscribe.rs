//! Subscriptions over a WebSocket: new heads, logs, pending transactions.
//!
//! The chain's observer hands each event to one bounded channel; a client that reads too slowly misses events and is told so by its
//! subscription's end, which it may begin again.
//!
//! **Spec:** go-ethereum's `eth/filters/api.go`, "Subscriptions".

use std::sync::Arc;

use quintet_eth_chain::{ChainEvent, EthChain, SealedBlock};
use quintet_eth_pool::PoolTransaction;
use quintet_evm::execute::Receipt;
use quintet_rpc::{
    ErrorObjectOwned, Params, PendingSubscriptionSink, RpcModule, StartError, SubscriptionMessage,
    SubscriptionSink,
};
use serde_json::{Value, json, value::to_raw_value};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{
    args::{Args, FilterArgs},
    deadline::Deadline,
    error::{EthError, EthResult},
    filters::logs_of,
    json,
    node::EthNode,
};

/// Events that wait for a slow client.
const EVENTS_MAX: usize = 1_024;

/// What happened.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Block { block: Arc<SealedBlock>, receipts: Arc<[Receipt]>, removed: bool },
    Pending(Arc<[Arc<PoolTransaction>]>),
}

/// Tells subscriptions what happened.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    sender: broadcast::Sender<Event>,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self { sender: broadcast::channel(EVENTS_MAX).0 }
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    fn tell(&self, event: Event) {
        // Nobody listening is no failure.
        let _ = self.sender.send(event);
    }

    pub(crate) fn on_pending(&self, pending: &[Arc<PoolTransaction>]) {
        if self.sender.receiver_count() > 0 {
            self.tell(Event::Pending(pending.into()));
        }
    }

    pub(crate) fn on_event(&self, event: &ChainEvent, chain: &EthChain) {
        if self.sender.receiver_count() == 0 {
            return;
        }
        match event {
            ChainEvent::Connected { block, receipts } => {
                let (block, receipts) = (Arc::clone(block), Arc::clone(receipts));
                self.tell(Event::Block { block, receipts, removed: false });
            }
            ChainEvent::Disconnected(blocks) => {
                let Ok(reader) = chain.reader() else { return };
                for at in blocks.iter() {
                    if let Ok(Some((block, receipts))) = reader.block_with_receipts(at.hash) {
                        self.tell(Event::Block { block, receipts, removed: true });
                    }
                }
            }
            ChainEvent::Forkchoice(_) => {}
        }
    }
}

/// What a subscription wants.
#[derive(Debug, Clone)]
enum Wanted {
    Heads,
    Logs(Box<FilterArgs>),
    Pending { full: bool },
    Syncing,
}

impl Wanted {
    fn read(params: &Params<'_>, node: &EthNode) -> EthResult<Self> {
        let args = Args::read(params, 2, Deadline::after(node.config.call_timeout_ms))?;
        let name: String = args.required(0)?;
        Ok(match name.as_str() {
            "newHeads" => Self::Heads,
            "logs" => {
                let filter = args.optional(1)?.unwrap_or_else(FilterArgs::everything);
                let most = node.config.filter_items_max;
                if filter.widest() > most {
                    return Err(EthError::params(format!(
                        "filter has more than {most} addresses or topics in a place"
                    )));
                }
                Self::Logs(Box::new(filter))
            }
            "newPendingTransactions" => {
                Self::Pending { full: args.optional(1)?.unwrap_or_default() }
            }
            "syncing" => Self::Syncing,
            other => {
                return Err(EthError::new(
                    quintet_rpc::code::METHOD_NOT_FOUND,
                    format!("no \"{other}\" subscription in eth namespace"),
                ));
            }
        })
    }

    fn items(&self, event: &Event) -> Vec<Value> {
        match (self, event) {
            (Self::Heads, Event::Block { block, removed: false, .. }) => {
                vec![Value::Object(json::header(block.header(), block.hash))]
            }
            (Self::Logs(filter), Event::Block { block, receipts, removed }) => {
                logs_of(filter, block, receipts, *removed)
            }
            (Self::Pending { full }, Event::Pending(pending)) => pending
                .iter()
                .map(|one| match full {
                    true => json::transaction(one.transaction(), Some(one.sender()), None),
                    false => json!(one.hash()),
                })
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// Registers `eth_subscribe` and `eth_unsubscribe`.
pub(crate) fn register(module: &mut RpcModule<Arc<EthNode>>) -> Result<(), StartError> {
    module.register_subscription(
        "eth_subscribe",
        "eth_subscription",
        "eth_unsubscribe",
        |params, pending, node, _| async move { serve(&params, pending, &node).await },
    )?;
    Ok(())
}

async fn serve(params: &Params<'_>, pending: PendingSubscriptionSink, node: &EthNode) {
    let wanted = match Wanted::read(params, node) {
        Ok(wanted) => wanted,
        Err(error) => {
            pending.reject(ErrorObjectOwned::from(error)).await;
            return;
        }
    };
    // Listening begins before the client knows, so that it misses nothing.
    let mut events = node.events.listen();
    let Ok(sink) = pending.accept().await else { return };
    if matches!(wanted, Wanted::Syncing) {
        let _ = send(&sink, &json!(false)).await;
    }
    loop {
        let event = tokio::select! {
            () = sink.closed() => return,
            event = events.recv() => event,
        };
        match event {
            Ok(event) => {
                for item in wanted.items(&event) {
                    if send(&sink, &item).await.is_err() {
                        return;
                    }
                }
            }
            Err(RecvError::Lagged(missed)) => {
                tracing::debug!(missed, "a subscription ends: its client reads too slowly");
                return;
            }
            Err(RecvError::Closed) => return,
        }
    }
}

async fn send(sink: &SubscriptionSink, item: &Value) -> Result<(), ()> {
    let raw = to_raw_value(item).map_err(drop)?;
    sink.send(SubscriptionMessage::from(raw)).await.map_err(drop)
}
