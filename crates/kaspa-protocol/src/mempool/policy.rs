//! What the pool asks of a transaction, and how much it keeps.

use quintet_primitives::Hash256;

use super::{NonStandard, Refusal};
use crate::{
    mass::tx_mass,
    params::{BlockMassLimits, Era, LaneLimits, Params},
    script::{SCRIPT_VERSION_MAX, ScriptClass, static_sigops},
    tx::{MAX_SOMPI, Transaction, UtxoEntry},
};

/// Most signature operations of the script behind a hash.
const P2SH_SIG_OPS_MAX: u64 = 15;

/// Sompi for a thousand grams, at least.
const RELAY_FEE: u64 = 100_000;

/// The masses of a transaction, and what they amount to beside one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Masses {
    /// Compute mass, grams.
    pub compute: u64,
    /// Transient mass, grams.
    pub transient: u64,
    /// Storage mass, grams; zero until the entries are known.
    pub storage: u64,
}

impl Masses {
    /// Returns the transient mass on the scale of compute mass: a full block of one is a full block of the other.
    #[must_use]
    pub fn normalised_transient(&self, limits: &BlockMassLimits) -> u64 {
        scaled(self.transient, limits.compute, limits.transient)
    }

    /// Returns the largest of the three on the scale of compute mass.
    #[must_use]
    pub fn normalised(&self, limits: &BlockMassLimits) -> u64 {
        let storage = scaled(self.storage, limits.compute, limits.storage);
        self.compute.max(self.normalised_transient(limits)).max(storage)
    }
}

/// Returns `mass · to / from`, rounded up.
fn scaled(mass: u64, to: u64, from: u64) -> u64 {
    let product = u128::from(mass) * u128::from(to);
    u64::try_from(product.div_ceil(u128::from(from.max(1)))).unwrap_or(u64::MAX)
}

/// What the pool asks, and its bounds. Intervals are in DAA scores, which is blocks, and milliseconds.
///
/// Reference: `mining/src/mempool/config.rs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Most transactions, orphans not counted.
    pub count_max: usize,
    /// Most bytes of memory of transactions, orphans not counted.
    pub bytes_max: usize,
    /// Most orphans.
    pub orphans_max: usize,
    /// Most grams of an orphan.
    pub orphan_mass_max: u64,
    /// Most ids of accepted transactions remembered.
    pub accepted_max: usize,
    /// Most bytes of accepted transactions kept so that a reorganisation can bring them back.
    pub accepted_bytes_max: usize,
    /// DAA scores a transaction of low priority stays.
    pub expire_after: u64,
    /// DAA scores between two looks for expired ones.
    pub expire_every: u64,
    /// Milliseconds between two looks for expired ones, at least.
    pub expire_every_millis: u64,
    /// DAA scores an acceptance is remembered.
    pub accepted_expire_after: u64,
    /// DAA scores an orphan of low priority waits.
    pub orphan_expire_after: u64,
    /// Whether scripts of any form are taken.
    pub accept_non_standard: bool,
    /// Sompi for a thousand grams, at least.
    pub relay_fee: u64,
    /// Most mass of a block.
    pub block_mass: BlockMassLimits,
    /// Lanes of a block.
    pub lanes: LaneLimits,
    /// Blocks of the network in a second.
    pub blocks_per_second: u64,
}

impl Policy {
    /// Returns the reference's policy for a network in an era.
    #[must_use]
    pub fn of(params: &Params, era: Era) -> Self {
        let rules = params.rules(era);
        let blocks_per_second = rules.rate.bps().max(1);
        Self {
            count_max: 1_000_000,
            bytes_max: 1_000_000_000,
            orphans_max: 500,
            orphan_mass_max: 500_000,
            accepted_max: 1_000_000,
            accepted_bytes_max: 64 << 20,
            expire_after: 24 * 60 * 60 * blocks_per_second,
            expire_every: 60 * blocks_per_second,
            expire_every_millis: 60_000,
            accepted_expire_after: 120 * blocks_per_second,
            orphan_expire_after: 60 * blocks_per_second,
            accept_non_standard: false,
            relay_fee: RELAY_FEE,
            block_mass: rules.mass,
            lanes: params.lanes,
            blocks_per_second,
        }
    }

    /// Scales the bounds of memory down; a factor above one changes nothing. The reference's `--ram-scale`.
    #[must_use]
    pub fn scaled_by_per_mille(mut self, per_mille: usize) -> Self {
        let scale = |bound: usize| bound / 1000 * per_mille.min(1000) + bound % 1000;
        self.count_max = scale(self.count_max).max(1);
        self.bytes_max = scale(self.bytes_max).max(1 << 20);
        self
    }

    /// Returns the fee rate below which nothing is taken, sompi per gram.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a rate is shown, not summed")]
    pub fn min_feerate(&self) -> f64 {
        self.relay_fee as f64 / 1000.0
    }

    /// Returns the lowest fee of a transaction of this mass.
    fn min_fee(&self, mass: u64) -> u64 {
        let fee = u128::from(mass) * u128::from(self.relay_fee) / 1000;
        let fee = u64::try_from(fee).unwrap_or(u64::MAX);
        let fee = if fee == 0 { self.relay_fee } else { fee };
        fee.min(MAX_SOMPI)
    }

    /// Checks what a transaction alone says, and returns its masses: whether a block could hold it, and whether its outputs are standard.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    ///
    /// Reference: `validate_transaction_limits_in_isolation`, `check_transaction_standard_in_isolation`.
    pub fn check_in_isolation(
        &self,
        params: &Params,
        tx: &Transaction,
        id: Hash256,
    ) -> Result<Masses, Refusal> {
        let mass = tx_mass(params, tx);
        let masses = Masses { compute: mass.compute, transient: mass.transient, storage: 0 };
        let max = self.lanes.gas_per_lane;
        if tx.gas > max {
            return Err(Refusal::Gas { actual: tx.gas, max });
        }
        let limits = &self.block_mass;
        if masses.compute > limits.compute {
            return Err(Refusal::ComputeMass { actual: masses.compute, max: limits.compute });
        }
        if masses.transient > limits.transient {
            return Err(Refusal::TransientMass { actual: masses.transient, max: limits.transient });
        }
        if self.accept_non_standard {
            return Ok(masses);
        }
        for (output, made) in tx.outputs.iter().enumerate() {
            let script = &made.script_public_key;
            let reason = if script.version > SCRIPT_VERSION_MAX {
                NonStandard::ScriptVersion { output }
            } else if ScriptClass::of(script.version, &script.script) == ScriptClass::NonStandard {
                NonStandard::OutputScript { output }
            } else {
                continue;
            };
            return Err(Refusal::NonStandard { id, reason });
        }
        Ok(masses)
    }

    /// Checks a transaction with what it spends: storage mass, standard inputs, and the lowest fee.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    ///
    /// Reference: `validate_transaction_limits_in_context`, `check_transaction_standard_in_context`.
    pub fn check_in_context(
        &self,
        tx: &Transaction,
        id: Hash256,
        entries: &[UtxoEntry],
        masses: &Masses,
        fee: u64,
    ) -> Result<(), Refusal> {
        let max = self.block_mass.storage;
        if masses.storage > max {
            return Err(Refusal::StorageMass { actual: masses.storage, max });
        }
        if self.accept_non_standard {
            return Ok(());
        }
        let refuse = |reason| Err(Refusal::NonStandard { id, reason });
        for (input, (spent, entry)) in tx.inputs.iter().zip(entries).enumerate() {
            let script = &entry.script_public_key;
            match ScriptClass::of(script.version, &script.script) {
                ScriptClass::NonStandard => return refuse(NonStandard::InputScript { input }),
                ScriptClass::PublicKey(_) | ScriptClass::PublicKeyEcdsa(_) => {}
                ScriptClass::ScriptHash(_) => {
                    let actual = static_sigops(&spent.signature_script, &script.script);
                    if actual > P2SH_SIG_OPS_MAX {
                        let max = P2SH_SIG_OPS_MAX;
                        return refuse(NonStandard::SigOps { input, actual, max });
                    }
                }
            }
        }
        // What is stored for ever is paid for by the limit of a block alone.
        let transient = masses.normalised_transient(&self.block_mass);
        let min = self.min_fee(masses.compute.max(transient));
        if fee >= min {
            return Ok(());
        }
        refuse(if masses.compute >= transient {
            NonStandard::ComputeFee { fee, min, mass: masses.compute }
        } else {
            NonStandard::TransientFee { fee, min, mass: transient }
        })
    }
}
