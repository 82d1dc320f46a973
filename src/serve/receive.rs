//! Where installers send their logs (`inst.syslog`): the server's own port, by TCP and by UDP. Nothing says which machine a message comes
//! from but the address that it comes from.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpStream, UdpSocket};

use super::Server;
use super::syslog::{Frames, LONGEST, Message};
use crate::state::{NodeState, State};

/// How long a connection may say nothing: installers have quiet minutes.
const QUIET: Duration = Duration::from_secs(30 * 60);
/// How many connections of this kind there may be.
pub const CONNECTIONS: usize = 2048;

/// Whether a connection that begins with this byte brings a log: HTTP begins with a letter.
pub fn is_log(first: u8) -> bool {
    first == b'<' || first.is_ascii_digit()
}

/// Takes what comes on a connection, until it ends.
pub async fn connection(server: Arc<Server>, mut stream: TcpStream, from: IpAddr) {
    let Ok(_room) = server.log_room.try_acquire() else { return };
    let mut frames = Frames::default();
    let mut buffer = vec![0; LONGEST];
    loop {
        let Ok(Ok(read)) = tokio::time::timeout(QUIET, stream.read(&mut buffer)).await else {
            break;
        };
        if read == 0 {
            break;
        }
        // Asked anew each time: a node that is installed is not listened to any more.
        let Some(node) = server.logs_from(from) else { return };
        // A connection comes from where it says; a datagram may come from anywhere.
        server.keeper.heard(&node);
        tokio::task::block_in_place(|| {
            frames.push(&buffer[..read], |bytes| server.logs.add(&node, &Message::of(bytes)));
        });
    }
    if let Some(node) = server.logs_from(from) {
        frames.finish(|bytes| server.logs.add(&node, &Message::of(bytes)));
    }
}

/// Takes what comes without one, for ever.
pub async fn datagrams(server: Arc<Server>, socket: UdpSocket) {
    let mut buffer = vec![0; LONGEST];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((read, from)) => {
                let Some(node) = server.logs_from(from.ip()) else { continue };
                tokio::task::block_in_place(|| {
                    server.logs.add(&node, &Message::of(&buffer[..read]));
                });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

impl Server {
    /// The node that logs from this address: the one whose address it is, or else the only one that is being installed and fetched its
    /// kickstart from there. Behind an address that several share, nobody can tell them apart.
    fn logs_from(&self, from: IpAddr) -> Option<String> {
        let from = from.to_canonical();
        if !self.may_fetch(from) {
            return None;
        }
        let is_at_it = |node: &NodeState| matches!(node.state, State::Installing | State::Failed);
        let lab = self.now();
        let by_address = lab.lab.plan.nodes.iter().find(|node| IpAddr::V4(node.address) == from);
        by_address
            .and_then(|plan| self.keeper.only(|node| node.name == plan.name && is_at_it(node)))
            .or_else(|| self.keeper.only(|node| node.fetched_from == Some(from) && is_at_it(node)))
    }
}
