//! Puts a server together and starts it.

use std::sync::Arc;

use axum::Router;
use jsonrpsee::core::RpcResult;
use jsonrpsee::{Methods, RpcModule};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accept::{Acceptor, Lifetimes};
use super::routes::{self, Mount, Shared};
use super::{RpcHandle, StartError};
use crate::auth::{Authenticator, CookieFile};
use crate::config::RpcConfig;
use crate::dispatch::{Ahead, Coming, Dispatcher};
use crate::guard::Guard;
use crate::lenient::{Calls, Lenient};
use crate::openrpc::{DISCOVER_METHOD, Registry};
use crate::rate::RateLimiter;

/// The RPC server; see [`RpcServer::builder`].
#[derive(Debug)]
pub struct RpcServer;

impl RpcServer {
    /// Begins a server with these settings and the descriptions of all its methods.
    pub fn builder(config: RpcConfig, registry: Registry) -> RpcServerBuilder {
        RpcServerBuilder {
            config,
            registry,
            modules: Vec::new(),
            mounts: Vec::new(),
            lenient: None,
            ahead: None,
        }
    }
}

/// What a server is made of.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct RpcServerBuilder {
    config: RpcConfig,
    registry: Registry,
    modules: Vec<Methods>,
    mounts: Vec<Mount>,
    lenient: Option<Lenient>,
    ahead: Option<Ahead>,
}

impl RpcServerBuilder {
    /// Adds JSON-RPC methods.
    pub fn module(mut self, module: impl Into<Methods>) -> Self {
        self.modules.push(module.into());
        self
    }

    /// Serves a router (REST, GraphQL, a page) below `path`, behind the same checks and authentication as JSON-RPC.
    pub fn mount(mut self, path: impl Into<String>, router: Router) -> Self {
        self.mounts.push(Mount { path: path.into(), router, is_open: false });
        self
    }

    /// Like [`mount`](Self::mount) without authentication, for what probes and scrapers ask. The other checks stay.
    pub fn mount_open(mut self, path: impl Into<String>, router: Router) -> Self {
        self.mounts.push(Mount { path: path.into(), router, is_open: true });
        self
    }

    /// Answers what is posted with `calls`, in JSON-RPC 1.0, 1.1 or 2.0 as each request is; the methods of modules remain for WebSocket.
    ///
    /// A content type is not asked for then, so authentication has to be: a page could post without asking first.
    pub fn lenient(mut self, calls: impl Calls) -> Self {
        self.lenient = Some(Lenient(Arc::new(calls)));
        self
    }

    /// Shows each batch to `look` before its first call is run: what is cheaper for many at once can be done at once then. It answers nothing.
    pub fn ahead(mut self, look: impl Fn(&[Coming<'_>]) + Send + Sync + 'static) -> Self {
        self.ahead = Some(Ahead(Arc::new(look)));
        self
    }

    /// Checks everything, binds the address and serves until `cancel` is cancelled or the handle is stopped.
    ///
    /// # Errors
    ///
    /// A setting, description, mount, cookie file or address that is refused; nothing is left running then.
    pub async fn start(self, cancel: CancellationToken) -> Result<RpcHandle, StartError> {
        let Self { config, registry, modules, mounts, lenient, ahead } = self;
        config.validate()?;
        routes::check_mounts(&mounts)?;
        let mut methods = Methods::new();
        for module in modules {
            methods.merge(module)?;
        }
        registry.check(&methods)?;
        let document = registry.document();
        methods.merge(discovery(document.clone())?)?;

        let listen = config.listen;
        let at_address = |source| StartError::Listen { listen, source };
        // The address before the cookie: a second node started by mistake must not replace the cookie of the first.
        let listener = TcpListener::bind(listen).await.map_err(at_address)?;
        let local_addr = listener.local_addr().map_err(at_address)?;
        let cookie = config.auth.cookie_file.as_deref().map(CookieFile::create).transpose()?;

        let limiter = Arc::new(RateLimiter::new(config.rate_limit));
        let auth = Authenticator::new(&config.auth, cookie.as_ref());
        let guard = Arc::new(Guard::new(&config, Arc::clone(&limiter), auth));
        let dispatcher = Dispatcher::new(methods, &config, limiter, ahead);
        let stop = cancel.child_token();
        let lifetimes = Lifetimes {
            stop: stop.clone(),
            kill: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let shared = Arc::new(Shared { config, dispatcher, document, lifetimes, lenient });
        let router = routes::build(&shared, guard, mounts);

        tracing::info!(%local_addr, "rpc server listens");
        let acceptor = Acceptor { listener, router, shared, cookie };
        let task = tokio::spawn(acceptor.run());
        Ok(RpcHandle { local_addr, stop, task })
    }
}

fn discovery(document: Value) -> Result<RpcModule<Value>, StartError> {
    let mut module = RpcModule::new(document);
    module.register_method::<RpcResult<Value>, _>(DISCOVER_METHOD, |_, document, _| {
        Ok(document.clone())
    })?;
    Ok(module)
}
