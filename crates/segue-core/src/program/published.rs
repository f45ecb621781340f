//! A definition together with its history: version and times.

use std::collections::BTreeMap;

use segue_xdm::Timestamp;
use serde_json::Value;

use crate::codec::{DecodeError, Reader, Writer};
use crate::definition::{Definition, Kind};

/// 2: the definition is a document.
const VERSION: u8 = 2;

/// A definition that is in effect.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Published {
    pub(crate) definition: Definition,
    /// Counts its publications, from 1.
    pub(crate) version: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    /// Of a destination: since when each audience is mapped.
    pub(crate) mappings: BTreeMap<String, Mapping>,
}

/// Since when an audience is mapped to a destination, in whole seconds as in the reference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mapping {
    pub(crate) created_at: Timestamp,
    /// When the destination was last changed.
    pub(crate) updated_at: Timestamp,
}

/// A definition that is in effect, for reading.
#[derive(Clone, PartialEq, Debug)]
pub struct DefinitionView {
    /// Its kind.
    pub kind: Kind,
    /// Its id; a namespace's is its code.
    pub id: String,
    /// The definition, every key written out.
    pub definition: Value,
    /// Counts its publications, from 1.
    pub version: u64,
    /// When it was first published.
    pub created_at: Timestamp,
    /// When it was last published with a change.
    pub updated_at: Timestamp,
}

impl Published {
    /// What `definition` becomes when it is published at `now` over what was there `before`.
    pub(super) fn after(
        before: Option<&Published>,
        definition: Definition,
        now: Timestamp,
    ) -> Published {
        let second = whole_second(now);
        let mut mappings = BTreeMap::new();
        if let Definition::Destination(destination) = &definition {
            for audience in &destination.audiences {
                let mapped = before.and_then(|before| before.mappings.get(audience));
                let created_at = mapped.map_or(second, |mapping| mapping.created_at);
                mappings.insert(audience.clone(), Mapping { created_at, updated_at: second });
            }
        }
        Published {
            definition,
            version: before.map_or(1, |before| before.version + 1),
            created_at: before.map_or(now, |before| before.created_at),
            updated_at: now,
            mappings,
        }
    }

    /// Takes an audience that no longer exists out of a destination.
    pub(super) fn unmap(&mut self, audience: &str) {
        if let Definition::Destination(destination) = &mut self.definition {
            destination.audiences.remove(audience);
        }
        self.mappings.remove(audience);
    }

    pub(super) fn key(&self) -> (Kind, String) {
        (self.definition.kind(), self.definition.id().to_owned())
    }

    pub(super) fn view(&self) -> DefinitionView {
        DefinitionView {
            kind: self.definition.kind(),
            id: self.definition.id().to_owned(),
            definition: self.definition.to_value(),
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(VERSION);
        self.write(&mut writer);
        writer.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Published, DecodeError> {
        let mut reader = Reader::new("definition", VERSION, bytes)?;
        let published = Published::read(&mut reader)?;
        reader.finish()?;
        Ok(published)
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.tree(&self.definition.to_value());
        writer.u64(self.version);
        writer.timestamp(self.created_at);
        writer.timestamp(self.updated_at);
        writer.count(self.mappings.len());
        for (audience, mapping) in &self.mappings {
            writer.text(audience);
            mapping.write(writer);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Published, DecodeError> {
        let definition = Definition::from_value(reader.tree()?).map_err(|violations| {
            let reasons: Vec<String> = violations.iter().map(ToString::to_string).collect();
            reader.invalid(reasons.join("; "))
        })?;
        Ok(Published {
            definition,
            version: reader.u64()?,
            created_at: reader.timestamp()?,
            updated_at: reader.timestamp()?,
            mappings: reader
                .list(|reader| Ok((reader.text()?.to_owned(), Mapping::read(reader)?)))?,
        })
    }
}

impl Mapping {
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.timestamp(self.created_at);
        writer.timestamp(self.updated_at);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Mapping, DecodeError> {
        Ok(Mapping { created_at: reader.timestamp()?, updated_at: reader.timestamp()? })
    }
}

fn whole_second(at: Timestamp) -> Timestamp {
    at.minus_millis(at.as_millis().rem_euclid(1000))
}
