//! Answering calls: most on the kernel's thread, a few here.

use std::time::Duration;

use quintet_rpc::{
    Peer, Registry,
    lenient::{Calls, Fault},
};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{args::Args, code, fault::Failure, table, waiting};
use crate::kernel::KernelClient;

/// Bitcoin Core's RPC over a kernel.
#[derive(Debug, Clone)]
pub struct BitcoinRpc {
    kernel: KernelClient,
    stop: CancellationToken,
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
    pub const fn new(kernel: KernelClient, stop: CancellationToken) -> Self {
        Self { kernel, stop }
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
