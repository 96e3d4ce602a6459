//! Bodies that are not plain UTF-8.

/// How a body is encoded that isn't plain UTF-8, in the client's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForeignEncoding {
    /// A coding of the header Content-Encoding, such as `gzip`.
    Coding(String),
    /// The charset of the header Content-Type.
    Charset(String),
}
