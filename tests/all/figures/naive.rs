//! The same numbers, computed naively from the reports' JSON: one report after the other, one row after the
//! other, sharing no code with the program.

use crate::figures::world::World;
use candor::aggregate::figure::{Figure, Kind};
use candor::aggregate::statistics::sample::Weights;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Builds of a program in one report.
pub type Builds<'a> = Vec<&'a Value>;

/// What one figure is about, derived from the catalogue and the configs by name.
pub struct Chart<'w> {
    world: &'w World,
    program: String,
    kind: Kind,
    over: Option<String>,
    first: Option<String>,
    /// All counters, or names of stacks.
    pub names: BTreeSet<String>,
}

fn expand(expression: &str) -> Vec<String> {
    match expression.split_once('{') {
        None => vec![expression.to_owned()],
        Some((chart, rest)) => {
            let buckets = rest.trim_end_matches('}').split(',');
            buckets.map(|bucket| format!("{chart}{bucket}")).collect()
        }
    }
}

fn chart_of(name: &str) -> &str {
    name.split([':', '{']).next().expect("a name")
}

/// The rate of a counter (or stack) of a program under a config.
fn rate(world: &World, config: &str, program: &str, name: &str, stack: bool) -> Option<f64> {
    let under = world.configs.iter().find(|under| under.version.to_string() == config)?;
    let program = under.config.programs.iter().find(|p| p.name == program)?;
    if stack {
        let found = program.stacks.iter().find(|stack| stack.name == name);
        return found.map(|stack| stack.rate.get());
    }
    let has = |c: &&candor::collection::config::CounterConfig| {
        expand(&c.name).iter().any(|counter| counter == name)
    };
    program.counters.iter().find(has).map(|counter| counter.rate.get())
}

/// All names that the configs collect for a program.
fn collected(world: &World, program: &str, stack: bool) -> BTreeSet<String> {
    let programs = world.configs.iter().flat_map(|under| &under.config.programs);
    let of = programs.filter(|p| p.name == program);
    if stack {
        of.flat_map(|p| p.stacks.iter().map(|stack| stack.name.clone())).collect()
    } else {
        of.flat_map(|p| p.counters.iter().flat_map(|c| expand(&c.name))).collect()
    }
}

impl<'w> Chart<'w> {
    /// All charts that a program must have, by their counters' chart.
    pub fn all(world: &'w World, program: &str) -> BTreeMap<(bool, String), Chart<'w>> {
        let mut charts = BTreeMap::new();
        let mut known: [BTreeSet<String>; 2] = Default::default();
        for chart in world.catalogue.charts.iter().filter(|chart| chart.program == program) {
            let kind = match chart.kind.as_str() {
                "partition" => Kind::Partition,
                "histogram" => Kind::Histogram,
                "timeseries" => Kind::Timeseries,
                "ratio" => Kind::Ratio,
                "stack" => Kind::Stack,
                other => panic!("{other}"),
            };
            let stack = kind == Kind::Stack;
            known[usize::from(stack)].extend(expand(&chart.counter));
            known[usize::from(stack)].extend(chart.over.clone());
            let names = expand(&chart.counter).into_iter().collect();
            let key = (stack, chart_of(&chart.counter).to_owned());
            let (over, first) = (chart.over.clone(), chart.version.clone());
            let program = program.to_owned();
            charts.insert(key, Chart { world, program, kind, over, first, names });
        }
        for stack in [false, true] {
            for name in collected(world, program, stack).difference(&known[usize::from(stack)]) {
                let key = (stack, chart_of(name).to_owned());
                let kind = if stack { Kind::Stack } else { Kind::Partition };
                let names = BTreeSet::new();
                let chart = charts.entry(key).or_insert_with(|| Chart {
                    world,
                    program: program.to_owned(),
                    kind,
                    over: None,
                    first: None,
                    names,
                });
                chart.names.insert(name.clone());
            }
        }
        charts
    }

    pub fn is_stack(&self) -> bool {
        self.kind == Kind::Stack
    }

    pub fn is_ratio(&self) -> bool {
        self.kind == Kind::Ratio
    }

    pub fn is(&self, figure: &Figure) -> bool {
        self.kind == figure.kind && self.over == figure.over
    }

    /// The rate of one counter under a config, as far as this chart can use it.
    fn rate_of(&self, config: &str, name: &str) -> Option<f64> {
        let of =
            |name: &str| rate(self.world, config, &self.program, name, self.kind == Kind::Stack);
        match &self.over {
            None => of(name),
            Some(over) => Some(of(name)?.min(of(over)?)),
        }
    }

    pub fn rate(&self, config: &str) -> Option<f64> {
        self.names.iter().filter_map(|name| self.rate_of(config, name)).reduce(f64::min)
    }

    fn counts_from(&self, build: &Value) -> bool {
        let version = build["Version"].as_str().expect("a version");
        let Some(first) = &self.first else { return true };
        // The few versions, oldest first.
        let order =
            ["go1.9", "go1.21rc1", "go1.21.0", "v1.9.0-pre.2", "v1.9.0", "v1.10.0", "v2.0.0"];
        let place = |version: &str| order.iter().position(|known| *known == version);
        place(version).expect("known") >= place(first).expect("known")
    }

    /// The builds that count, if the report is in the base.
    fn based<'v>(&self, report: &Value, builds: &Builds<'v>) -> Option<Builds<'v>> {
        let rate = self.rate(report["Config"].as_str().expect("a config"))?;
        let builds: Builds<'_> =
            builds.iter().copied().filter(|build| self.counts_from(build)).collect();
        let x = report["X"].as_f64().expect("X");
        let divisible = self.over.as_ref().is_none_or(|over| sum(&builds, over) > 0);
        (x <= rate && !builds.is_empty() && divisible).then_some(builds)
    }

    /// The base, of reports with these builds, where only those count that could hold `name`.
    pub fn base(&self, views: &[(&Value, Builds<'_>, f64)], name: Option<&str>) -> Weights {
        self.of(views, name, |_| true)
    }

    /// The reports of the base with a counter, or with a stack of these functions.
    pub fn with(
        &self,
        views: &[(&Value, Builds<'_>, f64)],
        name: &str,
        functions: &[String],
    ) -> Weights {
        self.of(views, Some(name), |builds| self.holds(builds, name, functions))
    }

    pub fn none(&self, views: &[(&Value, Builds<'_>, f64)]) -> Weights {
        self.of(views, None, |builds| {
            !self.names.iter().any(|name| match self.kind {
                Kind::Stack => stacks(builds).iter().any(|(of, _)| of == name),
                _ => sum(builds, name) > 0,
            })
        })
    }

    /// All stacks in the base.
    pub fn stacks(&self, views: &[(&Value, Builds<'_>, f64)]) -> BTreeSet<(String, Vec<String>)> {
        let based = views.iter().filter_map(|(report, builds, _)| self.based(report, builds));
        let all = based.flat_map(|builds| stacks(&builds));
        all.filter(|(name, _)| self.names.contains(name)).collect()
    }

    /// Quotients with weights.
    pub fn quotients(&self, views: &[(&Value, Builds<'_>, f64)], name: &str) -> Vec<(f64, f64)> {
        let over = self.over.as_ref().expect("a ratio");
        let mut found = Vec::new();
        for (report, builds, weight) in views {
            let config = report["Config"].as_str().expect("a config");
            if self.rate_of(config, name).is_some()
                && let Some(builds) = self.based(report, builds)
            {
                let quotient = sum(&builds, name) as f64 / sum(&builds, over) as f64;
                found.push((quotient, *weight));
            }
        }
        found
    }

    fn holds(&self, builds: &Builds<'_>, name: &str, functions: &[String]) -> bool {
        if self.kind == Kind::Stack {
            return stacks(builds).contains(&(name.to_owned(), functions.to_vec()));
        }
        sum(builds, name) > 0
    }

    fn of(
        &self,
        views: &[(&Value, Builds<'_>, f64)],
        name: Option<&str>,
        wanted: impl Fn(&Builds<'_>) -> bool,
    ) -> Weights {
        let mut weights = Weights::default();
        for (report, builds, weight) in views {
            let config = report["Config"].as_str().expect("a config");
            if name.is_some_and(|name| self.rate_of(config, name).is_none()) {
                continue;
            }
            if self.based(report, builds).is_some_and(|builds| wanted(&builds)) {
                weights.add(*weight);
            }
        }
        weights
    }

    /// Whether a report is in the base at all.
    pub fn has(&self, report: &Value, builds: &Builds<'_>) -> bool {
        self.based(report, builds).is_some()
    }
}

/// A counter's sum over builds.
pub fn sum(builds: &Builds<'_>, name: &str) -> u64 {
    builds.iter().filter_map(|build| build["Counters"][name].as_u64()).sum()
}

fn stacks(builds: &Builds<'_>) -> BTreeSet<(String, Vec<String>)> {
    let all = builds.iter().flat_map(|build| build["Stacks"].as_object().expect("stacks").keys());
    all.map(|stack| {
        let mut lines = stack.split('\n');
        let name = lines.next().expect("a name").to_owned();
        (name, lines.map(|frame| frame.split(":+").next().expect("a function").into()).collect())
    })
    .collect()
}

/// The first value at which the sorted weights reach a share of all.
pub fn quantile(mut values: Vec<(f64, f64)>, at: f64) -> f64 {
    values.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    let total: f64 = values.iter().map(|(_, weight)| weight).sum();
    let mut reached = 0.0;
    for (value, weight) in &values {
        reached += weight;
        if reached >= at * total * (1.0 - 1e-9) {
            return *value;
        }
    }
    panic!("nothing is reached");
}
