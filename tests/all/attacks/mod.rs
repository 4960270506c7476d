//! The table of attacks: each one is carried out by a real server, with the log's real key if its owner
//! is the attacker, and everyone who might notice looks at it. Their messages are the table in
//! `src/attacks.md`, which this test compares; with `CANDOR_WRITE_ATTACKS=1` it writes it.

#![cfg(feature = "server")]

mod contents;
mod eyes;
mod forks;
mod table;
mod witnesses;
mod world;

use std::path::Path;
use table::Row;

/// The file with the table.
const TABLE: &str = "src/attacks.md";

#[test]
fn the_table_of_attacks_is_what_was_observed() {
    let rows: Vec<Row> = [forks::play(), contents::play(), witnesses::play()].concat();
    for row in &rows {
        assert!(row.is_noticed(), "nobody notices: {}", row.attack);
    }
    let table = table::markdown(&rows);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE);
    if std::env::var_os("CANDOR_WRITE_ATTACKS").is_some() {
        std::fs::write(&path, &table).expect("written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    let changed = table.lines().find(|line| !there.lines().any(|other| other == *line));
    assert!(
        table == there,
        "{TABLE} is out of date, as in: {changed:?}\nCANDOR_WRITE_ATTACKS=1 cargo test --test \
         all attacks:: rewrites it; read what changed"
    );
}
