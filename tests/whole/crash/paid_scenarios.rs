//! Scenarios of orders whose money the shop has moved itself.

use futures::FutureExt;

use super::model::Ending;
use super::scenario::{NO_TROUBLE, Past, Scenario, Step};
use super::scenarios::TAKES;

/// Orders that the shop has charged itself, and that give its customer the money back.
pub(super) fn paid_by_the_shop() -> Vec<Scenario> {
    vec![
        Scenario {
            provider: TAKES,
            ..Scenario::new("reject an order that the shop has charged", &["processor"], |stage| {
                async {
                    stage.stock("TEA-1", 1).await;
                    let id = stage.place_charged("cart").await;
                    stage.expect(&id, Ending::REJECTED_AND_REFUNDED);
                }
                .boxed()
            })
        },
        Scenario {
            provider: TAKES,
            past: Some(Past { worked_off: true, trouble: NO_TROUBLE, act: PLACE_CHARGED }),
            ..Scenario::new("cancel an order that the shop has charged", &["processor"], |stage| {
                async {
                    let id = stage.id_of("cart");
                    stage.ask(&id, "cancel").await;
                    stage.expect(&id, Ending::CANCELLED_AND_REFUNDED);
                }
                .boxed()
            })
        },
    ]
}

const PLACE_CHARGED: Step = |stage| async { _ = stage.place_charged("cart").await }.boxed();
