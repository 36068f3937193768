//! A way to a server that can lose answers: the server has done its work, and the client never learns.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Passes connections on to a server on loopback.
pub(crate) struct Eater {
    url: String,
    eats: Arc<AtomicBool>,
    eaten: Arc<AtomicUsize>,
}

impl Eater {
    /// On the way to `http://127.0.0.1:PORT`. Its threads end with the test's process.
    pub(crate) fn before(url: &str) -> Self {
        let server = url.strip_prefix("http://").expect("http").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let (eats, eaten) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (is_eating, count) = (Arc::clone(&eats), Arc::clone(&eaten));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(&server).expect("it listens");
                let (is_eating, count) = (Arc::clone(&is_eating), Arc::clone(&count));
                thread::spawn(move || pass_on(client, server, &is_eating, &count));
            }
        });
        Self { url, eats, eaten }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// From now on answers are lost, or not.
    pub(crate) fn eat(&self, eats: bool) {
        self.eats.store(eats, Ordering::SeqCst);
    }

    /// How many answers were lost.
    pub(crate) fn eaten(&self) -> usize {
        self.eaten.load(Ordering::SeqCst)
    }
}

fn pass_on(client: TcpStream, server: TcpStream, eats: &AtomicBool, eaten: &AtomicUsize) {
    let (mut from_client, mut to_server) = (clone(&client), clone(&server));
    let there = thread::spawn(move || {
        // Either may hang up at any time.
        drop(std::io::copy(&mut from_client, &mut to_server));
        drop(to_server.shutdown(Shutdown::Write));
    });
    let (mut client, mut server) = (client, server);
    let mut bytes = [0; 16 * 1024];
    while let Ok(length @ 1..) = server.read(&mut bytes) {
        if eats.load(Ordering::SeqCst) {
            eaten.fetch_add(1, Ordering::SeqCst);
            // Held open, as a network that lost the answer would.
            while eats.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(10));
            }
            break;
        }
        if client.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    drop(client.shutdown(Shutdown::Both));
    drop(server.shutdown(Shutdown::Both));
    drop(there.join());
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a descriptor")
}
