//! Counter files written from the specification of their format (golang/telemetry `internal/counter`) and
//! not by our writer: of past weeks, which no program can count into any more.

use std::path::{Path, PathBuf};

/// A counter file to write.
#[derive(Clone, Copy)]
pub struct CounterFile<'a> {
    pub program: &'a str,
    pub version: &'a str,
    pub toolchain: &'a str,
    pub goos: &'a str,
    pub goarch: &'a str,
    /// The day on which counting began, as 2026-11-15.
    pub begin: &'a str,
    /// The day on which it ended.
    pub end: &'a str,
    pub counts: &'a [(&'a str, u64)],
}

impl<'a> CounterFile<'a> {
    /// Of the program that the charts of tests are about.
    pub fn hello(begin: &'a str, end: &'a str, counts: &'a [(&'a str, u64)]) -> CounterFile<'a> {
        CounterFile {
            program: "example.org/hello",
            version: "v1.0.0",
            toolchain: "rust1.95.0",
            goos: "linux",
            goarch: "amd64",
            begin,
            end,
            counts,
        }
    }

    /// Writes it into a telemetry folder.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let local = folder.join("local");
        std::fs::create_dir_all(&local).expect("create folder");
        let base = self.program.rsplit('/').next().expect("a name");
        let path = local.join(format!(
            "{base}@{}-{}-{}-{}-{}.v1.count",
            self.version, self.toolchain, self.goos, self.goarch, self.begin
        ));
        std::fs::write(&path, self.bytes()).expect("write counter file");
        path
    }

    fn bytes(&self) -> Vec<u8> {
        const PAGE: usize = 16 * 1024;
        let metadata = format!(
            "TimeBegin: {}T00:00:00Z\nTimeEnd: {}T00:00:00Z\nProgram: {}\nVersion: {}\n\
             GoVersion: {}\nGOOS: {}\nGOARCH: {}\n\n",
            self.begin,
            self.end,
            self.program,
            self.version,
            self.toolchain,
            self.goos,
            self.goarch
        );
        let mut bytes = b"# telemetry/counter file v1\n".to_vec();
        let header = (32 + metadata.len()).next_multiple_of(32);
        bytes.extend(number(header));
        bytes.extend(metadata.as_bytes());
        bytes.resize(PAGE, 0);
        let mut limit = (header + 4 + 4 * 512).next_multiple_of(32);
        for (name, count) in self.counts {
            let size = (16 + name.len()).next_multiple_of(32);
            if limit / PAGE != (limit + size) / PAGE {
                limit = limit.next_multiple_of(PAGE);
                bytes.resize(limit + PAGE, 0);
            }
            let head = header + 4 + 4 * bucket(name);
            let next: [u8; 4] = bytes[head..head + 4].try_into().expect("four bytes");
            bytes[limit..limit + 8].copy_from_slice(&count.to_ne_bytes());
            bytes[limit + 8..limit + 12].copy_from_slice(&number(0xff00_0000 + name.len()));
            bytes[limit + 12..limit + 16].copy_from_slice(&next);
            bytes[limit + 16..limit + 16 + name.len()].copy_from_slice(name.as_bytes());
            bytes[head..head + 4].copy_from_slice(&number(limit));
            limit += size;
        }
        bytes[header..header + 4].copy_from_slice(&number(limit));
        bytes
    }
}

fn number(number: usize) -> [u8; 4] {
    u32::try_from(number).expect("small").to_ne_bytes()
}

fn bucket(name: &str) -> usize {
    let hash = name
        .bytes()
        .fold(2_166_136_261_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    ((hash ^ (hash >> 16)) % 512) as usize
}
