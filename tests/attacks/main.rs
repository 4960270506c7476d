//! The table of attacks: each one is played by a server that really does it, with the log's real key
//! where its owner is the attacker, and everyone who might notice has a look. What they said is the
//! table in `src/attacks.md`, which this test compares; with `CANDOR_WRITE_ATTACKS=1` it writes it.

#[path = "../support/mod.rs"]
mod support;

mod contents;
mod eyes;
mod forks;
mod table;
mod witnesses;
mod world;

use std::path::Path;
use table::Row;

/// Where the table is.
const TABLE: &str = "src/attacks.md";

#[test]
fn the_table_of_attacks_is_what_was_seen() {
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
        "{TABLE} is not what was seen, as in: {changed:?}\nCANDOR_WRITE_ATTACKS=1 cargo test --test \
         attacks writes it anew; read what changed"
    );
}
