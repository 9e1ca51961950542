//! An OpenRPC document as a page for people: methods by family, then the types they speak of.

use std::{collections::BTreeMap, fmt::Write as _};

use quintet_rpc::code;
use serde_json::Value;

use super::types;

/// What every method may answer, whatever it does.
const EVERYWHERE: [(i32, &str); 14] = [
    (code::PARSE_ERROR, "the text is not JSON"),
    (code::INVALID_REQUEST, "the JSON is not a request, or nests too deep"),
    (code::METHOD_NOT_FOUND, "no method has this name"),
    (code::INVALID_PARAMS, "a parameter is missing, one too many, or not what is expected"),
    (
        code::INTERNAL_ERROR,
        "the node is at fault; its log tells more under the reference in the message",
    ),
    (code::UNAUTHORIZED, "the request carries no credential that is accepted"),
    (code::FORBIDDEN, "its `Host` or `Origin` is not allowed"),
    (code::RATE_LIMITED, "the client asks faster than it may"),
    (code::REQUEST_TOO_LARGE, "the request is larger than allowed"),
    (code::RESPONSE_TOO_LARGE, "the answer is larger than allowed"),
    (code::BATCH_TOO_LARGE, "the batch has more calls than allowed"),
    (code::BATCH_RESPONSE_TOO_LARGE, "the answers to a batch are together larger than allowed"),
    (code::TIMED_OUT, "the call took longer than it may"),
    (code::NEEDS_WEBSOCKET, "the method needs a WebSocket connection, outside a batch"),
];

/// Writes the page.
pub(super) fn render(title: &str, document: &Value) -> String {
    let methods = document["methods"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut families: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for method in methods {
        let name = text(method, "name");
        let family = name.split_once('_').map_or(name, |(family, _)| family);
        families.entry(family).or_default().push(method);
    }
    let mut out = format!("# {title}\n\n");
    let count = methods.len();
    put(
        &mut out,
        &format!(
            "{count} methods, JSON-RPC 2.0. Written by `cargo xtask docs --quintet BINARY` from what the node itself serves at `/openrpc.json`; do not edit."
        ),
    );
    put(&mut out, "\nParameters come by position; those in parentheses may be left out.\n\n");
    for (family, methods) in &families {
        let names = methods.iter().map(|method| {
            let name = text(method, "name");
            format!("[`{name}`](#{})", anchor(name))
        });
        let names: Vec<_> = names.collect();
        put(&mut out, &format!("- **{family}**: {}\n", names.join(" ")));
    }
    put(&mut out, "\n## Errors of every method\n\n| code | when |\n|---|---|\n");
    for (code, when) in EVERYWHERE {
        put(&mut out, &format!("| {code} | {when} |\n"));
    }
    for (family, methods) in &families {
        put(&mut out, &format!("\n## {family}\n"));
        for method in methods {
            one(&mut out, method);
        }
    }
    types::table(&mut out, &document["components"]["schemas"]);
    out
}

fn put(out: &mut String, text: &str) {
    // Writing to a string does not fail.
    let _ = out.write_str(text);
}

/// A text field, empty if there is none.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The anchor that a heading with this name gets.
pub(super) fn anchor(name: &str) -> String {
    name.to_ascii_lowercase().replace('.', "")
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn one(out: &mut String, method: &Value) {
    put(out, &format!("\n### {}\n\n{}\n", text(method, "name"), text(method, "summary")));
    let description = text(method, "description");
    if !description.is_empty() {
        put(out, &format!("{description}\n"));
    }
    put(out, "\n");
    for param in list(method, "params") {
        let name = text(param, "name");
        let name =
            if param["required"] == true { format!("`{name}`") } else { format!("(`{name}`)") };
        described(out, &name, param);
    }
    described(out, &format!("gives `{}`", text(&method["result"], "name")), &method["result"]);
    let subscription = &method["x-subscription"];
    if subscription.is_object() {
        let (notification, end) =
            (text(subscription, "notification"), text(subscription, "unsubscribe"));
        put(out, &format!("- tells by `{notification}`; `{end}` ends it\n"));
    }
    for error in list(method, "errors") {
        put(out, &format!("- error {}: {}\n", error["code"], text(error, "message")));
    }
    for example in list(method, "examples") {
        let params = list(example, "params").iter().map(|param| param["value"].to_string());
        let params: Vec<_> = params.collect();
        let result = &example["result"]["value"];
        put(
            out,
            &format!("- {}: `[{}]` gives `{result}`\n", text(example, "name"), params.join(",")),
        );
    }
}

fn described(out: &mut String, name: &str, what: &Value) {
    let summary = text(what, "summary");
    let colon = if summary.is_empty() { "" } else { ": " };
    put(out, &format!("- {name}, {}{colon}{summary}\n", types::of(&what["schema"])));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_tells_what_a_method_takes_gives_and_fails_with() {
        let document = json!({
            "methods": [{
                "name": "eth_call", "summary": "Runs a call.",
                "params": [
                    {"name": "call", "summary": "The call.", "required": true, "schema": {"$ref": "#/components/schemas/Call"}},
                    {"name": "block", "summary": "", "required": false, "schema": {"type": ["string", "null"]}},
                ],
                "result": {"name": "output", "summary": "What it returned.", "required": true, "schema": {"type": "string"}},
                "errors": [{"code": 3, "message": "it reverted"}],
            }],
            "components": {"schemas": {"Call": {"type": "object", "description": "A call."}}},
        });
        let page = render("Methods", &document);
        for line in [
            "- **eth**: [`eth_call`](#eth_call)",
            "- `call`, [Call](#types): The call.",
            "- (`block`), string or null",
            "- gives `output`, string: What it returned.",
            "- error 3: it reverted",
            "| Call | object | A call. |",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
    }
}
