//! Jobs: what changes of the definitions still have to do to the profiles that there are.
//!
//! ```text
//! value of a job in the checkpoint (see codec)
//!   kind: u8 | definition: kind, id | created at | work | since: start?, lap, passed
//!   | total | changed | ended? : state: u8, at, visited
//! work: 0 ended | 1 evaluate | 2 leave: definition, mappings | 3 send: edit | 4 merge: datasets
//! ```

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use segue_xdm::Timestamp;

use super::walk::Since;
use crate::codec::{DecodeError, Reader, Writer};
use crate::definition::Kind;
use crate::program::{DestinationEdit, Mapping, Published, Retired};

/// What a change of a definition has the profiles do that there were.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// The log position of the change.
    pub id: u64,
    /// What kind of change it was.
    pub kind: JobKind,
    /// The kind of the definition that changed.
    pub definition_kind: Kind,
    /// The id of the definition that changed.
    pub definition: String,
    /// When it changed.
    pub created_at: Timestamp,
    /// How far it is.
    pub state: JobState,
    /// When it was done or superseded.
    pub ended_at: Option<Timestamp>,
    /// Profiles that were looked at.
    pub visited: u64,
    /// Profiles that there were to look at.
    pub total: u64,
    /// Profiles of which the audience's membership changed, or that a destination was sent.
    pub changed: u64,
}

/// What kind of change a job comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobKind {
    /// An audience is new.
    Publish,
    /// An audience has another definition.
    Edit,
    /// An audience is gone: its members leave.
    Delete,
    /// Audiences were mapped to a destination, or its channel changed.
    Map,
    /// Another merge policy is in effect.
    Merge,
}

/// How far a job is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JobState {
    /// Profiles remain.
    Running,
    /// All profiles have followed.
    Done,
    /// A later change took its place before it was done.
    Superseded,
}

impl JobKind {
    const ALL: [JobKind; 5] =
        [JobKind::Publish, JobKind::Edit, JobKind::Delete, JobKind::Map, JobKind::Merge];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            JobKind::Publish => "publish",
            JobKind::Edit => "edit",
            JobKind::Delete => "delete",
            JobKind::Map => "map",
            JobKind::Merge => "merge",
        }
    }
}

impl JobState {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Superseded => "superseded",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A job as the engine keeps it.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) kind: JobKind,
    pub(super) definition: (Kind, String),
    pub(super) created_at: Timestamp,
    /// What each profile has to do; none once the job has ended.
    pub(super) work: Option<Work>,
    /// Where the walk was when it began.
    pub(super) since: Since,
    pub(super) total: u64,
    pub(super) changed: u64,
    pub(super) ended: Option<Ended>,
}

/// What each profile has to do.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// Evaluate the audience.
    Evaluate,
    /// Leave the audience.
    Leave(Arc<Retired>),
    /// Tell the destination what it asks for.
    Send(DestinationEdit),
    /// Merge the attributes again, which were merged by this order of datasets before.
    Merge(Vec<String>),
}

/// How a job ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) state: JobState,
    pub(super) at: Timestamp,
    pub(super) visited: u64,
}

impl Task {
    /// The audience that it has evaluated.
    pub(super) fn evaluates(&self) -> Option<&str> {
        matches!(self.work, Some(Work::Evaluate)).then_some(self.definition.1.as_str())
    }

    /// The job for readers, `passed` profiles after the walk began.
    pub(super) fn view(&self, id: u64, passed: u64) -> Job {
        let visited = passed.saturating_sub(self.since.passed).min(self.total);
        Job {
            id,
            kind: self.kind,
            definition_kind: self.definition.0,
            definition: self.definition.1.clone(),
            created_at: self.created_at,
            state: self.ended.as_ref().map_or(JobState::Running, |ended| ended.state),
            ended_at: self.ended.as_ref().map(|ended| ended.at),
            visited: self.ended.as_ref().map_or(visited, |ended| ended.visited),
            total: self.total,
            changed: self.changed,
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        let kind = JobKind::ALL.iter().position(|kind| *kind == self.kind);
        writer.u8(kind.unwrap_or_default() as u8);
        writer.text(self.definition.0.as_str());
        writer.text(&self.definition.1);
        writer.timestamp(self.created_at);
        match &self.work {
            None => writer.u8(0),
            Some(work) => work.write(writer),
        }
        self.since.write(writer);
        writer.u64(self.total);
        writer.u64(self.changed);
        writer.option(self.ended.as_ref(), |writer, ended| {
            writer.bool(ended.state == JobState::Superseded);
            writer.timestamp(ended.at);
            writer.u64(ended.visited);
        });
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Task, DecodeError> {
        let tag = usize::from(reader.u8()?);
        let kind = JobKind::ALL.get(tag).copied();
        let kind = kind.ok_or_else(|| reader.invalid(format!("{tag} is no kind of job")))?;
        let definition_kind = reader.text()?.parse().map_err(|error| reader.invalid(error))?;
        Ok(Task {
            kind,
            definition: (definition_kind, reader.text()?.to_owned()),
            created_at: reader.timestamp()?,
            work: Work::read(reader)?,
            since: Since::read(reader)?,
            total: reader.u64()?,
            changed: reader.u64()?,
            ended: reader.option(|reader| {
                let is_superseded = reader.bool()?;
                let state = if is_superseded { JobState::Superseded } else { JobState::Done };
                Ok(Ended { state, at: reader.timestamp()?, visited: reader.u64()? })
            })?,
        })
    }
}

impl Work {
    fn write(&self, writer: &mut Writer) {
        match self {
            Work::Evaluate => writer.u8(1),
            Work::Leave(retired) => {
                writer.u8(2);
                retired.published.write(writer);
                writer.count(retired.mappings.len());
                for (destination, mapping) in &retired.mappings {
                    writer.text(destination);
                    mapping.write(writer);
                }
            }
            Work::Send(edit) => {
                writer.u8(3);
                write_texts(writer, &edit.newly_mapped);
                write_texts(writer, &edit.mapped_silently);
                writer.option(edit.channel_before.as_deref(), Writer::text);
            }
            Work::Merge(precedence) => {
                writer.u8(4);
                writer.count(precedence.len());
                precedence.iter().for_each(|dataset| writer.text(dataset));
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Option<Work>, DecodeError> {
        let text = |reader: &mut Reader<'_>| reader.text().map(str::to_owned);
        Ok(Some(match reader.u8()? {
            0 => return Ok(None),
            1 => Work::Evaluate,
            2 => {
                let published = Published::read(reader)?;
                let mappings = reader.list(|reader| Ok((text(reader)?, Mapping::read(reader)?)))?;
                Work::Leave(Arc::new(Retired { published, mappings }))
            }
            3 => Work::Send(DestinationEdit {
                newly_mapped: reader.list(text)?,
                mapped_silently: reader.list(text)?,
                channel_before: reader.option(text)?,
            }),
            4 => Work::Merge(reader.list(text)?),
            other => return Err(reader.invalid(format!("there is no work with tag {other}"))),
        }))
    }
}

fn write_texts(writer: &mut Writer, texts: &BTreeSet<String>) {
    writer.count(texts.len());
    texts.iter().for_each(|text| writer.text(text));
}
