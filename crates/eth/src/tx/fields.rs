//! A reader of RLP lists that knows what each field is called.

use alloy_primitives::{Address, U256};

/// What is wrong with one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// It says it is longer than what is there.
    #[error("it is said to be {expected} bytes long, {actual} are left")]
    Truncated {
        /// Bytes it says it has.
        expected: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// Its length is written with zeros in front, or in the long form where the short one does.
    #[error("its length is not written in the shortest form")]
    LengthForm,
    /// One byte below 0x80 with a length in front of it.
    #[error("a single byte below 0x80 is its own encoding, expected no length in front of it")]
    ByteForm,
    /// A list in place of bytes.
    #[error("expected bytes, got a list")]
    List,
    /// Bytes in place of a list.
    #[error("expected a list, got bytes")]
    Bytes,
    /// A number with zeros in front.
    #[error("expected a number without zeros in front")]
    LeadingZeros,
    /// A number that is too large.
    #[error("expected a number of at most {bits} bits")]
    Large {
        /// What it may have.
        bits: usize,
    },
    /// Bytes of another length.
    #[error("expected {expected} bytes, got {actual}")]
    Length {
        /// Bytes it should have.
        expected: usize,
        /// Bytes it has.
        actual: usize,
    },
    /// Neither true nor false.
    #[error("expected 0 or 1")]
    Bool,
}

/// Why bytes are no transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TxDecodeError {
    /// Nothing.
    #[error("expected a transaction, got no bytes")]
    Empty,
    /// A type nobody knows.
    #[error("transaction type {actual:#04x} is not known, expected 0 to 4 or 0x7e, or a list")]
    Type {
        /// The first byte.
        actual: u8,
    },
    /// The list itself is malformed.
    #[error("the transaction's list is malformed: {0}")]
    Outer(FieldProblem),
    /// A field is malformed.
    #[error("field `{field}` is malformed: {problem}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        problem: FieldProblem,
    },
    /// The list ends too early.
    #[error("the list ends before field `{field}`")]
    Missing {
        /// The first field that is not there.
        field: &'static str,
    },
    /// A list goes on behind its last field.
    #[error("`{list}` goes on for {bytes} bytes behind its last field")]
    Surplus {
        /// The list.
        list: &'static str,
        /// Bytes left.
        bytes: usize,
    },
    /// Bytes behind the transaction.
    #[error("{bytes} bytes follow the transaction")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

/// One item of RLP.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) is_list: bool,
    pub(super) payload: &'a [u8],
}

/// Takes the first item of `buffer`, whose length must be in its shortest form.
pub(super) fn take<'a>(buffer: &mut &'a [u8]) -> Result<Item<'a>, FieldProblem> {
    let truncated = |expected| FieldProblem::Truncated { expected, actual: buffer.len() };
    let (first, rest) = buffer.split_first().ok_or(truncated(1))?;
    let (is_list, length, rest) = match first {
        0..0x80 => {
            let (own, rest) = buffer.split_at_checked(1).ok_or(truncated(1))?;
            *buffer = rest;
            return Ok(Item { is_list: false, payload: own });
        }
        0x80..0xb8 => (false, usize::from(first - 0x80), rest),
        0xb8..0xc0 => {
            let (length, rest) = long_length(usize::from(first - 0xb7), rest)?;
            (false, length, rest)
        }
        0xc0..0xf8 => (true, usize::from(first - 0xc0), rest),
        0xf8.. => {
            let (length, rest) = long_length(usize::from(first - 0xf7), rest)?;
            (true, length, rest)
        }
    };
    let (payload, rest) = rest
        .split_at_checked(length)
        .ok_or(FieldProblem::Truncated { expected: length, actual: rest.len() })?;
    if let ([0..0x80], false) = (payload, is_list) {
        return Err(FieldProblem::ByteForm);
    }
    *buffer = rest;
    Ok(Item { is_list, payload })
}

fn long_length(bytes: usize, rest: &[u8]) -> Result<(usize, &[u8]), FieldProblem> {
    let (digits, behind) = rest
        .split_at_checked(bytes)
        .ok_or(FieldProblem::Truncated { expected: bytes, actual: rest.len() })?;
    if digits.first() == Some(&0) {
        return Err(FieldProblem::LengthForm);
    }
    let length = digits.iter().try_fold(0_usize, |length, digit| {
        length.checked_mul(256).map(|length| length | usize::from(*digit))
    });
    // More than the address space holds is more than there is.
    let length = length.unwrap_or(usize::MAX);
    if length < 56 { Err(FieldProblem::LengthForm) } else { Ok((length, behind)) }
}

/// The fields of a list, read one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    list: &'static str,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) const fn new(list: &'static str, payload: &'a [u8]) -> Self {
        Self { list, rest: payload }
    }

    /// What is not read yet.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn item(&mut self, field: &'static str) -> Result<Item<'a>, TxDecodeError> {
        if self.rest.is_empty() {
            return Err(TxDecodeError::Missing { field });
        }
        take(&mut self.rest).map_err(|problem| TxDecodeError::Field { field, problem })
    }

    pub(super) fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], TxDecodeError> {
        let item = self.item(field)?;
        if item.is_list {
            return Err(TxDecodeError::Field { field, problem: FieldProblem::List });
        }
        Ok(item.payload)
    }

    pub(super) fn list(&mut self, field: &'static str) -> Result<Self, TxDecodeError> {
        let item = self.item(field)?;
        if !item.is_list {
            return Err(TxDecodeError::Field { field, problem: FieldProblem::Bytes });
        }
        Ok(Self::new(field, item.payload))
    }

    pub(super) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], TxDecodeError> {
        let bytes = self.bytes(field)?;
        bytes.try_into().map_err(|_| TxDecodeError::Field {
            field,
            problem: FieldProblem::Length { expected: N, actual: bytes.len() },
        })
    }

    pub(super) fn number(&mut self, field: &'static str) -> Result<U256, TxDecodeError> {
        let bytes = self.bytes(field)?;
        if bytes.first() == Some(&0) {
            return Err(TxDecodeError::Field { field, problem: FieldProblem::LeadingZeros });
        }
        U256::try_from_be_slice(bytes)
            .ok_or(TxDecodeError::Field { field, problem: FieldProblem::Large { bits: 256 } })
    }

    pub(super) fn u64(&mut self, field: &'static str) -> Result<u64, TxDecodeError> {
        let number = self.number(field)?;
        u64::try_from(number)
            .map_err(|_| TxDecodeError::Field { field, problem: FieldProblem::Large { bits: 64 } })
    }

    pub(super) fn flag(&mut self, field: &'static str) -> Result<bool, TxDecodeError> {
        match self.bytes(field)? {
            [] => Ok(false),
            [1] => Ok(true),
            [0, ..] => Err(TxDecodeError::Field { field, problem: FieldProblem::LeadingZeros }),
            _ => Err(TxDecodeError::Field { field, problem: FieldProblem::Bool }),
        }
    }

    /// An address, or nothing for a contract to be made.
    pub(super) fn to(&mut self, field: &'static str) -> Result<Option<Address>, TxDecodeError> {
        let mut ahead = *self;
        if ahead.bytes(field)?.is_empty() {
            *self = ahead;
            return Ok(None);
        }
        self.array(field).map(|bytes| Some(Address::new(bytes)))
    }

    pub(super) const fn finish(self) -> Result<(), TxDecodeError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(TxDecodeError::Surplus { list: self.list, bytes: self.rest.len() })
    }
}
