//! The whole application, started as `make up` starts it, crashed and kept from its partners.

mod after_a_kill;
mod books;
mod capture;
mod chaos;
mod clock;
mod contract;
mod crash;
mod desk;
mod door;
mod early_answer;
mod endpoints;
mod life;
mod means;
mod metrics;
mod outage;
mod payment;
mod pending;
mod pipeline;
mod pushback;
mod settled;
mod stock;
mod stripe;
mod stripe_capture;
mod three_d_secure;
mod two_faults;
mod versions;
