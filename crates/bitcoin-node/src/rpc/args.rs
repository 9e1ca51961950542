//! Parameters: by place, by name, or both (`args`), checked as they are taken.
//!
//! **Spec:** Bitcoin Core, `transformNamedArguments`, `RPCTypeCheckObj`, `ParseHashV`.

use std::str::FromStr;

use serde_json::{Map, Value};

use super::fault::{Failure, code};

/// The parameters of a call, in the order of its method.
#[derive(Debug)]
pub(super) struct Args(Vec<Value>);

impl Args {
    /// Puts parameters in order. `names`: of each place.
    pub(super) fn new(params: Value, names: &[&str]) -> Result<Self, Failure> {
        let mut values = match params {
            Value::Array(values) => values,
            Value::Object(fields) => by_name(fields, names)?,
            _ => Vec::new(),
        };
        if values.len() > names.len() {
            let most = names.len();
            return Err(Failure::new(
                code::MISC,
                format!("expected at most {most} parameters, see help"),
            ));
        }
        while values.last().is_some_and(Value::is_null) {
            values.pop();
        }
        Ok(Self(values))
    }

    /// Returns what was given at a place, if anything.
    pub(super) fn get(&self, at: usize) -> Option<&Value> {
        self.0.get(at).filter(|value| !value.is_null())
    }

    fn need(&self, at: usize) -> Result<&Value, Failure> {
        let missing =
            || Failure::new(code::MISC, format!("parameter {} is missing, see help", at + 1));
        self.get(at).ok_or_else(missing)
    }

    pub(super) fn text(&self, at: usize) -> Result<&str, Failure> {
        let value = self.need(at)?;
        value.as_str().ok_or_else(|| wrong_type(value, "string"))
    }

    pub(super) fn text_or<'a>(&'a self, at: usize, default: &'a str) -> Result<&'a str, Failure> {
        if self.get(at).is_some() { self.text(at) } else { Ok(default) }
    }

    pub(super) fn integer(&self, at: usize) -> Result<i64, Failure> {
        integer_of(self.need(at)?)
    }

    pub(super) fn integer_or(&self, at: usize, default: i64) -> Result<i64, Failure> {
        if self.get(at).is_some() { self.integer(at) } else { Ok(default) }
    }

    pub(super) fn flag_or(&self, at: usize, default: bool) -> Result<bool, Failure> {
        match self.get(at) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| wrong_type(value, "bool")),
        }
    }

    /// A verbosity: a number, or a flag for 0 and 1.
    pub(super) fn verbosity(&self, at: usize, default: i64) -> Result<i64, Failure> {
        match self.get(at) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(i64::from(*flag)),
            Some(value) => integer_of(value),
        }
    }

    pub(super) fn list(&self, at: usize) -> Result<&[Value], Failure> {
        let value = self.need(at)?;
        value.as_array().map(Vec::as_slice).ok_or_else(|| wrong_type(value, "array"))
    }

    /// A hash: 64 hexadecimal digits.
    pub(super) fn hash<T: FromStr>(&self, at: usize, name: &str) -> Result<T, Failure> {
        hash_of(self.text(at)?, name)
    }

    /// An amount in bitcoins, as satoshis.
    pub(super) fn amount_or(&self, at: usize, default: u64) -> Result<u64, Failure> {
        let Some(value) = self.get(at) else { return Ok(default) };
        amount_of(value)
    }
}

/// Reads a hash.
pub(super) fn hash_of<T: FromStr>(text: &str, name: &str) -> Result<T, Failure> {
    if text.len() != 64 {
        return Err(Failure::new(
            code::PARAMETER,
            format!("{name} must be of length 64 (not {}, for '{text}')", text.len()),
        ));
    }
    let wrong = |_| {
        Failure::new(code::PARAMETER, format!("{name} must be hexadecimal string (not '{text}')"))
    };
    text.parse().map_err(wrong)
}

/// Reads an amount in bitcoins.
pub(super) fn amount_of(value: &Value) -> Result<u64, Failure> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return Err(Failure::new(code::TYPE, "Amount is not a number or string")),
    };
    let parsed: f64 = text.parse().map_err(|_| Failure::new(code::TYPE, "Invalid amount"))?;
    let satoshis = (parsed * 1e8).round();
    if !(0.0..=21e14).contains(&satoshis) {
        return Err(Failure::new(code::TYPE, "Amount out of range"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in range, see above"
    )]
    Ok(satoshis as u64)
}

fn integer_of(value: &Value) -> Result<i64, Failure> {
    if !value.is_number() {
        return Err(wrong_type(value, "number"));
    }
    value.as_i64().ok_or_else(|| Failure::new(code::MISC, "JSON integer out of range"))
}

fn by_name(mut fields: Map<String, Value>, names: &[&str]) -> Result<Vec<Value>, Failure> {
    let mut values = match fields.remove("args") {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    };
    let placed = values.len();
    for (at, names) in names.iter().enumerate() {
        let Some(value) = names.split('|').find_map(|name| fields.remove(name)) else { continue };
        if at < placed {
            let message =
                format!("Parameter {names} specified twice both as positional and named argument");
            return Err(Failure::new(code::PARAMETER, message));
        }
        if values.len() <= at {
            values.resize(at + 1, Value::Null);
        }
        values[at] = value;
    }
    match fields.keys().next() {
        Some(unknown) => {
            Err(Failure::new(code::PARAMETER, format!("Unknown named parameter {unknown}")))
        }
        None => Ok(values),
    }
}

pub(super) fn wrong_type(value: &Value, expected: &str) -> Failure {
    let actual = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let message = format!("JSON value of type {actual} is not of expected type {expected}");
    Failure::new(code::TYPE, message)
}
