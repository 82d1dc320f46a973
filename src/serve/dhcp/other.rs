//! Whether another DHCP server is on the network.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Where DHCP servers, and what relays to them, listen.
const SERVER: u16 = 67;
/// How long is listened for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// A card's address that no card has (locally administered).
const CARD: [u8; 6] = [0x02, 0x74, 0x79, 0x00, 0x00, 0x01];
/// What names a question, so that answers to others are not taken for its own.
const QUESTION: [u8; 4] = *b"ty?\x01";

/// What is asked (RFC 2132, section 9.6): what a server says without giving an address, and then where one is. Some answer the first at
/// once, and look for seconds whether an address is free before they answer the second; others answer the second alone.
const INFORM: u8 = 8;
const DISCOVER: u8 = 1;

/// The first server that answers who asks from this address. It asks as a relay does, to which servers answer directly, so it needs neither
/// an address without a card nor the port that this machine's own DHCP client has. Nothing where none answers a relay, or where the question
/// cannot be asked, for want of the right to, or since a server runs on this very machine.
pub fn answers(address: Ipv4Addr) -> Option<SocketAddr> {
    let socket = UdpSocket::bind((address, SERVER)).ok()?;
    socket.set_broadcast(true).ok()?;
    for kind in [INFORM, DISCOVER] {
        socket.send_to(&question(kind, address), (Ipv4Addr::BROADCAST, SERVER)).ok()?;
    }
    let end = Instant::now() + PATIENCE;
    let mut answer = [0; 1500];
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|it| !it.is_zero()) {
        socket.set_read_timeout(Some(left)).ok()?;
        let Ok((length, from)) = socket.recv_from(&mut answer) else { continue };
        if is_answer(&answer[..length]) {
            return Some(from);
        }
    }
    None
}

/// The message of RFC 2131, section 2.
fn question(kind: u8, relay: Ipv4Addr) -> Vec<u8> {
    let mut message = vec![0; 236];
    // A request, of Ethernet, with addresses of 6 bytes, through one relay.
    message[..4].copy_from_slice(&[1, 1, 6, 1]);
    message[4..8].copy_from_slice(&QUESTION);
    if kind == INFORM {
        message[12..16].copy_from_slice(&relay.octets());
    }
    message[24..28].copy_from_slice(&relay.octets());
    message[28..34].copy_from_slice(&CARD);
    message.extend([99, 130, 83, 99, 53, 1, kind, 255]);
    message.resize(300, 0);
    message
}

fn is_answer(message: &[u8]) -> bool {
    message.first() == Some(&2) && message.get(4..8) == Some(&QUESTION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_by_its_name_alone() {
        let asked = question(DISCOVER, Ipv4Addr::new(10, 0, 0, 5));
        assert_eq!((asked.len(), &asked[24..28]), (300, &[10, 0, 0, 5][..]));
        assert!(!is_answer(&asked), "it hears itself");
        let mut answer = asked.clone();
        answer[0] = 2;
        assert!(is_answer(&answer));
        answer[7] ^= 1;
        assert!(!is_answer(&answer));
        assert!(!is_answer(&[]) && !is_answer(&[2]));
    }
}
