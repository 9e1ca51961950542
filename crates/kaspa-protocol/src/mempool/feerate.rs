//! What fee rate gets a transaction into a block in which time.
//!
//! A transaction of fee rate r is drawn with probability r³ / (r³ + W), W being the weight of all others, once every c₁ seconds, the time between two
//! inclusions: it waits c₁·W / r³ + c₁ seconds on average. A few transactions that pay very much would make W meaningless: they are taken
//! out as long as that lowers the estimate, and the room they take with them.
//!
//! Reference: `mining/src/feerate/mod.rs`, `Frontier::build_feerate_estimator`.

use super::{Candidate, Frontier};

/// The longest wait a low bucket promises, seconds.
const LOW_SECONDS: f64 = 3600.0;

/// The wait of the bucket between normal and low, seconds.
const MIDDLE_SECONDS: f64 = 1800.0;

/// The longest wait the normal bucket promises, seconds.
const NORMAL_SECONDS: f64 = 60.0;

/// A fee rate, and how long one waits with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Sompi per gram.
    pub feerate: f64,
    /// Seconds.
    pub seconds: f64,
}

/// Fee rates to choose from.
#[derive(Debug, Clone, PartialEq)]
pub struct FeeEstimate {
    /// In with the next block.
    pub priority: Bucket,
    /// In within a minute, and one below.
    pub normal: [Bucket; 2],
    /// In within an hour.
    pub low: Bucket,
}

/// Answers which fee rate means which time.
#[derive(Debug, Clone, PartialEq)]
pub struct FeeEstimator {
    weight: f64,
    /// Seconds between two inclusions.
    interval: f64,
    /// Seconds between two blocks.
    block_seconds: f64,
}

impl FeeEstimator {
    /// Makes an estimator of what is in the frontier, for blocks of `block_mass` grams.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "an estimate of masses and rates")]
    pub fn of(frontier: &Frontier, blocks_per_second: u64, block_mass: u64) -> Self {
        let average = frontier.average_mass();
        let rate = blocks_per_second.max(1) as f64;
        let mut room = block_mass as f64;
        let block_seconds = 1.0 / rate;
        let of = |weight, room: f64| Self {
            weight,
            interval: (average / (room * rate)).min(1.0 - f64::EPSILON),
            block_seconds,
        };
        let mut best = of(frontier.total_weight(), room);
        // The weight left without the heaviest ones: made from below, not by subtracting.
        let heaviest = outliers(frontier, room, average);
        let mut below = frontier.weight_below(heaviest.last());
        let mut without = Vec::with_capacity(heaviest.len());
        for item in heaviest.iter().rev() {
            without.push(below);
            below += item.feerate().powi(3);
        }
        for (item, weight) in heaviest.iter().zip(without.into_iter().rev()) {
            room -= item.mass as f64;
            if room <= average {
                break;
            }
            let next = of(weight, room);
            if next.seconds(1.0) >= best.seconds(1.0) {
                break;
            }
            best = next;
        }
        best
    }

    /// Returns how long one waits with a fee rate, seconds.
    #[must_use]
    pub fn seconds(&self, feerate: f64) -> f64 {
        self.interval * self.weight / feerate.powi(3) + self.interval
    }

    /// Returns the fee rate with which one waits so long.
    fn feerate(&self, seconds: f64) -> f64 {
        // Who asks for less than one inclusion takes asks for the impossible.
        let seconds = seconds.max(self.interval * (1.0 + 1e-9));
        let share = 1.0 - self.interval / seconds;
        if share <= 0.0 || self.weight <= 0.0 {
            return 0.0;
        }
        (self.interval * self.weight / seconds / share).cbrt()
    }

    /// Returns the fee rate below which lies `part` of the waiting between two fee rates.
    fn quantile(&self, low: f64, high: f64, part: f64) -> f64 {
        if low >= high || self.interval <= 0.0 || self.weight <= 0.0 {
            return low;
        }
        let area = |feerate: f64| -self.interval * self.weight / (2.0 * feerate.powi(2));
        let at = part * area(high) + (1.0 - part) * area(low);
        (self.interval * self.weight / (-2.0 * at)).sqrt()
    }

    /// Returns fee rates to choose from, none below `min`.
    #[must_use]
    pub fn estimate(&self, min: f64) -> FeeEstimate {
        let high = self.feerate(self.block_seconds).max(min);
        let low = self.feerate(LOW_SECONDS).max(self.quantile(min, high, 0.25));
        let normal = self.feerate(NORMAL_SECONDS).max(self.quantile(low, high, 0.66));
        let middle = self.feerate(MIDDLE_SECONDS).max(self.quantile(min, high, 0.5));
        let bucket = |feerate| Bucket { feerate, seconds: self.seconds(feerate) };
        FeeEstimate {
            priority: bucket(high),
            normal: [bucket(normal), bucket(middle)],
            low: bucket(low),
        }
    }
}

/// Returns the transactions of highest fee rate that one block has room for.
#[expect(clippy::cast_precision_loss, reason = "an estimate of masses")]
fn outliers(frontier: &Frontier, mut room: f64, average: f64) -> Vec<Candidate> {
    let mut found = Vec::new();
    for item in frontier.descending() {
        room -= item.mass as f64;
        if room <= average {
            break;
        }
        found.push(*item);
    }
    found
}

impl Frontier {
    /// Returns the weight of everything below an item; of everything if there is none.
    fn weight_below(&self, item: Option<&Candidate>) -> f64 {
        item.map_or_else(|| self.total_weight(), |item| self.prefix_weight(item))
    }
}
