//! What to pay.

use serde_json::{Value, json};

use super::Entry;
use crate::{
    answer::Answer,
    args::{Args, Quantity, Rewards},
    error::EthResult,
    fees,
    json::quantity,
    node::{EthNode, Named as _},
    pool::next_block,
    schema::{Block, Object, Percentiles, Uint},
};

pub(super) fn entries() -> Vec<Entry> {
    let wei = |entry: Entry| entry.gives::<Uint>("price", "Wei for each gas.");
    vec![
        wei(Entry::light("eth_gasPrice", "Suggests a price for gas.", gas_price)),
        wei(Entry::light("eth_maxPriorityFeePerGas", "Suggests a tip.", tip)),
        wei(Entry::light("eth_baseFee", "Tells the base fee of the next block.", base_fee)),
        wei(Entry::light(
            "eth_blobBaseFee",
            "Tells the price of blob gas in the next block.",
            blob_fee,
        )),
        Entry::heavy("eth_feeHistory", "Tells the fees of the last blocks.", history)
            .param::<Uint>("blocks", "How many blocks.")
            .param::<Block>("newest", "The last of them.")
            .optional::<Percentiles>(
                "percentiles",
                "Parts of each block's gas whose tips are told, in percent.",
            )
            .gives::<Object>("history", "Base fees, tips, how full blocks were."),
    ]
}

fn gas_price(node: &EthNode, _: &Args) -> EthResult<Answer> {
    let reader = node.reader()?;
    let tip = node.tips.suggest(&reader, &node.config)?;
    let base_fee = reader.head_header()?.base_fee_per_gas.unwrap_or_default();
    Ok(quantity(tip.saturating_add(u128::from(base_fee))).into())
}

fn tip(node: &EthNode, _: &Args) -> EthResult<Answer> {
    Ok(quantity(node.tips.suggest(&node.reader()?, &node.config)?).into())
}

fn base_fee(node: &EthNode, _: &Args) -> EthResult<Answer> {
    let reader = node.reader()?;
    let next = next_block(&reader, &reader.head_header()?)?;
    Ok(next.base_fee.map_or(Value::Null, quantity).into())
}

fn blob_fee(node: &EthNode, _: &Args) -> EthResult<Answer> {
    let reader = node.reader()?;
    let header = reader.head_header()?;
    if header.excess_blob_gas.is_none() {
        return Ok(json!("0x0").into());
    }
    Ok(quantity(next_block(&reader, &header)?.blob_fee).into())
}

fn history(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let Quantity(blocks) = args.required(0)?;
    let newest = args.required(1)?;
    let Rewards(percentiles) = args.optional(2)?.unwrap_or(Rewards(Vec::new()));
    Ok(fees::history(&node.reader()?, &node.config, blocks, newest, &percentiles)?.into())
}
