//! `kip5_messages.json`: messages of people, signed and verified.

use std::path::Path;

use quintet_crypto::secp::SecretKey;
use quintet_kaspa_protocol::message::{message_hash, sign_message, verify_message};
use quintet_primitives::hex;
use serde::Deserialize;

use super::{array, hash};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Messages;

impl Suite for Messages {
    fn name(&self) -> &'static str {
        "messages"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "kip5_messages")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    message: String,
    message_hash: String,
    secret_key: String,
    public_key: String,
    aux_rand: String,
    signature: String,
    valid: bool,
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        let message = self.message.as_bytes();
        expect_eq(
            "message_hash",
            hash("message_hash", &self.message_hash)?,
            message_hash(message),
        )?;
        let key = SecretKey::from_bytes(&array("secret_key", &self.secret_key)?)
            .map_err(|error| Mismatch::new("secret_key", "a key", error.to_string()))?;
        let (public, _) = key.x_only_public_key();
        expect_eq("public_key", &self.public_key, &hex::encode(&public))?;
        let signature = sign_message(&key, message, &array("aux_rand", &self.aux_rand)?);
        let same = self.signature == hex::encode(&signature);
        expect_eq("signature is the one made", self.valid, same)?;
        let signature = array("signature", &self.signature)?;
        expect_eq("valid", self.valid, verify_message(&signature, &public, message))
    }
}
