//! A TCP proxy that does to connections what networks do, at points that a seed chooses.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Bytes after which a connection's fault comes, at most; a handshake is some 3 KB.
const LIFE_BYTES_MAX: u64 = 120_000;
/// How long a stall lasts; longer than any client here waits.
const STALL: Duration = Duration::from_secs(3);

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// Both ends get a reset.
    Cut,
    /// Nothing moves any more, until long after the client has given up.
    Stall,
    /// Everything comes late, then both ends get a reset.
    Delay,
    /// The client gets its reset at once, the server what was on its way, and its reset, later,
    /// when the client may long be back on another connection.
    CutClientFirst,
    /// The server's answers are lost, what the client sends arrives; then both get a reset.
    LoseAnswers,
}

const FAULTS: [Fault; 5] =
    [Fault::Cut, Fault::Stall, Fault::Delay, Fault::CutClientFirst, Fault::LoseAnswers];

/// The proxy; it ends with the test's runtime.
pub(crate) struct FaultProxy {
    pub(crate) address: SocketAddr,
    counts: Arc<[AtomicUsize; FAULTS.len()]>,
}

impl FaultProxy {
    pub(crate) async fn start(server: SocketAddr, seed: u64) -> FaultProxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let counts: Arc<[AtomicUsize; FAULTS.len()]> = Arc::default();
        let counted = Arc::clone(&counts);
        tokio::spawn(async move {
            let mut random = Random(seed);
            // Each kind in turn, in an order of the seed, so that none is left out.
            for turn in random.next() as usize.. {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(server).await.unwrap();
                let kind = turn % FAULTS.len();
                let life_bytes = random.next() % LIFE_BYTES_MAX;
                let counted = Arc::clone(&counted);
                tokio::spawn(async move {
                    if carry(client, server, FAULTS[kind], life_bytes).await {
                        counted[kind].fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        FaultProxy { address, counts }
    }

    /// How often a fault has struck.
    pub(crate) fn count(&self) -> [(Fault, usize); FAULTS.len()] {
        let mut counts = self.counts.iter();
        FAULTS.map(|fault| (fault, counts.next().unwrap().load(Ordering::Relaxed)))
    }
}

/// Carries bytes both ways until the fault, which it then commits. False when one of the ends
/// closed before.
async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    fault: Fault,
    life_bytes: u64,
) -> bool {
    let carried = AtomicU64::new(0);
    {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let (mut up, mut down) = (vec![0; 4096], vec![0; 4096]);
        while carried.load(Ordering::Relaxed) < life_bytes {
            let moved = tokio::select! {
                read = from_client.read(&mut up) => pass(read, &up, &mut to_server).await,
                read = from_server.read(&mut down) => pass(read, &down, &mut to_client).await,
            };
            match moved {
                Some(len) => carried.fetch_add(len, Ordering::Relaxed),
                None => return false,
            };
        }
    }
    match fault {
        Fault::Cut => {}
        Fault::Stall => hold(STALL).await,
        Fault::Delay => {
            for _ in 0..20 {
                hold(Duration::from_millis(30)).await;
                drain(&mut client, Some(&mut server), Duration::from_millis(1)).await;
                drain(&mut server, Some(&mut client), Duration::from_millis(1)).await;
            }
        }
        Fault::CutClientFirst => {
            let mut late = vec![0; 1 << 16];
            let len = client.read(&mut late).await.unwrap_or(0);
            reset(client);
            hold(Duration::from_millis(300)).await;
            let _ = server.write_all(&late[..len]).await;
            drain(&mut server, None, Duration::from_millis(100)).await;
            reset(server);
            return true;
        }
        Fault::LoseAnswers => {
            drain(&mut client, Some(&mut server), Duration::from_millis(200)).await;
        }
    }
    reset(client);
    reset(server);
    true
}

async fn pass(
    read: std::io::Result<usize>,
    bytes: &[u8],
    to: &mut (impl AsyncWriteExt + Unpin),
) -> Option<u64> {
    let len = read.ok().filter(|len| *len > 0)?;
    to.write_all(&bytes[..len]).await.ok()?;
    Some(len as u64)
}

/// Lets nothing through for a time.
async fn hold(time: Duration) {
    // tidy: sleep because time that passes is the fault.
    tokio::time::sleep(time).await;
}

/// Passes on, or drops, what comes within a time.
async fn drain(from: &mut TcpStream, mut to: Option<&mut TcpStream>, time: Duration) {
    let mut bytes = vec![0; 1 << 16];
    let passing = async {
        while let Ok(len @ 1..) = from.read(&mut bytes).await {
            if let Some(to) = &mut to
                && to.write_all(&bytes[..len]).await.is_err()
            {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(time, passing).await;
}

/// Closes with a reset instead of an orderly end.
fn reset(stream: TcpStream) {
    let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

/// SplitMix64: enough, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
