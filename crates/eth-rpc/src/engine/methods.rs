//! The methods.

use std::sync::Arc;

use alloy_consensus::Transaction as _;
use alloy_primitives::{B64, B256, Bytes};
use quintet_eth::{block::EthBlock, tx::EthTransaction};
use quintet_eth_chain::{
    Attributes, BlockRef, BlockTag, Built, ForkchoiceError, ImportError, Inserted, OpAttributes,
};
use quintet_eth_pool::Sidecar;
use quintet_evm::schedule::Fork;
use serde_json::{Value, json};

use super::{
    InTheMaking, envelope, id_of,
    payload::{Payload, payload_of},
};
use crate::{
    answer::Answer,
    args::{Args, FromArg, Quantity, field, needed, object},
    error::{EthError, EthResult, codes},
    json::{data, withdrawal},
    methods::{CANDIDATES_MAX, Entry, PayloadAttributes},
    node::{EthNode, Named as _},
    pool::next_block,
    schema::{Data, Hash, List, Object, Uint},
};

/// Most bodies of one answer. **Spec:** `shanghai.md`, at least 32.
const BODIES_MAX: u64 = 128;
/// Most blobs asked for at once. **Spec:** `cancun.md`.
const BLOBS_MAX: usize = 128;

#[expect(clippy::too_many_lines, reason = "a table, and nothing in it but its rows")]
pub(super) fn entries() -> Vec<Entry> {
    let new = |entry: Entry| {
        entry
            .param::<Object>("payload", "The block.")
            .fails(codes::UNSUPPORTED_FORK, "the block is of another fork than this method's")
            .gives::<Object>("status", "status, latestValidHash, validationError.")
    };
    let hashes = |entry: Entry| {
        entry
            .param::<Object>("payload", "The block.")
            .param::<List>("blobs", "Hashes of all blobs, in order.")
            .param::<Hash>("beaconRoot", "Root of the parent beacon block.")
            .fails(codes::UNSUPPORTED_FORK, "the block is of another fork than this method's")
    };
    let update = |entry: Entry| {
        entry
            .param::<Object>("state", "headBlockHash, safeBlockHash, finalizedBlockHash.")
            .optional::<Object>("attributes", "What the next block is to be made of.")
            .fails(codes::INVALID_FORKCHOICE, "safe and finalized are not ancestors of the head")
            .fails(codes::INVALID_ATTRIBUTES, "the attributes make no block")
            .fails(codes::UNSUPPORTED_FORK, "the attributes are of another fork than this method's")
            .gives::<Object>("answer", "payloadStatus, payloadId.")
    };
    let get = |entry: Entry| {
        entry
            .param::<Data>("id", "The payload's id.")
            .fails(codes::UNKNOWN_PAYLOAD, "no such payload is in the making")
            .fails(codes::UNSUPPORTED_FORK, "the block is of another fork than this method's")
            .gives::<Object>("payload", "The block, and what is beside it.")
    };
    let bodies = |entry: Entry| {
        entry
            .fails(codes::TOO_LARGE, "too many are asked for")
            .gives::<List>("bodies", "Bodies; null where there is none.")
    };
    vec![
        Entry::light("engine_exchangeCapabilities", "Tells which methods there are.", capabilities)
            .param::<List>("methods", "Those the consensus client has.")
            .gives::<List>("methods", "Those there are here."),
        Entry::light("engine_getClientVersionV1", "Tells who this is.", client_version)
            .param::<Object>("client", "Who asks.")
            .gives::<List>("clients", "Who answers."),
        new(Entry::heavy("engine_newPayloadV1", "Takes a block of Paris.", |node, args| {
            new_payload(node, args, 1)
        })),
        new(Entry::heavy(
            "engine_newPayloadV2",
            "Takes a block of Paris or Shanghai.",
            |node, args| new_payload(node, args, 2),
        )),
        hashes(Entry::heavy("engine_newPayloadV3", "Takes a block of Cancun.", |node, args| {
            new_payload(node, args, 3)
        }))
        .gives::<Object>("status", "status, latestValidHash, validationError."),
        hashes(Entry::heavy(
            "engine_newPayloadV4",
            "Takes a block of Prague or later.",
            |node, args| new_payload(node, args, 4),
        ))
        .param::<List>("requests", "Requests to the consensus layer.")
        .gives::<Object>("status", "status, latestValidHash, validationError."),
        update(Entry::heavy("engine_forkchoiceUpdatedV1", "Makes a block head.", |node, args| {
            forkchoice(node, args, 1)
        })),
        update(Entry::heavy("engine_forkchoiceUpdatedV2", "Makes a block head.", |node, args| {
            forkchoice(node, args, 2)
        })),
        update(Entry::heavy("engine_forkchoiceUpdatedV3", "Makes a block head.", |node, args| {
            forkchoice(node, args, 3)
        })),
        get(Entry::heavy(
            "engine_getPayloadV1",
            "Returns a built block of Paris.",
            |node, args| get_payload(node, args, 1),
        )),
        get(Entry::heavy(
            "engine_getPayloadV2",
            "Returns a built block of Paris or Shanghai.",
            |node, args| get_payload(node, args, 2),
        )),
        get(Entry::heavy(
            "engine_getPayloadV3",
            "Returns a built block of Cancun.",
            |node, args| get_payload(node, args, 3),
        )),
        get(Entry::heavy(
            "engine_getPayloadV4",
            "Returns a built block of Prague.",
            |node, args| get_payload(node, args, 4),
        )),
        get(Entry::heavy(
            "engine_getPayloadV5",
            "Returns a built block of Osaka.",
            |node, args| get_payload(node, args, 5),
        )),
        bodies(
            Entry::heavy(
                "engine_getPayloadBodiesByHashV1",
                "Returns bodies of blocks.",
                bodies_by_hash,
            )
            .param::<List>("hashes", "The blocks."),
        ),
        bodies(
            Entry::heavy(
                "engine_getPayloadBodiesByRangeV1",
                "Returns bodies of blocks.",
                bodies_by_range,
            )
            .param::<Uint>("start", "The first block.")
            .param::<Uint>("count", "How many."),
        ),
        Entry::heavy(
            "engine_getBlobsV1",
            "Returns blobs that the pool has, with their proofs.",
            blobs_v1,
        )
        .param::<List>("hashes", "Their hashes.")
        .gives::<List>("blobs", "Blobs with proofs; null where there is none."),
        Entry::heavy(
            "engine_getBlobsV2",
            "Returns blobs that the pool has, with proofs of their cells.",
            blobs_v2,
        )
        .param::<List>("hashes", "Their hashes.")
        .gives::<List>("blobs", "Blobs with proofs; null if one is missing."),
    ]
}

fn capabilities(_: &EthNode, args: &Args) -> EthResult<Answer> {
    let _: Vec<String> = args.required(0)?;
    let names: Vec<_> = entries()
        .iter()
        .map(Entry::name)
        .filter(|name| *name != "engine_exchangeCapabilities")
        .collect();
    Ok(json!(names).into())
}

fn client_version(node: &EthNode, _: &Args) -> EthResult<Answer> {
    let version = env!("CARGO_PKG_VERSION");
    Ok(json!([{ "code": "QT", "name": node.client_version, "version": version, "commit": "0x00000000" }])
        .into())
}

fn unsupported() -> EthError {
    EthError::new(codes::UNSUPPORTED_FORK, "Unsupported fork")
}

/// Returns the fork of a timestamp, Paris or later.
fn fork_at(node: &EthNode, timestamp: u64) -> Fork {
    node.chain.spec().schedule.rules(u64::MAX, timestamp, true).fork
}

#[expect(clippy::needless_pass_by_value, reason = "the words are made for this call")]
fn status(status: &str, valid: Option<B256>, error: Option<String>) -> Value {
    json!({ "status": status, "latestValidHash": valid, "validationError": error })
}

/// **Spec:** "engine_newPayloadV1" to "V4".
fn new_payload(node: &EthNode, args: &Args, version: u8) -> EthResult<Answer> {
    let payload: Payload = args.required(0)?;
    let fork = fork_at(node, payload.timestamp);
    let fits = match version {
        1 => fork < Fork::Shanghai,
        2 => fork < Fork::Cancun,
        3 => fork == Fork::Cancun,
        _ => fork >= Fork::Prague,
    };
    if !fits {
        if version <= 2 {
            return Err(EthError::params("payload of a later fork: use a later version"));
        }
        return Err(unsupported());
    }
    if (fork >= Fork::Shanghai) != payload.withdrawals.is_some() {
        return Err(EthError::params(
            "withdrawals are in payloads from Shanghai on, and only there",
        ));
    }
    let has_blobs = payload.blob_gas_used.is_some() && payload.excess_blob_gas.is_some();
    if (fork >= Fork::Cancun) != has_blobs {
        return Err(EthError::params(
            "blobGasUsed and excessBlobGas are in payloads from Cancun on, and only there",
        ));
    }
    let beacon_root = (version >= 3).then(|| args.required::<B256>(2)).transpose()?;
    let expected = (version >= 3).then(|| args.required::<Vec<B256>>(1)).transpose()?;
    let requests = (version >= 4).then(|| args.required::<Vec<Bytes>>(3)).transpose()?;
    if let Some(requests) = &requests {
        check_requests(requests)?;
    }
    let invalid = |error: String| Ok(status("INVALID", None, Some(error)).into());
    let block = match payload.block(beacon_root, requests.as_deref()) {
        Ok(block) => block,
        Err(error) => return invalid(error),
    };
    if let Some(expected) = expected
        && expected != blob_hashes(&block)
    {
        return invalid("invalid blob versioned hashes".to_owned());
    }
    Ok(insert(node, block)?.into())
}

/// **Spec:** EIP-7685: each with data behind its type, types growing.
fn check_requests(requests: &[Bytes]) -> EthResult<()> {
    let short = requests.iter().any(|request| request.len() < 2);
    let unordered = requests.windows(2).any(|pair| match pair {
        [one, other] => one.first() >= other.first(),
        _ => false,
    });
    if short || unordered {
        return Err(EthError::params(
            "executionRequests: expected types that grow, each with data behind it",
        ));
    }
    Ok(())
}

fn blob_hashes(block: &EthBlock) -> Vec<B256> {
    let of = |one: &EthTransaction| -> Vec<B256> {
        one.as_signed()
            .and_then(|one| one.blob_versioned_hashes().map(<[_]>::to_vec))
            .unwrap_or_default()
    };
    block.body.transactions.iter().flat_map(of).collect()
}

fn insert(node: &EthNode, block: EthBlock) -> EthResult<Value> {
    let hash = block.header.hash_slow();
    let parent = block.header.parent_hash;
    Ok(match node.chain.insert(block) {
        Ok(Inserted::Known | Inserted::Executed) => status("VALID", Some(hash), None),
        Ok(Inserted::Kept) => status("ACCEPTED", None, None),
        Err(ImportError::UnknownParent { .. }) => status("SYNCING", None, None),
        Err(error @ ImportError::Invalid { .. }) => {
            status("INVALID", Some(parent), Some(error.to_string()))
        }
        Err(ImportError::Chain(error)) => return Err(error.into()),
        Err(error) => status("INVALID", None, Some(error.to_string())),
    })
}

/// What is head, safe and final.
struct State {
    head: B256,
    safe: B256,
    finalized: B256,
}

impl FromArg for State {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let fields = object(value, "engine.ForkchoiceStateV1")?;
        Ok(Self {
            head: needed(fields, "headBlockHash")?,
            safe: needed(fields, "safeBlockHash")?,
            finalized: needed(fields, "finalizedBlockHash")?,
        })
    }
}

/// Attributes with what OP chains add.
struct Wanted {
    common: PayloadAttributes,
    forced: Option<Vec<Bytes>>,
    without_pool: bool,
    gas_limit: Option<u64>,
    eip1559: Option<Bytes>,
    min_base_fee: Option<u64>,
}

impl FromArg for Wanted {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let fields = object(value, "engine.PayloadAttributes")?;
        let number = |name| Ok::<_, String>(field::<Quantity>(fields, name)?.map(|one| one.0));
        Ok(Self {
            common: PayloadAttributes::from_arg(value)?,
            forced: field(fields, "transactions")?,
            without_pool: field(fields, "noTxPool")?.unwrap_or_default(),
            gas_limit: number("gasLimit")?,
            eip1559: field(fields, "eip1559Params")?,
            min_base_fee: number("minBaseFee")?,
        })
    }
}

fn bad_attributes(reason: impl std::fmt::Display) -> EthError {
    EthError::new(codes::INVALID_ATTRIBUTES, format!("Invalid payload attributes: {reason}"))
}

impl Wanted {
    fn attributes(&self) -> EthResult<Attributes> {
        let decode = |bytes: &Bytes| EthTransaction::decode(bytes).map_err(bad_attributes);
        let forced = self.forced.iter().flatten().map(decode).collect::<EthResult<_>>()?;
        let op = match &self.eip1559 {
            None => None,
            Some(bytes) => {
                let half = |at: usize| -> Option<u32> {
                    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
                };
                let (Some(denominator), Some(elasticity), 8) = (half(0), half(4), bytes.len())
                else {
                    let length = bytes.len();
                    return Err(bad_attributes(format!(
                        "eip1559Params has {length} bytes, expected 8"
                    )));
                };
                Some(OpAttributes { denominator, elasticity, min_base_fee: self.min_base_fee })
            }
        };
        Ok(Attributes { forced, op, gas_limit: self.gas_limit, ..self.common.attributes() })
    }
}

/// **Spec:** "engine_forkchoiceUpdatedV1" to "V3".
fn forkchoice(node: &EthNode, args: &Args, version: u8) -> EthResult<Answer> {
    let state: State = args.required(0)?;
    let wanted: Option<Wanted> = args.optional(1)?;
    if state.head.is_zero() {
        return Err(EthError::new(codes::INVALID_FORKCHOICE, "Invalid forkchoice state"));
    }
    let answer = |status: Value, id: Option<B64>| {
        Ok(json!({ "payloadStatus": status, "payloadId": id }).into())
    };
    let reader = node.reader()?;
    let ancestor = match reader.number_of(state.head)? {
        // A payload that was executed is not on disk before it is head.
        None => false,
        Some(number) => {
            let at = BlockRef { number, hash: state.head };
            at != reader.head() && reader.is_canonical(at)?
        }
    };
    drop(reader);
    // An ancestor of the head is left where it is, but by a rollup, which goes back to it.
    if ancestor && node.chain.spec().schedule.op.is_none() {
        return answer(status("VALID", Some(state.head), None), None);
    }
    match node.chain.set_forkchoice(state.head, state.safe, state.finalized) {
        Ok(_) => {}
        Err(ForkchoiceError::UnknownHead { .. }) => {
            return answer(status("SYNCING", None, None), None);
        }
        Err(ForkchoiceError::Invalid { latest_valid, source, .. }) => {
            return answer(status("INVALID", Some(latest_valid), Some(source.to_string())), None);
        }
        Err(error) => return Err(error.into()),
    }
    let valid = status("VALID", Some(state.head), None);
    match wanted {
        None => answer(valid, None),
        Some(wanted) => answer(valid, Some(begin(node, state.head, &wanted, version)?)),
    }
}

/// Begins to build a payload on the head.
fn begin(node: &EthNode, head: B256, wanted: &Wanted, version: u8) -> EthResult<B64> {
    let fork = fork_at(node, wanted.common.timestamp);
    let fits = match version {
        1 => fork < Fork::Shanghai,
        2 => fork < Fork::Cancun,
        _ => fork >= Fork::Cancun,
    };
    if !fits {
        return Err(if version <= 1 {
            bad_attributes("they are of a later fork")
        } else {
            unsupported()
        });
    }
    let attributes = wanted.attributes()?;
    let first = build(node, head, &attributes, wanted.without_pool)?;
    let id = id_of(head, &attributes, wanted.without_pool, version);
    let (parent, without_pool) = (head, wanted.without_pool);
    node.payloads.insert(InTheMaking {
        id,
        parent,
        attributes,
        without_pool,
        first: Arc::new(first),
    });
    Ok(id)
}

fn build(
    node: &EthNode,
    parent: B256,
    attributes: &Attributes,
    without_pool: bool,
) -> EthResult<Built> {
    let candidates = if without_pool {
        Vec::new()
    } else {
        let reader = node.reader()?;
        let next = next_block(&reader, &reader.head_header()?)?;
        node.pool.candidates(next.base_fee.unwrap_or_default(), next.blob_fee, CANDIDATES_MAX)
    };
    node.chain.build(Some(parent), attributes, &candidates).map_err(|error| match error {
        quintet_eth_chain::BuildError::Chain(error) => error.into(),
        other => bad_attributes(other),
    })
}

/// **Spec:** "engine_getPayloadV1" to "V5".
fn get_payload(node: &EthNode, args: &Args, version: u8) -> EthResult<Answer> {
    let id: Bytes = args.required(0)?;
    let known = B64::try_from(id.as_ref()).ok().and_then(|id| node.payloads.get(id));
    let Some(making) = known else {
        return Err(EthError::new(codes::UNKNOWN_PAYLOAD, "Unknown payload"));
    };
    let fork = fork_at(node, making.attributes.timestamp);
    let fits = match version {
        1 => fork < Fork::Shanghai,
        2 => fork < Fork::Cancun,
        3 => fork == Fork::Cancun,
        4 => fork == Fork::Prague,
        _ => fork >= Fork::Osaka,
    };
    if !fits {
        return Err(unsupported());
    }
    // More may wait by now than when it was begun; once the head has moved the first one stands.
    let later = build(node, making.parent, &making.attributes, making.without_pool);
    let built = later.map_or(making.first, Arc::new);
    let mut out = match version {
        1 => return Ok(Value::Object(payload_of(built.block())).into()),
        _ => crate::json::fields(envelope(node, &built)),
    };
    if version == 2 {
        out.remove("blobsBundle");
        out.remove("shouldOverrideBuilder");
    }
    if version < 4 {
        out.remove("executionRequests");
    }
    if let Some(root) = built.block().header().parent_beacon_block_root
        && node.chain.spec().schedule.op.is_some()
    {
        // A rollup's node reads it here. **Spec:** OP Stack, `engine_getPayloadV3`.
        out.insert("parentBeaconBlockRoot".to_owned(), json!(root));
    }
    Ok(Value::Object(out).into())
}

fn body(node: &EthNode, tag: BlockTag) -> EthResult<Value> {
    let reader = node.reader()?;
    let Some(at) = reader.find(tag)? else { return Ok(Value::Null) };
    // A body that was pruned is as good as none.
    let Ok(Some(block)) = reader.block(at.hash) else { return Ok(Value::Null) };
    let transactions: Vec<_> =
        block.transactions().iter().map(|one| data(&one.encoded())).collect();
    let withdrawals = block.withdrawals().map(|all| all.iter().map(withdrawal).collect::<Vec<_>>());
    Ok(json!({ "transactions": transactions, "withdrawals": withdrawals }))
}

fn too_many(asked: u64) -> EthError {
    EthError::new(codes::TOO_LARGE, format!("{asked} asked for, expected at most {BODIES_MAX}"))
}

fn bodies_by_hash(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let hashes: Vec<B256> = args.required(0)?;
    if hashes.len() as u64 > BODIES_MAX {
        return Err(too_many(hashes.len() as u64));
    }
    let bodies = hashes.into_iter().map(|hash| body(node, BlockTag::Hash(hash)));
    Ok(Value::Array(bodies.collect::<EthResult<_>>()?).into())
}

fn bodies_by_range(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let (Quantity(start), Quantity(count)) = (args.required(0)?, args.required(1)?);
    if start == 0 || count == 0 {
        return Err(EthError::params("start and count are 1 at least"));
    }
    if count > BODIES_MAX {
        return Err(too_many(count));
    }
    let last = start.saturating_add(count - 1).min(node.chain.head().number);
    let bodies = (start..=last).map(|number| body(node, BlockTag::Number(number)));
    Ok(Value::Array(bodies.collect::<EthResult<_>>()?).into())
}

/// A blob, its proofs, and whether those are of its cells.
type Found = (Bytes, Vec<Value>, bool);

/// Finds blobs in the pool, each with its proofs.
fn find_blobs(node: &EthNode, args: &Args) -> EthResult<Vec<Option<Found>>> {
    let hashes: Vec<B256> = args.required(0)?;
    if hashes.len() > BLOBS_MAX {
        let asked = hashes.len();
        return Err(EthError::new(
            codes::TOO_LARGE,
            format!("{asked} asked for, expected at most {BLOBS_MAX}"),
        ));
    }
    let pool = node.pool.pool();
    Ok(hashes
        .iter()
        .map(|hash| {
            let sidecars = pool.sidecars();
            let (sidecar, index) = sidecars
                .filter_map(|sidecar| Some((sidecar, sidecar.versioned_hash_index(hash)?)))
                .next()?;
            let blob = Bytes::copy_from_slice(sidecar.blobs().get(index)?.as_slice());
            Some(match sidecar {
                Sidecar::Eip4844(old) => (blob, vec![json!(old.proofs.get(index)?)], false),
                Sidecar::Eip7594(new) => {
                    let cells = new.cell_proofs.len() / new.blobs.len().max(1);
                    let proofs = new.cell_proofs.iter().skip(index * cells).take(cells);
                    (blob, proofs.map(|one| json!(one)).collect(), true)
                }
            })
        })
        .collect())
}

fn blobs_v1(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let found = find_blobs(node, args)?.into_iter().map(|found| match found {
        Some((blob, mut proofs, false)) => json!({ "blob": blob, "proof": proofs.pop() }),
        _ => Value::Null,
    });
    Ok(Value::Array(found.collect()).into())
}

fn blobs_v2(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let all: Option<Vec<Value>> = find_blobs(node, args)?
        .into_iter()
        .map(|found| match found {
            Some((blob, proofs, true)) => Some(json!({ "blob": blob, "proofs": proofs })),
            _ => None,
        })
        .collect();
    Ok(json!(all).into())
}
