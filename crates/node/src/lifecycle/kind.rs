//! A node kind, and a node of it that runs.

use core::{error::Error, fmt};

use futures_util::future::BoxFuture;
use quintet_actor::supervisor::{Escalation, ShutdownReport, Supervisor};
use serde::Serialize;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::Instrument as _;

use crate::{
    config::UnregisteredSection,
    datadir::{DataDir, DataDirError},
    ops::Health,
};

/// One kind of node, configured and ready to start.
///
/// A kind takes its own configuration (and its reloads) through its constructor; what every kind
/// needs comes in the [`NodeContext`]. Its actors live under one
/// [`Supervisor`], handed to [`RunningNode::supervise`].
pub trait NodeKind: Send {
    /// The kind's name, such as `dht`.
    fn name(&self) -> &'static str;

    /// Opens what the node needs and starts it. What it answers is up when this returns.
    fn start(
        self: Box<Self>,
        ctx: NodeContext,
    ) -> BoxFuture<'static, Result<RunningNode, NodeError>>;
}

/// What every kind needs to start.
#[derive(Debug, Clone)]
pub struct NodeContext {
    /// The instance's name, unique in the process: `dht`, or `dht-07` among many.
    pub instance: String,
    /// Its data directory, locked.
    pub data_dir: DataDir,
    /// Where its components say whether they are ready; names are prefixed with the instance's.
    pub health: Health,
    /// Cancelled when the node must stop.
    pub shutdown: CancellationToken,
}

impl NodeContext {
    /// A context whose health components are named after the instance.
    #[must_use]
    pub fn new(instance: impl Into<String>, data_dir: DataDir, health: &Health) -> Self {
        let instance = instance.into();
        let health = health.scoped(&instance);
        Self { instance, data_dir, health, shutdown: CancellationToken::new() }
    }

    /// The span the node's tasks run in: its field `instance` is in every line they log.
    #[must_use]
    pub fn span(&self) -> tracing::Span {
        // At the error level, so that no filter that lets events through removes their instance.
        tracing::error_span!("node", instance = self.instance)
    }
}

/// A node cannot start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Its data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The application did not register its section.
    #[error(transparent)]
    Section(#[from] UnregisteredSection),
    /// Something of its own prevents it from starting.
    #[error("{kind} cannot start: {source}")]
    Start {
        /// The kind.
        kind: &'static str,
        /// What it said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// An actor's fault could not be cured by restarting it.
    #[error("{instance} ended: {source}")]
    Escalated {
        /// The instance.
        instance: String,
        /// The fault, and how the other actors ended.
        source: Box<Escalation>,
    },
    /// Its supervisor's task was aborted or panicked.
    #[error("{instance} ended: its supervisor did not finish: {source}")]
    Aborted {
        /// The instance.
        instance: String,
        /// What the runtime said.
        source: tokio::task::JoinError,
    },
}

impl NodeError {
    /// An error of a kind's own that prevents it from starting.
    pub fn start(kind: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Start { kind, source: source.into() }
    }
}

/// Something a node answers on, for people and scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// What speaks there, such as `krpc` or `json-rpc`.
    pub label: &'static str,
    /// The address or URL.
    pub address: String,
}

impl Endpoint {
    /// An endpoint at anything that prints as an address.
    pub fn new(label: &'static str, address: impl fmt::Display) -> Self {
        Self { label, address: address.to_string() }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.label, self.address)
    }
}

/// A node that runs. Dropping it aborts its actors; [`RunningNode::stop`] ends them in order.
#[derive(Debug)]
pub struct RunningNode {
    instance: String,
    endpoints: Vec<Endpoint>,
    shutdown: CancellationToken,
    task: AbortOnDropHandle<Result<ShutdownReport, Escalation>>,
}

impl RunningNode {
    /// Runs the node's supervisor until the context's token is cancelled. The data directory stays
    /// locked until the last actor has ended.
    #[must_use]
    pub fn supervise(ctx: NodeContext, endpoints: Vec<Endpoint>, supervisor: Supervisor) -> Self {
        let span = ctx.span();
        let NodeContext { instance, data_dir, shutdown, .. } = ctx;
        let stop = shutdown.clone();
        let life = async move {
            let outcome = supervisor.run(stop).await;
            drop(data_dir);
            outcome
        };
        let task = AbortOnDropHandle::new(tokio::spawn(life.instrument(span)));
        Self { instance, endpoints, shutdown, task }
    }

    /// The instance's name.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// What it answers on.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Cancels to stop the node without waiting.
    #[must_use]
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Resolves when the node has ended, by itself or because it was told to. Cancel safe; must not
    /// be called again once it has resolved.
    ///
    /// # Errors
    ///
    /// [`NodeError::Escalated`] if a fault ended it.
    pub async fn ended(&mut self) -> Result<ShutdownReport, NodeError> {
        match (&mut self.task).await {
            Ok(Ok(report)) => Ok(report),
            Ok(Err(escalation)) => {
                let instance = self.instance.clone();
                Err(NodeError::Escalated { instance, source: Box::new(escalation) })
            }
            Err(source) => Err(NodeError::Aborted { instance: self.instance.clone(), source }),
        }
    }

    /// Stops the node and waits until its actors have ended, last started first.
    ///
    /// # Errors
    ///
    /// [`NodeError::Escalated`] if a fault had ended it.
    pub async fn stop(mut self) -> Result<ShutdownReport, NodeError> {
        self.shutdown.cancel();
        self.ended().await
    }
}
