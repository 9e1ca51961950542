//! `quintet bitcoin block` and `quintet bitcoin header`.
//!
//! **Spec:** Bitcoin Core, `getblock`, `getblockheader`; the names of the fields are theirs.

use anyhow::{Context as _, bail};
use bitcoin::BlockHash;
use quintet_bitcoin_node::chain::Chain;
use quintet_bitcoin_protocol::{
    Block,
    block::encode_header,
    header::{HeaderId, pow},
};
use quintet_primitives::hex;
use serde_json::{Map, Value, json};

use super::open::{self, Place};
use crate::{
    cli::{BlockArgs, ChainArgs, HeaderArgs},
    exit::UsageError,
    output::{self, Table},
    stop,
};

/// Which block.
#[derive(Debug, Clone, Copy)]
enum Which {
    Hash(BlockHash),
    Height(u32),
}

/// What is printed.
enum Shown {
    Raw(String),
    Header(Map<String, Value>),
    Block(Map<String, Value>, Box<Block>),
}

pub(super) fn run(args: BlockArgs) -> anyhow::Result<()> {
    let raw = args.raw;
    show(args.chain, &args.block, move |chain, id| {
        let block = chain.read_block(id)?;
        if raw {
            return Ok(Shown::Raw(hex::encode(block.bytes())));
        }
        let mut fields = header_fields(chain, id);
        block_fields(&block, &mut fields);
        Ok(Shown::Block(fields, Box::new(block)))
    })
}

pub(super) fn run_header(args: HeaderArgs) -> anyhow::Result<()> {
    let raw = args.raw;
    show(args.chain, &args.block, move |chain, id| {
        if raw {
            let header = encode_header(&chain.headers().header(id));
            return Ok(Shown::Raw(hex::encode(&header)));
        }
        Ok(Shown::Header(header_fields(chain, id)))
    })
}

fn show(
    args: ChainArgs,
    which: &str,
    of: impl FnOnce(&Chain, HeaderId) -> anyhow::Result<Shown> + Send + 'static,
) -> anyhow::Result<()> {
    let which = parse(which)?;
    let place = Place::find(&args)?;
    let json = args.json;
    let shown = stop::stoppable(move |stop| {
        let mut progress = open::progress(&args)?;
        let opened = open::open_whole(place, &args, &mut progress, stop)?;
        progress.finish();
        let id = find(&opened.chain, which)?;
        of(&opened.chain, id)
    })?;
    match shown {
        Shown::Raw(text) => output::line(text),
        Shown::Header(fields) | Shown::Block(fields, _) if json => output::json(&fields),
        Shown::Header(fields) => rows(&fields),
        Shown::Block(mut fields, block) => {
            fields.remove("tx");
            rows(&fields)?;
            let mut table = Table::new(["TRANSACTION", "INPUTS", "OUTPUTS", "WEIGHT"]);
            for tx in block.transactions().iter() {
                let figures = [tx.inputs().len(), tx.outputs().len(), tx.weight()];
                let [inputs, outputs, weight] = figures.map(|figure| figure.to_string());
                table.row([tx.txid().to_string(), inputs, outputs, weight]);
            }
            output::print(&table.render())
        }
    }
}

fn rows(fields: &Map<String, Value>) -> anyhow::Result<()> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    output::rows(fields.iter().map(|(name, value)| (name.as_str(), text(value))))
}

fn parse(text: &str) -> Result<Which, UsageError> {
    if let Ok(height) = text.parse() {
        return Ok(Which::Height(height));
    }
    text.parse().map(Which::Hash).map_err(|_| {
        UsageError::new(format!(
            "expected a block's hash (64 hexadecimal digits) or height, found {text:?}"
        ))
    })
}

fn find(chain: &Chain, which: Which) -> anyhow::Result<HeaderId> {
    match which {
        Which::Hash(hash) => {
            chain.headers().find(&hash).with_context(|| format!("no block {hash} is known"))
        }
        Which::Height(height) => match chain.active().at(height) {
            Some(id) => Ok(id),
            None => {
                bail!("there is no block {height}: the chain ends at height {}", chain.height())
            }
        },
    }
}

fn header_fields(chain: &Chain, id: HeaderId) -> Map<String, Value> {
    let tree = chain.headers();
    let (header, height) = (tree.header(id), tree.height(id));
    let active = chain.active().contains(tree, id);
    let above = i64::from(chain.height()) - i64::from(height);
    let target = pow::target(header.bits, chain.params().pow_limit).unwrap_or_default();
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("hash", json!(tree.hash(id).to_string()));
    put("confirmations", json!(if active { above + 1 } else { -1 }));
    put("height", json!(height));
    put("version", json!(header.version.to_consensus()));
    put("versionHex", json!(format!("{:08x}", header.version.to_consensus())));
    put("merkleroot", json!(header.merkle_root.to_string()));
    put("time", json!(header.time));
    put("mediantime", json!(tree.median_time_past(id)));
    put("nonce", json!(header.nonce));
    put("bits", json!(format!("{:08x}", header.bits.to_consensus())));
    put("target", json!(format!("{target:064x}")));
    put("difficulty", json!(pow::difficulty(header.bits)));
    put("chainwork", json!(format!("{:064x}", tree.work(id))));
    if height > 0 {
        put("previousblockhash", json!(header.prev_blockhash.to_string()));
    }
    if let Some(next) = chain.active().at(height.saturating_add(1)).filter(|_| active) {
        put("nextblockhash", json!(tree.hash(next).to_string()));
    }
    fields
}

fn block_fields(block: &Block, fields: &mut Map<String, Value>) {
    let transactions = block.transactions();
    let ids: Vec<_> = transactions.iter().map(|tx| tx.txid().to_string()).collect();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("nTx", json!(transactions.len()));
    put("strippedsize", json!(block.base_size()));
    put("size", json!(block.bytes().len()));
    put("weight", json!(block.weight()));
    put("tx", json!(ids));
}
