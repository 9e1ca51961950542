//! The methods that wait: for a block.
//!
//! **Spec:** Bitcoin Core, `waitfornewblock`, `waitforblock`, `waitforblockheight`.

use std::time::Duration;

use bitcoin::BlockHash;
use quintet_rpc::lenient::Fault;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{args::Args, code, fault::Failure, serve::fault_of};
use crate::kernel::{KernelClient, Tip};

/// Longest wait: the server gives the call up before.
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);

/// What is waited for.
enum Goal {
    New,
    Block(BlockHash),
    Height(u32),
}

impl Goal {
    fn is_reached(&self, first: Tip, tip: Tip) -> bool {
        match self {
            Self::New => tip != first,
            Self::Block(hash) => tip.hash == *hash,
            Self::Height(height) => tip.height >= *height,
        }
    }
}

/// Returns whether a method waits.
pub(super) fn is_waiting(method: &str) -> bool {
    matches!(method, "waitfornewblock" | "waitforblock" | "waitforblockheight")
}

/// Waits, and returns the tip.
pub(super) async fn wait(
    kernel: &KernelClient,
    method: &str,
    params: Value,
) -> Result<Value, Fault> {
    let (goal, limit) = goal(method, params).map_err(fault_of)?;
    let watching = kernel.call(|kernel| Ok(kernel.watch_tip())).await;
    let mut tips = watching.map_err(|error| Fault::new(code::MISC, error.to_string()))?;
    let first = *tips.borrow_and_update();
    let reached = async { tips.wait_for(|tip| goal.is_reached(first, *tip)).await.map(|tip| *tip) };
    let reached = timeout(limit, reached).await;
    let tip = match reached {
        Ok(Ok(tip)) => tip,
        Ok(Err(_)) => return Err(Fault::new(code::MISC, "Shutting down")),
        // Too late is no error: the tip tells.
        Err(_elapsed) => *tips.borrow(),
    };
    Ok(json!({ "hash": tip.hash.to_string(), "height": tip.height }))
}

fn goal(method: &str, params: Value) -> Result<(Goal, Duration), Failure> {
    let names: &[&str] = match method {
        "waitforblock" => &["blockhash", "timeout"],
        "waitforblockheight" => &["height", "timeout"],
        _ => &["timeout", "current_tip"],
    };
    let args = Args::new(params, names)?;
    let (goal, at) = match method {
        "waitforblock" => (Goal::Block(args.hash(0, "blockhash")?), 1),
        "waitforblockheight" => {
            (Goal::Height(u32::try_from(args.integer(0)?).unwrap_or(u32::MAX)), 1)
        }
        _ => (Goal::New, 0),
    };
    let millis = args.integer_or(at, 0)?;
    let Ok(millis) = u64::try_from(millis) else {
        return Err(Failure::new(code::MISC, "Negative timeout"));
    };
    let limit = if millis == 0 { FOREVER } else { Duration::from_millis(millis) };
    Ok((goal, limit))
}
