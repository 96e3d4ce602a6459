//! Bodies that the host holds in memory as a whole.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use wasmtime_wasi_http::WasiBody;

/// A body of these bytes.
pub(crate) fn whole(bytes: Bytes) -> WasiBody {
    Full::new(bytes).map_err(|never: std::convert::Infallible| match never {}).boxed_unsync()
}
