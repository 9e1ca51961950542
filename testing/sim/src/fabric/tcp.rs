//! Relays of connections.
//!
//! ```text
//!   node i ──► relay of (i, j) ──chunk, due at a time──► node j
//!          ◄────────────────────────────────────────────
//! ```

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
    thread,
    time::Instant,
};

use super::{PAUSE, Shared, Wire};

/// Bytes taken at a time.
const CHUNK: usize = 16 << 10;

/// Chunks on their way in one direction; who sends more waits, as with a full window.
const CHUNKS_AHEAD: usize = 256;

/// Makes a wire's relay; returns where it takes connections.
pub(super) fn relay(wire: Wire, shared: &Arc<Shared>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let at = listener.local_addr()?;
    let shared = Arc::clone(shared);
    thread::spawn(move || accept(&listener, wire, &shared));
    Ok(at)
}

fn accept(listener: &TcpListener, wire: Wire, shared: &Arc<Shared>) {
    while !shared.is_over() {
        let Ok((near, _)) = listener.accept() else {
            thread::sleep(PAUSE);
            continue;
        };
        // Nobody answers across a cut; a connection that ends at once looks the same but sooner.
        let is_cut = shared.is_cut(wire.from, wire.to);
        let far = if is_cut { None } else { TcpStream::connect(wire.target).ok() };
        if let Some(far) = far {
            let _ = both_ways(&near, &far, wire, shared);
        }
    }
}

fn both_ways(
    near: &TcpStream,
    far: &TcpStream,
    wire: Wire,
    shared: &Arc<Shared>,
) -> io::Result<()> {
    near.set_nonblocking(false)?;
    for (from, to) in [(near, far), (far, near)] {
        from.set_nodelay(true)?;
        from.set_read_timeout(Some(PAUSE * 10))?;
        let (sender, chunks) = sync_channel(CHUNKS_AHEAD);
        let (mut from, to) = (from.try_clone()?, to.try_clone()?);
        thread::spawn(move || deliver(&to, &chunks));
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let mut buffer = vec![0; CHUNK];
            loop {
                if shared.is_cut(wire.from, wire.to) || shared.is_over() {
                    break;
                }
                let taken = match from.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(taken) => taken,
                    Err(error) if is_nothing_yet(&error) => continue,
                    Err(_) => break,
                };
                let Some(due) = shared.arrival() else { break };
                let chunk = buffer.get(..taken).unwrap_or_default().to_vec();
                if sender.send((due, chunk)).is_err() {
                    break;
                }
            }
            let _ = from.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}

fn is_nothing_yet(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Writes each chunk when it is due, in the order they were taken.
fn deliver(mut to: &TcpStream, chunks: &Receiver<(Instant, Vec<u8>)>) {
    while let Ok((due, chunk)) = chunks.recv() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&chunk).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
