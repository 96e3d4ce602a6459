//! Doing to the cluster what the schedule says.

use std::time::Duration;

use futures::stream::{self, StreamExt};
use redis::{Cmd, RedisResult, cmd};
use tokio::time::{Instant, sleep, sleep_until};

use super::cluster::{Cluster, HOSTS};
use super::poison;
use super::schedule::Fault;

/// Makes trouble until `end`, then waits until all of it has passed: everything is up when this returns.
pub(crate) async fn make(cluster: &Cluster, schedule: impl Iterator<Item = (Duration, Fault)>, end: Instant) {
    let faults = stream::iter(schedule).then(async |(wait, fault)| {
        sleep(wait).await;
        fault
    });
    // Faults overlap, but for those of one process.
    let faults = std::pin::pin!(faults.take_until(sleep_until(end)));
    faults.for_each_concurrent(None, |fault| make_one(cluster, fault)).await;
    cluster.note("all faults have passed");
}

async fn make_one(cluster: &Cluster, fault: Fault) {
    match fault {
        Fault::KillHost { host, down } => {
            let mut process = cluster.hosts[host].lock().await;
            cluster.note(&fault.to_string());
            cluster.kill_host(host, &mut process).await;
            sleep(down).await;
            cluster.start_host(host, &mut process).await;
            cluster.note(&format!("{} is back", HOSTS[host]));
        }
        Fault::KillRedis { down } => {
            let Ok(mut redis) = cluster.redis.try_lock() else { return leave_out(cluster, fault) };
            cluster.note(&fault.to_string());
            redis.kill().await.expect("it is killed");
            sleep(down).await;
            redis.restart().await.expect("its file can be read");
            cluster.note("Redis is back");
            // Else it would take longer to be back each time.
            let shorter: RedisResult<()> =
                async { cmd("BGREWRITEAOF").exec_async(&mut cluster.connect(0).await?).await }.await;
            drop(shorter);
        }
        Fault::PauseRedis { pause } => {
            let Ok(mut redis) = cluster.redis.try_lock() else { return leave_out(cluster, fault) };
            cluster.note(&fault.to_string());
            redis.pause().expect("it is paused");
            sleep(pause).await;
            redis.resume().expect("it goes on");
        }
        Fault::CutConnections { kind } => {
            tell(cluster, fault, cmd("CLIENT").arg("KILL").arg("TYPE").arg(kind)).await;
        }
        Fault::ForgetScripts => tell(cluster, fault, cmd("SCRIPT").arg("FLUSH")).await,
        Fault::LoseWake { key } => tell(cluster, fault, cmd("DEL").arg(format!("{{orders}}:{key}"))).await,
        Fault::TurnEndpoint { bad } => {
            cluster.note(&fault.to_string());
            cluster.endpoints.turn(true);
            sleep(bad).await;
            cluster.endpoints.turn(false);
        }
        Fault::RefuseWrites { trouble, lasts } => {
            let Ok(redis) = cluster.redis.try_lock() else { return leave_out(cluster, fault) };
            cluster.note(&fault.to_string());
            trouble.begin(&redis).await;
            sleep(lasts).await;
            trouble.end(&redis).await;
            cluster.note("Redis takes writes again");
        }
        Fault::SetClock { .. } | Fault::ForgetEndpoint { .. } if cluster.is_mixed() => {
            cluster.note(&format!("{fault}: left out, since another build runs that may not bear it"));
        }
        Fault::SetClock { hours, lasts } => {
            let clock = cluster.clock.lock().await;
            cluster.note(&fault.to_string());
            clock.set(hours * 3600);
            sleep(lasts).await;
            clock.set(0);
            cluster.note("Redis's clock is right again");
        }
        Fault::ForgetEndpoint { host, endpoint, lasts } => {
            let mut process = cluster.hosts[host].lock().await;
            cluster.note(&fault.to_string());
            cluster.kill_host(host, &mut process).await;
            cluster.start_forgetful_host(host, endpoint, &mut process).await;
            sleep(lasts).await;
            cluster.kill_host(host, &mut process).await;
            cluster.start_host(host, &mut process).await;
            cluster.note(&format!("{} knows all endpoints again", HOSTS[host]));
        }
        Fault::Poison => poison::pour(cluster).await,
    }
}

/// Faults of Redis don't line up behind each other, or it would be away nearly all the time.
fn leave_out(cluster: &Cluster, fault: Fault) {
    cluster.note(&format!("{fault}: left out, since Redis has another fault"));
}

/// Has Redis do something. While it is down or paused that fails, and then it is no fault.
async fn tell(cluster: &Cluster, fault: Fault, command: &mut Cmd) {
    let told: RedisResult<()> = async { command.exec_async(&mut cluster.connect(0).await?).await }.await;
    match told {
        Ok(()) => cluster.note(&fault.to_string()),
        Err(error) => cluster.note(&format!("{fault}: in vain, since {error}")),
    }
}
