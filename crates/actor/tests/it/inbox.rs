//! The inbox: bounds, deadlines, and what an asker learns.

use std::{num::NonZeroUsize, time::Duration};

use quintet_actor::inbox::{self, AskError, InboxTakenError, Reply, TellError};
use tokio::time::{Instant, sleep};

use crate::meters;

const SECOND: Duration = Duration::from_secs(1);

fn places(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

#[tokio::test(start_paused = true)]
async fn messages_arrive_in_order_and_none_is_lost() {
    let (client, mut inbox) = inbox::channel("order", places(2));
    let teller = tokio::spawn(async move {
        for number in 0..100 {
            client.tell(number).await.unwrap();
        }
    });
    let mut received = Vec::new();
    while let Some(number) = inbox.recv().await {
        received.push(number);
    }
    teller.await.unwrap();
    assert_eq!(received, (0..100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_full_inbox_refuses_at_once_and_says_so() {
    let (client, inbox) = inbox::channel("busy", places(2));
    client.try_tell(1).unwrap();
    client.try_tell(2).unwrap();
    let refused = client.try_tell(3).unwrap_err();
    assert_eq!(refused, TellError::Full { actor: "busy", capacity: 2 });
    assert_eq!(refused.to_string(), "inbox of busy is full with 2 messages: try again later");
    assert_eq!(inbox.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn telling_a_full_inbox_waits_for_a_place() {
    let (client, mut inbox) = inbox::channel("slow", places(1));
    client.try_tell(1).unwrap();
    let waiting = tokio::spawn(async move { client.tell(2).await });
    sleep(SECOND).await;
    assert!(!waiting.is_finished());
    assert_eq!(inbox.recv().await, Some(1));
    assert_eq!(waiting.await.unwrap(), Ok(()));
    assert_eq!(inbox.recv().await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_actor_is_closed_to_telling_and_asking() {
    let (client, inbox) = inbox::channel::<Reply<()>>("gone", places(1));
    drop(inbox);
    assert!(client.is_closed());
    client.closed().await;
    let asked = client.ask(SECOND, |reply| reply).await;
    assert_eq!(asked, Err(AskError::Closed { actor: "gone" }));
    let (reply_client, reply_inbox) = inbox::channel("gone", places(1));
    drop(reply_inbox);
    assert_eq!(reply_client.try_tell(1), Err(TellError::Closed { actor: "gone" }));
    assert_eq!(reply_client.tell(1).await, Err(TellError::Closed { actor: "gone" }));
}

#[tokio::test(start_paused = true)]
async fn a_closed_inbox_still_yields_what_waits() {
    let (client, mut inbox) = inbox::channel("closing", places(2));
    client.try_tell(1).unwrap();
    inbox.close();
    assert_eq!(client.try_tell(2), Err(TellError::Closed { actor: "closing" }));
    assert_eq!(inbox.recv().await, Some(1));
    assert_eq!(inbox.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_question_is_answered() {
    let (client, mut inbox) = inbox::channel::<(u32, Reply<u32>)>("double", places(1));
    tokio::spawn(async move {
        while let Some((number, reply)) = inbox.recv().await {
            reply.send(number * 2);
        }
    });
    assert_eq!(client.ask(SECOND, |reply| (21, reply)).await, Ok(42));
}

#[tokio::test(start_paused = true)]
async fn a_silent_actor_runs_into_the_deadline() {
    let (client, mut inbox) = inbox::channel::<Reply<()>>("silent", places(1));
    let start = Instant::now();
    let asked = client.ask(SECOND, |reply| reply).await;
    assert_eq!(asked, Err(AskError::Deadline { actor: "silent", deadline: SECOND }));
    assert_eq!(start.elapsed(), SECOND);
    let reply = inbox.recv().await.unwrap();
    assert!(!reply.is_wanted());
    reply.send(());
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_place_counts_against_the_deadline() {
    let (client, inbox) = inbox::channel::<Reply<()>>("stuffed", places(1));
    let asker = client.clone();
    let first = tokio::spawn(async move { asker.ask(SECOND * 9, |reply| reply).await });
    sleep(SECOND).await;
    let second = client.ask(SECOND, |reply| reply).await;
    assert_eq!(second, Err(AskError::Full { actor: "stuffed", deadline: SECOND }));
    assert_eq!(inbox.len(), 1);
    drop(inbox);
    assert_eq!(first.await.unwrap(), Err(AskError::Dropped { actor: "stuffed" }));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_question_is_not_waited_for() {
    let (client, mut inbox) = inbox::channel::<Reply<()>>("forgetful", places(1));
    tokio::spawn(async move { while inbox.recv().await.is_some() {} });
    let start = Instant::now();
    let asked = client.ask(SECOND, |reply| reply).await;
    assert_eq!(asked, Err(AskError::Dropped { actor: "forgetful" }));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_actor_learns_that_its_asker_gave_up() {
    let (client, mut inbox) = inbox::channel::<Reply<()>>("slow", places(1));
    let asker = tokio::spawn(async move { client.ask(SECOND, |reply| reply).await });
    let mut reply = inbox.recv().await.unwrap();
    assert!(reply.is_wanted());
    reply.abandoned().await;
    assert!(asker.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn messages_wait_in_the_slot_while_the_actor_is_away() {
    let (client, inbox) = inbox::channel("away", places(4));
    let slot = inbox.into_slot();
    let mut first = slot.take().unwrap();
    assert_eq!(slot.take().unwrap_err(), InboxTakenError { actor: "away" });
    client.try_tell(1).unwrap();
    client.try_tell(2).unwrap();
    assert_eq!(first.recv().await, Some(1));
    drop(first);
    client.try_tell(3).unwrap();
    let mut second = slot.take().unwrap();
    assert_eq!(second.recv().await, Some(2));
    assert_eq!(second.recv().await, Some(3));
    drop(slot);
    assert!(!client.is_closed());
    drop(second);
    assert!(client.is_closed());
}

#[tokio::test(start_paused = true)]
async fn depth_queueing_and_handling_are_measured_without_the_actors_help() {
    let (_guard, meters) = meters::install();
    let (client, mut inbox) = inbox::channel_of("measured", "node-3", places(2));
    client.try_tell(1).unwrap();
    client.try_tell(2).unwrap();
    client.try_tell(3).unwrap_err();
    let readings = meters.read();
    assert_eq!(
        readings.labels("quintet_actor_mailbox_depth"),
        ["actor=measured", "instance=node-3"]
    );
    assert_eq!(readings.gauge("quintet_actor_mailbox_depth"), 2.0);
    assert_eq!(readings.counter("quintet_actor_refused_messages_total"), 1);

    sleep(SECOND * 2).await;
    inbox.recv().await.unwrap();
    let readings = meters.read();
    assert_eq!(readings.gauge("quintet_actor_mailbox_depth"), -1.0);
    assert_eq!(readings.histogram("quintet_actor_queue_seconds"), [2.0]);
    sleep(SECOND * 5).await;
    inbox.recv().await.unwrap();
    assert_eq!(meters.read().histogram("quintet_actor_handling_seconds"), [5.0]);
    sleep(SECOND * 3).await;
    client.try_tell(4).unwrap();
    assert_eq!(meters.read().gauge("quintet_actor_mailbox_depth"), 1.0);
    drop(inbox);
    let readings = meters.read();
    assert_eq!(readings.histogram("quintet_actor_handling_seconds"), [3.0]);
    assert_eq!(readings.gauge("quintet_actor_mailbox_depth"), -1.0);
}
