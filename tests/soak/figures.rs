//! The measurements, by life of the server: how long honest clients waited, and the server's memory and
//! open files.

use crate::clients::{Request, Who};
use crate::plan::{Life, RISE};
use crate::server::Sample;
use std::collections::BTreeMap;
use std::time::Duration;

/// A past life, by the soak's time.
#[derive(Debug)]
pub struct Lived {
    pub life: &'static Life,
    pub began: Duration,
    /// The end of its measurement: just before it was ended.
    pub ended: Duration,
    pub samples: Vec<(Duration, Sample)>,
}

/// How long requests took. Refused and broken ones count as infinitely long.
#[derive(Debug, Default, Clone)]
pub struct Waits {
    times: Vec<Duration>,
    refused: usize,
    /// What those got instead; `None` is a broken connection, or no answer in time.
    answers: BTreeMap<Option<u16>, usize>,
}

impl Waits {
    /// This percentile of all requests' times.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut times = self.times.clone();
        times.resize(times.len() + self.refused, Duration::MAX);
        times.sort();
        times.get(times.len() * percent / 100).copied().unwrap_or(Duration::MAX)
    }

    pub fn count(&self) -> usize {
        self.times.len() + self.refused
    }
}

/// The measurements of all lives with one name.
#[derive(Debug, Default)]
pub struct Row {
    pub name: &'static str,
    pub beside_floods: bool,
    pub lives: u32,
    pub reads: Waits,
    pub uploads: Waits,
    /// How late this process itself woke up.
    pub clock: Waits,
    pub held: Vec<Held>,
}

/// The server's memory and open files in one life.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// Medians of the first and the last quarter.
    pub resident_kib: [u64; 2],
    pub descriptors: [u64; 2],
    pub peak_kib: u64,
}

/// A row for each name, in the order in which they came first.
pub fn rows(lived: &[Lived], requests: &[Request], full: &[[Duration; 2]]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for life in lived {
        let name = life.life.name;
        let place = rows.iter().position(|row| row.name == name).unwrap_or_else(|| {
            let beside_floods = !life.life.floods.is_empty();
            rows.push(Row { name, beside_floods, ..Row::default() });
            rows.len() - 1
        });
        let row = &mut rows[place];
        row.lives += 1;
        let within =
            |request: &&Request| request.began >= life.began && request.ended <= life.ended;
        for request in requests.iter().filter(within) {
            let waits = match request.who {
                Who::Reader => &mut row.reads,
                Who::Clock => &mut row.clock,
                // A full disk is a good reason to ask senders to come again.
                Who::Sender if full.iter().any(|window| overlaps(request, *window)) => continue,
                Who::Sender => &mut row.uploads,
            };
            match request.status {
                Some(200) => waits.times.push(request.ended.saturating_sub(request.began)),
                other => {
                    waits.refused += 1;
                    *waits.answers.entry(other).or_default() += 1;
                }
            }
        }
        row.held.extend(held(life));
    }
    rows
}

/// Whether a request was running in a window, or shortly after it.
pub fn overlaps(request: &Request, [from, to]: [Duration; 2]) -> bool {
    request.ended >= from && request.began <= to + Duration::from_secs(1)
}

fn held(life: &Lived) -> Option<Held> {
    let rise = if life.life.floods.is_empty() { Duration::ZERO } else { RISE };
    let risen = life.samples.iter().position(|(at, _)| *at >= life.began + rise)?;
    let samples = &life.samples[risen..];
    let ((first, _), (last, newest)) = (samples.first()?, samples.last()?);
    let quarter = (*last - *first) / 4;
    let median = |of: &dyn Fn(&Sample) -> u64| {
        [(*first, *first + quarter), (*last - quarter, *last)].map(|(from, to)| {
            let inside = samples.iter().filter(|(at, _)| (from..=to).contains(at));
            let mut values: Vec<u64> = inside.map(|(_, sample)| of(sample)).collect();
            values.sort_unstable();
            values[values.len() / 2]
        })
    };
    Some(Held {
        resident_kib: median(&|sample| sample.resident_kib),
        descriptors: median(&|sample| sample.descriptors),
        peak_kib: newest.peak_kib,
    })
}

/// Prints the table.
pub fn print(rows: &[Row]) {
    println!(
        "\n{:44} {:>5} | {:>6} {:>8} {:>8} {:>7} | {:>6} {:>8} {:>8} {:>7} | {:>13} {:>5} | {:>12}",
        "the server's lives",
        "",
        "reads",
        "p50",
        "p99",
        "refused",
        "sent",
        "p50",
        "p99",
        "refused",
        "MiB, quarters",
        "peak",
        "files"
    );
    for row in rows {
        print!("{:44} {:>5}", row.name, row.lives);
        for waits in [&row.reads, &row.uploads] {
            let refused = waits.refused as f64 * 100.0 / waits.count().max(1) as f64;
            let [p50, p99] = [50, 99].map(|percent| wait(waits.percentile(percent)));
            print!(" | {:>6} {p50:>8} {p99:>8} {refused:>6.1}%", waits.count());
        }
        // The life with the largest growth.
        if let Some(held) = row
            .held
            .iter()
            .max_by_key(|held| held.resident_kib[1] as i64 - held.resident_kib[0] as i64)
        {
            let [first, last] = held.resident_kib.map(|kib| kib >> 10);
            let peak = row.held.iter().map(|held| held.peak_kib >> 10).max().unwrap_or_default();
            let files = format!("{} to {}", held.descriptors[0], held.descriptors[1]);
            print!(" | {:>13} {peak:>5} | {files:>12}", format!("{first} to {last}"));
        }
        println!();
    }
    println!();
    for row in rows {
        for (who, waits) in [("readers", &row.reads), ("senders", &row.uploads)] {
            for (answer, times) in &waits.answers {
                let answer = answer.map_or("no answer".to_owned(), |status| status.to_string());
                println!("{}: {times} times {who} got {answer}", row.name);
            }
        }
    }
}

/// A time, or "never".
pub fn wait(time: Duration) -> String {
    match time {
        Duration::MAX => "never".to_owned(),
        time => format!("{:.1} ms", time.as_secs_f64() * 1e3),
    }
}
