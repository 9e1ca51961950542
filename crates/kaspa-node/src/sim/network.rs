//! Miners and views in simulated time.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use quintet_kaspa_protocol::{block::Block, coinbase::MinerData, tx::Transaction};
use quintet_primitives::{Hash256, random::SplitMix};

use super::{Figures, Plan, Purse, SimError, View, timeline::Timeline};

/// A block that was mined.
#[derive(Debug)]
pub struct Mined {
    /// The block.
    pub block: Block,
    /// Its hash.
    pub hash: Hash256,
    /// When, in microseconds from the start.
    pub at: u64,
}

#[derive(Debug)]
enum Event {
    Mine,
    Arrive { view: usize, mined: Arc<Mined> },
}

/// A view and the blocks that came before their parents.
#[derive(Debug)]
struct Place<V> {
    view: V,
    waiting: HashMap<Hash256, Vec<Arc<Mined>>>,
}

/// A network of miners, run block by block with [`Network::mine`].
#[derive(Debug)]
pub struct Network<V> {
    plan: Plan,
    places: Vec<Place<V>>,
    timeline: Timeline<Event>,
    purse: Purse,
    random: SplitMix,
    figures: Figures,
    mined: u64,
    now: u64,
    submitting: Duration,
    building: Duration,
}

impl<V: View> Network<V> {
    /// Makes a network whose views know the genesis alone; `view` makes each by its number, the follower last.
    ///
    /// # Errors
    ///
    /// [`SimError::Plan`] or what `view` returns.
    pub fn new(
        plan: Plan,
        mut view: impl FnMut(usize) -> Result<V, SimError>,
    ) -> Result<Self, SimError> {
        plan.check()?;
        let places = (0..=plan.views).map(|number| {
            let view = view(usize::try_from(number).unwrap_or(usize::MAX))?;
            Ok(Place { view, waiting: HashMap::new() })
        });
        let places = places.collect::<Result<_, SimError>>()?;
        let purse = Purse::new(plan.seed, plan.miners, plan.patience())?;
        let random = SplitMix::new(plan.seed);
        let figures = Figures::new(&plan)?;
        let mut network = Self {
            plan,
            places,
            timeline: Timeline::new(),
            purse,
            random,
            figures,
            mined: 0,
            now: 0,
            submitting: Duration::ZERO,
            building: Duration::ZERO,
        };
        network.plan_next(0);
        Ok(network)
    }

    /// Runs until a block is mined and returns it; `None` once the plan's blocks are there and have all arrived.
    ///
    /// # Errors
    ///
    /// [`SimError`].
    pub fn mine(&mut self) -> Result<Option<Arc<Mined>>, SimError> {
        while let Some((at, event)) = self.timeline.next() {
            match event {
                Event::Arrive { view, mined } => self.arrive(view, mined)?,
                Event::Mine if self.mined < self.plan.blocks => {
                    let mined = self.mine_at(at)?;
                    self.plan_next(at);
                    return Ok(Some(mined));
                }
                Event::Mine => {}
            }
        }
        for place in &mut self.places {
            place.view.resolve()?;
        }
        Ok(None)
    }

    /// Returns the views, the follower last.
    pub fn views(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.places.iter().map(|place| &place.view)
    }

    /// Returns simulated time: when the last block was mined, from the start.
    #[must_use]
    pub const fn now(&self) -> Duration {
        Duration::from_micros(self.now)
    }

    /// Returns what was seen of the DAG so far.
    #[must_use]
    pub const fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Returns the time the follower took for the blocks that arrived, and the miners for building those they mined. Where they mine on what the
    /// follower has, what it takes to resolve the virtual block is the miners'.
    #[must_use]
    pub const fn busy(&self) -> (Duration, Duration) {
        (self.submitting, self.building)
    }

    fn plan_next(&mut self, now: u64) {
        // Microseconds between blocks on average; 32 fractional bits of waiting.
        let mean = u128::from(1_000_000 / self.plan.bps().max(1));
        let wait = (u128::from(self.random.exponential()) * mean) >> 32;
        self.timeline.put(now.saturating_add(u64::try_from(wait).unwrap_or(u64::MAX)), Event::Mine);
    }

    fn mine_at(&mut self, at: u64) -> Result<Arc<Mined>, SimError> {
        let started = Instant::now();
        let miner = u32::try_from(self.random.below(u64::from(self.plan.miners))).unwrap_or(0);
        let number = usize::try_from(miner % self.plan.views.max(1)).unwrap_or(0);
        let view = &mut self.places[number].view;
        let wanted = usize::try_from(self.plan.transactions_in(self.mined)).unwrap_or(0);
        let daa_score = view.resolve()?;
        let transactions = self
            .purse
            .spend(&self.plan.params, daa_score, wanted, |outpoints| view.entries(outpoints))?;
        let script = self.purse.script(miner).ok_or(SimError::Unsigned)?;
        let timestamp = self.plan.params.genesis.header().timestamp + at / 1_000;
        // Two blocks of one miner on the same tips would have the same coinbase, and so the same coins, but for what he adds to it.
        let extra_data = &self.mined.to_le_bytes();
        let miner = MinerData { script_public_key: script.clone(), extra_data };
        let mut block = view.template(miner, timestamp, transactions)?;
        // Stands for the work.
        block.header.nonce = self.mined;
        let hash = block.header.hash();
        let mined = Arc::new(Mined { block, hash, at });
        self.building += started.elapsed();
        self.mined += 1;
        self.now = at;
        self.purse.notice(&self.plan.params, daa_score, &mined.block.transactions, Transaction::id);
        self.figures.add(&mined)?;
        for view in 0..self.places.len() {
            let delay = self.delay();
            self.timeline
                .put(at.saturating_add(delay), Event::Arrive { view, mined: mined.clone() });
        }
        Ok(mined)
    }

    fn delay(&mut self) -> u64 {
        let Plan { delay_micros, jitter_percent, .. } = self.plan;
        if jitter_percent == 0 {
            return delay_micros;
        }
        let most = delay_micros / 100 * jitter_percent;
        delay_micros - most + self.random.below(2 * most + 1)
    }

    /// Gives a view a block, and those that waited for it.
    fn arrive(&mut self, number: usize, mined: Arc<Mined>) -> Result<(), SimError> {
        let is_follower = number + 1 == self.places.len();
        let place = &mut self.places[number];
        let started = Instant::now();
        let mut next = vec![mined];
        while let Some(mined) = next.pop() {
            let parents = mined.block.header.direct_parents();
            if let Some(missing) = parents.iter().find(|parent| !place.view.knows(parent)) {
                place.waiting.entry(*missing).or_default().push(mined);
                continue;
            }
            place.view.submit(&mined)?;
            if is_follower && self.plan.views > 0 {
                place.view.resolve()?;
            }
            next.extend(place.waiting.remove(&mined.hash).into_iter().flatten());
        }
        if is_follower {
            self.submitting += started.elapsed();
        }
        Ok(())
    }
}
