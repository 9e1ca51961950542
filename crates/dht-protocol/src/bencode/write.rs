//! Writing bencoding by pushing: no tree is built.

use core::ops::Range;

use arrayvec::ArrayVec;

use super::DEPTH_MAX;

const DIGITS: &[u8; 10] = b"0123456789";

/// Appends bencoded values to a buffer.
///
/// The caller brings the keys of a dictionary in ascending order and ends what it begins; debug
/// builds assert both. Entries are written as a key, then a value.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// For each open container, where its last key lies in `out`; empty before the first.
    open: ArrayVec<Range<usize>, DEPTH_MAX>,
}

impl<'a> Writer<'a> {
    /// Writes to the end of `out`.
    pub const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, open: ArrayVec::new_const() }
    }

    /// Begins a dictionary.
    pub fn begin_dict(&mut self) {
        self.begin(b'd');
    }

    /// Begins a list.
    pub fn begin_list(&mut self) {
        self.begin(b'l');
    }

    /// Ends the innermost dictionary or list.
    pub fn end(&mut self) {
        let ended = self.open.pop();
        debug_assert!(ended.is_some(), "nothing is open");
        self.out.push(b'e');
    }

    /// Writes a dictionary key; its value must follow.
    pub fn key(&mut self, key: &[u8]) {
        self.bytes(key);
        let end = self.out.len();
        if let Some(last) = self.open.last_mut() {
            debug_assert!(
                last.start == last.end || self.out.get(last.clone()).is_some_and(|last| last < key),
                "keys must ascend, and {:?} does not",
                String::from_utf8_lossy(key)
            );
            // An empty first key is indistinguishable from none, and any key may follow either.
            *last = end - key.len()..end;
        }
    }

    /// Writes an integer.
    pub fn int(&mut self, number: i64) {
        self.out.push(b'i');
        if number < 0 {
            self.out.push(b'-');
        }
        self.decimal(number.unsigned_abs());
        self.out.push(b'e');
    }

    /// Writes a string.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.begin_bytes(bytes.len());
        self.out.extend_from_slice(bytes);
    }

    /// Writes a string piece by piece; `append` must append `length` bytes in all.
    pub fn pieces(&mut self, length: usize, append: impl FnOnce(&mut Vec<u8>)) {
        self.begin_bytes(length);
        self.out.reserve(length);
        let start = self.out.len();
        append(self.out);
        debug_assert_eq!(
            self.out.len() - start,
            length,
            "the pieces' length was announced wrongly"
        );
    }

    /// Writes a value that is bencoded already.
    pub fn raw(&mut self, value: &[u8]) {
        debug_assert!(super::parse(value, super::KeyOrder::Any).is_ok(), "not a bencoded value");
        self.out.extend_from_slice(value);
    }

    fn begin(&mut self, mark: u8) {
        let pushed = self.open.try_push(0..0);
        debug_assert!(pushed.is_ok(), "nested deeper than anybody would read");
        self.out.push(mark);
    }

    fn begin_bytes(&mut self, length: usize) {
        self.decimal(length as u64);
        self.out.push(b':');
    }

    fn decimal(&mut self, mut number: u64) {
        const DIGITS_MAX: usize = 20;
        // Most lengths have one digit.
        if let Some(digit) = usize::try_from(number).ok().and_then(|at| DIGITS.get(at)) {
            self.out.push(*digit);
            return;
        }
        let mut digits = [b'0'; DIGITS_MAX];
        let mut first = DIGITS_MAX;
        loop {
            first -= 1;
            digits[first] = DIGITS[(number % 10) as usize];
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&digits[first..]);
    }
}
