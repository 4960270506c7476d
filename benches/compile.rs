//! How long it takes to read, check and compile charts folders of growing size.
//!
//! The time must grow linearly with the number of definitions. CHARTS names a folder to measure as well.

use candor::charts::{Sources, parse, read_work_tree};
use candor::collection::compile;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::path::Path;

/// How many programs the definitions are spread over.
const PROGRAMS: usize = 10;

/// A charts folder with `definitions` definitions like those of real projects: groups of a few
/// buckets, plain counters, and occasionally a stack.
fn folder(definitions: usize) -> Sources {
    let collection = "module = 'example.org/config'\ngoos = ['darwin', 'linux', 'windows']\n\
                      goarch = ['amd64', 'arm64']\ntoolchains = ['go1.26.8']\n\
                      [sampling]\nconfidence = 0.99\nerror = 0.01\n";
    let mut files = vec![("collection.toml".to_owned(), collection.as_bytes().to_vec())];
    for program in 0..PROGRAMS {
        let path = format!("example.org/tools/p{program}");
        let text = format!(
            "program = '{path}'\nmodule = '{path}'\nversions = ['v1.0.0', 'v1.1.0']\n\
             population = 250000\n[padding]\nreleases = 6\nmajor = 1\nminor = 3\npatch = 6\n\
             prerelease = 4\n"
        );
        files.push((format!("programs/p{program}.toml"), text.into_bytes()));
        let charts: String = (program..definitions)
            .step_by(PROGRAMS)
            .map(|number| {
                let (kind, counter) = match number % 8 {
                    0 => ("'stack'\ndepth = 16", format!("p/stack-{number}")),
                    1 | 2 => ("'partition'", format!("p/counter-{number}")),
                    _ => ("'partition'", format!("p/chart-{number}:{{vim,emacs,vscode,other}}")),
                };
                format!(
                    "[[chart]]\ntitle = 'Chart {number}'\ndescription = 'What is plotted, and why.'\n\
                     issue = ['https://example.org/issue/{number}']\ntype = {kind}\n\
                     program = '{path}'\ncounter = '{counter}'\nversion = 'v1.0.0'\n\n"
                )
            })
            .collect();
        files.push((format!("charts/p{program}.toml"), charts.into_bytes()));
    }
    Sources::from_files(files)
}

fn definitions_to_config(c: &mut Criterion) {
    let as_of = "2026-01-01".parse().expect("a day");
    let mut group = c.benchmark_group("compile");
    group.sample_size(10);
    for size in [41, 1_000, 100_000] {
        let sources = folder(size);
        group.throughput(Throughput::Elements(size as u64));
        group.bench_with_input(BenchmarkId::from_parameter(size), &sources, |b, sources| {
            b.iter(|| {
                let definitions = parse(black_box(sources)).expect("valid");
                compile(&definitions, as_of).to_json()
            });
        });
    }
    if let Some(folder) = std::env::var_os("CHARTS") {
        let sources = read_work_tree(Path::new(&folder)).expect("a charts folder");
        group.throughput(Throughput::Elements(1));
        group.bench_function("CHARTS", |b| {
            b.iter(|| compile(&parse(black_box(&sources)).expect("valid"), as_of).to_json());
        });
    }
    group.finish();
}

criterion_group!(benches, definitions_to_config);
criterion_main!(benches);
