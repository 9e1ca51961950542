//! What ended a child that should have gone on.

use std::{any::Any, error::Error, fmt, sync::Arc};

/// Why a child ended: the error it returned, or the panic it ended in.
///
/// Any error becomes a fault with `?`. For that reason a fault is not itself a
/// [`std::error::Error`]; [`Escalation`](super::Escalation), which carries one, is.
#[derive(Clone)]
pub struct Fault(Cause);

#[derive(Clone)]
enum Cause {
    Error(Arc<dyn Error + Send + Sync>),
    Message(Arc<str>),
    Panic(Arc<str>),
}

impl Fault {
    /// Makes a fault of a plain sentence, where there is no error to pass on.
    #[must_use]
    pub fn new(message: &str) -> Self {
        Self(Cause::Message(message.into()))
    }

    /// Makes the fault of a panic from what the task's `JoinError` carries.
    pub(super) fn from_panic(payload: &(dyn Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&'static str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a value that is no text");
        Self(Cause::Panic(text.into()))
    }

    /// Returns whether the child panicked: a bug of ours, not a condition of the outside.
    #[must_use]
    pub const fn is_panic(&self) -> bool {
        matches!(self.0, Cause::Panic(_))
    }

    /// Returns the error the child returned, if it is one of type `E`.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        match &self.0 {
            Cause::Error(error) => error.downcast_ref(),
            Cause::Message(_) | Cause::Panic(_) => None,
        }
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(Cause::Error(Arc::new(error)))
    }
}

impl fmt::Display for Fault {
    /// The error and everything that caused it, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Error(error) => {
                write!(f, "{error}")?;
                let mut cause = error.source();
                while let Some(inner) = cause {
                    write!(f, ": {inner}")?;
                    cause = inner.source();
                }
                Ok(())
            }
            Cause::Message(message) => f.write_str(message),
            Cause::Panic(message) => write!(f, "panicked: {message}"),
        }
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({self})")
    }
}
