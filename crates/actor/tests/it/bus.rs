//! The event bus: facts in order, lag told, nobody waited for.

use std::num::NonZeroUsize;

use quintet_actor::bus::{Delivery, EventBus};

use crate::meters;

fn bus(capacity: usize) -> EventBus<u64> {
    EventBus::new("facts", NonZeroUsize::new(capacity).unwrap())
}

#[tokio::test(start_paused = true)]
async fn every_subscriber_sees_every_event_in_order() {
    let bus = bus(4);
    let (mut first, mut second) = (bus.subscribe(), bus.subscribe());
    bus.publish(1);
    bus.publish(2);
    for subscription in [&mut first, &mut second] {
        assert_eq!(subscription.next().await, Delivery::Event(1));
        assert_eq!(subscription.next().await, Delivery::Event(2));
        assert_eq!(subscription.try_next(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn publishing_to_nobody_is_no_error() {
    let bus = bus(1);
    bus.publish(1);
    assert_eq!(bus.subscribers(), 0);
    let mut late = bus.subscribe();
    bus.publish(2);
    assert_eq!(late.next().await, Delivery::Event(2));
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_is_told_what_it_missed_and_holds_nobody_up() {
    let (_guard, meters) = meters::install();
    let bus = bus(4);
    let mut slow = bus.subscribe();
    for number in 0..10 {
        bus.publish(number);
    }
    assert_eq!(slow.next().await, Delivery::Lagged { missed: 6 });
    assert_eq!(slow.next().await, Delivery::Event(6));
    let readings = meters.read();
    assert_eq!(readings.counter("quintet_bus_lagged_events_total"), 6);
    assert_eq!(readings.counter("quintet_bus_published_events_total"), 10);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_closes_after_the_last_event_of_the_last_publisher() {
    let bus = bus(4);
    let mut subscription = bus.subscribe();
    let other = bus.clone();
    drop(bus);
    other.publish(1);
    drop(other);
    assert_eq!(subscription.next().await, Delivery::Event(1));
    assert_eq!(subscription.next().await, Delivery::Closed);
    assert_eq!(subscription.try_next(), Some(Delivery::Closed));
}
