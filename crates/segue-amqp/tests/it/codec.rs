//! Values on the wire.

use proptest::prelude::*;
use segue_amqp::codec::{DecodeError, Decoder, MAX_DEPTH, MAX_VALUES, Value, put};

use crate::generators;

fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    put::value(&mut out, value);
    out
}

#[track_caller]
fn check_decodes(bytes: &[u8], expected: Value) {
    let mut decoder = Decoder::new(bytes);
    assert_eq!(decoder.value(), Ok(expected.clone()), "{bytes:02x?}");
    assert_eq!(decoder.rest(), b"", "{bytes:02x?}");
    assert_eq!(Decoder::new(&encode(&expected)).value(), Ok(expected), "encoded again");
}

#[track_caller]
fn check_refuses(bytes: &[u8], expected: DecodeError) {
    assert_eq!(Decoder::new(bytes).value(), Err(expected), "{bytes:02x?}");
}

#[test]
fn narrow_forms_keep_their_type() {
    check_decodes(&[0x43], Value::Uint(0));
    check_decodes(&[0x52, 7], Value::Uint(7));
    check_decodes(&[0x44], Value::Ulong(0));
    check_decodes(&[0x53, 7], Value::Ulong(7));
    check_decodes(&[0x54, 0xff], Value::Int(-1));
    check_decodes(&[0x55, 0xff], Value::Long(-1));
    check_decodes(&[0x56, 1], Value::Bool(true));
    check_decodes(&[0x73, 0, 0, 0xd8, 0], Value::Char(0xd800));
    check_decodes(&[0x45], Value::List(vec![]));
    check_decodes(&[0xc0, 3, 1, 0x52, 7], Value::List(vec![Value::Uint(7)]));
}

#[test]
fn arrays_keep_the_type_of_their_elements_even_without_any() {
    for bytes in [
        &[0xe0, 2, 0, 0xa3][..],
        &[0xe0, 4, 2, 0x53, 7, 8],
        &[0xe0, 5, 1, 0x00, 0x53, 9, 0x41],
        &[0xe0, 6, 2, 0xc1, 1, 0, 1, 0],
    ] {
        check_decodes(bytes, Decoder::new(bytes).value().unwrap());
    }
    let symbols = Decoder::new(&[0xe0, 2, 0, 0xa3]).value();
    let strings = Decoder::new(&[0xe0, 2, 0, 0xa1]).value();
    assert_ne!(symbols, strings);
}

#[test]
fn described_arrays_do_not_copy_their_descriptor() {
    let array = Decoder::new(&[0xe0, 7, 2, 0x00, 0xa3, 1, b'd', 0x50, 1, 2]).value();
    assert!(matches!(array, Err(DecodeError::SizeMismatch | DecodeError::Truncated { .. })));
    let array = Decoder::new(&[0xe0, 8, 2, 0x00, 0xa3, 1, b'd', 0x50, 1, 2]).value().unwrap();
    assert_eq!(array.as_list(), Some(&[Value::Ubyte(1), Value::Ubyte(2)][..]));
    check_decodes(&encode(&array), array);
}

#[test]
fn lists_are_never_list0() {
    assert_eq!(encode(&Value::List(vec![])), [0xd0, 0, 0, 0, 4, 0, 0, 0, 0]);
}

#[test]
fn malformed_values_say_what_is_wrong() {
    check_refuses(&[], DecodeError::Truncated { needed: 1, left: 0 });
    check_refuses(&[0x01], DecodeError::UnknownFormat(0x01));
    check_refuses(&[0x70, 0], DecodeError::Truncated { needed: 4, left: 1 });
    check_refuses(
        &[0xb0, 0xff, 0xff, 0xff, 0xff],
        DecodeError::Truncated { needed: u32::MAX as usize, left: 0 },
    );
    check_refuses(&[0xa1, 1, 0xff], DecodeError::InvalidText);
    check_refuses(&[0xc1, 3, 1, 0x52, 7], DecodeError::OddMap(1));
    check_refuses(&[0xc0, 3, 0, 0x52, 7], DecodeError::SizeMismatch);
    check_refuses(&[0xe0, 4, 1, 0x00, 0x43, 0x00], DecodeError::UnknownFormat(0));
}

#[test]
fn nesting_is_limited() {
    let nested = |levels: usize| {
        let mut value = Value::Null;
        for _ in 0..levels {
            value = Value::List(vec![value]);
        }
        encode(&value)
    };
    assert!(Decoder::new(&nested(MAX_DEPTH - 1)).value().is_ok());
    check_refuses(&nested(MAX_DEPTH), DecodeError::TooDeep);
    let described = [0_u8; 100_000];
    check_refuses(&described, DecodeError::TooDeep);
}

#[test]
fn values_that_take_no_bytes_are_limited() {
    let array_of_nulls = |count: usize| {
        let count = u32::try_from(count).unwrap().to_be_bytes();
        [&[0xf0, 0, 0, 0, 5][..], &count, &[0x40]].concat()
    };
    assert!(Decoder::new(&array_of_nulls(MAX_VALUES - 1)).value().is_ok());
    check_refuses(&array_of_nulls(MAX_VALUES), DecodeError::TooManyValues);
    check_refuses(&array_of_nulls(u32::MAX as usize), DecodeError::TooManyValues);
}

#[test]
fn skipping_needs_no_stack() {
    let described = [&[0_u8; 100_000][..], &[0x40; 100_001]].concat();
    let mut decoder = Decoder::new(&described);
    assert_eq!(decoder.skip().map(<[u8]>::len), Ok(described.len()));
}

proptest! {
    #[test]
    fn values_survive_the_wire(value in generators::value()) {
        let bytes = encode(&value);
        let mut decoder = Decoder::new(&bytes);
        prop_assert_eq!(decoder.value(), Ok(value));
        prop_assert_eq!(decoder.rest(), b"");
    }

    #[test]
    fn skipping_takes_as_much_as_decoding(
        value in generators::value(), behind in any::<[u8; 3]>()
    ) {
        let mut bytes = encode(&value);
        let len = bytes.len();
        bytes.extend(behind);
        let mut decoder = Decoder::new(&bytes);
        prop_assert_eq!(decoder.skip(), Ok(&bytes[..len]));
        prop_assert_eq!(decoder.rest(), behind);
    }
}
