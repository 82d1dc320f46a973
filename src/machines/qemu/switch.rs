//! A network between machines without root: each card is a datagram socket in the network's folder, and this process takes what
//! they send from one to the other, as a switch does. (QEMU's `-netdev dgram`: a datagram is an Ethernet frame, without its
//! checksum.)
//!
//! The way out is another QEMU with no machine in it, whose own network (`-netdev user`) is plugged in as [`GATEWAY`]. That takes
//! every frame that it hears as meant for it, and so hears only what is.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::process;
use crate::interrupt;

/// The socket that all cards send to, in the network's folder.
pub const SWITCH: &str = "switch";
/// The socket of the way out.
pub const GATEWAY: &str = "gateway";

/// The largest frame: more than any MTU that a lab may have.
const LARGEST: usize = 64 << 10;
/// How often is looked whether the network is still there, and which cards are.
const TICK: Duration = Duration::from_secs(1);
/// How long a card may keep everyone waiting that does not read: one of a machine that is stopped.
const PATIENCE: Duration = Duration::from_millis(2);

type Address = [u8; 6];

/// A switch.
pub struct Switch {
    socket: UnixDatagram,
    folder: PathBuf,
    /// What tells its socket from one that came after it.
    inode: u64,
    /// Who sends from where.
    learned: HashMap<Address, PathBuf>,
    ports: Vec<PathBuf>,
    looked: Option<Instant>,
    /// Whether the way out hears who asks for an address.
    gives_addresses: bool,
    /// Held as long as it runs, so that somebody can wait for its end.
    _runs: File,
}

impl Switch {
    /// Plugs it in; the way out may give addresses. One that is there already stays, and this is an error.
    ///
    /// # Errors
    /// Its socket cannot be made.
    pub fn begin(folder: &Path, gives_addresses: bool) -> io::Result<Self> {
        let path = folder.join(SWITCH);
        if answers(&path) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let runs = File::options().create(true).append(true).open(process::lock_of(&path))?;
        // One that came before, and whose socket is gone, may have it for a moment longer.
        runs.lock_shared()?;
        let socket = UnixDatagram::bind(&path)?;
        socket.set_read_timeout(Some(TICK))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let inode = fs::symlink_metadata(&path)?.ino();
        let folder = folder.to_owned();
        let (learned, ports, looked) = (HashMap::new(), Vec::new(), None);
        Ok(Self { socket, folder, inode, learned, ports, looked, gives_addresses, _runs: runs })
    }

    /// Works until its socket is taken away.
    ///
    /// # Errors
    /// The system's.
    pub fn run(mut self) -> io::Result<()> {
        let mut frame = vec![0; LARGEST];
        while self.is_there() && interrupt::check().is_ok() {
            match self.socket.recv_from(&mut frame) {
                // Somebody has taken its socket away, and waits.
                Ok((0, _)) => self.looked = None,
                Ok((length, from)) => {
                    if let Some(from) = from.as_pathname() {
                        let from = from.to_owned();
                        self.take(&frame[..length], &from);
                    }
                }
                Err(error) if is_quiet(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Looks for cards as well, once a tick.
    fn is_there(&mut self) -> bool {
        if self.looked.is_some_and(|looked| looked.elapsed() < TICK) {
            return true;
        }
        self.looked = Some(Instant::now());
        self.ports = fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| !path.ends_with(SWITCH))
            .collect();
        let own = fs::symlink_metadata(self.folder.join(SWITCH));
        own.is_ok_and(|own| own.ino() == self.inode)
    }

    fn take(&mut self, frame: &[u8], from: &Path) {
        let Some((to, source)) = addresses(frame) else { return };
        if self.learned.get(&source).is_none_or(|known| known != from) {
            self.learned.insert(source, from.to_owned());
            if !self.ports.iter().any(|port| port == from) {
                self.ports.push(from.to_owned());
            }
        }
        let is_group = to[0] & 1 == 1;
        if !is_group && let Some(port) = self.learned.get(&to) {
            if port != from {
                let _ = self.socket.send_to(frame, port);
            }
            return;
        }
        for port in self.ports.iter().filter(|port| *port != from) {
            let is_gateway = port.ends_with(GATEWAY);
            // The way out answers for whom it does not know, and gives addresses to whoever asks.
            let may_not = !is_group || asks_for_an_address(frame) && !self.gives_addresses;
            if is_gateway && may_not {
                continue;
            }
            // Who does not listen hears nothing.
            let _ = self.socket.send_to(frame, port);
        }
    }
}

/// Takes the socket of a switch away, and has it look.
///
/// # Errors
/// The system's.
pub fn take_away(path: &Path) -> io::Result<()> {
    let near = UnixDatagram::unbound()?;
    let hears = near.connect(path).is_ok();
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if hears {
        // One that does not take it looks by itself, in its time.
        let _ = near.set_write_timeout(Some(PATIENCE));
        let _ = near.send(&[]);
    }
    Ok(())
}

/// Whether somebody reads from this socket.
#[must_use]
pub fn answers(path: &Path) -> bool {
    UnixDatagram::unbound().is_ok_and(|socket| socket.connect(path).is_ok())
}

fn is_quiet(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

/// Where a frame goes, and where it comes from.
fn addresses(frame: &[u8]) -> Option<(Address, Address)> {
    Some((frame.get(..6)?.try_into().ok()?, frame.get(6..12)?.try_into().ok()?))
}

/// Whether it is for a DHCP server: IPv4 (0x0800), UDP (17), port 67.
fn asks_for_an_address(frame: &[u8]) -> bool {
    let Some(packet) = frame.get(12..).and_then(|rest| rest.strip_prefix(&[8, 0])) else {
        return false;
    };
    let Some(header) = packet.first().map(|first| usize::from(first & 15) * 4) else {
        return false;
    };
    packet.get(9) == Some(&17) && packet.get(header + 2..header + 4) == Some(&[0, 67])
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;
    use std::path::Path;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::{GATEWAY, SWITCH, Switch, answers};

    /// Of the switch itself and of who waits for it: a bound, and no measure.
    const LONG: Duration = Duration::from_secs(20);

    fn plugged(folder: &Path, name: &str) -> UnixDatagram {
        let socket = UnixDatagram::bind(folder.join(name)).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(300))).expect("a time limit");
        socket
    }

    fn frame(to: [u8; 6], from: u8, rest: &[u8]) -> Vec<u8> {
        [&to[..], &[2, 0, 0, 0, 0, from], rest].concat()
    }

    fn heard(socket: &UnixDatagram) -> Option<Vec<u8>> {
        let mut frame = [0; 256];
        socket.recv(&mut frame).ok().map(|length| frame[..length].to_vec())
    }

    const ALL: [u8; 6] = [255; 6];

    /// To all, of UDP, from port 68 to 67: who asks for an address.
    fn asking() -> Vec<u8> {
        let mut dhcp = frame(ALL, 1, &[8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 0, 17]);
        dhcp.extend([0; 10]);
        dhcp.extend([0, 68, 0, 67]);
        dhcp
    }

    #[test]
    fn frames_go_where_they_belong_and_the_way_out_hears_only_what_is_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        let (one, two, three, out) =
            (plugged(at, "one"), plugged(at, "two"), plugged(at, "three"), plugged(at, GATEWAY));
        let switch = Switch::begin(at, false).expect("a switch");
        assert!(Switch::begin(at, false).is_err(), "there is one");
        let working = thread::spawn(move || switch.run());
        let send =
            |from: &UnixDatagram, frame: &[u8]| from.send_to(frame, at.join(SWITCH)).expect("sent");

        // To all; the sender does not hear itself.
        let arp = frame(ALL, 1, &[8, 6, 0]);
        send(&one, &arp);
        for other in [&two, &three, &out] {
            assert_eq!(heard(other).as_deref(), Some(&arp[..]));
        }
        assert_eq!(heard(&one), None);
        // To one that nobody has heard of: to all machines, and not to the way out.
        let unknown = frame([2, 0, 0, 0, 0, 2], 1, &[8, 0, 0]);
        send(&one, &unknown);
        assert_eq!(heard(&two).as_deref(), Some(&unknown[..]));
        assert_eq!((heard(&three).as_deref(), heard(&out)), (Some(&unknown[..]), None));
        // It answers, and is known from then on.
        let answer = frame([2, 0, 0, 0, 0, 1], 2, &[8, 0, 0]);
        send(&two, &answer);
        assert_eq!(heard(&one).as_deref(), Some(&answer[..]));
        send(&one, &unknown);
        assert_eq!((heard(&two).as_deref(), heard(&three)), (Some(&unknown[..]), None));
        // Who asks for an address is not answered by the way out.
        let dhcp = asking();
        send(&one, &dhcp);
        assert_eq!((heard(&three).as_deref(), heard(&out)), (Some(&dhcp[..]), None));
        // What is no frame goes nowhere, and breaks nothing.
        send(&one, &[1, 2, 3]);
        send(&one, &[]);
        // The way out is known by what it says, and then is sent what is for it.
        send(&out, &frame([2, 0, 0, 0, 0, 1], 9, &[8, 6]));
        assert!(heard(&one).is_some());
        let leaving = frame([2, 0, 0, 0, 0, 9], 1, &[8, 0, 7]);
        send(&one, &leaving);
        assert_eq!((heard(&out).as_deref(), heard(&three)), (Some(&leaving[..]), None));

        // It ends with its socket.
        std::fs::remove_file(at.join(SWITCH)).expect("removed");
        let begun = Instant::now();
        while !working.is_finished() && begun.elapsed() < LONG {
            thread::sleep(Duration::from_millis(20));
        }
        assert!(working.is_finished());
        assert!(!answers(&at.join(SWITCH)));
    }

    #[test]
    fn a_way_out_that_gives_addresses_hears_who_asks_for_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        let (one, two, out) = (plugged(at, "one"), plugged(at, "two"), plugged(at, GATEWAY));
        let switch = Switch::begin(at, true).expect("a switch");
        let working = thread::spawn(move || switch.run());
        one.send_to(&asking(), at.join(SWITCH)).expect("sent");
        for other in [&two, &out] {
            assert_eq!(heard(other).as_deref(), Some(&asking()[..]));
        }
        super::take_away(&at.join(SWITCH)).expect("taken away");
        assert!(working.join().is_ok_and(|ended| ended.is_ok()));
    }

    #[test]
    fn one_that_was_killed_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(Switch::begin(folder.path(), false).expect("a switch"));
        assert!(folder.path().join(SWITCH).exists() && !answers(&folder.path().join(SWITCH)));
        assert!(Switch::begin(folder.path(), true).is_ok());
    }
}
