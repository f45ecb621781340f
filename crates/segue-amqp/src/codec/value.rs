//! Values of any AMQP type, as they lie in annotations, properties, filters and replies.

use super::format;

/// One AMQP value with its exact type.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// Unsigned, 8 bits.
    Ubyte(u8),
    /// Unsigned, 16 bits.
    Ushort(u16),
    /// Unsigned, 32 bits.
    Uint(u32),
    /// Unsigned, 64 bits.
    Ulong(u64),
    /// Signed, 8 bits.
    Byte(i8),
    /// Signed, 16 bits.
    Short(i16),
    /// Signed, 32 bits.
    Int(i32),
    /// Signed, 64 bits.
    Long(i64),
    /// IEEE 754 binary32.
    Float(f32),
    /// IEEE 754 binary64.
    Double(f64),
    /// IEEE 754 decimal32, kept as its bytes.
    Decimal32([u8; 4]),
    /// IEEE 754 decimal64, kept as its bytes.
    Decimal64([u8; 8]),
    /// IEEE 754 decimal128, kept as its bytes.
    Decimal128([u8; 16]),
    /// A UTF-32 code unit, kept as sent even where it is no Unicode scalar.
    Char(u32),
    /// Milliseconds since the Unix epoch.
    Timestamp(i64),
    /// A UUID in network byte order.
    Uuid([u8; 16]),
    /// Bytes.
    Binary(Vec<u8>),
    /// UTF-8 text.
    String(String),
    /// A name from a constrained domain.
    Symbol(String),
    /// Values of any types.
    List(Vec<Value>),
    /// Key and value pairs, in the order sent.
    Map(Map),
    /// Values of one type.
    Array(Array),
    /// A value (second) with a descriptor (first) that says what it means.
    Described(Box<(Value, Value)>),
}

impl Value {
    /// A symbol.
    pub fn symbol(name: impl Into<String>) -> Value {
        Value::Symbol(name.into())
    }

    /// A described value whose descriptor is a number.
    pub fn described(descriptor: u64, value: Value) -> Value {
        Value::Described(Box::new((Value::Ulong(descriptor), value)))
    }

    /// The text of a string or a symbol.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) | Value::Symbol(text) => Some(text),
            _ => None,
        }
    }

    /// The number, for every integer type whose value fits.
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Value::Ubyte(number) => Some(number.into()),
            Value::Ushort(number) => Some(number.into()),
            Value::Uint(number) => Some(number.into()),
            Value::Ulong(number) => number.try_into().ok(),
            Value::Byte(number) => Some(number.into()),
            Value::Short(number) => Some(number.into()),
            Value::Int(number) => Some(number.into()),
            Value::Long(number) => Some(number),
            _ => None,
        }
    }

    /// The truth value of a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// Milliseconds since the Unix epoch of a timestamp.
    pub fn as_timestamp_ms(&self) -> Option<i64> {
        match self {
            Value::Timestamp(time_ms) => Some(*time_ms),
            _ => None,
        }
    }

    /// The elements of a list or an array.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            Value::Array(array) => Some(array.items()),
            _ => None,
        }
    }

    /// The pairs of a map.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The value itself, without the descriptors around it.
    pub fn undescribed(&self) -> &Value {
        let mut value = self;
        while let Value::Described(pair) = value {
            value = &pair.1;
        }
        value
    }

    /// The format code that an array of such values carries.
    pub(super) fn format_code(&self) -> u8 {
        match self {
            Value::Null => format::NULL,
            Value::Bool(_) => format::BOOLEAN,
            Value::Ubyte(_) => format::UBYTE,
            Value::Ushort(_) => format::USHORT,
            Value::Uint(_) => format::UINT,
            Value::Ulong(_) => format::ULONG,
            Value::Byte(_) => format::BYTE,
            Value::Short(_) => format::SHORT,
            Value::Int(_) => format::INT,
            Value::Long(_) => format::LONG,
            Value::Float(_) => format::FLOAT,
            Value::Double(_) => format::DOUBLE,
            Value::Decimal32(_) => format::DECIMAL32,
            Value::Decimal64(_) => format::DECIMAL64,
            Value::Decimal128(_) => format::DECIMAL128,
            Value::Char(_) => format::CHAR,
            Value::Timestamp(_) => format::TIMESTAMP,
            Value::Uuid(_) => format::UUID,
            Value::Binary(_) => format::BINARY32,
            Value::String(_) => format::STRING32,
            Value::Symbol(_) => format::SYMBOL32,
            Value::List(_) => format::LIST32,
            Value::Map(_) => format::MAP32,
            Value::Array(_) => format::ARRAY32,
            Value::Described(_) => format::DESCRIBED,
        }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Bool(truth)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Value {
        Value::Int(number)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Long(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(text)
    }
}

/// Key and value pairs in the order in which they were sent; keys are compared by their text, so
/// that a string finds a symbol and the other way round.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(Vec<(Value, Value)>);

impl Map {
    /// A map without entries; performatives encode it as null.
    pub fn new() -> Map {
        Map::default()
    }

    /// The value of the first entry with this key, be it a string or a symbol.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// Adds an entry behind the others.
    pub fn push(&mut self, key: Value, value: impl Into<Value>) {
        self.0.push((key, value.into()));
    }

    /// The same map with one more entry, its key a symbol: as in annotations and capabilities.
    #[must_use]
    pub fn with_symbol(mut self, key: &str, value: impl Into<Value>) -> Map {
        self.push(Value::symbol(key), value);
        self
    }

    /// The same map with one more entry, its key a string: as in application properties.
    #[must_use]
    pub fn with_string(mut self, key: &str, value: impl Into<Value>) -> Map {
        self.push(Value::from(key), value);
        self
    }

    /// The entries in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (Value, Value)> {
        self.0.iter()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Value, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Value, Value)>>(entries: I) -> Map {
        Map(entries.into_iter().collect())
    }
}

impl IntoIterator for Map {
    type Item = (Value, Value);
    type IntoIter = std::vec::IntoIter<(Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Values of one type. The type is kept even when there is no element.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Format code of every element, in its widest form; every item is of that type.
    element: u8,
    /// Descriptor shared by every element.
    descriptor: Option<Box<Value>>,
    items: Vec<Value>,
}

impl Array {
    /// An array of symbols, as in capabilities and SASL mechanisms.
    pub fn symbols<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Array {
        let items = names.into_iter().map(Value::symbol).collect();
        Array { element: format::SYMBOL32, descriptor: None, items }
    }

    /// An array of strings, as in the partition ids of a hub.
    pub fn strings<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Array {
        let items = texts.into_iter().map(|text| Value::String(text.into())).collect();
        Array { element: format::STRING32, descriptor: None, items }
    }

    /// An array as decoded: `element` must be canonical and every item of that type.
    pub(super) fn decoded(element: u8, descriptor: Option<Value>, items: Vec<Value>) -> Array {
        debug_assert!(items.iter().all(|item| item.format_code() == element));
        Array { element, descriptor: descriptor.map(Box::new), items }
    }

    /// The elements, without the descriptor that they may share.
    pub fn items(&self) -> &[Value] {
        &self.items
    }

    pub(super) fn element(&self) -> u8 {
        self.element
    }

    pub(super) fn descriptor(&self) -> Option<&Value> {
        self.descriptor.as_deref()
    }
}
