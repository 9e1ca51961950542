//! An L1 behind JSON-RPC: several nodes, each asked until one answers with what holds.
//!
//! ```text
//!   question ──► nodes, the most trusted first ──► answer ──► recompute hash and roots ──► taken
//!                     ▲                                            │ does not hold: a lie, the node goes to the end
//!                     └── all failed: pause, twice as long ◄───────┘
//! ```
//!
//! Blocks come raw where a node offers that (`debug_getRawBlock`), else as JSON. Where nodes are trusted
//! ([`RpcOptions::trust`]), only transactions to the inbox are decoded and the root over all of them is not recomputed.
//!
//! **Spec:** Ethereum's execution API; op-node's `sources.EthClient`, flags `l1.trustrpc` and `l1.rpckind`.

use std::{future::Future, time::Duration};

use alloy_consensus::Receipt;
use alloy_primitives::{Address, B256, Bytes};
use futures_util::future::BoxFuture;
use quintet_rollup_protocol::{refs::L1Ref, verify, view::L1Header};

use super::{
    L1Block, L1Error, L1Label, L1Source,
    beacon::Beacon,
    blocks::{Asked, BLOCK_BY_NUMBER, RAW_BLOCK, checked_header, read_block},
    endpoint::{Endpoint, Limits, Reply},
    json::{JsonError, digits::uint64, receipt},
    raw::decode_receipt,
    state::storage_of,
    transport::Transport,
};

/// Longest pause between two rounds over all nodes.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// Receipts asked for in one go where a node gives them one by one.
const RECEIPTS_AT_ONCE: usize = 32;

/// How an L1 is asked.
#[derive(Debug, Clone)]
pub struct RpcOptions {
    /// The chain every node must be of.
    pub chain_id: u64,
    /// Where batcher transactions go.
    pub inbox: Address,
    /// Whether a node is believed to give all transactions of a block. Header, receipts and blobs are checked all the same.
    pub trust: bool,
    /// Nodes that must agree about a block's hash, the one that gave it among them; at least one.
    pub quorum: usize,
    /// Rounds over all nodes before a question is given up; at least one.
    pub rounds: u32,
    /// Pause after the first round that failed.
    pub pause: Duration,
    /// How each node may be asked.
    pub limits: Limits,
}

impl RpcOptions {
    /// Returns options of a chain: one node suffices, nothing is believed.
    #[must_use]
    pub fn new(chain_id: u64, inbox: Address) -> Self {
        Self {
            chain_id,
            inbox,
            trust: false,
            quorum: 1,
            rounds: 8,
            pause: Duration::from_millis(100),
            limits: Limits::default(),
        }
    }
}

/// An L1 behind JSON-RPC.
#[derive(Debug)]
pub struct RpcL1 {
    nodes: Vec<Endpoint>,
    beacon: Option<Beacon>,
    options: RpcOptions,
}

/// Asks several nodes until one answers with what holds; `None` if all say that there is no such thing.
///
/// # Errors
///
/// [`L1Error::Exhausted`] after `rounds` rounds in which nobody answered well.
pub(crate) async fn ask<'a, T, F>(
    nodes: &'a [Endpoint],
    (rounds, pause): (u32, Duration),
    what: impl Fn() -> String,
    question: impl Fn(&'a Endpoint) -> F,
) -> Result<Option<T>, L1Error>
where
    F: Future<Output = Result<Option<T>, L1Error>>,
{
    let mut pause = pause;
    let mut last = None;
    for round in 0..rounds.max(1) {
        if round > 0 {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        let mut order: Vec<_> = nodes.iter().collect();
        order.sort_by_key(|node| node.penalty());
        let mut absent = 0;
        for node in order {
            match question(node).await {
                Ok(Some(answer)) => {
                    node.praise();
                    return Ok(Some(answer));
                }
                Ok(None) => absent += 1,
                Err(error) if error.is_absent() => absent += 1,
                Err(error) => {
                    tracing::warn!(node = node.name(), %error, "L1 node gave no usable answer");
                    node.blame(&error);
                    last = Some(error);
                }
            }
        }
        if absent == nodes.len() {
            return Ok(None);
        }
    }
    match last {
        None => Ok(None),
        Some(last) => {
            Err(L1Error::Exhausted { what: what(), attempts: rounds.max(1), last: Box::new(last) })
        }
    }
}

impl RpcL1 {
    /// Makes an L1 of nodes.
    ///
    /// # Errors
    ///
    /// [`L1Error::Address`] if an address is none, or there is none at all.
    pub fn new(
        addresses: &[String],
        beacon: Option<Beacon>,
        options: RpcOptions,
        transport: &Transport,
    ) -> Result<Self, L1Error> {
        let node = |address: &String| Endpoint::new(address, options.limits, transport.clone());
        let nodes: Vec<_> = addresses.iter().map(node).collect::<Result<_, _>>()?;
        if nodes.len() < options.quorum.max(1) {
            let address = format!("{} addresses", nodes.len());
            return Err(L1Error::Address { address, expected: "as many nodes as must agree" });
        }
        Ok(Self { nodes, beacon, options })
    }

    /// Returns the nodes, for figures.
    #[must_use]
    pub fn nodes(&self) -> &[Endpoint] {
        &self.nodes
    }

    const fn patience(&self) -> (u32, Duration) {
        (self.options.rounds, self.options.pause)
    }

    /// Refuses a node of another chain; asked once a node.
    async fn check_chain(&self, node: &Endpoint) -> Result<(), L1Error> {
        use std::sync::atomic::Ordering::Relaxed;
        if node.is_of_chain.load(Relaxed) {
            return Ok(());
        }
        const METHOD: &str = "eth_chainId";
        let reply = node.call(METHOD, [(); 0]).await?;
        let actual = serde_json::from_str::<&str>(reply.result())
            .map_err(JsonError::from)
            .and_then(|text| uint64("result", text))
            .map_err(|error| node.not_of_form(METHOD, "a number", error.to_string()))?;
        let expected = self.options.chain_id;
        if actual != expected {
            let endpoint = node.name().to_owned();
            return Err(L1Error::WrongChain { endpoint, expected, actual });
        }
        node.is_of_chain.store(true, Relaxed);
        Ok(())
    }

    async fn block_of(&self, node: &Endpoint, number: u64) -> Result<Option<L1Block>, L1Error> {
        self.check_chain(node).await?;
        let asked = Asked {
            endpoint: node.name().to_owned(),
            number,
            inbox: self.options.inbox,
            trust: self.options.trust,
        };
        if node.raw_block.is_open() {
            match node.call(RAW_BLOCK, [quantity(number)]).await {
                Ok(reply) => return work(move || asked.raw(&reply)).await,
                Err(error) if error.is_unsupported() => node.raw_block.close(),
                Err(error) => return Err(error),
            }
        }
        let reply = node.call(BLOCK_BY_NUMBER, (quantity(number), true)).await?;
        work(move || asked.json(&reply)).await
    }

    /// Asks other nodes whether a block is canonical for them too. One that has not come as far is not counted, and waited for.
    async fn agree(&self, block: &L1Ref) -> Result<(), L1Error> {
        if self.options.quorum < 2 {
            return Ok(());
        }
        let label = quantity(block.number);
        let mut agreeing: Option<&Endpoint> = None;
        let mut count = 0;
        for node in &self.nodes {
            match self.header_of(node, &label).await {
                Ok(Some(other)) if other.hash == block.hash => {
                    count += 1;
                    agreeing = Some(node);
                }
                Ok(Some(other)) => {
                    return Err(L1Error::Disagree {
                        first: agreeing.map_or("another node", Endpoint::name).to_owned(),
                        second: node.name().to_owned(),
                        number: block.number,
                        first_hash: Box::new(block.hash),
                        second_hash: Box::new(other.hash),
                    });
                }
                Ok(None) => {}
                Err(error) => node.blame(&error),
            }
            if count >= self.options.quorum {
                return Ok(());
            }
        }
        Err(L1Error::Missing {
            endpoint: "L1".to_owned(),
            what: format!("{} nodes that have block {}", self.options.quorum, block.number),
            advice: "wait for the others, or ask for a smaller quorum",
        })
    }

    async fn header_of(&self, node: &Endpoint, label: &str) -> Result<Option<L1Ref>, L1Error> {
        self.check_chain(node).await?;
        let reply = node.call(BLOCK_BY_NUMBER, (label, false)).await?;
        let Some(block) = read_block(node.name(), BLOCK_BY_NUMBER, reply.result())? else {
            return Ok(None);
        };
        let (hash, header) = checked_header(node.name(), BLOCK_BY_NUMBER, &block)?;
        Ok(Some(L1Header::new(hash, &header).block))
    }

    async fn receipts_of(
        &self,
        node: &Endpoint,
        block: &L1Ref,
        root: B256,
    ) -> Result<Option<Vec<Receipt>>, L1Error> {
        let endpoint = node.name().to_owned();
        let lie = move |source| L1Error::Lie { endpoint, source };
        if node.raw_receipts.is_open() && node.raw_block.is_open() {
            const METHOD: &str = "debug_getRawReceipts";
            match node.call(METHOD, [block.hash]).await {
                Ok(reply) if reply.result() == "null" => return Ok(None),
                Ok(reply) => {
                    let raw: Vec<Bytes> = serde_json::from_str(reply.result())
                        .map_err(|error| node.malformed(METHOD, &error))?;
                    verify::receipts(&raw, root).map_err(lie)?;
                    let list: Result<_, _> = raw.iter().map(|raw| decode_receipt(raw)).collect();
                    return list
                        .map(Some)
                        .map_err(|error| node.not_of_form(METHOD, "receipts", error.to_string()));
                }
                Err(error) if error.is_unsupported() => node.raw_receipts.close(),
                Err(error) => return Err(error),
            }
        }
        const METHOD: &str = "eth_getBlockReceipts";
        let reply = if node.block_receipts.is_open() {
            match node.call(METHOD, [block.hash]).await {
                Err(error) if error.is_unsupported() => {
                    node.block_receipts.close();
                    None
                }
                other => Some(other?),
            }
        } else {
            None
        };
        let text = match &reply {
            Some(reply) => reply.result().to_owned(),
            None => match self.receipts_one_by_one(node, block).await? {
                Some(text) => text,
                None => return Ok(None),
            },
        };
        if text == "null" {
            return Ok(None);
        }
        let bad = node.not_of_form(METHOD, "receipts", "something else");
        work(move || {
            let (receipts, raw) = receipt::receipts(&text).map_err(|error| explain(bad, &error))?;
            verify::receipts(&raw, root).map_err(lie)?;
            Ok(Some(receipts))
        })
        .await
    }

    /// Asks for the receipt of each transaction, where a node gives none by block; returns them as one list of JSON.
    async fn receipts_one_by_one(
        &self,
        node: &Endpoint,
        block: &L1Ref,
    ) -> Result<Option<String>, L1Error> {
        const BLOCK: &str = "eth_getBlockByHash";
        let reply = node.call(BLOCK, (block.hash, false)).await?;
        let Some(read) = read_block(node.name(), BLOCK, reply.result())? else { return Ok(None) };
        let hashes = read
            .transaction_hashes()
            .map_err(|error| node.not_of_form(BLOCK, "hashes", error.to_string()))?;
        let mut texts = Vec::with_capacity(hashes.len());
        for some in hashes.chunks(RECEIPTS_AT_ONCE) {
            for reply in self.receipts_of_some(node, some).await? {
                texts.push(reply.result().to_owned());
            }
        }
        Ok(Some(format!("[{}]", texts.join(","))))
    }
}

impl RpcL1 {
    /// Asks for a few receipts in one request, or in one each where a node takes no batches.
    async fn receipts_of_some(
        &self,
        node: &Endpoint,
        hashes: &[B256],
    ) -> Result<Vec<Reply>, L1Error> {
        const METHOD: &str = "eth_getTransactionReceipt";
        if node.batches.is_open() {
            match node.call_many(METHOD, hashes.iter().map(|hash| [*hash])).await {
                Ok(replies) if replies.len() == hashes.len() => return Ok(replies),
                Ok(_) => {}
                Err(error) => tracing::debug!(node = node.name(), %error, "no batches"),
            }
            node.batches.close();
        }
        let calls = hashes.iter().map(|hash| node.call(METHOD, [*hash]));
        futures_util::future::try_join_all(calls).await
    }
}

impl L1Source for RpcL1 {
    fn head(&self, label: L1Label) -> BoxFuture<'_, Result<Option<L1Ref>, L1Error>> {
        Box::pin(async move {
            let what = || format!("the {} block", label.name());
            ask(&self.nodes, self.patience(), what, |node| self.header_of(node, label.name())).await
        })
    }

    fn block(&self, number: u64) -> BoxFuture<'_, Result<Option<L1Block>, L1Error>> {
        Box::pin(async move {
            let what = || format!("block {number}");
            let question = |node| async move {
                let block = self.block_of(node, number).await?;
                if let Some(block) = &block {
                    self.agree(&block.header.block).await?;
                }
                Ok(block)
            };
            ask(&self.nodes, self.patience(), what, question).await
        })
    }

    fn receipts<'a>(
        &'a self,
        block: &'a L1Ref,
        root: B256,
    ) -> BoxFuture<'a, Result<Vec<Receipt>, L1Error>> {
        Box::pin(async move {
            let what = || format!("receipts of block {} {}", block.number, block.hash);
            let question = |node| self.receipts_of(node, block, root);
            let found = ask(&self.nodes, self.patience(), what, question).await?;
            found.ok_or_else(|| L1Error::Missing {
                endpoint: "L1".to_owned(),
                what: what(),
                advice: "the block may have been reorganised away, or the node prunes receipts",
            })
        })
    }

    fn blobs<'a>(
        &'a self,
        block: &'a L1Ref,
        hashes: &'a [B256],
    ) -> BoxFuture<'a, Result<Vec<Bytes>, L1Error>> {
        Box::pin(async move {
            let Some(beacon) = &self.beacon else {
                return Err(L1Error::Missing {
                    endpoint: "L1".to_owned(),
                    what: format!("a beacon node for blobs of block {}", block.number),
                    advice: "name one with --beacon",
                });
            };
            beacon.blobs(block, hashes).await
        })
    }

    fn storage(
        &self,
        contract: Address,
        slot: B256,
    ) -> BoxFuture<'_, Result<Option<B256>, L1Error>> {
        Box::pin(async move {
            let what = || format!("slot {slot} of {contract}");
            let question = |node| async move {
                self.check_chain(node).await?;
                storage_of(node, contract, slot, self.options.trust).await
            };
            ask(&self.nodes, self.patience(), what, question).await
        })
    }
}

/// Does what takes long on a thread that may.
pub(crate) async fn work<T: Send + 'static>(
    what: impl FnOnce() -> Result<T, L1Error> + Send + 'static,
) -> Result<T, L1Error> {
    match tokio::task::spawn_blocking(what).await {
        Ok(done) => done,
        Err(error) => Err(L1Error::Unreachable {
            endpoint: "this process".to_owned(),
            reason: error.to_string(),
        }),
    }
}

fn quantity(number: u64) -> String {
    format!("{number:#x}")
}

fn explain(error: L1Error, reason: &JsonError) -> L1Error {
    match error {
        L1Error::Malformed { endpoint, method, expected, .. } => {
            L1Error::Malformed { endpoint, method, expected, actual: reason.to_string() }
        }
        other => other,
    }
}
