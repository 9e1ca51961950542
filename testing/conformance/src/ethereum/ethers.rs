//! `ethers/*.json`: transactions of all types and typed data signed by another library, addresses of contracts, hashes.

use std::path::Path;

use alloy_primitives::{Address, B256, keccak256};
use quintet_crypto::{
    digest::{ripemd160, sha256, sha512},
    secp::SecretKey,
};
use quintet_eth::tx::{EthTransaction, Parsed, TxRules, recover_sender};
use quintet_eth_rpc::typed_data::{TypedData, TypedDataError};
use quintet_primitives::hex;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    field::array,
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Ethers;

impl Suite for Ethers {
    fn name(&self) -> &'static str {
        "ethers"
    }

    fn claims(&self, name: &Path) -> bool {
        let is_json = name.extension().is_some_and(|extension| extension == "json");
        is_json && name.starts_with("ethers") && !name.ends_with("rlp.json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        match file.own_name() {
            "transactions.json" => report.json_cases(file, |case: Signed| case.check()),
            "create.json" => report.json_cases(file, |case: Creates<Create>| {
                case.check(|sender, create| (sender.create(create.nonce), create.address))
            }),
            "create2.json" => report.json_cases(file, |case: Creates<Create2>| {
                case.check(|sender, create| {
                    (sender.create2(create.salt, create.init_code_hash), create.address)
                })
            }),
            "hashes.json" => report.json_cases(file, |case: Hashes| case.check()),
            "typed-data.json" => report.json_cases(file, |case: Typed| case.check()),
            _ => report.skip("a sort of file nobody knows"),
        }
    }
}

fn bytes(text: &str) -> Result<Vec<u8>, Mismatch> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text))
        .map_err(|error| Mismatch::new("field", "hexadecimal digits", error.to_string()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signed {
    private_key: String,
    unsigned_legacy: String,
    unsigned_eip155: String,
    unsigned_berlin: String,
    unsigned_london: String,
    unsigned_cancun: String,
    signed_legacy: String,
    signed_eip155: String,
    signed_berlin: String,
    signed_london: String,
    signed_cancun: String,
}

impl Signed {
    fn check(&self) -> Result<(), Mismatch> {
        let digits = self.private_key.strip_prefix("0x").unwrap_or(&self.private_key);
        let key = SecretKey::from_bytes(&array("privateKey", digits)?)
            .map_err(|error| Mismatch::new("privateKey", "a secret key", error.to_string()))?;
        let public = key.public_key_uncompressed();
        let sender = Address::from_word(keccak256(public.get(1..).unwrap_or_default()));
        for (kind, unsigned, signed) in [
            (0, &self.unsigned_legacy, &self.signed_legacy),
            (0, &self.unsigned_eip155, &self.signed_eip155),
            (1, &self.unsigned_berlin, &self.signed_berlin),
            (2, &self.unsigned_london, &self.signed_london),
            (3, &self.unsigned_cancun, &self.signed_cancun),
        ] {
            // Without a chain id there is no transaction with one.
            if !signed.is_empty() {
                check_one(kind, &bytes(unsigned)?, &bytes(signed)?, sender)?;
            }
        }
        Ok(())
    }
}

fn check_one(kind: u8, unsigned: &[u8], signed: &[u8], sender: Address) -> Result<(), Mismatch> {
    let refused =
        |error: &dyn std::fmt::Display| Mismatch::new("signed", "a transaction", error.to_string());
    let parsed = Parsed::read(signed).map_err(|error| refused(&error))?;
    expect_eq("type", kind, parsed.kind)?;
    expect_eq("digest", keccak256(unsigned), parsed.signing_hash())?;
    let transaction = EthTransaction::decode(signed).map_err(|error| refused(&error))?;
    expect_eq("written again", signed, transaction.encoded().as_slice())?;
    expect_eq("hash", keccak256(signed), transaction.hash())?;
    let recovered =
        recover_sender(&transaction, TxRules::Osaka).map_err(|error| refused(&error))?;
    expect_eq("sender", sender, recovered)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Creates<T> {
    sender: Address,
    creates: Vec<T>,
}

impl<T> Creates<T> {
    fn check(&self, pair: impl Fn(Address, &T) -> (Address, Address)) -> Result<(), Mismatch> {
        self.creates.iter().try_for_each(|create| {
            let (actual, expected) = pair(self.sender, create);
            expect_eq("address", expected, actual)
        })
    }
}

#[derive(Deserialize)]
struct Create {
    nonce: u64,
    address: Address,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create2 {
    salt: B256,
    init_code_hash: B256,
    address: Address,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Typed {
    #[serde(rename = "name")]
    _name: String,
    domain: Value,
    primary_type: String,
    types: Value,
    data: Value,
    encoded: String,
    digest: B256,
    private_key: Option<String>,
    signature: Option<String>,
}

impl Typed {
    fn check(&self) -> Result<(), Mismatch> {
        let failed = |error: TypedDataError| Mismatch::new("hashing", "success", error.to_string());
        let whole = json!({
            "types": self.types, "primaryType": self.primary_type, "domain": self.domain, "message": self.data,
        });
        let data = TypedData::from_json(&whole).map_err(failed)?;
        expect_eq("encoded", bytes(&self.encoded)?, data.encoded().map_err(failed)?)?;
        let digest = data.digest().map_err(failed)?;
        expect_eq("digest", self.digest, digest)?;
        let (Some(key), Some(signature)) = (&self.private_key, &self.signature) else {
            return Ok(());
        };
        let digits = key.strip_prefix("0x").unwrap_or(key);
        let key = SecretKey::from_bytes(&array("privateKey", digits)?)
            .map_err(|error| Mismatch::new("privateKey", "a secret key", error.to_string()))?;
        let signed = key.sign_ecdsa_recoverable(&digest.0);
        let signed = signed.map(|(compact, odd)| [&compact[..], &[27 + u8::from(odd)]].concat());
        expect_eq("signature", Some(bytes(signature)?), signed)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hashes {
    #[serde(rename = "name")]
    _name: Value,
    data: String,
    sha256: String,
    sha512: String,
    ripemd160: String,
    keccak256: B256,
}

impl Hashes {
    fn check(&self) -> Result<(), Mismatch> {
        let data = bytes(&self.data)?;
        expect_eq("keccak256", self.keccak256, keccak256(&data))?;
        expect_eq("sha256", bytes(&self.sha256)?, sha256(&[&data]).as_bytes().to_vec())?;
        expect_eq("sha512", bytes(&self.sha512)?, sha512(&[&data]).to_vec())?;
        expect_eq("ripemd160", bytes(&self.ripemd160)?, ripemd160(&[&data]).as_bytes().to_vec())
    }
}
