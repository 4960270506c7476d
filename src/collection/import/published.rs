//! Comparing records with the config that was published from them: what is published is what will be
//! collected, and every difference gets a note.

use super::gathered::{Chart, Program, Programs, listed};
use super::importer::Importer;
use crate::charts::diagnostic::{Diagnostic, Severity};
use crate::charts::version::GoVersion;
use crate::collection::config::{CollectionConfig, ProgramConfig, Rate};
use crate::collection::expand::expand;
use std::collections::{HashMap, HashSet};

const LATER: &str = "to add what is left out, propose a change";

/// A published counter or stack.
#[derive(Debug, Clone, Copy)]
struct Published<'c> {
    name: &'c str,
    depth: Option<i64>,
    position: usize,
}

impl Importer<'_> {
    /// Makes the charts collect what is published, and nothing else.
    pub(super) fn reconcile(
        &mut self,
        programs: &mut Programs,
        config: &CollectionConfig,
        file: &str,
    ) {
        let published: HashMap<&str, &ProgramConfig> =
            config.programs.iter().map(|program| (program.name.as_str(), program)).collect();
        for (name, program) in programs.iter_mut() {
            let published = published.get(name).copied();
            let entries = published.map(entries).unwrap_or_default();
            let left = self.reconcile_charts(program, entries);
            for entry in left {
                self.warn(file, format!("`{}` of `{name}` has no record", entry.name));
            }
            let toolchain = name.starts_with("cmd/");
            if let Some(published) = published {
                let implied = toolchain && implied_versions(program, config) == published.versions;
                program.versions = (!implied).then(|| published.versions.clone());
            }
        }
        for program in &config.programs {
            if !programs.contains_key(program.name.as_str()) {
                self.warn(file, format!("the program `{}` has no record", program.name));
            }
        }
        if config.rates().any(|rate| rate != Rate::ALL) {
            let message = "rates other than 1 are published, and records have no rates";
            let help = "everything is imported at rate 1; set [sampling] and population";
            self.found.push(Diagnostic::file(Severity::Warning, file, message).with_help(help));
        }
    }

    fn warn(&mut self, file: &str, message: String) {
        let help = "it is left out, because it has no title and no issue; add a definition for it";
        self.found.push(Diagnostic::file(Severity::Warning, file, message).with_help(help));
    }

    /// Matches the charts of a program with what is published. Returns what no chart has.
    fn reconcile_charts<'c>(
        &mut self,
        program: &mut Program,
        mut left: Vec<Published<'c>>,
    ) -> Vec<Published<'c>> {
        // Exact matches first, so that a changed group does not take the entry of another chart.
        let by_name: HashMap<&str, Published> =
            left.iter().map(|entry| (entry.name, *entry)).collect();
        let exact: Vec<Option<Published>> = program
            .charts
            .iter()
            .map(|chart| by_name.get(chart.counter.value.as_str()).copied())
            .collect();
        let taken: HashSet<&str> = exact.iter().flatten().map(|entry| entry.name).collect();
        left.retain(|entry| !taken.contains(entry.name));
        let mut kept = Vec::new();
        for (mut chart, exact) in program.charts.drain(..).zip(exact) {
            let entry = exact.or_else(|| take_similar(&mut left, &chart.counter.value));
            match entry {
                Some(entry) => {
                    self.note_differences(&chart, entry);
                    chart.published = exact.is_none().then(|| entry.name.to_owned());
                    chart.depth = entry.depth;
                    chart.position = entry.position;
                    kept.push(chart);
                }
                None => {
                    let message =
                        format!("`{}` is not published yet, and is left out", chart.counter.value);
                    self.report(Severity::Note, chart.counter.line, message, LATER);
                }
            }
        }
        self.restore_order(&mut kept);
        program.charts = kept;
        left
    }

    fn note_differences(&mut self, chart: &Chart, entry: Published) {
        let line = chart.counter.line;
        let recorded: Vec<String> = expand(&chart.counter.value).collect();
        let published: Vec<String> = expand(entry.name).collect();
        let missing = without(&recorded, &published);
        let extra = without(&published, &recorded);
        if !missing.is_empty() {
            let message = format!("not published yet, and left out: {}", listed(&missing));
            self.report(Severity::Note, line, message, LATER);
        }
        if !extra.is_empty() {
            let message = format!("published, though not in the record: {}", listed(&extra));
            let help = "they are imported; to remove them, propose a change";
            self.report(Severity::Note, line, message, help);
        }
        if missing.is_empty() && extra.is_empty() && entry.name != chart.counter.value {
            let message = format!("published in another order: {}", entry.name);
            self.report(Severity::Note, line, message, "it is imported as published");
        }
        if chart.depth != entry.depth {
            let message = match entry.depth {
                Some(depth) => format!("`{}` is published as a stack of depth {depth}", entry.name),
                None => format!("`{}` is published as a plain counter", entry.name),
            };
            self.report(Severity::Note, line, message, "it is imported as published");
        }
    }

    /// Puts the charts into the order in which their counters are published.
    fn restore_order(&mut self, charts: &mut [Chart]) {
        let position = |chart: &Chart| (chart.depth.is_some(), chart.position);
        let sorted =
            |stack: bool| charts.iter().map(position).filter(|at| at.0 == stack).is_sorted();
        if sorted(false) && sorted(true) {
            return;
        }
        if let Some(first) = charts.first() {
            let message = "the program's counters are published in another order".to_owned();
            let help = "they are imported in the published order";
            self.report(Severity::Note, first.record.line, message, help);
        }
        charts.sort_by_key(position);
    }
}

/// Everything that a program publishes.
fn entries(program: &ProgramConfig) -> Vec<Published<'_>> {
    let counters = program.counters.iter().map(|counter| (counter.name.as_str(), None));
    let stacks = program.stacks.iter().map(|s| (s.name.as_str(), Some(i64::from(s.depth))));
    let entries = counters.chain(stacks).enumerate();
    entries.map(|(position, (name, depth))| Published { name, depth, position }).collect()
}

/// Removes and returns the published group of the same chart that shares a bucket with an expression.
fn take_similar<'c>(left: &mut Vec<Published<'c>>, counter: &str) -> Option<Published<'c>> {
    let chart = |name: &str| name.split(':').next().map(str::to_owned);
    let names: HashSet<String> = expand(counter).collect();
    let similar = left.iter().position(|entry| {
        chart(entry.name) == chart(counter) && expand(entry.name).any(|name| names.contains(&name))
    });
    similar.map(|index| left.remove(index))
}

/// The strings of `all` that are not in `others`, in order.
fn without(all: &[String], others: &[String]) -> Vec<String> {
    let others: HashSet<&String> = others.iter().collect();
    all.iter().filter(|name| !others.contains(name)).cloned().collect()
}

/// The versions of a `cmd/...` program whose file lists none.
fn implied_versions(program: &Program, config: &CollectionConfig) -> Vec<String> {
    let named: Option<Vec<GoVersion>> = program
        .charts
        .iter()
        .map(|chart| GoVersion::parse(&chart.record.version.as_ref()?.value))
        .collect();
    let first = named.and_then(|versions| versions.into_iter().min());
    let mut versions: Vec<GoVersion> =
        config.go_version.iter().filter_map(|name| GoVersion::parse(name)).collect();
    versions.retain(|version| first.as_ref().is_none_or(|first| version >= first));
    versions.sort();
    versions.iter().map(|version| version.as_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use crate::collection::{Import, Imported, compile, import};
    use jiff::civil::Date;
    use std::fmt::Write;

    /// Records of one program: pairs of a counter and what else the record says.
    fn records(charts: &[(&str, &str)]) -> String {
        let mut text = String::new();
        for (counter, more) in charts {
            let kind = if more.contains("depth") { "stack" } else { "partition" };
            write!(
                text,
                "counter: {counter}\ntitle: t\ntype: {kind}\nissue: https://x.org/1\n\
                 program: x.org/p\nmodule: x.org/p\n{more}\n---\n"
            )
            .expect("writing to a string");
        }
        text
    }

    /// A published config of one program with these members.
    fn published(members: &str) -> String {
        format!(
            "{{\"GOOS\":[\"linux\"],\"GOARCH\":[\"arm64\"],\"GoVersion\":[\"go1.26.8\"],\
             \"SampleRate\":1,\"Programs\":[{{\"Name\":\"x.org/p\",\"Versions\":[\"v1.0.0\"],\
             {members}}}]}}"
        )
    }

    fn imported(records: &str, json: &str) -> Imported {
        let published = Some(("config.json", json.as_bytes()));
        let module = "x.org/config";
        import(&Import { file: "config.txt", records: records.as_bytes(), published, module })
            .unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// What is compiled after the import, and the notices, without the one that the bytes differ: the
    /// published config above is not written as Go writes it.
    fn outcome(charts: &[(&str, &str)], members: &str) -> (Vec<String>, Vec<String>) {
        let imported = imported(&records(charts), &published(members));
        let config = compile(&imported.definitions, Date::constant(1970, 1, 1));
        let program = config.programs.first().expect("a program");
        let counters = program.counters.iter().map(|counter| counter.name.clone());
        let stacks = program.stacks.iter().map(|stack| format!("{}^{}", stack.name, stack.depth));
        let notices = imported.notices.iter();
        let said = notices.map(|notice| format!("{}: {}", notice.severity, notice.message));
        let said = said.filter(|said| !said.contains("do not compile to the bytes"));
        (counters.chain(stacks).collect(), said.collect())
    }

    /// Records, published members, what is collected, and the notices.
    type Case<'a> = (&'a [(&'a str, &'a str)], String, &'a [&'a str], &'a [&'a str]);

    fn counter(name: &str) -> String {
        format!("{{\"Name\":\"{name}\",\"Rate\":1}}")
    }

    #[test]
    fn what_is_published_is_collected_and_every_difference_is_noted() {
        let counters = |names: &[&str]| {
            let counters: Vec<String> = names.iter().map(|name| counter(name)).collect();
            format!("\"Counters\":[{}]", counters.join(","))
        };
        let stack = "\"Stacks\":[{\"Name\":\"s\",\"Rate\":1,\"Depth\":8}]";
        let cases: &[Case] = &[
            (&[("a", ""), ("b:{c,d}", "")], counters(&["a", "b:{c,d}"]), &["a", "b:{c,d}"], &[]),
            (
                &[("a", ""), ("new", "")],
                counters(&["a"]),
                &["a"],
                &["note: `new` is not published yet, and is left out"],
            ),
            (
                &[("a", "")],
                counters(&["a", "old"]),
                &["a"],
                &["warning: `old` of `x.org/p` has no record"],
            ),
            (
                &[("g:{a,b,c}", "")],
                counters(&["g:{b,x}"]),
                &["g:{b,x}"],
                &[
                    "note: not published yet, and left out: `g:{a, c}`",
                    "note: published, though not in the record: `g:x`",
                ],
            ),
            (
                &[("g:{a,b}", "")],
                counters(&["g:{b,a}"]),
                &["g:{b,a}"],
                &["note: published in another order: g:{b,a}"],
            ),
            (
                &[("a", ""), ("b", "")],
                counters(&["b", "a"]),
                &["b", "a"],
                &["note: the program's counters are published in another order"],
            ),
            (
                &[("s", "depth: 16")],
                stack.into(),
                &["s^8"],
                &["note: `s` is published as a stack of depth 8"],
            ),
            (
                &[("s", "")],
                stack.into(),
                &["s^8"],
                &["note: `s` is published as a stack of depth 8"],
            ),
            (
                &[("a", "depth: 16")],
                counters(&["a"]),
                &["a"],
                &["note: `a` is published as a plain counter"],
            ),
            // Two groups of one chart, of which one is not published: no bucket is shared.
            (
                &[("g:{a}", ""), ("g:{b}", "")],
                counters(&["g:{b}"]),
                &["g:{b}"],
                &["note: `g:{a}` is not published yet, and is left out"],
            ),
        ];
        for (records, members, collected, said) in cases {
            let (found, notices) = outcome(records, members);
            assert_eq!(found, *collected, "{records:?}");
            assert_eq!(notices, *said, "{records:?}");
        }
    }

    #[test]
    fn programs_and_rates_that_records_cannot_express_get_a_warning() {
        let json = published(&format!("\"Counters\":[{}]", counter("a")))
            .replace("\"Programs\":[", "\"Programs\":[{\"Name\":\"x.org/q\",\"Versions\":[]},")
            .replace("\"Rate\":1", "\"Rate\":0.5");
        let imported = imported(&records(&[("a", "")]), &json);
        let said: String = imported.notices.iter().map(|notice| format!("{notice}\n")).collect();
        for expected in [
            "warning: the program `x.org/q` has no record",
            "warning: rates other than 1 are published",
            "warning: the imported definitions do not compile to the bytes of this file",
        ] {
            assert!(said.contains(expected), "{expected}\n{said}");
        }
    }

    #[test]
    fn a_published_config_that_is_not_a_config_is_refused() {
        let records = records(&[("a", "")]);
        let published = Some(("config.json", &b"[]"[..]));
        let module = "x.org/config";
        let bad = Import { file: "config.txt", records: records.as_bytes(), published, module };
        let errors = import(&bad).expect_err("refused").to_string();
        assert!(errors.contains("not a collection config") && errors.contains("config.json"));
    }
}
