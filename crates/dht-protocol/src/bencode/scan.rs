//! One pass over the input with a stack of fixed size: the only place that judges bencoding.

use arrayvec::ArrayVec;

use super::{Error, Expected, Value};

/// Most lists and dictionaries that may be open at once. KRPC needs four.
pub const DEPTH_MAX: usize = 32;

/// Most values in one input, dictionary keys not counted. A packet has room for half as many.
pub const ITEMS_MAX: usize = 4_096;

/// Most digits of a string's length: no string of 100 MB comes in a packet.
pub const LENGTH_DIGITS_MAX: usize = 8;

/// Which order of dictionary keys is accepted; see the [module](super).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOrder {
    /// Ascending and unique, as BEP 3 demands.
    Sorted,
    /// Any; of equal keys the first counts.
    Any,
}

/// Checks that `input` is one bencoded value and nothing after it.
///
/// # Errors
///
/// [`Error`] says what was expected at which byte.
pub fn parse(input: &[u8], order: KeyOrder) -> Result<Value<'_>, Error> {
    parse_bounded(input, order, ITEMS_MAX)
}

/// Checks that `input` is one bencoded value in its one strict spelling, as BEP 44 wants it.
///
/// # Errors
///
/// [`Error`] says what was expected at which byte.
pub fn validate(input: &[u8]) -> Result<(), Error> {
    parse(input, KeyOrder::Sorted).map(|_| ())
}

/// Does what [`parse`] does, with a limit on the number of values of the caller's choice.
///
/// # Errors
///
/// [`Error`] says what was expected at which byte.
pub fn parse_bounded(input: &[u8], order: KeyOrder, items_max: usize) -> Result<Value<'_>, Error> {
    let mut scanner = Scanner { input, at: 0, order, open: ArrayVec::new() };
    let mut items = 0;
    loop {
        items += 1;
        if items > items_max {
            return Err(scanner.error(Expected::FewerItems { limit: items_max }));
        }
        scanner.value()?;
        if scanner.between_values()? {
            return Ok(Value::new(input));
        }
    }
}

/// A list or dictionary whose `e` is still to come.
enum Open<'a> {
    List,
    Dict { last_key: Option<&'a [u8]> },
}

struct Scanner<'a> {
    input: &'a [u8],
    at: usize,
    order: KeyOrder,
    open: ArrayVec<Open<'a>, DEPTH_MAX>,
}

impl<'a> Scanner<'a> {
    /// Reads an integer or a string, or the first byte of a list or dictionary.
    fn value(&mut self) -> Result<(), Error> {
        let opened = match self.peek() {
            Some(b'i') => return self.integer(),
            Some(b'0'..=b'9') => return self.string().map(|_| ()),
            Some(b'l') => Open::List,
            Some(b'd') => Open::Dict { last_key: None },
            _ => return Err(self.error(Expected::Value)),
        };
        self.open.try_push(opened).map_err(|_| self.error(Expected::LessDepth))?;
        self.at += 1;
        Ok(())
    }

    /// Reads what may stand between two values: ends of containers, then perhaps a key. Returns
    /// whether the outermost value is complete.
    fn between_values(&mut self) -> Result<bool, Error> {
        loop {
            let last_key = match self.open.last() {
                None if self.at == self.input.len() => return Ok(true),
                None => return Err(self.error(Expected::End)),
                Some(Open::List) if self.peek() != Some(b'e') => return Ok(false),
                Some(Open::Dict { last_key }) if self.peek() != Some(b'e') => *last_key,
                Some(_) => {
                    self.at += 1;
                    self.open.pop();
                    continue;
                }
            };
            let key = self.key(last_key)?;
            if let Some(Open::Dict { last_key }) = self.open.last_mut() {
                *last_key = Some(key);
            }
            return Ok(false);
        }
    }

    fn key(&mut self, last_key: Option<&[u8]>) -> Result<&'a [u8], Error> {
        let start = self.at;
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.error(Expected::Key));
        }
        let key = self.string()?;
        match last_key {
            Some(last) if self.order == KeyOrder::Sorted && key == last => {
                Err(self.error_at(start, Expected::KeyUnused))
            }
            Some(last) if self.order == KeyOrder::Sorted && key < last => {
                Err(self.error_at(start, Expected::KeyInOrder))
            }
            _ => Ok(key),
        }
    }

    /// Reads `i`, digits and `e`.
    fn integer(&mut self) -> Result<(), Error> {
        self.at += 1;
        let start = self.at;
        let negative = self.peek() == Some(b'-');
        self.at += usize::from(negative);
        let first = self.at;
        // Negative integers reach one further, so the sum is kept below zero.
        let mut sum = Some(0_i64);
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            let digit = i64::from(byte - b'0');
            sum = sum.and_then(|sum| sum.checked_mul(10)?.checked_sub(digit));
            self.at += 1;
        }
        if self.at == first {
            return Err(self.error(Expected::Digit));
        }
        if self.peek() != Some(b'e') {
            return Err(self.error(Expected::DigitOrEnd));
        }
        if self.input[first] == b'0' && (negative || self.at - first > 1) {
            return Err(self.error_at(start, Expected::CanonicalInteger));
        }
        if sum.is_none_or(|sum| !negative && sum == i64::MIN) {
            return Err(self.error(Expected::IntegerInRange));
        }
        self.at += 1;
        Ok(())
    }

    /// Reads a length, `:` and as many bytes; a digit stands here.
    fn string(&mut self) -> Result<&'a [u8], Error> {
        let start = self.at;
        let mut length = 0_i64;
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            let digit = i64::from(byte - b'0');
            length = length
                .checked_mul(10)
                .and_then(|length| length.checked_add(digit))
                .ok_or_else(|| self.error(Expected::LengthInRange))?;
            self.at += 1;
        }
        if self.peek() != Some(b':') {
            return Err(self.error(Expected::DigitOrColon));
        }
        if self.at - start > LENGTH_DIGITS_MAX {
            return Err(self.error_at(start, Expected::ShortLength));
        }
        if self.input[start] == b'0' && self.at - start > 1 {
            return Err(self.error_at(start, Expected::CanonicalLength));
        }
        let rest = &self.input[self.at + 1..];
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(string) = rest.get(..length) else {
            return Err(self.error(Expected::StringBytes { length, left: rest.len() }));
        };
        self.at += 1 + length;
        Ok(string)
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    fn error(&self, expected: Expected) -> Error {
        self.error_at(self.at, expected)
    }

    fn error_at(&self, offset: usize, expected: Expected) -> Error {
        Error { offset, expected, found: self.input.get(offset).copied() }
    }
}
