//! The connections that clients have: how many there are, in all and of each address, and who makes room for whom.
//!
//! Where a bound is reached, silent connections are closed for the newcomer: a client that says something gets in
//! however many say nothing. Only where every connection has a request in hand, the newcomer is turned away.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::triggers::client_bounds::ClientBounds;
use crate::triggers::pace::Pace;

/// One look closes this part of the connections at once, so that a flood doesn't look through all for each newcomer.
const AT_ONCE: usize = 64;
/// After a look that found no silent connection, nobody looks for so long.
const BLIND: Duration = Duration::from_millis(10);
/// A bound that is reached is logged so often at most.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Tells the connections of an application apart.
type Number = u64;

pub(super) struct Connections {
    bounds: ClientBounds,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    all: HashMap<Number, (IpAddr, Arc<Pace>)>,
    of_address: HashMap<IpAddr, OfAddress>,
    begun: Number,
    blind: Option<Instant>,
    told: [Option<Instant>; 2],
}

#[derive(Default)]
struct OfAddress {
    connections: HashMap<Number, Arc<Pace>>,
    blind: Option<Instant>,
}

/// A bound on connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    OfAddress,
    OfAll,
}

/// A connection that may be served. It counts until this is dropped.
pub(super) struct Admitted {
    connections: Arc<Connections>,
    number: Number,
    pub(super) pace: Arc<Pace>,
}

impl AsRef<Pace> for Admitted {
    fn as_ref(&self) -> &Pace {
        &self.pace
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.connections.held().remove(self.number);
    }
}

impl Connections {
    pub(super) fn new(bounds: ClientBounds) -> Arc<Self> {
        Arc::new(Self { bounds, held: Mutex::default() })
    }

    pub(super) fn bounds(&self) -> &ClientBounds {
        &self.bounds
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a new connection. `None` if it must be turned away.
    pub(super) fn admit(self: &Arc<Self>, client: IpAddr) -> Option<Admitted> {
        let address = network(client);
        let mut held = self.held();
        let has_room =
            self.has_room(&mut held, address, Reached::OfAddress) && self.has_room(&mut held, address, Reached::OfAll);
        has_room.then(|| {
            let (number, pace) = held.add(address);
            Admitted { connections: self.clone(), number, pace }
        })
    }

    /// Whether there is room below a bound, now or after silent connections made it.
    fn has_room(&self, held: &mut Held, address: IpAddr, bound: Reached) -> bool {
        let (most, has) = match bound {
            Reached::OfAddress => {
                let has = held.of_address.get(&address).map_or(0, |of_address| of_address.connections.len());
                (self.bounds.connections_per_address, has)
            }
            Reached::OfAll => (self.bounds.connections, held.all.len()),
        };
        if has < most {
            return true;
        }
        if held.is_due(bound) {
            tell(bound, address, most);
        }
        held.make_room(bound, address, most.div_ceil(AT_ONCE))
    }
}

impl Held {
    fn add(&mut self, address: IpAddr) -> (Number, Arc<Pace>) {
        self.begun += 1;
        let pace = Arc::new(Pace::new());
        self.all.insert(self.begun, (address, pace.clone()));
        self.of_address.entry(address).or_default().connections.insert(self.begun, pace.clone());
        (self.begun, pace)
    }

    /// Does nothing if the connection made room already.
    fn remove(&mut self, number: Number) {
        let Some((address, _)) = self.all.remove(&number) else { return };
        if let Some(of_address) = self.of_address.get_mut(&address) {
            of_address.connections.remove(&number);
            if of_address.connections.is_empty() {
                self.of_address.remove(&address);
            }
        }
    }

    /// Closes so many silent connections at most, the longest silent ones of unknown clients first. False if there is
    /// none.
    fn make_room(&mut self, bound: Reached, address: IpAddr, most: usize) -> bool {
        let now = Instant::now();
        if self.blind(bound, address).is_some_and(|until| now < until) {
            return false;
        }
        let mut silent: Vec<_> = match bound {
            Reached::OfAddress => {
                let of_address = self.of_address.get(&address).into_iter().flat_map(|found| &found.connections);
                of_address.filter_map(|(number, pace)| Some((pace.silence()?, *number))).collect()
            }
            Reached::OfAll => {
                self.all.iter().filter_map(|(number, (_, pace))| Some((pace.silence()?, *number))).collect()
            }
        };
        silent.sort_unstable();
        silent.truncate(most);
        for (_, number) in &silent {
            if let Some((_, pace)) = self.all.get(number) {
                pace.evicted.notify_one();
            }
            self.remove(*number);
        }
        *self.blind(bound, address) = silent.is_empty().then(|| now + BLIND);
        !silent.is_empty()
    }

    fn blind(&mut self, bound: Reached, address: IpAddr) -> &mut Option<Instant> {
        match bound {
            Reached::OfAddress => &mut self.of_address.entry(address).or_default().blind,
            Reached::OfAll => &mut self.blind,
        }
    }

    /// Whether it is time to tell that a bound is reached.
    fn is_due(&mut self, bound: Reached) -> bool {
        let told = &mut self.told[bound as usize];
        let is_due = told.is_none_or(|told| told.elapsed() >= TOLD_EVERY);
        if is_due {
            *told = Some(Instant::now());
        }
        is_due
    }
}

fn tell(bound: Reached, address: IpAddr, most: usize) {
    let done = "silent ones are closed for new ones, and new ones get 503 while each has a request in hand";
    match bound {
        Reached::OfAddress => tracing::warn!(
            "{address} has {most} connections, all that one address may have: {done}: see --max-connections-per-address"
        ),
        Reached::OfAll => {
            tracing::warn!("clients have {most} connections, all there may be: {done}: see --max-connections")
        }
    }
}

/// What counts as one address. Whoever has one of IPv6 has its whole network of 64 bits.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(connections: usize, connections_per_address: usize) -> ClientBounds {
        ClientBounds { connections, connections_per_address, ..ClientBounds::default() }
    }

    fn busy(connections: &Arc<Connections>, client: &str) -> Option<Admitted> {
        let admitted = connections.admit(client.parse().expect("an address"))?;
        admitted.pace.request();
        Some(admitted)
    }

    #[test]
    fn what_is_busy_makes_room_for_nobody_and_counts_until_it_ends() {
        let connections = Connections::new(bounds(3, 2));
        let first = [busy(&connections, "192.0.2.1"), busy(&connections, "192.0.2.1")];
        assert!(first.iter().all(Option::is_some));
        assert!(busy(&connections, "::ffff:192.0.2.1").is_none(), "the same address, written in another way");
        let other = busy(&connections, "192.0.2.2");
        assert!(other.is_some() && busy(&connections, "192.0.2.3").is_none());
        drop(first);
        assert!(busy(&connections, "192.0.2.3").is_some());
        drop(other);
        assert!(connections.held().all.is_empty() && connections.held().of_address.is_empty());
    }

    #[test]
    fn of_the_silent_ones_the_longest_silent_stranger_makes_room_first() {
        let connections = Connections::new(bounds(3, 3));
        let admit = || connections.admit([192, 0, 2, 1].into()).expect("room");
        let (known, longest, shorter) = (admit(), admit(), admit());
        known.pace.request();
        known.pace.answered();
        let newcomers: Vec<_> = [(&longest, 1), (&shorter, 2)]
            .map(|(next, number)| {
                let newcomer = admit();
                assert!(!connections.held().all.contains_key(&next.number), "{number} makes room");
                newcomer.pace.request();
                newcomer
            })
            .into();
        let last = admit();
        assert!(!connections.held().all.contains_key(&known.number), "then those that are kept");
        drop((known, longest, shorter));
        assert_eq!(connections.held().all.len(), 3, "what made room isn't counted off again");
        drop((newcomers, last));
        assert!(connections.held().all.is_empty());
    }

    #[test]
    fn addresses_of_one_network_of_ipv6_count_as_one() {
        let connections = Connections::new(bounds(9, 1));
        let one = busy(&connections, "2001:db8::1");
        assert!(one.is_some() && busy(&connections, "2001:db8::ffff:2").is_none());
        assert!(busy(&connections, "2001:db8:0:1::1").is_some());
    }
}
