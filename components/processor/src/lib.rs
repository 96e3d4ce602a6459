//! The processor: woken by the doorbell or the timer of the queue `placed`, it works off what lies there. An order is
//! decided, a later command moves it on; either way its new record is written to the store, and a batch is finished in
//! one step.

mod change;
mod commands;
mod decide;
mod job;
mod payments;
mod records;
mod run;

mod trigger {
    #![expect(unsafe_code, reason = "the SDK's macro exports the handler to the host")]

    use spin_sdk::redis_subscriber;

    /// The message says only that there is something to do. What it is, the queue knows.
    #[redis_subscriber]
    async fn on_wake(_message: Vec<u8>) -> Result<(), String> {
        crate::run::run().await
    }
}
