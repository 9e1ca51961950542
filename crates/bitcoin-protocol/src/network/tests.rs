//! The five networks against facts that others wrote down, options, and chain files.

use bitcoin::hashes::Hash;

use super::*;
use crate::Block;

fn networks() -> [(Params, &'static str); 5] {
    [
        (Params::main(), "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"),
        (Params::testnet3(), "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943"),
        (Params::testnet4(), "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043"),
        (Params::signet(), "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6"),
        (Params::regtest(), "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"),
    ]
}

#[test]
fn every_genesis_block_has_the_hash_everybody_knows() {
    for (params, hash) in networks() {
        assert_eq!(params.genesis_hash().to_string(), hash, "{}", params.name);
        let block = Block::decode(params.genesis.clone()).unwrap();
        assert_eq!(block.transactions().len(), 1);
        let coinbase = block.transactions().get(0).unwrap();
        assert_eq!(coinbase.txid().as_byte_array(), block.header().merkle_root.as_byte_array());
        assert_eq!(Params::by_name(&params.name), Some(params));
    }
    let testnet4 = Block::decode(Params::testnet4().genesis).unwrap();
    assert_eq!(
        testnet4.header().merkle_root.to_string(),
        "7aa0a7ae1e223414cb807e40cd57e667b718e42aaf9306db9102fe28912b7b4e"
    );
    assert_eq!(Params::by_name("nowhere"), None);
}

#[test]
fn genesis_blocks_agree_with_those_of_another_library() {
    use bitcoin::consensus::encode::serialize;
    for (params, network) in [
        (Params::main(), bitcoin::Network::Bitcoin),
        (Params::testnet3(), bitcoin::Network::Testnet),
        (Params::signet(), bitcoin::Network::Signet),
        (Params::regtest(), bitcoin::Network::Regtest),
    ] {
        let theirs = bitcoin::constants::genesis_block(network);
        assert_eq!(params.genesis, serialize(&theirs), "{}", params.name);
        assert_eq!(params.magic, network.magic().to_bytes(), "{}", params.name);
    }
}

#[test]
fn the_magic_of_a_signet_comes_from_its_challenge() {
    assert_eq!(Params::signet().magic, [0x0a, 0x03, 0xcf, 0x40]);
    let other = Params::signet_with(vec![0x51]);
    assert_ne!(other.magic, Params::signet().magic);
    assert_eq!(other.genesis, Params::signet().genesis);
    assert_eq!((other.minimum_chain_work, other.assume_valid), (U256::ZERO, None));
}

#[test]
fn two_blocks_of_main_run_under_fewer_rules() {
    let main = Params::main();
    let everywhere = ScriptFlags::P2SH | ScriptFlags::WITNESS | ScriptFlags::TAPROOT;
    let any = BlockHash::all_zeros();
    assert_eq!(main.script_flags(0, &any), everywhere);
    let bip16 = "00000000000002dc756eebf4f49723ed8d30cc28a5f108eb94b1ba88ac4f9c22";
    assert_eq!(main.script_flags(170_060, &bip16.parse().unwrap()), ScriptFlags::empty());
    let later = ScriptFlags::DERSIG
        | ScriptFlags::CHECKLOCKTIMEVERIFY
        | ScriptFlags::CHECKSEQUENCEVERIFY
        | ScriptFlags::NULLDUMMY;
    let taproot = "0000000000000000000f14c35b2d841e986ab5441de8c585d5ffe55ea1e395ad";
    assert_eq!(
        main.script_flags(692_261, &taproot.parse().unwrap()),
        ScriptFlags::P2SH | ScriptFlags::WITNESS | later
    );
    assert_eq!(main.script_flags(692_261, &any), everywhere | later);
}

#[test]
fn each_flag_begins_at_its_height_and_not_one_before() {
    let main = Params::main();
    let any = BlockHash::all_zeros();
    for (height, flag) in [
        (363_725, ScriptFlags::DERSIG),
        (388_381, ScriptFlags::CHECKLOCKTIMEVERIFY),
        (419_328, ScriptFlags::CHECKSEQUENCEVERIFY),
        (481_824, ScriptFlags::NULLDUMMY),
    ] {
        assert!(!main.script_flags(height - 1, &any).contains(flag));
        assert!(main.script_flags(height, &any).contains(flag));
    }
}

#[test]
fn the_subsidy_halves_until_nothing_is_left() {
    let main = Params::main();
    assert_eq!(main.subsidy(0), 50 * COIN);
    assert_eq!(main.subsidy(209_999), 50 * COIN);
    assert_eq!(main.subsidy(210_000), 25 * COIN);
    assert_eq!(main.subsidy(33 * 210_000), 0);
    assert_eq!(main.subsidy(64 * 210_000), 0);
    assert_eq!(main.subsidy(u32::MAX), 0);
    let all: u64 = (0..64).map(|era| main.subsidy(era * 210_000) * 210_000).sum();
    assert_eq!(all, 2_099_999_997_690_000);
    assert_eq!(Params::regtest().subsidy(150), 25 * COIN);
}

#[test]
fn options_move_heights_and_votes() {
    let mut regtest = Params::regtest();
    for (option, rule, height) in [
        ("segwit@432", BuriedDeployment::Segwit, 432),
        ("cltv@111", BuriedDeployment::Bip65, 111),
        ("dersig@102", BuriedDeployment::Bip66, 102),
        ("csv@0", BuriedDeployment::Csv, 0),
        ("bip34@2", BuriedDeployment::Bip34, 2),
    ] {
        regtest.set_activation_height(option).unwrap();
        assert_eq!(regtest.buried_height(rule), height);
    }
    regtest.set_vote("testdummy:-1:9223372036854775807:7").unwrap();
    let vote = &regtest.deployments[0];
    assert_eq!((vote.start, vote.min_activation_height), (DeploymentStart::Always, 7));
}

#[test]
fn options_are_refused_in_the_words_of_core() {
    let mut regtest = Params::regtest();
    let before = regtest.clone();
    for (option, words) in [
        ("segwit", "Invalid format (segwit) for -testactivationheight=name@height."),
        ("segwit@-1", "Invalid height value (segwit@-1) for -testactivationheight=name@height."),
        (
            "segwit@2147483647",
            "Invalid height value (segwit@2147483647) for -testactivationheight=name@height.",
        ),
        ("segwit@+1", "Invalid height value (segwit@+1) for -testactivationheight=name@height."),
        ("bip65@1", "Invalid name (bip65@1) for -testactivationheight=name@height."),
    ] {
        assert_eq!(regtest.set_activation_height(option).unwrap_err().to_string(), words);
    }
    let form =
        "Version bits parameters malformed, expecting deployment:start:end[:min_activation_height]";
    for (option, words) in [
        ("testdummy:0", form),
        ("testdummy:0:1:2:3", form),
        ("testdummy:x:1", "Invalid nStartTime (x)"),
        ("testdummy:0:x", "Invalid nTimeout (x)"),
        ("testdummy:0:1:x", "Invalid min_activation_height (x)"),
        ("nothing:0:1", "Invalid deployment (nothing)"),
    ] {
        assert_eq!(regtest.set_vote(option).unwrap_err().to_string(), words);
    }
    assert_eq!(regtest, before);
}

fn chain(file: serde_json::Value) -> Result<Params, ChainFileError> {
    serde_json::from_value::<ChainFile>(file).unwrap().into_params()
}

#[test]
fn a_chain_file_changes_what_it_names_and_keeps_the_rest() {
    let params = chain(serde_json::json!({
        "name": "fastnet",
        "base": "testnet4",
        "halving_interval": 1000,
        "minimum_chain_work": "ff",
        "network": { "magic": "01020304", "p2p_port": 4000, "bech32": "fast" },
        "heights": { "segwit": 5 },
        "pow": { "target_spacing": 60, "target_timespan": 3600, "bip94": false },
        "deployments": [{ "name": "newrule", "bit": 3, "start": 0, "period": 60, "threshold": 45 }],
    }))
    .unwrap();
    assert_eq!(params.network, Network::Custom);
    assert_eq!((params.magic, params.p2p_port, params.rpc_port), ([1, 2, 3, 4], 4000, 48332));
    assert_eq!((params.retarget_interval(), params.segwit_height, params.csv_height), (60, 5, 1));
    assert_eq!(params.minimum_chain_work, U256::from(255));
    assert_eq!(params.genesis, Params::testnet4().genesis);
    assert_eq!((params.deployments[0].mask(), params.deployments[0].timeout), (8, NO_TIMEOUT));
    assert!(params.assume_utxo.is_empty() && params.dns_seeds.is_empty());
}

#[test]
fn a_chain_file_with_a_wrong_field_is_refused_by_its_name() {
    let genesis = |bits: &str, message: &str| {
        serde_json::json!({ "message": message, "script_pubkey": "51", "reward": 0,
            "time": 1, "bits": bits, "nonce": 0 })
    };
    let vote = |bit: u8, period: u32, threshold: u32| {
        serde_json::json!([{ "name": "v", "bit": bit, "start": 0, "period": period,
            "threshold": threshold }])
    };
    for (field, rest) in [
        ("base", serde_json::json!({ "base": "moon" })),
        ("halving_interval", serde_json::json!({ "halving_interval": 0 })),
        ("minimum_chain_work", serde_json::json!({ "minimum_chain_work": "+1" })),
        ("assume_valid", serde_json::json!({ "assume_valid": "00" })),
        ("signet_challenge", serde_json::json!({ "signet_challenge": "5" })),
        ("network.magic", serde_json::json!({ "network": { "magic": "00" } })),
        ("network.p2p_port", serde_json::json!({ "network": { "p2p_port": 0 } })),
        ("network.bech32", serde_json::json!({ "network": { "bech32": "BC" } })),
        ("pow.target_spacing", serde_json::json!({ "pow": { "target_spacing": 0 } })),
        ("pow.target_timespan", serde_json::json!({ "pow": { "target_timespan": 3 } })),
        ("pow.limit", serde_json::json!({ "pow": { "limit": "0" } })),
        ("pow.limit", serde_json::json!({ "pow": { "no_retargeting": false } })),
        ("genesis.bits", serde_json::json!({ "pow": { "limit": "ff" } })),
        ("genesis.bits", serde_json::json!({ "genesis": genesis("moon", "m") })),
        ("genesis.message", serde_json::json!({ "genesis": genesis("207fffff", "") })),
        ("genesis.nonce", serde_json::json!({ "genesis": genesis("1d00ffff", "m") })),
        ("deployments.0.bit", serde_json::json!({ "deployments": vote(29, 1, 1) })),
        ("deployments.0.period", serde_json::json!({ "deployments": vote(1, 0, 1) })),
        ("deployments.0.threshold", serde_json::json!({ "deployments": vote(1, 5, 6) })),
    ] {
        let mut file = rest.clone();
        file["name"] = "mine".into();
        assert_eq!(chain(file).map(|_| ()).unwrap_err().field, field, "{rest}");
    }
    for name in ["", "main", "Mine", "../mine"] {
        assert_eq!(chain(serde_json::json!({ "name": name })).unwrap_err().field, "name");
    }
}

#[test]
fn a_genesis_block_of_ones_own_is_checked_and_used() {
    let file = |nonce: u32| {
        serde_json::json!({ "name": "mine", "genesis": { "message": "hello", "script_pubkey": "51",
            "reward": 5_000_000_000_u64, "time": 1_700_000_000, "bits": "207fffff", "nonce": nonce } })
    };
    // Every other nonce satisfies a target of half of all hashes.
    let (valid, refused): (Vec<_>, Vec<_>) =
        (0..32).map(|n| chain(file(n))).partition(Result::is_ok);
    assert!(!valid.is_empty() && !refused.is_empty());
    for params in valid {
        let genesis = Block::decode(params.unwrap().genesis).unwrap();
        assert_eq!(genesis.header().time, 1_700_000_000);
    }
    for error in refused {
        assert_eq!(error.unwrap_err().field, "genesis.nonce");
    }
}
