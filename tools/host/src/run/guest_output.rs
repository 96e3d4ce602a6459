//! What components print, line by line.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// Takes each line that a component prints: the component's name and the line, without its end.
pub type Output = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// A longer line is given out in pieces, so that a component can't fill the host's memory by a line without end.
const LONGEST_LINE: usize = 64 * 1024;

/// Prints to this process's standard error, `component | line`.
pub fn to_stderr() -> Output {
    Arc::new(|component, line| eprintln!("{component} | {line}"))
}

/// One of the output streams of one instance.
#[derive(Clone)]
pub(crate) struct GuestOutput(Arc<Mutex<Lines>>);

struct Lines {
    component: Arc<str>,
    output: Output,
    begun: Vec<u8>,
}

impl GuestOutput {
    pub(crate) fn new(component: Arc<str>, output: Output) -> Self {
        Self(Arc::new(Mutex::new(Lines { component, output, begun: Vec::new() })))
    }
}

impl Lines {
    fn take(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(&bytes[..end]);
            self.end_line();
            bytes = &bytes[end + 1..];
        }
        self.begun.extend_from_slice(bytes);
        if self.begun.len() >= LONGEST_LINE {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.begun);
        (self.output)(&self.component, &String::from_utf8_lossy(&line));
    }
}

/// Gives out the line that an instance left unfinished.
impl Drop for Lines {
    fn drop(&mut self) {
        if !self.begun.is_empty() {
            self.end_line();
        }
    }
}

impl StdoutStream for GuestOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl AsyncWrite for GuestOutput {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_comes_in_whole_lines_and_the_rest_at_the_end() {
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let sink = seen.clone();
        let output: Output =
            Arc::new(move |component, line| sink.lock().expect("no panic").push(format!("{component} | {line}")));
        let stream = GuestOutput::new("door".into(), output);
        for piece in ["one\ntw", "o\n", "\n", "three"] {
            stream.0.lock().expect("no panic").take(piece.as_bytes());
        }
        assert_eq!(*seen.lock().expect("no panic"), ["door | one", "door | two", "door | "]);
        drop(stream);
        assert_eq!(seen.lock().expect("no panic").last().map(String::as_str), Some("door | three"));
    }
}
