//! Every fault of the settings at once. A component that needs a setting stops at the first fault that it meets.

use crate::settings::{
    BACKOFF_BASE, BACKOFF_CAP, DRAIN_BUDGET, IDEMPOTENCY_TTL, LEASE, LOG_RETENTION, MAX_ATTEMPTS, MAX_CRASHES,
    QUEUE_AGE, QUEUE_DATABASE, QUEUE_DEPTH, RETENTION, STORE_DATABASE, SettingError, Settings,
};

impl Settings {
    /// Finds every fault in the variables of all components, for one that is given all of them.
    pub async fn faults(&self) -> Vec<SettingError> {
        let mut faults = self.address_faults().await;
        for number in [
            LEASE,
            LOG_RETENTION,
            RETENTION,
            MAX_ATTEMPTS,
            MAX_CRASHES,
            BACKOFF_BASE,
            BACKOFF_CAP,
            DRAIN_BUDGET,
            IDEMPOTENCY_TTL,
            QUEUE_AGE,
            QUEUE_DEPTH,
        ] {
            faults.extend(self.number(number).await.err());
        }
        // Its base may be more than its cap, though each is within its range.
        faults.extend(self.backoff().await.err().filter(|fault| !faults.contains(fault)));
        faults.extend(self.untracked().await.err());
        faults.extend(self.operator_key().await.err());
        faults.extend(self.api_keys().await.err());
        faults.extend(self.cors_fault().await);
        faults.extend(self.payment_faults().await);
        faults.extend(self.stripe_faults().await);
        faults.extend(self.webhook_faults().await);
        faults
    }

    async fn address_faults(&self) -> Vec<SettingError> {
        let mut faults = Vec::new();
        match self.untrimmed("namespace").await {
            Ok(text) => faults.extend(self.namespace(&text).err()),
            Err(fault) => faults.push(fault),
        }
        match self.address("redis_url", QUEUE_DATABASE).await {
            Ok(queue) => faults.extend(self.store_url(&queue).await.err()),
            Err(fault) => {
                faults.push(fault);
                // Whether it is on the same server can't be told.
                faults.extend(self.address("store_url", STORE_DATABASE).await.err());
            }
        }
        faults
    }
}
