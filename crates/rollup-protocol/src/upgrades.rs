//! Upgrade transactions: deposits that derivation itself puts into the first block of a fork.
//!
//! A fork deploys new implementations of predeploys, points their proxies at them and switches them on. All follows
//! from a few facts: the deployer's address, the code (in `data/upgrades`), gas, and a text that makes the deposit unique. Addresses of what is
//! deployed are computed, never written down.
//!
//! From Karst the transactions are a bundle: a file released with the contracts, 31 transactions of code for Karst. It is not part of this
//! program; [`UpgradeBundle::from_json`] reads it, a chain's configuration carries it, and derivation stops at a fork's first block rather
//! than build it without. Lagoon's are not final: those of the specification stand until a bundle is given.
//!
//! The texts of Jovian's deposits are those that op-node and kona hash and that chains executed; the specification's page spells the contracts'
//! names in one word, and so names other source hashes.
//!
//! **Spec:** `ecotone/derivation.md`, `fjord/derivation.md`, `isthmus/derivation.md`, `jovian/derivation.md`, "Network upgrade automation
//! transactions"; `interop/derivation.md`, "Network Upgrade Transactions".

use std::sync::LazyLock;

use alloy_primitives::{Address, Bytes, U256, address};
use serde::Deserialize;
use thiserror::Error;

use crate::{
    config::{Fork, RollupConfig},
    deposit::{Deposit, DepositSource},
};

const L1_BLOCK: Address = address!("4200000000000000000000000000000000000015");
const GAS_PRICE_ORACLE: Address = address!("420000000000000000000000000000000000000f");
const OPERATOR_FEE_VAULT: Address = address!("420000000000000000000000000000000000001b");
const CROSS_L2_INBOX: Address = address!("4200000000000000000000000000000000000022");
const MESSENGER: Address = address!("4200000000000000000000000000000000000023");
/// Who sends L1 information, and may switch the oracle.
const DEPOSITOR: Address = address!("deaddeaddeaddeaddeaddeaddeaddeaddead0001");
/// Who deploys beacon roots, everywhere (EIP-4788).
const BEACON_ROOTS_DEPLOYER: Address = address!("0b799c86a49deeb90402691f1041aa3af2d3c875");
/// Who deploys the history of block hashes, everywhere (EIP-2935).
const BLOCK_HASHES_DEPLOYER: Address = address!("3462413af4609098e1e27a490f554f260213d685");

/// `upgradeTo(address)`.
const UPGRADE_TO: [u8; 4] = [0x36, 0x59, 0xcf, 0xe6];
/// `setEcotone()`.
const SET_ECOTONE: [u8; 4] = [0x22, 0xb9, 0x0a, 0xb3];
/// `setFjord()`.
const SET_FJORD: [u8; 4] = [0x8e, 0x98, 0xb1, 0x06];
/// `setIsthmus()`.
const SET_ISTHMUS: [u8; 4] = [0x29, 0x1b, 0x03, 0x83];
/// `setJovian()`.
const SET_JOVIAN: [u8; 4] = [0xb3, 0xd7, 0x20, 0x79];

/// Gas of pointing a proxy at a new implementation.
const PROXY_UPDATE_GAS: u64 = 50_000;

/// Returns the deployer of a number: `0x42` followed by what stands for the fork, zeros, and the number.
const fn deployer(prefix: u8, number: u8) -> Address {
    let mut bytes = [0; 20];
    (bytes[0], bytes[1], bytes[19]) = (0x42, prefix, number);
    Address::new(bytes)
}

fn deposit(intent: &str, from: Address, to: Option<Address>, gas: u64, data: Bytes) -> Bytes {
    let source_hash = DepositSource::Upgrade { intent }.hash();
    let (mint, value) = (U256::ZERO, U256::ZERO);
    Deposit { source_hash, from, to, mint, value, gas, is_system: false, data }.encoded()
}

fn switch_on(intent: &str, gas: u64, selector: &'static [u8; 4]) -> Bytes {
    deposit(intent, DEPOSITOR, Some(GAS_PRICE_ORACLE), gas, Bytes::from_static(selector))
}

macro_rules! code {
    ($name:literal) => {
        include_bytes!(concat!("../data/upgrades/", $name, ".bin"))
    };
}

/// A new implementation of a predeploy.
struct Implementation {
    /// Its name in the texts that make the deposits unique.
    name: &'static str,
    /// The predeploy, a proxy that will point to it.
    proxy: Address,
    /// Who deploys it, with a first transaction.
    deployer: Address,
    /// Gas of its deployment.
    gas: u64,
    code: &'static [u8],
}

impl Implementation {
    const fn l1_block(number: u8, gas: u64, code: &'static [u8]) -> Self {
        Self { name: "L1 Block", proxy: L1_BLOCK, deployer: deployer(0x10, number), gas, code }
    }

    const fn oracle(number: u8, gas: u64, code: &'static [u8]) -> Self {
        let deployer = deployer(0x10, number);
        Self { name: "Gas Price Oracle", proxy: GAS_PRICE_ORACLE, deployer, gas, code }
    }

    /// Deploys it.
    fn deploy(&self, fork: &str) -> Bytes {
        let intent = format!("{fork}: {} Deployment", self.name);
        deposit(&intent, self.deployer, None, self.gas, Bytes::from_static(self.code))
    }

    /// Points the proxy at it.
    fn point(&self, fork: &str) -> Bytes {
        let mut data = UPGRADE_TO.to_vec();
        data.extend(self.deployer.create(0).into_word());
        let intent = format!("{fork}: {} Proxy Update", self.name);
        deposit(&intent, Address::ZERO, Some(self.proxy), PROXY_UPDATE_GAS, data.into())
    }
}

static ECOTONE: LazyLock<Vec<Bytes>> = LazyLock::new(|| {
    let l1_block = Implementation::l1_block(0, 375_000, code!("ecotone_l1_block"));
    let oracle = Implementation::oracle(1, 1_000_000, code!("ecotone_gas_price_oracle"));
    let beacon_roots = Bytes::from_static(code!("ecotone_beacon_roots"));
    let intent = "Ecotone: beacon block roots contract deployment";
    vec![
        l1_block.deploy("Ecotone"),
        oracle.deploy("Ecotone"),
        l1_block.point("Ecotone"),
        oracle.point("Ecotone"),
        switch_on("Ecotone: Gas Price Oracle Set Ecotone", 80_000, &SET_ECOTONE),
        deposit(intent, BEACON_ROOTS_DEPLOYER, None, 250_000, beacon_roots),
    ]
});

static FJORD: LazyLock<Vec<Bytes>> = LazyLock::new(|| {
    let oracle = Implementation::oracle(2, 1_450_000, code!("fjord_gas_price_oracle"));
    vec![
        oracle.deploy("Fjord"),
        oracle.point("Fjord"),
        switch_on("Fjord: Gas Price Oracle Set Fjord", 90_000, &SET_FJORD),
    ]
});

static ISTHMUS: LazyLock<Vec<Bytes>> = LazyLock::new(|| {
    let implementations = [
        Implementation::l1_block(3, 425_000, code!("isthmus_l1_block")),
        Implementation::oracle(4, 1_625_000, code!("isthmus_gas_price_oracle")),
        Implementation {
            name: "Operator Fee Vault",
            proxy: OPERATOR_FEE_VAULT,
            deployer: deployer(0x10, 5),
            gas: 500_000,
            code: code!("isthmus_operator_fee_vault"),
        },
    ];
    let block_hashes = Bytes::from_static(code!("isthmus_block_hashes"));
    let intent = "Isthmus: EIP-2935 Contract Deployment";
    let mut transactions: Vec<_> =
        implementations.iter().map(|implementation| implementation.deploy("Isthmus")).collect();
    transactions
        .extend(implementations.iter().map(|implementation| implementation.point("Isthmus")));
    transactions.push(switch_on("Isthmus: Gas Price Oracle Set Isthmus", 90_000, &SET_ISTHMUS));
    transactions.push(deposit(intent, BLOCK_HASHES_DEPLOYER, None, 250_000, block_hashes));
    transactions
});

static JOVIAN: LazyLock<Vec<Bytes>> = LazyLock::new(|| {
    let l1_block = Implementation::l1_block(6, 447_315, code!("jovian_l1_block"));
    let oracle = Implementation::oracle(7, 1_750_714, code!("jovian_gas_price_oracle"));
    vec![
        l1_block.deploy("Jovian"),
        l1_block.point("Jovian"),
        oracle.deploy("Jovian"),
        oracle.point("Jovian"),
        switch_on("Jovian: Gas Price Oracle Set Jovian", 90_000, &SET_JOVIAN),
    ]
});

static LAGOON: LazyLock<Vec<Bytes>> = LazyLock::new(|| {
    let inbox = Implementation {
        name: "CrossL2Inbox",
        proxy: CROSS_L2_INBOX,
        deployer: deployer(0x20, 0),
        gas: 420_000,
        code: code!("lagoon_cross_l2_inbox"),
    };
    let messenger = Implementation {
        name: "L2ToL2CrossDomainMessenger",
        proxy: MESSENGER,
        deployer: deployer(0x20, 1),
        gas: 1_100_000,
        code: code!("lagoon_messenger"),
    };
    // Its texts name it as it was called before.
    let fork = "Interop";
    vec![inbox.deploy(fork), inbox.point(fork), messenger.deploy(fork), messenger.point(fork)]
});

/// Returns the upgrade transactions of one fork, encoded, in their order.
#[must_use]
pub fn of_fork(fork: Fork) -> &'static [Bytes] {
    match fork {
        Fork::Ecotone => &ECOTONE,
        Fork::Fjord => &FJORD,
        Fork::Isthmus => &ISTHMUS,
        Fork::Jovian => &JOVIAN,
        Fork::Lagoon => &LAGOON,
        Fork::Bedrock
        | Fork::Regolith
        | Fork::Canyon
        | Fork::Delta
        | Fork::Granite
        | Fork::Holocene
        | Fork::Karst => &[],
    }
}

/// Most transactions of a bundle.
const BUNDLE_MAX: usize = 1_024;

/// The upgrade transactions of a fork from Karst on, as they are released with the contracts.
///
/// **Spec:** `protocol/l2-upgrades-1-execution.md`, "Network Upgrade Transaction Bundle" and "Custom Upgrade Block Gas Limit".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeBundle {
    fork: Fork,
    transactions: Vec<Bytes>,
    gas: u64,
}

/// Why a file is no bundle.
#[derive(Debug, Error)]
pub enum BundleError {
    /// Not JSON, or not of the form.
    #[error("upgrade bundle: {0}")]
    Json(#[from] serde_json::Error),
    /// A version this program does not know.
    #[error("upgrade bundle: expected version 1, got `{actual}`; update")]
    Version {
        /// The version.
        actual: String,
    },
    /// More transactions, or more gas, than a block could hold.
    #[error(
        "upgrade bundle: expected at most {BUNDLE_MAX} transactions and 64 bits of gas, got {actual} transactions"
    )]
    TooLarge {
        /// How many transactions.
        actual: usize,
    },
}

/// A fork's first block cannot be built: its bundle was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "expected the upgrade bundle of {fork:?} in the chain's configuration; give the file released with its contracts"
)]
pub struct MissingBundle {
    /// The fork.
    pub fork: Fork,
}

#[derive(Deserialize)]
struct BundleFile {
    metadata: BundleMetadata,
    transactions: Vec<BundleTx>,
}

#[derive(Deserialize)]
struct BundleMetadata {
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BundleTx {
    data: Bytes,
    from: Address,
    gas_limit: u64,
    intent: String,
    to: Option<Address>,
}

impl UpgradeBundle {
    /// Reads the bundle of a fork. What makes each deposit unique is the fork's name, its place in the bundle and its intent.
    ///
    /// # Errors
    ///
    /// [`BundleError`] if the file is not of the specified form.
    pub fn from_json(fork: Fork, text: &str) -> Result<Self, BundleError> {
        let file: BundleFile = serde_json::from_str(text)?;
        if !file.metadata.version.starts_with("1.") {
            return Err(BundleError::Version { actual: file.metadata.version });
        }
        let too_large = BundleError::TooLarge { actual: file.transactions.len() };
        let gas = file.transactions.iter().try_fold(0_u64, |sum, tx| sum.checked_add(tx.gas_limit));
        let Some(gas) = gas.filter(|_| file.transactions.len() <= BUNDLE_MAX) else {
            return Err(too_large);
        };
        let encode = |(index, tx): (usize, &BundleTx)| {
            let intent = format!("{fork:?} {index}: {}", tx.intent);
            deposit(&intent, tx.from, tx.to, tx.gas_limit, tx.data.clone())
        };
        let transactions = file.transactions.iter().enumerate().map(encode).collect();
        Ok(Self { fork, transactions, gas })
    }

    /// Returns the fork it belongs to.
    #[must_use]
    pub const fn fork(&self) -> Fork {
        self.fork
    }

    /// Returns the gas its transactions have: the block's limit grows by it.
    #[must_use]
    pub const fn gas(&self) -> u64 {
        self.gas
    }
}

/// The upgrade transactions of a block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upgrade {
    /// Transactions, encoded.
    pub transactions: Vec<Bytes>,
    /// Gas the block's limit grows by.
    pub gas: u64,
    /// How much of it the blocks behind have as well; see
    /// [`keep_karst_upgrade_gas`](RollupConfig::keep_karst_upgrade_gas).
    pub lasting_gas: u64,
}

/// Returns the upgrade transactions of an L2 block of `time`: those of each fork it is the first block of.
///
/// # Errors
///
/// [`MissingBundle`] if one of them has a bundle that the chain's configuration does not hold.
pub fn at(config: &RollupConfig, time: u64) -> Result<Upgrade, MissingBundle> {
    let mut upgrade = Upgrade::default();
    for fork in Fork::ALL.into_iter().filter(|fork| config.is_activation(*fork, time)) {
        match config.bundles.iter().find(|bundle| bundle.fork == fork) {
            Some(bundle) => {
                upgrade.transactions.extend_from_slice(&bundle.transactions);
                upgrade.gas = upgrade.gas.saturating_add(bundle.gas);
                if fork == Fork::Karst && config.keep_karst_upgrade_gas {
                    upgrade.lasting_gas = upgrade.lasting_gas.saturating_add(bundle.gas);
                }
            }
            None if fork == Fork::Karst => return Err(MissingBundle { fork }),
            None => upgrade.transactions.extend_from_slice(of_fork(fork)),
        }
    }
    Ok(upgrade)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{b256, keccak256};

    use super::*;

    #[test]
    fn selectors_are_those_of_their_functions() {
        for (signature, selector) in [
            ("upgradeTo(address)", UPGRADE_TO),
            ("setEcotone()", SET_ECOTONE),
            ("setFjord()", SET_FJORD),
            ("setIsthmus()", SET_ISTHMUS),
            ("setJovian()", SET_JOVIAN),
        ] {
            assert_eq!(keccak256(signature)[..4], selector, "{signature}");
        }
    }

    #[test]
    fn source_hashes_are_the_specified_ones() {
        let hash = |intent| DepositSource::Upgrade { intent }.hash();
        assert_eq!(
            hash("Ecotone: L1 Block Deployment"),
            b256!("877a6077205782ea15a6dc8699fa5ebcec5e0f4389f09cb8eda09488231346f8")
        );
        assert_eq!(
            hash("Fjord: Gas Price Oracle Deployment"),
            b256!("86122c533fdcb89b16d8713174625e44578a89751d96c098ec19ab40a51a8ea3")
        );
        assert_eq!(
            hash("Jovian: L1 Block Deployment"),
            b256!("bb1a656f65401240fac3db12e7a79ebb954b11e62f7626eb11691539b798d3bf")
        );
    }

    #[test]
    fn contracts_land_where_the_specification_says() {
        for (prefix, number, expected) in [
            (0x10, 0, address!("07dbe8500fc591d1852b76fee44d5a05e13097ff")),
            (0x10, 2, address!("a919894851548179a0750865e7974da599c0fac7")),
            (0x10, 5, address!("4fa2be8cd41504037f1838bce3bcc93bc68ff537")),
            (0x20, 1, address!("0d0edd0ebd0e94d218670a8de867eb5c4d37cadd")),
        ] {
            assert_eq!(deployer(prefix, number).create(0), expected);
        }
    }

    #[test]
    fn only_the_first_block_of_a_fork_has_them() {
        let mut config = crate::testing::config_at(Fork::Granite);
        config.forks.set(Fork::Isthmus, Some(1_000));
        let count = |time| at(&config, time).unwrap().transactions.len();
        assert_eq!((count(998), count(1_000), count(1_002)), (0, 8, 0));
    }

    const BUNDLE: &str = r#"{"metadata":{"version":"1.0.0"},"transactions":[
        {"data":"0x01","from":"0xDeaDDEaDDeAdDeAdDEAdDEaddeAddEAdDEAd0001","gasLimit":70,"intent":"A","to":"0x4e59b44847b379578588920cA78FbF26c0B4956C"},
        {"data":"0x02","from":"0x0000000000000000000000000000000000000000","gasLimit":30,"intent":"B","to":null}]}"#;

    #[test]
    fn a_bundle_adds_its_gas_once_unless_the_chain_keeps_it() {
        let mut config = crate::testing::config_at(Fork::Jovian);
        config.forks.set(Fork::Karst, Some(1_000));
        assert_eq!(at(&config, 1_000), Err(MissingBundle { fork: Fork::Karst }));
        config.bundles.push(UpgradeBundle::from_json(Fork::Karst, BUNDLE).unwrap());
        let upgrade = at(&config, 1_000).unwrap();
        assert_eq!((upgrade.transactions.len(), upgrade.gas, upgrade.lasting_gas), (2, 100, 0));
        let source = DepositSource::Upgrade { intent: "Karst 1: B" }.hash();
        assert!(upgrade.transactions[1].windows(32).any(|window| window == source.as_slice()));
        config.keep_karst_upgrade_gas = true;
        assert_eq!(at(&config, 1_000).unwrap().lasting_gas, 100);
    }

    #[test]
    fn refuses_bundles_of_another_form() {
        let read = |text: &str| UpgradeBundle::from_json(Fork::Karst, text);
        assert!(matches!(
            read(&BUNDLE.replace("1.0.0", "2.0.0")),
            Err(BundleError::Version { .. })
        ));
        let huge = BUNDLE.replace("70", "18446744073709551615");
        assert!(matches!(read(&huge), Err(BundleError::TooLarge { .. })));
        assert!(matches!(read("{}"), Err(BundleError::Json(_))));
    }
}
