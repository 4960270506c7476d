//! Which counter of which config feeds which row of which figure.
//!
//! A [`Plan`] is made from a catalogue (what is charted now) and the configs that the reports of a week
//! name (what could be reported then). For each program:
//!
//! - every chart of the catalogue is a figure, with a row for each of its counters;
//! - a counter that only an older config collects, and whose chart (the part before the `:`) is one of
//!   these, is another row of it, marked `removed`;
//! - counters of charts that the catalogue no longer has make one more figure per chart, after the
//!   others, titled by the newest expression that asked for them.
//!
//! **Rates.** Under one config a figure has one rate: the lowest of its counters' (including the
//! divisor's). A report of that config is in the figure's base if its X is at most that rate, so that
//! it could have any of the figure's counters. A report with a larger X may still have counters with a
//! higher rate; it is ignored, since the absence of the others means nothing.

use super::marginal_plan::{MarginPlan, plan_margins};
use crate::aggregate::figure::{Definition, Kind};
use crate::charts::counter::{bucket, chart_of};
use crate::charts::program_path::ProgramPath;
use crate::charts::version::Version;
use crate::collection::config::ProgramConfig;
use crate::collection::{CollectionConfig, expand};
use crate::gomod::ModuleVersion;
use crate::publish::{Catalogue, CatalogueChart, ChartIds, Marginals};
use std::collections::{BTreeSet, HashMap, HashSet};

/// A config that reports name.
#[derive(Debug, Clone)]
pub struct ConfigUnder {
    /// Its version.
    pub version: ModuleVersion,
    /// What it collects.
    pub config: CollectionConfig,
}

/// What is counted where, for all programs.
#[derive(Debug)]
pub struct Plan {
    /// The configs, oldest first; elsewhere they are identified by their index here.
    pub configs: Vec<PlannedConfig>,
    /// The programs, by path.
    pub programs: Vec<ProgramPlan>,
}

/// A config, as far as every figure needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedConfig {
    /// Its version, as reports write it.
    pub version: String,
    /// The largest X with which a report was sent under it.
    pub sample_rate: f64,
}

/// What is counted where, for one program.
#[derive(Debug)]
pub struct ProgramPlan {
    /// Its path.
    pub program: String,
    /// Whether the catalogue has charts of it.
    pub collected: bool,
    /// By config: whether it asks for the program.
    pub asked: Vec<bool>,
    /// The figures of its charts.
    pub figures: Vec<FigurePlan>,
    /// For each counter, what it feeds.
    pub targets: HashMap<String, Vec<Target>>,
    /// For each stack counter, the figure, and the index of the counter among its rows.
    pub stacks: HashMap<String, (usize, usize)>,
    /// The margins of all its published marginals, one after the other.
    pub margins: Vec<MarginPlan>,
    /// The published marginals themselves.
    pub marginals: Vec<Marginals>,
    /// How many rows all its ratios have.
    pub ratios: usize,
    /// How many numbers a tally of it has.
    pub width: usize,
}

/// The place in a tally of all reports with the program.
pub const PRESENT: usize = 0;

/// One figure.
#[derive(Debug)]
pub struct FigurePlan {
    /// Its description.
    pub about: About,
    /// By config: the rate, where any of its counters is collected.
    pub rates: Vec<Option<f64>>,
    /// The first version that is included.
    pub first: Option<Version>,
    /// Its counters; for stacks, the names before the frames.
    pub rows: Vec<RowPlan>,
    /// The place in a tally of its base.
    pub base: usize,
    /// The place in a tally of the reports of its base with none of its counters.
    pub none: usize,
    /// For a ratio: the index of its first row among the rows of all the program's ratios.
    pub first_ratio: usize,
}

/// A figure's description.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// Its name in addresses.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// What it shows, at length.
    pub description: Option<String>,
    /// What is drawn.
    pub kind: Kind,
    /// The counter expression.
    pub counter: String,
    /// The divisor of a ratio.
    pub over: Option<String>,
    /// Links to discussions.
    pub issue: Vec<String>,
    /// Where it is defined.
    pub definition: Option<Definition>,
    /// Whether the catalogue has it.
    pub collected: bool,
}

/// One counter of a figure.
#[derive(Debug, Clone, PartialEq)]
pub struct RowPlan {
    /// Its bucket.
    pub label: String,
    /// Its full name.
    pub counter: String,
    /// Whether only older configs collect it.
    pub removed: bool,
    /// By config: whether it is collected.
    pub collected: Vec<bool>,
    /// Its place in a tally; unused for stacks.
    pub place: usize,
    /// The place in a tally of the reports that count it most among the figure's rows; unused for stacks and
    /// ratios.
    pub most: usize,
}

/// What a counter feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A row.
    Row {
        /// The figure.
        figure: usize,
        /// The row's place in a tally; the one after it is for reports that count it most.
        place: usize,
    },
    /// The dividend of a row of a ratio.
    Dividend {
        /// The figure.
        figure: usize,
        /// The row, among those of all the program's ratios.
        ratio: usize,
    },
    /// The divisor of a ratio.
    Divisor {
        /// The figure.
        figure: usize,
    },
    /// A category of a margin.
    Category {
        /// The margin.
        margin: usize,
        /// The category.
        category: usize,
    },
}

impl Plan {
    /// Plans a week whose reports name `configs`, oldest first.
    pub fn new(catalogue: &Catalogue, configs: &[ConfigUnder]) -> Plan {
        let mut paths: BTreeSet<&str> =
            catalogue.programs.iter().map(|program| program.program.as_str()).collect();
        for under in configs {
            paths.extend(under.config.programs.iter().map(|program| program.name.as_str()));
        }
        let planned = |under: &ConfigUnder| PlannedConfig {
            version: under.version.to_string(),
            sample_rate: under.config.sample_rate.get(),
        };
        Plan {
            configs: configs.iter().map(planned).collect(),
            programs: paths.into_iter().map(|path| plan(path, catalogue, configs)).collect(),
        }
    }
}

/// What one config collects of one program: names with rates, counters and stacks separately.
#[derive(Debug, Default)]
struct Collected {
    /// Expression, name and rate, in the config's order. If a name is listed twice, the last entry's
    /// rate counts, as in Go's client.
    counters: Vec<(String, String, f64)>,
    stacks: Vec<(String, String, f64)>,
}

impl Collected {
    fn of(program: &ProgramConfig) -> Collected {
        let counters = program.counters.iter().flat_map(|entry| {
            let expression = entry.name.clone();
            expand(&entry.name).map(move |name| (expression.clone(), name, entry.rate.get()))
        });
        let stacks = program.stacks.iter();
        Collected {
            counters: counters.collect(),
            stacks: stacks.map(|s| (s.name.clone(), s.name.clone(), s.rate.get())).collect(),
        }
    }

    fn entries(&self, stack: bool) -> &[(String, String, f64)] {
        if stack { &self.stacks } else { &self.counters }
    }

    fn rates(&self, stack: bool) -> HashMap<&str, f64> {
        self.entries(stack).iter().map(|(_, name, rate)| (name.as_str(), *rate)).collect()
    }
}

/// A figure that is being planned.
struct Draft {
    about: About,
    first: Option<Version>,
    /// Names, and whether they are removed, in order.
    names: Vec<(String, bool)>,
}

fn plan(path: &str, catalogue: &Catalogue, configs: &[ConfigUnder]) -> ProgramPlan {
    let collected: Vec<Collected> = configs
        .iter()
        .map(|under| {
            let program = under.config.programs.iter().rfind(|program| program.name == path);
            program.map(Collected::of).unwrap_or_default()
        })
        .collect();
    let charts: Vec<&CatalogueChart> =
        catalogue.charts.iter().filter(|chart| chart.program == path).collect();
    let mut drafts: Vec<Draft> = charts.iter().map(|chart| draft(chart)).collect();
    for stack in [false, true] {
        add_removed(&mut drafts, &collected, stack);
    }
    let of_program = catalogue.marginals.iter().filter(|marginals| marginals.program == path);
    let mut plan = ProgramPlan {
        program: path.to_owned(),
        collected: !charts.is_empty(),
        asked: configs
            .iter()
            .map(|under| under.config.programs.iter().any(|program| program.name == path))
            .collect(),
        figures: Vec::with_capacity(drafts.len()),
        targets: HashMap::new(),
        stacks: HashMap::new(),
        margins: Vec::new(),
        marginals: of_program.cloned().collect(),
        ratios: 0,
        width: PRESENT + 1,
    };
    let rates = [false, true]
        .map(|stack| collected.iter().map(|collected| collected.rates(stack)).collect::<Vec<_>>());
    let [counters, stacks] = &rates;
    for draft in drafts {
        let rates = if draft.about.kind == Kind::Stack { stacks } else { counters };
        plan.add(draft, rates);
    }
    plan.margins = plan_margins(&plan.marginals);
    for (margin, planned) in plan.margins.iter().enumerate() {
        for (category, counter) in planned.counters.iter().enumerate() {
            let targets = plan.targets.entry(counter.clone()).or_default();
            targets.push(Target::Category { margin, category });
        }
    }
    plan
}

fn draft(chart: &CatalogueChart) -> Draft {
    let kind = match chart.kind.as_str() {
        "histogram" => Kind::Histogram,
        "timeseries" => Kind::Timeseries,
        "ratio" => Kind::Ratio,
        "stack" => Kind::Stack,
        _ => Kind::Partition,
    };
    let mut names: Vec<(String, bool)> = expand(&chart.counter).map(|name| (name, false)).collect();
    if kind == Kind::Partition {
        // A stable sort: only the bucket `other` moves, to the end.
        names.sort_by_key(|(name, _)| bucket(&chart.counter, name) == "other");
    }
    let program = ProgramPath::parse(&chart.program);
    Draft {
        first: chart.version.as_ref().and_then(|first| program?.parse_version(first)),
        about: About {
            id: chart.id.clone(),
            title: chart.title.clone(),
            description: chart.description.clone(),
            kind,
            counter: chart.counter.clone(),
            over: chart.over.clone(),
            issue: chart.issue.clone(),
            definition: Some(Definition {
                file: chart.file.clone(),
                line: chart.line,
                added: chart.added.clone(),
                added_on: chart.added_on,
            }),
            collected: true,
        },
        names,
    }
}

/// Adds counters that the configs collect and no chart of the catalogue has.
fn add_removed(drafts: &mut Vec<Draft>, collected: &[Collected], stack: bool) {
    let charted = |draft: &Draft| (draft.about.kind == Kind::Stack) == stack;
    let mut known: HashSet<String> = HashSet::new();
    let mut by_chart: HashMap<String, usize> = HashMap::new();
    for (number, draft) in drafts.iter().enumerate().filter(|(_, draft)| charted(draft)) {
        known.extend(draft.names.iter().map(|(name, _)| name.clone()));
        known.extend(draft.about.over.clone());
        by_chart.entry(chart_of(&draft.about.counter).to_owned()).or_insert(number);
    }
    let mut ids: ChartIds = ChartIds::default();
    drafts.iter().for_each(|draft| ids.take(&draft.about.id));
    // The newest config first: its expression is the title of a removed chart.
    for collected in collected.iter().rev() {
        for (expression, name, _) in collected.entries(stack) {
            if known.contains(name) {
                continue;
            }
            known.insert(name.clone());
            let chart = chart_of(expression).to_owned();
            let number = *by_chart.entry(chart).or_insert_with(|| {
                drafts.push(removed_chart(expression, ids.name(expression), stack));
                drafts.len() - 1
            });
            if let Some(draft) = drafts.get_mut(number) {
                let removed = draft.about.collected || draft.about.counter != *expression;
                draft.names.push((name.clone(), removed));
            }
        }
    }
}

/// A chart that the catalogue no longer has.
fn removed_chart(expression: &str, id: String, stack: bool) -> Draft {
    let about = About {
        id,
        title: expression.to_owned(),
        description: None,
        kind: if stack { Kind::Stack } else { Kind::Partition },
        counter: expression.to_owned(),
        over: None,
        issue: Vec::new(),
        definition: None,
        collected: false,
    };
    Draft { about, first: None, names: Vec::new() }
}

impl ProgramPlan {
    /// Adds a figure; `rates` are, by config, those of all counters (or stacks).
    fn add(&mut self, draft: Draft, rates: &[HashMap<&str, f64>]) {
        let figure = self.figures.len();
        let Draft { about, first, names } = draft;
        let divisors: Vec<Option<f64>> = match &about.over {
            Some(over) => rates.iter().map(|rates| rates.get(over.as_str()).copied()).collect(),
            // Everything is divided by one.
            None => vec![Some(1.0); rates.len()],
        };
        let mut least: Vec<Option<f64>> = vec![None; rates.len()];
        let (base, none) = (self.width, self.width + 1);
        self.width += 2;
        let first_ratio = self.ratios;
        let mut rows = Vec::with_capacity(names.len());
        for (number, (counter, removed)) in names.into_iter().enumerate() {
            let mut collected = Vec::with_capacity(rates.len());
            for ((rates, divisor), least) in rates.iter().zip(&divisors).zip(&mut least) {
                let rate = rates.get(counter.as_str()).copied();
                let both = rate.zip(*divisor).map(|(rate, divisor)| rate.min(divisor));
                *least = match (*least, both) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
                collected.push(both.is_some());
            }
            let place = self.width;
            match about.kind {
                Kind::Stack => {
                    self.stacks.insert(counter.clone(), (figure, number));
                }
                kind => {
                    // A ratio's rows are compared with nothing.
                    self.width += if kind == Kind::Ratio { 1 } else { 2 };
                    let target = match kind {
                        Kind::Ratio => Target::Dividend { figure, ratio: first_ratio + number },
                        _ => Target::Row { figure, place },
                    };
                    self.targets.entry(counter.clone()).or_default().push(target);
                }
            }
            let label = bucket(&about.counter, &counter).to_owned();
            let most = place + 1;
            rows.push(RowPlan { label, counter, removed, collected, place, most });
        }
        if let Some(over) = &about.over {
            self.ratios += rows.len();
            self.targets.entry(over.clone()).or_default().push(Target::Divisor { figure });
        }
        self.figures.push(FigurePlan { about, rates: least, first, rows, base, none, first_ratio });
    }
}
