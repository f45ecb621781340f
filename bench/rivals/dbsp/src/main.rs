//! The rivals' job on tiny events in DBSP: at every event, how many events its id had in the last
//! 60 seconds.
//!
//! `roll-dbsp EVENTS BATCH [COUNTS]` reads lines such as `{"id":"p7","ts":1767225600000,"e":"…"}`
//! and hands them to the circuit `BATCH` at a time: a batch is what DBSP trades latency for. With
//! `COUNTS`, every `ts,count` is written to that file, in any order.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::{env, error, process};

use dbsp::operator::time_series::{RelOffset, RelRange};
use dbsp::typed_batch::IndexedZSetReader;
use dbsp::utils::Tup2;
use dbsp::{Runtime, ZWeight};
use serde::Deserialize;

/// An event counts until just before it is 60 seconds old.
const WINDOW_MS: u64 = 59_999;

#[derive(Deserialize)]
struct Event<'a> {
    id: &'a str,
    ts: u64,
}

fn main() -> Result<(), Box<dyn error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (events, batch, counts) = match arguments.as_slice() {
        [events, batch] => (events, batch, None),
        [events, batch, counts] => (events, batch, Some(BufWriter::new(File::create(counts)?))),
        _ => {
            eprintln!("usage: roll-dbsp EVENTS BATCH [COUNTS]");
            process::exit(2);
        }
    };
    roll(BufReader::new(File::open(events)?), batch.parse()?, counts)
}

fn roll(
    events: impl BufRead,
    batch: usize,
    mut counts: Option<impl Write>,
) -> Result<(), Box<dyn error::Error>> {
    let (mut circuit, (input, output)) = Runtime::init_circuit(1, |circuit| {
        let (events, input) = circuit.add_input_indexed_zset::<u64, String>();
        let rolled = events.partitioned_rolling_aggregate_linear(
            |id: &String| (id.clone(), ()),
            |()| 1 as ZWeight,
            |count| count,
            RelRange::new(RelOffset::Before(WINDOW_MS), RelOffset::Before(0)),
        );
        // All of a transaction's output at once; `output` holds that of its last step only.
        Ok((input, rolled.accumulate_output()))
    })?;
    let mut taken = Vec::with_capacity(batch);
    let mut lines = events.lines();
    loop {
        for line in lines.by_ref().take(batch) {
            let line = line?;
            let Event { id, ts } = serde_json::from_str(&line)?;
            taken.push(Tup2(ts, Tup2(id.to_owned(), 1)));
        }
        if taken.is_empty() {
            break;
        }
        input.append(&mut taken);
        circuit.transaction()?;
        for (_, Tup2(ts, count), weight) in output.concat().iter() {
            if let (Some(file), Some(count), 1) = (counts.as_mut(), count, weight) {
                writeln!(file, "{ts},{count}")?;
            }
        }
    }
    if let Some(mut file) = counts {
        file.flush()?;
    }
    circuit.kill().map_err(|_| "a thread of the circuit panicked")?;
    Ok(())
}
