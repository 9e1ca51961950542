//! `basic/*.json`: compact paths, keys and addresses, first transactions, the first block of mainnet.

use std::{collections::BTreeMap, path::Path};

use alloy_primitives::{Address, B256, U256, keccak256};
use quintet_crypto::secp::SecretKey;
use quintet_eth::{
    genesis,
    trie::Nibbles,
    tx::{EthTransaction, Parsed, TxRules, recover_sender},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    field::{array, bytes},
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Basic;

impl Suite for Basic {
    fn name(&self) -> &'static str {
        "basic"
    }

    fn claims(&self, name: &Path) -> bool {
        let is_json = name.extension().is_some_and(|extension| extension == "json");
        is_json && name.starts_with("basic")
    }

    fn run(&self, file: &File, report: &mut Report) {
        match file.own_name() {
            "hexencodetest.json" => {
                let Some(Value::Object(cases)) = report.json(file) else { return };
                for (name, value) in cases {
                    report.json_case(name, value, |case: CompactPath| case.check());
                }
            }
            "keyaddrtest.json" => report.json_cases(file, |case: KeyAddress| case.check()),
            "txtest.json" => report.json_cases(file, |case: FirstTransaction| case.check()),
            "genesishashestest.json" => report.json_cases(file, |case: Mainnet| case.check()),
            "blockgenesistest.json" => {
                report.json_cases(file, |case: OldGenesis| case.check());
            }
            // Encryption between peers of 2014, which nothing here speaks.
            _ => report.skip("devp2p encryption, which no kind speaks"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CompactPath {
    seq: Vec<u8>,
    term: bool,
    out: String,
}

impl CompactPath {
    fn check(&self) -> Result<(), Mismatch> {
        let expected = bytes("out", &self.out)?;
        let compact = Nibbles::to_compact(&self.seq, self.term);
        expect_eq("compact path", expected.as_slice(), compact.as_slice())?;
        let path = Nibbles::from_slice(&self.seq).map(|path| (path, self.term));
        expect_eq("path", path, Nibbles::from_compact(&expected))
    }
}

fn address_of(key: &str) -> Result<Address, Mismatch> {
    let key = SecretKey::from_bytes(&array("key", key)?)
        .map_err(|error| Mismatch::new("key", "a secret key", error.to_string()))?;
    let public = key.public_key_uncompressed();
    Ok(Address::from_word(keccak256(public.get(1..).unwrap_or_default())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyAddress {
    seed: String,
    key: String,
    addr: String,
    // Signatures with a random nonce of the time; recovery is what can be checked, in the suite of transactions.
    #[serde(rename = "sig_of_emptystring")]
    _signature: Value,
}

impl KeyAddress {
    fn check(&self) -> Result<(), Mismatch> {
        let expected = Address::new(array("addr", &self.addr)?);
        expect_eq("address of the key", expected, address_of(&self.key)?)?;
        let key = B256::new(array("key", &self.key)?);
        expect_eq("key of the seed", key, keccak256(&self.seed))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstTransaction {
    key: String,
    nonce: u64,
    gasprice: u64,
    startgas: u64,
    to: String,
    value: u64,
    data: String,
    unsigned: String,
    signed: String,
}

impl FirstTransaction {
    fn check(&self) -> Result<(), Mismatch> {
        let signed = bytes("signed", &self.signed)?;
        let refused = |error: &dyn std::fmt::Display| {
            Mismatch::new("signed", "a transaction", error.to_string())
        };
        let parsed = Parsed::read(&signed).map_err(|error| refused(&error))?;
        expect_eq("nonce", self.nonce, parsed.nonce)?;
        expect_eq("gasprice", U256::from(self.gasprice), parsed.max_fee)?;
        expect_eq("startgas", self.startgas, parsed.gas_limit)?;
        expect_eq("value", U256::from(self.value), parsed.value)?;
        expect_eq("data", bytes("data", &self.data)?.as_slice(), parsed.data)?;
        let to = if self.to.is_empty() { None } else { Some(Address::new(array("to", &self.to)?)) };
        expect_eq("to", to, parsed.to)?;
        // Unsigned, the last three fields are empty.
        let unsigned = bytes("unsigned", &self.unsigned)?;
        let nine = |raw: &[u8]| {
            // Lists of more than 55 bytes say how long they are in bytes of their own.
            let head = 1 + usize::from(raw.first()?.saturating_sub(0xf7));
            raw.get(head..raw.len().saturating_sub(3)).map(<[u8]>::to_vec)
        };
        let own = parsed.unsigned_fields();
        expect_eq("unsigned", nine(&unsigned), Some(own.to_vec()))?;
        let transaction = EthTransaction::decode(&signed).map_err(|error| refused(&error))?;
        let sender =
            recover_sender(&transaction, TxRules::Frontier).map_err(|error| refused(&error))?;
        expect_eq("sender", address_of(&self.key)?, sender)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mainnet {
    genesis_rlp_hex: String,
    genesis_state_root: String,
    genesis_hash: String,
}

impl Mainnet {
    /// The header alone: the 8,893 accounts are not in the file.
    fn check(&self) -> Result<(), Mismatch> {
        let root = B256::new(array("genesis_state_root", &self.genesis_state_root)?);
        let json = r#"{"config":{"chainId":1},"nonce":"0x42","timestamp":"0x0",
            "extraData":"0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
            "gasLimit":"0x1388","difficulty":"0x400000000","alloc":{}}"#;
        let refused =
            |error: &dyn std::fmt::Display| Mismatch::new("genesis", "a header", error.to_string());
        let read = genesis::read(json.as_bytes()).map_err(|error| refused(&error))?;
        let header = genesis::header(&read, root).map_err(|error| refused(&error))?;
        let rlp = alloy_rlp::encode(&header);
        let block = bytes("genesis_rlp_hex", &self.genesis_rlp_hex)?;
        // The block is a list of the header and two empty lists.
        let inner = block.get(3..block.len().saturating_sub(2)).unwrap_or_default();
        expect_eq("header", inner, rlp.as_slice())?;
        let hash = B256::new(array("genesis_hash", &self.genesis_hash)?);
        expect_eq("hash", hash, header.hash_slow())
    }
}

/// Blocks of a time before the first release: the header had other fields, the state was the same.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OldGenesis {
    inputs: BTreeMap<String, serde_json::Number>,
    result: String,
}

impl OldGenesis {
    fn check(&self) -> Result<(), Mismatch> {
        let block = bytes("result", &self.result)?;
        // Behind two headers of lists: parent hash, hash of uncles, coinbase; then the root, empty or 32 bytes.
        let begin = 2 + 2 + 33 + 33 + 21;
        let root = match block.get(begin) {
            Some(0x80) => None,
            _ => block.get(begin + 1..begin + 33).map(B256::from_slice),
        };
        // Account records of that time were no others: nonce, balance, storage root, code hash; but both of the latter were empty strings.
        let mut entries = BTreeMap::new();
        for (address, balance) in &self.inputs {
            let address = Address::new(array("address", address)?);
            // Beyond 64 bits a number of JSON is read as a double; those of this file are doubles exactly.
            let text = match (balance.as_u64(), balance.as_f64()) {
                (None, Some(double)) => format!("{double:.0}"),
                _ => balance.to_string(),
            };
            let balance: U256 = text
                .parse()
                .map_err(|_| Mismatch::new("balance", "a decimal number", balance.to_string()))?;
            entries.insert(keccak256(address), balance);
        }
        expect_eq("whether there is a root", entries.is_empty(), root.is_none())
    }
}
