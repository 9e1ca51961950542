//! Networks with liars, and networks cut in two. Each Byzantine node has a name for what it does.

use core::{net::SocketAddr, time::Duration};

use rand::{RngExt, rngs::StdRng};

use super::world::{Mischief, World, local};
use crate::{
    contact::Contact,
    dht::{Outcome, Wish},
    key::Key,
    message::{Body, FoundValue, Item, Message, Response},
};

/// Honest nodes in each network.
const HONEST: u16 = 40;

/// Liars in each network: a fifth of all.
const LIARS: u16 = 10;

fn response(message: &mut Message) -> Option<&mut Response> {
    match &mut message.body {
        Body::Response(response) => Some(response),
        Body::Query(_) | Body::Error(_) => None,
    }
}

/// Names contacts that do not exist.
fn inventor(message: &mut Message, rng: &mut StdRng) -> bool {
    if let Some(Response { nodes: Some(nodes), .. }) = response(message) {
        *nodes = (0..8)
            .map(|_| {
                let addr = SocketAddr::from(([127, 66, rng.random(), rng.random()], 1));
                Contact::new(Key::random(rng), addr)
            })
            .collect();
    }
    true
}

/// Names the right nodes at wrong addresses.
fn misdirector(message: &mut Message, rng: &mut StdRng) -> bool {
    if let Some(Response { nodes: Some(nodes), .. }) = response(message) {
        for contact in nodes {
            contact.addr = SocketAddr::from(([127, 67, rng.random(), rng.random()], 1));
        }
    }
    true
}

/// Answers pings and nothing else.
fn mute(message: &mut Message, _: &mut StdRng) -> bool {
    response(message).is_none_or(|response| response.nodes.is_none() && response.token.is_none())
}

/// Returns other values than it stored, and claims to have what it does not have.
fn poisoner(message: &mut Message, _: &mut StdRng) -> bool {
    if let Some(response) = response(message)
        && response.token.is_some()
    {
        let value = b"6:poison".to_vec();
        response.value = Some(FoundValue::Item(Item::Immutable { value }));
    }
    true
}

/// Acknowledges every store under another id each time.
fn shapeshifter(message: &mut Message, rng: &mut StdRng) -> bool {
    if let Some(response) = response(message) {
        response.sender = Key::random(rng);
    }
    true
}

/// The share of items, in percent, that honest nodes read after honest nodes stored them.
fn retrieval(mischief: Mischief, seed: u64) -> usize {
    let mut world = World::of(HONEST, seed);
    for number in HONEST..HONEST + LIARS {
        world.add(local(number), |config| config.bootstrap = vec![local(0)]);
        world.nodes.get_mut(&local(number)).unwrap().mischief = Some(mischief);
    }
    world.run(Duration::from_secs(60));
    let mut read = 0;
    for number in 0..50_u16 {
        let text = format!("item {number}");
        let value = format!("{}:{text}", text.len()).into_bytes();
        let item = Item::Immutable { value };
        let writer = local(number % HONEST);
        world.fulfil(writer, Wish::PutItem { item: item.clone(), cas: None });
        let reader = local((number * 7 + 3) % HONEST);
        let found = world.fulfil(reader, Wish::GetImmutable { key: item.target() });
        read += usize::from(matches!(found, Outcome::Item(Some(got), _) if got == item));
    }
    read * 2
}

#[test]
fn inventors_of_contacts_do_not_hide_what_is_stored() {
    assert_eq!(retrieval(inventor, 1), 100);
}

#[test]
fn wrong_addresses_do_not_hide_what_is_stored() {
    assert_eq!(retrieval(misdirector, 2), 100);
}

#[test]
fn mute_nodes_do_not_hide_what_is_stored() {
    assert_eq!(retrieval(mute, 3), 100);
}

#[test]
fn poisoned_values_are_never_taken_for_the_stored_ones() {
    assert_eq!(retrieval(poisoner, 4), 100);
}

#[test]
fn nodes_that_change_their_id_stay_out_of_tables() {
    let mut world = World::of(20, 5);
    world.add(local(99), |config| config.bootstrap = vec![local(0)]);
    world.nodes.get_mut(&local(99)).unwrap().mischief = Some(shapeshifter);
    world.run(Duration::from_secs(120));
    for (addr, node) in world.nodes.iter().filter(|(addr, _)| **addr != local(99)) {
        let known = node.dht.contacts().iter().filter(|c| c.addr == local(99)).count();
        assert_eq!(known, 0, "{addr} believes a node that changes its id");
    }
    assert_eq!(retrieval(shapeshifter, 5), 100);
}

#[test]
fn a_network_cut_in_two_works_on_both_sides_and_heals() {
    let mut world = World::of(40, 6);
    let put = |world: &mut World, writer: u16, text: &str| {
        let item = Item::Immutable { value: format!("{}:{text}", text.len()).into_bytes() };
        let key = item.target();
        world.fulfil(local(writer), Wish::PutItem { item, cas: None });
        key
    };
    let read = |world: &mut World, reader: u16, key: Key| {
        matches!(world.fulfil(local(reader), Wish::GetImmutable { key }), Outcome::Item(Some(_), _))
    };
    for number in 20..40 {
        world.nodes.get_mut(&local(number)).unwrap().side = 1;
    }
    world.run(Duration::from_secs(20 * 60));
    let (here, there) = (put(&mut world, 1, "here"), put(&mut world, 30, "there"));
    assert!(read(&mut world, 15, here) && read(&mut world, 25, there));
    assert!(!read(&mut world, 15, there));

    for node in world.nodes.values_mut() {
        node.side = 0;
    }
    world.run(Duration::from_secs(20 * 60));
    assert!(read(&mut world, 25, here) && read(&mut world, 15, there));
}
