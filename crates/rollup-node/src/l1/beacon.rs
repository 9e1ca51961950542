//! Blobs, from beacon nodes: by the slot of the L1 block, each checked against its versioned hash.
//!
//! Newer nodes answer `/eth/v1/beacon/blobs/{slot}` with the blobs alone, older ones `/eth/v1/beacon/blob_sidecars/{slot}` with commitments and
//! proofs; both are understood, and which one a node offers is remembered. A blob with a proof is checked in a millisecond, one alone in ten, on
//! all cores.
//!
//! **Spec:** Beacon API, `getBlobs` and `getBlobSidecars`; EIP-4844; op-node's `L1BeaconClient`.

use std::{collections::BTreeMap, time::Duration};

use alloy_primitives::{B256, Bytes, hex};
use quintet_rollup_protocol::{
    inbox::{
        blob::BLOB_LEN,
        kzg::{self, KzgError},
    },
    refs::L1Ref,
};
use rayon::prelude::*;
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::{
    L1Error,
    endpoint::{Endpoint, Limits},
    rpc::{ask, work},
    transport::Transport,
};

/// Seconds a slot has where a node does not say: Ethereum's.
pub const SLOT_SECONDS_DEFAULT: u64 = 12;

/// Most blobs of one block that are looked at.
const BLOBS_MAX: usize = 256;

/// How beacon nodes are asked.
#[derive(Debug, Clone)]
pub struct BeaconOptions {
    /// Seconds a slot has, where that is not to be asked for.
    pub slot_seconds: Option<u64>,
    /// Time of the first slot, where that is not to be asked for.
    pub genesis_time: Option<u64>,
    /// Rounds over all nodes before a question is given up.
    pub rounds: u32,
    /// Pause after the first round that failed.
    pub pause: Duration,
    /// How each node may be asked.
    pub limits: Limits,
}

impl Default for BeaconOptions {
    fn default() -> Self {
        Self {
            slot_seconds: None,
            genesis_time: None,
            rounds: 5,
            pause: Duration::from_millis(200),
            limits: Limits::default(),
        }
    }
}

/// Beacon nodes: the first, and others to fall back to.
#[derive(Debug)]
pub struct Beacon {
    nodes: Vec<Endpoint>,
    options: BeaconOptions,
    clock: OnceCell<Clock>,
}

/// When slots are.
#[derive(Debug, Clone, Copy)]
struct Clock {
    genesis_time: u64,
    slot_seconds: u64,
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Deserialize)]
struct GenesisJson<'a> {
    genesis_time: &'a str,
}

#[derive(Deserialize)]
struct SpecJson<'a> {
    #[serde(rename = "SECONDS_PER_SLOT")]
    seconds_per_slot: Option<&'a str>,
    #[serde(rename = "SLOT_DURATION_MS")]
    slot_duration_ms: Option<&'a str>,
}

#[derive(Deserialize)]
struct SidecarJson<'a> {
    blob: &'a str,
    kzg_commitment: &'a str,
    kzg_proof: &'a str,
}

/// What came for a blob, before it is checked.
struct Candidate {
    blob: Bytes,
    /// Commitment and proof, if the node gives them.
    proof: Option<([u8; 48], [u8; 48])>,
}

impl Beacon {
    /// Makes a source of blobs of nodes' addresses.
    ///
    /// # Errors
    ///
    /// [`L1Error::Address`] if an address is none.
    pub fn new(
        addresses: &[String],
        options: BeaconOptions,
        transport: &Transport,
    ) -> Result<Self, L1Error> {
        let node = |address: &String| Endpoint::new(address, options.limits, transport.clone());
        let nodes = addresses.iter().map(node).collect::<Result<_, _>>()?;
        Ok(Self { nodes, options, clock: OnceCell::new() })
    }

    /// Returns the nodes, for figures.
    #[must_use]
    pub fn nodes(&self) -> &[Endpoint] {
        &self.nodes
    }

    /// Returns blobs of a block in the order of their hashes.
    ///
    /// # Errors
    ///
    /// [`L1Error`] if no node gives all of them as they are.
    pub async fn blobs(&self, block: &L1Ref, hashes: &[B256]) -> Result<Vec<Bytes>, L1Error> {
        let clock = self.clock.get_or_try_init(|| self.ask_clock()).await?;
        let since = block.timestamp.saturating_sub(clock.genesis_time);
        let slot = since.checked_div(clock.slot_seconds).unwrap_or_default();
        let what = || {
            let first = hashes.first().copied().unwrap_or_default();
            format!(
                "{} blobs of L1 block {} (slot {slot}, the first {first})",
                hashes.len(),
                block.number
            )
        };
        let question = |node| async move { self.blobs_of(node, slot, hashes).await.map(Some) };
        let patience = (self.options.rounds, self.options.pause);
        let found = ask(&self.nodes, patience, what, question).await?;
        found.ok_or_else(|| missing("the beacon nodes", what()))
    }

    async fn ask_clock(&self) -> Result<Clock, L1Error> {
        let patience = (self.options.rounds, self.options.pause);
        let genesis_time = match self.options.genesis_time {
            Some(time) => time,
            None => {
                let what = || "the time of the first slot".to_owned();
                let found = ask(&self.nodes, patience, what, genesis_of).await?;
                found.ok_or_else(|| missing("the beacon nodes", what()))?
            }
        };
        let slot_seconds = match self.options.slot_seconds {
            Some(seconds) => seconds,
            None => {
                let what = || "the length of a slot".to_owned();
                let found = ask(&self.nodes, patience, what, slot_of).await?;
                found.unwrap_or(SLOT_SECONDS_DEFAULT)
            }
        };
        Ok(Clock { genesis_time, slot_seconds: slot_seconds.max(1) })
    }

    async fn blobs_of(
        &self,
        node: &Endpoint,
        slot: u64,
        hashes: &[B256],
    ) -> Result<Vec<Bytes>, L1Error> {
        let candidates = if node.blobs.is_open() {
            match alone(node, slot, hashes).await {
                Err(error) if error.is_unsupported() => {
                    // 404 also says that the slot is empty or pruned: only a node that has the other one lacks this one.
                    let found = sidecars(node, slot).await?;
                    node.blobs.close();
                    found
                }
                other => other?,
            }
        } else {
            sidecars(node, slot).await?
        };
        let (wanted, name) = (hashes.to_vec(), node.name().to_owned());
        work(move || check(&name, candidates, &wanted)).await
    }
}

fn missing(endpoint: &str, what: String) -> L1Error {
    L1Error::Missing {
        endpoint: endpoint.to_owned(),
        what,
        advice: "beacon nodes keep blobs for about 18 days: name an archive of blobs with a second --beacon",
    }
}

async fn genesis_of(node: &Endpoint) -> Result<Option<u64>, L1Error> {
    const METHOD: &str = "beacon/genesis";
    let body = node.send(METHOD, "/eth/v1/beacon/genesis", None).await?;
    let read: Envelope<GenesisJson<'_>> =
        serde_json::from_slice(&body).map_err(|error| node.malformed(METHOD, &error))?;
    let time = read.data.genesis_time;
    time.parse().map(Some).map_err(|_| node.not_of_form(METHOD, "a time in seconds", "other text"))
}

async fn slot_of(node: &Endpoint) -> Result<Option<u64>, L1Error> {
    const METHOD: &str = "config/spec";
    let body = match node.send(METHOD, "/eth/v1/config/spec", None).await {
        Ok(body) => body,
        // A development node has no such thing.
        Err(error) if error.is_unsupported() => return Ok(None),
        Err(error) => return Err(error),
    };
    let read: Envelope<SpecJson<'_>> =
        serde_json::from_slice(&body).map_err(|error| node.malformed(METHOD, &error))?;
    let seconds = read.data.seconds_per_slot.and_then(|text| text.parse::<u64>().ok());
    let from_ms = read.data.slot_duration_ms.and_then(|text| text.parse::<u64>().ok());
    Ok(seconds.or(from_ms.map(|ms| ms / 1_000)))
}

/// Asks for blobs alone.
async fn alone(node: &Endpoint, slot: u64, hashes: &[B256]) -> Result<Vec<Candidate>, L1Error> {
    const METHOD: &str = "beacon/blobs";
    let names: Vec<_> = hashes.iter().map(B256::to_string).collect();
    let path = format!("/eth/v1/beacon/blobs/{slot}?versioned_hashes={}", names.join(","));
    let body = node.send(METHOD, &path, None).await?;
    let read: Envelope<Vec<&str>> =
        serde_json::from_slice(&body).map_err(|error| node.malformed(METHOD, &error))?;
    read.data
        .into_iter()
        .take(BLOBS_MAX)
        .map(|text| Ok(Candidate { blob: blob(node, METHOD, text)?, proof: None }))
        .collect()
}

/// Asks for blobs with their commitments and proofs.
async fn sidecars(node: &Endpoint, slot: u64) -> Result<Vec<Candidate>, L1Error> {
    const METHOD: &str = "beacon/blob_sidecars";
    let body = node.send(METHOD, &format!("/eth/v1/beacon/blob_sidecars/{slot}"), None).await?;
    let read: Envelope<Vec<SidecarJson<'_>>> =
        serde_json::from_slice(&body).map_err(|error| node.malformed(METHOD, &error))?;
    let point = |text: &str| {
        let mut bytes = [0; 48];
        hex::decode_to_slice(text, &mut bytes)
            .map(|()| bytes)
            .map_err(|error| node.not_of_form(METHOD, "48 bytes", error.to_string()))
    };
    read.data
        .into_iter()
        .take(BLOBS_MAX)
        .map(|sidecar| {
            let proof = Some((point(sidecar.kzg_commitment)?, point(sidecar.kzg_proof)?));
            Ok(Candidate { blob: blob(node, METHOD, sidecar.blob)?, proof })
        })
        .collect()
}

fn blob(node: &Endpoint, method: &'static str, text: &str) -> Result<Bytes, L1Error> {
    let mut bytes = vec![0; BLOB_LEN];
    hex::decode_to_slice(text, &mut bytes)
        .map_err(|error| node.not_of_form(method, "a blob of 131,072 bytes", error.to_string()))?;
    Ok(bytes.into())
}

/// Finds the blob of each hash among what came; everything that is returned has been checked.
fn check(
    endpoint: &str,
    candidates: Vec<Candidate>,
    hashes: &[B256],
) -> Result<Vec<Bytes>, L1Error> {
    let named: Vec<(Option<B256>, Candidate)> = candidates
        .into_par_iter()
        .map(|candidate| (name_of(&candidate, hashes), candidate))
        .collect();
    let mut found: BTreeMap<B256, Bytes> = BTreeMap::new();
    for (hash, candidate) in named {
        if let Some(hash) = hash {
            found.insert(hash, candidate.blob);
        }
    }
    hashes
        .iter()
        .map(|hash| {
            found.get(hash).cloned().ok_or_else(|| missing(endpoint, format!("blob {hash}")))
        })
        .collect()
}

/// Returns the hash asked for that names this blob, if one does.
fn name_of(candidate: &Candidate, hashes: &[B256]) -> Option<B256> {
    match &candidate.proof {
        Some((commitment, proof)) => hashes
            .iter()
            .find(|hash| kzg::verify(&candidate.blob, commitment, proof, **hash).is_ok())
            .copied(),
        // One commitment is computed, and says what it is.
        None => match kzg::verify_alone(&candidate.blob, B256::ZERO) {
            Err(KzgError::Hash { actual, .. }) => hashes.contains(&actual).then_some(actual),
            Ok(()) | Err(_) => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use quintet_rollup_protocol::inbox::blob;

    use super::*;

    #[test]
    fn blobs_are_found_by_what_they_are_whatever_their_order() {
        let made: Vec<_> = [b"one", b"two"]
            .into_iter()
            .map(|data| {
                let blob = blob::encode(data).unwrap();
                let (commitment, proof, hash) = kzg::commit(&blob).unwrap();
                (Bytes::from(blob), (commitment.0, proof.0), hash)
            })
            .collect();
        let hashes = [made[0].2, made[1].2];
        for with_proof in [false, true] {
            let candidate = |index: usize| Candidate {
                blob: made[index].0.clone(),
                proof: with_proof.then_some(made[index].1),
            };
            let found = check("node", vec![candidate(1), candidate(0)], &hashes).unwrap();
            assert_eq!(found, [made[0].0.clone(), made[1].0.clone()]);
            let mut spoilt = candidate(1);
            let mut bytes = spoilt.blob.to_vec();
            bytes[40] ^= 1;
            spoilt.blob = bytes.into();
            let error = check("node", vec![candidate(0), spoilt], &hashes).unwrap_err();
            assert!(matches!(error, L1Error::Missing { .. }), "{error}");
        }
    }
}
