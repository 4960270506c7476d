//! Reads the public row of a report into columns, without JSON's whole generality.
//!
//! Rows are written by the receiver in one form (`ingest`'s `report`), and those of one program name the same
//! counters in the same order. So a name is compared with the one that is expected there, and nothing else is done
//! with it. What is not exactly of that form, or has stacks or an escaped character, is not read here:
//! [`Report::decode`](crate::ingest::Report::decode) reads it, or says what is wrong with it.

use super::columns::Columns;
use super::texts::Texts;
use crate::collection::X;
use crate::day::Day;
use crate::gomod::ModuleVersion;
use crate::ingest::Count;
use jiff::civil::Date;

/// How many names are compared before one is looked up.
const GUESSES: usize = 12;
/// No name.
const NONE: u32 = u32::MAX;

/// What was read of a row, and what helps to read the next one. Its texts are those of one row group.
#[derive(Debug, Default)]
pub(super) struct RowReader {
    names: Names,
    week: Known<Date>,
    x: Known<f64>,
    config: Known<u32>,
    builds: Vec<Build>,
    /// The counters of all builds.
    counters: Vec<u32>,
    counts: Vec<u64>,
}

#[derive(Debug)]
struct Build {
    /// Program, version, toolchain, goos and goarch.
    texts: [u32; 5],
    /// Where its counters end.
    end: usize,
}

/// What was made of a text the last time.
#[derive(Debug, Default)]
struct Known<T> {
    text: Vec<u8>,
    made: Option<T>,
}

impl<T: Copy> Known<T> {
    fn of(&mut self, text: &[u8], make: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        if self.made.is_none() || self.text != text {
            self.made = make(text);
            self.text.clear();
            self.text.extend_from_slice(text);
        }
        self.made
    }
}

impl RowReader {
    /// Adds the rows of a report to the columns, and the day of each to `weeks`. If the report must be decoded
    /// instead, nothing is added but texts, and the result is `None`.
    pub fn add(
        &mut self,
        row: &[u8],
        number: impl FnOnce(Date) -> i64,
        (columns, texts, weeks): (&mut Columns, &mut Texts, &mut Vec<Date>),
    ) -> Option<()> {
        let (week, x, config) = self.read(row, texts)?;
        let number = number(week);
        let mut start = 0;
        for Build { texts: [program, version, toolchain, goos, goarch], end } in &self.builds {
            columns.report.push(number);
            weeks.push(week);
            columns.x.push(x);
            columns.config.push(config);
            columns.program.push(Some(*program));
            columns.version.push(Some(*version));
            columns.toolchain.push(Some(*toolchain));
            columns.goos.push(Some(*goos));
            columns.goarch.push(Some(*goarch));
            let counters = &mut columns.counters;
            counters.names.extend_from_slice(self.counters.get(start..*end).unwrap_or_default());
            counters.counts.extend_from_slice(self.counts.get(start..*end).unwrap_or_default());
            counters.ends.push(counters.names.len());
            columns.stacks.ends.push(columns.stacks.names.len());
            start = *end;
        }
        Some(())
    }

    fn read(&mut self, row: &[u8], texts: &mut Texts) -> Option<(Date, f64, u32)> {
        let RowReader { names, week, x, config, builds, counters, counts } = self;
        builds.clear();
        counters.clear();
        counts.clear();
        let (day, rest) = string(row.strip_prefix(b"{\"Week\":")?)?;
        let week = week.of(day.as_bytes(), |_| day.parse().ok().map(Day::civil))?;
        let rest = rest.strip_prefix(b",\"X\":")?;
        let (number, rest) = rest.split_at_checked(memchr::memchr(b',', rest)?)?;
        let x = x.of(number, |number| serde_json::from_slice(number).ok().map(X::get))?;
        let mut rest = rest.strip_prefix(b",\"Programs\":[")?;
        loop {
            let mut text = |before: &[u8]| -> Option<u32> {
                let (text, behind) = string(rest.strip_prefix(before)?)?;
                rest = behind;
                Some(texts.id(text))
            };
            let build = [
                text(b"{\"Program\":")?,
                text(b",\"Version\":")?,
                text(b",\"GoVersion\":")?,
                text(b",\"GOOS\":")?,
                text(b",\"GOARCH\":")?,
            ];
            rest = rest.strip_prefix(b",\"Counters\":{")?;
            let mut last = NONE;
            while let Some(name) = rest.strip_prefix(b"\"") {
                let (id, behind) = names.read(last, name, texts)?;
                let (count, behind) = read_count(behind)?;
                counters.push(id);
                counts.push(count);
                last = id;
                rest = match behind.strip_prefix(b",") {
                    Some(more @ [b'"', ..]) => more,
                    Some(_) => return None,
                    None => behind,
                };
            }
            builds.push(Build { texts: build, end: counters.len() });
            rest = rest.strip_prefix(b"},\"Stacks\":{}}")?;
            match rest.strip_prefix(b",") {
                Some(more) => rest = more,
                None => break,
            }
        }
        let (version, end) = string(rest.strip_prefix(b"],\"Config\":")?)?;
        let config = config.of(version.as_bytes(), |_| {
            let parsed: ModuleVersion = version.parse().ok()?;
            (parsed.to_string() == version).then(|| texts.id(version))
        })?;
        (end == b"}").then_some((week, x, config))
    }
}

/// The names of counters, which are in order in every row.
#[derive(Debug, Default)]
struct Names {
    /// By text: the name that is expected after it, a greater one. This becomes the list of all names; those that a
    /// row does not have are passed over.
    next: Vec<Option<u32>>,
    first: Option<u32>,
}

impl Names {
    /// Reads a name, which must be greater than the last one, up to the colon behind it.
    fn read<'a>(
        &mut self,
        last: u32,
        rest: &'a [u8],
        texts: &mut Texts,
    ) -> Option<(u32, &'a [u8])> {
        let expected = self.expected(last);
        let mut guess = expected;
        for _ in 0..GUESSES {
            let Some((id, text)) = guess.and_then(|id| Some((id, texts.get(id)?))) else { break };
            let behind = rest.strip_prefix(text.as_bytes());
            if let Some(behind) = behind.and_then(|behind| behind.strip_prefix(b"\":")) {
                return Some((id, behind));
            }
            guess = self.expected(id);
        }
        let (name, behind) = contents(rest)?;
        let behind = behind.strip_prefix(b":")?;
        if last != NONE && texts.get(last)? >= name {
            return None;
        }
        let id = texts.find(name);
        if expected.and_then(|id| texts.get(id)).is_none_or(|expected| name < expected) {
            self.expect(last, id, expected);
        }
        Some((id, behind))
    }

    fn expected(&self, last: u32) -> Option<u32> {
        match last {
            NONE => self.first,
            last => self.next.get(last as usize).copied().flatten(),
        }
    }

    /// Puts a name between two.
    fn expect(&mut self, last: u32, id: u32, before: Option<u32>) {
        let most = if last == NONE { id } else { last.max(id) } as usize;
        if self.next.len() <= most {
            self.next.resize(most + 1, None);
        }
        match self.next.get_mut(last as usize) {
            Some(next) => *next = Some(id),
            None => self.first = Some(id),
        }
        if let Some(next) = self.next.get_mut(id as usize)
            && next.is_none()
        {
            *next = before;
        }
    }
}

/// A string without escapes, and what is behind it.
fn string(rest: &[u8]) -> Option<(&str, &[u8])> {
    contents(rest.strip_prefix(b"\"")?)
}

/// The string whose first quote was read.
fn contents(rest: &[u8]) -> Option<(&str, &[u8])> {
    let (text, behind) = rest.split_at_checked(memchr::memchr(b'"', rest)?)?;
    let is_plain = !text.iter().any(|byte| *byte == b'\\' || *byte < b' ');
    Some((std::str::from_utf8(text).ok().filter(|_| is_plain)?, behind.strip_prefix(b"\"")?))
}

/// A count as it is written, and what is behind it.
fn read_count(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (first @ b'1'..=b'9', mut rest) = bytes.split_first()? else { return None };
    let mut count = u64::from(first - b'0');
    while let Some((digit @ b'0'..=b'9', behind)) = rest.split_first() {
        count = count.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        rest = behind;
    }
    // A fraction or an exponent would follow here.
    let is_whole = matches!(rest.first(), Some(b',' | b'}'));
    Some((Count::new(count).filter(|_| is_whole)?.get(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::parquet::writer::{Limits, ParquetWriter};
    use crate::aggregate::testing::any_report;
    use crate::ingest::Report;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn read(rows: &[&str]) -> Vec<bool> {
        let (mut reader, mut columns, mut texts) =
            (RowReader::default(), Columns::default(), Texts::default());
        let mut weeks = Vec::new();
        let mut add = |row: &str| {
            let into = (&mut columns, &mut texts, &mut weeks);
            reader.add(row.as_bytes(), |_| 0, into).is_some()
        };
        rows.iter().map(|row| add(row)).collect()
    }

    /// A row with these counters.
    fn row(counters: &str) -> String {
        format!(
            "{{\"Week\":\"2026-02-08\",\"X\":0.5,\"Programs\":[{{\"Program\":\"p\",\"Version\":\"v1\",\
             \"GoVersion\":\"go1\",\"GOOS\":\"linux\",\"GOARCH\":\"amd64\",\"Counters\":{{{counters}}},\
             \"Stacks\":{{}}}}],\"Config\":\"v0.7.0\"}}"
        )
    }

    #[test]
    fn only_what_the_receiver_writes_is_read_here() {
        let whole = row("\"a\":1,\"b:c\":9223372036854775807");
        assert_eq!(read(&[&whole, &row(""), &whole, &row("\"b\":2")]), [true; 4]);
        for other in [
            row("\"b\":1,\"a\":1"),
            row("\"a\":1,\"a\":1"),
            row("\"a\":0"),
            row("\"a\":01"),
            row("\"a\":1.0"),
            row("\"a\":1e3"),
            row("\"a\":-1"),
            row("\"a\":9223372036854775808"),
            row("\"a\":99999999999999999999"),
            row("\"a\":1,"),
            row("\"a\" :1"),
            row("\"a\\n\":1"),
            row("\"a\n\":1"),
            whole.replace("2026-02-08", "2026-02-30"),
            whole.replace("0.5", "1.5"),
            whole.replace("0.5", "0"),
            whole.replace("v0.7.0", "v0.07.0"),
            whole.replace("v0.7.0", "latest"),
            whole.replace("\"Stacks\":{}", "\"Stacks\":{\"s\":1}"),
            format!("{whole} "),
            whole.replace("\"X\"", "\"LastWeek\":\"\",\"X\""),
            whole.replace("}],\"Config\"", "},],\"Config\""),
        ] {
            // Also when the names are known.
            assert_eq!(
                read(&[&other, &whole, &other, &whole]),
                [false, true, false, true],
                "{other}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_row_that_is_read_here_gives_the_file_that_its_report_gives(
            rows in vec(any_report(), 0..60),
            most in 1..30usize,
        ) {
            let limits = Limits { rows: most, counts: 2 * most, texts: 1 << 20 };
            let mut writers = [(); 2].map(|()| {
                ParquetWriter::with_limits(Vec::new(), limits).expect("a file")
            });
            let mut read = 0;
            for row in &rows {
                let report = Report::decode(row).expect("a report");
                let public = report.encode_public(report.x);
                writers[0].write(&report).expect("written");
                match writers[1].write_row(&public).expect("written") {
                    true => read += 1,
                    false => writers[1].write(&report).expect("written"),
                }
            }
            prop_assert!(read <= rows.len());
            let [one, other] = writers.map(|writer| writer.finish().expect("finished").0);
            prop_assert_eq!(one, other);
        }
    }
}
