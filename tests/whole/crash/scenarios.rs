//! The scenarios. To add one: what happens, who is stopped in it, and how each order must end.

use std::time::Duration;

use futures::FutureExt;
use futures::future::{join, join_all};
use host::calls::{KeyValueError, Refusal, Ruling};
use http::StatusCode;
use queue::Class;
use serde_json::json;

use super::bench::LEASE;
use super::faults::Trouble;
use super::model::{Ending, Money};
use super::scenario::{NO_TROUBLE, Past, Scenario, Step};
use super::stage::Manner;
use crate::harness::{AUTHORIZED_BY_THE_SHOP, Asked, Manner as Provider};

pub(crate) fn all() -> Vec<Scenario> {
    [
        accepting(),
        processing(),
        finishing(),
        notifying(),
        burying(),
        people(),
        paying(),
        paid_by_the_shop(),
        authorizing(),
        pending(),
        changing(),
        forgetting(),
    ]
    .concat()
}

const PLACE_ONE: Step = |stage| async { _ = stage.place("cart").await }.boxed();

fn accepting() -> Vec<Scenario> {
    vec![
        Scenario::new("accept", &["intake"], PLACE_ONE),
        Scenario {
            past: Some(Past { worked_off: true, trouble: NO_TROUBLE, act: PLACE_ONE }),
            ..Scenario::new("accept with a known key", &["intake"], |stage| {
                async {
                    stage.place("cart").await;
                    stage.misuse("cart").await;
                }
                .boxed()
            })
        },
        Scenario::new("accept the same key twice at once", &["intake"], |stage| {
            async { _ = join(stage.place("cart"), stage.place("cart")).await }.boxed()
        }),
        Scenario {
            trouble: SLOW_FIRST_ACCEPT,
            ..Scenario::new("accept sixteen at once", &["intake"], |stage| {
                async {
                    let keys: Vec<String> = (1..=16).map(|n| format!("{n}-of-16")).collect();
                    join_all(keys.iter().map(|key| stage.place(key))).await;
                }
                .boxed()
            })
        },
        Scenario {
            past: Some(Past { worked_off: false, trouble: NO_TROUBLE, act: PLACE_FOUR }),
            trouble: SLOW_FIRST_ACCEPT,
            ..Scenario::new("accept new and known and misused keys at once", &["intake"], |stage| {
                async {
                    let places = NEW.iter().chain(NEW).chain(KNOWN).map(|key| stage.place(key));
                    join(join_all(places), join_all(KNOWN.iter().map(|key| stage.misuse(key)))).await;
                }
                .boxed()
            })
        },
    ]
}

const NEW: &[&str] = &["new-1", "new-2", "new-3", "new-4"];
const KNOWN: &[&str] = &["known-1", "known-2", "known-3", "known-4"];

const PLACE_FOUR: Step = |stage| async { _ = join_all(KNOWN.iter().map(|key| stage.place(key))).await }.boxed();

/// So that those who come meanwhile share the next call.
const SLOW_FIRST_ACCEPT: Trouble = |call| {
    let is_first = call.n == 1 && call.kind.is_script("accept", "placed");
    is_first.then_some(Ruling::Delay(Duration::from_millis(30)))
};

fn processing() -> Vec<Scenario> {
    vec![
        Scenario::new("process one order", &["processor"], PLACE_ONE),
        Scenario {
            past: Some(Past { worked_off: false, trouble: NO_TROUBLE, act: PLACE_31 }),
            ..Scenario::new("process a batch of 32", &["processor"], |stage| {
                async {
                    stage.still_the_doorbell().await;
                    stage.place("the-last-of-32").await;
                }
                .boxed()
            })
        },
        Scenario {
            past: Some(Past { worked_off: false, trouble: NO_TROUBLE, act: PLACE_AND_LEASE }),
            ..Scenario::new("process with a redelivery", &["processor"], |stage| {
                async { stage.renew_for_a_dead_worker("cart").await }.boxed()
            })
        },
        Scenario::new("reject an order that the stock has too little for", &["processor"], |stage| {
            async {
                stage.stock("TEA-1", 1).await;
                let id = stage.place("cart").await;
                stage.expect(&id, Ending::REJECTED);
            }
            .boxed()
        }),
        Scenario::new("process on a Redis that forgot its scripts", &["intake", "processor", "notifier"], |stage| {
            async {
                stage.forget_scripts().await;
                stage.place("cart").await;
            }
            .boxed()
        }),
    ]
}

/// Which wait, because nobody is there to work them off.
const PLACE_31: Step = |stage| {
    async {
        let keys: Vec<String> = (1..32).map(|n| format!("{n}-of-32")).collect();
        join_all(keys.iter().map(|key| stage.place(key))).await;
    }
    .boxed()
};

const PLACE_AND_LEASE: Step = |stage| {
    async {
        stage.place("cart").await;
        stage.lease_to_a_dead_worker().await;
    }
    .boxed()
};

fn finishing() -> Vec<Scenario> {
    vec![
        Scenario {
            hosts: 2,
            trouble: LATE_FINISH,
            ..Scenario::new("finish after a successor did", &["processor"], PLACE_ONE)
        },
        Scenario {
            trouble: SLOW_STORE,
            variables: &[("drain_budget_ms", "100")],
            ..Scenario::new("finish with no time left", &["processor"], |stage| {
                async { _ = join(stage.place("one-cart"), stage.place("another")).await }.boxed()
            })
        },
    ]
}

/// The first worker to finish is held up until its lease has run out and another one, on the other host, has done its
/// work.
const LATE_FINISH: Trouble = |call| {
    let is_first_finish = call.n == 1 && call.kind.is_script("settle", "placed");
    is_first_finish.then_some(Ruling::Delay(Duration::from_millis(LEASE.as_millis() as u64 * 5 / 2)))
};

/// A record takes longer than a worker has in all.
const SLOW_STORE: Trouble = |call| call.kind.is_record().then_some(Ruling::Delay(Duration::from_millis(110)));

fn notifying() -> Vec<Scenario> {
    vec![
        Scenario::new("notify one endpoint", &["notifier"], PLACE_ONE),
        Scenario {
            endpoints: &[("erp", Manner::Good), ("mail", Manner::Failing), ("stock", Manner::Good)],
            ..Scenario::new("notify three endpoints of which one fails", &["notifier"], PLACE_ONE)
        },
    ]
}

fn burying() -> Vec<Scenario> {
    vec![
        Scenario::new("bury an order that can't be read", &["processor"], |stage| {
            async {
                let id = stage.place_unreadable().await;
                stage.expect(&id, Ending::UNREADABLE);
            }
            .boxed()
        }),
        Scenario {
            trouble: STORE_REFUSES,
            ..Scenario::new("bury an order that spent its attempts", &["processor"], |stage| {
                async {
                    let id = stage.place("cart").await;
                    stage.expect(&id, Ending::given_up(Class::Handler));
                }
                .boxed()
            })
        },
        Scenario {
            trouble: POISON,
            variables: &[("max_crashes", "3")],
            ..Scenario::new("bury an order that kills its workers", &["processor"], |stage| {
                async {
                    let id = stage.place("cart").await;
                    stage.expect(&id, Ending::given_up(Class::Crash));
                }
                .boxed()
            })
        },
    ]
}

const STORE_REFUSES: Trouble = |call| {
    let refusal = || Ruling::Refuse(Refusal::KeyValue(KeyValueError::Other("no room".to_owned())));
    call.kind.is_record().then(refusal)
};

const POISON: Trouble = |call| call.kind.is_record().then_some(Ruling::CrashBefore);

/// What a person does at the desk with what was given up.
fn people() -> Vec<Scenario> {
    vec![
        Scenario {
            past: Some(Past { worked_off: true, trouble: STORE_REFUSES, act: PLACE_ONE_FOR_THE_DEAD }),
            ..Scenario::new("redrive an order", &["desk", "processor"], |stage| {
                async {
                    let id = stage.id_of("cart");
                    stage.desk("/dead-letters/placed/redrive", json!({"ids": [id]})).await;
                    stage.expect(&id, Ending::CONFIRMED_AFTER_ALL);
                }
                .boxed()
            })
        },
        Scenario {
            endpoints: &[("erp", Manner::Failing)],
            past: Some(Past { worked_off: true, trouble: NO_TROUBLE, act: PLACE_ONE }),
            ..Scenario::new("redrive a webhook", &["desk", "notifier"], |stage| {
                async {
                    stage.mend("erp");
                    stage.desk("/dead-letters/changes.erp/redrive", json!({"class": "handler"})).await;
                }
                .boxed()
            })
        },
        Scenario {
            past: Some(Past { worked_off: true, trouble: STORE_REFUSES, act: PLACE_ONE_FOR_THE_DEAD }),
            ..Scenario::new("discard an order", &["desk"], |stage| {
                async {
                    let id = stage.id_of("cart");
                    stage.desk("/dead-letters/placed/discard", json!({"id": id, "by": "ann", "why": "a test"})).await;
                    stage.expect(&id, Ending::DISCARDED);
                }
                .boxed()
            })
        },
    ]
}

const PLACE_ONE_FOR_THE_DEAD: Step = |stage| {
    async {
        let id = stage.place("cart").await;
        stage.expect(&id, Ending::given_up(Class::Handler));
    }
    .boxed()
};

const TAKES: Option<fn(&Asked) -> Provider> = Some(|_| Provider::Take);

/// Orders that are charged.
fn paying() -> Vec<Scenario> {
    vec![
        Scenario { provider: TAKES, ..Scenario::new("hold and charge one order", &["processor"], PLACE_ONE) },
        Scenario {
            provider: Some(|asked| {
                if asked.before == 0 { Provider::TakeAndFail(StatusCode::BAD_GATEWAY) } else { Provider::Take }
            }),
            // The provider spends one, and a second lost answer of it another.
            variables: &[("max_attempts", "3")],
            ..Scenario::new("charge by a provider whose first answer is lost", &["processor"], PLACE_ONE)
        },
        Scenario {
            // For all of them, and for two probes. A crash that loses what was learned of some ends it sooner.
            provider: Some(|asked| {
                if asked.before < 7 { Provider::Fail(StatusCode::SERVICE_UNAVAILABLE) } else { Provider::Take }
            }),
            variables: &[("max_attempts", "9")],
            past: Some(Past { worked_off: false, trouble: NO_TROUBLE, act: PLACE_FIVE }),
            ..Scenario::new("charge through an outage of the provider", &["processor"], |stage| {
                async {
                    stage.ring().await;
                    stage.expect_outage();
                }
                .boxed()
            })
        },
        Scenario {
            provider: Some(|_| Provider::Decline("insufficient funds")),
            ..Scenario::new("decline one order", &["processor"], |stage| {
                async {
                    let id = stage.place("cart").await;
                    stage.expect(&id, Ending::REJECTED);
                }
                .boxed()
            })
        },
    ]
}

const PLACE_FIVE: Step = |stage| {
    async {
        for key in ["1", "2", "3", "4", "5"] {
            stage.place(key).await;
        }
    }
    .boxed()
};

/// Orders that the shop has charged, or has had authorized.
fn paid_by_the_shop() -> Vec<Scenario> {
    vec![
        Scenario {
            provider: TAKES,
            ..Scenario::new("reject a short order that the shop has charged", &["processor"], |stage| {
                async {
                    stage.stock("TEA-1", 1).await;
                    let id = stage.place_paid("cart", json!({"charge_id": "ch_shop"})).await;
                    stage.expect(&id, Ending { money: Money::Returned, ..Ending::REJECTED });
                }
                .boxed()
            })
        },
        Scenario {
            provider: TAKES,
            ..Scenario::new("capture what the shop has had authorized", &["processor"], |stage| {
                async { _ = stage.place_paid("cart", authorization()).await }.boxed()
            })
        },
        Scenario {
            provider: TAKES,
            past: Some(Past {
                worked_off: false,
                trouble: NO_TROUBLE,
                act: |stage| async { _ = stage.place_paid("cart", authorization()).await }.boxed(),
            }),
            ..Scenario::new("cancel a waiting order that the shop has had authorized", &["processor"], |stage| {
                async {
                    let id = stage.id_of("cart");
                    stage.ask(&id, "cancel").await;
                    stage.expect(&id, Ending { money: Money::Returned, ..Ending::RECALLED });
                }
                .boxed()
            })
        },
    ]
}

fn authorization() -> serde_json::Value {
    let charge = format!("{AUTHORIZED_BY_THE_SHOP}1");
    json!({"charge_id": charge, "capture": true})
}

/// Orders whose money is taken when they are fulfilled.
fn authorizing() -> Vec<Scenario> {
    vec![
        Scenario {
            provider: TAKES,
            variables: &[("payment_capture", "on_fulfil")],
            ..Scenario::new("authorize an order and capture it", &["processor"], |stage| {
                async {
                    let id = stage.place("cart").await;
                    stage.until(&id, "confirmed").await;
                    stage.ask(&id, "fulfil").await;
                    stage.expect(&id, Ending::FULFILLED);
                }
                .boxed()
            })
        },
        Scenario {
            provider: TAKES,
            variables: &[("payment_capture", "on_fulfil")],
            ..Scenario::new("authorize an order and void it", &["processor"], |stage| {
                async {
                    let id = stage.place("cart").await;
                    stage.until(&id, "confirmed").await;
                    stage.ask(&id, "cancel").await;
                    stage.expect(&id, Ending::CANCELLED);
                }
                .boxed()
            })
        },
    ]
}

/// The customer completes the payment before we ask for it.
const PENDS: Option<fn(&Asked) -> Provider> = Some(|asked| match asked.path.as_str() {
    "/charges" => Provider::Pend,
    _ => Provider::Take,
});

/// Orders whose customers have something to do first.
fn pending() -> Vec<Scenario> {
    vec![
        Scenario {
            provider: PENDS,
            ..Scenario::new("a pending charge", &["processor"], |stage| {
                async {
                    let id = stage.place("cart").await;
                    stage.expect(&id, Ending::CONFIRMED_LATER);
                }
                .boxed()
            })
        },
        Scenario {
            provider: PENDS,
            ..Scenario::new("the word of a pending charge", &["listener"], |stage| {
                async {
                    let id = stage.place("cart").await;
                    stage.expect(&id, Ending::CONFIRMED_LATER);
                    stage.hear(&id).await;
                }
                .boxed()
            })
        },
        Scenario {
            provider: PENDS,
            ..Scenario::new("cancel an order whose charge is pending", &["processor"], |stage| {
                async {
                    let id = stage.place("cart").await;
                    stage.until(&id, "payment_pending").await;
                    stage.ask(&id, "cancel").await;
                    stage.expect(&id, Ending::CANCELLED_PENDING);
                }
                .boxed()
            })
        },
    ]
}

/// What is wanted of an order later.
fn changing() -> Vec<Scenario> {
    vec![
        Scenario {
            provider: TAKES,
            past: Some(Past { worked_off: true, trouble: NO_TROUBLE, act: PLACE_ONE }),
            ..Scenario::new("cancel and refund an order", &["intake", "processor"], CANCEL)
        },
        Scenario {
            provider: TAKES,
            past: Some(Past { worked_off: false, trouble: NO_TROUBLE, act: PLACE_AND_CANCEL }),
            ..Scenario::new("cancel an order that waits", &["processor"], |stage| async { stage.ring().await }.boxed())
        },
        Scenario {
            provider: Some(|asked| match asked.path.as_str() {
                "/charges" => Provider::TakeAndFail(StatusCode::BAD_REQUEST),
                _ => Provider::Take,
            }),
            past: Some(Past { worked_off: true, trouble: NO_TROUBLE, act: PLACE_ONE_THAT_IS_REFUSED }),
            ..Scenario::new("cancel an order that was given up after its charge", &["processor"], |stage| {
                async {
                    let id = stage.id_of("cart");
                    stage.ask(&id, "cancel").await;
                    stage.expect(&id, Ending::CANCELLED_AFTER_ALL);
                }
                .boxed()
            })
        },
        Scenario {
            provider: TAKES,
            past: Some(Past { worked_off: true, trouble: NO_TROUBLE, act: PLACE_ONE }),
            ..Scenario::new("fulfil an order", &["intake", "processor"], |stage| {
                async {
                    let id = stage.id_of("cart");
                    stage.ask(&id, "fulfil").await;
                    stage.expect(&id, Ending::FULFILLED);
                }
                .boxed()
            })
        },
    ]
}

/// What is taken out of an order, and what is removed.
fn forgetting() -> Vec<Scenario> {
    vec![
        Scenario {
            past: Some(Past { worked_off: true, trouble: NO_TROUBLE, act: PLACE_ONE }),
            ..Scenario::new("erase the customer of an order", &["intake", "processor"], ERASE)
        },
        Scenario {
            past: Some(Past {
                worked_off: false,
                trouble: NO_TROUBLE,
                act: |stage| {
                    async {
                        stage.place("cart").await;
                        ERASE(stage).await;
                    }
                    .boxed()
                },
            }),
            ..Scenario::new("erase the customer of an order that waits", &["processor"], |stage| {
                async { stage.ring().await }.boxed()
            })
        },
        Scenario {
            variables: &[("retention_days", "1")],
            past: Some(Past {
                worked_off: true,
                trouble: NO_TROUBLE,
                act: |stage| {
                    async {
                        stage.place("cart").await;
                        let id = stage.id_of("cart");
                        stage.until(&id, "confirmed").await;
                        CANCEL(stage).await;
                    }
                    .boxed()
                },
            }),
            ..Scenario::new("remove an order that ended long ago", &["processor"], |stage| {
                async {
                    stage.age_the_ended().await;
                    stage.expect(&stage.id_of("cart"), Ending::REMOVED);
                    stage.ring().await;
                }
                .boxed()
            })
        },
    ]
}

const ERASE: Step = |stage| {
    async {
        let id = stage.id_of("cart");
        stage.erase(&id).await;
        stage.expect(&id, Ending::ERASED);
    }
    .boxed()
};

const CANCEL: Step = |stage| {
    async {
        let id = stage.id_of("cart");
        stage.ask(&id, "cancel").await;
        stage.expect(&id, Ending::CANCELLED);
    }
    .boxed()
};

const PLACE_AND_CANCEL: Step = |stage| {
    async {
        let id = stage.place("cart").await;
        stage.ask(&id, "cancel").await;
        stage.expect(&id, Ending::RECALLED);
    }
    .boxed()
};

const PLACE_ONE_THAT_IS_REFUSED: Step = |stage| {
    async {
        let id = stage.place("cart").await;
        stage.expect(&id, Ending::given_up(Class::Permanent));
    }
    .boxed()
};
