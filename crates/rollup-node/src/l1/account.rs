//! Writing to L1: what an account needs to know to send transactions, and what became of them.
//!
//! **Spec:** Ethereum's execution API, `eth_sendRawTransaction` and what goes with it.

use alloy_primitives::{Address, B256, Bytes, U64, U128, U256};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    L1Error,
    endpoint::{Endpoint, Limits},
    transport::Transport,
};

/// What a transaction costs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct L1Fees {
    /// Base fee of the newest block, wei.
    pub base_fee: u128,
    /// Tip that is usual, wei.
    pub tip: u128,
    /// Base fee of a unit of blob gas, wei; zero where there are no blobs.
    pub blob_base_fee: u128,
}

/// A transaction that is in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct L1Receipt {
    /// The block's number.
    pub block_number: U64,
    /// The block's hash.
    pub block_hash: B256,
    /// One if it did what it should.
    #[serde(default)]
    pub status: U64,
    /// The contract it made.
    #[serde(default)]
    pub contract_address: Option<Address>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeaderJson {
    #[serde(default)]
    base_fee_per_gas: U128,
}

/// An L1 node that transactions are sent to.
#[derive(Debug)]
pub struct L1Writer {
    node: Endpoint,
}

impl L1Writer {
    /// Takes a node.
    ///
    /// # Errors
    ///
    /// [`L1Error::Address`] if the address is none.
    pub fn new(address: &str, transport: &Transport) -> Result<Self, L1Error> {
        Ok(Self { node: Endpoint::new(address, Limits::default(), transport.clone())? })
    }

    /// Calls any method.
    ///
    /// # Errors
    ///
    /// [`L1Error`] if the node gives no answer of the form.
    pub async fn ask<T: for<'de> Deserialize<'de>>(
        &self,
        method: &'static str,
        params: impl Serialize,
    ) -> Result<T, L1Error> {
        let reply = self.node.call(method, params).await?;
        serde_json::from_str(reply.result()).map_err(|error| self.node.malformed(method, &error))
    }

    /// Returns the chain's id.
    ///
    /// # Errors
    ///
    /// As [`L1Writer::ask`].
    pub async fn chain_id(&self) -> Result<u64, L1Error> {
        Ok(self.ask::<U64>("eth_chainId", json!([])).await?.to())
    }

    /// Returns an account's next nonce: behind those in blocks, or with `pending` also behind those that wait.
    ///
    /// # Errors
    ///
    /// As [`L1Writer::ask`].
    pub async fn nonce(&self, account: Address, pending: bool) -> Result<u64, L1Error> {
        let tag = if pending { "pending" } else { "latest" };
        Ok(self.ask::<U64>("eth_getTransactionCount", json!([account, tag])).await?.to())
    }

    /// Returns an account's balance, wei.
    ///
    /// # Errors
    ///
    /// As [`L1Writer::ask`].
    pub async fn balance(&self, account: Address) -> Result<U256, L1Error> {
        self.ask("eth_getBalance", json!([account, "latest"])).await
    }

    /// Returns what a transaction costs now.
    ///
    /// # Errors
    ///
    /// As [`L1Writer::ask`].
    pub async fn fees(&self) -> Result<L1Fees, L1Error> {
        let header: HeaderJson = self.ask("eth_getBlockByNumber", json!(["latest", false])).await?;
        let tip: U128 = self.ask("eth_maxPriorityFeePerGas", json!([])).await.unwrap_or_default();
        Ok(L1Fees { base_fee: header.base_fee_per_gas.to(), tip: tip.to(), blob_base_fee: 0 })
    }

    /// Returns what a transaction with a blob costs now.
    ///
    /// # Errors
    ///
    /// As [`L1Writer::ask`].
    pub async fn blob_fees(&self) -> Result<L1Fees, L1Error> {
        let blob: U128 = self.ask("eth_blobBaseFee", json!([])).await?;
        Ok(L1Fees { blob_base_fee: blob.to(), ..self.fees().await? })
    }

    /// Returns the gas a transaction uses.
    ///
    /// # Errors
    ///
    /// As [`L1Writer::ask`].
    pub async fn gas(
        &self,
        from: Address,
        to: Option<Address>,
        data: &Bytes,
    ) -> Result<u64, L1Error> {
        let call = json!({ "from": from, "to": to, "data": data });
        Ok(self.ask::<U64>("eth_estimateGas", json!([call])).await?.to())
    }

    /// Sends a transaction; one that is known already is as good as sent.
    ///
    /// # Errors
    ///
    /// As [`L1Writer::ask`], or the node does not take it.
    pub async fn send(&self, raw: &Bytes) -> Result<(), L1Error> {
        match self.ask::<B256>("eth_sendRawTransaction", json!([raw])).await {
            Ok(_) => Ok(()),
            Err(L1Error::Rpc { message, .. }) if is_known(&message) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Returns where a transaction is, if it is in a block.
    ///
    /// # Errors
    ///
    /// As [`L1Writer::ask`].
    pub async fn receipt(&self, hash: B256) -> Result<Option<L1Receipt>, L1Error> {
        self.ask("eth_getTransactionReceipt", json!([hash])).await
    }
}

/// Returns whether a node says that it has the transaction already. Each client has words of its own.
fn is_known(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["already known", "already imported", "known transaction", "alreadyknown"]
        .iter()
        .any(|words| message.contains(words))
}
