//! All described methods of a server, held against what is registered.

use std::collections::BTreeSet;

use jsonrpsee::Methods;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::document::{Components, Document, Info, OPENRPC_VERSION};
use super::{DISCOVER_METHOD, Method};

/// The described methods of one server.
#[derive(Debug, Clone)]
pub struct Registry {
    title: &'static str,
    version: &'static str,
    methods: Vec<Method>,
}

/// Descriptions and methods do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Methods are registered that nothing describes.
    #[error("rpc methods without a description: {}; add a `Method` for each to the registry", methods.join(", "))]
    Undescribed {
        /// Their names.
        methods: Vec<String>,
    },
    /// Methods are described that are not registered.
    #[error("rpc descriptions without a method: {}; register them or remove their descriptions", methods.join(", "))]
    Unregistered {
        /// Their names.
        methods: Vec<String>,
    },
    /// A name is described twice.
    #[error("rpc method {method} is described twice")]
    DescribedTwice {
        /// The name.
        method: &'static str,
    },
    /// A description contradicts itself.
    #[error("rpc method {method}: {fault}")]
    Faulty {
        /// The method.
        method: &'static str,
        /// What is wrong with its description.
        fault: String,
    },
}

impl Registry {
    /// An empty registry; title and version go into the document's `info`.
    #[must_use]
    pub fn new(title: &'static str, version: &'static str) -> Self {
        Self { title, version, methods: Vec::new() }
    }

    /// Adds a method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.methods.push(method);
        self
    }

    /// Adds the methods of another registry, as when a kind brings several modules.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.methods.extend(other.methods);
        self
    }

    /// Holds the descriptions against registered methods. The server does this when it starts; a kind's tests do it
    /// earlier. `rpc.discover` is the server's own and needs neither.
    ///
    /// # Errors
    ///
    /// What does not fit; see [`RegistryError`].
    pub fn check(&self, registered: &Methods) -> Result<(), RegistryError> {
        let mut described = BTreeSet::from([DISCOVER_METHOD]);
        for method in &self.methods {
            if let Some(fault) = method.fault() {
                return Err(RegistryError::Faulty { method: method.name, fault });
            }
            if let Some(twice) = method.names().find(|name| !described.insert(name)) {
                return Err(RegistryError::DescribedTwice { method: twice });
            }
        }
        let mut registered: BTreeSet<&str> = registered.method_names().collect();
        registered.insert(DISCOVER_METHOD);
        let missing_from = |names: &BTreeSet<&str>, others: &BTreeSet<&str>| -> Vec<String> {
            names.difference(others).map(|name| (*name).to_owned()).collect()
        };
        let undescribed = missing_from(&registered, &described);
        if !undescribed.is_empty() {
            return Err(RegistryError::Undescribed { methods: undescribed });
        }
        let unregistered = missing_from(&described, &registered);
        if !unregistered.is_empty() {
            return Err(RegistryError::Unregistered { methods: unregistered });
        }
        Ok(())
    }

    /// The OpenRPC document, methods in alphabetical order.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut generator = SchemaSettings::draft07()
            .with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
            .into_generator();
        let mut methods: Vec<_> =
            self.methods.iter().flat_map(|method| method.objects(&mut generator)).collect();
        methods.sort_by_key(|method| method.name);
        let document = Document {
            openrpc: OPENRPC_VERSION,
            info: Info { title: self.title, version: self.version },
            methods,
            components: Components { schemas: generator.take_definitions(true) },
        };
        // Strings, numbers and maps with string keys: there is nothing in it that JSON cannot hold.
        serde_json::to_value(document).unwrap_or_default()
    }
}
