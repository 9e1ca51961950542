//! Where the operator asks, and who may.

use std::path::Path;

use quintet_node::config::{BindAddr, Issues, Secret};
use quintet_rpc::{AuthConfig, RpcConfig};
use serde::{Deserialize, Serialize};

/// TCP port of JSON-RPC.
const PORT: u16 = 6880;

/// Fewest characters of a bearer token.
const TOKEN_CHARS_MIN: usize = 16;

/// The cookie's file in the data directory.
const COOKIE_FILE: &str = "rpc.cookie";

/// The node's JSON-RPC server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RpcListen {
    /// Serve at all.
    pub enabled: bool,
    /// TCP address.
    pub listen: BindAddr,
    /// Ask for the cookie.
    pub cookie: bool,
    /// Accept this token too; empty for none.
    pub bearer_token: Secret,
}

impl Default for RpcListen {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: BindAddr::loopback(PORT),
            cookie: true,
            bearer_token: Secret::default(),
        }
    }
}

impl RpcListen {
    /// Returns the settings of the server.
    pub(crate) fn server(&self, data_dir: &Path) -> RpcConfig {
        let token = (!self.bearer_token.is_empty())
            .then(|| quintet_rpc::Secret::new(self.bearer_token.expose()));
        RpcConfig {
            listen: self.listen.get(),
            auth: AuthConfig {
                cookie_file: self.cookie.then(|| data_dir.join(COOKIE_FILE)),
                bearer_token: token,
                ..AuthConfig::default()
            },
            ..RpcConfig::default()
        }
    }

    pub(super) fn validate(&self, issues: &mut Issues) {
        let token = self.bearer_token.expose();
        let usable = token.len() >= TOKEN_CHARS_MIN && token.bytes().all(|b| b.is_ascii_graphic());
        if !token.is_empty() && !usable {
            let expected = format!("{TOKEN_CHARS_MIN} visible ASCII characters or more, or none");
            issues.reject("rpc.bearer_token", expected);
        }
        let open = !self.cookie && token.is_empty();
        if self.enabled && open && !self.listen.get().ip().is_loopback() {
            let expected = "true, or rpc.bearer_token set, when others can reach rpc.listen";
            issues.conflict("rpc.cookie", "rpc.listen", expected);
        }
    }
}
