//! The five networks of Bitcoin Core.
//!
//! **Spec:** Core's `kernel/chainparams.cpp` and `chainparamsbase.cpp` at 58a7869f86.

use bitcoin::{BlockHash, hashes::Hash};
use quintet_crypto::digest::sha256d;
use ruint::{aliases::U256, uint};

use super::{
    AddressPrefixes, Deployment, DeploymentStart, Genesis, HeadersSync, Network, Params,
    RegtestOptions, TxStatistics,
    anchors::{self, displayed},
};
use crate::{encode::put_size, script::ScriptFlags};

/// Two weeks, seconds.
const TWO_WEEKS: u32 = 14 * 24 * 60 * 60;

/// Blocks of a retarget period of two weeks.
const PERIOD: u32 = 2016;

/// The largest target of main, testnet3 and testnet4.
const POW_LIMIT: U256 =
    uint!(0x00000000ffffffffffffffffffffffffffffffffffffffffffffffffffffffff_U256);

/// Who signs the blocks of the default signet: one of two keys.
pub const DEFAULT_SIGNET_CHALLENGE: [u8; 71] = [
    0x51, 0x21, 0x03, 0xad, 0x5e, 0x0e, 0xda, 0xd1, 0x8c, 0xb1, 0xf0, 0xfc, 0x0d, 0x28, 0xa3, 0xd4,
    0xf1, 0xf3, 0xe4, 0x45, 0x64, 0x03, 0x37, 0x48, 0x9a, 0xbb, 0x10, 0x40, 0x4f, 0x2d, 0x1e, 0x08,
    0x6b, 0xe4, 0x30, 0x21, 0x03, 0x59, 0xef, 0x50, 0x21, 0x96, 0x4f, 0xe2, 0x2d, 0x6f, 0x8e, 0x05,
    0xb2, 0x46, 0x3c, 0x95, 0x40, 0xce, 0x96, 0x88, 0x3f, 0xe3, 0xb2, 0x78, 0x76, 0x0f, 0x04, 0x8f,
    0x51, 0x89, 0xf2, 0xe6, 0xc4, 0x52, 0xae,
];

fn test_addresses(bech32: &str) -> AddressPrefixes {
    AddressPrefixes {
        public_key: 111,
        script: 196,
        secret_key: 239,
        extended_public_key: [0x04, 0x35, 0x87, 0xcf],
        extended_secret_key: [0x04, 0x35, 0x83, 0x94],
        bech32: bech32.to_owned(),
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Returns the bytes before messages on a signet: the first four of the hash of its serialised challenge.
pub(super) fn signet_magic(challenge: &[u8]) -> [u8; 4] {
    let mut len = Vec::new();
    put_size(&mut len, challenge.len() as u64);
    let [a, b, c, d, ..] = sha256d(&[&len, challenge]).into_bytes();
    [a, b, c, d]
}

impl Params {
    /// Returns the main network.
    #[must_use]
    pub fn main() -> Self {
        Self {
            network: Network::Main,
            name: "main".to_owned(),
            data_folder: String::new(),
            magic: [0xf9, 0xbe, 0xb4, 0xd9],
            p2p_port: 8333,
            rpc_port: 8332,
            dns_seeds: names(&[
                "dnsseed.bluematt.me.",
                "seed.bitcoin.jonasschnelli.ch.",
                "seed.btc.petertodd.net.",
                "seed.bitcoin.sprovoost.nl.",
                "dnsseed.emzy.de.",
                "seed.bitcoin.wiz.biz.",
                "seed.mainnet.achownodes.xyz.",
            ]),
            addresses: AddressPrefixes {
                public_key: 0,
                script: 5,
                secret_key: 128,
                extended_public_key: [0x04, 0x88, 0xb2, 0x1e],
                extended_secret_key: [0x04, 0x88, 0xad, 0xe4],
                bech32: "bc".to_owned(),
            },
            genesis: Genesis::times(1_231_006_505, 2_083_236_893, 0x1d00_ffff).to_block(),
            halving_interval: 210_000,
            bip34_height: 227_931,
            bip34_hash: displayed(uint!(
                0x000000000000024b89b42a942fe0d9fea3bb44ab7bd1b19115dd6a759c0808b8_U256
            )),
            bip65_height: 388_381,
            bip66_height: 363_725,
            csv_height: 419_328,
            segwit_height: 481_824,
            version_warning_height: 711_648,
            deployments: vec![Deployment::test_dummy(DeploymentStart::Never, 1815, PERIOD)],
            script_flag_exceptions: main_exceptions(),
            pow_limit: POW_LIMIT,
            pow_target_timespan: TWO_WEEKS,
            pow_target_spacing: 600,
            allow_min_difficulty_blocks: false,
            enforce_bip94: false,
            no_retargeting: false,
            signet_challenge: None,
            minimum_chain_work: uint!(0x1128750f82f4c366153a3a030_U256),
            assume_valid: Some(displayed(uint!(
                0x00000000000000000000ccebd6d74d9194d8dcdc1d177c478e094bfad51ba5ac_U256
            ))),
            assume_utxo: anchors::main(),
            tx_statistics: TxStatistics {
                time: 1_772_055_173,
                count: 1_315_805_869,
                per_second: 5.401_110_064_961_22,
            },
            headers_sync: HeadersSync { commitment_period: 641, redownload_buffer: 15_218 },
            prune_after_height: 100_000,
            blocks_gib: 856,
            coins_gib: 14,
        }
    }

    /// Returns the third public test network.
    #[must_use]
    pub fn testnet3() -> Self {
        Self {
            network: Network::Testnet3,
            name: "test".to_owned(),
            data_folder: "testnet3".to_owned(),
            magic: [0x0b, 0x11, 0x09, 0x07],
            p2p_port: 18333,
            rpc_port: 18332,
            dns_seeds: names(&[
                "testnet-seed.bitcoin.jonasschnelli.ch.",
                "seed.tbtc.petertodd.net.",
                "testnet-seed.bluematt.me.",
                "seed.testnet.achownodes.xyz.",
            ]),
            addresses: test_addresses("tb"),
            genesis: Genesis::times(1_296_688_602, 414_098_458, 0x1d00_ffff).to_block(),
            bip34_height: 21_111,
            bip34_hash: displayed(uint!(
                0x0000000023b3a96d3484e5abb3755c413e7d41500f8e2a5c3f0dd01299cd8ef8_U256
            )),
            bip65_height: 581_885,
            bip66_height: 330_776,
            csv_height: 770_112,
            segwit_height: 834_624,
            version_warning_height: 2_013_984,
            deployments: vec![Deployment::test_dummy(DeploymentStart::Never, 1512, PERIOD)],
            script_flag_exceptions: vec![(
                displayed(uint!(
                    0x00000000dd30457c001f4095d208cc1296b0eed002427aa599874af7a432b105_U256
                )),
                ScriptFlags::empty(),
            )],
            allow_min_difficulty_blocks: true,
            minimum_chain_work: uint!(0x17dde1c649f3708d14b6_U256),
            assume_valid: Some(displayed(uint!(
                0x000000007a61e4230b28ac5cb6b5e5a0130de37ac1faf2f8987d2fa6505b67f4_U256
            ))),
            assume_utxo: anchors::testnet3(),
            tx_statistics: TxStatistics {
                time: 1_772_051_651,
                count: 536_108_416,
                per_second: 0.026_914_790_162_571_17,
            },
            headers_sync: HeadersSync { commitment_period: 673, redownload_buffer: 14_460 },
            prune_after_height: 1000,
            blocks_gib: 245,
            coins_gib: 19,
            ..Self::main()
        }
    }

    /// Returns the fourth public test network (BIP-0094).
    #[must_use]
    pub fn testnet4() -> Self {
        Self {
            network: Network::Testnet4,
            name: "testnet4".to_owned(),
            data_folder: "testnet4".to_owned(),
            magic: [0x1c, 0x16, 0x3f, 0x28],
            p2p_port: 48333,
            rpc_port: 48332,
            dns_seeds: names(&["seed.testnet4.bitcoin.sprovoost.nl.", "seed.testnet4.wiz.biz."]),
            genesis: Genesis::testnet4().to_block(),
            deployments: vec![Deployment::test_dummy(DeploymentStart::Never, 1512, PERIOD)],
            allow_min_difficulty_blocks: true,
            enforce_bip94: true,
            minimum_chain_work: uint!(0x9a0fe15d0177d086304_U256),
            assume_valid: Some(displayed(uint!(
                0x0000000002368b1e4ee27e2e85676ae6f9f9e69579b29093e9a82c170bf7cf8a_U256
            ))),
            assume_utxo: anchors::testnet4(),
            tx_statistics: TxStatistics {
                time: 1_772_013_387,
                count: 14_191_421,
                per_second: 0.018_485_795_795_284_12,
            },
            headers_sync: HeadersSync { commitment_period: 606, redownload_buffer: 16_092 },
            blocks_gib: 31,
            coins_gib: 2,
            ..Self::with_rules_from_the_start()
        }
    }

    /// Returns the default signet (BIP-0325).
    #[must_use]
    pub fn signet() -> Self {
        Self {
            dns_seeds: names(&["seed.signet.bitcoin.sprovoost.nl.", "seed.signet.achownodes.xyz."]),
            minimum_chain_work: uint!(0xb463ea0a4b8_U256),
            assume_valid: Some(displayed(uint!(
                0x00000008414aab61092ef93f1aacc54cf9e9f16af29ddad493b908a01ff5c329_U256
            ))),
            tx_statistics: TxStatistics {
                time: 1_772_055_248,
                count: 28_676_833,
                per_second: 0.067_366_234_363_389_29,
            },
            blocks_gib: 24,
            coins_gib: 4,
            ..Self::signet_with(DEFAULT_SIGNET_CHALLENGE.to_vec())
        }
    }

    /// Returns a signet whose blocks satisfy `challenge`: its name, ports and genesis block are the default signet's,
    /// its magic is not. Nothing is known of its chain.
    #[must_use]
    pub fn signet_with(challenge: Vec<u8>) -> Self {
        Self {
            network: Network::Signet,
            name: "signet".to_owned(),
            data_folder: "signet".to_owned(),
            magic: signet_magic(&challenge),
            p2p_port: 38333,
            rpc_port: 38332,
            genesis: Genesis::times(1_598_918_400, 52_613_770, 0x1e03_77ae).to_block(),
            deployments: vec![Deployment::test_dummy(DeploymentStart::Never, 1815, PERIOD)],
            pow_limit: uint!(
                0x00000377ae000000000000000000000000000000000000000000000000000000_U256
            ),
            signet_challenge: Some(challenge),
            assume_utxo: anchors::signet(),
            headers_sync: HeadersSync { commitment_period: 620, redownload_buffer: 15_724 },
            ..Self::with_rules_from_the_start()
        }
    }

    /// Returns the private network with blocks on demand.
    #[must_use]
    pub fn regtest() -> Self {
        Self::regtest_with(RegtestOptions::default())
    }

    /// Returns the private network with options of its own.
    #[must_use]
    pub fn regtest_with(options: RegtestOptions) -> Self {
        let start = DeploymentStart::At(0);
        Self {
            network: Network::Regtest,
            name: "regtest".to_owned(),
            data_folder: "regtest".to_owned(),
            magic: [0xfa, 0xbf, 0xb5, 0xda],
            p2p_port: 18444,
            rpc_port: 18443,
            dns_seeds: names(&["dummySeed.invalid."]),
            addresses: test_addresses("bcrt"),
            genesis: Genesis::times(1_296_688_602, 2, 0x207f_ffff).to_block(),
            halving_interval: 150,
            segwit_height: 0,
            deployments: vec![Deployment::test_dummy(start, 108, 144)],
            pow_limit: U256::MAX >> 1,
            pow_target_timespan: 24 * 60 * 60,
            allow_min_difficulty_blocks: true,
            enforce_bip94: options.enforce_bip94,
            no_retargeting: true,
            assume_utxo: anchors::regtest(),
            tx_statistics: TxStatistics { per_second: 0.001, ..TxStatistics::default() },
            headers_sync: HeadersSync { commitment_period: 275, redownload_buffer: 7017 },
            prune_after_height: if options.fast_prune { 100 } else { 1000 },
            ..Self::with_rules_from_the_start()
        }
    }

    /// Returns what the networks that began after the soft forks share.
    fn with_rules_from_the_start() -> Self {
        Self {
            dns_seeds: Vec::new(),
            addresses: test_addresses("tb"),
            bip34_height: 1,
            bip34_hash: BlockHash::all_zeros(),
            bip65_height: 1,
            bip66_height: 1,
            csv_height: 1,
            segwit_height: 1,
            version_warning_height: 0,
            script_flag_exceptions: Vec::new(),
            minimum_chain_work: U256::ZERO,
            assume_valid: None,
            tx_statistics: TxStatistics::default(),
            prune_after_height: 1000,
            blocks_gib: 0,
            coins_gib: 0,
            ..Self::main()
        }
    }
}

fn main_exceptions() -> Vec<(BlockHash, ScriptFlags)> {
    let bip16 = uint!(0x00000000000002dc756eebf4f49723ed8d30cc28a5f108eb94b1ba88ac4f9c22_U256);
    let taproot = uint!(0x0000000000000000000f14c35b2d841e986ab5441de8c585d5ffe55ea1e395ad_U256);
    vec![
        (displayed(bip16), ScriptFlags::empty()),
        (displayed(taproot), ScriptFlags::P2SH | ScriptFlags::WITNESS),
    ]
}
