//! An execution layer elsewhere, over the Engine API: op-reth, op-geth or any other.
//!
//! ```text
//!   consolidate   eth_getBlockByNumber (header), engine_getPayloadBodiesByRangeV1 ──► the block that was derived?
//!   build         engine_forkchoiceUpdatedV2|3 + attributes ──► engine_getPayloadV2|3|4|5 ──► engine_newPayloadV2|3|4
//!                     ──► engine_forkchoiceUpdated, the new head
//! ```
//!
//! Payloads are passed on as they came: who made them is who checks them. Each request carries a token of its own, signed with the secret
//! both sides share.
//!
//! **Spec:** Engine API, `authentication.md`, `paris.md` to `osaka.md`; `protocol/exec-engine.md` and each fork's.

use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{B256, Bytes, hex};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use quintet_rollup_protocol::{
    attributes::{DerivedAttributes, PayloadAttributes},
    config::{Fork, RollupConfig},
    l1_info::{L2Header, read_block},
    refs::{L2Ref, SafeBlock},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::runtime::Handle;

use super::{Engine, EngineError, Processed};
use crate::l1::{
    L1Error,
    transport::{Address, Call, Transport},
};

/// Time for one request: a node that executes a large block takes some.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Attempts to reach the node before a question is given up.
const ATTEMPTS: u32 = 10;
/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);
/// The attributes are not those of a block: a transaction in them is none.
///
/// **Spec:** Engine API, `common.md`, "Errors".
const INVALID_ATTRIBUTES: i64 = -38_003;

/// The secret both sides share.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// Takes a secret.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads a file that holds one in hexadecimal.
    ///
    /// # Errors
    ///
    /// [`EngineError::Secret`] if it does not.
    pub fn read(path: &Path) -> Result<Self, EngineError> {
        let bad = |reason: String| EngineError::Secret { path: path.display().to_string(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|error| bad(error.to_string()))?;
        Ok(Self(bytes))
    }

    /// Makes a token that says that it is now.
    ///
    /// **Spec:** Engine API, `authentication.md`: HS256, claim `iat`; RFC 7519.
    #[must_use]
    pub fn token(&self, now: SystemTime) -> String {
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"iat":{seconds}}}"#));
        let signed = format!("{header}.{claims}");
        // A key of any length will do.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        format!("{signed}.{signature}")
    }
}

/// An execution layer elsewhere.
#[derive(Debug)]
pub struct Remote {
    config: std::sync::Arc<RollupConfig>,
    address: Address,
    secret: Secret,
    transport: Transport,
    runtime: Handle,
    head: B256,
    safe: B256,
    finalized: B256,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    result: Value,
    error: Option<AnswerError>,
}

#[derive(Deserialize)]
struct AnswerError {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    status: String,
    validation_error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Updated {
    payload_status: Status,
    payload_id: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    transactions: Vec<Bytes>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeaderJson {
    hash: B256,
    parent_hash: B256,
    number: alloy_primitives::U64,
    timestamp: alloy_primitives::U64,
    gas_limit: alloy_primitives::U64,
    mix_hash: B256,
    miner: alloy_primitives::Address,
    extra_data: Bytes,
    parent_beacon_block_root: Option<B256>,
}

/// Versions of the methods at an L2 block's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Methods {
    forkchoice: &'static str,
    get: &'static str,
    new: &'static str,
}

impl Methods {
    fn at(config: &RollupConfig, time: u64) -> Self {
        let is = |fork| config.is_active(fork, time);
        let ecotone = is(Fork::Ecotone);
        let forkchoice =
            if ecotone { "engine_forkchoiceUpdatedV3" } else { "engine_forkchoiceUpdatedV2" };
        let (get, new) = if is(Fork::Karst) {
            ("engine_getPayloadV5", "engine_newPayloadV4")
        } else if is(Fork::Isthmus) {
            ("engine_getPayloadV4", "engine_newPayloadV4")
        } else if ecotone {
            ("engine_getPayloadV3", "engine_newPayloadV3")
        } else {
            ("engine_getPayloadV2", "engine_newPayloadV2")
        };
        Self { forkchoice, get, new }
    }
}

impl Remote {
    /// Reaches an execution layer and compares its genesis with the rollup's.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if it cannot be reached, or is of another chain.
    pub fn connect(
        address: &str,
        secret: Secret,
        config: std::sync::Arc<RollupConfig>,
        transport: Transport,
        runtime: Handle,
    ) -> Result<Self, EngineError> {
        let address = Address::parse(address).map_err(Box::new)?;
        let genesis = config.genesis.l2;
        let mut remote = Self {
            config,
            address,
            secret,
            transport,
            runtime,
            head: genesis.hash,
            safe: genesis.hash,
            finalized: genesis.hash,
        };
        if let Some(found) = remote.header(&label(genesis.number))?
            && found.hash != genesis.hash
        {
            let actual = alloy_eips::BlockNumHash { number: genesis.number, hash: found.hash };
            return Err(EngineError::Genesis { expected: genesis, actual });
        }
        if let Some(head) = remote.header("latest")? {
            remote.head = head.hash;
        }
        Ok(remote)
    }

    fn failed(method: &'static str, reason: &dyn std::fmt::Display) -> EngineError {
        EngineError::Failed { reason: format!("{method}: {reason}") }
    }

    /// Calls a method. What the node refuses by code is the inner error.
    #[expect(clippy::needless_pass_by_value, reason = "parameters are made for the call")]
    fn call(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<Result<Value, (i64, String)>, EngineError> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let body = serde_json::to_vec(&body).map_err(|error| Self::failed(method, &error))?;
        let mut attempt = 0;
        let bytes = loop {
            let call = Call {
                address: &self.address,
                method,
                path: "",
                body: Some(body.clone()),
                bearer: Some(self.secret.token(SystemTime::now())),
                limit: TIMEOUT,
            };
            match self.runtime.block_on(self.transport.send(call)) {
                Ok(bytes) => break bytes,
                Err(error @ (L1Error::Unreachable { .. } | L1Error::TimedOut { .. }))
                    if attempt + 1 < ATTEMPTS =>
                {
                    tracing::warn!(%error, "execution layer does not answer");
                    attempt += 1;
                    self.runtime.block_on(tokio::time::sleep(PAUSE));
                }
                Err(error) => return Err(Box::new(error).into()),
            }
        };
        let answer: Answer =
            serde_json::from_slice(&bytes).map_err(|error| Self::failed(method, &error))?;
        Ok(match answer.error {
            Some(error) => Err((error.code, error.message)),
            None => Ok(answer.result),
        })
    }

    fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, EngineError> {
        let result = self
            .call(method, params)?
            .map_err(|(code, message)| Self::failed(method, &format!("error {code}: {message}")))?;
        T::deserialize(result).map_err(|error| Self::failed(method, &error))
    }

    fn header(&self, label: &str) -> Result<Option<HeaderJson>, EngineError> {
        self.ask("eth_getBlockByNumber", json!([label, false]))
    }

    fn transactions(&self, number: u64) -> Result<Option<Vec<Bytes>>, EngineError> {
        let bodies: Vec<Option<Body>> =
            self.ask("engine_getPayloadBodiesByRangeV1", json!([format!("{number:#x}"), "0x1"]))?;
        Ok(bodies.into_iter().next().flatten().map(|body| body.transactions))
    }

    fn state(&self) -> Value {
        json!({
            "headBlockHash": self.head,
            "safeBlockHash": self.safe,
            "finalizedBlockHash": self.finalized,
        })
    }

    /// Tells the node what the head is.
    fn forkchoice(&self, method: &'static str) -> Result<(), EngineError> {
        let updated: Updated = self.ask(method, json!([self.state(), null]))?;
        match updated.payload_status.status.as_str() {
            "VALID" | "SYNCING" => Ok(()),
            other => Err(Self::failed(method, &format!("head {} is {other}", self.head))),
        }
    }

    /// Returns the block of these attributes if the node has it on its chain.
    fn consolidate(&self, derived: &DerivedAttributes) -> Result<Option<B256>, EngineError> {
        let number = derived.parent.number.saturating_add(1);
        let Some(header) = self.header(&label(number))? else { return Ok(None) };
        let attributes = &derived.attributes;
        let same = header.parent_hash == derived.parent.hash
            && header.timestamp.to::<u64>() == attributes.timestamp
            && header.mix_hash == attributes.prev_randao
            && header.miner == attributes.suggested_fee_recipient
            && header.gas_limit.to::<u64>() == attributes.gas_limit
            && header.parent_beacon_block_root == attributes.parent_beacon_block_root
            && super::embedded::parameters_match(&header.extra_data, attributes);
        if !same || self.transactions(number)?.as_ref() != Some(&attributes.transactions) {
            return Ok(None);
        }
        Ok(Some(header.hash))
    }

    fn execute(&mut self, derived: &DerivedAttributes) -> Result<Processed, EngineError> {
        let attributes = &derived.attributes;
        let methods = Methods::at(&self.config, attributes.timestamp);
        self.head = derived.parent.hash;
        let params = json!([self.state(), payload(attributes)]);
        let updated = match self.call(methods.forkchoice, params)? {
            Err((INVALID_ATTRIBUTES, reason)) => return Ok(Processed::Invalid { reason }),
            Err((code, message)) => {
                return Err(Self::failed(methods.forkchoice, &format!("error {code}: {message}")));
            }
            Ok(result) => Updated::deserialize(result)
                .map_err(|error| Self::failed(methods.forkchoice, &error))?,
        };
        let Some(id) = updated.payload_id else {
            let Status { status, validation_error } = updated.payload_status;
            let reason = format!(
                "no payload on {}: {status} {}",
                self.head,
                validation_error.unwrap_or_default()
            );
            return Err(Self::failed(methods.forkchoice, &reason));
        };
        let built: Value = match self.call(methods.get, json!([id]))? {
            Ok(built) => built,
            // What cannot be in the block may be found only when it is built.
            Err((_, reason)) => return Ok(Processed::Invalid { reason }),
        };
        let payload = built.get("executionPayload").cloned().unwrap_or_default();
        let hash = payload.get("blockHash").cloned().unwrap_or_default();
        let hash = B256::deserialize(hash).map_err(|error| Self::failed(methods.get, &error))?;
        let mut params = vec![payload];
        if methods.new != "engine_newPayloadV2" {
            params.extend([json!([]), json!(attributes.parent_beacon_block_root)]);
        }
        if methods.new == "engine_newPayloadV4" {
            params.push(json!([]));
        }
        let status: Status = self.ask(methods.new, Value::Array(params))?;
        match status.status.as_str() {
            "VALID" => {
                self.head = hash;
                self.forkchoice(methods.forkchoice)?;
                Ok(Processed::Valid { hash, is_consolidated: false })
            }
            "INVALID" => {
                Ok(Processed::Invalid { reason: status.validation_error.unwrap_or_default() })
            }
            other => Err(Self::failed(methods.new, &format!("expected VALID, got {other}"))),
        }
    }
}

fn label(number: u64) -> String {
    format!("{number:#x}")
}

/// Writes attributes as the Engine API has them.
fn payload(attributes: &PayloadAttributes) -> Value {
    let mut value = json!({
        "timestamp": format!("{:#x}", attributes.timestamp),
        "prevRandao": attributes.prev_randao,
        "suggestedFeeRecipient": attributes.suggested_fee_recipient,
        "transactions": attributes.transactions,
        "noTxPool": attributes.no_tx_pool,
        "gasLimit": format!("{:#x}", attributes.gas_limit),
    });
    let mut put = |name: &str, field: Value| {
        if let Some(fields) = value.as_object_mut() {
            fields.insert(name.to_owned(), field);
        }
    };
    if attributes.withdrawals {
        put("withdrawals", json!([]));
    }
    if let Some(root) = attributes.parent_beacon_block_root {
        put("parentBeaconBlockRoot", json!(root));
    }
    if let Some(params) = attributes.eip1559_params {
        put("eip1559Params", json!(params));
    }
    if let Some(fee) = attributes.min_base_fee {
        put("minBaseFee", json!(fee));
    }
    value
}

impl Engine for Remote {
    fn process(&mut self, attributes: &DerivedAttributes) -> Result<Processed, EngineError> {
        match self.consolidate(attributes)? {
            Some(hash) => Ok(Processed::Valid { hash, is_consolidated: true }),
            None => self.execute(attributes),
        }
    }

    fn knows(&mut self, block: &L2Ref) -> Result<bool, EngineError> {
        Ok(self.header(&label(block.number))?.is_some_and(|header| header.hash == block.hash))
    }

    fn safe_block(&mut self, number: u64) -> Result<Option<SafeBlock>, EngineError> {
        let Some(header) = self.header(&label(number))? else { return Ok(None) };
        let genesis = &self.config.genesis;
        if number == genesis.l2.number {
            let block = L2Ref {
                number,
                hash: header.hash,
                parent_hash: header.parent_hash,
                timestamp: genesis.l2_time,
                l1_origin: genesis.l1,
                sequence_number: 0,
            };
            return Ok(Some(SafeBlock { block, transactions: Vec::new() }));
        }
        let Some(transactions) = self.transactions(number)? else { return Ok(None) };
        let known = L2Header {
            number: header.number.to(),
            hash: header.hash,
            parent_hash: header.parent_hash,
            timestamp: header.timestamp.to(),
            gas_limit: header.gas_limit.to(),
            extra_data: &header.extra_data,
        };
        let first = transactions.first().cloned().unwrap_or_default();
        let (block, _) =
            read_block(&known, &first).map_err(|error| Self::failed("safe block", &error))?;
        Ok(Some(SafeBlock { block, transactions }))
    }

    fn reset(&mut self, safe: &L2Ref) -> Result<(), EngineError> {
        self.safe = safe.hash;
        Ok(())
    }

    fn safe(&mut self, block: &L2Ref) -> Result<(), EngineError> {
        self.safe = block.hash;
        self.forkchoice(Methods::at(&self.config, block.timestamp).forkchoice)
    }

    fn finalized(&mut self, block: &L2Ref) -> Result<(), EngineError> {
        self.finalized = block.hash;
        self.forkchoice(Methods::at(&self.config, block.timestamp).forkchoice)
    }

    fn flush(&mut self) -> Result<(), EngineError> {
        // What the node has acknowledged is its to keep.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use quintet_rollup_protocol::config::ForkSchedule;

    use super::*;

    #[test]
    fn a_token_is_signed_with_the_secret() {
        let token = Secret::new([0; 32]).token(UNIX_EPOCH + Duration::from_secs(1));
        // As Python's hmac and base64 make it.
        let expected = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjF9.g8-pxhGP26OP5eZxjg2Df3RpXwQvPeHUFabYya28pBk";
        assert_eq!(token, expected);
        assert_eq!(format!("{:?}", Secret::new([7; 32])), "Secret(…)");
    }

    #[test]
    fn methods_follow_the_forks() {
        let mut config = crate::testing::config();
        let at = |config: &RollupConfig, time| {
            let methods = Methods::at(config, time);
            [methods.forkchoice, methods.get, methods.new].map(|name| name.chars().last().unwrap())
        };
        config.forks.set(Fork::Isthmus, Some(200));
        assert_eq!(at(&config, 100), ['3', '3', '3']);
        config.forks.set(Fork::Karst, Some(300));
        assert_eq!(at(&config, 200), ['3', '4', '4']);
        assert_eq!(at(&config, 300), ['3', '5', '4']);
        config.forks = ForkSchedule::active_up_to(Fork::Delta);
        assert_eq!(at(&config, 100), ['2', '2', '2']);
    }
}
