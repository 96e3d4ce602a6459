//! Writes calls and their endings in one line each, for a person. Values show by their size, secrets never.

use std::fmt;

use http::Uri;

use crate::application::redis_address;
use crate::watch::calls::{Answer, Ending, Operation, RedisParameter, RedisResult};

/// The longest text of an argument that is shown as it is, in bytes; long enough for a UUID.
const SHORT_TEXT: usize = 40;
/// How much of a command's arguments is shown, in bytes. A batch may have hundreds.
const SHOWN: usize = 100;
/// How many hex digits of a script's digest are shown, out of its 40.
const DIGEST_SHOWN: usize = 8;
const DIGEST: usize = 40;
/// Commands whose arguments are secrets.
const SECRET: [&str; 3] = ["AUTH", "HELLO", "ACL"];

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RedisOpen { address } => write!(f, "redis-open {}", redis_address::shown(address)),
            Self::Redis { command, .. } if SECRET.iter().any(|secret| secret.eq_ignore_ascii_case(command)) => {
                write!(f, "redis {command} (secret)")
            }
            Self::Redis { command, arguments } => write!(f, "redis {command}{}", shown(arguments)),
            Self::KeyValueOpen { store } => write!(f, "key-value {store} open"),
            Self::KeyValueGet { store, key } => write!(f, "key-value {store} get {key}"),
            Self::KeyValueSet { store, key, value } => write!(f, "key-value {store} set {key} ({} bytes)", value.len()),
            Self::KeyValueDelete { store, key } => write!(f, "key-value {store} delete {key}"),
            Self::KeyValueExists { store, key } => write!(f, "key-value {store} exists {key}"),
            Self::KeyValueKeys { store } => write!(f, "key-value {store} get-keys"),
            Self::Variable { name } => write!(f, "variable {name}"),
            Self::Http(request) => {
                write!(f, "http {} {} ({} bytes)", request.method(), place(request.uri()), request.body().len())
            }
        }
    }
}

/// The first arguments, each after a space, and how many more there are.
fn shown(arguments: &[RedisParameter]) -> String {
    let mut text = String::new();
    for (index, argument) in arguments.iter().enumerate() {
        if text.len() >= SHOWN {
            return format!("{text} … {} more", arguments.len() - index);
        }
        text = format!("{text} {}", Argument(argument));
    }
    text
}

/// Shows an argument of a command: short text as it is, a digest by its beginning, anything else by its size.
struct Argument<'a>(&'a RedisParameter);

impl fmt::Display for Argument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = match self.0 {
            RedisParameter::Int64(number) => return write!(f, "{number}"),
            RedisParameter::Binary(bytes) => bytes,
        };
        match std::str::from_utf8(bytes) {
            Ok("") => f.write_str("''"),
            Ok(text) if text.len() == DIGEST && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                write!(f, "{}…", &text[..DIGEST_SHOWN])
            }
            Ok(text) if text.len() <= SHORT_TEXT && !text.contains(char::is_control) => f.write_str(text),
            _ => write!(f, "({} bytes)", bytes.len()),
        }
    }
}

/// The address of a request, without the parts that may be secret: credentials and query.
fn place(uri: &Uri) -> String {
    let scheme = uri.scheme_str().map(|scheme| format!("{scheme}://")).unwrap_or_default();
    let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    let query = if uri.query().is_some() { "?…" } else { "" };
    format!("{scheme}{}{port}{}{query}", uri.host().unwrap_or_default(), uri.path())
}

/// Shows how a call ended: the size of what came back, or what went wrong.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(answer) => write!(f, "{answer}"),
            Self::Refused(error) => write!(f, "failed: {}", error.replace('\n', " ")),
            Self::Crashed => f.write_str("the instance was stopped, as ordered"),
            Self::Dropped => f.write_str("given up"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened | Self::Done => f.write_str("ok"),
            Self::Redis(reply) => f.write_str(&reply_text(reply)),
            Self::Value(None) => f.write_str("none"),
            Self::Value(Some(value)) => write!(f, "{} bytes", value.len()),
            Self::Exists(true) => f.write_str("yes"),
            Self::Exists(false) => f.write_str("no"),
            Self::Keys(keys) => write!(f, "{} keys", keys.len()),
            Self::Variable(value) => write!(f, "{} bytes", value.len()),
            Self::Http(response) => write!(f, "{}", response.status()),
        }
    }
}

fn reply_text(reply: &[RedisResult]) -> String {
    let size = |item: &RedisResult| match item {
        RedisResult::Nil | RedisResult::Int64(_) => 0,
        RedisResult::Status(text) => text.len(),
        RedisResult::Binary(bytes) => bytes.len(),
    };
    match reply {
        [RedisResult::Nil] => "nil".to_owned(),
        [RedisResult::Int64(number)] => number.to_string(),
        [RedisResult::Status(text)] => text.clone(),
        [item @ RedisResult::Binary(_)] => format!("{} bytes", size(item)),
        items => format!("{} items, {} bytes", items.len(), items.iter().map(size).sum::<usize>()),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn binary(text: &str) -> RedisParameter {
        RedisParameter::Binary(text.into())
    }

    fn command(command: &str, arguments: &[RedisParameter]) -> Operation {
        Operation::Redis { command: command.into(), arguments: arguments.to_vec() }
    }

    fn post(uri: &str) -> Operation {
        Operation::Http(http::Request::post(uri).body(Bytes::from_static(b"hello")).expect("a request"))
    }

    #[test]
    fn a_call_is_shown_in_one_line_without_secrets() {
        let digest = binary(&"0123456789abcdef".repeat(3)[..40]);
        for (operation, expected) in [
            (Operation::RedisOpen { address: "redis://u:secret@h:1/2".into() }, "redis-open redis://h:1/2"),
            (
                command("SET", &[binary("a"), binary("x\ny"), RedisParameter::Int64(7), binary(&"z".repeat(41))]),
                "redis SET a (3 bytes) 7 (41 bytes)",
            ),
            (
                command("EVALSHA", &[digest, binary("1"), binary("{books}:new"), binary("")]),
                "redis EVALSHA 01234567… 1 {books}:new ''",
            ),
            (command("auth", &[binary("ada"), binary("secret")]), "redis auth (secret)"),
            (command("PING", &[]), "redis PING"),
            (
                Operation::KeyValueSet { store: "default".into(), key: "book/1".into(), value: vec![0; 9] },
                "key-value default set book/1 (9 bytes)",
            ),
            (post("http://localhost:1/hook"), "http POST http://localhost:1/hook (5 bytes)"),
            (post("https://ada:secret@shop.test/hook?key=secret"), "http POST https://shop.test/hook?… (5 bytes)"),
            (Operation::Variable { name: "api_key".into() }, "variable api_key"),
        ] {
            assert_eq!(operation.to_string(), expected);
        }
    }

    #[test]
    fn of_many_arguments_the_first_are_shown() {
        let arguments = vec![binary(&"x".repeat(39)); 12];
        let word = "x".repeat(39);
        assert_eq!(command("DEL", &arguments).to_string(), format!("redis DEL {word} {word} {word} … 9 more"));
    }

    #[test]
    fn an_ending_is_shown_by_its_size() {
        let redis = |reply: &[RedisResult]| Ending::Answered(Answer::Redis(reply.to_vec()));
        let status = http::Response::builder().status(204).body(Bytes::new()).expect("a response");
        for (ending, expected) in [
            (Ending::Answered(Answer::Opened), "ok"),
            (redis(&[]), "0 items, 0 bytes"),
            (redis(&[RedisResult::Nil]), "nil"),
            (redis(&[RedisResult::Status("PONG".into())]), "PONG"),
            (redis(&[RedisResult::Binary(vec![0; 7])]), "7 bytes"),
            (redis(&[RedisResult::Int64(-3), RedisResult::Binary(vec![0; 7])]), "2 items, 7 bytes"),
            (Ending::Answered(Answer::Value(None)), "none"),
            (Ending::Answered(Answer::Variable("secret".into())), "6 bytes"),
            (Ending::Answered(Answer::Http(status)), "204 No Content"),
            (Ending::Refused("no\nway".into()), "failed: no way"),
            (Ending::Dropped, "given up"),
        ] {
            assert_eq!(ending.to_string(), expected);
        }
    }
}
