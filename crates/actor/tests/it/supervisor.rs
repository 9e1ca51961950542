//! The supervisor: restarts, escalation, and stopping in order.

use std::{
    future::pending,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use quintet_actor::{
    bus::{Delivery, Subscription},
    inbox::{self, AskError, Reply},
    supervisor::{
        ABORT_GRACE, Backoff, ChildEvent, ChildSpec, Ending, Fault, RestartPolicy, Supervisor,
    },
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::meters;

const SECOND: Duration = Duration::from_secs(1);
const RESTART: RestartPolicy = RestartPolicy::OnFault {
    max_restarts: 3,
    within: Duration::from_secs(60),
    backoff: Backoff { first: SECOND, cap: Duration::from_secs(3) },
};

fn spec(name: &str, restart: RestartPolicy) -> ChildSpec {
    ChildSpec::new(name, restart, SECOND * 5)
}

/// A child that ends well as soon as it is told to.
async fn obedient(stop: CancellationToken) -> Result<(), Fault> {
    stop.cancelled().await;
    Ok(())
}

/// What happened, one word an event.
fn story(events: &mut Subscription<ChildEvent>) -> Vec<String> {
    let mut story = Vec::new();
    while let Some(Delivery::Event(event)) = events.try_next() {
        story.push(match event {
            ChildEvent::ChildStarted { child } => format!("{child} started"),
            ChildEvent::ChildFaulted { child, fault, restart_in } => {
                format!("{child} faulted ({fault}), restart in {restart_in:?}")
            }
            ChildEvent::ChildRestarted { child } => format!("{child} restarted"),
            ChildEvent::ChildStopped { child, ending } => format!("{child} {ending}"),
        });
    }
    story
}

#[tokio::test(start_paused = true)]
async fn children_stop_in_the_reverse_order_of_their_start() {
    let mut supervisor = Supervisor::new("order");
    let mut events = supervisor.events();
    for name in ["store", "net", "rpc"] {
        supervisor.spawn(spec(name, RestartPolicy::Never), |stop| async move {
            stop.cancelled().await;
            sleep(SECOND).await;
            Ok(())
        });
    }
    let stop = CancellationToken::new();
    stop.cancel();
    let report = supervisor.run(stop).await.unwrap();
    assert!(report.is_clean());
    assert_eq!(
        story(&mut events),
        [
            "store started",
            "net started",
            "rpc started",
            "rpc stopped in 1s",
            "net stopped in 1s",
            "store stopped in 1s"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_child_that_ignores_its_token_is_aborted_after_its_grace() {
    let mut supervisor = Supervisor::new("graceless");
    supervisor.spawn(spec("good", RestartPolicy::Never), obedient);
    supervisor.spawn(spec("deaf", RestartPolicy::Never), |_| pending());
    let stop = CancellationToken::new();
    stop.cancel();
    let start = Instant::now();
    let report = supervisor.run(stop).await.unwrap();
    assert_eq!(start.elapsed(), SECOND * 5);
    assert!(!report.is_clean());
    assert!(matches!(report.ending("deaf"), Some(Ending::Aborted { .. })));
    assert!(matches!(report.ending("good"), Some(Ending::Stopped { .. })));
    assert_eq!(report.to_string(), "deaf: aborted after a grace of 5s; good: stopped in 0ns");
}

#[tokio::test]
async fn children_of_a_dropped_supervisor_are_told_to_stop() {
    let (told, mut tokens) = tokio::sync::mpsc::unbounded_channel();
    let mut supervisor = Supervisor::new("dropped");
    supervisor.spawn(spec("child", RestartPolicy::Never), move |stop| {
        told.send(stop).unwrap();
        pending()
    });
    let token = tokens.recv().await.unwrap();
    let running = tokio::spawn(supervisor.run(CancellationToken::new()));
    assert!(!token.is_cancelled());
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert!(token.is_cancelled());
}

#[test]
fn a_child_that_blocks_its_thread_does_not_hold_the_shutdown_up() {
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let report = runtime.block_on(async move {
        let mut supervisor = Supervisor::new("blocked");
        let graceless = ChildSpec::new("blocked", RestartPolicy::Never, Duration::ZERO);
        supervisor.spawn(graceless, move |_| {
            let blocked = Arc::clone(&blocked);
            async move {
                let _ = blocked.lock().unwrap().recv();
                Ok(())
            }
        });
        let stop = CancellationToken::new();
        stop.cancel();
        tokio::time::timeout(ABORT_GRACE * 20, supervisor.run(stop)).await.unwrap().unwrap()
    });
    // The task may also have been aborted before its first poll, which is as good.
    let ending = report.ending("blocked").unwrap();
    assert!(matches!(ending, Ending::Stuck | Ending::Aborted { .. }), "{ending}");
    drop(release);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_fault_and_the_child_starts_again_after_its_back_off() {
    let (_guard, meters) = meters::install();
    let mut supervisor = Supervisor::new("panics");
    let mut events = supervisor.events();
    let lives = Arc::new(AtomicU32::new(0));
    supervisor.spawn(spec("clumsy", RESTART), move |stop| {
        let life = lives.fetch_add(1, Ordering::Relaxed);
        async move {
            assert!(life >= 2, "life {life} was short");
            obedient(stop).await
        }
    });
    let stop = CancellationToken::new();
    let running = tokio::spawn(supervisor.run(stop.clone()));
    sleep(SECOND * 10).await;
    stop.cancel();
    assert!(running.await.unwrap().unwrap().is_clean());
    assert_eq!(
        story(&mut events),
        [
            "clumsy started",
            "clumsy faulted (panicked: life 0 was short), restart in Some(1s)",
            "clumsy restarted",
            "clumsy faulted (panicked: life 1 was short), restart in Some(2s)",
            "clumsy restarted",
            "clumsy stopped in 0ns"
        ]
    );
    let readings = meters.read();
    assert_eq!(readings.counter("quintet_supervisor_faults_total"), 2);
    assert_eq!(readings.counter("quintet_supervisor_restarts_total"), 2);
}

#[tokio::test(start_paused = true)]
async fn too_many_faults_escalate_and_take_the_others_down() {
    let mut supervisor = Supervisor::new("hopeless");
    supervisor.spawn(spec("good", RestartPolicy::Never), obedient);
    supervisor.spawn(spec("broken", RESTART), |_| async { Err(Fault::new("disk on fire")) });
    let start = Instant::now();
    let escalated = supervisor.run(CancellationToken::new()).await.unwrap_err();
    // Back-offs of 1, 2 and 3 seconds (the cap), then the fourth fault.
    assert_eq!(start.elapsed(), SECOND * 6);
    assert_eq!(escalated.to_string(), "broken of hopeless: disk on fire");
    assert!(matches!(escalated.report.ending("good"), Some(Ending::Stopped { .. })));
    assert!(matches!(escalated.report.ending("broken"), Some(Ending::Faulted { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_child_that_is_never_restarted_escalates_at_its_first_fault() {
    let mut supervisor = Supervisor::new("once");
    supervisor.spawn(spec("fragile", RestartPolicy::Never), |_| async {
        "300".parse::<u8>()?;
        Ok(())
    });
    let escalated = supervisor.run(CancellationToken::new()).await.unwrap_err();
    assert!(escalated.fault.downcast_ref::<std::num::ParseIntError>().is_some());
    assert!(!escalated.fault.is_panic());
}

#[tokio::test(start_paused = true)]
async fn a_child_that_finishes_is_not_restarted_and_the_last_one_ends_the_supervisor() {
    let mut supervisor = Supervisor::new("done");
    supervisor.spawn(spec("job", RESTART), |_| async { Ok(()) });
    let report = supervisor.run(CancellationToken::new()).await.unwrap();
    assert!(matches!(report.ending("job"), Some(Ending::Finished)));
}

#[tokio::test(start_paused = true)]
async fn a_fault_during_the_shutdown_restarts_nothing() {
    let mut supervisor = Supervisor::new("late");
    supervisor.spawn(spec("brittle", RESTART), |_| async {
        sleep(SECOND * 2).await;
        Err(Fault::new("peer is gone"))
    });
    supervisor.spawn(spec("slow", RestartPolicy::Never), |stop| async move {
        stop.cancelled().await;
        sleep(SECOND * 3).await;
        Err(Fault::new("could not say goodbye"))
    });
    let stop = CancellationToken::new();
    stop.cancel();
    let report = supervisor.run(stop).await.unwrap();
    assert_eq!(
        report.to_string(),
        "brittle: faulted: peer is gone; slow: faulted: could not say goodbye"
    );
}

#[tokio::test(start_paused = true)]
async fn a_child_told_to_stop_while_backing_off_does_not_start_again() {
    let mut supervisor = Supervisor::new("patient");
    supervisor.spawn(spec("broken", RESTART), |_| async { Err(Fault::new("no")) });
    let stop = CancellationToken::new();
    let running = tokio::spawn(supervisor.run(stop.clone()));
    sleep(SECOND / 2).await;
    stop.cancel();
    let report = running.await.unwrap().unwrap();
    assert!(matches!(report.ending("broken"), Some(Ending::Stopped { .. })));
}

#[tokio::test(start_paused = true)]
async fn clients_outlive_a_restart_and_waiting_messages_are_served_after_it() {
    enum Message {
        Explode { _reply: Reply<()> },
        Count(Reply<u32>),
    }
    let (client, inbox) = inbox::channel("phoenix", NonZeroUsize::new(8).unwrap());
    let slot = inbox.into_slot();
    let mut supervisor = Supervisor::new("ashes");
    supervisor.spawn(spec("phoenix", RESTART), move |_| {
        let slot = slot.clone();
        async move {
            let mut inbox = slot.take()?;
            let mut handled = 0;
            while let Some(message) = inbox.recv().await {
                handled += 1;
                match message {
                    Message::Explode { .. } => panic!("boom"),
                    Message::Count(reply) => reply.send(handled),
                }
            }
            Ok(())
        }
    });
    let running = tokio::spawn(supervisor.run(CancellationToken::new()));
    let other = client.clone();
    let (exploded, counted) = tokio::join!(
        client.ask(SECOND * 9, |_reply| Message::Explode { _reply }),
        other.ask(SECOND * 9, Message::Count)
    );
    assert_eq!(exploded, Err(AskError::Dropped { actor: "phoenix" }));
    assert_eq!(counted, Ok(1));
    drop((client, other));
    assert!(running.await.unwrap().unwrap().is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_can_be_the_child_of_another() {
    let mut outer = Supervisor::new("outer");
    outer.spawn(spec("inner", RestartPolicy::Never), |stop| async move {
        let mut inner = Supervisor::new("inner");
        inner.spawn(spec("broken", RestartPolicy::Never), |_| async { Err(Fault::new("no")) });
        inner.run(stop).await?;
        Ok(())
    });
    let escalated = outer.run(CancellationToken::new()).await.unwrap_err();
    assert_eq!(escalated.to_string(), "inner of outer: broken of inner: no");
}
