//! The OpenRPC document as it is serialised.

use schemars::Schema;
use serde::Serialize;
use serde_json::{Map, Value};

/// The version of the OpenRPC specification the document follows.
pub(super) const OPENRPC_VERSION: &str = "1.3.2";

#[derive(Debug, Serialize)]
pub(super) struct Document {
    pub(super) openrpc: &'static str,
    pub(super) info: Info,
    pub(super) methods: Vec<MethodObject>,
    pub(super) components: Components,
}

#[derive(Debug, Serialize)]
pub(super) struct Info {
    pub(super) title: &'static str,
    pub(super) version: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Components {
    pub(super) schemas: Map<String, Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MethodObject {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'static str>,
    pub(super) param_structure: &'static str,
    pub(super) params: Vec<ContentDescriptor>,
    pub(super) result: ContentDescriptor,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<ErrorDescription>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) examples: Vec<ExamplePairing>,
    #[serde(rename = "x-subscription", skip_serializing_if = "Option::is_none")]
    pub(super) subscription: Option<SubscriptionObject>,
}

#[derive(Debug, Serialize)]
pub(super) struct ContentDescriptor {
    pub(super) name: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) summary: &'static str,
    pub(super) required: bool,
    pub(super) schema: Schema,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct ErrorDescription {
    pub(super) code: i32,
    pub(super) message: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct ExamplePairing {
    pub(super) name: &'static str,
    pub(super) params: Vec<ExampleObject>,
    pub(super) result: ExampleObject,
}

#[derive(Debug, Serialize)]
pub(super) struct ExampleObject {
    pub(super) name: &'static str,
    pub(super) value: Value,
}

#[derive(Debug, Serialize)]
pub(super) struct SubscriptionObject {
    pub(super) notification: &'static str,
    pub(super) unsubscribe: &'static str,
    pub(super) item: Schema,
}
