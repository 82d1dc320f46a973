//! Whether the ports of the host's that lead to nodes are free.

use std::io::ErrorKind;
use std::net::{SocketAddrV4, TcpListener};

/// Whether another program listens there. (What the system does not say counts as free: VirtualBox will tell.)
pub(super) fn is_taken(at: SocketAddrV4) -> bool {
    TcpListener::bind(at).is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_taken_while_somebody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("told").to_string().parse().expect("an address");
        assert!(is_taken(at));
        drop(listener);
        assert!(!is_taken(at));
    }
}
