//! Channels inflated on other cores while derivation is busy with the blocks before them.
//!
//! ```text
//!   Prefetch, in order ──► Ahead (which channels does this block complete?) ──► a blocking thread ──► OnceLock ◄── derivation
//! ```
//!
//! Whoever comes first inflates: derivation waits for a channel that is being inflated, and inflates itself one that nobody has begun.
//!
//! # Invariants
//!
//! - A channel is taken only by derivation that has the same pieces, for the same L1 block.
//! - At most [`INFLATING_MAX`] channels are inflated at once, and no further one is begun while [`INFLATED_BYTES_MAX`] are
//!   held: a zip bomb takes no more memory than that and one channel's cap for each.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use alloy_primitives::Bytes;
use quintet_rollup_protocol::{
    channel::{inflate::InflateError, inflate_at},
    config::RollupConfig,
};
use tokio::sync::Semaphore;

/// Channels inflated at once.
const INFLATING_MAX: usize = 4;
/// Bytes of inflated channels held, from which on none is begun.
const INFLATED_BYTES_MAX: usize = 128 << 20;

/// A complete channel of an L1 block.
#[derive(Debug)]
pub struct AheadChannel {
    pieces: Vec<Bytes>,
    config: Arc<RollupConfig>,
    /// Time of the L1 block.
    time: u64,
    held: Arc<AtomicUsize>,
    content: OnceLock<Result<Bytes, InflateError>>,
}

impl AheadChannel {
    /// Returns whether it is the channel of these pieces.
    pub(crate) fn is_of(&self, pieces: &[Bytes]) -> bool {
        // Mostly slices of the same memory: comparing lengths and places is enough then.
        let same =
            |a: &Bytes, b: &Bytes| a.len() == b.len() && (a.as_ptr() == b.as_ptr() || a == b);
        self.pieces.len() == pieces.len()
            && self.pieces.iter().zip(pieces).all(|(own, other)| same(own, other))
    }

    /// Returns the content, inflating it if nobody has; waits for whoever is just doing so.
    pub(crate) fn inflated(&self) -> Result<Bytes, InflateError> {
        let inflate = || {
            let content = inflate_at(&self.pieces, &self.config, self.time);
            let length = content.as_ref().map_or(0, |content| content.len());
            self.held.fetch_add(length, Ordering::Relaxed);
            content
        };
        self.content.get_or_init(inflate).clone()
    }
}

impl Drop for AheadChannel {
    fn drop(&mut self) {
        if let Some(Ok(content)) = self.content.get() {
            self.held.fetch_sub(content.len(), Ordering::Relaxed);
        }
    }
}

/// Where channels are inflated.
#[derive(Debug, Clone)]
pub(crate) struct Inflating {
    config: Arc<RollupConfig>,
    held: Arc<AtomicUsize>,
    slots: Arc<Semaphore>,
}

impl Inflating {
    pub(crate) fn new(config: Arc<RollupConfig>) -> Self {
        Self { config, held: Arc::default(), slots: Arc::new(Semaphore::new(INFLATING_MAX)) }
    }

    /// Begins to inflate a channel on another thread, if there is room. Must be called within the runtime.
    pub(crate) fn begin(&self, pieces: Vec<Bytes>, time: u64) -> Arc<AheadChannel> {
        let channel = Arc::new(AheadChannel {
            pieces,
            config: Arc::clone(&self.config),
            time,
            held: Arc::clone(&self.held),
            content: OnceLock::new(),
        });
        let (begun, this) = (Arc::clone(&channel), self.clone());
        tokio::spawn(async move {
            let Ok(slot) = Arc::clone(&this.slots).acquire_owned().await else { return };
            // Derivation may have come and gone meanwhile.
            let is_wanted = Arc::strong_count(&begun) > 1 && begun.content.get().is_none();
            if !is_wanted || this.held.load(Ordering::Relaxed) > INFLATED_BYTES_MAX {
                return;
            }
            let inflate = move || {
                let _content = begun.inflated();
                drop(slot);
            };
            let _done = tokio::task::spawn_blocking(inflate).await;
        });
        channel
    }
}

#[cfg(test)]
mod tests {
    use quintet_rollup_protocol::encode::{Compression, compress};

    use super::*;

    fn begun(inflating: &Inflating, content: &[u8]) -> Arc<AheadChannel> {
        inflating.begin(vec![compress(content, Compression::Zlib).into()], 1_000_000)
    }

    #[tokio::test]
    async fn a_channel_is_inflated_whoever_comes_first() {
        let inflating = Inflating::new(Arc::new(crate::testing::config()));
        let channel = begun(&inflating, &[7; 1_000]);
        assert_eq!(channel.inflated().unwrap(), vec![7; 1_000]);
        assert_eq!(inflating.held.load(Ordering::Relaxed), 1_000);
        while Arc::strong_count(&channel) > 1 {
            tokio::task::yield_now().await;
        }
        drop(channel);
        assert_eq!(inflating.held.load(Ordering::Relaxed), 0, "what is gone is not counted");
    }

    #[tokio::test]
    async fn a_channel_of_other_pieces_is_not_taken() {
        let inflating = Inflating::new(Arc::new(crate::testing::config()));
        let channel = begun(&inflating, &[7; 1_000]);
        let own = channel.pieces.clone();
        let copy: Vec<Bytes> = own.iter().map(|piece| Bytes::copy_from_slice(piece)).collect();
        assert!(channel.is_of(&own) && channel.is_of(&copy));
        let other = compress(&[8; 1_000], Compression::Zlib);
        assert!(!channel.is_of(&[other.into()]) && !channel.is_of(&[]));
    }

    #[tokio::test]
    async fn nothing_is_begun_while_too_much_is_held() {
        let inflating = Inflating::new(Arc::new(crate::testing::config()));
        inflating.held.store(INFLATED_BYTES_MAX + 1, Ordering::Relaxed);
        let channel = begun(&inflating, &[7; 1_000]);
        while Arc::strong_count(&channel) > 1 {
            tokio::task::yield_now().await;
        }
        assert!(channel.content.get().is_none());
    }
}
