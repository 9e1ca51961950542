//! Relays between nodes: what crosses them can be cut off, held back, stalled, broken.
//!
//! ```text
//!   node i ──► relay (i, j) ──chunk, due at a time──► node j      one relay a pair, the one that connects first
//!          ◄──────────────────────────────────────────
//! ```
//!
//! TCP repairs what a network loses, so loss is what a connection sees of it: a pause while it is sent again, or the end.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// Bytes taken at a time.
const CHUNK: usize = 16 << 10;

/// Chunks on their way in one direction; who sends more waits, as with a full window.
const CHUNKS_AHEAD: usize = 256;

/// Pause of a relay that has nothing to take.
const PAUSE: Duration = Duration::from_millis(5);

/// What the relays do to what crosses them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weather {
    /// Least and most time a chunk is on its way, milliseconds.
    pub delay_millis: (u64, u64),
    /// How many of a thousand chunks wait [`Weather::stall`] longer, as one does that is lost and sent again.
    pub stalls_per_mille: u32,
    /// How much longer.
    pub stall: Duration,
    /// How many of a thousand chunks break their connection.
    pub breaks_per_mille: u32,
}

impl Weather {
    /// Everything arrives at once.
    pub const FAIR: Self = Self {
        delay_millis: (0, 0),
        stalls_per_mille: 0,
        stall: Duration::ZERO,
        breaks_per_mille: 0,
    };

    /// Delays of a wide network, one packet in fifty lost, now and then a connection.
    pub const FOUL: Self = Self {
        delay_millis: (20, 120),
        stalls_per_mille: 20,
        stall: Duration::from_millis(400),
        breaks_per_mille: 15,
    };
}

/// What is common to all relays.
#[derive(Debug)]
struct Shared {
    weather: Mutex<Weather>,
    chance: Mutex<StdRng>,
    ended: AtomicBool,
}

impl Shared {
    /// When a chunk taken now arrives; `None` if it breaks its connection.
    fn arrival(&self) -> Option<Instant> {
        let weather = *self.weather.lock().unwrap_or_else(PoisonError::into_inner);
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        let (least, most) = weather.delay_millis;
        let mut delay = Duration::from_millis(chance.random_range(least..=most));
        if chance.random_range(0..1_000) < weather.stalls_per_mille {
            delay += weather.stall;
        }
        let breaks = chance.random_range(0..1_000) < weather.breaks_per_mille;
        (!breaks).then(|| Instant::now() + delay)
    }
}

/// One pair's relay.
#[derive(Debug)]
struct Relay {
    between: (usize, usize),
    at: SocketAddr,
    cut: Arc<AtomicBool>,
}

/// All relays of a network.
#[derive(Debug)]
pub struct Fabric {
    shared: Arc<Shared>,
    relays: Vec<Relay>,
}

impl Fabric {
    /// Makes a relay for each pair of nodes that take peers at these addresses.
    ///
    /// # Errors
    ///
    /// If there is no port.
    pub fn new(nodes: &[SocketAddr], seed: u64) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            weather: Mutex::new(Weather::FAIR),
            chance: Mutex::new(StdRng::seed_from_u64(seed)),
            ended: AtomicBool::new(false),
        });
        let mut relays = Vec::new();
        for from in 0..nodes.len() {
            for (to, target) in nodes.iter().enumerate().take(from) {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                listener.set_nonblocking(true)?;
                let cut = Arc::new(AtomicBool::new(false));
                let at = listener.local_addr()?;
                relays.push(Relay { between: (from, to), at, cut: Arc::clone(&cut) });
                let (shared, target) = (Arc::clone(&shared), *target);
                thread::spawn(move || accept(&listener, target, &shared, &cut));
            }
        }
        Ok(Self { shared, relays })
    }

    /// Where a node reaches those it connects to: each pair is connected by the one with the higher number.
    #[must_use]
    pub fn known_to(&self, node: usize) -> Vec<SocketAddr> {
        self.relays.iter().filter(|relay| relay.between.0 == node).map(|relay| relay.at).collect()
    }

    /// Changes what relays do from now on.
    pub fn set_weather(&self, weather: Weather) {
        *self.shared.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
    }

    /// Cuts every pair of which one belongs to the group and the other does not.
    pub fn part(&self, group: &[usize]) {
        for relay in &self.relays {
            let (from, to) = relay.between;
            relay.cut.store(group.contains(&from) != group.contains(&to), Ordering::Relaxed);
        }
    }

    /// Lets everybody reach everybody again.
    pub fn heal(&self) {
        self.part(&[]);
    }
}

impl Drop for Fabric {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
    }
}

fn accept(listener: &TcpListener, target: SocketAddr, shared: &Arc<Shared>, cut: &Arc<AtomicBool>) {
    while !shared.ended.load(Ordering::Relaxed) {
        let Ok((near, _)) = listener.accept() else {
            thread::sleep(PAUSE);
            continue;
        };
        // Nobody answers across a cut; a connection that ends at once looks the same but sooner.
        let far = if cut.load(Ordering::Relaxed) { None } else { TcpStream::connect(target).ok() };
        if let Some(far) = far {
            let _ = both_ways(&near, &far, shared, cut);
        }
    }
}

fn both_ways(
    near: &TcpStream,
    far: &TcpStream,
    shared: &Arc<Shared>,
    cut: &Arc<AtomicBool>,
) -> io::Result<()> {
    near.set_nonblocking(false)?;
    for (from, to) in [(near, far), (far, near)] {
        from.set_nodelay(true)?;
        from.set_read_timeout(Some(PAUSE * 10))?;
        let (sender, chunks) = sync_channel(CHUNKS_AHEAD);
        let (mut from, to) = (from.try_clone()?, to.try_clone()?);
        thread::spawn(move || deliver(&to, &chunks));
        let (shared, cut) = (Arc::clone(shared), Arc::clone(cut));
        thread::spawn(move || {
            let mut buffer = vec![0; CHUNK];
            loop {
                if cut.load(Ordering::Relaxed) || shared.ended.load(Ordering::Relaxed) {
                    break;
                }
                let taken = match from.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(taken) => taken,
                    Err(error) if is_nothing_yet(&error) => continue,
                    Err(_) => break,
                };
                let Some(due) = shared.arrival() else { break };
                let chunk = buffer.get(..taken).unwrap_or_default().to_vec();
                if sender.send((due, chunk)).is_err() {
                    break;
                }
            }
            let _ = from.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}

fn is_nothing_yet(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Writes each chunk when it is due, in the order they were taken.
fn deliver(mut to: &TcpStream, chunks: &Receiver<(Instant, Vec<u8>)>) {
    while let Ok((due, chunk)) = chunks.recv() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&chunk).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
