//! The notifier. A change of the store wakes it, and it sends the change to each endpoint that subscribed to it,
//! signed. It retries for days. Each endpoint has a lane of its own, so that a bad one delays no other.

mod deliver;
mod fan_out;
mod job;
mod lanes;
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
