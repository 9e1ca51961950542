//! What the page shows of a pool of transactions, of whatever kind of chain.

use serde::Serialize;

use super::drawable;

/// What waits for a block.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PoolPicture {
    /// Transactions.
    pub transactions: u64,
    /// What they weigh, in the unit that fees are paid for: virtual bytes, grams.
    pub size: u64,
    /// The same by fee rate, ascending, at most [`FEE_BANDS_MAX`](crate::FEE_BANDS_MAX).
    pub bands: Vec<FeeBand>,
}

/// The part of a pool that pays from this rate up to the next band's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct FeeBand {
    /// Lowest rate of the band. One that is negative or not finite is published as zero.
    pub from: f64,
    /// Transactions in it.
    pub transactions: u64,
    /// What they weigh.
    pub size: u64,
}

impl PoolPicture {
    /// Sorts transactions, given as rate and size, into bands that begin at these rates, ascending; what pays less than the first is in the first.
    #[must_use]
    pub fn of(starts: &[f64], transactions: impl IntoIterator<Item = (f64, u64)>) -> Self {
        let band = |&from: &f64| FeeBand { from, transactions: 0, size: 0 };
        let mut picture = Self { bands: starts.iter().map(band).collect(), ..Self::default() };
        for (rate, size) in transactions {
            picture.transactions += 1;
            picture.size = picture.size.saturating_add(size);
            let at = starts.partition_point(|start| *start <= rate).saturating_sub(1);
            if let Some(band) = picture.bands.get_mut(at) {
                band.transactions += 1;
                band.size = band.size.saturating_add(size);
            }
        }
        picture
    }

    /// Cuts it to its bounds.
    pub(crate) fn clamp(&mut self, bands_max: usize) {
        self.bands.truncate(bands_max);
        for band in &mut self.bands {
            band.from = drawable(band.from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_in_the_band_that_begins_at_or_below_its_rate() {
        let pool = PoolPicture::of(&[1.0, 2.0, 5.0], [(0.5, 1), (2.0, 10), (4.9, 100), (70.0, 7)]);
        let sizes: Vec<_> = pool.bands.iter().map(|band| (band.transactions, band.size)).collect();
        assert_eq!(sizes, [(1, 1), (2, 110), (1, 7)]);
        assert_eq!((pool.transactions, pool.size), (4, 118));
    }
}
