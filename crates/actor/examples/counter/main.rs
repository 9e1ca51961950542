//! A whole actor in miniature, supervised: run it with `cargo run -p quintet-actor --example counter`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod counter;

use std::{error::Error, time::Duration};

use quintet_actor::supervisor::{Backoff, ChildSpec, RestartPolicy, Supervisor};
use tokio_util::sync::CancellationToken;

use crate::counter::Config;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (counter, inbox) = counter::inbox::channel();
    let slot = inbox.into_slot();
    let config = Config { total_max: 100 };

    let mut supervisor = Supervisor::new("example");
    let restart = RestartPolicy::OnFault {
        max_restarts: 3,
        within: Duration::from_secs(60),
        backoff: Backoff { first: Duration::from_millis(10), cap: Duration::from_secs(1) },
    };
    let spec = ChildSpec::new("counter", restart, Duration::from_secs(1));
    supervisor.spawn(spec, move |stop| counter::actor::run(config, slot.clone(), stop));

    let stop = CancellationToken::new();
    let running = tokio::spawn(supervisor.run(stop.clone()));
    println!("40 more: {}", counter.add(40).await?);
    println!("50 more: {}", counter.add(50).await?);
    match counter.add(50).await {
        Ok(total) => println!("50 more: {total}"),
        Err(error) => println!("50 more: {error}"),
    }
    stop.cancel();
    println!("{}", running.await??);
    Ok(())
}
