//! Shows what components do: one line for each call when it ends, and a table when the application ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use console::Style;
use futures::future::BoxFuture;

use crate::watch::calls::{Call, Calls, Ending, Kind, Operation, Ruling};

/// The widths of two columns, in characters: an instance's number with its `#`, and a call. A longer text moves the
/// rest of its line to the right.
const NUMBER_WIDTH: usize = 6;
const CALL_WIDTH: usize = 64;

/// Shows an application's calls. Other [`Calls`] may rule what becomes of them.
pub struct Trace {
    shown: Shown,
    decides: Option<Arc<dyn Calls>>,
    print: Box<dyn Fn(&str) + Send + Sync>,
    began: Instant,
    header: Once,
    totals: Mutex<BTreeMap<Row, Total>>,
}

/// Which calls are shown, and how.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The components whose calls are shown.
    pub components: BTreeSet<String>,
    /// Whether readings of variables are shown.
    pub variables: bool,
    /// Whether colours are used.
    pub colors: bool,
}

/// A row of the table: a component, and the operation that it calls.
type Row = (Arc<str>, String);

#[derive(Clone, Copy, Default)]
struct Total {
    calls: u32,
    time: Duration,
}

impl Trace {
    /// A trace whose times count from now. It hands each line to `print`. `decides`, if given, rules the calls.
    pub fn new(shown: Shown, decides: Option<Arc<dyn Calls>>, print: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let (print, began, header) = (Box::new(print), Instant::now(), Once::new());
        Self { shown, decides, print, began, header, totals: Mutex::default() }
    }

    /// The table of the calls that were shown. Each component and operation has its number of calls, total time and
    /// mean time.
    pub fn summary(&self) -> String {
        let totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        let wide =
            |column: fn(&Row) -> usize, title: &str| totals.keys().map(column).max().unwrap_or(0).max(title.len());
        let (component_width, operation_width) =
            (wide(|row| row.0.len(), "component"), wide(|row| row.1.len(), "operation"));
        let mut table = format!(
            "{:component_width$}  {:operation_width$}  {:>8}  {:>11}  {:>9}\n",
            "component", "operation", "calls", "total ms", "mean ms"
        );
        for ((component, operation), Total { calls, time }) in totals.iter() {
            let (total, mean) = (Millis(*time), Millis(*time / *calls));
            table += &format!(
                "{component:component_width$}  {operation:operation_width$}  {calls:>8}  {total:>11}  {mean:>9}\n"
            );
        }
        table
    }

    fn shows(&self, call: &Call) -> bool {
        let is_hidden = call.operation.kind() == Kind::Variable && !self.shown.variables;
        self.shown.components.contains(&*call.component) && !is_hidden
    }

    fn show(&self, call: &Call, ending: &Ending) {
        let now = Instant::now();
        let took = now.duration_since(call.began);
        self.header.call_once(|| (self.print)(&self.line("at ms", "took ms", "instance", "call → how it ended")));
        let at = Millis(now.duration_since(self.began)).to_string();
        let instance = format!("{}#{}", call.component, call.instance);
        let ended = self.style(ending).apply_to(ending);
        let what = format!("{:CALL_WIDTH$} → {ended}", call.operation.to_string());
        (self.print)(&self.line(&at, &Millis(took).to_string(), &instance, &what));
        let row = (call.component.clone(), operation(&call.operation));
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        let total = totals.entry(row).or_default();
        *total = Total { calls: total.calls + 1, time: total.time + took };
    }

    fn line(&self, at: &str, took: &str, instance: &str, what: &str) -> String {
        let names = self.shown.components.iter().map(String::len);
        let width = names.max().unwrap_or(0) + NUMBER_WIDTH;
        format!("{at:>11}  {took:>9}  {instance:width$}  {what}")
    }

    /// The colour of an ending, so that failures stand out.
    fn style(&self, ending: &Ending) -> Style {
        let style = Style::new().force_styling(self.shown.colors);
        match ending {
            Ending::Answered(_) => style.green(),
            Ending::Refused(_) => style.red(),
            Ending::Crashed | Ending::Dropped => style.yellow(),
        }
    }
}

impl Calls for Trace {
    fn before<'c>(&'c self, call: &'c Call) -> BoxFuture<'c, Ruling> {
        match &self.decides {
            Some(decides) => decides.before(call),
            None => Box::pin(std::future::ready(Ruling::Proceed)),
        }
    }

    /// Shows the call before it tells `decides`, because that may kill the host.
    fn after(&self, call: &Call, ending: &Ending) {
        if self.shows(call) {
            self.show(call, ending);
        }
        if let Some(decides) = &self.decides {
            decides.after(call, ending);
        }
    }
}

/// The name under which the table adds up a call: its kind and function. All variables are added up together.
fn operation(operation: &Operation) -> String {
    let kind = operation.kind();
    match operation.function() {
        Some(function) if kind != Kind::Variable => format!("{kind} {function}"),
        _ => kind.to_string(),
    }
}

/// A time in milliseconds, to the microsecond.
struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:03}", self.0.as_millis(), self.0.subsec_micros() % 1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::calls::{self, Answer};

    /// A trace, and the lines that it has printed.
    fn trace(
        components: &[&str],
        variables: bool,
        decides: Option<Arc<dyn Calls>>,
    ) -> (Trace, Arc<Mutex<Vec<String>>>) {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let components = components.iter().map(|name| name.to_string()).collect();
        let shown = Shown { components, variables, colors: false };
        let printed = lines.clone();
        (Trace::new(shown, decides, move |line| printed.lock().expect("no panic").push(line.to_owned())), lines)
    }

    fn call(component: &str, operation: Operation) -> Call {
        Call { component: component.into(), instance: 12, number: 1, began: Instant::now(), operation }
    }

    fn get(component: &str) -> Call {
        call(component, Operation::KeyValueGet { store: "default".into(), key: "k".into() })
    }

    fn value() -> Ending {
        Ending::Answered(Answer::Value(Some(vec![0; 9])))
    }

    /// A line without its times, which are always in front.
    fn untimed(line: &str) -> &str {
        line.char_indices().nth(24).map_or("", |(index, _)| &line[index..])
    }

    #[test]
    fn each_call_is_a_line_in_columns() {
        let (trace, lines) = trace(&["door", "worker"], false, None);
        trace.after(&get("door"), &value());
        trace.after(&get("worker"), &Ending::Refused("down".into()));
        let lines = lines.lock().expect("no panic").clone();
        assert_eq!(
            lines.iter().map(|line| untimed(line)).collect::<Vec<_>>(),
            [
                "instance      call → how it ended",
                &format!("door#12       {:64} → 9 bytes", "key-value default get k"),
                &format!("worker#12     {:64} → failed: down", "key-value default get k"),
            ]
        );
        assert_eq!(lines[0].trim_start(), "at ms    took ms  instance      call → how it ended");
    }

    #[test]
    fn only_what_was_asked_for_is_shown_and_added_up() {
        let variable = || call("door", Operation::Variable { name: "api_key".into() });
        for (components, variables, expected) in
            [(&["door"][..], false, 1), (&["door"], true, 2), (&["worker"], true, 1), (&["door", "worker"], true, 3)]
        {
            let (trace, lines) = trace(components, variables, None);
            trace.after(&variable(), &Ending::Answered(Answer::Variable("secret".into())));
            trace.after(&get("door"), &value());
            trace.after(&get("worker"), &value());
            assert_eq!(lines.lock().expect("no panic").len(), 1 + expected, "{components:?} {variables}");
            assert_eq!(trace.summary().lines().count(), 1 + expected);
        }
    }

    #[test]
    fn the_table_adds_up_the_calls_of_a_component() {
        let (trace, _) = trace(&["door"], true, None);
        for name in ["a", "b"] {
            trace.after(&call("door", Operation::Variable { name: name.into() }), &value());
        }
        trace.totals.lock().expect("no panic").values_mut().for_each(|total| total.time = Duration::from_micros(5001));
        assert_eq!(
            trace.summary(),
            "component  operation     calls     total ms    mean ms\n\
             door       variable          2        5.001      2.500\n"
        );
    }

    #[tokio::test]
    async fn what_becomes_of_a_call_is_decided_elsewhere() {
        let decides: Arc<dyn Calls> = Arc::new(calls::decide(|_| Ruling::CrashAfter));
        let (trace, _) = trace(&["door"], false, Some(decides));
        assert!(matches!(trace.before(&get("door")).await, Ruling::CrashAfter));
    }

    #[test]
    fn times_are_in_milliseconds_to_the_microsecond() {
        for (micros, expected) in [(0, "0.000"), (7, "0.007"), (1500, "1.500"), (61_000_042, "61000.042")] {
            assert_eq!(Millis(Duration::from_micros(micros)).to_string(), expected);
        }
    }
}
