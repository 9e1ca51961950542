//! Judging a transaction: in Bitcoin Core's order, so that the first reason is the same.
//!
//! **Spec:** Bitcoin Core, `MemPoolAccept::PreChecks`, `ReplacementChecks`, `PolicyScriptChecks`, `ConsensusScriptChecks`.

use std::collections::{BTreeSet, HashMap};

use bitcoin::{OutPoint, Txid};
use bytes::Bytes;
use quintet_bitcoin_protocol::{
    Coin, Transaction, Tx,
    header::ChainView,
    policy::{self, FeeRate, STANDARD_FLAGS, standard},
    rules::{BlockContext, check_inputs, check_transaction, is_final, output_total, sequence_lock},
    script::{Immediate, TxContext, transaction_sigop_cost, verify_input},
    transaction::Output,
};

use super::{
    AcceptedTransaction, CLUSTER_MAX, CLUSTER_VSIZE_MAX, Entry, Refusal, Verdict, replace,
};
use crate::{chain::ChainError, kernel::Kernel};

/// Height given to coins of the pool: they count as made by the next block.
type Coins = HashMap<OutPoint, Coin>;

/// What a judged transaction does to the pool.
struct Admission {
    entry: Entry,
    /// What it takes the place of, with all that spends from that.
    replaced: BTreeSet<Txid>,
}

/// How a transaction is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// As any newcomer.
    Fully,
    /// It was in a block, which was taken back: what it pays does not matter.
    Returning,
}

impl Kernel {
    /// Judges a transaction and takes it into the pool.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the coins cannot be reached.
    pub fn accept_transaction(&mut self, transaction: &Transaction) -> Result<Verdict, ChainError> {
        self.judge(transaction, Judged::Fully, true)
    }

    /// Judges a transaction and leaves the pool as it is.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the coins cannot be reached.
    pub fn test_transaction(&mut self, transaction: &Transaction) -> Result<Verdict, ChainError> {
        self.judge(transaction, Judged::Fully, false)
    }

    pub(super) fn judge(
        &mut self,
        transaction: &Transaction,
        judged: Judged,
        keep: bool,
    ) -> Result<Verdict, ChainError> {
        let now = self.now();
        self.mempool.lower_floor(now);
        let admission = match self.admit(transaction, judged)? {
            Ok(admission) => admission,
            Err(refusal) => return Ok(Verdict::Refused(refusal)),
        };
        let Admission { entry, replaced } = admission;
        let accepted = AcceptedTransaction {
            txid: entry.txid(),
            wtxid: entry.wtxid(),
            vsize: entry.vsize(),
            fee: entry.fee,
            replaced: replaced.iter().copied().collect(),
        };
        if keep {
            self.mempool.remove_all(&replaced);
            self.mempool.insert(entry);
            if judged == Judged::Fully {
                self.mempool.trim(now);
                if self.mempool.get(&accepted.txid).is_none() {
                    return Ok(Verdict::Refused(Refusal::new("mempool full")));
                }
            }
        }
        Ok(Verdict::Accepted(accepted))
    }

    fn admit(
        &mut self,
        transaction: &Transaction,
        judged: Judged,
    ) -> Result<Result<Admission, Refusal>, ChainError> {
        let tx = transaction.view();
        if let Err(refusal) = self.check_form(tx) {
            return Ok(Err(refusal));
        }
        let conflicts = self.conflicts(tx);
        let coins = match self.coins_of(tx)? {
            Ok(coins) => coins,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let spent: Vec<Coin> =
            tx.inputs().filter_map(|input| coins.get(&input.previous).cloned()).collect();
        Ok(self.weigh(transaction, &spent, &conflicts, judged))
    }

    /// What needs no coins.
    fn check_form(&self, tx: Tx<'_>) -> Result<(), Refusal> {
        let policy = &self.mempool.options().policy;
        check_transaction(tx).map_err(|error| consensus(error.reject_reason()))?;
        if tx.is_coinbase() {
            return Err(consensus("coinbase"));
        }
        if policy.require_standard {
            policy::check_transaction(tx, policy).map_err(Refusal::new)?;
        }
        if tx.base_size() < standard::BASE_BYTES_MIN {
            return Err(Refusal::new("tx-size-small"));
        }
        let (tree, tip) = (self.chain.headers(), self.chain.tip());
        if !is_final(tx, self.chain.height() + 1, tree.median_time_past(tip)) {
            return Err(Refusal::new("non-final"));
        }
        if self.mempool.by_wtxid(&tx.wtxid()).is_some() {
            return Err(Refusal::new("txn-already-in-mempool"));
        }
        if self.mempool.get(&tx.txid()).is_some() {
            return Err(Refusal::new("txn-same-nonwitness-data-in-mempool"));
        }
        Ok(())
    }

    fn conflicts(&self, tx: Tx<'_>) -> BTreeSet<Txid> {
        tx.inputs().filter_map(|input| self.mempool.spender(&input.previous)).collect()
    }

    /// Finds the coins a transaction spends, in the pool or in the chain.
    fn coins_of(&mut self, tx: Tx<'_>) -> Result<Result<Coins, Refusal>, ChainError> {
        let mut coins = Coins::new();
        let next = self.chain.height() + 1;
        for input in tx.inputs() {
            let outpoint = input.previous;
            let coin = match self.mempool.get(&outpoint.txid) {
                Some(parent) => {
                    let output = parent.tx().output(outpoint.vout as usize);
                    output.map(|output| pool_coin(output, next))
                }
                None => self.chain.coin(&outpoint)?,
            };
            let Some(coin) = coin else {
                for (vout, _) in (0..).zip(tx.outputs()) {
                    if self.chain.coin(&OutPoint { txid: tx.txid(), vout })?.is_some() {
                        return Ok(Err(Refusal::new("txn-already-known")));
                    }
                }
                return Ok(Err(Refusal::new("bad-txns-inputs-missingorspent")));
            };
            coins.insert(outpoint, coin);
        }
        Ok(Ok(coins))
    }

    /// What needs the coins: locks, amounts, fees, clusters, replacement, scripts.
    fn weigh(
        &self,
        transaction: &Transaction,
        spent: &[Coin],
        conflicts: &BTreeSet<Txid>,
        judged: Judged,
    ) -> Result<Admission, Refusal> {
        let tx = transaction.view();
        let (tree, tip) = (self.chain.headers(), self.chain.tip());
        let below = ChainView::new(tree, tip);
        let next = self.chain.height() + 1;
        let lock = sequence_lock(tx, spent.iter().map(|coin| coin.height), &below);
        if !lock.is_over(next, tree.median_time_past(tip)) {
            return Err(Refusal::new("non-BIP68-final"));
        }
        let paid = output_total(tx).map_err(|error| consensus(error.reject_reason()))?;
        let fee = check_inputs(tx, spent.iter().map(Coin::view), paid, next)
            .map_err(|error| Refusal::with(error.reject_reason(), ""))?;
        let outputs: Vec<Output<'_>> = spent.iter().map(coin_output).collect();
        let policy = &self.mempool.options().policy;
        if policy.require_standard {
            policy::check_inputs(tx, &outputs)
                .map_err(|detail| Refusal::with("bad-txns-nonstandard-inputs", detail))?;
            if !policy::check_witnesses(tx, &outputs) {
                return Err(Refusal::new("bad-witness-nonstandard"));
            }
        }
        let sigop_cost = transaction_sigop_cost(tx, &outputs, STANDARD_FLAGS);
        let dust = standard::dust_outputs(tx, policy.dust).next().is_some();
        if policy.require_standard && dust && fee > 0 {
            return Err(Refusal::with("dust", "tx with dust output must be 0-fee"));
        }
        if sigop_cost > standard::SIGOP_COST_MAX {
            return Err(Refusal::with("bad-txns-too-many-sigops", sigop_cost.to_string()));
        }
        let bytes = Bytes::copy_from_slice(tx.bytes());
        let mut entry = Entry::new(transaction.clone(), bytes, fee, sigop_cost);
        entry.time = self.now();
        entry.height = self.chain.height();
        entry.spends_coinbase = spent.iter().any(|coin| coin.coinbase);
        entry.delta = self.mempool.deltas.get(&tx.txid()).copied().unwrap_or(0);
        if judged == Judged::Fully {
            self.check_fee(&entry)?;
        }
        let replaced = self.check_conflicts(&entry, conflicts)?;
        self.check_cluster(&entry, &replaced)?;
        self.check_scripts(tx, outputs)?;
        Ok(Admission { entry, replaced })
    }

    fn check_fee(&self, entry: &Entry) -> Result<(), Refusal> {
        let (vsize, fee) = (entry.vsize(), entry.fraction().fee);
        let short = |rate: FeeRate| {
            let needed = i64::try_from(rate.fee(vsize)).unwrap_or(i64::MAX);
            (needed > 0 && fee < needed).then_some(needed)
        };
        if let Some(needed) = short(self.mempool.rolling_floor()) {
            return Err(Refusal::with("mempool min fee not met", format!("{fee} < {needed}")));
        }
        if let Some(needed) = short(self.mempool.options().policy.relay_min) {
            return Err(Refusal::with("min relay fee not met", format!("{fee} < {needed}")));
        }
        Ok(())
    }

    /// Returns what goes if the transaction comes.
    fn check_conflicts(
        &self,
        entry: &Entry,
        conflicts: &BTreeSet<Txid>,
    ) -> Result<BTreeSet<Txid>, Refusal> {
        if conflicts.is_empty() {
            return Ok(BTreeSet::new());
        }
        replace::check(&self.mempool, entry, conflicts)
    }

    /// Whether the cluster it would be part of is small enough.
    fn check_cluster(&self, entry: &Entry, replaced: &BTreeSet<Txid>) -> Result<(), Refusal> {
        let mut cluster = BTreeSet::new();
        for input in entry.tx().inputs() {
            cluster.extend(self.mempool.cluster(&input.previous.txid));
        }
        let stays = cluster.iter().filter(|txid| !replaced.contains(*txid));
        let sizes = stays.filter_map(|txid| self.mempool.get(txid)).map(Entry::vsize);
        let (count, size) = sizes.fold((1, entry.vsize()), |(n, sum), size| (n + 1, sum + size));
        if count > CLUSTER_MAX || size > CLUSTER_VSIZE_MAX {
            return Err(Refusal::new("too-large-cluster"));
        }
        Ok(())
    }

    /// Runs the scripts: under the rules of relay, then under those of the next block, which must never be stricter.
    ///
    /// Scripts that are not standard are run under the rules of relay even where transactions that are not standard are taken.
    fn check_scripts(&self, tx: Tx<'_>, spent: Vec<Output<'_>>) -> Result<(), Refusal> {
        let (tree, tip) = (self.chain.headers(), self.chain.tip());
        let below = ChainView::new(tree, tip);
        let zero = bitcoin::hashes::Hash::all_zeros();
        let next = BlockContext::new(&self.params, zero, self.chain.height() + 1, &below).flags;
        let context = TxContext::new(tx, spent);
        for (flags, name) in [(STANDARD_FLAGS, "mempool"), (next, "block")] {
            for (input, spends) in tx.inputs().enumerate() {
                verify_input(&context, input, flags, &mut Immediate).map_err(|error| {
                    let reason = format!("{name}-script-verify-flag-failed ({error})");
                    let detail = format!(
                        "input {input} of {} (wtxid {}), spending {}",
                        tx.txid(),
                        tx.wtxid(),
                        spends.previous
                    );
                    Refusal::with(reason, detail)
                })?;
            }
        }
        Ok(())
    }
}

fn consensus(reason: &'static str) -> Refusal {
    Refusal { witness_only: false, ..Refusal::new(reason) }
}

fn pool_coin(output: Output<'_>, height: u32) -> Coin {
    Coin {
        value: output.value.unsigned_abs(),
        height,
        coinbase: false,
        script_pubkey: output.script_pubkey.into(),
    }
}

fn coin_output(coin: &Coin) -> Output<'_> {
    Output {
        value: i64::try_from(coin.value).unwrap_or(i64::MAX),
        script_pubkey: &coin.script_pubkey,
    }
}
