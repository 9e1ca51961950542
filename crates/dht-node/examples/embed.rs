//! Two nodes inside a program that has other things to do: one stores a text, the other finds it.
//!
//! Run it with `cargo run -p quintet-dht-node --example embed`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use quintet_actor::bus::Delivery;
use quintet_dht_node::{DhtConfig, DhtHandle, DhtNode};
use quintet_dht_protocol::{dht::Event, message::Item};
use quintet_node::{
    datadir::DataDir,
    lifecycle::{NodeContext, RunningNode},
    ops::Health,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let home = tempfile::tempdir()?;
    let health = Health::new();
    let start = async |name: &str, config| -> Result<(RunningNode, DhtHandle), Box<dyn Error>> {
        let data_dir = DataDir::open(home.path().join(name))?;
        Ok(DhtNode::new(config).spawn(NodeContext::new(name, data_dir, &health)).await?)
    };

    let (alice, at_alice) = start("alice", DhtConfig::local()).await?;
    let known = at_alice.local_addrs().to_vec();
    let (bob, at_bob) = start("bob", DhtConfig::local().with_bootstrap(known)).await?;

    // Facts come over the bus. The table may have filled before we listened, so it is asked first.
    let mut events = at_bob.events();
    while at_bob.client().status().await?.dht.contacts == 0 {
        if let Delivery::Event(fact) = events.next().await
            && let Event::ContactAdded(contact) = fact.event
        {
            println!("{} knows {} at {}", fact.node, contact.id, contact.addr);
        }
    }

    let item = Item::Immutable { value: b"12:Hello World!".to_vec() };
    let stored = at_bob.client().put_item(item, None, false).await?;
    println!("stored under {} at {} node(s)", stored.key, stored.acknowledged);
    let found = at_alice.client().get_immutable(stored.key).await?;
    println!("found {:?} after {} queries", found.value, found.report.queries);

    bob.stop().await?;
    alice.stop().await?;
    Ok(())
}
