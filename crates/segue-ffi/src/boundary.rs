//! Pointers in and out, and the wall that panics do not pass.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use crate::session::{Invalid, Outcome};

/// How a call ended: `segue_status`.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `SEGUE_OK`
    Ok = 0,
    /// `SEGUE_INVALID`
    Invalid = 1,
    /// `SEGUE_PANICKED`
    Panicked = 2,
}

/// Bytes that C holds and the library owns: `segue_bytes`.
#[repr(C)]
#[derive(Debug)]
pub struct Bytes {
    data: *mut u8,
    length: usize,
}

impl Bytes {
    fn new(bytes: Vec<u8>) -> Bytes {
        let length = bytes.len();
        if length == 0 {
            return Bytes { data: ptr::null_mut(), length };
        }
        Bytes { data: Box::into_raw(bytes.into_boxed_slice()).cast(), length }
    }

    /// Frees what it holds.
    ///
    /// # Safety
    /// It was made by [`Bytes::new`], and nobody changed it but this.
    pub(crate) unsafe fn free(&mut self) {
        let Bytes { data, length } = std::mem::replace(self, Bytes::new(Vec::new()));
        if !data.is_null() {
            // SAFETY: the very slice that `new` let go of, once, as it is replaced.
            drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(data, length)) });
        }
    }
}

/// Runs a call and writes its result, or a message for people, where the caller wants it. A panic
/// ends here.
pub(crate) fn guarded(result: *mut Bytes, call: impl FnOnce() -> Outcome) -> Status {
    // SAFETY: the caller promised a writable place, or null. What it held before is not ours.
    let Ok(result) = (unsafe { output(result, "result") }) else {
        return Status::Invalid;
    };
    let (status, bytes) = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(bytes)) => (Status::Ok, bytes),
        Ok(Err(invalid)) => (Status::Invalid, invalid.to_string().into_bytes()),
        Err(_) => (Status::Panicked, b"a defect of Segue: free the engine, report this".to_vec()),
    };
    *result = Bytes::new(bytes);
    status
}

/// What an argument points to.
///
/// # Safety
/// `data` is null or points to `length` bytes that stay as they are during `'a`.
pub(crate) unsafe fn input<'a>(
    data: *const u8,
    length: usize,
    name: &'static str,
) -> Result<&'a [u8], Invalid> {
    if data.is_null() {
        return Err(Invalid::Null(name));
    }
    // A slice may not be longer than this, whatever the caller says.
    if isize::try_from(length).is_err() {
        return Err(Invalid::TooLong(name));
    }
    // SAFETY: not null, not too long, and the rest is promised.
    Ok(unsafe { std::slice::from_raw_parts(data, length) })
}

/// The place that an argument points to.
///
/// # Safety
/// `place` is null or points to a `T` that nobody else uses during `'a`.
pub(crate) unsafe fn output<'a, T>(
    place: *mut T,
    name: &'static str,
) -> Result<&'a mut T, Invalid> {
    // SAFETY: as promised.
    unsafe { place.as_mut() }.ok_or(Invalid::Null(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(call: impl FnOnce() -> Outcome) -> (Status, Vec<u8>) {
        let mut bytes = Bytes::new(Vec::new());
        let status = guarded(&mut bytes, call);
        let copy = match bytes.data.is_null() {
            true => Vec::new(),
            // SAFETY: just made by `guarded`.
            false => unsafe { std::slice::from_raw_parts(bytes.data, bytes.length) }.to_vec(),
        };
        // SAFETY: just made by `guarded`; the second time it is empty.
        unsafe { (bytes.free(), bytes.free()) };
        (status, copy)
    }

    #[test]
    fn results_and_messages_come_out() {
        assert_eq!(run(|| Ok(b"done".to_vec())), (Status::Ok, b"done".to_vec()));
        assert_eq!(run(|| Ok(Vec::new())), (Status::Ok, Vec::new()));
        let (status, message) = run(|| Err(Invalid::Null("json")));
        assert_eq!((status, message), (Status::Invalid, b"`json` is NULL".to_vec()));
    }

    #[test]
    fn a_panic_ends_at_the_boundary() {
        let (status, message) = run(|| panic!("a defect"));
        assert_eq!(status, Status::Panicked);
        assert!(String::from_utf8(message).unwrap().contains("defect of Segue"));
    }

    #[test]
    fn without_a_place_for_the_result_nothing_is_done() {
        let status = guarded(ptr::null_mut(), || panic!("not called"));
        assert_eq!(status, Status::Invalid);
    }

    #[test]
    fn impossible_lengths_are_refused() {
        // SAFETY: refused before the pointer is looked at.
        let refused = unsafe { input(ptr::dangling(), usize::MAX, "json") };
        assert!(matches!(refused, Err(Invalid::TooLong("json"))));
    }
}
