//! The description of one method.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use super::document::{
    ContentDescriptor, ErrorDescription, ExampleObject, ExamplePairing, MethodObject,
    SubscriptionObject,
};

/// Makes a type's schema when the document is built; all schemas of a document share one generator.
type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// Describes one method: what it is for, what it takes, what it gives, and how it fails.
///
/// ```
/// use quintet_rpc::{Method, code};
/// use serde_json::json;
///
/// let method = Method::new("echo_repeat", "Repeats a text.")
///     .param::<String>("text", "The text.")
///     .optional::<u8>("times", "How often; once if absent.")
///     .result::<String>("repeated", "The text, repeated.")
///     .error(code::INVALID_PARAMS, "`times` is above 100")
///     .example("twice", json!(["ab", 2]), json!("abab"));
/// ```
#[derive(Debug, Clone)]
pub struct Method {
    pub(super) name: &'static str,
    summary: &'static str,
    description: Option<&'static str>,
    params: Vec<Param>,
    result: Content,
    errors: Vec<ErrorDescription>,
    examples: Vec<Example>,
    subscription: Option<Subscription>,
}

#[derive(Debug, Clone, Copy)]
struct Content {
    name: &'static str,
    summary: &'static str,
    schema: SchemaOf,
}

#[derive(Debug, Clone, Copy)]
struct Param {
    content: Content,
    required: bool,
}

#[derive(Debug, Clone)]
struct Example {
    name: &'static str,
    params: Value,
    result: Value,
}

#[derive(Debug, Clone, Copy)]
struct Subscription {
    notification: &'static str,
    unsubscribe: &'static str,
    item: SchemaOf,
}

impl Method {
    /// A method without parameters whose result is `null`.
    #[must_use]
    pub fn new(name: &'static str, summary: &'static str) -> Self {
        let result = Content { name: "nothing", summary: "", schema: schema_of::<()> };
        let (params, errors, examples) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            name,
            summary,
            description: None,
            params,
            result,
            errors,
            examples,
            subscription: None,
        }
    }

    /// The subscription that `subscribe` starts and `unsubscribe` ends. Each item comes as a notification with the
    /// method name `notification`. The unsubscribing method is described along with it.
    #[must_use]
    pub fn subscription<Item: JsonSchema>(
        subscribe: &'static str,
        notification: &'static str,
        unsubscribe: &'static str,
        summary: &'static str,
    ) -> Self {
        let subscription = Subscription { notification, unsubscribe, item: schema_of::<Item> };
        Self { subscription: Some(subscription), ..Self::new(subscribe, summary) }.result::<String>(
            "subscription",
            "The id that every notification carries and that ends the subscription.",
        )
    }

    /// Longer text, in Markdown.
    #[must_use]
    pub fn description(mut self, text: &'static str) -> Self {
        self.description = Some(text);
        self
    }

    /// Adds a parameter that must be given. Required parameters come before optional ones.
    #[must_use]
    pub fn param<T: JsonSchema>(mut self, name: &'static str, summary: &'static str) -> Self {
        self.params.push(Param {
            content: Content { name, summary, schema: schema_of::<T> },
            required: true,
        });
        self
    }

    /// Adds a parameter that may be left out.
    #[must_use]
    pub fn optional<T: JsonSchema>(mut self, name: &'static str, summary: &'static str) -> Self {
        self.params.push(Param {
            content: Content { name, summary, schema: schema_of::<T> },
            required: false,
        });
        self
    }

    /// Names the result and its type.
    #[must_use]
    pub fn result<T: JsonSchema>(mut self, name: &'static str, summary: &'static str) -> Self {
        self.result = Content { name, summary, schema: schema_of::<T> };
        self
    }

    /// Adds an error a client should be ready for.
    #[must_use]
    pub fn error(mut self, code: i32, message: &'static str) -> Self {
        self.errors.push(ErrorDescription { code, message });
        self
    }

    /// Adds an example: an array of parameters in order, and the result they give.
    #[must_use]
    pub fn example(mut self, name: &'static str, params: Value, result: Value) -> Self {
        self.examples.push(Example { name, params, result });
        self
    }

    /// The names this description stands for: its own and, for a subscription, the unsubscribing method's.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name)
            .chain(self.subscription.map(|subscription| subscription.unsubscribe))
    }

    /// What is wrong with the description itself.
    pub(super) fn fault(&self) -> Option<String> {
        let required = self.params.iter().filter(|param| param.required).count();
        if self.params.iter().take(required).any(|param| !param.required) {
            return Some("a required parameter comes after an optional one".to_owned());
        }
        self.examples.iter().find_map(|example| {
            let given = example.params.as_array().map(Vec::len);
            let fits = given.is_some_and(|given| (required..=self.params.len()).contains(&given));
            let (name, most) = (example.name, self.params.len());
            (!fits).then(|| {
                format!("example {name:?}: expected an array of {required} to {most} parameters")
            })
        })
    }

    /// The objects of the document: one, or two for a subscription.
    pub(super) fn objects(&self, generator: &mut SchemaGenerator) -> Vec<MethodObject> {
        let subscription = self.subscription.map(|subscription| SubscriptionObject {
            notification: subscription.notification,
            unsubscribe: subscription.unsubscribe,
            item: (subscription.item)(generator),
        });
        let subscribing = MethodObject {
            name: self.name,
            summary: self.summary,
            description: self.description,
            param_structure: "by-position",
            params: self
                .params
                .iter()
                .map(|param| param.content.descriptor(param.required, generator))
                .collect(),
            result: self.result.descriptor(true, generator),
            errors: self.errors.clone(),
            examples: self.examples.iter().map(|example| self.pairing(example)).collect(),
            subscription,
        };
        let unsubscribing =
            self.subscription.map(|subscription| Self::unsubscribing(subscription.unsubscribe));
        std::iter::once(subscribing)
            .chain(unsubscribing.into_iter().flat_map(|method| method.objects(generator)))
            .collect()
    }

    fn unsubscribing(name: &'static str) -> Self {
        Self::new(name, "Ends a subscription.")
            .param::<String>("subscription", "The id that subscribing returned.")
            .result::<bool>("ended", "Whether there was such a subscription on this connection.")
    }

    fn pairing(&self, example: &Example) -> ExamplePairing {
        let values = example.params.as_array().cloned().unwrap_or_default();
        let params = self
            .params
            .iter()
            .zip(values)
            .map(|(param, value)| ExampleObject { name: param.content.name, value });
        ExamplePairing {
            name: example.name,
            params: params.collect(),
            result: ExampleObject { name: self.result.name, value: example.result.clone() },
        }
    }
}

impl Content {
    fn descriptor(self, required: bool, generator: &mut SchemaGenerator) -> ContentDescriptor {
        ContentDescriptor {
            name: self.name,
            summary: self.summary,
            required,
            schema: (self.schema)(generator),
        }
    }
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = generator.subschema_for::<T>();
    // The generator applies the draft's rewriting to its definitions only.
    for transform in generator.transforms_mut() {
        transform.transform(&mut schema);
    }
    schema
}
