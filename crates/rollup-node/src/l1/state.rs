//! What a contract of L1 keeps in a slot, with the proofs that it does.
//!
//! A node that gives no proofs is believed only where it was said to be trusted.
//!
//! **Spec:** EIP-1186, `eth_getProof`; op-node's `EthClient.ReadStorageAt`.

use alloy_primitives::{Address, B256, Bytes, U256};
use quintet_rollup_protocol::verify;
use serde::Deserialize;
use serde_json::json;

use super::{
    L1Error, L1Label,
    blocks::{BLOCK_BY_NUMBER, checked_header, read_block},
    endpoint::Endpoint,
};

const PROOF: &str = "eth_getProof";
const STORAGE: &str = "eth_getStorageAt";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProofJson {
    account_proof: Vec<Bytes>,
    storage_proof: Vec<SlotJson>,
}

#[derive(Deserialize)]
struct SlotJson {
    proof: Vec<Bytes>,
}

/// Asks a node for a slot as of its newest block. Nothing is said of a node that has no such block.
pub(super) async fn storage_of(
    node: &Endpoint,
    contract: Address,
    slot: B256,
    trust: bool,
) -> Result<Option<B256>, L1Error> {
    if trust {
        let params = json!([contract, slot, L1Label::Latest.name()]);
        let reply = node.call(STORAGE, params).await?;
        let value: U256 = serde_json::from_str(reply.result())
            .map_err(|error| node.malformed(STORAGE, &error))?;
        return Ok(Some(value.into()));
    }
    let reply = node.call(BLOCK_BY_NUMBER, (L1Label::Latest.name(), false)).await?;
    let Some(block) = read_block(node.name(), BLOCK_BY_NUMBER, reply.result())? else {
        return Ok(None);
    };
    let (_, header) = checked_header(node.name(), BLOCK_BY_NUMBER, &block)?;
    let at = format!("{:#x}", header.number);
    let reply = node.call(PROOF, json!([contract, [slot], at])).await?;
    let proof: ProofJson =
        serde_json::from_str(reply.result()).map_err(|error| node.malformed(PROOF, &error))?;
    let [of_slot] = proof.storage_proof.as_slice() else {
        let actual = proof.storage_proof.len().to_string();
        return Err(node.not_of_form(PROOF, "a proof of one slot", actual));
    };
    verify::storage(header.state_root, (contract, slot), &proof.account_proof, &of_slot.proof)
        .map(Some)
        .map_err(|source| L1Error::Lie { endpoint: node.name().to_owned(), source })
}
