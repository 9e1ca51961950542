//! `quintet bitcoin`: the binary imports real blocks, verifies and inspects them, and says what is wrong.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    quintet::{Ended, Home},
    vectors::block_file,
};

/// 600 blocks of the main network, genesis included.
const FILE: &str = "mainnet_blocks_0_599.dat";

/// The first transaction between two people: block 170, 10 of 50 bitcoins.
const FIRST_PAYMENT: &str = "0100000001c997a5e56e104102fa209c6a852dd90660a20b2d9c352423edce25857fcd3704000000004847304402204e45e16932b8af514961a1d3a1a25fdf3f4f7732e9d624c6c61548ab5fb8cd410220181522ec8eca07de4860a4acdd12909d831cc56cbbac4622082221a8768d1d0901ffffffff0200ca9a3b00000000434104ae1a62fe09c5f51b13905f07f06b99a2f7159b2225f374cd378d71302fa28414e7aab37397f554a7df5f142c21c1b7303b8a0626f1baded5c72a704f7e6cd84cac00286bee0000000043410411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6909a5cb2e0eaddfb84ccf9744464f82e160bfa9b8b64f9d4c03f999b8643f656b412a3ac00000000";

/// The output it spends, of block 9.
const FIRST_PREVOUT: &str = "5000000000:410411db93e1dcdb8a016b49840f8c53bc1eb68a382e97b1482ecad7b148a6909a5cb2e0eaddfb84ccf9744464f82e160bfa9b8b64f9d4c03f999b8643f656b412a3ac";

fn info(home: &Home) -> Value {
    home.json(&["bitcoin", "info", "--json", "--quiet"])
}

#[test]
fn real_blocks_are_imported_verified_and_shown() {
    let Some(file) = block_file(FILE) else { return };
    let home = Home::new();
    let imported = home.json(&["bitcoin", "import", &file.path, "--json"]);
    assert_eq!(imported["blocks"], 599);
    assert_eq!(imported["imported"]["blocks"], 599);
    assert_eq!(imported["imported"]["already_there"], 1, "genesis");
    assert_eq!(imported["stopped"], Value::Null);
    let again = home.json(&["bitcoin", "import", &file.path, "--json"]);
    assert_eq!(
        (&again["imported"]["blocks"], &again["imported"]["already_there"]),
        (&0.into(), &600.into())
    );

    let info = info(&home);
    assert_eq!(
        (&info["chain"], &info["blocks"], &info["headers"]),
        (&"main".into(), &599.into(), &599.into())
    );
    assert_eq!(info["bestblockhash"], imported["bestblockhash"]);
    assert_eq!(info["coins_head"], info["bestblockhash"]);
    assert_eq!(info["chainwork"], format!("{:064x}", 600_u64 * 0x1_0001_0001));
    let data = home.path(".local/share/quintet/bitcoin/main");
    assert_eq!(info["data_dir"], data);
    assert!(home.ok(&["bitcoin", "info"]).contains("those of the tip"));

    let verified = home.json(&["bitcoin", "verify", "--blocks", "0", "--store", "--json"]);
    assert_eq!(verified["sound"], true, "{verified}");
    assert_eq!((&verified["blocks"], &verified["disconnected"]), (&599.into(), &599.into()));
    assert_eq!(verified["store"]["problems_total"], 0);
    assert!(home.ok(&["bitcoin", "verify", "--level", "2"]).contains("6 of 599 at level undo"));

    let block = home.json(&["bitcoin", "block", "170", "--json"]);
    assert_eq!(block["hash"], "00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee");
    assert_eq!(
        (&block["nTx"], &block["size"], &block["confirmations"]),
        (&2.into(), &490.into(), &430.into())
    );
    let hash = block["hash"].as_str().unwrap();
    let raw = home.ok(&["bitcoin", "block", hash, "--raw"]);
    assert!(raw.trim().ends_with(FIRST_PAYMENT), "{raw}");
    let header = home.ok(&["bitcoin", "header", "170", "--raw"]);
    assert_eq!(header.trim(), &raw[..160]);
    assert!(
        home.ok(&["bitcoin", "block", "170"])
            .contains("f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16")
    );
    let ended = home.run(&["bitcoin", "block", "600"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("the chain ends at height 599"), "{}", ended.err);
    assert_eq!(home.run(&["bitcoin", "block", "tip"]).code, Some(2));
}

#[test]
fn coins_are_counted_as_core_counts_them() {
    let Some(file) = block_file(FILE) else { return };
    let home = Home::new();
    home.ok(&["bitcoin", "import", &file.path]);
    let counted = home.json(&["bitcoin", "utxo-info", "--hash", "muhash", "--json"]);
    assert_eq!(counted["height"], 599);
    // Every block but genesis made 50 bitcoins, and nobody paid a fee.
    assert_eq!(counted["total_amount"], 599.0 * 50.0);
    assert_eq!(counted["muhash"].as_str().map(str::len), Some(64));
    let serialised = home.json(&["bitcoin", "utxo-info", "--json"]);
    assert_eq!(serialised["hash_serialized_3"].as_str().map(str::len), Some(64));
    assert_eq!(
        (&serialised["txouts"], &serialised["bogosize"]),
        (&counted["txouts"], &counted["bogosize"])
    );
    let none = home.ok(&["bitcoin", "utxo-info", "--hash", "none"]);
    assert!(none.contains("total_amount") && !none.contains("hash"), "{none}");
}

#[test]
fn a_snapshot_is_written_whole_and_loaded_only_if_it_is_known() {
    let Some(file) = block_file(FILE) else { return };
    let home = Home::new();
    home.ok(&["bitcoin", "import", &file.path]);
    let dumped = home.json(&["bitcoin", "snapshot", "dump", "coins.dat", "--json"]);
    let counted = home.json(&["bitcoin", "utxo-info", "--json"]);
    assert_eq!(dumped["txoutset_hash"], counted["hash_serialized_3"]);
    assert_eq!(
        (&dumped["coins_written"], &dumped["base_height"]),
        (&counted["txouts"], &599.into())
    );
    assert!(fs::read(home.path("coins.dat")).unwrap().starts_with(b"utxo\xff"));
    let ended = home.run(&["bitcoin", "snapshot", "dump", "coins.dat"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("coins.dat exists"), "{}", ended.err);
    let ended = home.run(&["bitcoin", "snapshot", "load", "coins.dat", "--data-dir", "new"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("expected a snapshot of one of the blocks"), "{}", ended.err);
}

#[test]
fn coins_and_index_are_built_anew_from_the_blocks() {
    let Some(file) = block_file(FILE) else { return };
    let home = Home::new();
    home.ok(&["bitcoin", "import", &file.path]);
    let before = home.json(&["bitcoin", "utxo-info", "--json"]);
    for how in ["--reindex", "--reindex-chainstate"] {
        let rebuilt = home.json(&["bitcoin", "import", how, "--json"]);
        assert_eq!(rebuilt["blocks"], 599, "{how}: {rebuilt}");
        let after = home.json(&["bitcoin", "utxo-info", "--json"]);
        assert_eq!(after["hash_serialized_3"], before["hash_serialized_3"], "{how}");
    }
    assert_eq!(home.run(&["bitcoin", "import"]).code, Some(2));
}

#[test]
fn a_cut_file_gives_what_is_whole() {
    let Some(file) = block_file("mainnet_incompleteblk.dat") else { return };
    let home = Home::new();
    let imported = home.json(&["bitcoin", "import", &file.path, "--json"]);
    assert_eq!(imported["imported"]["refused"], 0, "{imported}");
    let found = ["blocks", "already_there", "without_parent"]
        .map(|name| imported["imported"][name].as_u64().unwrap());
    assert!(found.iter().sum::<u64>() > 0, "{imported}");
}

#[test]
fn files_of_another_network_are_refused_before_anything_is_opened() {
    let Some(file) = block_file(FILE) else { return };
    let home = Home::new();
    let ended = home.run(&["bitcoin", "import", &file.path, "--network", "testnet4"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.err.contains(
            "holds blocks of main, not of testnet4: choose the network with --network main"
        ),
        "{}",
        ended.err
    );
    assert!(!fs::exists(home.path(".local/share/quintet")).unwrap());
    let garbage = home.write("blk00000.dat", "no block at all");
    for (args, expected) in [
        (["import", garbage.as_str()], "holds no block of main"),
        (["import", "absent.dat"], "absent.dat: no such file or directory"),
        (["import", "."], "holds no block of main"),
    ] {
        let ended = home.run(&["bitcoin", args[0], args[1]]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(expected), "{}", ended.err);
    }
}

#[test]
fn a_directory_is_imported_with_its_mask() {
    let Some(file) = block_file(FILE) else { return };
    let home = Home::new();
    let blocks = home.path("core/blocks");
    fs::create_dir_all(&blocks).unwrap();
    let mask = *b"\x13\x37\xca\xfe\x00\x01\x02\x03";
    let mut bytes = fs::read(&file.path).unwrap();
    for (byte, mask) in bytes.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    let half = bytes.len() / 8 / 2 * 8;
    // The first file ends inside a block: that one is lost, and with it the way to those behind it.
    fs::write(format!("{blocks}/blk00000.dat"), &bytes[..half]).unwrap();
    fs::write(format!("{blocks}/xor.dat"), mask).unwrap();
    let imported = home.json(&["bitcoin", "import", "core", "--json", "--data-dir", "ours"]);
    let height = imported["blocks"].as_u64().unwrap();
    assert!((280..340).contains(&height), "{imported}");
    fs::write(format!("{blocks}/blk00000.dat"), &bytes).unwrap();
    let imported = home.json(&["bitcoin", "import", "core/blocks", "--json", "--data-dir", "ours"]);
    assert_eq!(imported["blocks"], 599, "{imported}");
    assert!(fs::exists(home.path("ours/chain")).unwrap());
}

#[test]
fn a_block_that_breaks_a_rule_is_named_with_core_s_reason() {
    let Some(file) = block_file(FILE) else { return };
    let home = Home::new();
    let mut bytes = fs::read(&file.path).unwrap();
    // The first byte of genesis' successor's coinbase script makes another transaction, and so another Merkle root.
    let genesis = 8 + u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    bytes[genesis + 8 + 81 + 45] ^= 1;
    fs::write(home.path("bad.dat"), &bytes[..genesis * 4]).unwrap();
    let ended = home.run(&["bitcoin", "import", "bad.dat", "--json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let imported: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(imported["imported"]["refused"], 1, "{imported}");
    assert_eq!(imported["imported"]["refusals"][0]["reason"], "bad-txnmrklroot");
    let ended = home.run(&["bitcoin", "import", "bad.dat"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.contains("bad-txnmrklroot"), "{}", ended.out);
}

/// Starts an import that has begun when this returns.
fn begun(
    home: &Home,
    args: &[&str],
) -> (std::process::Child, BufReader<std::process::ChildStderr>) {
    let mut command: Command = home.command(args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("looking through the files") {
        line.clear();
        assert!(err.read_line(&mut line).unwrap() > 0, "the import ended before it began");
    }
    (child, err)
}

#[test]
fn an_import_has_the_chain_to_itself_and_goes_on_where_it_was_stopped() {
    let Some(file) = block_file(FILE) else { return };
    let home = Home::new();
    // The blocks over and over, so that there is time to stop it.
    let mut args = vec!["bitcoin", "import", "--json", "--coins-bytes", "1"];
    args.extend([file.path.as_str(); 200]);
    let (child, _err) = begun(&home, &args);
    let second = home.run(&["bitcoin", "info"]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.err.contains("is in use by process"), "{}", second.err);
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let ended = Ended::of(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let stopped: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(stopped["stopped"], "signal", "{stopped}");
    let height = info(&home)["blocks"].clone();
    assert_eq!(height, stopped["blocks"], "what was imported was not kept");
    let imported = home.json(&["bitcoin", "import", "--json", &file.path]);
    assert_eq!(imported["blocks"], 599);
    assert_eq!(
        imported["imported"]["already_there"].as_u64(),
        height.as_u64().map(|height| height + 1)
    );
}

#[test]
fn an_import_ends_at_the_height_asked_for() {
    let Some(file) = block_file(FILE) else { return };
    let home = Home::new();
    let imported =
        home.json(&["bitcoin", "import", &file.path, "--stop-at-height", "100", "--json"]);
    assert_eq!((&imported["blocks"], &imported["stopped"]), (&100.into(), &"height".into()));
}

#[test]
fn a_chain_that_is_not_there_is_not_begun_by_looking() {
    let home = Home::new();
    for command in ["info", "verify", "utxo-info"] {
        let ended = home.run(&["bitcoin", command, "--network", "regtest"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains("there is no chain of regtest in"), "{}", ended.err);
    }
    assert!(!fs::exists(home.path(".local/share/quintet")).unwrap());
    let ended = home.run(&["bitcoin", "info", "--network", "moon"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("found \"moon\""), "{}", ended.err);
}

#[test]
fn a_node_is_started_in_core_s_spelling_and_refuses_what_it_does_not_know() {
    let home = Home::new();
    let ended = home.run(&["bitcoin"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("quintet bitcoin run"), "{}", ended.err);
    let ended = home.run(&["bitcoin", "run", "-regtest", "-nosuchthing=1"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("Invalid parameter -nosuchthing=1"), "{}", ended.err);
}

#[test]
fn a_node_that_does_not_start_says_why_word_for_word_as_core_does() {
    let home = Home::new();
    for (args, expected) in [
        (&["-prune=-1"][..], "Prune cannot be configured with a negative value."),
        (
            &["-prune=549"],
            "Prune configured below the minimum of 550 MiB.  Please use a higher number.",
        ),
        (&["-prune=550", "-txindex"], "Prune mode is incompatible with -txindex."),
        (
            &["-prune=550", "-reindex-chainstate"],
            "Prune mode is incompatible with -reindex-chainstate. Use full -reindex instead.",
        ),
        (&["-whitelist=oopsie@127.0.0.1"], "Invalid P2P permission: 'oopsie'"),
        (
            &["-bind=127.0.0.1", "-listen=0"],
            "Cannot set -bind or -whitebind together with -listen=0",
        ),
        (&["-peertimeout=0"], "peertimeout must be a positive integer."),
    ] {
        let ended = home.run(&[&["bitcoin", "run", "-regtest"][..], args].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert_eq!(ended.err, format!("Error: {expected}\n"), "{args:?}");
    }
}

#[test]
fn a_transaction_is_decoded_as_core_does() {
    let home = Home::new();
    let tx = home.json(&["bitcoin", "decode-tx", FIRST_PAYMENT]);
    assert_eq!(tx["txid"], "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16");
    assert_eq!(
        (&tx["size"], &tx["vsize"], &tx["weight"]),
        (&275.into(), &275.into(), &1100.into())
    );
    assert_eq!(tx["vout"][0]["value"], 10.0);
    assert_eq!(tx["vout"][1]["scriptPubKey"]["type"], "pubkey");
    let ended = home.run(&["bitcoin", "decode-tx", "00"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("expected a transaction in hexadecimal"), "{}", ended.err);
}

#[test]
fn a_script_is_shown_step_by_step() {
    let home = Home::new();
    let args = ["bitcoin", "script-trace", "--tx", FIRST_PAYMENT, "--prevout", FIRST_PREVOUT];
    let shown = home.ok(&args);
    assert!(shown.contains("OP_CHECKSIG") && shown.ends_with("valid\n"), "{shown}");
    let traced = home.json(&[&args[..], &["--json"]].concat());
    assert_eq!(
        (&traced["valid"], traced["steps"].as_array().map(Vec::len)),
        (&true.into(), Some(3))
    );

    // Another key: the signature does not fit.
    let other = FIRST_PREVOUT.replace("5000000000:410411", "5000000000:410412");
    let ended = home.run(&["bitcoin", "script-trace", "--tx", FIRST_PAYMENT, "--prevout", &other]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("invalid: EVAL_FALSE"), "{}", ended.out);
    let ended = home.run(&[
        "bitcoin",
        "script-trace",
        "--tx",
        FIRST_PAYMENT,
        "--prevout",
        "0:51",
        "--prevout",
        "0:51",
    ]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
}
