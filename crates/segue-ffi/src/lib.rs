//! The core for C: `include/segue.h` says what each function promises.
//!
//! Invariants:
//! - no panic crosses the boundary: [`boundary::guarded`] catches it, and an engine that panicked
//!   refuses everything;
//! - every pointer is checked for null, every text for UTF-8, before the core sees it;
//! - what the library allocates, the library frees.
//!
//! The functions here only translate; what they do is in `session`, which knows no pointers.

mod boundary;
mod session;

use std::panic::{AssertUnwindSafe, catch_unwind};

use boundary::{Bytes, Status, guarded, input, output};
use session::{InputKind, Session};

/// Makes an engine from a JSON array of definitions.
///
/// # Safety
/// `definitions` is null or points to `length` bytes; `engine` and `result` are null or point to
/// writable places.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segue_engine_new(
    definitions: *const u8,
    length: usize,
    now_ms: i64,
    engine: *mut *mut Session,
    result: *mut Bytes,
) -> Status {
    guarded(result, || {
        // SAFETY: as the caller promises.
        let engine = unsafe { output(engine, "engine") }?;
        *engine = std::ptr::null_mut();
        // SAFETY: as the caller promises.
        let definitions = unsafe { input(definitions, length, "definitions") }?;
        let session = Session::new(definitions, now_ms)?;
        *engine = Box::into_raw(Box::new(session));
        Ok(Vec::new())
    })
}

/// Frees an engine; null is fine.
///
/// # Safety
/// `engine` is null or came from [`segue_engine_new`] and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segue_engine_free(engine: *mut Session) {
    if !engine.is_null() {
        // SAFETY: it came from `Box::into_raw` above, and comes back once.
        let session = unsafe { Box::from_raw(engine) };
        // Nobody is left to be told of a panic in a destructor.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(session)));
    }
}

/// Checks an input and gives the bytes to keep in a log and to apply.
///
/// # Safety
/// `json` is null or points to `length` bytes; `result` is null or points to a writable place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segue_encode(
    kind: i32,
    json: *const u8,
    length: usize,
    now_ms: i64,
    result: *mut Bytes,
) -> Status {
    guarded(result, || {
        let kind = InputKind::try_from(kind)?;
        let json = match kind {
            InputKind::Tick => &[],
            // SAFETY: as the caller promises.
            InputKind::Event | InputKind::Record => unsafe { input(json, length, "json") }?,
        };
        session::encode(kind, json, now_ms)
    })
}

/// Applies an encoded input; gives the activations as a JSON array.
///
/// # Safety
/// `engine` is null or came from [`segue_engine_new`], was not freed, and no other thread uses it;
/// `input` is null or points to `length` bytes; `result` is null or points to a writable place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segue_engine_apply(
    engine: *mut Session,
    position: u64,
    now_ms: i64,
    bytes: *const u8,
    length: usize,
    result: *mut Bytes,
) -> Status {
    guarded(result, || {
        // SAFETY: as the caller promises.
        let session = unsafe { output(engine, "engine") }?;
        // SAFETY: as the caller promises.
        let bytes = unsafe { input(bytes, length, "input") }?;
        session.apply(position, now_ms, bytes)
    })
}

/// When the engine must be given an input: `i64::MAX` if never, or if it panicked.
///
/// # Safety
/// `engine` came from [`segue_engine_new`], was not freed, and no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segue_engine_next_wake(engine: *const Session) -> i64 {
    // SAFETY: as the caller promises.
    let session = unsafe { engine.as_ref() };
    let wake_ms = catch_unwind(AssertUnwindSafe(|| session.and_then(Session::next_wake_ms)));
    wake_ms.ok().flatten().unwrap_or(i64::MAX)
}

/// Frees a result and empties it.
///
/// # Safety
/// `bytes` is null or points to what this library filled and nobody changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn segue_bytes_free(bytes: *mut Bytes) {
    // SAFETY: as the caller promises.
    if let Some(bytes) = unsafe { bytes.as_mut() } {
        // SAFETY: as the caller promises.
        unsafe { bytes.free() };
    }
}
