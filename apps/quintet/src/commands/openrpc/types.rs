//! JSON Schema in few words.

use std::fmt::Write as _;

use serde_json::Value;

use super::page::text;

/// Where definitions are.
const DEFINITIONS: &str = "#/components/schemas/";

/// Deepest nesting of types that is told; what is below is only named.
const DEPTH_MAX: usize = 3;

/// Says what a value is.
pub(super) fn of(schema: &Value) -> String {
    words(schema, 0)
}

fn words(schema: &Value, depth: usize) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix(DEFINITIONS)) {
        return format!("[{name}](#types)");
    }
    for name in ["oneOf", "anyOf", "allOf"] {
        if let Some(choices) = schema[name].as_array() {
            let mut choices: Vec<_> = choices.iter().map(|one| words(one, depth)).collect();
            choices.dedup();
            return choices.join(" or ");
        }
    }
    if let Some(choices) = schema["enum"].as_array() {
        let choices: Vec<_> = choices.iter().map(|choice| format!("`{choice}`")).collect();
        return choices.join(" or ");
    }
    if let Some(value) = schema.get("const") {
        return format!("`{value}`");
    }
    match &schema["type"] {
        Value::Array(kinds) => {
            let kinds = kinds.iter().filter_map(Value::as_str);
            kinds.map(|kind| one(kind, schema, depth)).collect::<Vec<_>>().join(" or ")
        }
        Value::String(kind) => one(kind, schema, depth),
        _ => "anything".to_owned(),
    }
}

fn one(kind: &str, schema: &Value, depth: usize) -> String {
    match kind {
        "array" if schema["items"].is_object() => {
            format!("list of {}", words(&schema["items"], depth))
        }
        "array" => "list".to_owned(),
        "object" if depth < DEPTH_MAX => object(schema, depth),
        other => other.to_owned(),
    }
}

fn object(schema: &Value, depth: usize) -> String {
    let Some(fields) = schema["properties"].as_object().filter(|fields| !fields.is_empty()) else {
        return match &schema["additionalProperties"] {
            values @ Value::Object(_) => format!("object of {} by name", words(values, depth + 1)),
            _ => "object".to_owned(),
        };
    };
    let needed = |name: &str| {
        schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name))
    };
    let fields = fields.iter().map(|(name, field)| {
        let mark = if needed(name) { "" } else { "?" };
        format!("`{name}`{mark} {}", words(field, depth + 1))
    });
    format!("object: {}", fields.collect::<Vec<_>>().join(", "))
}

/// Writes the table of all types.
pub(super) fn table(out: &mut String, schemas: &Value) {
    let Some(schemas) = schemas.as_object().filter(|schemas| !schemas.is_empty()) else { return };
    out.push_str("\n## Types\n\nA field with a question mark may be left out.\n\n| type | what it is | |\n|---|---|---|\n");
    for (name, schema) in schemas {
        let told = text(schema, "description").replace(['\n', '|'], " ");
        // Writing to a string does not fail.
        let _ = writeln!(out, "| {name} | {} | {told} |", of(schema).replace('|', " "));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_told_in_few_words() {
        for (schema, expected) in [
            (
                json!({"type": "array", "items": {"$ref": "#/components/schemas/Log"}}),
                "list of [Log](#types)",
            ),
            (json!({"oneOf": [{"type": "object"}, {"type": "null"}]}), "object or null"),
            (json!({"enum": ["a", "b"]}), "`\"a\"` or `\"b\"`"),
            (
                json!({"type": "object", "additionalProperties": {"type": "string"}}),
                "object of string by name",
            ),
            (
                json!({"type": "object", "properties": {"id": {"type": "string"}, "n": {"type": "integer"}}, "required": ["id"]}),
                "object: `id` string, `n`? integer",
            ),
            (json!({}), "anything"),
        ] {
            assert_eq!(of(&schema), expected);
        }
    }
}
