//! The processor. The doorbell or the timer of the queue `placed` wakes it, and it carries out the commands that lie
//! there. It decides orders, and changes them later. Each time it writes a new record to the store, and finishes a
//! batch of messages in one step.

mod capture;
mod change;
mod changes;
mod commands;
mod decide;
mod erase;
mod job;
mod payments;
mod pending;
mod records;
mod run;

mod trigger {
    #![expect(unsafe_code, reason = "the SDK's macro exports the handler to the host")]

    use spin_sdk::redis_subscriber;

    /// The message says only that there is work. The work itself lies in the queue.
    #[redis_subscriber]
    async fn on_wake(_message: Vec<u8>) -> Result<(), String> {
        crate::run::run().await
    }
}
