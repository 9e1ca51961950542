//! What was appended or read lately, decoded: parents' headers, bodies on their way to the virtual block, records a switch goes back over.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use quintet_kaspa_protocol::dag::BlockId;

/// A cache that forgets what came first, bounded in bytes.
#[derive(Debug)]
pub(super) struct Recent<T> {
    inner: Mutex<Inner<T>>,
    bytes_max: usize,
}

#[derive(Debug)]
struct Inner<T> {
    items: HashMap<BlockId, (Arc<T>, usize)>,
    order: VecDeque<BlockId>,
    bytes: usize,
}

impl<T> Recent<T> {
    pub(super) fn new(bytes_max: usize) -> Self {
        let inner = Inner { items: HashMap::new(), order: VecDeque::new(), bytes: 0 };
        Self { inner: Mutex::new(inner), bytes_max }
    }

    pub(super) fn get(&self, block: BlockId) -> Option<Arc<T>> {
        self.lock().items.get(&block).map(|(item, _)| Arc::clone(item))
    }

    /// Keeps an item that takes about so many bytes.
    pub(super) fn put(&self, block: BlockId, item: &Arc<T>, bytes: usize) {
        let mut guard = self.lock();
        let inner = &mut *guard;
        if inner.items.insert(block, (Arc::clone(item), bytes)).is_none() {
            inner.order.push_back(block);
            inner.bytes += bytes;
        }
        while inner.bytes > self.bytes_max
            && let Some(oldest) = inner.order.pop_front()
        {
            if let Some((_, bytes)) = inner.items.remove(&oldest) {
                inner.bytes -= bytes;
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        let mut inner = self.lock();
        inner.items.clear();
        inner.order.clear();
        inner.bytes = 0;
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_first_is_forgotten_first_and_the_bound_holds() {
        let recent = Recent::new(100);
        for number in 1..=9 {
            recent.put(BlockId::new(number), &Arc::new(number), 25);
        }
        assert_eq!(recent.get(BlockId::new(5)), None);
        for number in 6..=9 {
            assert_eq!(recent.get(BlockId::new(number)), Some(Arc::new(number)));
        }
        recent.clear();
        assert_eq!(recent.get(BlockId::new(9)), None);
    }
}
