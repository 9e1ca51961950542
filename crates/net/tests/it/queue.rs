//! The outbound queue: bounds, priorities, and no class that starves.

use std::{
    collections::VecDeque,
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use proptest::prelude::*;
use quintet_net::queue::{
    Class, ClassConfig, PriorityQueue, PushError, QueueConfig, QueueConfigError, channel,
};
use tokio::time::sleep;

const WEIGHTS: [u32; 3] = [5, 2, 1];

fn config(messages_max: usize, bytes_max: usize) -> QueueConfig {
    let class = |(index, weight)| ClassConfig {
        weight: NonZeroU32::new(weight).unwrap(),
        droppable: index > 0,
    };
    QueueConfig {
        messages_max: NonZeroUsize::new(messages_max).unwrap(),
        bytes_max: NonZeroUsize::new(bytes_max).unwrap(),
        classes: WEIGHTS.into_iter().enumerate().map(class).collect(),
    }
}

proptest! {
    #[test]
    fn bounds_hold_order_holds_and_every_message_is_accounted_for(
        steps in proptest::collection::vec((any::<bool>(), 0..3_u8, 0..60_usize), 1..400),
    ) {
        let mut queue = PriorityQueue::new(config(8, 100)).unwrap();
        let mut waiting: [VecDeque<(usize, usize)>; 3] = Default::default();
        for (number, (pushes, class, size)) in steps.into_iter().enumerate() {
            if pushes {
                match queue.push(Class(class), (class, number), size) {
                    Ok(dropped) => {
                        for (lower, number) in dropped {
                            prop_assert!(lower > class);
                            let oldest = waiting[usize::from(lower)].pop_front().unwrap();
                            prop_assert_eq!(oldest.0, number);
                        }
                        waiting[usize::from(class)].push_back((number, size));
                    }
                    Err(refused) => prop_assert_eq!(refused.message, (class, number)),
                }
            } else if let Some((class, number)) = queue.pop() {
                let oldest = waiting[usize::from(class)].pop_front().unwrap();
                prop_assert_eq!(oldest.0, number);
            } else {
                prop_assert!(waiting.iter().all(VecDeque::is_empty));
            }
            let bytes: usize = waiting.iter().flatten().map(|(_, size)| size).sum();
            prop_assert_eq!(queue.len(), waiting.iter().map(VecDeque::len).sum::<usize>());
            prop_assert_eq!(queue.bytes(), bytes);
            prop_assert!(queue.len() <= 8 && queue.bytes() <= 100);
        }
    }

    #[test]
    fn no_class_starves_however_busy_the_others_are(waits in 0..3_usize, warm_up in 0..20_usize) {
        let mut queue = PriorityQueue::new(config(1_000, 1_000_000)).unwrap();
        for class in 0..3_u8 {
            for _ in 0..100 {
                queue.push(Class(class), usize::from(class), 1).unwrap();
            }
        }
        for _ in 0..warm_up {
            queue.pop();
        }
        let mut served = [0_u32; 3];
        while served[waits] < WEIGHTS[waits] {
            served[queue.pop().unwrap()] += 1;
        }
        for class in 0..3 {
            prop_assert!(served[class] <= 2 * WEIGHTS[class], "{served:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pop_waits_for_a_message() {
    let (sender, mut receiver) = channel(config(2, 100)).unwrap();
    let popping = tokio::spawn(async move { receiver.pop().await });
    sleep(Duration::from_secs(1)).await;
    assert!(!popping.is_finished());
    sender.try_push(Class(1), "late", 1).unwrap();
    assert_eq!(popping.await.unwrap(), Some("late"));
}

#[tokio::test(start_paused = true)]
async fn a_push_into_a_full_queue_waits_for_room() {
    let (sender, mut receiver) = channel(config(1, 100)).unwrap();
    sender.try_push(Class(0), 1, 1).unwrap();
    let full = sender.try_push(Class(0), 2, 1).unwrap_err();
    assert_eq!(full.reason, PushError::Full { messages: 1, bytes: 1 });
    let pusher = sender.clone();
    let pushing = tokio::spawn(async move { pusher.push(Class(0), 2, 1).await });
    sleep(Duration::from_secs(1)).await;
    assert!(!pushing.is_finished());
    assert_eq!(receiver.pop().await, Some(1));
    assert_eq!(pushing.await.unwrap(), Ok(vec![]));
    assert_eq!(receiver.pop().await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn many_waiting_pushers_all_get_through() {
    let (sender, mut receiver) = channel(config(2, 100)).unwrap();
    for number in 0..50_u32 {
        let pusher = sender.clone();
        tokio::spawn(async move { pusher.push(Class(0), number, 30).await.unwrap() });
    }
    drop(sender);
    let mut popped = Vec::new();
    while let Some(number) = receiver.pop().await {
        popped.push(number);
    }
    popped.sort_unstable();
    assert_eq!(popped, (0..50).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn the_queue_ends_when_the_last_sender_is_gone_and_it_is_empty() {
    let (sender, mut receiver) = channel(config(2, 100)).unwrap();
    sender.try_push(Class(2), "last", 1).unwrap();
    drop(sender.clone());
    drop(sender);
    assert_eq!(receiver.pop().await, Some("last"));
    assert_eq!(receiver.pop().await, None);
}

#[tokio::test(start_paused = true)]
async fn pushers_learn_that_the_connection_is_over() {
    let (sender, receiver) = channel(config(1, 100)).unwrap();
    sender.try_push(Class(0), 1, 1).unwrap();
    let pusher = sender.clone();
    let pushing = tokio::spawn(async move { pusher.push(Class(0), 2, 1).await });
    sleep(Duration::from_secs(1)).await;
    drop(receiver);
    assert_eq!(pushing.await.unwrap().unwrap_err().reason, PushError::Closed);
    assert_eq!(sender.try_push(Class(0), 3, 1).unwrap_err().reason, PushError::Closed);
    assert!(sender.is_empty());
}

#[test]
fn a_queue_has_at_least_one_class_and_at_most_sixteen() {
    let none = QueueConfig { classes: vec![], ..config(1, 1) };
    let error = PriorityQueue::<()>::new(none).unwrap_err();
    assert_eq!(error, QueueConfigError { expected: 16, actual: 0 });
    let class = config(1, 1).classes[0];
    let many = QueueConfig { classes: vec![class; 17], ..config(1, 1) };
    assert!(PriorityQueue::<()>::new(many).is_err());
}
