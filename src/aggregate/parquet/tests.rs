//! What is written as Parquet is what is read.

use super::columns::Columns;
use super::reader::ParquetReader;
use super::writer::{Limits, ParquetWriter};
use crate::aggregate::testing::{any_report, report};
use crate::ingest::Report;
use proptest::collection::vec;
use proptest::prelude::*;
use std::fs::File;
use std::io::{Seek, Write};

fn write(reports: &[Vec<u8>], limits: Limits) -> (Vec<u8>, u64) {
    let mut writer = ParquetWriter::with_limits(Vec::new(), limits).expect("a file");
    for report in reports {
        writer.write(&Report::decode(report).expect("a report")).expect("written");
    }
    writer.finish().expect("finished")
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).and_then(|()| file.rewind()).expect("written");
    file
}

/// The report's number, X, config, what the build is, counters and stacks.
type Row = (i64, String, String, [Option<String>; 5], Vec<(String, u64)>, Vec<(String, u64)>);

fn rows(columns: &Columns) -> Vec<Row> {
    let text = |id: u32| columns.texts[id as usize].clone();
    let pairs = |counts: &super::columns::Counts, row| {
        counts.row(row).map(|(name, count)| (text(name), count)).collect()
    };
    let row = |row: usize| {
        let ids = [
            columns.program[row],
            columns.version[row],
            columns.toolchain[row],
            columns.goos[row],
            columns.goarch[row],
        ];
        let (counters, stacks) = (pairs(&columns.counters, row), pairs(&columns.stacks, row));
        let (x, config) = (columns.x[row].to_string(), text(columns.config[row]));
        (columns.report[row], x, config, ids.map(|id| id.map(text)), counters, stacks)
    };
    (0..columns.len()).map(row).collect()
}

fn expected(reports: &[Vec<u8>]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, bytes) in (0..).zip(reports) {
        let report = Report::decode(bytes).expect("a report");
        let days = report.week.number();
        let number = i64::from(days) * 10_000_000_000 + number;
        let (x, config) = (report.x.get().to_string(), report.config.to_string());
        if report.programs.is_empty() {
            rows.push((number, x.clone(), config.clone(), [const { None }; 5], vec![], vec![]));
        }
        for program in &report.programs {
            let pairs = |counts: &crate::ingest::Counts| {
                counts.iter().map(|(name, count)| (name.to_owned(), count.get())).collect()
            };
            let texts = [
                program.program.to_string(),
                program.version.to_string(),
                program.toolchain.to_string(),
                program.goos.to_string(),
                program.goarch.to_string(),
            ];
            let (counters, stacks) = (pairs(&program.counters), pairs(&program.stacks));
            rows.push((number, x.clone(), config.clone(), texts.map(Some), counters, stacks));
        }
    }
    rows
}

proptest! {
    #[test]
    fn what_is_written_is_read_again_whatever_the_size_of_row_groups(
        reports in vec(any_report(), 0..60),
        most in 1..30usize,
    ) {
        let limits = Limits { rows: most, counts: 2 * most, texts: 1 << 20 };
        let (bytes, count) = write(&reports, limits);
        let reader = ParquetReader::open(file(&bytes)).expect("a file");
        let mut found = Vec::new();
        for group in 0..reader.row_groups() {
            let columns = reader.read(group).expect("read");
            let mut texts = columns.texts.clone();
            texts.sort();
            texts.dedup();
            prop_assert_eq!(texts.len(), columns.texts.len());
            found.extend(rows(&columns));
        }
        prop_assert_eq!(reader.rows(), found.len() as u64);
        prop_assert_eq!(count, found.iter().filter(|row| row.3[0].is_some()).count() as u64);
        prop_assert_eq!(found, expected(&reports));
        prop_assert_eq!(write(&reports, limits).0, bytes);
    }
}

#[test]
fn several_threads_read_row_groups_of_one_file_at_once() {
    let reports: Vec<_> =
        (1..500u32).map(|n| report("2026-02-08", f64::from(n) / 512.0, "a:b", n.into())).collect();
    let limits = Limits { rows: 20, ..Limits::default() };
    let (bytes, _) = write(&reports, limits);
    let reader = ParquetReader::open(file(&bytes)).expect("a file");
    let found: Vec<Row> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..reader.row_groups())
            .map(|group| {
                let reader = &reader;
                scope.spawn(move || rows(&reader.read(group).expect("read")))
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(found, expected(&reports));
}

#[test]
fn another_file_is_named_as_such() {
    assert!(ParquetReader::open(file(b"no parquet")).is_err());
    let (bytes, _) = write(&[], Limits::default());
    let reader = ParquetReader::open(file(&bytes)).expect("a file without rows");
    assert_eq!(reader.row_groups(), 0);
    assert!(reader.read(0).is_err());
}

#[test]
fn counts_of_which_there_are_too_many_for_a_dictionary_are_read_too() {
    let number = |n: u64| n * n % 99_991 * 1000 + n % 1000 + 1;
    let reports: Vec<_> =
        (0..70_000).map(|n| report("2026-02-08", 0.5, "a:b", number(n))).collect();
    let (bytes, _) = write(&reports, Limits::default());
    let reader = ParquetReader::open(file(&bytes)).expect("a file");
    assert_eq!(rows(&reader.read(0).expect("read")), expected(&reports));
}
