//! The processor: woken by the doorbell or the timer of the queue `placed`, it decides each order, writes its record to
//! the store and finishes a batch in one step.

mod decide;
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
