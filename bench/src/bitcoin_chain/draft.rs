//! Drafting transactions: every random choice of a chain but its keys.

use bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, absolute,
    opcodes::all::OP_RETURN,
    script::{Builder, PushBytesBuf},
    transaction,
};

use super::{Keys, Kind, Mix, Owner, Sighash, SplitMix};

/// Satoshis below which no output is made.
const OUTPUT_MIN: u64 = 1_000;
/// Inputs of a transaction at most.
const INPUTS_MAX: usize = 20;

/// An output that can be spent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coin {
    pub(super) outpoint: OutPoint,
    pub(super) value: u64,
    pub(super) owner: Owner,
}

/// A transaction to be signed.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) tx: Transaction,
    pub(super) prevouts: Vec<TxOut>,
    pub(super) owners: Vec<(Owner, Sighash)>,
    /// Who can spend each output; nobody an `OP_RETURN`.
    pub(super) outputs: Vec<Option<Owner>>,
    pub(super) fee: u64,
    /// A bound of the weight units.
    pub(super) weight: u64,
    /// The signature operation cost.
    pub(super) sigops: u64,
}

/// What is drawn from.
pub(super) struct Drafter<'a> {
    pub(super) random: &'a mut SplitMix,
    pub(super) keys: &'a Keys,
    pub(super) mix: Mix,
    /// Whether there are `OP_RETURN` outputs, locks and other signature types than `ALL`.
    pub(super) varied: bool,
    /// Height of the block being made.
    pub(super) height: u32,
}

impl Drafter<'_> {
    /// Drafts a transaction that spends some of these coins; none if there is no coin.
    ///
    /// `settled`: the coins are of earlier blocks.
    pub(super) fn draft(&mut self, coins: &mut Vec<Coin>, settled: bool) -> Option<Draft> {
        let inputs = match self.random.below(100) {
            0..62 => 1,
            62..86 => 2,
            86..95 => 3,
            _ => 4 + self.random.index(5),
        };
        let mut spent = Vec::with_capacity(inputs);
        while spent.len() < inputs || (spent.len() < INPUTS_MAX && sum(&spent) < 5 * OUTPUT_MIN) {
            match self.take(coins) {
                Some(coin) => spent.push(coin),
                None => break,
            }
        }
        if spent.is_empty() {
            return None;
        }
        let wanted = match self.random.below(100) {
            0..18 => 1,
            18..82 => 2,
            82..94 => 3,
            _ => 4 + self.random.below(5),
        };
        Some(self.transaction(&spent, wanted, settled))
    }

    /// Drafts a transaction that spreads one coin over many outputs.
    pub(super) fn spread(&mut self, coin: Coin, outputs: u64) -> Draft {
        self.transaction(&[coin], outputs, true)
    }

    /// Takes a coin, mostly one of the younger ones, as most coins are spent soon.
    fn take(&mut self, coins: &mut Vec<Coin>) -> Option<Coin> {
        if coins.is_empty() {
            return None;
        }
        let window = if self.random.percent(70) { coins.len().div_ceil(4) } else { coins.len() };
        let index = coins.len() - 1 - self.random.index(window);
        Some(coins.swap_remove(index))
    }

    fn transaction(&mut self, spent: &[Coin], wanted: u64, settled: bool) -> Draft {
        let total = sum(spent);
        let wanted = wanted.clamp(1, (total / (2 * OUTPUT_MIN)).max(1));
        let mut outputs: Vec<Option<Owner>> = (0..wanted).map(|_| Some(self.owner())).collect();
        if self.varied && self.random.percent(8) {
            let at = self.random.index(outputs.len() + 1);
            outputs.insert(at, None);
        }
        let scripts: Vec<ScriptBuf> = outputs.iter().map(|owner| self.script(*owner)).collect();
        let (weight, sigops) = cost(spent, &outputs, &scripts);
        let rate = self.random.between(1, 12);
        let fee = (weight.div_ceil(4) * rate).min(total / 10);
        let values = self.values(total - fee, &outputs);
        let (version, lock_time, sequence) = self.locks(settled);
        let tx = Transaction {
            version,
            lock_time,
            input: spent.iter().map(|coin| input(coin.outpoint, sequence)).collect(),
            output: scripts
                .into_iter()
                .zip(values)
                .map(|(script_pubkey, value)| TxOut {
                    value: Amount::from_sat(value),
                    script_pubkey,
                })
                .collect(),
        };
        let prevouts = spent
            .iter()
            .map(|coin| TxOut {
                value: Amount::from_sat(coin.value),
                script_pubkey: self.keys.script_pubkey(coin.owner),
            })
            .collect();
        let owners = (0..spent.len())
            .map(|index| (spent[index].owner, self.sighash(index < outputs.len())))
            .collect();
        Draft { tx, prevouts, owners, outputs, fee, weight, sigops }
    }

    pub(super) fn owner(&mut self) -> Owner {
        Owner { kind: self.mix.draw(self.random), key: self.random.index(self.keys.count()) }
    }

    fn script(&mut self, owner: Option<Owner>) -> ScriptBuf {
        if let Some(owner) = owner {
            return self.keys.script_pubkey(owner);
        }
        let mut data = vec![0; 4 + self.random.index(37)];
        self.random.fill(&mut data);
        let push = PushBytesBuf::try_from(data).unwrap_or_default();
        Builder::new().push_opcode(OP_RETURN).push_slice(push).into_script()
    }

    /// Splits an amount over the outputs; `OP_RETURN` gets none.
    fn values(&mut self, mut left: u64, outputs: &[Option<Owner>]) -> Vec<u64> {
        let mut paying = u64::try_from(outputs.iter().flatten().count()).unwrap_or(0);
        let mut values = Vec::with_capacity(outputs.len());
        for output in outputs {
            if output.is_none() {
                values.push(0);
                continue;
            }
            paying -= 1;
            let even = left / (paying + 1);
            let reserve = paying * OUTPUT_MIN;
            let share = (even / 1_000 * self.random.between(300, 1_700)).max(OUTPUT_MIN);
            let value = if paying == 0 { left } else { share.min(left.saturating_sub(reserve)) };
            left -= value;
            values.push(value);
        }
        values
    }

    /// Draws a version, a lock time and a sequence that let the transaction into the block at hand.
    fn locks(&mut self, settled: bool) -> (transaction::Version, absolute::LockTime, Sequence) {
        let free = (transaction::Version::TWO, absolute::LockTime::ZERO, Sequence::MAX);
        if !self.varied {
            return free;
        }
        match self.random.below(100) {
            // As wallets do against fee sniping: valid in the next block.
            0..30 => {
                let height = absolute::LockTime::from_consensus(self.height - 1);
                (transaction::Version::TWO, height, Sequence::ENABLE_LOCKTIME_NO_RBF)
            }
            // A relative lock of one block (BIP-0068).
            30..35 if settled => {
                (transaction::Version::TWO, absolute::LockTime::ZERO, Sequence::from_height(1))
            }
            35..50 => (transaction::Version::ONE, absolute::LockTime::ZERO, Sequence::MAX),
            _ => free,
        }
    }

    fn sighash(&mut self, has_output: bool) -> Sighash {
        if !self.varied {
            return Sighash::All;
        }
        match self.random.below(100) {
            0 => Sighash::None,
            1 if has_output => Sighash::Single,
            2 | 3 => Sighash::AllAnyoneCanPay,
            _ => Sighash::All,
        }
    }
}

fn sum(coins: &[Coin]) -> u64 {
    coins.iter().map(|coin| coin.value).sum()
}

const fn input(previous_output: OutPoint, sequence: Sequence) -> TxIn {
    TxIn { previous_output, script_sig: ScriptBuf::new(), sequence, witness: Witness::new() }
}

/// Returns a bound of the weight units, and the signature operation cost.
fn cost(spent: &[Coin], outputs: &[Option<Owner>], scripts: &[ScriptBuf]) -> (u64, u64) {
    /// Version, lock time, two counts of three bytes, the two of a segwit transaction.
    const FRAME: u64 = 4 * (4 + 4 + 3 + 3) + 2;
    let kinds = || spent.iter().map(|coin| coin.owner.kind);
    let paid = || outputs.iter().zip(scripts);
    let weight = |(output, script): (&Option<Owner>, &ScriptBuf)| match output {
        Some(owner) => owner.kind.output_weight(),
        None => 4 * (9 + u64::try_from(script.len()).unwrap_or(u64::from(u16::MAX))),
    };
    let weight =
        FRAME + kinds().map(Kind::input_weight).sum::<u64>() + paid().map(weight).sum::<u64>();
    let sigops = kinds().map(Kind::input_sigops).sum::<u64>()
        + outputs.iter().flatten().map(|owner| owner.kind.output_sigops()).sum::<u64>();
    (weight, sigops)
}
