//! What an operator may set, with the bounds that are checked before a socket is opened.
//!
//! # Memory
//!
//! A hostile set of clients can make the server hold, in the worst case, about
//! `connections_max × (request_bytes_max + (calls_in_flight_max + 1) × response_bytes_max)` bytes, plus
//! `queued_notifications_max` notifications for every connection.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::auth::AuthConfig;

/// Settings of one RPC server.
///
/// The defaults suit a node whose operator sits at the same machine: loopback, no authentication, no browser origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RpcConfig {
    /// Where to listen; port 0 lets the operating system choose.
    pub listen: SocketAddr,
    /// Largest request, in bytes: an HTTP body or one WebSocket message.
    pub request_bytes_max: usize,
    /// Largest answer, in bytes: to one call or to a whole batch.
    pub response_bytes_max: usize,
    /// Most calls in one batch.
    pub batch_items_max: usize,
    /// Deepest nesting of arrays and objects in a request.
    pub json_depth_max: usize,
    /// Most connections open at a time, over all clients. One more takes the place of the one that has been idle for longest; if none is idle it is
    /// turned away.
    pub connections_max: usize,
    /// Most calls of one WebSocket connection that run or wait to be written at a time; reading pauses beyond it.
    pub calls_in_flight_max: usize,
    /// Most subscriptions of one WebSocket connection.
    pub subscriptions_max: u32,
    /// Notifications that may wait for a slow WebSocket client; its subscriptions pause beyond it.
    pub queued_notifications_max: usize,
    /// Time for a call, for a whole batch, or for the head of a mounted router's response.
    #[serde(rename = "request_timeout_ms", with = "milliseconds")]
    pub request_timeout: Duration,
    /// Time a client has to send the head of a request; also how long an idle connection is kept.
    #[serde(rename = "header_timeout_ms", with = "milliseconds")]
    pub header_timeout: Duration,
    /// Time a WebSocket client has to take one message before it is cut off.
    #[serde(rename = "write_timeout_ms", with = "milliseconds")]
    pub write_timeout: Duration,
    /// Interval of WebSocket pings; a client that is silent for two of them is cut off.
    #[serde(rename = "ping_interval_ms", with = "milliseconds")]
    pub ping_interval: Duration,
    /// Time requests in flight have to finish when the server stops.
    #[serde(rename = "stop_grace_ms", with = "milliseconds")]
    pub stop_grace: Duration,
    /// How fast one client may ask.
    pub rate_limit: RateLimit,
    /// Origins, such as `https://wallet.example`, whose web pages may use this server. None by default.
    pub cors_origins: Vec<String>,
    /// Host names, without port, under which clients may address this server, besides `localhost` and IP addresses.
    pub allowed_hosts: Vec<String>,
    /// Who may use this server.
    pub auth: AuthConfig,
}

/// A token bucket for each client address (an IPv4 address or an IPv6 /64 network).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimit {
    /// Sustained requests per second; every item of a batch counts. 0 switches the limit off.
    pub requests_per_second: u32,
    /// Requests a client may send at once after a rest.
    pub burst: u32,
    /// Clients remembered; beyond it the most rested one is forgotten.
    pub clients_max: usize,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { requests_per_second: 1_000, burst: 2_000, clients_max: 4_096 }
    }
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            request_bytes_max: 4 * 1024 * 1024,
            response_bytes_max: 16 * 1024 * 1024,
            batch_items_max: 100,
            json_depth_max: 64,
            connections_max: 128,
            calls_in_flight_max: 16,
            subscriptions_max: 64,
            queued_notifications_max: 256,
            request_timeout: Duration::from_secs(30),
            header_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(30),
            stop_grace: Duration::from_secs(10),
            rate_limit: RateLimit::default(),
            cors_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            auth: AuthConfig::default(),
        }
    }
}

/// A setting the server will not start with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A number lies outside its range.
    #[error("rpc `{key}` is {actual}, expected {min} to {max}")]
    OutOfRange {
        /// The setting.
        key: &'static str,
        /// What was set.
        actual: u64,
        /// Smallest accepted value.
        min: u64,
        /// Largest accepted value.
        max: u64,
    },
    /// The address can be reached from other machines and nobody would be asked who they are.
    #[error(
        "rpc `listen` is {listen}, which other machines can reach, and no authentication is set: \
         set `auth.cookie_file`, `auth.bearer_token` or `auth.basic`, or listen on 127.0.0.1"
    )]
    ExposedWithoutAuth {
        /// The address.
        listen: SocketAddr,
    },
    /// A batch that is within its limit could never pass the rate limit.
    #[error(
        "rpc `rate_limit.burst` is {burst}, below `batch_items_max` {batch_items_max}: \
         a full batch could never pass; raise the one or lower the other"
    )]
    BurstBelowBatch {
        /// The burst.
        burst: u32,
        /// The batch limit.
        batch_items_max: usize,
    },
    /// Not an origin as browsers send it.
    #[error(
        "rpc `cors_origins` holds {actual:?}, expected scheme and host such as \"https://wallet.example\""
    )]
    Origin {
        /// What was set.
        actual: String,
    },
    /// Not a host name.
    #[error(
        "rpc `allowed_hosts` holds {actual:?}, expected a host name without scheme or port such as \"node.lan\""
    )]
    Host {
        /// What was set.
        actual: String,
    },
    /// A credential that cannot be sent in a header, or is too weak.
    #[error("rpc `{key}` is not usable: expected {expected}")]
    Credential {
        /// The setting.
        key: &'static str,
        /// What is asked of it.
        expected: &'static str,
    },
}

/// Longest time any timeout may be set to: one hour.
const TIMEOUT_MAX_MS: u64 = 3_600_000;
/// Largest request or response that may be configured: 1 GiB.
const BODY_BYTES_MAX: u64 = 1 << 30;

impl RpcConfig {
    /// Checks every setting, and the settings against each other.
    ///
    /// # Errors
    ///
    /// The first setting that is refused, with what was expected.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_ranges()?;
        self.auth.validate()?;
        if !self.listen.ip().is_loopback() && !self.auth.is_required() {
            return Err(ConfigError::ExposedWithoutAuth { listen: self.listen });
        }
        let rate = self.rate_limit;
        if rate.requests_per_second > 0 && u64::from(rate.burst) < count(self.batch_items_max) {
            return Err(ConfigError::BurstBelowBatch {
                burst: rate.burst,
                batch_items_max: self.batch_items_max,
            });
        }
        for origin in &self.cors_origins {
            if !is_origin(origin) {
                return Err(ConfigError::Origin { actual: origin.clone() });
            }
        }
        for host in &self.allowed_hosts {
            if !is_host_name(host) {
                return Err(ConfigError::Host { actual: host.clone() });
            }
        }
        Ok(())
    }

    fn validate_ranges(&self) -> Result<(), ConfigError> {
        let rate = self.rate_limit;
        let ranges = [
            ("request_bytes_max", count(self.request_bytes_max), 64, BODY_BYTES_MAX),
            ("response_bytes_max", count(self.response_bytes_max), 1_024, BODY_BYTES_MAX),
            ("batch_items_max", count(self.batch_items_max), 1, 10_000),
            // The parsers behind the methods stop at 128 levels themselves.
            ("json_depth_max", count(self.json_depth_max), 2, 127),
            ("connections_max", count(self.connections_max), 1, 65_536),
            ("calls_in_flight_max", count(self.calls_in_flight_max), 1, 1_024),
            ("subscriptions_max", u64::from(self.subscriptions_max), 0, 65_536),
            ("queued_notifications_max", count(self.queued_notifications_max), 1, 65_536),
            ("request_timeout_ms", milliseconds::of(self.request_timeout), 1, TIMEOUT_MAX_MS),
            ("header_timeout_ms", milliseconds::of(self.header_timeout), 1, TIMEOUT_MAX_MS),
            ("write_timeout_ms", milliseconds::of(self.write_timeout), 1, TIMEOUT_MAX_MS),
            ("ping_interval_ms", milliseconds::of(self.ping_interval), 1, TIMEOUT_MAX_MS),
            ("stop_grace_ms", milliseconds::of(self.stop_grace), 0, TIMEOUT_MAX_MS),
            ("rate_limit.requests_per_second", u64::from(rate.requests_per_second), 0, 1_000_000),
            ("rate_limit.burst", u64::from(rate.burst), 1, 1_000_000),
            ("rate_limit.clients_max", count(rate.clients_max), 1, 1_000_000),
        ];
        for (key, actual, min, max) in ranges {
            if !(min..=max).contains(&actual) {
                return Err(ConfigError::OutOfRange { key, actual, min, max });
            }
        }
        Ok(())
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// An origin is compared with the header byte for byte, so it must be written as browsers write it.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<http::Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
    // Rebuilding drops user names, paths, queries and trailing slashes, none of which an `Origin` carries.
    let host = authority.host().to_ascii_lowercase();
    let rebuilt = match authority.port_u16() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    };
    rebuilt == text
}

fn is_host_name(text: &str) -> bool {
    const HOST_NAME_BYTES_MAX: usize = 253;
    !text.is_empty()
        && text.len() <= HOST_NAME_BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

/// Durations as whole milliseconds.
mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn of(duration: Duration) -> u64 {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(of(*duration))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Secret;

    fn exposed() -> RpcConfig {
        RpcConfig { listen: SocketAddr::from(([0, 0, 0, 0], 8080)), ..RpcConfig::default() }
    }

    #[test]
    fn the_defaults_are_valid_and_survive_serialisation() {
        let config = RpcConfig::default();
        assert_eq!(config.validate(), Ok(()));
        let text = serde_json::to_string(&config).unwrap();
        assert!(text.contains("\"request_timeout_ms\":30000"), "{text}");
        assert_eq!(serde_json::from_str::<RpcConfig>(&text).unwrap(), config);
    }

    #[test]
    fn a_misspelt_key_is_refused_by_name() {
        let error = serde_json::from_str::<RpcConfig>(r#"{"conections_max": 3}"#).unwrap_err();
        assert!(error.to_string().contains("conections_max"), "{error}");
    }

    #[test]
    fn listening_beyond_loopback_needs_authentication() {
        let listen = exposed().listen;
        assert_eq!(exposed().validate(), Err(ConfigError::ExposedWithoutAuth { listen }));

        let mut guarded = exposed();
        guarded.auth.bearer_token = Some(Secret::new("0123456789abcdef"));
        assert_eq!(guarded.validate(), Ok(()));
    }

    #[test]
    fn a_number_out_of_range_is_named_with_its_range() {
        let config = RpcConfig { connections_max: 0, ..RpcConfig::default() };
        let error = config.validate().unwrap_err();
        assert_eq!(error.to_string(), "rpc `connections_max` is 0, expected 1 to 65536");
    }

    #[test]
    fn a_burst_that_no_full_batch_could_pass_is_refused() {
        let mut config = RpcConfig { batch_items_max: 11, ..RpcConfig::default() };
        config.rate_limit.burst = 10;
        assert!(matches!(
            config.validate(),
            Err(ConfigError::BurstBelowBatch { burst: 10, batch_items_max: 11 })
        ));
        config.rate_limit.requests_per_second = 0;
        assert_eq!(config.validate(), Ok(()), "without a rate limit the burst does not matter");
    }

    #[test]
    fn origins_and_hosts_are_taken_only_as_browsers_send_them() {
        for origin in [
            "*",
            "null",
            "wallet.example",
            "https://wallet.example/",
            "https://a@b",
            "HTTPS://X.example",
        ] {
            let config = RpcConfig { cors_origins: vec![origin.into()], ..RpcConfig::default() };
            assert_eq!(config.validate(), Err(ConfigError::Origin { actual: origin.into() }));
        }
        for host in ["", "http://node.lan", "node.lan:8080", "a b"] {
            let config = RpcConfig { allowed_hosts: vec![host.into()], ..RpcConfig::default() };
            assert_eq!(config.validate(), Err(ConfigError::Host { actual: host.into() }));
        }
        let config = RpcConfig {
            cors_origins: vec!["https://wallet.example".into(), "http://localhost:3000".into()],
            allowed_hosts: vec!["node.lan".into()],
            ..RpcConfig::default()
        };
        assert_eq!(config.validate(), Ok(()));
    }
}
