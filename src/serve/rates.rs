//! How much one address may have, so that it keeps no other out: connections, and requests a second.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Extension, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::listen::Peer;
use crate::room;

/// How many connections there may be, of all addresses.
const CONNECTIONS: usize = 4096;
/// One address has at most one of so many parts of them.
const PARTS: usize = 4;
/// What an address may ask at once, as the time in which it could ask it one by one.
const BURST: Duration = Duration::from_secs(4);
/// How long a request waits for its turn. yum takes a refusal for an answer (urlgrabber tries errors of HTTP no second time), and
/// its installation ends there: who is a little too fast is made to wait, and only who asks much more than that is refused.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many addresses are known at once; those for which there is no room are one. What is known of one is some 40 bytes.
const ADDRESSES: usize = 16 << 10;
/// How often addresses are forgotten that have nothing any more, where there is no room.
const CLEARED: Duration = Duration::from_secs(1);

/// What all addresses have.
pub struct Rates {
    /// The time that a request takes of its address; nothing where none is counted.
    each: Option<Duration>,
    /// Connections of all addresses, and of one.
    connections: (usize, usize),
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    addresses: HashMap<IpAddr, Address>,
    cleared: Option<Instant>,
    refused: u64,
    delayed: u64,
    closed: u64,
}

/// What one address has.
struct Address {
    /// When it may ask all at once again.
    rested: Instant,
    connections: usize,
}

/// A connection, as long as it is there.
pub struct Held {
    rates: Arc<Rates>,
    by: IpAddr,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(address) = self.rates.lock().addresses.get_mut(&self.by) {
            address.connections -= 1;
        }
    }
}

impl Rates {
    /// With so many requests a second for one address; 0 is no limit. As many connections as this process may have open files for.
    pub fn new(requests: u32) -> Self {
        // A connection has one; half of them are for logs, the database and what else there is.
        let files = room::files(2 * CONNECTIONS as u64);
        let all = usize::try_from(files / 2).unwrap_or(CONNECTIONS).clamp(PARTS, CONNECTIONS);
        let each = Duration::from_secs(1).checked_div(requests);
        Self { each, connections: (all, all / PARTS), known: Mutex::default() }
    }

    /// How many connections there may be.
    pub fn connections(&self) -> usize {
        self.connections.0
    }

    /// A connection of this address, where it may have one more.
    pub fn connect(self: &Arc<Self>, from: IpAddr) -> Option<Held> {
        let (mut known, now) = (self.lock(), Instant::now());
        let by = known.room_for(one(from), now);
        let address = known.address(by, now);
        if address.connections < self.connections.1 {
            address.connections += 1;
            return Some(Held { rates: Arc::clone(self), by });
        }
        known.closed += 1;
        None
    }

    /// How long a request of this address waits for its turn; or, where that is too long, how long it would be.
    fn turn(&self, from: IpAddr, now: Instant) -> Result<Duration, Duration> {
        let Some(each) = self.each else { return Ok(Duration::ZERO) };
        let mut known = self.lock();
        let by = known.room_for(one(from), now);
        let address = known.address(by, now);
        let rested = address.rested.max(now) + each;
        let wait = rested.duration_since(now).saturating_sub(BURST);
        if wait > PATIENCE {
            known.refused += 1;
            return Err(wait);
        }
        address.rested = rested;
        known.delayed += u64::from(!wait.is_zero());
        Ok(wait)
    }

    /// For Prometheus.
    pub fn metrics(&self) -> String {
        let known = self.lock();
        let mut text = String::new();
        for (name, help, count) in [
            (
                "requests_delayed",
                "Requests that waited, for their address asked too fast.",
                known.delayed,
            ),
            (
                "requests_refused",
                "Requests that were refused, for their address asked too fast.",
                known.refused,
            ),
            (
                "connections_refused",
                "Connections that were closed, for their address had too many.",
                known.closed,
            ),
        ] {
            let name = format!("trainyard_{name}_total");
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {count}");
        }
        text
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// This address, or the one that stands for all others where no more can be known.
    fn room_for(&mut self, one: IpAddr, now: Instant) -> IpAddr {
        if self.addresses.len() < ADDRESSES || self.addresses.contains_key(&one) {
            return one;
        }
        if self.cleared.is_none_or(|then| now.duration_since(then) >= CLEARED) {
            self.cleared = Some(now);
            self.addresses.retain(|_, it| it.connections > 0 || it.rested > now);
        }
        if self.addresses.len() < ADDRESSES { one } else { Ipv6Addr::UNSPECIFIED.into() }
    }

    fn address(&mut self, by: IpAddr, now: Instant) -> &mut Address {
        self.addresses.entry(by).or_insert(Address { rested: now, connections: 0 })
    }
}

/// What counts as one address: whoever has one of IPv6 has all of its /64.
fn one(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// Lets a request through when it is its address's turn.
pub async fn limit(
    State(rates): State<Arc<Rates>>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    match rates.turn(peer.0.ip(), Instant::now()) {
        Ok(wait) => {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            next.run(request).await
        }
        Err(wait) => {
            let seconds = wait.as_secs() + 1;
            let why = "this address asks more than it may (`--rate`)\n";
            let headers = [(header::RETRY_AFTER, seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, headers, why).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::{ADDRESSES, PATIENCE, Rates};

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    /// How many of these requests are answered at once, how many wait, and how many are refused.
    fn asked(rates: &Rates, from: IpAddr, count: usize, now: Instant) -> [usize; 3] {
        let mut turns = [0; 3];
        for _ in 0..count {
            turns[match rates.turn(from, now) {
                Ok(Duration::ZERO) => 0,
                Ok(wait) => {
                    assert!(wait <= PATIENCE, "{wait:?}");
                    1
                }
                Err(wait) => {
                    assert!(wait > PATIENCE, "{wait:?}");
                    2
                }
            }] += 1;
        }
        turns
    }

    #[test]
    fn an_address_has_its_burst_its_rate_and_no_more() {
        let (rates, begun) = (Rates::new(10), Instant::now());
        let at = |seconds: f64| begun + Duration::from_secs_f64(seconds);
        let (one, other) = (ip("10.0.0.11"), ip("10.0.0.12"));
        assert_eq!(asked(&rates, one, 100, at(0.0)), [40, 10, 50]);
        // What was refused was not counted; what waits was.
        assert_eq!(asked(&rates, one, 100, at(0.5)), [0, 5, 95]);
        assert_eq!(asked(&rates, other, 40, at(0.5)), [40, 0, 0]);
        // A second's rest is worth a second's requests, and hours are worth the burst.
        assert_eq!(asked(&rates, one, 100, at(2.5)), [10, 10, 80]);
        assert_eq!(asked(&rates, one, 100, at(9000.0)), [40, 10, 50]);
        // Who keeps to its rate never waits.
        for n in 0..1000 {
            assert_eq!(asked(&rates, other, 1, at(10.0 + f64::from(n) * 0.1)), [1, 0, 0], "{n}");
        }
        // A clock that goes back gives nothing.
        assert_eq!(asked(&rates, one, 10, at(8999.0)), [0, 0, 10]);
        let metrics = rates.metrics();
        for line in ["requests_delayed_total 35\n", "requests_refused_total 285\n"] {
            assert!(metrics.contains(line), "{metrics}");
        }
    }

    #[test]
    fn without_a_rate_nothing_is_counted() {
        let (rates, now) = (Rates::new(0), Instant::now());
        assert_eq!(asked(&rates, ip("10.0.0.11"), 100_000, now), [100_000, 0, 0]);
        assert!(rates.lock().addresses.is_empty());
    }

    /// The numbers that the manual gives reasons for: ten nodes behind one address that install at once.
    #[test]
    fn the_default_is_enough_for_ten_nodes_behind_one_address() {
        let nat = ip("10.0.0.1");
        // 400 packages each: within a minute, and as fast as one host and its machines might, within five seconds.
        for seconds in [60, 5] {
            let (rates, begun) = (Rates::new(500), Instant::now());
            let gap = Duration::from_secs(seconds) / 4000;
            let mut late =
                (0..4000).filter(|n| rates.turn(nat, begun + gap * *n) != Ok(Duration::ZERO));
            assert_eq!(late.next(), None, "{seconds} s");
        }
    }

    #[test]
    fn one_machine_is_one_address_however_it_is_written() {
        let (rates, now) = (Rates::new(10), Instant::now());
        assert_eq!(asked(&rates, ip("10.0.0.11"), 30, now), [30, 0, 0]);
        assert_eq!(asked(&rates, ip("::ffff:10.0.0.11"), 30, now), [10, 10, 10]);
        assert_eq!(asked(&rates, ip("2001:db8:0:1::1"), 30, now), [30, 0, 0]);
        assert_eq!(asked(&rates, ip("2001:db8:0:1:ffff::2"), 30, now), [10, 10, 10]);
        assert_eq!(asked(&rates, ip("2001:db8:0:2::1"), 30, now), [30, 0, 0]);
    }

    #[test]
    fn an_address_has_a_quarter_of_all_connections() {
        let rates = Arc::new(Rates::new(10));
        let most = rates.connections() / 4;
        let (one, other) = (ip("10.0.0.11"), ip("10.0.0.12"));
        let mut held: Vec<_> = (0..most).filter_map(|_| rates.connect(one)).collect();
        assert_eq!(held.len(), most);
        assert!(rates.connect(one).is_none() && rates.connect(other).is_some());
        held.pop();
        assert!(rates.connect(one).is_some(), "one has ended");
        assert!(rates.metrics().contains("connections_refused_total 1\n"));
    }

    #[test]
    fn what_is_known_of_addresses_has_a_bound_and_what_is_idle_is_forgotten() {
        let (rates, begun) = (Arc::new(Rates::new(10)), Instant::now());
        let of = |n: usize| IpAddr::from(u32::try_from(n).expect("small").to_be_bytes());
        let busy = rates.connect(of(0));
        for n in 1..ADDRESSES {
            assert_eq!(asked(&rates, of(n), 1, begun), [1, 0, 0]);
        }
        // Whoever comes now shares what is left, and those that are known keep theirs.
        let turns: Vec<_> = (0..60).map(|n| rates.turn(of(ADDRESSES + n), begun)).collect();
        assert_eq!(turns.iter().filter(|turn| turn.is_err()).count(), 10);
        assert_eq!(asked(&rates, of(1), 39, begun), [39, 0, 0]);
        assert_eq!(rates.lock().addresses.len(), ADDRESSES + 1);
        // All have rested but the one that asked so much, and the one with a connection has that.
        let later = begun + Duration::from_secs(2);
        assert_eq!(asked(&rates, of(ADDRESSES), 40, later), [40, 0, 0]);
        assert_eq!(rates.lock().addresses.len(), 4);
        drop(busy);
        assert_eq!(rates.lock().addresses[&of(0)].connections, 0);
    }
}
