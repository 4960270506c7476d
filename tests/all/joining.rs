//! The joining attack: someone has the access log of a proxy (address, time and path of every upload)
//! and a full copy of the deployment's disk, and wants to know which public row came from which address.
//!
//! Before a segment is sealed that is easy, as the test shows. After the merge, nothing on the disk
//! matches the two better than guessing does. Each report has a count that only the test knows to be
//! its number, so the test can tell how many guesses are right.

#![cfg(feature = "server")]

use crate::support;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use support::receiver::{self, Server, week};
use support::{candor, contents, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

const REPORTS: u64 = 10_000;
const AT_ONCE: u64 = 64;

/// X of a report, which must not be in any file: 0.1 and distinct digits, in no order.
fn x(number: u64) -> f64 {
    let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 14;
    0.1 + scattered as f64 / 1e16
}

/// A distinct LastWeek, as far as there are days.
fn last_week(number: u64) -> String {
    week()
        .checked_sub(jiff::Span::new().days(7 + (number % 3000) as i64))
        .expect("a day")
        .to_string()
}

fn report(number: u64) -> String {
    format!(
        "{{\"Week\":\"{}\",\"LastWeek\":\"{}\",\"X\":{},\"Programs\":[{{\"Program\":\
         \"example.org/hello\",\"Version\":\"v1.1.0\",\"GoVersion\":\"rust1.95.0\",\"GOOS\":\
         \"linux\",\"GOARCH\":\"arm64\",\"Counters\":{{\"hello/verb:run\":{}}},\"Stacks\":{{}}}}],\
         \"Config\":\"v0.2.0\"}}",
        week(),
        last_week(number),
        x(number),
        number + 1
    )
}

/// Each report comes from an address in its own network.
fn address(number: u64) -> Ipv4Addr {
    Ipv4Addr::new(127, 1 + (number / 250) as u8, (number % 250) as u8, 7)
}

async fn upload(server: &str, number: u64) -> u16 {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from((address(number), 0))).expect("a loopback address of our own");
    let mut stream = socket.connect(server.parse().expect("an address")).await.expect("connected");
    let request = receiver::request("Connection: close\r\n", &report(number));
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    let answer = String::from_utf8(answer).expect("text");
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

/// Uploads these reports, and returns them in the order in which they were answered: the access log.
async fn upload_all(server: &str, numbers: std::ops::Range<u64>) -> Vec<u64> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let next = Arc::new(Mutex::new(numbers));
    let senders = (0..AT_ONCE).map(|_| {
        let (log, next, server) = (log.clone(), next.clone(), server.to_owned());
        tokio::spawn(async move {
            loop {
                let Some(number) = next.lock().expect("a lock").next() else { return };
                assert_eq!(upload(&server, number).await, 200, "report {number}");
                log.lock().expect("a lock").push(number);
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.expect("no panic");
    }
    Arc::try_unwrap(log).expect("all have ended").into_inner().expect("a lock")
}

/// Spearman's rank correlation of an order of reports with the access log.
fn correlation(log: &[u64], found: &[u64]) -> f64 {
    let place: BTreeMap<u64, usize> =
        log.iter().enumerate().map(|(at, number)| (*number, at)).collect();
    let n = found.len() as f64;
    let squares: f64 = found
        .iter()
        .enumerate()
        .map(|(at, number)| (place[number] as f64 - at as f64).powi(2))
        .sum();
    1.0 - 6.0 * squares / (n * (n * n - 1.0))
}

/// How many senders are guessed right by assuming that rows are in the order of uploads, forwards or
/// backwards, from any offset.
fn right_guesses(log: &[u64], found: &[u64]) -> usize {
    let n = log.len();
    let place: BTreeMap<u64, usize> =
        log.iter().enumerate().map(|(at, number)| (*number, at)).collect();
    let (mut forwards, mut backwards) = (vec![0; n], vec![0; n]);
    for (at, number) in found.iter().enumerate() {
        forwards[(place[number] + n - at) % n] += 1;
        backwards[(place[number] + at) % n] += 1;
    }
    forwards.into_iter().chain(backwards).max().expect("offsets")
}

/// Panics if this order correlates with the log more than by chance.
fn assert_no_order(what: &str, log: &[u64], found: &[u64]) {
    assert_eq!(found.len(), log.len(), "{what}");
    let correlation = correlation(log, found);
    // Five standard deviations.
    let noise = 5.0 / (found.len() as f64).sqrt();
    assert!(correlation.abs() < noise, "{what}: rank correlation {correlation}");
    // Of the 20,000 ways to lay one order along the other, each gives one right guess on average; that
    // any gives 15 has a probability under 10^-7.
    let guesses = right_guesses(log, found);
    assert!(guesses < 15, "{what}: {guesses} right guesses");
    println!(
        "{what}: rank correlation {correlation:+.4}, at most {guesses} right guesses of {}",
        log.len()
    );
}

/// The numbers of the reports in this text, in its order, wherever they are.
fn numbers_in(bytes: &[u8]) -> Vec<u64> {
    const BEFORE: &[u8] = b"\"hello/verb:run\":";
    let mut numbers = Vec::new();
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(BEFORE.len()).position(|window| window == BEFORE) {
        at += found + BEFORE.len();
        let digits: String =
            bytes[at..].iter().take_while(|b| b.is_ascii_digit()).map(|b| char::from(*b)).collect();
        numbers.push(digits.parse::<u64>().expect("a count") - 1);
    }
    numbers
}

/// All readings of a file: its bytes and, if it is compressed, the decompressed bytes.
fn readings(bytes: Vec<u8>) -> Vec<Vec<u8>> {
    let mut readings = Vec::new();
    if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        readings.push(zstd::decode_all(&bytes[..]).expect("Zstandard"));
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        let mut decoder = flate2::read::MultiGzDecoder::new(&bytes[..]);
        std::io::Read::read_to_end(&mut decoder, &mut plain).expect("gzip");
        readings.push(plain);
    }
    readings.push(bytes);
    readings
}

/// All files below a folder, with all their readings.
fn everything(folder: &Path) -> BTreeMap<PathBuf, Vec<Vec<u8>>> {
    contents(folder).into_iter().map(|(path, bytes)| (path, readings(bytes))).collect()
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn an_access_log_and_a_copy_of_the_disk_join_no_row_to_an_address() {
    let folder = TempDir::new().expect("a temporary folder");
    let deployment = folder.path().join("deployment");
    receiver::deploy(&deployment);
    let log_file = folder.path().join("server.log");
    let log_output = std::fs::File::create(&log_file).expect("a log file");
    let server = Server::start(&deployment, "trace", Stdio::from(log_output));
    // A server begins with a merge, which seals what was received until then.
    let begun = std::time::Instant::now();
    while !std::fs::read_to_string(&log_file).expect("the log").contains("uploads are merged") {
        assert!(begun.elapsed().as_secs() < 300, "the first merge does not end");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut log = runtime.block_on(upload_all(&server.address, 0..REPORTS));

    // Before the segment is sealed, the open segment has the order of arrival, so the operator can
    // match nearly all of it. The privacy page says so.
    let open: Vec<u64> = contents(&deployment.join("reports"))
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|end| end == "open"))
        .flat_map(|(_, bytes)| numbers_in(&bytes))
        .collect();
    assert_eq!(open.len() as u64, REPORTS);
    let before = correlation(&log, &open);
    assert!(
        before > 0.999,
        "the attack that the test plays must work where nothing prevents it: {before}"
    );
    println!("in the open segment: rank correlation {before:+.4}");

    // The merge asks the running server to seal.
    json(candor().args(["--json", "merge", "--data"]).arg(&deployment));

    // Late ones, too few for an edition: not in any public file.
    let late = runtime.block_on(upload_all(&server.address, REPORTS..REPORTS + 5));
    let merged = json(candor().args(["--json", "merge", "--data"]).arg(&deployment));
    assert_eq!(merged["days"], Value::Array(Vec::new()), "{merged}");
    server.kill();

    let disk = everything(folder.path());
    let (mut rows, mut orders) = (BTreeSet::new(), 0);
    for (path, readings) in &disk {
        for reading in readings {
            let found = numbers_in(reading);
            let (found, late_found): (Vec<u64>, Vec<u64>) =
                found.into_iter().partition(|number| *number < REPORTS);
            let name = path.display().to_string();
            if !late_found.is_empty() {
                assert!(found.is_empty(), "{name} has late reports beside others");
                assert!(name.contains("store/buffer"), "{name} has late reports: {late_found:?}");
                assert_eq!(late_found.len(), late.len());
            }
            if found.is_empty() {
                continue;
            }
            assert!(name.contains("store/public"), "{name} has reports, and is not public");
            assert_no_order(&name, &log, &found);
            rows.extend(found);
            orders += 1;
        }
    }
    // The day in two compressed forms of text; the week has the same files.
    assert_eq!((rows.len() as u64, orders), (REPORTS, 2));

    // Nothing identifies a single report: no exact X, no last week, no address.
    log.extend(&late);
    let known: BTreeSet<[u8; 8]> = log.iter().map(|number| x(*number).to_le_bytes()).collect();
    for (path, readings) in &disk {
        for reading in readings {
            let name = path.display();
            assert!(!has(reading, b"LastWeek"), "{name} has a LastWeek");
            assert!(!has(reading, b"last_week"), "{name} has a last_week");
            assert!(!has(reading, b"\"X\":0.1"), "{name} has an exact X");
            assert!(
                !reading.windows(8).any(|window| window
                    .try_into()
                    .is_ok_and(|window: [u8; 8]| known.contains(&window))),
                "{name} has an exact X, in binary"
            );
            assert!(!has(reading, b"127.1."), "{name} has an address");
            for number in (0..REPORTS).step_by(97) {
                let (last_week, from) = (last_week(number), address(number).to_string());
                assert!(
                    !has(reading, last_week.as_bytes()),
                    "{name} has the last week {last_week}"
                );
                assert!(!has(reading, from.as_bytes()), "{name} has the address {from}");
            }
        }
    }
}
