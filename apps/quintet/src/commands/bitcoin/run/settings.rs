//! What the arguments mean.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use quintet_bitcoin_node::{
    chain::Pruning,
    mempool::MempoolOptions,
    node::{NodeOptions, user_agent},
    peers::{Grants, NodeAddress, WhiteBind, WhiteList},
    storage::{PRUNE_TARGET_BYTES_MIN, PruneTarget},
};
use quintet_bitcoin_protocol::{
    network::{Params, RegtestOptions},
    policy::FeeRate,
};
use quintet_node::datadir;
use quintet_primitives::hex;

use super::arguments::{Arguments, refused};
use crate::{bitcoin_rpc, exit::UsageError};

/// A mebibyte, as `-dbcache` counts.
const MIB: usize = 1 << 20;
/// A megabyte, as `-maxmempool` counts.
const MEGABYTE: usize = 1_000_000;
/// Least memory for the pool, megabytes: forty clusters.
const MEMPOOL_MIN: usize = 5;
/// Longest time an idle connection is kept, seconds.
const IDLE_MAX: u64 = 60 * 60;
/// Size of a block file with `-fastprune`, bytes.
const FAST_PRUNE_BYTES: u32 = 64 << 10;

/// What goes to the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log {
    pub(super) debug: bool,
}

/// Where questions are answered.
#[derive(Debug)]
pub(super) struct Rpc {
    pub(super) listen: SocketAddr,
    pub(super) cookie_file: PathBuf,
    pub(super) user: Option<(String, String)>,
    /// How long a connection on which nobody asks is kept.
    pub(super) idle: Duration,
}

/// Everything a run needs.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) options: NodeOptions,
    /// The network's folder.
    pub(super) folder: PathBuf,
    /// Whether the folders are Bitcoin Core's.
    pub(super) drop_in: bool,
    pub(super) rpc: Option<Rpc>,
    pub(super) log: Log,
}

impl Settings {
    pub(super) fn find(words: &[String]) -> Result<Self, UsageError> {
        let mut arguments = Arguments::parse(words)?;
        let base = arguments.last("datadir").map(PathBuf::from);
        if let Some(base) = base.as_ref().filter(|base| !base.is_dir()) {
            return Err(refused(format!(
                "Specified data directory \"{}\" does not exist.",
                base.display()
            )));
        }
        let conf =
            arguments.last("conf").map_or_else(|| PathBuf::from("bitcoin.conf"), PathBuf::from);
        let conf = base.as_ref().map_or_else(|| conf.clone(), |base| base.join(&conf));
        if base.is_some() || arguments.last("conf").is_some() {
            arguments.network_of_file(&conf)?;
            let network = arguments.network()?;
            arguments.read_file(&conf, &network)?;
        }
        let network = arguments.network()?;
        let params = params(&arguments, &network)?;
        let (folder, chain) = match &base {
            Some(base) => {
                let folder = base.join(&params.data_folder);
                (folder.clone(), folder.join("blocks"))
            }
            None => {
                let found = datadir::default_path("bitcoin", &params.name);
                let folder = found.map_err(|error| refused(error.to_string()))?;
                (folder.clone(), folder)
            }
        };
        let rpc = rpc(&arguments, &params, &folder)?;
        let mut options = NodeOptions::new(params, chain, rand::random());
        network_options(&arguments, &mut options)?;
        chain_options(&arguments, &mut options)?;
        options.mempool = mempool(&arguments)?;
        options.keep_mempool = arguments.flag("persistmempool", true);
        let debug = arguments.values("debug").iter().any(|value| *value != "0");
        Ok(Self { options, folder, drop_in: base.is_some(), rpc, log: Log { debug } })
    }
}

fn params(arguments: &Arguments, network: &str) -> Result<Params, UsageError> {
    let mut params = match network {
        "regtest" => {
            let enforce_bip94 = arguments.values("test").contains(&"bip94");
            Params::regtest_with(RegtestOptions {
                enforce_bip94,
                fast_prune: arguments.flag("fastprune", false),
            })
        }
        "signet" => match arguments.last("signetchallenge") {
            Some(challenge) => {
                let challenge = hex::decode(challenge);
                Params::signet_with(
                    challenge.map_err(|error| refused(format!("-signetchallenge: {error}")))?,
                )
            }
            None => Params::signet(),
        },
        name => Params::by_name(name).ok_or_else(|| refused(format!("Unknown chain {name}.")))?,
    };
    if network == "regtest" {
        for value in arguments.values("testactivationheight") {
            params.set_activation_height(value).map_err(|error| refused(error.to_string()))?;
        }
        for value in arguments.values("vbparams") {
            params.set_vote(value).map_err(|error| refused(error.to_string()))?;
        }
    }
    if let Some(work) = arguments.last("minimumchainwork") {
        let digits = work.strip_prefix("0x").unwrap_or(work);
        let parsed = ruint::aliases::U256::from_str_radix(digits, 16);
        let wrong = |_| {
            refused(format!("Invalid minimum work specified ({work}), must be up to 64 hex digits"))
        };
        params.minimum_chain_work = parsed.map_err(wrong)?;
    }
    if let Some(hash) = arguments.last("assumevalid") {
        params.assume_valid = if hash.trim_matches('0').is_empty() {
            None
        } else {
            let wrong = |_| {
                refused(format!(
                    "Invalid assumevalid block hash specified ({hash}), must be up to 64 hex digits (or 0 to disable)"
                ))
            };
            Some(hash.parse().map_err(wrong)?)
        };
    }
    Ok(params)
}

fn rpc(
    arguments: &Arguments,
    params: &Params,
    folder: &std::path::Path,
) -> Result<Option<Rpc>, UsageError> {
    if !arguments.flag("server", true) {
        return Ok(None);
    }
    let port = arguments.number("rpcport", params.rpc_port)?;
    let mut listen = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    if let Some(bind) = arguments.last("rpcbind") {
        listen = address(bind, port)
            .ok_or_else(|| refused(format!("Invalid -rpcbind address: {bind}")))?;
    }
    if !listen.ip().is_loopback() {
        return Err(refused(format!(
            "-rpcbind={listen}: only addresses of this machine are served; forward the port with `ssh -L`"
        )));
    }
    let cookie = arguments.last("rpccookiefile").unwrap_or(".cookie");
    let password = arguments.last("rpcpassword").filter(|password| !password.is_empty());
    let user = password.map(|password| {
        (arguments.last("rpcuser").unwrap_or_default().to_owned(), password.to_owned())
    });
    let idle = arguments.number("rpcservertimeout", bitcoin_rpc::IDLE.as_secs())?;
    let idle = Duration::from_secs(idle.clamp(1, IDLE_MAX));
    Ok(Some(Rpc { listen, cookie_file: folder.join(cookie), user, idle }))
}

/// Reads an address with or without a port.
fn address(text: &str, port: u16) -> Option<SocketAddr> {
    let bare: Option<IpAddr> = text.trim_matches(['[', ']']).parse().ok();
    text.parse().ok().or_else(|| bare.map(|ip| SocketAddr::new(ip, port)))
}

fn network_options(arguments: &Arguments, options: &mut NodeOptions) -> Result<(), UsageError> {
    let port = arguments.number("port", options.params.p2p_port)?;
    let connect = arguments.values("connect");
    let wanted = connect.iter().chain(&arguments.values("addnode")).copied().collect::<Vec<_>>();
    options.peers = wanted
        .into_iter()
        .filter(|peer| *peer != "0")
        .map(|peer| NodeAddress::new(peer, options.params.p2p_port))
        .collect();
    let binds = arguments.values("bind");
    let white = arguments.values("whitebind");
    let bound = !binds.is_empty() || !white.is_empty();
    // Who only connects to some does not listen, unless told to.
    let listens = arguments.flag("listen", connect.is_empty() || bound);
    if !listens && bound {
        return Err(refused("Cannot set -bind or -whitebind together with -listen=0"));
    }
    for bind in &white {
        let parsed = WhiteBind::parse(bind);
        options.listen_white.push(parsed.map_err(|error| refused(error.to_string()))?);
    }
    options.grants = grants(arguments)?;
    if listens {
        for bind in &binds {
            // What comes over Tor comes from this machine; there is no other treatment of it here.
            let plain = bind.split('=').next().unwrap_or_default();
            let found = address(plain, port);
            options.listen.push(
                found.ok_or_else(|| refused(format!("Cannot resolve -bind address: '{bind}'")))?,
            );
        }
        if !bound {
            options.listen.push(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port));
        }
    }
    options.connections_max =
        arguments.number("maxconnections", options.connections_max)?.max(1) + 16;
    options.peer_timeout = arguments.number("peertimeout", options.peer_timeout)?;
    if options.peer_timeout == 0 {
        return Err(refused("peertimeout must be a positive integer."));
    }
    options.tip_age_max = arguments.number("maxtipage", options.tip_age_max)?;
    options.mock_time = arguments.number("mocktime", 0)?;
    options.blocks_only = arguments.flag("blocksonly", false);
    let comments: Vec<String> =
        arguments.values("uacomment").into_iter().map(str::to_owned).collect();
    options.user_agent = user_agent(&comments);
    Ok(())
}

/// Reads `-prune`: 0 keeps everything, 1 leaves it to the RPC, more is a target in mebibytes.
///
/// **Spec:** Bitcoin Core, `AppInitParameterInteraction`, `ApplyArgsManOptions` of `BlockManager`.
fn pruning(arguments: &Arguments) -> Result<Pruning, UsageError> {
    let mebibytes: i64 = arguments.number("prune", 0)?;
    if mebibytes == 0 {
        return Ok(Pruning::Off);
    }
    if arguments.flag("txindex", false) {
        return Err(refused("Prune mode is incompatible with -txindex."));
    }
    if arguments.flag("reindex-chainstate", false) {
        return Err(refused(
            "Prune mode is incompatible with -reindex-chainstate. Use full -reindex instead.",
        ));
    }
    let negative = || refused("Prune cannot be configured with a negative value.");
    let mebibytes = u64::try_from(mebibytes).map_err(|_| negative())?;
    if mebibytes == 1 {
        return Ok(Pruning::Manual);
    }
    let bytes = mebibytes.saturating_mul(MIB as u64);
    if arguments.flag("fastprune", false) {
        return Ok(Pruning::Automatic(PruneTarget::for_small_files(bytes)));
    }
    let least = PRUNE_TARGET_BYTES_MIN / MIB as u64;
    let small = |_| {
        refused(format!(
            "Prune configured below the minimum of {least} MiB.  Please use a higher number."
        ))
    };
    Ok(Pruning::Automatic(PruneTarget::new(bytes).map_err(small)?))
}

fn grants(arguments: &Arguments) -> Result<Grants, UsageError> {
    let force_relay = arguments.flag("whitelistforcerelay", false);
    // Who passes everything on passes on what is new.
    let relay = arguments.flag("whitelistrelay", true) || force_relay;
    let lists: Result<Vec<_>, _> =
        arguments.values("whitelist").into_iter().map(WhiteList::parse).collect();
    Ok(Grants { lists: lists.map_err(|error| refused(error.to_string()))?, relay, force_relay })
}

fn chain_options(arguments: &Arguments, options: &mut NodeOptions) -> Result<(), UsageError> {
    let cache: usize = arguments.number("dbcache", 450)?;
    options.chain.coins_bytes = cache.clamp(16, 1 << 20).saturating_mul(MIB);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let par: i64 = arguments.number("par", 0)?;
    options.chain.check_threads = match usize::try_from(par) {
        Ok(0) => threads,
        Ok(par) => par.min(64),
        // So many are left to others.
        Err(_) => {
            threads.saturating_sub(usize::try_from(par.unsigned_abs()).unwrap_or(threads)).max(1)
        }
    };
    options.chain.assume_valid = options.params.assume_valid;
    (options.chain.pruning, options.txindex) =
        (pruning(arguments)?, arguments.flag("txindex", false));
    if arguments.flag("fastprune", false) {
        options.chain.segment_bytes_max = FAST_PRUNE_BYTES;
    }
    options.chain.reindex = arguments.flag("reindex", false);
    options.chain.reindex_chainstate = arguments.flag("reindex-chainstate", false);
    Ok(())
}

/// Reads a rate in bitcoins a 1,000 virtual bytes.
fn rate(arguments: &Arguments, name: &str, default: FeeRate) -> Result<FeeRate, UsageError> {
    let Some(text) = arguments.last(name) else { return Ok(default) };
    let wrong = || refused(format!("Invalid amount for -{name}=<amount>: '{text}'"));
    let bitcoins: f64 = text.parse().map_err(|_| wrong())?;
    let satoshis = (bitcoins * 1e8).round();
    if !(0.0..=21e14).contains(&satoshis) {
        return Err(wrong());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in range, see above"
    )]
    Ok(FeeRate(satoshis as u64))
}

fn mempool(arguments: &Arguments) -> Result<MempoolOptions, UsageError> {
    let mut options = MempoolOptions::default();
    let policy = &mut options.policy;
    policy.require_standard = !arguments.flag("acceptnonstdtxn", false);
    policy.bare_multisig = arguments.flag("permitbaremultisig", true);
    let bytes = arguments.number("datacarriersize", 100_000)?;
    policy.data_bytes_max = arguments.flag("datacarrier", true).then_some(bytes);
    policy.relay_min = rate(arguments, "minrelaytxfee", policy.relay_min)?;
    policy.incremental = rate(arguments, "incrementalrelayfee", policy.incremental)?;
    policy.dust = rate(arguments, "dustrelayfee", policy.dust)?;
    let megabytes: usize = arguments.number("maxmempool", 300)?;
    if megabytes < MEMPOOL_MIN {
        return Err(refused(format!("-maxmempool must be at least {MEMPOOL_MIN} MB")));
    }
    options.bytes_max = megabytes.saturating_mul(MEGABYTE);
    let hours: u64 = arguments.number("mempoolexpiry", 336)?;
    options.age_max = hours.saturating_mul(60 * 60);
    Ok(options)
}
