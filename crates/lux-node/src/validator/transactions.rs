//! Transactions between pools: what becomes pending here is told to peers once, what they tell is checked and put in.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, Bytes, map::FbBuildHasher};
use quintet_eth_chain::EthChain;
use quintet_eth_pool::{KnownSenders, Origin, PoolError, PoolTransaction, verify_all};
use quintet_eth_rpc::PoolService;
use quintet_lux_protocol::wire::{
    TRANSACTIONS_BYTES_MAX, TRANSACTIONS_MAX, decode_transactions, encode_transactions,
};
use quintet_primitives::generations::Generations;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::p2p::{Heard, P2pClient, Topic, Verdict};

/// Messages of peers taken together at most.
const MESSAGES_TOGETHER: usize = 64;
/// Longest that transactions are gathered before they are told.
const GATHER_MAX: Duration = Duration::from_millis(20);
/// Transactions that may wait to be told; what finds no room is told by whoever else has it.
pub(super) const WAITING_MAX: usize = 16_384;
/// Transactions of peers remembered in one generation, and how long one lasts: they are not told again meanwhile. Telling one again later does no harm.
const HEARD_MAX: usize = 32_768;
const HEARD_FOR: Duration = Duration::from_mins(2);

/// Transactions that peers told: one that is told again while its generation is the older one stays.
#[derive(Debug)]
struct Known {
    hashes: Generations<B256, (), FbBuildHasher<32>>,
    turned: Instant,
}

impl Known {
    fn new(now: Instant) -> Self {
        Self { hashes: Generations::new(2 * HEARD_MAX), turned: now }
    }

    fn insert(&mut self, hash: B256, now: Instant) {
        let is_over = now.duration_since(self.turned) >= HEARD_FOR;
        if is_over {
            self.hashes.turn();
        }
        if self.hashes.insert(hash, (), 1) || is_over {
            self.turned = now;
        }
    }

    fn contains(&self, hash: &B256) -> bool {
        self.hashes.contains(hash)
    }
}

/// The importer's memory of senders, which execution uses again.
struct Senders<'a>(&'a EthChain);

impl KnownSenders for Senders<'_> {
    fn get(&self, hash: &B256) -> Option<Address> {
        self.0.senders().get(hash)
    }

    fn insert(&self, hash: B256, sender: Address) {
        self.0.senders().insert(hash, sender);
    }
}

/// The pool's connection to those of peers.
#[derive(Debug, Clone)]
pub(super) struct Relay {
    chain: EthChain,
    pool: Arc<PoolService>,
    heard: Arc<Mutex<Known>>,
}

impl Relay {
    /// Begins to listen to the pool; what comes out is to be told to peers.
    pub(super) fn new(chain: EthChain, pool: Arc<PoolService>) -> (Self, mpsc::Receiver<Bytes>) {
        let (told, waiting) = mpsc::channel(WAITING_MAX);
        let heard = Arc::new(Mutex::new(Known::new(Instant::now())));
        let known = Arc::clone(&heard);
        pool.on_pending(Arc::new(move |pending: &[Arc<PoolTransaction>]| {
            let heard = known.lock().unwrap_or_else(PoisonError::into_inner);
            for one in pending.iter().filter(|one| !heard.contains(&one.hash())) {
                let _no_room = told.try_send(one.network_encoding().into());
            }
        }));
        (Self { chain, pool, heard }, waiting)
    }

    /// Carries transactions both ways until told to stop; `pause` is how long those that are to be told are gathered.
    pub(super) async fn run(
        self,
        p2p: P2pClient,
        heard: mpsc::Receiver<Heard>,
        waiting: mpsc::Receiver<Bytes>,
        pause: Duration,
        stop: CancellationToken,
    ) {
        let both = async { tokio::join!(self.listen(&p2p, heard), tell(&p2p, waiting, pause)) };
        stop.run_until_cancelled(both).await;
    }

    /// Takes what peers tell: all that waits at once, since signatures are checked several at a time.
    async fn listen(&self, p2p: &P2pClient, mut heard: mpsc::Receiver<Heard>) {
        let mut together = Vec::new();
        while heard.recv_many(&mut together, MESSAGES_TOGETHER).await > 0 {
            let (relay, messages) = (self.clone(), std::mem::take(&mut together));
            let judged = tokio::task::spawn_blocking(move || {
                let verdicts = relay.take(messages.iter().map(|one| one.bytes.as_slice()));
                messages.into_iter().zip(verdicts).collect::<Vec<_>>()
            });
            match judged.await {
                Ok(judged) => {
                    judged.into_iter().for_each(|(heard, verdict)| p2p.judge(heard, verdict));
                }
                Err(error) => tracing::error!(%error, "transactions of peers were not taken"),
            }
        }
    }

    /// Takes what peers told; a verdict for each message.
    fn take<'a>(&self, messages: impl Iterator<Item = &'a [u8]>) -> Vec<Verdict> {
        let (mut verdicts, mut decoded, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let form = self.pool.form();
        for (place, message) in messages.enumerate() {
            verdicts.push(Verdict::Ignore);
            let bad = match decode_transactions(message) {
                Ok(all) => all.iter().any(|one| match form.read(one) {
                    Ok(one) => {
                        decoded.push(one);
                        places.push(place);
                        false
                    }
                    Err(error) => matches!(error, PoolError::Decode(_)),
                }),
                Err(_) => true,
            };
            if bad {
                set(&mut verdicts, place, Verdict::Reject);
            }
        }
        {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            decoded.iter().for_each(|one| heard.insert(one.hash(), now));
        }
        let rules = self.pool.pool().head().rules;
        let verified = verify_all(decoded, rules, &Senders(&self.chain));
        let added = self.pool.add_all(verified, Origin::Remote);
        for (place, added) in places.into_iter().zip(added) {
            match added {
                Err(PoolError::Sender { .. }) => set(&mut verdicts, place, Verdict::Reject),
                Ok(_) if verdicts.get(place) == Some(&Verdict::Ignore) => {
                    set(&mut verdicts, place, Verdict::Accept);
                }
                Ok(_) | Err(_) => {}
            }
        }
        verdicts
    }
}

fn set(verdicts: &mut [Verdict], place: usize, verdict: Verdict) {
    if let Some(one) = verdicts.get_mut(place) {
        *one = verdict;
    }
}

/// How long transactions are gathered before they are told: a tenth of a slot, and no more than anybody notices.
pub(super) fn pause(slot_millis: u64) -> Duration {
    Duration::from_millis(slot_millis / 10).min(GATHER_MAX)
}

/// Tells peers of what becomes pending, many in a message: what a message costs each node it reaches is paid once for all.
async fn tell(p2p: &P2pClient, mut waiting: mpsc::Receiver<Bytes>, pause: Duration) {
    while let Some(first) = waiting.recv().await {
        tokio::time::sleep(pause).await;
        let mut next = Some(first);
        while let Some(first) = next {
            let gathered = gather(first, &mut waiting);
            p2p.publish(Topic::Transactions, encode_transactions(&gathered));
            next = waiting.try_recv().ok();
        }
    }
}

/// Gathers what waits into one message.
fn gather(first: Bytes, waiting: &mut mpsc::Receiver<Bytes>) -> Vec<Bytes> {
    let mut bytes = first.len();
    let mut gathered = vec![first];
    while gathered.len() < TRANSACTIONS_MAX && bytes < TRANSACTIONS_BYTES_MAX / 2 {
        let Ok(one) = waiting.try_recv() else { break };
        bytes = bytes.saturating_add(one.len());
        gathered.push(one);
    }
    gathered
}

#[cfg(test)]
mod tests {
    use alloy_consensus::{TxEip1559, TypedTransaction};
    use alloy_primitives::{TxKind, U256};
    use quintet_eth_chain::ChainOptions;
    use quintet_eth_pool::PoolConfig;

    use super::*;
    use crate::{
        dev::{CHAIN_ID_DEFAULT, DevAccount, MNEMONIC, accounts},
        genesis::LuxGenesis,
    };

    /// A relay in whose chain the first of two accounts has money.
    fn relay() -> (Relay, mpsc::Receiver<Bytes>, [DevAccount; 2]) {
        let keys: [DevAccount; 2] = accounts(MNEMONIC, 2).unwrap().try_into().unwrap();
        let (rich, money) = ([keys[0].address], U256::from(10).pow(U256::from(20)));
        let genesis = LuxGenesis::development(CHAIN_ID_DEFAULT, 1_000, 30_000_000, rich, money);
        let options = ChainOptions { threads: 1, ..ChainOptions::default() };
        let chain = EthChain::in_memory(genesis.unwrap().spec, options).unwrap();
        let clock = Arc::new(|| 2_000);
        let pool = PoolService::new(chain.clone(), PoolConfig::default(), clock).unwrap();
        let (relay, waiting) = Relay::new(chain, Arc::new(pool));
        (relay, waiting, keys)
    }

    fn transfer(from: &DevAccount, nonce: u64) -> Bytes {
        let transaction = TypedTransaction::Eip1559(TxEip1559 {
            chain_id: CHAIN_ID_DEFAULT,
            nonce,
            gas_limit: 21_000,
            max_fee_per_gas: 10_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
            to: TxKind::Call(Address::repeat_byte(7)),
            value: U256::ONE,
            ..TxEip1559::default()
        });
        from.sign(transaction).unwrap().encoded().into()
    }

    #[test]
    fn messages_taken_together_are_judged_each_for_itself() {
        let (relay, mut waiting, [rich, poor]) = relay();
        let good = encode_transactions(&[transfer(&rich, 0), transfer(&rich, 1)]);
        let useless = encode_transactions(&[transfer(&poor, 0)]);
        let bad = encode_transactions(&[transfer(&rich, 2), Bytes::from_static(&[2, 0xff])]);
        let messages = [good.as_slice(), &useless, &bad, b"no list", &good];
        let verdicts = relay.take(messages.into_iter());
        use Verdict::{Accept, Ignore, Reject};
        assert_eq!(verdicts, [Accept, Ignore, Reject, Reject, Ignore]);
        assert_eq!(relay.pool.pool().status().pending, 3);
        // What peers told is not told to them again; what came from a client is.
        assert!(waiting.try_recv().is_err());
        relay.pool.submit(relay.pool.read(&transfer(&rich, 3)).unwrap()).unwrap();
        assert_eq!(waiting.try_recv().unwrap(), transfer(&rich, 3));
    }

    #[test]
    fn what_was_heard_is_forgotten_in_time_and_in_number() {
        let begin = Instant::now();
        let mut known = Known::new(begin);
        let hash = B256::left_padding_from;
        known.insert(hash(&[1]), begin);
        known.insert(hash(&[2]), begin + HEARD_FOR);
        assert!(known.contains(&hash(&[1])) && known.contains(&hash(&[2])));
        known.insert(hash(&[3]), begin + HEARD_FOR * 2);
        assert!(!known.contains(&hash(&[1])) && known.contains(&hash(&[2])));
        for number in 0..HEARD_MAX * 3 {
            known.insert(hash(&number.to_be_bytes()), begin + HEARD_FOR * 2);
            assert!(known.hashes.len() <= HEARD_MAX * 2);
        }
        assert!(!known.contains(&hash(&[2])));
    }

    #[test]
    fn what_waits_is_told_in_as_few_messages_as_may_be() {
        let (told, mut waiting) = mpsc::channel(TRANSACTIONS_MAX + 10);
        for _ in 0..=TRANSACTIONS_MAX {
            told.try_send(Bytes::from_static(&[1])).unwrap();
        }
        let first = waiting.try_recv().unwrap();
        assert_eq!(gather(first, &mut waiting).len(), TRANSACTIONS_MAX);
        let first = waiting.try_recv().unwrap();
        assert_eq!(gather(first, &mut waiting).len(), 1);
    }
}
