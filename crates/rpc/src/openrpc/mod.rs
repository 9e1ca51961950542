//! The description of a kind's methods, and the OpenRPC document made from it.
//!
//! A kind writes one [`Method`] for each method it registers and collects them in a [`Registry`]. The server compares
//! the two when it starts and serves the document as `rpc.discover` and at `/openrpc.json`; it therefore cannot name a
//! method that does not exist, nor keep one back. A snapshot in the kind's own tests shows every change of the interface
//! in review:
//!
//! ```
//! # use quintet_rpc::{Registry, RegistryError, RpcModule};
//! # fn registry() -> Registry { Registry::new("Kind", "1.0.0") }
//! # fn module() -> RpcModule<()> { RpcModule::new(()) }
//! registry().check(&module())?;
//! let document = registry().document();
//! // insta::assert_json_snapshot!(document);
//! # assert_eq!(document["info"]["title"], "Kind");
//! # Ok::<(), RegistryError>(())
//! ```
//!
//! **Spec:** OpenRPC 1.3.2, with JSON Schema draft 7. OpenRPC does not know subscriptions; they are told in
//! `x-subscription`.

mod document;
mod method;
mod registry;

pub use method::Method;
pub use registry::{Registry, RegistryError};

/// The method that returns the OpenRPC document.
pub const DISCOVER_METHOD: &str = "rpc.discover";
