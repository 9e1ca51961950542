//! One network of everybody: each writes, every other reads.

use std::{net::SocketAddrV4, thread, time::Instant};

use anyhow::{Result, anyhow, ensure};
use interop::{Binary, Found, Lab, Node, Peer, eventually, lab, skipped};

use crate::{keys, kind::Kind};

/// Nodes of ours.
const OURS: u8 = 8;

/// Nodes of each third-party client.
const OF_EACH: u8 = 2;

/// The first third-party node's place.
const FIRST_GUEST: u8 = 100;

/// The port the first participant announces; the others take the next ones.
const FIRST_PORT: u16 = 7_100;

const SALT: &[u8] = b"mixed";

#[test]
fn everybody_reads_what_everybody_wrote() -> Result<()> {
    let binary = match Binary::find() {
        Ok(binary) => binary,
        Err(reason) => return skipped(&reason),
    };
    let mut kinds = Vec::new();
    for kind in Kind::ALL {
        match kind.absence() {
            Some(reason) => skipped(&format!("its part with {reason}"))?,
            None => kinds.push(kind),
        }
    }
    lab(|lab| {
        let mut swarm = Swarm::start(lab, &binary, &kinds)?;
        let mut missed = swarm.immutable_items()?;
        missed.extend(swarm.mutable_items()?);
        missed.extend(swarm.peers()?);
        ensure!(missed.is_empty(), "{} were missed:\n{}", missed.len(), missed.join("\n"));
        Ok(())
    })
}

struct Swarm {
    members: Vec<Box<dyn Peer>>,
}

impl Swarm {
    /// Everybody is told of our first node alone and has to find the others.
    fn start(lab: &Lab, binary: &Binary, kinds: &[Kind]) -> Result<Self> {
        let ours = Node::network(lab, binary, OURS)?;
        let entry: Vec<SocketAddrV4> = ours.iter().map(Peer::addr).take(1).collect();
        let mut members: Vec<Box<dyn Peer>> = Vec::new();
        for node in ours {
            members.push(Box::new(node));
        }
        let guests = kinds.iter().flat_map(|kind| (0..OF_EACH).map(move |_| *kind));
        for (place, kind) in (FIRST_GUEST..).zip(guests) {
            let mut guest = kind.start(lab, place, &entry)?;
            let what = format!("{} joins", guest.name());
            eventually(&what, || Ok((guest.known_nodes()? > 0).then_some(())))?;
            members.push(guest);
        }
        Ok(Self { members })
    }

    fn immutable_items(&mut self) -> Result<Vec<String>> {
        let mut items = Vec::new();
        for member in &mut self.members {
            let value = format!("an item of {}", member.name()).into_bytes();
            let target = member.put_immutable(&value)?;
            items.push((target, value));
        }
        self.each_reads_each("immutable item", |reader, number| {
            let (target, value) = &items[number];
            Ok(reader.get_immutable(*target)?.is_some_and(|read| read == *value))
        })
    }

    fn mutable_items(&mut self) -> Result<Vec<String>> {
        let mut items = Vec::new();
        for (member, number) in self.members.iter_mut().zip(1..) {
            let owner = keys::owner(number);
            let value = format!("a signed item of {}", member.name()).into_bytes();
            let what = format!("{} writes a mutable item", member.name());
            let seq = eventually(&what, || member.put_mutable(&owner, SALT, &value, 1).map(Some))?;
            items.push((owner.public_key, Found { value, seq }));
        }
        self.each_reads_each("mutable item", |reader, number| {
            let (public_key, item) = &items[number];
            Ok(reader.get_mutable(*public_key, SALT)?.is_some_and(|read| read == *item))
        })
    }

    fn peers(&mut self) -> Result<Vec<String>> {
        let mut announced = Vec::new();
        for (member, port) in self.members.iter_mut().zip(FIRST_PORT..) {
            let [_, port_byte] = port.to_be_bytes();
            let info_hash = [port_byte; 20];
            member.announce(info_hash, port)?;
            announced.push((info_hash, SocketAddrV4::new(*member.addr().ip(), port)));
        }
        self.each_reads_each("announce", |searcher, number| {
            let (info_hash, peer) = &announced[number];
            Ok(searcher.get_peers(*info_hash)?.contains(peer))
        })
    }

    /// Lets each member read what each other wrote, all at once, and returns who missed what.
    fn each_reads_each(
        &mut self,
        what: &str,
        reads: impl Fn(&mut dyn Peer, usize) -> Result<bool> + Sync,
    ) -> Result<Vec<String>> {
        let start = Instant::now();
        let names: Vec<_> = self.members.iter().map(|member| member.name().to_owned()).collect();
        let (names, reads) = (&names, &reads);
        let others = |own: usize| (0..names.len()).filter(move |other| *other != own);
        thread::scope(|scope| {
            let mut readers = Vec::new();
            for (reader, member) in self.members.iter_mut().enumerate() {
                readers.push(scope.spawn(move || {
                    let mut missed = Vec::new();
                    for writer in others(reader) {
                        let pair =
                            format!("{} reads the {what} of {}", names[reader], names[writer]);
                        let read =
                            eventually(&pair, || Ok(reads(member.as_mut(), writer)?.then_some(())));
                        missed.extend(read.err().map(|error| format!("{error:#}")));
                    }
                    missed
                }));
            }
            let mut missed = Vec::new();
            for reader in readers {
                missed.extend(reader.join().map_err(|_| anyhow!("a reader panicked"))?);
            }
            let pairs = names.len() * names.len().saturating_sub(1);
            let (read, secs) = (pairs - missed.len(), start.elapsed().as_secs_f32());
            eprintln!("mixed swarm: each {what}: {read} of {pairs} reads in {secs:.1} s");
            Ok(missed)
        })
    }
}
