//! The maker: one block after the other, until the plan's transactions are made.

use std::collections::VecDeque;

use anyhow::{Context as _, ensure};
use bitcoin::{Amount, Block, BlockHash, OutPoint, Transaction, TxOut, consensus};
use rayon::prelude::*;

use super::{
    Keys, MATURITY, Mix, Mode, Owner, SplitMix, commit,
    draft::{Coin, Draft, Drafter},
    genesis, mine, next_header, seal, subsidy,
};

/// Weight units at which a block is full: what one transaction more can weigh is left to the limit of 4,000,000.
const BLOCK_WEIGHT: u64 = 3_800_000;
/// Signature operation cost at which a block is full; the limit is 80,000.
const BLOCK_SIGOPS: u64 = 75_000;
/// Outputs a coinbase is spread over.
const SPREAD: u64 = 1_000;
/// Coins to have at hand, in multiples of a block's transactions: below it, coinbases are spread.
const COINS_PER_TRANSACTION: usize = 20;
/// Of a hundred transactions, how many spend outputs of their own block.
const SAME_BLOCK_PERCENT: u64 = 10;
/// Keys outputs pay to.
const KEYS: usize = 1_024;

/// What to make. The same plan is the same chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Where randomness begins.
    pub seed: u64,
    /// Transactions, coinbases not counted.
    pub transactions: u64,
    /// Transactions of a block at most; fewer fit if they are heavy.
    pub block_transactions: u64,
    /// What kinds there are.
    pub mode: Mode,
    /// Weights of the kinds in place of the mode's.
    pub mix: Option<Mix>,
}

/// A block with what it spends.
#[derive(Debug)]
pub struct Made {
    /// Its height.
    pub height: u32,
    /// The block.
    pub block: Block,
    /// For each transaction after the coinbase, the outputs it spends in the order of its inputs.
    pub prevouts: Vec<Vec<TxOut>>,
}

impl Made {
    /// Returns the serialised block.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        consensus::serialize(&self.block)
    }
}

/// Makes the blocks of a plan, from height 1 on.
#[derive(Debug)]
pub struct Maker {
    plan: Plan,
    mix: Mix,
    keys: Keys,
    random: SplitMix,
    coins: Vec<Coin>,
    /// Coinbases with the height of their block.
    immature: VecDeque<(u32, Coin)>,
    tip: BlockHash,
    height: u32,
    left: u64,
}

/// The transactions of a block being made.
#[derive(Debug, Default)]
struct Body {
    transactions: Vec<Transaction>,
    prevouts: Vec<Vec<TxOut>>,
    made: Vec<Coin>,
    fees: u64,
    weight: u64,
    sigops: u64,
}

impl Body {
    const fn is_full(&self, weight: u64, sigops: u64) -> bool {
        self.weight + weight > BLOCK_WEIGHT || self.sigops + sigops > BLOCK_SIGOPS
    }
}

impl Maker {
    /// Starts a chain.
    ///
    /// # Errors
    ///
    /// If the plan has blocks without transactions.
    pub fn new(plan: Plan) -> anyhow::Result<Self> {
        ensure!(plan.block_transactions > 0, "expected at least one transaction a block");
        Ok(Self {
            plan,
            mix: plan.mix.unwrap_or_else(|| plan.mode.mix()),
            keys: Keys::new(plan.seed, KEYS)?,
            random: SplitMix::new(plan.seed),
            coins: Vec::new(),
            immature: VecDeque::new(),
            tip: genesis().block_hash(),
            height: 0,
            left: plan.transactions,
        })
    }

    /// Returns how many transactions are still to be made.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// Makes the next block; none when all transactions are made.
    ///
    /// # Errors
    ///
    /// If signing or mining does not succeed, which is a fault of the maker.
    pub fn next_block(&mut self) -> anyhow::Result<Option<Made>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.height += 1;
        let mut body = Body::default();
        self.spend_coinbase(&mut body)?;
        let count = self.left.min(self.plan.block_transactions);
        self.fill(&mut body, count * (100 - SAME_BLOCK_PERCENT) / 100, None)?;
        let mut fresh = std::mem::take(&mut body.made);
        self.fill(&mut body, count, Some(&mut fresh))?;
        self.coins.append(&mut fresh);
        self.coins.append(&mut body.made);
        self.left -= u64::try_from(body.transactions.len())?;
        self.finish(body).map(Some)
    }

    const fn drafter(&mut self) -> Drafter<'_> {
        Drafter {
            random: &mut self.random,
            keys: &self.keys,
            mix: self.mix,
            varied: matches!(self.plan.mode, Mode::Mixed),
            height: self.height,
        }
    }

    /// Takes the coinbase that has matured; spreads it if coins are few.
    fn spend_coinbase(&mut self, body: &mut Body) -> anyhow::Result<()> {
        let matured = |(made, _): &(u32, Coin)| self.height - made >= MATURITY;
        if !self.immature.front().is_some_and(matured) {
            return Ok(());
        }
        let Some((_, coin)) = self.immature.pop_front() else { return Ok(()) };
        let wanted = usize::try_from(self.plan.block_transactions)? * COINS_PER_TRANSACTION;
        if self.coins.len() < wanted {
            let draft = self.drafter().spread(coin, SPREAD);
            self.sign(body, vec![draft])?;
        } else {
            self.coins.push(coin);
        }
        Ok(())
    }

    /// Adds transactions up to a number of them, of coins of earlier blocks or of these.
    fn fill(
        &mut self,
        body: &mut Body,
        upto: u64,
        mut fresh: Option<&mut Vec<Coin>>,
    ) -> anyhow::Result<()> {
        let mut drafts = Vec::new();
        let (mut weight, mut sigops) = (0, 0);
        let mut room = usize::try_from(upto)?.saturating_sub(body.transactions.len());
        let mut coins = std::mem::take(&mut self.coins);
        while room > 0 && !body.is_full(weight, sigops) {
            let settled = fresh.is_none();
            let source = fresh.as_deref_mut().unwrap_or(&mut coins);
            let Some(draft) = self.drafter().draft(source, settled) else { break };
            weight += draft.weight;
            sigops += draft.sigops;
            drafts.push(draft);
            room -= 1;
        }
        self.coins = coins;
        self.sign(body, drafts)
    }

    /// Signs drafts on all cores and adds them in their order.
    fn sign(&self, body: &mut Body, mut drafts: Vec<Draft>) -> anyhow::Result<()> {
        let keys = &self.keys;
        let ids = drafts
            .par_iter_mut()
            .map(|Draft { tx, prevouts, owners, .. }| {
                keys.sign(tx, prevouts, owners)?;
                Ok(tx.compute_txid())
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        for (draft, txid) in drafts.into_iter().zip(ids) {
            let Draft { tx, prevouts, outputs, fee, weight, sigops, .. } = draft;
            for (vout, (output, owner)) in (0..).zip(tx.output.iter().zip(outputs)) {
                if let Some(owner) = owner {
                    let outpoint = OutPoint { txid, vout };
                    body.made.push(Coin { outpoint, value: output.value.to_sat(), owner });
                }
            }
            body.transactions.push(tx);
            body.prevouts.push(prevouts);
            body.fees += fee;
            body.weight += weight;
            body.sigops += sigops;
        }
        Ok(())
    }

    fn finish(&mut self, body: Body) -> anyhow::Result<Made> {
        let value = subsidy(self.height)
            .checked_add(Amount::from_sat(body.fees))
            .context("expected fees below all there is")?;
        let owner = self.drafter().owner();
        let coinbase = seal::coinbase(self.height, value, self.keys.script_pubkey(owner));
        let mut block = Block {
            header: next_header(self.height, self.tip),
            txdata: Vec::with_capacity(body.transactions.len() + 1),
        };
        block.txdata.push(coinbase);
        block.txdata.extend(body.transactions);
        commit(&mut block)?;
        mine(&mut block, true)?;
        self.tip = block.block_hash();
        self.remember(&block, value, owner);
        Ok(Made { height: self.height, block, prevouts: body.prevouts })
    }

    fn remember(&mut self, block: &Block, value: Amount, owner: Owner) {
        let Some(coinbase) = block.txdata.first() else { return };
        let outpoint = OutPoint { txid: coinbase.compute_txid(), vout: 0 };
        let coin = Coin { outpoint, value: value.to_sat(), owner };
        if coin.value > 0 {
            self.immature.push_back((self.height, coin));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bitcoin::hashes::{Hash as _, HashEngine as _, sha256};

    use super::*;

    fn small(mode: Mode) -> Plan {
        Plan { seed: 1, transactions: 600, block_transactions: 60, mode, mix: None }
    }

    fn chain(plan: Plan) -> Vec<Made> {
        let mut maker = Maker::new(plan).unwrap();
        std::iter::from_fn(|| maker.next_block().unwrap()).collect()
    }

    fn digest(chain: &[Made]) -> String {
        let mut engine = sha256::Hash::engine();
        chain.iter().for_each(|made| engine.input(&made.bytes()));
        sha256::Hash::from_engine(engine).to_string()
    }

    /// If this changes, every figure measured on such a chain was measured on another one.
    #[test]
    fn the_same_plan_is_the_same_chain_everywhere() {
        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let alone = one_thread.install(|| digest(&chain(small(Mode::Mixed))));
        assert_eq!(alone, digest(&chain(small(Mode::Mixed))));
        assert_eq!(alone, "c7032dc785322d9ac353b49dabf76cb1395f7ca63ecde68fe389db2b5256db99");
        let other = Plan { seed: 2, ..small(Mode::Mixed) };
        assert_ne!(alone, digest(&chain(other)));
    }

    #[test]
    fn every_mode_makes_the_transactions_it_was_asked_for() {
        for mode in [Mode::Mixed, Mode::Ecdsa, Mode::Taproot, Mode::Legacy, Mode::Trivial] {
            let chain = chain(small(mode));
            let made: usize = chain.iter().map(|made| made.block.txdata.len() - 1).sum();
            assert_eq!(made, 600, "{mode:?}");
        }
    }

    #[test]
    fn blocks_are_linked_sealed_and_within_their_limits() {
        let mut tip = genesis().block_hash();
        for Made { height, block, .. } in chain(small(Mode::Mixed)) {
            assert_eq!(block.header.prev_blockhash, tip);
            assert!(block.check_merkle_root() && block.check_witness_commitment());
            assert!(block.header.validate_pow(block.header.target()).is_ok());
            // The crate does not read the one-byte heights, which are valid.
            if height > 16 {
                assert_eq!(block.bip34_block_height().unwrap(), u64::from(height));
            }
            assert!(block.weight().to_wu() <= 4_000_000);
            tip = block.block_hash();
        }
    }

    #[test]
    fn every_coin_is_spent_once_and_for_what_it_is_worth() {
        let mut coins: HashMap<OutPoint, (u32, TxOut)> = HashMap::new();
        for Made { height, block, prevouts } in chain(small(Mode::Mixed)) {
            let mut fees = Amount::ZERO;
            for (tx, prevouts) in block.txdata.iter().skip(1).zip(&prevouts) {
                let mut paid = Amount::ZERO;
                for (input, expected) in tx.input.iter().zip(prevouts) {
                    let (made, coin) = coins.remove(&input.previous_output).unwrap();
                    assert_eq!(coin, *expected);
                    assert!(made == 0 || height - made >= MATURITY, "an immature coinbase");
                    paid += coin.value;
                }
                fees += paid - tx.output.iter().map(|output| output.value).sum();
                let txid = tx.compute_txid();
                for (vout, output) in (0..).zip(&tx.output) {
                    coins.insert(OutPoint { txid, vout }, (0, output.clone()));
                }
            }
            let coinbase = &block.txdata[0];
            assert_eq!(coinbase.output[0].value, subsidy(height) + fees);
            let outpoint = OutPoint { txid: coinbase.compute_txid(), vout: 0 };
            coins.insert(outpoint, (height, coinbase.output[0].clone()));
        }
    }

    #[test]
    fn weights_are_bounded_by_what_was_reckoned() {
        let mut maker = Maker::new(small(Mode::Mixed)).unwrap();
        while maker.height < MATURITY {
            maker.next_block().unwrap();
        }
        maker.height += 1;
        let mut body = Body::default();
        maker.spend_coinbase(&mut body).unwrap();
        maker.coins.append(&mut body.made);
        for _ in 0..200 {
            let mut coins = std::mem::take(&mut maker.coins);
            let mut draft = maker.drafter().draft(&mut coins, true).unwrap();
            maker.coins = coins;
            maker.keys.sign(&mut draft.tx, &draft.prevouts, &draft.owners).unwrap();
            assert!(draft.tx.weight().to_wu() <= draft.weight);
        }
    }
}
