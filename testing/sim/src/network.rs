//! A network of one kind: its processes, its relays, and what its nodes acknowledged.

use std::{
    fs::{self, File, OpenOptions},
    net::{SocketAddr, TcpListener, UdpSocket},
    process::{Child, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use interop::{Binary, Lab};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::{
    fabric::Fabric,
    kind::{Head, Kind, Place},
};

/// Longest anything may take, on a machine that does other work.
const PATIENCE: Duration = Duration::from_secs(120);

/// Time after which nodes that do not agree are given something to agree on.
const WHILE: Duration = Duration::from_secs(10);

/// Pause between two questions.
const PAUSE: Duration = Duration::from_millis(100);

/// Time a node has to stop when it is asked to.
const STOP: Duration = Duration::from_secs(30);

/// One node and its process, while it runs.
#[derive(Debug)]
pub struct Node {
    /// Where it is.
    pub place: Place,
    child: Option<Child>,
    /// What it acknowledged, all of it.
    pub acknowledged: Vec<String>,
}

impl Node {
    /// The number of its process.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn process(&self) -> Result<u32> {
        Ok(self.child.as_ref().context("a node that runs")?.id())
    }

    /// Memory it holds, bytes.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn resident_bytes(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.process()?);
        let status = fs::read_to_string(&path).with_context(|| path.clone())?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")).context("VmRSS")?;
        Ok(kilobytes.trim().parse::<u64>()? << 10)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A network.
#[derive(Debug)]
pub struct Network<K> {
    kind: K,
    binary: Binary,
    /// What lies between its nodes.
    pub fabric: Fabric,
    /// Its nodes.
    pub nodes: Vec<Node>,
    /// Where a scenario's decisions come from.
    pub chance: StdRng,
}

impl<K: Kind> Network<K> {
    /// Starts all processes and waits until each is up.
    ///
    /// # Errors
    ///
    /// If one does not come up.
    pub fn start(lab: &Lab, binary: &Binary, seed: u64) -> Result<Self> {
        let processes = K::NODES + K::BESIDE;
        let ports = free_ports(3 * processes)?;
        let mut places = Vec::new();
        for (index, ports) in ports.chunks_exact(3).enumerate() {
            let &[peers, rpc, calls] = ports else { bail!("expected three ports") };
            let folder = lab.folder(&format!("{}-{index}", K::NAME))?;
            places.push(Place { index, folder, peers, rpc, calls, known: Vec::new() });
        }
        let fabric = K::fabric(&places, seed)?;
        for place in &mut places {
            place.known = fabric.known_to(place.index);
        }
        let kind = K::prepare(&lab.folder(K::NAME)?, binary, &places)?;
        let node = |place| Node { place, child: None, acknowledged: Vec::new() };
        let nodes = places.into_iter().map(node).collect();
        let chance = StdRng::seed_from_u64(seed);
        let mut network = Self { kind, binary: binary.clone(), fabric, nodes, chance };
        for (number, wave) in K::waves().into_iter().enumerate() {
            for index in wave.clone() {
                network.launch(index)?;
            }
            for index in wave {
                network.answers(index)?;
            }
            network.kind.after_wave(number, &network.binary)?;
        }
        Ok(network)
    }

    /// What they are.
    #[must_use]
    pub const fn kind(&self) -> &K {
        &self.kind
    }

    /// Starts a node's process.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn launch(&mut self, index: usize) -> Result<()> {
        let node = self.nodes.get_mut(index).context("a node")?;
        let folder = &node.place.folder;
        let log = OpenOptions::new().create(true).append(true).open(folder.join("log"))?;
        let mut command = self.binary.command();
        command.args(self.kind.arguments(&node.place)).env("HOME", folder);
        command.stdin(Stdio::null()).stdout(File::create(folder.join("said"))?).stderr(log);
        node.child = Some(command.spawn().with_context(|| format!("starting {command:?}"))?);
        Ok(())
    }

    /// Waits until a node answers.
    ///
    /// # Errors
    ///
    /// If it has ended, or does not in time.
    pub fn answers(&mut self, index: usize) -> Result<Head> {
        let begun = Instant::now();
        loop {
            let node = self.nodes.get_mut(index).context("a node")?;
            let child = node.child.as_mut().context("a node that runs")?;
            if let Some(status) = child.try_wait()? {
                bail!("{} {index} ended by itself: {status}", K::NAME);
            }
            match self.kind.head(&node.place) {
                Ok(head) => return Ok(head),
                Err(error) if begun.elapsed() > PATIENCE => {
                    return Err(error.context(format!("{} {index} does not answer", K::NAME)));
                }
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }

    /// Ends a node's process at once, as a power cut of the process: SIGKILL.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn kill(&mut self, index: usize) -> Result<()> {
        let node = self.nodes.get_mut(index).context("a node")?;
        let mut child = node.child.take().context("a node that runs")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Asks a node to stop, and waits until it has.
    ///
    /// # Errors
    ///
    /// If it does not in time, or not in order.
    pub fn stop(&mut self, index: usize) -> Result<()> {
        let node = self.nodes.get_mut(index).context("a node")?;
        let mut child = node.child.take().context("a node that runs")?;
        let number = child.id().to_string();
        std::process::Command::new("kill").args(["-INT", &number]).status()?;
        let deadline = Instant::now() + STOP;
        loop {
            if let Some(status) = child.try_wait()? {
                ensure!(status.success(), "{} {index} did not stop in order: {status}", K::NAME);
                return Ok(());
            }
            if Instant::now() > deadline {
                child.kill()?;
                bail!("{} {index} did not stop within {STOP:?}", K::NAME);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Has a node do a piece of work, and remembers what it acknowledged.
    ///
    /// # Errors
    ///
    /// If it does not do it.
    pub fn work(&mut self, index: usize) -> Result<()> {
        let node = self.nodes.get_mut(index).context("a node")?;
        let acknowledged = self.kind.work(&node.place, &mut self.chance)?;
        node.acknowledged.extend(acknowledged);
        Ok(())
    }

    /// A node's end of the chain.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub fn head(&self, index: usize) -> Result<Head> {
        self.kind.head(&self.nodes.get(index).context("a node")?.place)
    }

    /// Waits until these nodes have one chain of at least so many blocks; returns the shortest end of theirs.
    ///
    /// Chains that go on by themselves are compared where the shortest of them ends, others have to end in one block. What else nodes share
    /// is compared as well.
    ///
    /// # Errors
    ///
    /// If they do not in time, with what each has.
    pub fn agree(&self, group: &[usize], height: u64) -> Result<Head> {
        self.agree_within(group, height, PATIENCE)
    }

    /// As [`Network::agree`]; where they do not for a while, the first of them works: of two ends of one height each node keeps its own, and
    /// the next block decides.
    ///
    /// # Errors
    ///
    /// As [`Network::agree`].
    pub fn converge(&mut self, group: &[usize], height: u64) -> Result<Head> {
        let first = *group.first().context("a node")?;
        let begun = Instant::now();
        loop {
            match self.agree_within(group, height, WHILE) {
                Err(_) if begun.elapsed() < PATIENCE => self.work(first)?,
                outcome => return outcome,
            }
        }
    }

    fn agree_within(&self, group: &[usize], height: u64, patience: Duration) -> Result<Head> {
        let begun = Instant::now();
        loop {
            let heads = group.iter().map(|&index| self.head(index)).collect::<Result<Vec<_>>>();
            let agreed = heads.and_then(|heads| self.agreed(group, &heads, height));
            match agreed {
                Ok(agreed) => return Ok(agreed),
                Err(error) if begun.elapsed() > patience => {
                    let late = format!(
                        "{}: nodes {group:?} do not agree on {height} blocks within {patience:?}",
                        K::NAME
                    );
                    return Err(error.context(late));
                }
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }

    fn agreed(&self, group: &[usize], heads: &[Head], height: u64) -> Result<Head> {
        let lowest = heads.iter().min_by_key(|head| head.height).context("a head")?;
        let nodes: Vec<_> = group.iter().filter_map(|&index| self.nodes.get(index)).collect();
        for node in &nodes {
            let holds = self.kind.holds(&node.place, lowest)?;
            ensure!(holds, "node {} does not hold {lowest:?} of {heads:?}", node.place.index);
        }
        ensure!(lowest.height >= height, "the lowest of {heads:?} is below {height}");
        self.kind.share(&nodes)?;
        Ok(lowest.clone())
    }

    /// Checks that a node has everything it ever acknowledged.
    ///
    /// # Errors
    ///
    /// With what it lost.
    pub fn lost_nothing(&self, index: usize) -> Result<()> {
        let node = self.nodes.get(index).context("a node")?;
        for one in &node.acknowledged {
            let kept = self.kind.keeps(&node.place, one)?;
            ensure!(kept, "{} {index} acknowledged {one} and has it no more", K::NAME);
        }
        Ok(())
    }

    /// Waits until every node has what any process acknowledged.
    ///
    /// # Errors
    ///
    /// If one does not in time, with what it lacks.
    pub fn all_arrived(&self) -> Result<()> {
        let begun = Instant::now();
        for node in self.nodes.iter().take(K::NODES) {
            for one in self.nodes.iter().flat_map(|node| &node.acknowledged) {
                while !self.kind.arrived(&node.place, one).unwrap_or(false) {
                    let index = node.place.index;
                    let late = begun.elapsed() > PATIENCE;
                    ensure!(!late, "{} {index} lacks {one}, which was acknowledged", K::NAME);
                    std::thread::sleep(PAUSE);
                }
            }
        }
        Ok(())
    }
}

/// Where ports are looked for: below those that systems give to whoever asks for any.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// Ports that were free a moment ago, and which no other network of this process was given.
fn free_ports(count: usize) -> Result<Vec<SocketAddr>> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let span = u32::from(PORTS.end - PORTS.start);
    // Processes begin at different places.
    let first = std::process::id().wrapping_mul(97);
    let mut found = Vec::new();
    for _ in 0..span {
        if found.len() == count {
            return Ok(found);
        }
        let step = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % span;
        let at = SocketAddr::from(([127, 0, 0, 1], PORTS.start + u16::try_from(step)?));
        if TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok() {
            found.push(at);
        }
    }
    bail!("expected {count} free ports in {PORTS:?}, found {}", found.len())
}
