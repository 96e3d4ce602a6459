//! Calls of one worker that go together: what is asked for its messages at the same time goes in one call, with an
//! answer for each.

use std::cell::RefCell;
use std::future::poll_fn;
use std::task::Poll;

use futures::channel::oneshot;

use crate::connection::Error;

/// Questions that wait for each other. All askers are futures of one task, and end with it.
pub struct Joined<Q, A> {
    most: usize,
    /// Of each so many that wait the first one is going to ask for all of them.
    waiting: RefCell<Vec<Asker<Q, A>>>,
}

type Asker<Q, A> = (Q, Tell<A>);
type Tell<A> = oneshot::Sender<Result<A, Error>>;

impl<Q, A> Joined<Q, A> {
    /// Nothing is asked yet. No call has more than `most` questions.
    pub fn new(most: usize) -> Self {
        Self { most, waiting: RefCell::default() }
    }

    /// Asks by `call`, together with all others of the task that ask now. `call` gives an answer for each question, or
    /// an error for all. If that isn't trouble with Redis, one question may be at fault, and each is asked again alone.
    pub async fn ask(&self, question: Q, call: impl AsyncFn(&[Q]) -> Result<Vec<A>, Error>) -> Result<A, Error> {
        let (tell, told) = oneshot::channel();
        if self.put(question, tell) {
            after_others().await;
            let (questions, tell) = self.take();
            let answers = answers(&questions, &call).await;
            for (tell, answer) in tell.into_iter().zip(answers) {
                // Who no longer wants to know has gone.
                drop(tell.send(answer));
            }
        }
        told.await.expect("who asks for all ends with the others")
    }

    /// Says whether the one who asks leads.
    fn put(&self, question: Q, tell: Tell<A>) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        waiting.push((question, tell));
        waiting.len() % self.most == 1 % self.most
    }

    fn take(&self) -> (Vec<Q>, Vec<Tell<A>>) {
        let mut waiting = self.waiting.borrow_mut();
        let some = waiting.len().min(self.most);
        waiting.drain(..some).unzip()
    }
}

async fn answers<Q, A>(questions: &[Q], call: &impl AsyncFn(&[Q]) -> Result<Vec<A>, Error>) -> Vec<Result<A, Error>> {
    let error = match call(questions).await {
        Ok(answers) => return answers.into_iter().map(Ok).collect(),
        Err(error) => error,
    };
    let mut each = Vec::with_capacity(questions.len());
    for question in questions.chunks(1) {
        each.push(match questions.len() > 1 && !error.is_trouble() {
            true => call(question).await.map(|mut answers| answers.remove(0)),
            false => Err(error.clone()),
        });
    }
    each
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
