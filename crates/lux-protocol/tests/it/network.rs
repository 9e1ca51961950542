//! A network of validators in simulated time: messages take a while, some come out of order, partitions hold them back.
//!
//! ```text
//!   slot = 4 ticks:  0 propose │ 2 vote │ messages: 1 to `delay` ticks, or until the partition heals
//! ```

use std::collections::{BTreeMap, HashMap};

use alloy_consensus::Header;
use alloy_primitives::B256;
use quintet_lux_protocol::{
    certificate::CheckedCertificate,
    consensus::{Anchor, Consensus},
    evidence::CheckedEvidence,
    finality::VoteTaken,
    header::{Position, check},
    vote::{CheckedVote, Checkpoint, Vote},
    watermark::Watermark,
};
use quintet_primitives::random::SplitMix;

use crate::world::World;

/// Ticks of a slot.
const TICKS: u64 = 4;

/// What a validator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As it should.
    Honest,
    /// Nothing.
    Silent,
    /// Votes for two blocks, one for each half of the network.
    DoubleVoter,
    /// Makes two blocks in its slot, one for each half.
    DoubleProposer,
    /// Votes from the genesis, whatever is justified.
    Surrounder,
    /// Shows its blocks two slots late.
    Withholder,
}

#[derive(Clone)]
enum Message {
    Block(Box<Header>),
    Vote(CheckedVote),
    Certificate(CheckedCertificate),
    Evidence(CheckedEvidence),
}

struct Node {
    consensus: Consensus,
    watermark: Watermark,
    /// Blocks whose parents have not come.
    orphans: Vec<Header>,
}

/// The network.
pub(crate) struct Network {
    pub(crate) world: World,
    manners: Vec<Manner>,
    nodes: Vec<Node>,
    /// By tick, then in order of sending.
    mail: BTreeMap<u64, Vec<(usize, Message)>>,
    parents: HashMap<B256, B256>,
    random: SplitMix,
    delay: u64,
    tick: u64,
    /// Sides of the partition, and when it ends.
    partition: Option<(Vec<bool>, u64)>,
}

impl Network {
    pub(crate) fn new(manners: &[Manner], delay: u64, seed: u64) -> Self {
        let world = World::new(u8::try_from(manners.len()).unwrap());
        let node = || Node {
            consensus: Consensus::new(
                world.params,
                world.set.clone(),
                Anchor::genesis(&world.params),
            ),
            watermark: Watermark::default(),
            orphans: Vec::new(),
        };
        let nodes = manners.iter().map(|_| node()).collect();
        Self {
            nodes,
            world,
            manners: manners.to_vec(),
            mail: BTreeMap::new(),
            parents: HashMap::new(),
            random: SplitMix::new(seed),
            delay,
            tick: 0,
            partition: None,
        }
    }

    pub(crate) fn slot(&self) -> u64 {
        self.tick / TICKS
    }

    /// Cuts the network in two for so many slots.
    pub(crate) fn partition(&mut self, sides: Vec<bool>, slots: u64) {
        self.partition = Some((sides, self.tick + slots * TICKS));
    }

    pub(crate) fn honest(&self) -> Vec<usize> {
        let honest = |index: &usize| self.manners[*index] == Manner::Honest;
        (0..self.nodes.len()).filter(honest).collect()
    }

    pub(crate) fn consensus(&self, index: usize) -> &Consensus {
        &self.nodes[index].consensus
    }

    pub(crate) fn finalised(&self, index: usize) -> Checkpoint {
        self.nodes[index].consensus.finality().finalised()
    }

    pub(crate) fn run(&mut self, slots: u64) {
        for _ in 0..slots * TICKS {
            self.tick += 1;
            if self.partition.as_ref().is_some_and(|(_, end)| *end <= self.tick) {
                self.partition = None;
                self.exchange();
            }
            self.deliver();
            let slot = self.slot();
            match self.tick % TICKS {
                0 => self.begin(slot),
                2 => self.vote(slot),
                _ => {}
            }
            self.agree();
        }
    }

    /// Nodes that meet again tell each other where they are.
    fn exchange(&mut self) {
        for from in 0..self.nodes.len() {
            let finality = self.nodes[from].consensus.finality();
            let told: Vec<_> = finality
                .justification()
                .into_iter()
                .chain(finality.finalisation())
                .cloned()
                .collect();
            for certificate in told {
                self.tell(from, &Message::Certificate(certificate), |_| true);
            }
        }
    }

    fn tell(&mut self, from: usize, message: &Message, to: impl Fn(usize) -> bool) {
        for index in (0..self.nodes.len()).filter(|index| to(*index)) {
            let mut at = self.tick + 1 + self.random.below(self.delay);
            if index == from {
                at = self.tick + 1;
            } else if let Some((sides, end)) = &self.partition
                && sides[from] != sides[index]
            {
                at += end.saturating_sub(self.tick);
            }
            self.mail.entry(at).or_default().push((index, message.clone()));
        }
    }

    fn deliver(&mut self) {
        let Some(mut arrived) = self.mail.remove(&self.tick) else { return };
        self.random.shuffle(&mut arrived);
        for (to, message) in arrived {
            match message {
                Message::Block(header) => self.receive(to, *header),
                Message::Vote(vote) => {
                    let (taken, progress) = self.nodes[to].consensus.on_vote(&vote);
                    // Honest validators' votes go to everybody by themselves.
                    let faulty = self.manners[vote.validator()] != Manner::Honest;
                    if faulty && taken == VoteTaken::New {
                        self.relay(to, &Message::Vote(vote));
                    }
                    self.found(to, progress.evidence);
                }
                Message::Evidence(evidence) => {
                    if self.nodes[to].consensus.on_evidence(evidence.clone()) {
                        self.relay(to, &Message::Evidence(evidence));
                    }
                }
                Message::Certificate(certificate) => {
                    self.nodes[to].consensus.on_certificate(certificate);
                }
            }
        }
    }

    /// Honest nodes pass on what is new to them.
    fn relay(&mut self, from: usize, message: &Message) {
        if self.manners[from] == Manner::Honest {
            self.tell(from, message, |to| to != from);
        }
    }

    fn found(&mut self, by: usize, evidence: Option<CheckedEvidence>) {
        if let Some(evidence) = evidence {
            self.relay(by, &Message::Evidence(evidence));
        }
    }

    fn receive(&mut self, to: usize, header: Header) {
        let mut ready = vec![header];
        while let Some(header) = ready.pop() {
            let node = &mut self.nodes[to];
            if node.consensus.position(&header.hash_slow()).is_some() {
                continue;
            }
            let Some(parent) = node.consensus.position(&header.parent_hash).copied() else {
                node.orphans.push(header);
                continue;
            };
            let (params, set) = (&self.world.params, &self.world.set);
            let Ok(position) = check(params, set, &parent, &header) else { continue };
            let found = node.consensus.on_proposal(&header, &position);
            let timely = self.tick % TICKS < 2;
            if node.consensus.on_block(position, timely).is_ok() {
                let hash = position.hash;
                let (next, rest) = std::mem::take(&mut node.orphans)
                    .into_iter()
                    .partition::<Vec<_>, _>(|orphan| orphan.parent_hash == hash);
                node.orphans = rest;
                ready.extend(next);
                self.relay(to, &Message::Block(Box::new(header)));
            }
            self.found(to, found);
        }
    }

    fn begin(&mut self, slot: u64) {
        for index in 0..self.nodes.len() {
            self.nodes[index].consensus.on_slot(slot);
            if self.nodes[index].consensus.proposer(slot) == Some(index) {
                self.propose(index, slot);
            }
        }
    }

    fn propose(&mut self, index: usize, slot: u64) {
        let manner = self.manners[index];
        let head = self.nodes[index].consensus.head().hash;
        let parent = *self.nodes[index].consensus.position(&head).unwrap();
        if manner == Manner::Silent || parent.slot >= slot {
            return;
        }
        let one = self.make(&parent, slot, 0);
        match manner {
            Manner::DoubleProposer => {
                let other = self.make(&parent, slot, 1);
                self.tell(index, &Message::Block(Box::new(one)), |to| to % 2 == 0);
                self.tell(index, &Message::Block(Box::new(other)), |to| to % 2 == 1);
            }
            Manner::Withholder => {
                let late = self.tick + 2 * TICKS;
                for to in 0..self.nodes.len() {
                    self.mail
                        .entry(late)
                        .or_default()
                        .push((to, Message::Block(Box::new(one.clone()))));
                }
            }
            _ => {
                let watermark = &mut self.nodes[index].watermark;
                *watermark = watermark.propose(slot).unwrap();
                self.tell(index, &Message::Block(Box::new(one)), |_| true);
                let told = self.nodes[index].consensus.finality().justification().cloned();
                if let Some(certificate) = told {
                    self.tell(index, &Message::Certificate(certificate), |to| to != index);
                }
            }
        }
    }

    fn make(&mut self, parent: &Position, slot: u64, salt: u64) -> Header {
        let header = self.world.block(parent, slot, salt);
        self.parents.insert(header.hash_slow(), parent.hash);
        header
    }

    fn vote(&mut self, slot: u64) {
        for index in 0..self.nodes.len() {
            let Some(vote) = self.nodes[index].consensus.next_vote(slot) else { continue };
            match self.manners[index] {
                Manner::Silent => {}
                Manner::DoubleVoter => {
                    self.cast(index, vote, |to| to % 2 == 0);
                    let source = self.finalised(index);
                    let block = self.parents.get(&vote.target.block).copied();
                    let target = Checkpoint { slot, block: block.unwrap_or(source.block) };
                    self.cast(index, Vote { source: vote.source, target }, |to| to % 2 == 1);
                }
                Manner::Surrounder => {
                    let source = Checkpoint { slot: 0, block: self.world.params.genesis };
                    self.cast(index, Vote { source, ..vote }, |_| true);
                }
                _ => {
                    let watermark = self.nodes[index].watermark;
                    let Ok(after) = watermark.vote(vote.source.slot, vote.target.slot) else {
                        continue;
                    };
                    self.nodes[index].watermark = after;
                    self.cast(index, vote, |_| true);
                }
            }
        }
    }

    fn cast(&mut self, index: usize, vote: Vote, to: impl Fn(usize) -> bool) {
        let signed = vote.sign(&self.world.params, &self.world.keys[index].secp).unwrap();
        let checked = signed.check(&self.world.params, &self.world.set).unwrap();
        self.tell(index, &Message::Vote(checked), to);
    }

    /// What is final for one honest validator stands on what is final for any other, or under it.
    fn agree(&self) {
        let finals: Vec<B256> =
            self.honest().into_iter().map(|index| self.finalised(index).block).collect();
        for pair in finals.windows(2) {
            assert!(
                self.stands(pair[0], pair[1]) || self.stands(pair[1], pair[0]),
                "{} and {} are both final in slot {}",
                pair[0],
                pair[1],
                self.slot()
            );
        }
    }

    fn stands(&self, mut block: B256, on: B256) -> bool {
        loop {
            if block == on {
                return true;
            }
            match self.parents.get(&block) {
                Some(parent) => block = *parent,
                None => return false,
            }
        }
    }
}
