//! Reads a JSON tree into types and collects every fault on the way, each with its pointer.
//!
//! A reading function returns `None` when it has reported a fault. A function that reads an object reads all fields
//! before the first `?`, so that one fault doesn't hide the next.

use crate::fault::{BodyFault, Fault, Malformed};
use crate::json::{Node, Number};
use crate::limits;
use crate::named;
use access::{BadName, CallerName};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt::{Display, Write};
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Why a tree can't be read.
pub(crate) struct Unread {
    /// All faults, in the order in which they were found, or the first [`limits::FAULTS`] of them.
    pub(crate) faults: Vec<Fault>,
    /// One of them is nothing that this build knows: a field, or a word of a list that may grow. If it was kept by one
    /// of ours, a later release kept it, and no other fault means anything.
    pub(crate) is_later: bool,
}

/// Reads the whole of a tree.
pub(crate) fn read<T>(tree: &Node<'_>, read: impl FnOnce(&Value<'_>) -> Option<T>) -> Result<T, Unread> {
    let faults = Faults::default();
    let value = read(&Value { node: tree, path: Path::Root, faults: &faults });
    let unread = Unread { faults: faults.found.into_inner(), is_later: faults.later.get() };
    match value {
        Some(value) if unread.faults.is_empty() => Ok(value),
        _ => Err(unread),
    }
}

/// Reads a request's body.
///
/// # Errors
/// What is no JSON, or all faults.
pub(crate) fn read_body<T>(body: &[u8], read: impl FnOnce(&Value<'_>) -> Option<T>) -> Result<T, BodyFault> {
    let tree = Node::parse(body)?;
    self::read(&tree, read).map_err(|unread| BodyFault::Invalid(unread.faults))
}

/// A value in the tree that knows where it is.
pub(crate) struct Value<'v> {
    node: &'v Node<'v>,
    path: Path<'v>,
    faults: &'v Faults,
}

impl<'v> Value<'v> {
    /// Reports a fault of this value.
    pub(crate) fn fault(&self, detail: impl Into<Cow<'static, str>>) {
        self.faults.push(&self.path, detail.into());
    }

    /// Says that its fault, if it has one, may be none to a later release.
    pub(crate) fn may_be_later(&self) {
        self.faults.later.set(true);
    }

    /// Reads an object's fields by their names. Unknown and repeated ones are faults.
    pub(crate) fn fields<const N: usize>(&'v self, names: [&'static str; N]) -> Option<[Field<'v>; N]> {
        let mut fields = names.map(|name| Field { object: self, name, node: None });
        self.find(&mut fields)?;
        Some(fields)
    }

    /// Not in each number of fields: a component has little room.
    #[inline(never)]
    fn find(&'v self, fields: &mut [Field<'v>]) -> Option<()> {
        let Node::Object(members) = self.node else {
            return self.wrong_type("an object");
        };
        for (name, node) in members {
            match fields.iter_mut().find(|field| field.name == name) {
                Some(field) if field.node.is_none() => field.node = Some(node),
                Some(_) => self.member_fault(name, "is there more than once"),
                None => {
                    self.may_be_later();
                    self.member_fault(name, "is not a known field");
                }
            }
        }
        Some(())
    }

    /// One field of an object, whatever else is there.
    pub(crate) fn field(&'v self, name: &'static str) -> Option<Field<'v>> {
        let Node::Object(members) = self.node else {
            return self.wrong_type("an object");
        };
        let node = members.iter().find_map(|(other, node)| (other == name).then_some(node));
        Some(Field { object: self, name, node })
    }

    /// An object's members, whatever their names.
    pub(crate) fn members(&'v self) -> Option<impl ExactSizeIterator<Item = (&'v str, Value<'v>)>> {
        let Node::Object(members) = self.node else {
            return self.wrong_type("an object");
        };
        Some(members.iter().map(|(name, node)| (name.as_ref(), self.member(name, node))))
    }

    /// An array's elements.
    pub(crate) fn elements(&'v self) -> Option<impl ExactSizeIterator<Item = Value<'v>>> {
        let Node::Array(elements) = self.node else {
            return self.wrong_type("an array");
        };
        let element = |(index, node)| Value { node, path: Path::Element(&self.path, index), faults: self.faults };
        Some(elements.iter().enumerate().map(element))
    }

    /// Whether it is a string.
    pub(crate) fn is_string(&self) -> bool {
        matches!(self.node, Node::String(_))
    }

    /// Whether it is an object.
    pub(crate) fn is_object(&self) -> bool {
        matches!(self.node, Node::Object(_))
    }

    /// One of a few strings.
    pub(crate) fn one_of(&self, known: &[&'static str]) -> Option<&'static str> {
        let text = self.string()?;
        let found = known.iter().find(|known| **known == text).copied();
        if found.is_none() {
            self.may_be_later();
            self.fault(format!("must be one of {}", known.join(", ")));
        }
        found
    }

    /// An integer within bounds.
    pub(crate) fn integer(&self, bounds: RangeInclusive<u64>) -> Option<u64> {
        self.integer_of("an integer", bounds)
    }

    /// An integer within bounds, of which more is to be said than that.
    pub(crate) fn integer_of(&self, what: &str, bounds: RangeInclusive<u64>) -> Option<u64> {
        let Node::Number(number) = self.node else {
            return self.wrong_type(what);
        };
        match *number {
            Number::Unsigned(value) if bounds.contains(&value) => return Some(value),
            Number::Float(value) if value.fract() != 0.0 || value.abs() < limits::TOTAL as f64 => {
                self.fault(format!("must be {what}, written without fraction or exponent"));
            }
            Number::Unsigned(_) | Number::Negative(_) | Number::Float(_) => {
                self.fault(format!("must be from {} to {}", bounds.start(), bounds.end()));
            }
        }
        None
    }

    /// An integer that may be negative, up to `most` either way.
    pub(crate) fn signed(&self, most: u64) -> Option<i64> {
        match *self.node {
            Node::Number(Number::Unsigned(value)) if value <= most => return i64::try_from(value).ok(),
            Node::Number(Number::Negative(value)) if value.unsigned_abs() <= most => return Some(value),
            Node::Number(Number::Float(value)) if value.fract() != 0.0 || value.abs() < limits::TOTAL as f64 => {
                self.fault("must be an integer, written without fraction or exponent");
            }
            Node::Number(_) => self.fault(format!("must be from -{most} to {most}")),
            _ => return self.wrong_type("an integer"),
        }
        None
    }

    /// A text of up to `most` characters that is not blank.
    pub(crate) fn words(&self, most: usize) -> Option<String> {
        let text = self.string()?;
        if text.trim().is_empty() || text.chars().count() > most {
            self.fault(format!("must have 1 to {most} characters, and not only blanks"));
            return None;
        }
        Some(text.to_owned())
    }

    /// A value that follows from others, and has to agree with them.
    pub(crate) fn equal<T: PartialEq + Display>(&self, value: T, expected: T) -> Option<()> {
        if value != expected {
            self.fault(format!("must be {expected}"));
            return None;
        }
        Some(())
    }

    /// The value of a check that was made elsewhere, or its fault.
    pub(crate) fn checked<T>(&self, result: Result<T, Malformed>) -> Option<T> {
        result.map_err(|malformed| self.malformed(malformed)).ok()
    }

    fn member(&'v self, name: &'v str, node: &'v Node<'v>) -> Value<'v> {
        Value { node, path: Path::Member(&self.path, name), faults: self.faults }
    }

    fn member_fault(&self, name: &str, detail: impl Into<Cow<'static, str>>) {
        self.faults.push(&Path::Member(&self.path, name), detail.into());
    }

    fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        self.is_not(expected);
        None
    }

    /// Not in each of the readers that call it: a component has little room.
    #[inline(never)]
    fn is_not(&self, expected: &str) {
        self.fault(format!("must be {expected}, not {}", self.node.kind()));
    }

    #[inline(never)]
    fn string(&self) -> Option<&str> {
        match self.node {
            Node::String(text) => Some(text),
            _ => self.wrong_type("a string"),
        }
    }

    #[inline(never)]
    fn malformed(&self, Malformed(detail): Malformed) {
        self.fault(detail);
    }
}

/// `true` or `false`.
pub(crate) fn boolean(value: &Value<'_>) -> Option<bool> {
    match value.node {
        Node::Bool(boolean) => Some(*boolean),
        _ => value.wrong_type("true or false"),
    }
}

/// The value `true`.
pub(crate) fn yes(value: &Value<'_>) -> Option<()> {
    match value.node {
        Node::Bool(true) => return Some(()),
        Node::Bool(false) => value.fault("must be true"),
        _ => return value.wrong_type("true"),
    }
    None
}

/// Reads a string that is made into a type of its own. (A function, because a method can't be passed for all
/// lifetimes.)
pub(crate) fn text<T: FromStr<Err = Malformed>>(value: &Value<'_>) -> Option<T> {
    text_by(value, str::parse)
}

/// Reads a word of a list that may grow.
pub(crate) fn word<T: FromStr<Err = Malformed>>(value: &Value<'_>) -> Option<T> {
    let word = text(value);
    if word.is_none() {
        value.may_be_later();
    }
    word
}

/// Reads the name of a caller.
pub(crate) fn caller(value: &Value<'_>) -> Option<CallerName> {
    text_by(value, |name| name.parse().map_err(|fault: BadName| Malformed::new(fault.to_string())))
}

/// Reads a string of which a person must see all.
pub(crate) fn seen_text<T: FromStr<Err = Malformed>>(value: &Value<'_>) -> Option<T> {
    text_by(value, |text| named::seen(text).and_then(|()| text.parse()))
}

/// Reads a string that is made into something.
pub(crate) fn text_by<T>(value: &Value<'_>, make: impl FnOnce(&str) -> Result<T, Malformed>) -> Option<T> {
    value.checked(make(value.string()?))
}

/// A field of an object, there or not. `null` counts as not there.
pub(crate) struct Field<'v> {
    object: &'v Value<'v>,
    name: &'static str,
    node: Option<&'v Node<'v>>,
}

impl Field<'_> {
    /// Reports a fault of the field that shows when it is compared with others.
    pub(crate) fn fault(&self, detail: impl Into<Cow<'static, str>>) {
        self.object.member_fault(self.name, detail);
    }

    /// Reads a field that has to be there.
    pub(crate) fn required<T>(&self, read: impl FnOnce(&Value<'_>) -> Option<T>) -> Option<T> {
        let value = self.optional(read)?;
        if value.is_none() {
            self.object.member_fault(self.name, "is required");
        }
        value
    }

    /// Reads a field that may be absent: `Some(None)`.
    pub(crate) fn optional<T>(&self, read: impl FnOnce(&Value<'_>) -> Option<T>) -> Option<Option<T>> {
        match self.node {
            None | Some(Node::Null) => Some(None),
            Some(node) => read(&self.object.member(self.name, node)).map(Some),
        }
    }
}

/// The faults found so far; shared by all values of a tree, hence the cell.
#[derive(Default)]
struct Faults {
    found: RefCell<Vec<Fault>>,
    /// See [`Unread::is_later`].
    later: Cell<bool>,
}

impl Faults {
    fn push(&self, path: &Path<'_>, detail: Cow<'static, str>) {
        let mut faults = self.found.borrow_mut();
        if faults.len() < limits::FAULTS {
            faults.push(Fault { pointer: path.pointer(), detail });
        }
    }
}

/// The way to a value, a link at a time. It becomes text only for a fault.
#[derive(Clone, Copy)]
enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'p str),
    Element(&'p Path<'p>, usize),
}

impl Path<'_> {
    /// The JSON pointer (RFC 6901).
    fn pointer(&self) -> String {
        match *self {
            Path::Root => String::new(),
            Path::Member(object, name) => {
                let mut pointer = object.pointer();
                pointer.push('/');
                push_escaped(&mut pointer, name);
                pointer
            }
            Path::Element(array, index) => {
                let mut pointer = array.pointer();
                write!(pointer, "/{index}").expect("a String takes everything");
                pointer
            }
        }
    }
}

fn push_escaped(pointer: &mut String, name: &str) {
    for (index, character) in name.chars().enumerate() {
        match character {
            _ if index == limits::POINTER_TOKEN_CHARS => return pointer.push('…'),
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}
