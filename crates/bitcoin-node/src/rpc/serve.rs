//! Answering calls: most on the kernel's thread, a few here.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use quintet_rpc::{
    Peer, Registry,
    lenient::{Calls, Fault},
};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{args::Args, code, fault::Failure, scan, table, waiting};
use crate::kernel::KernelClient;

/// Time the index of transactions has to catch up with a block, before a question is answered without it.
const INDEX_WAIT: Duration = Duration::from_secs(10);

/// Bitcoin Core's RPC over a kernel.
#[derive(Debug, Clone)]
pub struct BitcoinRpc {
    kernel: KernelClient,
    stop: CancellationToken,
    /// Whether all coins are being looked at for somebody.
    scanning: Arc<AtomicBool>,
}

/// The server's description besides its methods, which `help` describes.
#[must_use]
pub fn registry() -> Registry {
    Registry::new("Bitcoin", env!("CARGO_PKG_VERSION"))
}

pub(super) fn fault_of(failure: Failure) -> Fault {
    match failure {
        Failure::Fault(fault) => fault,
        Failure::Chain(error) => {
            tracing::error!(%error, "the chain cannot go on");
            Fault::new(code::DATABASE, error.to_string())
        }
    }
}

impl BitcoinRpc {
    /// Answers out of `kernel`; the method `stop` cancels `stop`.
    #[must_use]
    pub fn new(kernel: KernelClient, stop: CancellationToken) -> Self {
        Self { kernel, stop, scanning: Arc::default() }
    }

    /// Waits until the index of transactions has caught up with the chain, if it was there before: what was just mined can be asked for.
    ///
    /// **Spec:** Bitcoin Core, `BaseIndex::BlockUntilSyncedToCurrentChain`.
    async fn wait_for_index(&self) {
        let ask = self.kernel.call(|kernel| {
            let followed = kernel.txindex.as_ref().filter(|index| index.state().synced);
            Ok(followed
                .map(|index| (index.watch(), kernel.chain.tip_hash(), kernel.chain.height())))
        });
        if let Ok(Some((mut state, hash, height))) = ask.await {
            let caught_up = state.wait_for(|state| state.hash == Some(hash) || height == 0);
            // Who asks is told what is known by then.
            drop(timeout(INDEX_WAIT, caught_up).await);
        }
    }

    async fn answer(&self, method: &str, params: Value) -> Result<Value, Fault> {
        if method == "stop" {
            let args = Args::new(params, &["wait"]).map_err(fault_of)?;
            let wait = u64::try_from(args.integer_or(0, 0).map_err(fault_of)?).unwrap_or(0);
            self.stop.cancel();
            sleep(Duration::from_millis(wait.min(10_000))).await;
            return Ok(json!("Quintet stopping"));
        }
        if method == "getrpcinfo" {
            return Ok(json!({ "active_commands": [], "logpath": "" }));
        }
        if waiting::is_waiting(method) {
            return waiting::wait(&self.kernel, method, params).await;
        }
        if method == "scantxoutset" {
            return scan::scan(&self.kernel, &self.scanning, params).await;
        }
        if method == "getrawtransaction" {
            self.wait_for_index().await;
        }
        let Some(found) = table::find(method) else {
            return Err(Fault::new(code::METHOD_NOT_FOUND, "Method not found"));
        };
        let args = Args::new(params, found.args).map_err(fault_of)?;
        let run = found.run;
        let answered = self.kernel.call(move |kernel| Ok(run(kernel, &args))).await;
        match answered {
            Ok(answer) => answer.map_err(fault_of),
            Err(error) => Err(Fault::new(code::MISC, error.to_string())),
        }
    }
}

impl Calls for BitcoinRpc {
    fn call(
        &self,
        method: String,
        params: Value,
        _peer: Peer,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Value, Fault>> + Send + '_>> {
        Box::pin(async move { self.answer(&method, params).await })
    }
}
