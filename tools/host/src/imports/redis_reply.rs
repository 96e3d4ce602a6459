//! Redis replies as Spin hands them to a component.

use redis::{ErrorKind, RedisError, Value};

use crate::run::bindings::spin::redis::redis::{Error, RedisResult};

/// Flattens a reply: nested lists become one list, in order. Refuses maps, and types that only RESP3 has.
pub(super) fn flatten(reply: Value) -> Result<Vec<RedisResult>, RedisError> {
    let mut flat = Vec::new();
    append(reply, &mut flat)?;
    Ok(flat)
}

fn append(reply: Value, flat: &mut Vec<RedisResult>) -> Result<(), RedisError> {
    let refused = |what: &str| {
        let detail = format!("Redis {what} type is not supported");
        Err(RedisError::from((ErrorKind::UnexpectedReturnType, "Could not convert Redis response", detail)))
    };
    flat.push(match reply {
        Value::Nil => RedisResult::Nil,
        Value::Int(number) => RedisResult::Int64(number),
        Value::Boolean(yes) => RedisResult::Int64(yes.into()),
        Value::BulkString(bytes) => RedisResult::Binary(bytes),
        Value::Double(number) => RedisResult::Binary(number.to_string().into_bytes()),
        Value::SimpleString(text) => RedisResult::Status(text),
        Value::Okay => RedisResult::Status("OK".to_owned()),
        Value::Array(items) | Value::Set(items) => return items.into_iter().try_for_each(|item| append(item, flat)),
        Value::ServerError(error) => return Err(error.into()),
        Value::Map(_) => return refused("Map"),
        Value::Attribute { .. } => return refused("Attribute"),
        Value::Push { .. } => return refused("Push"),
        Value::VerbatimString { .. } => return refused("VerbatimString"),
        _ => return refused("unknown"),
    });
    Ok(())
}

/// The result of a typed function of the interface, made from a flat reply.
pub(super) trait FromReply: Sized {
    fn from_reply(reply: Vec<RedisResult>) -> Result<Self, Error>;
}

/// Takes any reply, without a look at it.
impl FromReply for () {
    fn from_reply(_: Vec<RedisResult>) -> Result<Self, Error> {
        Ok(())
    }
}

impl FromReply for Vec<RedisResult> {
    fn from_reply(reply: Vec<RedisResult>) -> Result<Self, Error> {
        Ok(reply)
    }
}

impl FromReply for Option<Vec<u8>> {
    fn from_reply(reply: Vec<RedisResult>) -> Result<Self, Error> {
        match only(reply)? {
            RedisResult::Nil => Ok(None),
            RedisResult::Binary(bytes) => Ok(Some(bytes)),
            RedisResult::Status(text) => Ok(Some(text.into_bytes())),
            RedisResult::Int64(_) => Err(Error::TypeError),
        }
    }
}

impl FromReply for i64 {
    fn from_reply(reply: Vec<RedisResult>) -> Result<Self, Error> {
        match only(reply)? {
            RedisResult::Int64(number) => Ok(number),
            _ => Err(Error::TypeError),
        }
    }
}

impl FromReply for u32 {
    fn from_reply(reply: Vec<RedisResult>) -> Result<Self, Error> {
        i64::from_reply(reply)?.try_into().map_err(|_| Error::TypeError)
    }
}

impl FromReply for Vec<String> {
    fn from_reply(reply: Vec<RedisResult>) -> Result<Self, Error> {
        let text = |item| match item {
            RedisResult::Binary(bytes) => String::from_utf8(bytes).map_err(|_| Error::TypeError),
            RedisResult::Status(text) => Ok(text),
            RedisResult::Nil | RedisResult::Int64(_) => Err(Error::TypeError),
        };
        reply.into_iter().map(text).collect()
    }
}

fn only(reply: Vec<RedisResult>) -> Result<RedisResult, Error> {
    let [item] = <[_; 1]>::try_from(reply).map_err(|_| Error::TypeError)?;
    Ok(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn binary(text: &str) -> RedisResult {
        RedisResult::Binary(text.into())
    }

    #[test]
    fn a_nested_reply_becomes_one_list() {
        for (reply, expected) in [
            (Value::Nil, vec![RedisResult::Nil]),
            (Value::Okay, vec![RedisResult::Status("OK".into())]),
            (Value::SimpleString("PONG".into()), vec![RedisResult::Status("PONG".into())]),
            (Value::Boolean(true), vec![RedisResult::Int64(1)]),
            (Value::Double(1.5), vec![binary("1.5")]),
            (Value::Array(vec![]), vec![]),
            (
                Value::Array(vec![
                    bulk("a"),
                    Value::Array(vec![Value::Int(1), Value::Array(vec![Value::Nil])]),
                    Value::Set(vec![bulk("b")]),
                ]),
                vec![binary("a"), RedisResult::Int64(1), RedisResult::Nil, binary("b")],
            ),
        ] {
            assert_eq!(flatten(reply.clone()).expect("a reply"), expected, "{reply:?}");
        }
    }

    #[test]
    fn a_map_is_refused_wherever_it_stands() {
        let error = flatten(Value::Array(vec![Value::Map(vec![])])).expect_err("a map");
        assert!(error.to_string().contains("Redis Map type is not supported"), "{error}");
    }

    #[test]
    fn typed_functions_take_only_what_fits() {
        assert_eq!(Option::<Vec<u8>>::from_reply(vec![RedisResult::Nil]), Ok(None));
        assert_eq!(Option::<Vec<u8>>::from_reply(vec![binary("x")]), Ok(Some(b"x".to_vec())));
        assert_eq!(i64::from_reply(vec![RedisResult::Int64(-3)]), Ok(-3));
        assert_eq!(i64::from_reply(vec![binary("3")]), Err(Error::TypeError));
        assert_eq!(u32::from_reply(vec![RedisResult::Int64(-3)]), Err(Error::TypeError));
        assert_eq!(Vec::<String>::from_reply(vec![binary("a"), binary("b")]), Ok(vec!["a".into(), "b".into()]));
        assert_eq!(Vec::<String>::from_reply(vec![RedisResult::Binary(vec![0xff])]), Err(Error::TypeError));
        assert_eq!(<()>::from_reply(vec![]), Ok(()));
    }
}
