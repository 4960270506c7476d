//! Made-up charts of weeks: every kind of figure, typical ones and edge cases. They only depend on the week.

use candor::aggregate::PublicData;
use candor::aggregate::edition::Edition;
use candor::aggregate::figure::{
    Base, Breakdown, Category, ConfigUse, Definition, DefinitionsSource, Dimension, Distribution,
    Estimate, FORMAT, Figure, Group, Interval, Kind, Margin, ProgramCharts, Quantile, RateUse,
    Reweighted, Row, WeekCharts,
};
use candor::aggregate::index::{self, Dataset, Index, Week};
use candor::aggregate::stored_charts::NewCharts;
use candor::store::{Key, Store, Swap, checksum};
use jiff::civil::{Date, date};
use std::sync::Arc;

/// A program with typical figures.
pub const GOPLS: &str = "golang.org/x/tools/gopls";
/// A program with the same base name and edge cases.
pub const AWKWARD: &str = "example.org/~odd+fork/x/tools/gopls";
/// A program with a single report.
pub const LONELY: &str = "example.org/lonely";
/// The last day of the newest week.
pub const NEWEST: Date = date(2026, 11, 15);
/// Names with characters that are special in HTML, SVG, addresses, CSV and spreadsheets.
pub const HOSTILE: [&str; 12] = [
    "<script>alert(1)</script>",
    "\"quoted\" & 'single'",
    "=HYPERLINK(\"http://evil.example\",\"x\")",
    "+1",
    "-1",
    "@SUM(A1)",
    "'=not a formula",
    "comma, semicolon; tab\tend",
    "100%25",
    "Zürich 東京 🦀",
    "\u{202e}turned",
    "a-name-that-goes-on-and-on-and-on-until-no-column-of-any-table-could-possibly-hold-it-whole",
];

/// Numbers that look random and are not.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A number from 0 to 1, by SplitMix64.
    pub fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// An estimate of a share from a number of reports, with Wilson's interval at 99%.
pub fn estimate(share: f64, base: &Base) -> Estimate {
    let reports = (share * base.reports as f64).round() as u64;
    if base.reports == 0 {
        return Estimate {
            reports,
            total: 0.0,
            share: Interval { value: 0.0, low: 0.0, high: 1.0 },
        };
    }
    let (n, z) = (base.effective.max(1.0), 2.575_829_303_548_901);
    let p = reports as f64 / base.reports as f64;
    let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt() / (1.0 + z * z / n);
    let share = Interval {
        value: p,
        low: (middle - half).max(0.0).min(p),
        high: (middle + half).min(1.0).max(p),
    };
    Estimate { reports, total: p * base.total, share }
}

/// A base with a number of reports at a rate.
pub fn base(reports: u64, rate: f64) -> Base {
    Base { reports, total: reports as f64 / rate, effective: reports as f64 }
}

/// A row of a share.
pub fn row(label: &str, share: f64, base: &Base) -> Row {
    Row {
        label: label.to_owned(),
        counter: None,
        frames: Vec::new(),
        estimate: estimate(share, base),
        base: None,
        removed: false,
        distribution: None,
        most: None,
    }
}

/// A figure with these shares.
pub fn figure(id: &str, title: &str, kind: Kind, base: Base, shares: &[(&str, f64)]) -> Figure {
    let counter = !matches!(id, "program-versions" | "platforms" | "toolchains");
    let rows = shares.iter().map(|(label, share)| Row {
        counter: counter.then(|| format!("{id}:{label}")),
        ..row(label, *share, &base)
    });
    let rate = if base.total > 0.0 { base.reports as f64 / base.total } else { 0.5 };
    Figure {
        id: id.to_owned(),
        title: title.to_owned(),
        description: None,
        kind,
        counter: counter.then(|| format!("{id}:{{a,b}}")),
        over: None,
        issue: Vec::new(),
        definition: None,
        collected: true,
        rates: vec![RateUse { config: "v0.3.0".to_owned(), rate, reports: base.reports }],
        base,
        coverage: 1.0,
        expected: None,
        jump: None,
        rows: rows.collect(),
        left_out: 0,
        none: None,
        by: Vec::new(),
        reweighted: Vec::new(),
    }
}

fn defined(mut figure: Figure, counter: &str, line: u32) -> Figure {
    figure.counter = Some(counter.to_owned());
    figure.issue = vec![format!("https://github.com/example/charts/issues/{line}")];
    figure.definition = Some(Definition {
        file: "charts-config/charts/gopls.toml".to_owned(),
        line,
        added: "4d1f0c35a8d2be2b2f4a7e0c9d8b7a6f5e4d3c2b".to_owned(),
        added_on: date(2026, 3, 4),
    });
    figure
}

fn by(figure: &Figure, dimension: Dimension, groups: &[(&str, f64)], dice: &mut Dice) -> Breakdown {
    let groups = groups.iter().map(|(label, part)| {
        let reports = (figure.base.reports as f64 * part).round();
        let base = Base {
            reports: reports as u64,
            total: figure.base.total * part,
            effective: figure.base.effective * part,
        };
        let rows = figure.rows.iter().map(|row| Row {
            estimate: estimate(
                (row.estimate.share.value * (0.8 + 0.4 * dice.roll())).min(1.0),
                &base,
            ),
            ..row.clone()
        });
        let none = figure.none.map(|none| estimate(none.share.value, &base));
        Group { label: (*label).to_owned(), base, rows: rows.collect(), none }
    });
    Breakdown { dimension, groups: groups.collect(), rest: None }
}

/// A row of a ratio, with these quantiles.
pub fn ratio_row(label: &str, quantiles: [f64; 5], base: &Base) -> Row {
    let at = [0.05, 0.25, 0.5, 0.75, 0.95];
    let quantiles = at.into_iter().zip(quantiles).map(|(at, value)| Quantile {
        at,
        quotient: Interval { value, low: value * 0.95, high: value * 1.06 },
        open: at > 0.9,
    });
    let distribution = Some(Distribution { quantiles: quantiles.collect() });
    Row { distribution, ..row(label, 0.9, base) }
}

fn of_program(program: &str, reports: u64, charts: Vec<Figure>) -> ProgramCharts {
    let (program, coverage) = (program.to_owned(), 1.0);
    ProgramCharts { program, reports, coverage, expected: None, jump: None, charts }
}

/// The typical program in the week with this number.
fn gopls(week: u32, dice: &mut Dice) -> ProgramCharts {
    let reports = 15_200 + u64::from(week) * 97 + (dice.roll() * 400.0) as u64;
    let all = base(reports, 0.066_352);
    let wander = |dice: &mut Dice| 0.97 + 0.06 * dice.roll();
    let new = f64::from(week) / 30.0;
    let versions = [
        ("v0.21.0-pre.1", 0.004),
        ("v0.20.0", 0.12 + 0.3 * new),
        ("v0.19.1", 0.36 - 0.2 * new),
        ("v0.19.0", 0.21),
        ("v0.18.1", 0.12),
        ("v0.17.0", 0.033),
        ("devel", 0.0061),
    ];
    let platforms = [
        ("linux/amd64", 0.48),
        ("darwin/arm64", 0.31),
        ("windows/amd64", 0.19),
        ("linux/arm64", 0.021),
        ("darwin/amd64", 0.019),
    ];
    let toolchains =
        [("go1.25.1", 0.38), ("go1.25.0", 0.17), ("go1.24.6", 0.32), ("go1.23.12", 0.13)];
    let mut charts = vec![
        figure("program-versions", "Versions", Kind::Partition, all, &versions),
        figure("platforms", "Platforms", Kind::Partition, all, &platforms),
        figure("toolchains", "Toolchains", Kind::Partition, all, &toolchains),
    ];
    let editors = [
        ("vscode", 0.618 * wander(dice)),
        ("neovim", 0.147 * wander(dice)),
        ("vim", 0.052),
        ("emacs", 0.043 * wander(dice)),
        ("helix", 0.019),
        ("zed", 0.0004),
        ("sublimetext", 0.004),
        ("other", 0.061),
    ];
    let counter = "gopls/client:{vscode,neovim,vim,emacs,helix,zed,sublimetext,other}";
    let mut editor = figure("gopls-client", "Editor distribution", Kind::Partition, all, &editors);
    editor.description =
        Some("Which editors gopls serves, by what they call themselves.".to_owned());
    editor.none = Some(estimate(0.071, &all));
    for (row, (name, _)) in editor.rows.iter_mut().zip(editors) {
        row.counter = Some(format!("gopls/client:{name}"));
    }
    if let Some(row) = editor.rows.get_mut(6) {
        let some = base(reports / 10, 0.132_704);
        row.removed = true;
        row.base = Some(some);
        row.estimate = estimate(0.004, &some);
    }
    editor.rates = vec![
        RateUse { config: "v0.2.0".into(), rate: 0.132704, reports: reports / 10 },
        RateUse { config: "v0.3.0".into(), rate: 0.066352, reports: reports - reports / 10 },
    ];
    editor.by = vec![
        by(&editor, Dimension::Version, &versions, dice),
        by(&editor, Dimension::Platform, &platforms, dice),
        by(&editor, Dimension::Toolchain, &toolchains, dice),
    ];
    editor.reweighted = vec![reweighted(&editor)];
    charts.push(defined(editor, counter, 12));

    let latency = [
        ("<10ms", 0.71),
        ("<50ms", 0.88),
        ("<100ms", 0.69),
        ("<200ms", 0.47),
        ("<500ms", 0.31),
        ("<1s", 0.14),
        ("<5s", 0.06),
        ("<24h", 0.011),
    ];
    let title = "Completion latency";
    let mut latency = figure("gopls-completion-latency", title, Kind::Histogram, all, &latency);
    latency.none = Some(estimate(0.08, &all));
    latency.by = vec![by(&latency, Dimension::Platform, &platforms, dice)];
    let counter = "gopls/completion/latency:{<10ms,<50ms,<100ms,<200ms,<500ms,<1s,<5s,<24h}";
    charts.push(defined(latency, counter, 25));

    let go = [
        ("1.25", 0.2 + 0.5 * new),
        ("1.24", 0.5 - 0.3 * new),
        ("1.23", 0.21 * wander(dice)),
        ("1.22", 0.05),
        ("<1.22", 0.03),
    ];
    let title = "Go version of the workspace";
    let go = figure("gopls-goversion", title, Kind::Timeseries, all, &go);
    charts.push(defined(go, "gopls/goversion:{1.25,1.24,1.23,1.22,<1.22}", 38));

    let some = base(reports / 3, 0.02);
    let mut ratio = figure("gopls-bug", "Errors a session", Kind::Ratio, some, &[]);
    ratio.over = Some("gopls/sessions".to_owned());
    let quantiles = [
        ("completion", [0.0, 0.1, 0.42, 0.9, 2.1]),
        ("diagnostics", [0.0, 0.0, 0.08, 0.31, 1.2]),
        ("rename", [0.0, 0.0, 0.0, 0.02, 0.2]),
    ];
    ratio.rows = quantiles.iter().map(|(label, q)| ratio_row(label, *q, &some)).collect();
    charts.push(defined(ratio, "gopls/error:{completion,diagnostics,rename}", 51));

    let mut stack = figure("gopls-crash", "Crashes", Kind::Stack, all, &[]);
    stack.rows = (0..14)
        .map(|place| {
            let function = [
                "golang.org/x/tools/gopls/internal/golang.(*completer).deepSearch",
                "runtime.gopanic",
                "golang.org/x/tools/gopls/internal/cache.(*snapshot).Symbols.func1",
            ];
            let label = function[place % 3];
            let frames = [
                label,
                "golang.org/x/tools/gopls/internal/server.(*server).Completion",
                "main.main",
            ];
            Row {
                frames: frames.iter().map(|frame| (*frame).to_owned()).collect(),
                counter: None,
                ..row(label, 0.02 / (place + 1) as f64, &all)
            }
        })
        .collect();
    stack.left_out = 7;
    charts.push(defined(stack, "gopls/crash", 64));
    of_program(GOPLS, reports, charts)
}

fn reweighted(figure: &Figure) -> Reweighted {
    let base = Base { effective: figure.base.effective * 0.71, ..figure.base };
    let category = |label: &str, wanted, before, after, reports| Category {
        label: label.to_owned(),
        wanted,
        before,
        after,
        reports,
    };
    let rows = figure.rows.iter().map(|row| Row {
        estimate: estimate((row.estimate.share.value * 0.8 + 0.03).min(1.0), &base),
        ..row.clone()
    });
    Reweighted {
        id: "survey-2026".to_owned(),
        title: "Developer survey 2026".to_owned(),
        source: vec!["https://example.org/survey-2026".to_owned()],
        converged: true,
        iterations: 9,
        worst: 3.2e-7,
        trimmed: 41,
        margins: vec![Margin {
            of: "goos".to_owned(),
            categories: vec![
                category("linux", 0.45, 0.501, 0.452, 8_011),
                category("darwin", 0.30, 0.329, 0.301, 5_100),
                category("windows", 0.24, 0.17, 0.247, 2_702),
                category("plan9", 0.01, 0.0, 0.0, 0),
            ],
        }],
        base,
        rows: rows.collect(),
    }
}

/// The program with edge cases: hostile names, many buckets, many versions, no reports.
fn awkward() -> ProgramCharts {
    let all = base(4_321, 0.5);
    let small = base(23, 0.5);
    let none = base(0, 0.5);
    let hostile: Vec<_> = HOSTILE.iter().map(|name| (*name, 0.3)).collect();
    let versions: Vec<_> = (0..100).map(|minor| format!("v1.{}.0", 100 - minor)).collect();
    let versions: Vec<_> =
        versions.iter().enumerate().map(|(i, v)| (v.as_str(), 0.2 / (i + 1) as f64)).collect();
    let buckets: Vec<_> = (0..40).map(|power| format!("<2^{power} nanoseconds")).collect();
    let buckets: Vec<_> = buckets
        .iter()
        .enumerate()
        .map(|(i, b)| (b.as_str(), 0.3 * (-((i as f64 - 18.0) / 8.0).powi(2)).exp()))
        .collect();
    let mut odd = figure("odd", HOSTILE[0], Kind::Partition, all, &hostile);
    odd.description = Some(HOSTILE[1].to_owned());
    odd.issue = vec!["javascript:alert(1)".to_owned()];
    odd.collected = false;
    odd.by = vec![by(&odd, Dimension::Version, &hostile, &mut Dice::new(1))];
    let mut few = figure("few", "A small sample", Kind::Partition, small, &hostile[..4]);
    few.none = Some(estimate(0.4, &small));
    let mut ratio = figure("huge", "Large quotients", Kind::Ratio, small, &[]);
    ratio.rows = vec![
        ratio_row(HOSTILE[0], [0.0; 5], &small),
        ratio_row(HOSTILE[11], [1.0, 5_000.0, 1.0e6, 2.0e9, 1.8e15], &small),
    ];
    let mut stack = figure("deep", "Deep stacks", Kind::Stack, all, &hostile);
    for row in &mut stack.rows {
        row.frames = (0..30).map(|frame| format!("{}.frame{frame}", row.label)).collect();
    }
    let charts = vec![
        figure("program-versions", "Versions", Kind::Partition, all, &versions),
        odd,
        figure("buckets", "Forty buckets", Kind::Histogram, all, &buckets),
        figure("hostile-order", "Hostile order", Kind::Histogram, small, &hostile),
        few,
        figure("unseen", "Never counted", Kind::Partition, none, &hostile[..3]),
        figure("nothing", "No rows", Kind::Stack, all, &[]),
        figure("over-time", "Many series", Kind::Timeseries, all, &hostile),
        ratio,
        stack,
    ];
    of_program(AWKWARD, all.reports, charts)
}

/// The charts of the week that ended on `last`; the newest is not complete yet.
pub fn week(last: Date) -> WeekCharts {
    let first_day = last.saturating_sub(jiff::Span::new().days(6));
    let epoch = date(2026, 4, 19);
    let number = epoch.until(last).map_or(0, |span| span.get_days() / 7).unsigned_abs();
    let mut dice = Dice::new(u64::from(number) + 1);
    let mut programs = vec![awkward(), gopls(number, &mut dice)];
    let one = base(1, 1.0);
    let lonely = figure("platforms", "Platforms", Kind::Partition, one, &[("linux/amd64", 1.0)]);
    let reports = 1;
    programs.insert(1, of_program(LONELY, reports, vec![lonely]));
    WeekCharts {
        format: FORMAT,
        week: last,
        first_day,
        edition: if last < NEWEST { Edition::Last } else { Edition::First },
        complete: last < NEWEST,
        confidence: 0.99,
        reports: programs.iter().map(|program| program.reports).sum(),
        expected: None,
        jump: None,
        configs: vec![
            ConfigUse { version: "v0.2.0".into(), reports: 1_600, sample_rate: 0.132704 },
            ConfigUse { version: "v0.3.0".into(), reports: 18_000, sample_rate: 0.5 },
        ],
        definitions: DefinitionsSource {
            repository: "https://github.com/example/charts".into(),
            commit: "0c9d8b7a6f5e4d3c2b4d1f0c35a8d2be2b2f4a7e".into(),
            path: "charts-config".into(),
        },
        programs,
    }
}

/// The last days of a number of weeks, newest first; one in the middle has no charts.
pub fn weeks(count: u32) -> Vec<Date> {
    (0..count)
        .filter(|ago| *ago != 9)
        .map(|ago| NEWEST.saturating_sub(jiff::Span::new().weeks(i64::from(ago))))
        .collect()
}

/// Stores the charts of these weeks as what is public now.
pub fn publish<S: Store + 'static>(store: &Arc<S>, charts: &[WeekCharts]) {
    let mut public = Index { format: index::FORMAT, ..Index::default() };
    for week in charts {
        let data = Dataset { reports: week.reports, complete: week.complete, ..Dataset::default() };
        public.weeks.insert(week.week, Week { data, charts: None });
    }
    let key = Key::new("public/index").expect("a key");
    let before = store.pointer(&key).expect("read");
    let bytes = checksum::add(serde_json::to_vec(&public).expect("JSON"));
    let swap = store.swap(&key, before.as_deref(), &bytes).expect("swapped");
    assert_eq!(swap, Swap::Won);
    let data = PublicData::new(store.clone());
    for week in charts {
        let index = data.index().expect("an index");
        let around = WeekCharts { programs: Vec::new(), ..week.clone() };
        let mut new = NewCharts::begin(&data, &index, around).expect("begun");
        for program in &week.programs {
            new.add(program.clone(), None).expect("stored");
        }
        let published = new.publish(&week.week.to_string(), |_| true).expect("published");
        assert!(published.is_some());
    }
}
