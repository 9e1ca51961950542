//! The node that is asked: where it is, and what opens its door.
//!
//! ```text
//!   address      --rpc  >  node.json in the data directory  >  dht.rpc.listen of the configuration
//!   credential   --cookie, --token-file  >  the cookie in the data directory  >  dht.rpc.bearer_token  >  none
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use quintet_dht_node::DhtConfig;
use quintet_rpc::{
    Secret,
    client::{ClientError, Credentials, RpcClient},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    cli::ConnectionArgs,
    endpoints::{COOKIE_FILE, Endpoints},
    exit::UsageError,
    settings::{self, ConfigArgs, data_dir},
};

/// What starts such a node, for errors.
const START_COMMAND: &str = "quintet dht";

/// A node to ask.
#[derive(Debug)]
pub(super) struct Node {
    client: RpcClient,
    pub(super) json: bool,
}

impl Node {
    /// Finds the node.
    ///
    /// # Errors
    ///
    /// If no address is known or usable. That nothing answers there is told by the first call.
    pub(super) fn find(args: &ConnectionArgs) -> anyhow::Result<Self> {
        let dir = data_dir("dht", args.data_dir.as_deref())?;
        let known = Endpoints::read(&dir)?;
        let config = configured(args)?;
        let url = match (&args.rpc, &known) {
            (Some(url), _) => url.clone(),
            (None, Some(Endpoints { rpc: Some(url), .. })) => url.clone(),
            (None, Some(Endpoints { rpc: None, .. })) => bail!(
                "the node of {} serves no RPC: start it without --rpc-enabled=false",
                dir.display()
            ),
            (None, None) => match config.rpc.listen.get() {
                listen if listen.port() != 0 => format!("http://{listen}"),
                _ => bail!(
                    "no node runs on {}: start one with `{START_COMMAND}`, or name one with --data-dir or --rpc",
                    dir.display()
                ),
            },
        };
        let client = RpcClient::new(&url, START_COMMAND).map_err(usage)?;
        let credentials = credentials(args, &dir, &config)?;
        let client = client.credentials(credentials).timeout(args.timeout.get());
        Ok(Self { client, json: args.json })
    }

    /// Calls a method with parameters by name.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: impl Serialize,
    ) -> anyhow::Result<T> {
        self.client.call(method, params).await.map_err(usage)
    }
}

/// An address that cannot be meant is a wrong command line; all else went wrong on the way.
fn usage(error: ClientError) -> anyhow::Error {
    match error {
        ClientError::Address { .. } => UsageError::new(error.to_string()).into(),
        other => other.into(),
    }
}

/// The section of whoever would start a node here: file and environment.
fn configured(args: &ConnectionArgs) -> anyhow::Result<DhtConfig> {
    if args.rpc.is_some() && (args.cookie.is_some() || args.token_file.is_some()) {
        // Everything is said; a broken file is no reason not to ask.
        return Ok(DhtConfig::default());
    }
    let (config, _) = settings::load(&ConfigArgs::from_environment(), [])?;
    Ok((*config.section::<DhtConfig>()?).clone())
}

fn credentials(
    args: &ConnectionArgs,
    dir: &Path,
    config: &DhtConfig,
) -> anyhow::Result<Credentials> {
    if let Some(cookie) = &args.cookie {
        return Ok(Credentials::CookieFile(cookie.clone()));
    }
    if let Some(file) = &args.token_file {
        let text = fs::read_to_string(file)
            .with_context(|| format!("cannot read the token in {}", file.display()))?;
        return Ok(Credentials::Bearer(Secret::new(text.trim())));
    }
    let cookie: PathBuf = dir.join(COOKIE_FILE);
    if cookie.exists() {
        return Ok(Credentials::CookieFile(cookie));
    }
    let token = &config.rpc.bearer_token;
    Ok(if token.is_empty() {
        Credentials::None
    } else {
        Credentials::Bearer(Secret::new(token.expose()))
    })
}
