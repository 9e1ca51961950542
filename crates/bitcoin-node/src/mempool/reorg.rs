//! After a reorganisation: what the lost blocks held comes back, and what the new chain does not allow goes.
//!
//! **Spec:** Bitcoin Core, `MaybeUpdateMempoolForReorg`, `removeForReorg`.

use std::sync::Arc;

use bitcoin::Txid;
use quintet_bitcoin_protocol::{
    Block, Transaction,
    header::ChainView,
    rules::{COINBASE_MATURITY, is_final, sequence_lock},
};

use super::{Verdict, accept::Judged};
use crate::{chain::ChainError, kernel::Kernel};

impl Kernel {
    /// Judges again what the blocks that were taken back held, the oldest block first, and lets go of what no longer holds.
    pub(crate) fn reorganise_mempool(&mut self, back: &[Arc<Block>]) -> Result<(), ChainError> {
        let mut refused = Vec::new();
        for block in back.iter().rev() {
            for tx in block.transactions().iter() {
                let decoded = Transaction::decode(tx.bytes().to_vec()).ok();
                let Some(transaction) = decoded.filter(|_| !tx.is_coinbase()) else {
                    refused.push(tx.txid());
                    continue;
                };
                if let Verdict::Refused(refusal) =
                    self.judge(&transaction, Judged::Returning, true)?
                {
                    tracing::debug!(txid = %tx.txid(), %refusal, "does not come back");
                    refused.push(tx.txid());
                }
            }
        }
        // What spent from something that did not come back cannot stay.
        let stranded: Vec<Txid> = refused
            .iter()
            .filter(|txid| self.mempool.get(txid).is_none())
            .flat_map(|&txid| {
                let spends = |vout| self.mempool.spender(&bitcoin::OutPoint { txid, vout });
                (0..self.outputs_of(&txid, back)).filter_map(spends).collect::<Vec<_>>()
            })
            .collect();
        self.mempool.remove_with_descendants(stranded);
        let unfit = self.unfit()?;
        self.mempool.remove_with_descendants(unfit);
        let now = self.now();
        self.mempool.trim(now);
        Ok(())
    }

    fn outputs_of(&self, txid: &Txid, back: &[Arc<Block>]) -> u32 {
        let all = back.iter().flat_map(|block| block.transactions().iter());
        let found = all.filter(|tx| tx.txid() == *txid).map(|tx| tx.outputs().len()).next();
        u32::try_from(found.unwrap_or(0)).unwrap_or(u32::MAX)
    }

    /// Returns the transactions that may not be in the next block any more, or whose coins are gone.
    fn unfit(&mut self) -> Result<Vec<Txid>, ChainError> {
        let next = self.chain.height() + 1;
        let tip = self.chain.tip();
        let time = self.chain.headers().median_time_past(tip);
        let mut unfit = Vec::new();
        let txids: Vec<Txid> = self.mempool.iter().map(super::Entry::txid).collect();
        for txid in txids {
            let Some(entry) = self.mempool.get(&txid) else { continue };
            let transaction = entry.transaction().clone();
            let tx = transaction.view();
            if !is_final(tx, next, time) {
                unfit.push(txid);
                continue;
            }
            let mut heights = Vec::new();
            let mut gone = false;
            for input in tx.inputs() {
                if self.mempool.get(&input.previous.txid).is_some() {
                    heights.push(next);
                    continue;
                }
                match self.chain.coin(&input.previous)? {
                    Some(coin) if coin.coinbase && next < coin.height + COINBASE_MATURITY => {
                        gone = true
                    }
                    Some(coin) => heights.push(coin.height),
                    None => gone = true,
                }
            }
            let below = ChainView::new(self.chain.headers(), tip);
            if gone || !sequence_lock(tx, heights.into_iter(), &below).is_over(next, time) {
                unfit.push(txid);
            }
        }
        Ok(unfit)
    }
}
