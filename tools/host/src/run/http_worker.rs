//! One instance that answers requests, from its start to its end.

use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Sleep, sleep};
use wasmtime::component::{Accessor, Func};
use wasmtime::{AsContextMut, Store};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{Prepared, Proxy};

use crate::run::http_pool::{HttpInstance, HttpPool, Reuse};
use crate::run::http_queue::Arrival;
use crate::run::instance::InstanceState;
use crate::run::trap;

/// How many requests an instance begins before other tasks of its thread get a turn.
const AT_A_STRETCH: usize = 16;

/// An instance that looks for no request for so long doesn't count, until it looks again. One that only lost its turn
/// has it again sooner.
const LONG: Duration = Duration::from_millis(20);

/// An instance's part in the pool. Its drop tells the pool that the instance takes no more.
pub(super) struct HttpWorker {
    pool: Arc<HttpPool>,
    number: u64,
    /// How many requests it may take.
    reuse: Reuse,
    /// It counts among the instances that take requests.
    is_open: AtomicBool,
    /// It looked for requests since it was polled last.
    has_looked: AtomicBool,
    has_begun: bool,
}

impl HttpWorker {
    /// One that the pool counts already.
    pub(super) fn of_the_pool(pool: Arc<HttpPool>) -> Self {
        let mut worker = Self::alone(pool);
        worker.reuse = worker.pool.reuse;
        worker.is_open = true.into();
        worker
    }

    /// One that takes its first request only.
    pub(super) fn alone(pool: Arc<HttpPool>) -> Self {
        Self {
            number: pool.queue.next_number(),
            reuse: Reuse { requests: 1, ..pool.reuse },
            is_open: false.into(),
            has_looked: false.into(),
            has_begun: false,
            pool,
        }
    }

    /// Starts the instance with this request, or with the next one that waits.
    pub(super) fn start(self, first: Option<Arrival>) {
        tokio::spawn(self.run(first));
    }

    async fn run(mut self, first: Option<Arrival>) {
        self.has_begun = true;
        let HttpInstance { mut store, proxy, killed } = match self.pool.instantiate().await {
            Ok(instance) => instance,
            Err(error) => {
                if let Some(first) = first.or_else(|| self.pool.queue.take()) {
                    _ = first.answer.send(Err(error));
                }
                return;
            }
        };
        let ended = killed.run_until_cancelled(self.serve(&mut store, &proxy, first)).await;
        // Close the connections first: whoever reads the log may count on it.
        drop(store);
        if let Some(Err(error)) = ended
            && !killed.is_cancelled()
        {
            trap::log(&self.pool.component.name, &error);
        }
    }

    /// Answers requests until the instance has waited too long for one, has had as many as it may, or fails.
    async fn serve(
        &self,
        store: &mut Store<InstanceState>,
        proxy: &Proxy,
        first: Option<Arrival>,
    ) -> wasmtime::Result<()> {
        let is_settled = AtomicBool::new(true);
        let mut running = pin!(store.run_concurrent(async |accessor| {
            let mut calls = Calls::new(self, accessor, proxy, &is_settled);
            if let Some(first) = first {
                calls.begin(first);
            }
            poll_fn(|cx| calls.poll(cx)).await
        }));
        let mut looked = Instant::now();
        poll_fn(|cx| {
            for _ in 0..AT_A_STRETCH {
                self.pool.queue.is_busy(self.number);
                self.has_looked.store(false, Ordering::Relaxed);
                let polled = running.as_mut().poll(cx);
                if polled.is_ready() {
                    return polled.map(wasmtime::Result::flatten);
                }
                if self.has_looked.load(Ordering::Relaxed) {
                    looked = Instant::now();
                } else {
                    // It computes, or waits in a call that nothing else of it can pass.
                    if looked.elapsed() > LONG {
                        self.set_open(false);
                    }
                    return Poll::Pending;
                }
                // What was begun has computed as far as it could. There may be time for another request.
                if is_settled.swap(true, Ordering::Relaxed) {
                    return Poll::Pending;
                }
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    fn set_open(&self, is_open: bool) {
        if self.is_open.swap(is_open, Ordering::Relaxed) == is_open {
            return;
        }
        if is_open {
            self.pool.queue.open();
        } else if self.pool.queue.close() {
            Self::of_the_pool(self.pool.clone()).start(None);
        }
    }
}

impl Drop for HttpWorker {
    fn drop(&mut self) {
        self.pool.queue.is_busy(self.number);
        match self.has_begun {
            true => self.set_open(false),
            // The runtime ends. Another one wouldn't begin either.
            false if *self.is_open.get_mut() => self.pool.queue.withdraw(),
            false => {}
        }
    }
}

/// The calls of an instance that are under way.
struct Calls<'a> {
    worker: &'a HttpWorker,
    accessor: &'a Accessor<InstanceState>,
    proxy: &'a Proxy,
    func: Func,
    /// What was begun last has computed as far as it can without waiting. Until then nothing else is begun: if it
    /// computes for long, other instances take what comes.
    is_settled: &'a AtomicBool,
    under_way: FuturesUnordered<BoxFuture<'a, wasmtime::Result<()>>>,
    begun: usize,
    idle: Option<Pin<Box<Sleep>>>,
}

impl<'a> Calls<'a> {
    fn new(
        worker: &'a HttpWorker,
        accessor: &'a Accessor<InstanceState>,
        proxy: &'a Proxy,
        is_settled: &'a AtomicBool,
    ) -> Self {
        let Proxy::P3(service) = proxy;
        let func = *service.wasi_http_handler().func_handle().func();
        Self { worker, accessor, proxy, func, is_settled, under_way: FuturesUnordered::new(), begun: 0, idle: None }
    }

    fn begin(&mut self, arrival: Arrival) {
        self.begun += 1;
        self.is_settled.store(false, Ordering::Relaxed);
        let (accessor, proxy) = (self.accessor, self.proxy);
        let prepared = accessor.with(|mut store| {
            Prepared::new(store.as_context_mut(), proxy, arrival.request, InstanceState::http, arrival.answer)
        });
        // A request has no time limit, as in Spin: a component that waits sets its own.
        self.under_way.push(Box::pin(async move { prepared?.run(accessor, pending()).await.map(|_| ()) }));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<wasmtime::Result<()>> {
        loop {
            match self.under_way.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(()))) => continue,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) | Poll::Pending => {}
            }
            if let Some(arrival) = self.next(cx) {
                self.begin(arrival);
                continue;
            }
            // What the component does after its answers counts as well.
            if !self.under_way.is_empty() || self.accessor.poll_no_interesting_tasks(cx).is_pending() {
                self.idle = None;
                return Poll::Pending;
            }
            return match self.worker.is_open.load(Ordering::Relaxed) {
                true => self.poll_idle(cx).map(Ok),
                false => Poll::Ready(Ok(())),
            };
        }
    }

    /// The next request, if there is one and it may be begun now.
    fn next(&mut self, cx: &mut Context<'_>) -> Option<Arrival> {
        self.worker.has_looked.store(true, Ordering::Relaxed);
        let Reuse { requests, concurrent, .. } = self.worker.reuse;
        let is_open = self.begun < requests
            && self.under_way.len() < concurrent
            && self.accessor.poll_ready_for_concurrent_call(self.func, cx).is_ready();
        self.worker.set_open(is_open);
        let may_begin = is_open && (self.under_way.is_empty() || self.is_settled.load(Ordering::Relaxed));
        if may_begin { self.worker.pool.queue.take_or_wait(self.worker.number, cx) } else { None }
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = self.worker.reuse.idle;
        self.idle.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx)
    }
}
