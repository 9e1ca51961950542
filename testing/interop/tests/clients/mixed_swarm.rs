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
        missed.extend(swarm.announces()?);
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
        let items = self.each_writes(|writer, _| {
            let value = format!("an item of {}", writer.name()).into_bytes();
            Ok((writer.put_immutable(&value)?, value))
        })?;
        self.each_reads_each("immutable item", |reader, number| {
            let (target, value) = &items[number];
            Ok(reader.get_immutable(*target)?.is_some_and(|read| read == *value))
        })
    }

    fn mutable_items(&mut self) -> Result<Vec<String>> {
        let items = self.each_writes(|writer, number| {
            let owner = keys::owner(u8::try_from(number)?);
            let value = format!("a signed item of {}", writer.name()).into_bytes();
            let seq = writer.put_mutable(&owner, SALT, &value, 1)?;
            Ok((owner.public_key, Found { value, seq }))
        })?;
        self.each_reads_each("mutable item", |reader, number| {
            let (public_key, item) = &items[number];
            Ok(reader.get_mutable(*public_key, SALT)?.is_some_and(|read| read == *item))
        })
    }

    fn announces(&mut self) -> Result<Vec<String>> {
        let peers = self.each_writes(|writer, number| {
            let number = u8::try_from(number)?;
            let (info_hash, port) = ([number; 20], FIRST_PORT + u16::from(number));
            writer.announce(info_hash, port)?;
            Ok((info_hash, SocketAddrV4::new(*writer.addr().ip(), port)))
        })?;
        self.each_reads_each("announce", |searcher, number| {
            let (info_hash, peer) = &peers[number];
            Ok(searcher.get_peers(*info_hash)?.contains(peer))
        })
    }

    /// Lets each member write one thing.
    fn each_writes<T: Send>(
        &mut self,
        write: impl Fn(&mut dyn Peer, usize) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        self.all_at_once(write)?.into_iter().collect()
    }

    /// Lets each member read what each other wrote, and returns who missed what.
    fn each_reads_each(
        &mut self,
        what: &str,
        reads: impl Fn(&mut dyn Peer, usize) -> Result<bool> + Sync,
    ) -> Result<Vec<String>> {
        let start = Instant::now();
        let names: Vec<_> = self.members.iter().map(|member| member.name().to_owned()).collect();
        let missed: Vec<String> = self
            .all_at_once(|reader, own| {
                let mut missed = Vec::new();
                for (number, writer) in names.iter().enumerate().filter(|(other, _)| *other != own)
                {
                    let pair = format!("{} reads the {what} of {writer}", reader.name());
                    let read = eventually(&pair, || Ok(reads(reader, number)?.then_some(())));
                    missed.extend(read.err().map(|error| format!("{error:#}")));
                }
                missed
            })?
            .concat();
        let pairs = names.len() * names.len().saturating_sub(1);
        let (read, secs) = (pairs.saturating_sub(missed.len()), start.elapsed().as_secs_f32());
        eprintln!("mixed swarm: each {what}: {read} of {pairs} reads in {secs:.1} s");
        Ok(missed)
    }

    /// Has every member do something, each in a thread of its own, and returns what came of it.
    fn all_at_once<T: Send>(
        &mut self,
        act: impl Fn(&mut dyn Peer, usize) -> T + Sync,
    ) -> Result<Vec<T>> {
        let act = &act;
        thread::scope(|scope| {
            let members = self.members.iter_mut().enumerate();
            let threads: Vec<_> = members
                .map(|(number, member)| scope.spawn(move || act(member.as_mut(), number)))
                .collect();
            let join = |thread: thread::ScopedJoinHandle<'_, T>| {
                thread.join().map_err(|_| anyhow!("a member's thread panicked"))
            };
            threads.into_iter().map(join).collect()
        })
    }
}
