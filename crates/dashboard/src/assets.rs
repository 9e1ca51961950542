//! The page's files, embedded in the binary: no build step, nothing loaded from elsewhere.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

/// One file of the page.
#[derive(Debug)]
struct Asset {
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
}

/// Embeds files of one content type from `assets/`.
macro_rules! assets {
    ($($content_type:literal: [$($path:literal),+ $(,)?]),+ $(,)?) => {
        &[$($(Asset {
            path: $path,
            content_type: $content_type,
            text: include_str!(concat!("../assets/", $path)),
        }),+),+]
    };
}

const ASSETS: &[Asset] = assets! {
    "text/html; charset=utf-8": ["index.html"],
    "text/css; charset=utf-8": ["css/tokens.css", "css/layout.css", "css/panels.css", "css/chains.css", "css/logs.css"],
    "image/svg+xml": ["icon.svg"],
    "text/javascript; charset=utf-8": [
        "js/app.js",
        "js/charts.js",
        "js/dom.js",
        "js/feed.js",
        "js/format.js",
        "js/keyspace.js",
        "js/logs.js",
        "js/overview.js",
        "js/spark.js",
        "js/store.js",
        "js/theme.js",
        "js/panels/bitcoin.js",
        "js/panels/blocks.js",
        "js/panels/buckets.js",
        "js/panels/chain-strip.js",
        "js/panels/dag.js",
        "js/panels/dag-draw.js",
        "js/panels/dag-layout.js",
        "js/panels/dht.js",
        "js/panels/heads.js",
        "js/panels/inspector.js",
        "js/panels/kaspa.js",
        "js/panels/lookups.js",
        "js/panels/lux.js",
        "js/panels/nodes.js",
        "js/panels/peers.js",
        "js/panels/pool.js",
        "js/panels/rollup.js",
        "js/panels/slots.js",
        "js/panels/topology.js",
        "js/panels/topology-draw.js",
        "js/panels/topology-layout.js",
        "js/panels/topology-pulses.js",
        "js/panels/validators.js",
    ],
};

/// The file at a path below `assets/`, or 404.
pub(crate) fn serve(path: &str) -> Response {
    match ASSETS.iter().find(|asset| asset.path == path) {
        Some(asset) => ([(header::CONTENT_TYPE, asset.content_type)], asset.text).into_response(),
        None => (StatusCode::NOT_FOUND, "no such file of the page: the dashboard is at /\n")
            .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn files(folder: &Path, below: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, below, found);
            } else {
                found.insert(path.strip_prefix(below).unwrap().to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_file_of_the_page_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
        let mut found = BTreeSet::new();
        files(&folder, &folder, &mut found);
        assert_eq!(found, ASSETS.iter().map(|asset| asset.path.to_owned()).collect());
    }

    #[test]
    fn nothing_is_inline_or_loaded_from_elsewhere() {
        for asset in ASSETS {
            let text = asset.text.replace("http://www.w3.org/2000/svg", "");
            for forbidden in
                ["https://", "http://", "innerHTML", "<style", " style=", " onclick=", "eval("]
            {
                assert!(!text.contains(forbidden), "{} has {forbidden}", asset.path);
            }
        }
    }
}
