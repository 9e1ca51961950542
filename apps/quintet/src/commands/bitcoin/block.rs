//! `quintet bitcoin block` and `quintet bitcoin header`.
//!
//! **Spec:** Bitcoin Core, `getblock`, `getblockheader`; the names of the fields are theirs.

use anyhow::{Context as _, bail};
use bitcoin::BlockHash;
use quintet_bitcoin_node::{chain::Chain, shown};
use quintet_bitcoin_protocol::{Block, block::encode_header, header::HeaderId};
use quintet_primitives::hex;
use serde_json::{Map, Value};

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
        let fields = shown::block(chain, id, &block, None, 1);
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
        Ok(Shown::Header(shown::header(chain, id)))
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
