//! A file of JSON objects, one after the other or in one list, given out one at a time.
//!
//! ```text
//!   {…} {…} {…}        one a line, or not
//!   [{…}, {…}, {…}]    as Python's `json.dump` writes a list
//! ```
//!
//! Only the ends of objects are looked for here; what is between them is read by who asks. No more than one object is held.

use std::io::BufRead;

use super::error::DocumentError;

/// Largest object, bytes: what the Python node's network took at once, twice over for the hexadecimal of transactions.
pub const DOCUMENT_BYTES_MAX: usize = 32 << 20;

/// Where in the file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing but blanks so far.
    Start,
    /// Between objects that stand by themselves.
    Bare,
    /// In a list, before an object or its end.
    ListStart,
    /// In a list, after an object.
    ListAfter,
    /// In a list, after a comma.
    ListComma,
    /// After the list.
    End,
}

/// The objects of a file.
#[derive(Debug)]
pub struct Documents<R> {
    input: R,
    place: Place,
    object: Vec<u8>,
    /// Bytes read.
    read: u64,
    failed: bool,
}

/// What has been seen of an object.
#[derive(Debug, Default)]
struct Nesting {
    depth: u32,
    in_text: bool,
    escaped: bool,
}

impl Nesting {
    /// Takes a byte; true if it ends the object.
    const fn ends_with(&mut self, byte: u8) -> bool {
        if self.in_text {
            match (self.escaped, byte) {
                (true, _) => self.escaped = false,
                (false, b'\\') => self.escaped = true,
                (false, b'"') => self.in_text = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

impl<R: BufRead> Documents<R> {
    /// Reads from here.
    pub const fn new(input: R) -> Self {
        Self { input, place: Place::Start, object: Vec::new(), read: 0, failed: false }
    }

    /// Returns the bytes read so far.
    pub const fn bytes_read(&self) -> u64 {
        self.read
    }

    /// Returns the next object; none at the end, and after an error.
    ///
    /// # Errors
    ///
    /// [`DocumentError`] if it is cut short, too large, or something else is there.
    pub fn next_object(&mut self) -> Result<Option<&[u8]>, DocumentError> {
        if self.failed {
            return Ok(None);
        }
        let found = self.find();
        self.failed = found.is_err();
        Ok(found?.then_some(self.object.as_slice()))
    }

    fn find(&mut self) -> Result<bool, DocumentError> {
        if !self.skip_between()? {
            return Ok(false);
        }
        self.object.clear();
        let mut nesting = Nesting::default();
        loop {
            let bytes = self.input.fill_buf()?;
            if bytes.is_empty() {
                return Err(DocumentError::Cut { at: self.read });
            }
            let end = bytes.iter().position(|byte| nesting.ends_with(*byte));
            let taken = end.map_or(bytes.len(), |end| end + 1);
            if self.object.len() + taken > DOCUMENT_BYTES_MAX {
                return Err(DocumentError::Large { at: self.read, most: DOCUMENT_BYTES_MAX });
            }
            self.object.extend(bytes.iter().take(taken));
            self.advance(taken);
            if end.is_some() {
                break;
            }
        }
        self.place = if self.place == Place::Bare { Place::Bare } else { Place::ListAfter };
        Ok(true)
    }

    /// Goes to the next `{`; false if there is none.
    fn skip_between(&mut self) -> Result<bool, DocumentError> {
        loop {
            let Some(byte) = self.input.fill_buf()?.first().copied() else {
                return match self.place {
                    Place::Start | Place::Bare | Place::End => Ok(false),
                    Place::ListStart | Place::ListAfter | Place::ListComma => {
                        Err(DocumentError::Cut { at: self.read })
                    }
                };
            };
            self.place = match (self.place, byte) {
                (place, b' ' | b'\t' | b'\r' | b'\n') => place,
                (Place::Start | Place::Bare, b'{') => {
                    self.place = Place::Bare;
                    return Ok(true);
                }
                (Place::ListStart | Place::ListComma, b'{') => return Ok(true),
                (Place::Start, b'[') => Place::ListStart,
                (Place::ListStart | Place::ListAfter, b']') => Place::End,
                (Place::ListAfter, b',') => Place::ListComma,
                _ => return Err(DocumentError::Stray { at: self.read, actual: byte }),
            };
            self.advance(1);
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.input.consume(bytes);
        self.read = self.read.saturating_add(bytes as u64);
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn all(text: &str) -> Result<Vec<String>, String> {
        // A small buffer, so that objects lie across its ends.
        let mut documents = Documents::new(BufReader::with_capacity(3, text.as_bytes()));
        let mut found = Vec::new();
        loop {
            match documents.next_object() {
                Ok(Some(object)) => found.push(String::from_utf8(object.to_vec()).unwrap()),
                Ok(None) => return Ok(found),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    #[test]
    fn objects_come_one_by_one_from_lines_and_from_lists() {
        let objects = vec![r#"{"a": [1, {"b": "}]\"{"}]}"#.to_owned(), "{}".to_owned()];
        let [first, second] = [&objects[0], &objects[1]];
        assert_eq!(all(&format!("{first}\n{second}\n")), Ok(objects.clone()));
        assert_eq!(all(&format!("\n[{first} ,\n {second}]\n")), Ok(objects.clone()));
        assert_eq!(all(""), Ok(vec![]));
        assert_eq!(all("[]"), Ok(vec![]));
    }

    #[test]
    fn what_is_cut_short_or_something_else_is_refused_where_it_stands() {
        for text in [r#"{"a""#, "[", "[{}", "[{},"] {
            assert!(all(text).unwrap_err().contains("ends"), "{text}");
        }
        for text in ["x", "[{}{}]", "{},{}", "[,{}]", "[{}] {}", "[[{}]]", "[{},]"] {
            assert!(all(text).unwrap_err().contains("expected"), "{text}: {:?}", all(text));
        }
    }

    #[test]
    fn an_object_without_end_is_given_up_at_the_bound() {
        struct Endless;
        impl std::io::Read for Endless {
            fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
                into.fill(b'{');
                Ok(into.len())
            }
        }
        let mut documents = Documents::new(BufReader::with_capacity(1 << 20, Endless));
        assert!(matches!(documents.next_object(), Err(DocumentError::Large { .. })));
        assert!(matches!(documents.next_object(), Ok(None)));
    }
}
