//! Typed, layered configuration: one way to configure every node kind.
//!
//! ```text
//!   defaults  <  file (TOML)  <  environment  <  flags
//!      │             │               │            │
//!      │             └── assignments: key, value, origin
//!      │                             │
//!      │                 each one is tried alone over the defaults   ──► issues
//!      │                             │
//!      └────────────────► merge: the highest layer wins a key
//!                                    │
//!                         decode and validate every section          ──► issues
//!                                    │
//!                                 [`Config`]
//! ```
//!
//! The application registers its [`Section`]s in a [`Schema`] and calls [`Schema::load`] with the
//! [`Sources`] of one start. What comes back is either a [`Config`] whose every value remembers its
//! [`Origin`], or a [`ConfigError`] with *all* the issues, each naming the key, the value, what was
//! expected and where it was written.
//!
//! # Invariants
//!
//! - The keys are the leaves of the defaults: nothing else can be set, in any layer.
//! - The result does not depend on the order in which layers are read.
//! - A value that is not valid is an issue even where a higher layer overrides it, so that removing
//!   a flag never uncovers a broken file.
//! - A [`Secret`] never reaches a rendering, an issue or a `Debug` output.
//!
//! # Limits
//!
//! - A tagged enum or a map with free keys is one leaf: a layer replaces it whole.
//! - Sections must serialise every key (no `skip_serializing_if`), or the key would not exist.

mod address;
mod assignment;
mod duration;
mod env;
mod expected;
mod file;
mod issue;
mod key;
mod origin;
mod reload;
mod render;
mod resolve;
mod schema;
mod secret;
mod section;
mod size;
mod source;
mod suggest;
mod text;

pub use address::{AddressError, BindAddr, HostPort};
pub use duration::{DurationError, HumanDuration};
pub use issue::{ConfigError, ISSUES_MAX, Issue, Issues, Problem};
pub use origin::{Origin, Position};
pub use reload::{Change, ReloadHandle, ReloadReport};
pub use resolve::{Config, UnregisteredSection};
pub use schema::Schema;
pub use secret::Secret;
pub use section::Section;
pub use size::{ByteSize, SizeError};
pub use source::{CONFIG_FILE_MAX_BYTES, FileSource, FlagValue, MalformedSet, Sources};
