//! Calls of one worker that go together: what is asked for its messages at the same time goes in one call, with an
//! answer for each.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::Poll;

use futures::channel::oneshot;

use crate::connection::Error;

/// Questions that wait for each other. All askers must be futures of one task.
pub struct Joined<Q, A> {
    most: usize,
    /// One of those that wait is going to ask for all.
    is_led: Cell<bool>,
    waiting: RefCell<Vec<(Q, oneshot::Sender<Result<A, Error>>)>>,
}

impl<Q, A> Joined<Q, A> {
    /// Nothing is asked yet. No call has more than `most` questions.
    pub fn new(most: usize) -> Self {
        Self { most, is_led: Cell::new(false), waiting: RefCell::default() }
    }

    /// Asks by `call`, together with all others of the task that ask now. `call` gives an answer for each question, or
    /// an error for all. If that isn't trouble with Redis, one question may be at fault, and so each is asked alone.
    pub async fn ask(&self, question: Q, call: impl AsyncFn(&[Q]) -> Result<Vec<A>, Error>) -> Result<A, Error> {
        let (tell, told) = oneshot::channel();
        self.waiting.borrow_mut().push((question, tell));
        if !self.is_led.replace(true) {
            after_others().await;
            self.is_led.set(false);
            let waiting = self.waiting.take();
            let (questions, tell): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
            let mut tell = tell.into_iter();
            for some in questions.chunks(self.most) {
                for answer in answers(some, &call).await {
                    // Who no longer wants to know has gone.
                    drop(tell.next().map(|tell| tell.send(answer)));
                }
            }
        }
        told.await.unwrap_or_else(|_| Err(Error::Failed("who asked for all has gone".to_owned())))
    }
}

async fn answers<Q, A>(questions: &[Q], call: &impl AsyncFn(&[Q]) -> Result<Vec<A>, Error>) -> Vec<Result<A, Error>> {
    match call(questions).await {
        Ok(answers) => answers.into_iter().map(Ok).collect(),
        Err(error) if error.is_trouble() || questions.len() == 1 => {
            questions.iter().map(|_| Err(error.clone())).collect()
        }
        Err(_) => {
            let mut each = Vec::with_capacity(questions.len());
            for question in questions.chunks(1) {
                each.push(call(question).await.map(|mut answers| answers.remove(0)));
            }
            each
        }
    }
}

/// Lets the task's other futures go on first, as far as they can.
async fn after_others() {
    let mut have_gone = false;
    poll_fn(|context| {
        if std::mem::replace(&mut have_gone, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
