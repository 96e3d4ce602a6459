//! Mistakes in a command line. They are worded like every other error: in one line, what is wrong, then what to do.

use std::error::Error;
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Cli, tell};

/// The usual exit status of a program that was called in a wrong way.
const MISUSED: u8 = 2;

/// Shows help, version or mistake, all of which clap gives as an error.
pub(super) fn answer(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // The reader may be gone.
            _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            _ = error.print();
            ExitCode::from(MISUSED)
        }
        _ => {
            tell(&mistake(error));
            ExitCode::from(MISUSED)
        }
    }
}

fn mistake(error: &clap::Error) -> String {
    let command = command();
    let value = text(error, ContextKind::InvalidValue);
    let argument = text(error, ContextKind::InvalidArg);
    // clap names an option together with its value: `--listen <ADDRESS>`.
    let option = argument.split_whitespace().next().unwrap_or_default();
    match error.kind() {
        ErrorKind::ValueValidation => {
            let fault = error.source().map(ToString::to_string).unwrap_or_default();
            format!("{option} {value}: {fault}")
        }
        ErrorKind::InvalidValue => format!("{option} has no value: write {argument}"),
        ErrorKind::TooManyValues => format!("{option} takes no value: leave `{value}` out"),
        ErrorKind::ArgumentConflict => format!("{option} is given twice: give it once"),
        ErrorKind::UnknownArgument => {
            let advice = advice(text(error, ContextKind::SuggestedArg), &command);
            format!("`{argument}` is not an option of `{command}`: {advice}")
        }
        ErrorKind::InvalidSubcommand => {
            let advice = advice(text(error, ContextKind::SuggestedSubcommand), &command);
            format!("`{}` is not a command: {advice}", text(error, ContextKind::InvalidSubcommand))
        }
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8: write it as UTF-8".to_owned(),
        _ => format!("this can't be understood: {}", advice("", &command)),
    }
}

fn advice(suggested: &str, command: &str) -> String {
    match suggested {
        "" => format!("run `{command} --help` to see what there is"),
        _ => format!("write {suggested}"),
    }
}

/// A detail of a mistake that clap knows, or an empty text.
fn text(error: &clap::Error, kind: ContextKind) -> &str {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text,
        Some(ContextValue::Strings(texts)) => texts.first().map(String::as_str).unwrap_or_default(),
        _ => "",
    }
}

/// The command that was called, as far as it is known: `host up`, or `host`.
fn command() -> String {
    let called = std::env::args_os().nth(1).unwrap_or_default();
    let known = Cli::command().find_subcommand(called).map(|command| format!("host {}", command.get_name()));
    known.unwrap_or_else(|| "host".to_owned())
}
