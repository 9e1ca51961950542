//! What lies between nodes: what crosses it can be cut off, held back, lost, repeated, broken.
//!
//! - [`tcp`]: a relay for each connection that one process makes to another. TCP repairs what a network loses, so loss is what a connection
//!   sees of it: a pause while it is sent again, or the end.
//! - [`udp`]: a face for each node, the one address all others know it by. Packets are lost, late, twice, out of order.
//!
//! Processes are told the addresses of relays and faces alone, so that what a scenario does to these it does to that pair.

mod tcp;
mod udp;

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// Pause of a relay that has nothing to take.
const PAUSE: Duration = Duration::from_millis(5);

/// What happens to what crosses the fabric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weather {
    /// Least and most time a chunk or a packet is on its way, milliseconds.
    pub delay_millis: (u64, u64),
    /// How many of a thousand chunks of a connection wait [`Weather::stall`] longer, as one does that is lost and sent again.
    pub stalls_per_mille: u32,
    /// How much longer.
    pub stall: Duration,
    /// How many of a thousand chunks break their connection.
    pub breaks_per_mille: u32,
    /// How many of a thousand packets are lost.
    pub lost_per_mille: u32,
    /// How many of a thousand packets arrive twice.
    pub doubled_per_mille: u32,
}

impl Weather {
    /// Everything arrives at once.
    pub const FAIR: Self = Self {
        delay_millis: (0, 0),
        stalls_per_mille: 0,
        stall: Duration::ZERO,
        breaks_per_mille: 0,
        lost_per_mille: 0,
        doubled_per_mille: 0,
    };

    /// Delays of a wide network, one packet in fifty lost on connections and one in ten without, now and then a connection broken.
    pub const FOUL: Self = Self {
        delay_millis: (20, 120),
        stalls_per_mille: 20,
        stall: Duration::from_millis(400),
        breaks_per_mille: 15,
        lost_per_mille: 100,
        doubled_per_mille: 30,
    };
}

/// A connection that one process makes to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wire {
    /// Who connects.
    pub from: usize,
    /// To whom.
    pub to: usize,
    /// Where it takes connections.
    pub target: SocketAddr,
}

/// What relays and faces have in common.
#[derive(Debug)]
struct Shared {
    weather: Mutex<Weather>,
    chance: Mutex<StdRng>,
    /// Pairs that do not reach each other, each in both orders.
    cuts: Mutex<BTreeSet<(usize, usize)>>,
    ended: AtomicBool,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn is_over(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    fn is_cut(&self, from: usize, to: usize) -> bool {
        held(&self.cuts).contains(&(from, to))
    }

    /// When a chunk taken now arrives; `None` if it breaks its connection.
    fn arrival(&self) -> Option<Instant> {
        let weather = *held(&self.weather);
        let mut chance = held(&self.chance);
        let mut delay = delay(weather, &mut chance);
        if chance.random_range(0..1_000) < weather.stalls_per_mille {
            delay += weather.stall;
        }
        let breaks = chance.random_range(0..1_000) < weather.breaks_per_mille;
        (!breaks).then(|| Instant::now() + delay)
    }

    /// When a packet taken now arrives: never, once, or twice.
    fn arrivals(&self) -> Vec<Instant> {
        let weather = *held(&self.weather);
        let mut chance = held(&self.chance);
        if chance.random_range(0..1_000) < weather.lost_per_mille {
            return Vec::new();
        }
        let twice = chance.random_range(0..1_000) < weather.doubled_per_mille;
        let now = Instant::now();
        (0..=usize::from(twice)).map(|_| now + delay(weather, &mut chance)).collect()
    }
}

fn delay(weather: Weather, chance: &mut StdRng) -> Duration {
    let (least, most) = weather.delay_millis;
    Duration::from_millis(chance.random_range(least..=most))
}

/// All relays or faces of a network.
#[derive(Debug)]
pub struct Fabric {
    shared: Arc<Shared>,
    /// By the number of the process that is told them.
    known: Vec<Vec<SocketAddr>>,
}

impl Fabric {
    /// Makes a relay for each of these connections.
    ///
    /// # Errors
    ///
    /// If there is no port.
    pub fn of_wires(wires: &[Wire], processes: usize, seed: u64) -> io::Result<Self> {
        let shared = shared(seed);
        let mut known = vec![Vec::new(); processes];
        for wire in wires {
            let at = tcp::relay(*wire, &shared)?;
            if let Some(known) = known.get_mut(wire.from) {
                known.push(at);
            }
        }
        Ok(Self { shared, known })
    }

    /// Makes a face for each node that takes packets at these addresses.
    ///
    /// # Errors
    ///
    /// If there is no port.
    pub fn of_packets(nodes: &[SocketAddr], seed: u64) -> io::Result<Self> {
        let shared = shared(seed);
        let faces = udp::faces(nodes, &shared)?;
        let others = |own: usize| {
            let others = faces.iter().enumerate().filter(move |(index, _)| *index != own);
            others.map(|(_, face)| *face).collect()
        };
        let known = (0..nodes.len()).map(others).collect();
        Ok(Self { shared, known })
    }

    /// Where a process reaches those it connects to, in the order of its wires; of faces those of all others.
    #[must_use]
    pub fn known_to(&self, process: usize) -> Vec<SocketAddr> {
        self.known.get(process).cloned().unwrap_or_default()
    }

    /// Changes the weather from now on.
    pub fn set_weather(&self, weather: Weather) {
        *held(&self.shared.weather) = weather;
    }

    /// Cuts every pair of one of these and one of those.
    pub fn part(&self, these: &[usize], those: &[usize]) {
        let pairs = these.iter().flat_map(|&this| those.iter().map(move |&that| (this, that)));
        held(&self.shared.cuts).extend(pairs.flat_map(|(this, that)| [(this, that), (that, this)]));
    }

    /// Lets everybody reach everybody again.
    pub fn heal(&self) {
        held(&self.shared.cuts).clear();
    }
}

impl Drop for Fabric {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
    }
}

fn shared(seed: u64) -> Arc<Shared> {
    Arc::new(Shared {
        weather: Mutex::new(Weather::FAIR),
        chance: Mutex::new(StdRng::seed_from_u64(seed)),
        cuts: Mutex::default(),
        ended: AtomicBool::new(false),
    })
}
