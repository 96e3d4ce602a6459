//! Which fault comes when: the same for the same seed.

use std::fmt;
use std::time::Duration;

use super::endpoints::Manner;
use crate::harness::Trouble;

/// Something that goes wrong, and comes right again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A host is killed by SIGKILL, and started again.
    KillHost {
        /// Which one.
        host: usize,
        /// How long it stays away.
        down: Duration,
    },
    /// Redis is killed by SIGKILL, and started again on its append-only file.
    KillRedis {
        /// How long it stays away.
        down: Duration,
    },
    /// Redis is stopped by SIGSTOP, and goes on by SIGCONT.
    PauseRedis {
        /// How long it hangs.
        pause: Duration,
    },
    /// Every connection of a kind is closed.
    CutConnections {
        /// As Redis names it.
        kind: &'static str,
    },
    /// Redis forgets its scripts.
    ForgetScripts,
    /// A key that wakes workers vanishes, and nobody is told.
    LoseWake {
        /// Without the namespace.
        key: &'static str,
    },
    /// The turning endpoint is bad for a while.
    TurnEndpoint {
        /// How long.
        bad: Duration,
    },
    /// Redis refuses every write for a while.
    RefuseWrites {
        /// Why.
        trouble: Trouble,
        /// How long.
        lasts: Duration,
    },
    /// Redis's clock is set, and set right again.
    SetClock {
        /// Ahead of the right time; behind it if negative.
        hours: i64,
        /// How long it is wrong.
        lasts: Duration,
    },
    /// A host is killed, and runs for a while with a list of endpoints that lacks one.
    ForgetEndpoint {
        /// Which host.
        host: usize,
        /// Which endpoint, by its place in the list.
        endpoint: usize,
        /// How long.
        lasts: Duration,
    },
    /// For a while there is but one host, and a component of it traps on a certain order.
    Poison,
}

/// The poison comes as this fault of each round.
const POISON_AT: usize = 5;
/// Faults in a round.
const ROUND: usize = 60;

/// An endless plan: each fault with the time to wait before it.
pub(crate) struct Schedule {
    chance: fastrand::Rng,
    made: usize,
}

impl Schedule {
    pub(crate) fn new(seed: u64) -> Self {
        Self { chance: fastrand::Rng::with_seed(seed), made: 0 }
    }

    fn millis(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.chance.u64(range))
    }

    fn fault(&mut self) -> Fault {
        const WAKES: [&str; 6] =
            ["placed:bell", "placed:timer", "placed:guard", "changes:bell", "changes:timer", "changes:guard"];
        match self.chance.u8(0..26) {
            0..5 => Fault::KillHost { host: self.chance.usize(0..2), down: self.millis(0..1500) },
            5..8 => Fault::KillRedis { down: self.millis(0..800) },
            8..11 => Fault::PauseRedis { pause: self.millis(50..2000) },
            11..13 => Fault::CutConnections { kind: "normal" },
            13..15 => Fault::CutConnections { kind: "pubsub" },
            15 => Fault::ForgetScripts,
            16..19 => Fault::LoseWake { key: WAKES[self.chance.usize(0..WAKES.len())] },
            19 => Fault::TurnEndpoint { bad: self.millis(500..4000) },
            20..23 => {
                let trouble = Trouble::ALL[self.chance.usize(0..Trouble::ALL.len())];
                Fault::RefuseWrites { trouble, lasts: self.millis(100..2000) }
            }
            23..25 => {
                let hours = self.chance.i64(1..30) * if self.chance.bool() { 1 } else { -1 };
                Fault::SetClock { hours, lasts: self.millis(200..6000) }
            }
            _ => Fault::ForgetEndpoint {
                host: self.chance.usize(0..2),
                endpoint: self.chance.usize(0..Manner::ALL.len()),
                lasts: self.millis(500..3000),
            },
        }
    }
}

impl Iterator for Schedule {
    type Item = (Duration, Fault);

    fn next(&mut self) -> Option<Self::Item> {
        let is_poison = self.made % ROUND == POISON_AT;
        self.made += 1;
        let wait = self.millis(100..1400);
        Some((wait, if is_poison { Fault::Poison } else { self.fault() }))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillHost { host, down } => write!(f, "kill host {host}, start it after {} ms", down.as_millis()),
            Self::KillRedis { down } => write!(f, "kill Redis, start it after {} ms", down.as_millis()),
            Self::PauseRedis { pause } => write!(f, "pause Redis for {} ms", pause.as_millis()),
            Self::CutConnections { kind } => write!(f, "cut all {kind} connections"),
            Self::ForgetScripts => f.write_str("let Redis forget its scripts"),
            Self::LoseWake { key } => write!(f, "lose the key {key}"),
            Self::TurnEndpoint { bad } => write!(f, "let an endpoint be bad for {} ms", bad.as_millis()),
            Self::RefuseWrites { trouble, lasts } => {
                write!(f, "have Redis refuse writes for {} ms: {trouble:?}", lasts.as_millis())
            }
            Self::SetClock { hours, lasts } => write!(f, "set Redis's clock by {hours} h for {} ms", lasts.as_millis()),
            Self::ForgetEndpoint { host, endpoint, lasts } => {
                write!(f, "kill host {host}, and let it forget endpoint {endpoint} for {} ms", lasts.as_millis())
            }
            Self::Poison => f.write_str("let a component trap on a certain order"),
        }
    }
}

#[test]
fn a_seed_is_a_schedule() {
    let of = |seed| Schedule::new(seed).take(200).collect::<Vec<_>>();
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
    let poisons = of(1).iter().filter(|(_, fault)| *fault == Fault::Poison).count();
    assert_eq!(poisons, 200usize.div_ceil(ROUND));
}
