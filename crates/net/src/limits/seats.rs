//! Who is connected to a server of clients, and who makes room for others.
//!
//! A server that turns people away as soon as its places are taken belongs to whoever opens connections and says nothing. Here a newcomer
//! takes the place of the connection that has been idle for longest; one with something under way, a request or a session, keeps its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The places of all connections.
#[derive(Debug)]
pub struct Seats {
    taken: Mutex<Taken>,
    /// Most connections, those that are leaving aside.
    max: usize,
}

#[derive(Debug, Default)]
struct Taken {
    seats: HashMap<u64, Seat>,
    next: u64,
    /// Connections that were told to leave and are still there.
    leaving: usize,
}

#[derive(Debug)]
struct Seat {
    /// Requests and sessions under way.
    busy: usize,
    idle_since: Instant,
    leave: CancellationToken,
}

impl Seats {
    /// Makes so many places, at least one.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { taken: Mutex::default(), max: max.max(1) }
    }

    /// Takes a place, an idle connection's if need be; `None` if all are busy, or too many have not left yet.
    #[must_use]
    pub fn take(self: &Arc<Self>) -> Option<Place> {
        let mut taken = self.lock();
        if taken.seats.len() - taken.leaving >= self.max {
            if taken.leaving >= self.max {
                return None;
            }
            let idle = |seat: &&mut Seat| seat.busy == 0 && !seat.leave.is_cancelled();
            let seats = taken.seats.values_mut().filter(idle);
            seats.min_by_key(|seat| seat.idle_since)?.leave.cancel();
            taken.leaving += 1;
        }
        let id = taken.next;
        taken.next += 1;
        let leave = CancellationToken::new();
        let seat = Seat { busy: 0, idle_since: Instant::now(), leave: leave.clone() };
        taken.seats.insert(id, seat);
        drop(taken);
        Some(Place(Arc::new(Held { seats: Arc::clone(self), id, leave })))
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place, until the last copy is dropped.
#[derive(Debug, Clone)]
pub struct Place(Arc<Held>);

#[derive(Debug)]
struct Held {
    seats: Arc<Seats>,
    id: u64,
    leave: CancellationToken,
}

impl Place {
    /// Says that something is under way, until what is returned is dropped.
    #[must_use]
    pub fn busy(&self) -> Busy {
        self.change(|seat| seat.busy += 1);
        Busy(self.clone())
    }

    /// Is cancelled when the connection is to make room for another: the socket is to be closed soon then.
    #[must_use]
    pub fn leave(&self) -> &CancellationToken {
        &self.0.leave
    }

    fn change(&self, change: impl FnOnce(&mut Seat)) {
        if let Some(seat) = self.0.seats.lock().seats.get_mut(&self.0.id) {
            change(seat);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.seats.remove(&self.id);
        if self.leave.is_cancelled() {
            taken.leaving -= 1;
        }
    }
}

/// Something under way on a connection.
#[derive(Debug)]
pub struct Busy(Place);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.change(|seat| {
            seat.busy -= 1;
            seat.idle_since = Instant::now();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_leaves_and_the_busy_stay() {
        let seats = Arc::new(Seats::new(3));
        let mut places = Vec::new();
        for _ in 0..3 {
            places.push(seats.take().unwrap());
            tokio::time::advance(std::time::Duration::from_secs(1)).await;
        }
        let working = places[0].busy();
        let last = seats.take().unwrap();
        let told = |places: &[Place]| {
            places.iter().map(|place| place.leave().is_cancelled()).collect::<Vec<_>>()
        };
        assert_eq!(told(&places), [false, true, false]);
        // Having worked, the first has been idle for the shortest time.
        drop(working);
        let another = seats.take().unwrap();
        assert_eq!(told(&places), [false, true, true]);
        let _all = [places[0].busy(), last.busy(), another.busy()];
        assert!(seats.take().is_none());
        // Whoever has left takes nobody's place.
        places.truncate(1);
        assert_eq!(seats.lock().leaving, 0);
        assert!(seats.take().is_none());
        drop(last);
    }

    #[tokio::test]
    async fn who_does_not_leave_is_not_followed_by_any_number() {
        let seats = Arc::new(Seats::new(2));
        let places: Vec<Place> = std::iter::from_fn(|| seats.take()).take(9).collect();
        assert_eq!(places.len(), 4);
        drop(places);
        assert!(seats.lock().seats.is_empty());
        assert_eq!(seats.lock().leaving, 0);
    }
}
