//! Inputs: everything that can change the state, and the bytes that the input log stores.
//!
//! ```text
//! version: u8 | tag: u8 | fields (see codec)
//!   0 event    id | timestamp | identities | body
//!   1 record   timestamp? | identities | attributes
//!   2 tick
//!   3 define   definition
//!   4 remove   kind | id
//!   5 forget   identity
//!   6 record   dataset | as 1           one that names its dataset
//!   7 advance  profile id
//!   9 exit     identity
//!   8 traced   trace | span | sampled | tag | fields    any of the others, of a trace
//! ```
//!
//! What was accepted once is read back as it is, without being checked again: a later version
//! with stricter rules still replays an old log.

use segue_xdm::{Document, Event, Identity, Record};

use crate::codec::{DecodeError, Reader, Writer};
use crate::definition::{Definition, Kind};
use crate::ids::ProfileId;
use crate::trace_context::TraceContext;

/// 3: slices say how far they go.
const VERSION: u8 = 3;

const TRACED: u8 = 8;

/// One input of the system.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// Something happened.
    Event(Event),
    /// Attributes of a profile are to be upserted.
    Record(Record),
    /// Time went on: nothing but what is due.
    Tick,
    /// A definition is published, or edited.
    Define(Definition),
    /// A definition is removed.
    Remove(Kind, String),
    /// The profile with this identity is erased.
    Forget(Identity),
    /// The same, after it has exited every audience that it is in, so that destinations know.
    Exit(Identity),
    /// The profiles up to this id, in the circle of all ids, are brought up to date with
    /// definitions that changed: a slice of the running [jobs](crate::Job). Not a number of
    /// profiles, so that others follow at the same place when the inputs of one are erased.
    Advance(ProfileId),
}

impl Input {
    /// The identities that it names.
    pub(crate) fn identities(&self) -> &[Identity] {
        match self {
            Input::Event(event) => &event.identities,
            Input::Record(record) => &record.identities,
            Input::Forget(identity) | Input::Exit(identity) => std::slice::from_ref(identity),
            Input::Tick | Input::Define(_) | Input::Remove(..) | Input::Advance(_) => &[],
        }
    }

    /// The bytes of this input, as the input log stores it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode_onto(&mut bytes, None);
        bytes
    }

    /// The same behind other bytes, with the trace that the input belongs to.
    pub fn encode_onto(&self, bytes: &mut Vec<u8>, trace: Option<TraceContext>) {
        let mut writer = Writer::after(std::mem::take(bytes), VERSION);
        if let Some(trace) = trace {
            writer.u8(TRACED);
            trace.write(&mut writer);
        }
        match self {
            Input::Event(event) => {
                writer.u8(0);
                writer.text(&event.id);
                writer.timestamp(event.timestamp);
                writer.identities(&event.identities);
                writer.bytes(event.body.as_bytes());
            }
            Input::Record(record) => {
                match &record.dataset {
                    None => writer.u8(1),
                    Some(dataset) => {
                        writer.u8(6);
                        writer.text(dataset);
                    }
                }
                writer.option(record.timestamp, Writer::timestamp);
                writer.identities(&record.identities);
                writer.tree(&record.attributes);
            }
            Input::Tick => writer.u8(2),
            Input::Define(definition) => {
                writer.u8(3);
                writer.tree(&definition.to_value());
            }
            Input::Remove(kind, id) => {
                writer.u8(4);
                writer.text(kind.as_str());
                writer.text(id);
            }
            Input::Forget(identity) => {
                writer.u8(5);
                writer.identity(identity);
            }
            Input::Exit(identity) => {
                writer.u8(9);
                writer.identity(identity);
            }
            Input::Advance(through) => {
                writer.u8(7);
                writer.u128(through.as_u128());
            }
        }
        *bytes = writer.finish();
    }

    /// The trace that a stored input belongs to.
    #[must_use]
    pub fn trace(bytes: &[u8]) -> Option<TraceContext> {
        let mut reader = Reader::new("input", VERSION, bytes).ok()?;
        let is_traced = reader.u8().ok()? == TRACED;
        is_traced.then(|| TraceContext::read(&mut reader).ok()).flatten()
    }

    /// About how many bytes it takes in the input log.
    pub(crate) fn weight(&self) -> u64 {
        const AROUND: u64 = 128;
        match self {
            Input::Event(event) => AROUND + event.body.as_bytes().len() as u64,
            _ => AROUND,
        }
    }

    /// Reads an input back.
    ///
    /// # Errors
    /// The bytes are damaged, or another version of Segue wrote them.
    pub fn decode(bytes: &[u8]) -> Result<Input, DecodeError> {
        let mut reader = Reader::new("input", VERSION, bytes)?;
        let mut tag = reader.u8()?;
        if tag == TRACED {
            TraceContext::read(&mut reader)?;
            tag = reader.u8()?;
        }
        let input = match tag {
            0 => Input::Event(Event {
                id: reader.text()?.to_owned(),
                timestamp: reader.timestamp()?,
                identities: reader.list(Reader::identity)?,
                body: Document::from_stored(reader.bytes()?),
            }),
            1 => Input::Record(read_record(&mut reader, None)?),
            2 => Input::Tick,
            3 => {
                let definition = Definition::from_value(reader.tree()?);
                let invalid = |violations: Vec<_>| reader.invalid(format!("{violations:?}"));
                Input::Define(definition.map_err(invalid)?)
            }
            4 => {
                let kind = reader.text()?.parse().map_err(|error| reader.invalid(error))?;
                Input::Remove(kind, reader.text()?.to_owned())
            }
            5 => Input::Forget(reader.identity()?),
            9 => Input::Exit(reader.identity()?),
            6 => {
                let dataset = reader.text()?.to_owned();
                Input::Record(read_record(&mut reader, Some(dataset))?)
            }
            7 => Input::Advance(ProfileId::from_u128(reader.u128()?)),
            other => return Err(reader.invalid(format!("there is no input with tag {other}"))),
        };
        reader.finish()?;
        Ok(input)
    }
}

fn read_record(reader: &mut Reader<'_>, dataset: Option<String>) -> Result<Record, DecodeError> {
    Ok(Record {
        timestamp: reader.option(Reader::timestamp)?,
        dataset,
        identities: reader.list(Reader::identity)?,
        attributes: reader.tree()?,
    })
}
