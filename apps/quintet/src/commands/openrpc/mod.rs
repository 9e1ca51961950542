//! `quintet openrpc`: the methods that nodes answer, for programs and for people.

mod page;
mod types;

use std::{fs, path::Path};

use anyhow::Context as _;
use quintet_eth_rpc::graphql::GraphQl;
use quintet_rpc::Registry;

use crate::{
    cli::{Api, OpenRpcArgs},
    output,
};

/// Name of a page, whose methods it tells of, and its heading.
const PAGES: [(&str, Api, &str); 3] = [
    ("dht.md", Api::Dht, "Methods of a DHT node"),
    ("lux.md", Api::Lux, "Methods of a LuxTensor node"),
    ("engine.md", Api::Engine, "Methods for a consensus client"),
];

/// Name of the file with the GraphQL schema.
const SCHEMA: &str = "lux.graphql";

pub(super) fn run(args: &OpenRpcArgs) -> anyhow::Result<()> {
    match (&args.pages, args.api) {
        (Some(directory), _) => write(directory),
        (None, Some(api)) if args.markdown => output::print(&page_of(api)),
        (None, Some(api)) => output::json_pretty(&registry(api).document()),
        (None, None) => Ok(()),
    }
}

fn registry(api: Api) -> Registry {
    match api {
        Api::Dht => quintet_dht_node::registry(),
        Api::Lux => quintet_lux_node::rpc::registry(),
        Api::Engine => quintet_eth_rpc::engine_registry(),
    }
}

fn page_of(api: Api) -> String {
    let title = PAGES.iter().find(|(_, of, _)| *of == api).map_or("Methods", |(.., title)| title);
    page::render(title, &registry(api).document())
}

fn write(directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    let pages = PAGES.iter().map(|(name, api, _)| (*name, page_of(*api)));
    for (name, text) in pages.chain([(SCHEMA, format!("{}\n", GraphQl::sdl().trim()))]) {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
