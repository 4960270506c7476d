//! Counting a week's reports, row group by row group, in integers.
//!
//! A tally is, for each program, config and part of its reports ([`Part`]), a list of counts: how
//! many reports are in each figure's base, how many of these hold each row, how many hold none. No
//! weight is added up here: all reports of one config weigh the same in one figure, so figures are
//! made of counts, exactly, and the order in which threads finish decides nothing.
//!
//! **A report counts once** in every list, however many builds of the program it tells of: what a
//! part's builds hold is united first. Most reports have one build, and then the same places are
//! counted in every list.
//!
//! **Memory**: lists are as long as the plan, and there are as many as configs and parts that occur;
//! stacks take what is said in [`super::stacks`]; a ratio keeps 32 bytes for each of its rows and
//! each report in which that row's dividend is over zero.

use super::columns::Columns;
use super::figure::Kind;
use super::marginal_plan::Properties;
use super::parts::{Part, Parts, WHOLE};
use super::plan::{FigurePlan, PRESENT, Plan, ProgramPlan, Target};
use super::stacks::{Grouped, Stacks, functions};
use crate::charts::definition::ProgramPath;
use std::collections::HashMap;
use std::ops::Range;

/// What all threads share.
#[derive(Debug)]
pub struct Shared<'p> {
    pub plan: &'p Plan,
    /// By program.
    pub parts: Vec<Parts>,
    /// By program.
    pub stacks: Vec<Stacks>,
}

impl<'p> Shared<'p> {
    /// Nothing was seen yet.
    pub fn new(plan: &'p Plan) -> Shared<'p> {
        Shared {
            plan,
            parts: plan.programs.iter().map(|_| Parts::new()).collect(),
            stacks: plan.programs.iter().map(|_| Stacks::default()).collect(),
        }
    }
}

/// What was counted.
#[derive(Debug, Default)]
pub struct Tally {
    /// Reports by config. Those that tell of no program are in no row, and not here.
    pub reports: Vec<u64>,
    /// By program.
    pub programs: Vec<ProgramTally>,
}

/// What was counted of one program.
#[derive(Debug, Default)]
pub struct ProgramTally {
    /// By part and config, [`ProgramPlan::width`] counts; empty where there is no report.
    pub counts: HashMap<(u32, u32), Vec<u64>>,
    /// By row of the program's ratios.
    pub quotients: Vec<Vec<Quotient>>,
    /// By figure, stack, part and config.
    pub stacks: HashMap<(u32, u32, u32, u32), u64>,
}

/// A report's quotient that is over zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quotient {
    pub value: f64,
    pub config: u32,
    /// The parts in which the report has it.
    pub parts: [u32; 5],
}

/// In [`Quotient::parts`]: none.
pub const NO_PART: u32 = u32::MAX;

impl Tally {
    /// Adds what another thread counted.
    pub fn merge(&mut self, other: Tally) {
        add(&mut self.reports, &other.reports);
        self.programs.resize_with(self.programs.len().max(other.programs.len()), Default::default);
        for (program, other) in self.programs.iter_mut().zip(other.programs) {
            for (key, counts) in other.counts {
                add(program.counts.entry(key).or_default(), &counts);
            }
            program
                .quotients
                .resize_with(program.quotients.len().max(other.quotients.len()), Vec::new);
            for (quotients, mut other) in program.quotients.iter_mut().zip(other.quotients) {
                quotients.append(&mut other);
            }
            for (key, count) in other.stacks {
                *program.stacks.entry(key).or_default() += count;
            }
        }
    }
}

fn add(counts: &mut Vec<u64>, other: &[u64]) {
    counts.resize(counts.len().max(other.len()), 0);
    counts.iter_mut().zip(other).for_each(|(count, other)| *count += other);
}

/// Counts the reports of a row group. The rows of one report are in one row group.
pub fn count(columns: &Columns, shared: &Shared<'_>, tally: &mut Tally) {
    tally.reports.resize(shared.plan.configs.len(), 0);
    tally.programs.resize_with(shared.plan.programs.len(), Default::default);
    let mut counting = Counting::new(columns, shared);
    let mut start = 0;
    while let Some(report) = columns.report.get(start) {
        let rest = columns.report.get(start..).unwrap_or_default();
        let end = start + rest.iter().take_while(|other| *other == report).count();
        counting.report(start..end, tally);
        start = end;
    }
}

/// What a counter's name means in one program: nothing, or these targets.
const UNKNOWN: u32 = 0;
const NOTHING: u32 = 1;

/// A row group that is being counted. Texts are looked up once; after that, everything is a number.
struct Counting<'c> {
    columns: &'c Columns,
    shared: &'c Shared<'c>,
    /// By text: the config.
    configs: HashMap<u32, Option<u32>>,
    /// By texts: the build.
    builds: HashMap<[u32; 5], Option<usize>>,
    known_builds: Vec<Build>,
    /// By program and text: what a counter's name feeds.
    names: Vec<Vec<u32>>,
    targets: Vec<&'c [Target]>,
    /// By program and text: what a stack is.
    stacks: HashMap<(usize, u32), Option<(usize, u32)>>,
    /// By program and categories: the part.
    cells: HashMap<(usize, Vec<Option<u32>>), u32>,
    scratch: Scratch,
}

/// A build of a program.
struct Build {
    program: usize,
    /// Version, platform, toolchain.
    parts: [u32; 3],
    /// By figure: whether the build's version counts.
    eligible: Vec<bool>,
    /// By margin.
    categories: Vec<Option<usize>>,
}

/// What some builds of one report hold together.
#[derive(Default)]
struct Scratch {
    /// By figure: whether it is in the figure's base.
    active: Vec<bool>,
    /// By figure: whether the build at hand is.
    counts: Vec<bool>,
    /// By figure: whether it holds any of the figure's counters.
    any: Vec<bool>,
    /// The places to count.
    places: Vec<usize>,
    /// The figures and stacks to count.
    stacks: Vec<(u32, u32)>,
    /// By figure: the divisor.
    divisors: Vec<u64>,
    /// By row of the program's ratios: the dividend.
    dividends: Vec<u64>,
    /// By row of the program's ratios: those over zero.
    quotients: Vec<(usize, f64)>,
    /// By margin and category.
    categories: Vec<Vec<u64>>,
}

impl<'c> Counting<'c> {
    fn new(columns: &'c Columns, shared: &'c Shared<'c>) -> Counting<'c> {
        Counting {
            columns,
            shared,
            configs: HashMap::new(),
            builds: HashMap::new(),
            known_builds: Vec::new(),
            names: shared.plan.programs.iter().map(|_| Vec::new()).collect(),
            targets: Vec::new(),
            stacks: HashMap::new(),
            cells: HashMap::new(),
            scratch: Scratch::default(),
        }
    }

    fn text(&self, id: u32) -> &'c str {
        self.columns.texts.get(id as usize).map_or("", String::as_str)
    }

    /// Counts one report, whose builds are in these rows. What its config does not know, which the
    /// front door refuses, is passed over.
    fn report(&mut self, rows: Range<usize>, tally: &mut Tally) {
        let columns = self.columns;
        let (Some(x), Some(config)) =
            (columns.x.get(rows.start), columns.config.get(rows.start).copied())
        else {
            return;
        };
        let Some(config) = self.config(config) else { return };
        if let Some(reports) = tally.reports.get_mut(config as usize) {
            *reports += 1;
        }
        let mut builds: Vec<(usize, usize)> = Vec::with_capacity(rows.len());
        for row in rows {
            builds.extend(self.build(row).map(|build| (build, row)));
        }
        let program = |build: usize, known: &[Build]| known.get(build).map(|b| b.program);
        builds.sort_by_key(|(build, _)| program(*build, &self.known_builds));
        while let Some((first, _)) = builds.first() {
            let of = program(*first, &self.known_builds);
            let same = |(build, _): &&(usize, usize)| program(*build, &self.known_builds) == of;
            let rest = builds.split_off(builds.iter().take_while(same).count());
            let of_program = std::mem::replace(&mut builds, rest);
            if let Some(program) = of
                && let Some(tally) = tally.programs.get_mut(program)
            {
                self.program(program, config, *x, &of_program, tally);
            }
        }
    }

    fn config(&mut self, text: u32) -> Option<u32> {
        if let Some(known) = self.configs.get(&text) {
            return *known;
        }
        let version = self.text(text);
        let place = self.shared.plan.configs.iter().position(|config| config.version == version);
        let found = place.and_then(|place| u32::try_from(place).ok());
        self.configs.insert(text, found);
        found
    }

    fn build(&mut self, row: usize) -> Option<usize> {
        let columns = self.columns;
        let of = |column: &[u32]| column.get(row).copied();
        let texts = [
            of(&columns.program)?,
            of(&columns.version)?,
            of(&columns.toolchain)?,
            of(&columns.goos)?,
            of(&columns.goarch)?,
        ];
        if let Some(known) = self.builds.get(&texts) {
            return *known;
        }
        let build = self.new_build(texts).map(|build| {
            self.known_builds.push(build);
            self.known_builds.len() - 1
        });
        self.builds.insert(texts, build);
        build
    }

    fn new_build(&self, texts: [u32; 5]) -> Option<Build> {
        let [program, version, toolchain, goos, goarch] = texts.map(|text| self.text(text));
        let programs = &self.shared.plan.programs;
        let number = programs.binary_search_by(|known| known.program.as_str().cmp(program)).ok()?;
        let (plan, parts) = (programs.get(number)?, self.shared.parts.get(number)?);
        let parsed = ProgramPath::parse(program).and_then(|path| path.parse_version(version));
        let counts = |figure: &FigurePlan| match (&figure.first, &parsed) {
            (Some(first), Some(version)) => version.at_least(first),
            (first, _) => first.is_none(),
        };
        let properties = Properties { version, toolchain, goos, goarch };
        Some(Build {
            program: number,
            parts: [
                parts.number(Part::Version(version.to_owned())),
                parts.number(Part::Platform(format!("{goos}/{goarch}"))),
                parts.number(Part::Toolchain(toolchain.to_owned())),
            ],
            eligible: plan.figures.iter().map(counts).collect(),
            categories: plan.margins.iter().map(|m| m.category(&properties)).collect(),
        })
    }

    /// Counts what a report holds of one program: all its builds in the whole and in their cell, and
    /// in every other part those that belong to it.
    fn program(
        &mut self,
        program: usize,
        config: u32,
        x: f64,
        builds: &[(usize, usize)],
        tally: &mut ProgramTally,
    ) {
        self.unite(program, config, x, builds);
        let mut parts = [WHOLE, NO_PART, NO_PART, NO_PART, self.cell(program, builds)];
        let mut apart = Vec::new();
        for (dimension, part) in parts.iter_mut().skip(1).take(3).enumerate() {
            let mut found: Vec<u32> =
                builds.iter().filter_map(|build| self.part(*build, dimension)).collect();
            found.sort_unstable();
            found.dedup();
            match found.as_slice() {
                [one] => *part = *one,
                _ => apart.extend(found.into_iter().map(|part| (dimension, part))),
            }
        }
        self.record(program, config, parts, tally);
        for (dimension, part) in apart {
            let of_part = |build: &&(usize, usize)| self.part(**build, dimension) == Some(part);
            let builds: Vec<(usize, usize)> = builds.iter().filter(of_part).copied().collect();
            self.unite(program, config, x, &builds);
            let parts = [part, NO_PART, NO_PART, NO_PART, NO_PART];
            self.record(program, config, parts, tally);
        }
    }

    fn part(&self, (build, _): (usize, usize), dimension: usize) -> Option<u32> {
        self.known_builds.get(build)?.parts.get(dimension).copied()
    }

    /// The part of the categories that the builds united last have; none without margins.
    fn cell(&mut self, program: usize, builds: &[(usize, usize)]) -> u32 {
        let Some(plan) = self.shared.plan.programs.get(program) else { return NO_PART };
        if plan.margins.is_empty() {
            return NO_PART;
        }
        let builds = builds.iter().filter_map(|(build, _)| self.known_builds.get(*build));
        let category = |margin: usize| {
            let of_builds = builds.clone().filter_map(|b| b.categories.get(margin).copied()?);
            let counts = self.scratch.categories.get(margin).map_or(&[][..], Vec::as_slice);
            let most = counts.iter().copied().max().filter(|most| *most > 0);
            let counted = most.and_then(|most| counts.iter().position(|count| *count == most));
            of_builds.min().or(counted).and_then(|category| u32::try_from(category).ok())
        };
        let categories: Vec<Option<u32>> = (0..plan.margins.len()).map(category).collect();
        let parts = self.shared.parts.get(program);
        let key = (program, categories);
        match self.cells.get(&key) {
            Some(known) => *known,
            None => {
                let part = parts.map_or(NO_PART, |parts| parts.number(Part::Cell(key.1.clone())));
                self.cells.insert(key, part);
                part
            }
        }
    }

    /// Finds what some builds of a report hold together.
    fn unite(&mut self, program: usize, config: u32, x: f64, builds: &[(usize, usize)]) {
        let shared = self.shared;
        let Some(plan) = shared.plan.programs.get(program) else { return };
        self.scratch.reset(plan);
        for (build, row) in builds {
            let Some(eligible) = self.known_builds.get(*build).map(|build| &build.eligible) else {
                continue;
            };
            let scratch = &mut self.scratch;
            let figures = plan.figures.iter().zip(eligible);
            let active = scratch.active.iter_mut().zip(&mut scratch.counts);
            for ((figure, eligible), (active, counts)) in figures.zip(active) {
                let rate = figure.rates.get(config as usize).copied().flatten();
                *counts = *eligible && rate.is_some_and(|rate| x <= rate);
                *active |= *counts;
            }
            let columns = self.columns;
            for (name, count) in columns.counters.row(*row) {
                let targets = self.targets(program, plan, name);
                self.scratch.counter(targets, count);
            }
            for (name, _) in columns.stacks.row(*row) {
                if let Some((figure, stack)) = self.stack(program, plan, name) {
                    self.scratch.stack(figure, stack);
                }
            }
        }
        self.scratch.finish(plan, builds.len() > 1);
    }

    /// What a counter of a program feeds.
    fn targets(&mut self, program: usize, plan: &'c ProgramPlan, name: u32) -> &'c [Target] {
        let Some(names) = self.names.get_mut(program) else { return &[] };
        if names.is_empty() {
            names.resize(self.columns.texts.len(), UNKNOWN);
        }
        let Some(known) = names.get_mut(name as usize) else { return &[] };
        if *known == UNKNOWN {
            let text = self.columns.texts.get(name as usize);
            *known = match text.and_then(|text| plan.targets.get(text)) {
                None => NOTHING,
                Some(targets) => {
                    self.targets.push(targets);
                    u32::try_from(self.targets.len()).map_or(NOTHING, |number| number + NOTHING)
                }
            };
        }
        let place = known.checked_sub(NOTHING + 1);
        place.and_then(|place| self.targets.get(place as usize).copied()).unwrap_or_default()
    }

    /// The figure and the number of a stack.
    fn stack(&mut self, program: usize, plan: &ProgramPlan, name: u32) -> Option<(usize, u32)> {
        if let Some(known) = self.stacks.get(&(program, name)) {
            return *known;
        }
        let (counter, frames) = self.text(name).split_once('\n').unwrap_or_default();
        let found = plan.stacks.get(counter).and_then(|(figure, row)| {
            let grouped = Grouped { row: *row, functions: functions(frames) };
            Some((*figure, self.shared.stacks.get(program)?.number(*figure, grouped)))
        });
        self.stacks.insert((program, name), found);
        found
    }

    /// Counts what was united last, in these parts.
    fn record(&self, program: usize, config: u32, parts: [u32; 5], tally: &mut ProgramTally) {
        let scratch = &self.scratch;
        let width = self.shared.plan.programs.get(program).map_or(0, |plan| plan.width);
        for part in parts.into_iter().filter(|part| *part != NO_PART) {
            let counts = tally.counts.entry((part, config)).or_insert_with(|| vec![0; width]);
            for place in &scratch.places {
                if let Some(count) = counts.get_mut(*place) {
                    *count += 1;
                }
            }
            for (figure, stack) in &scratch.stacks {
                *tally.stacks.entry((*figure, *stack, part, config)).or_default() += 1;
            }
        }
        for (ratio, value) in &scratch.quotients {
            let rows = tally.quotients.len().max(ratio + 1);
            tally.quotients.resize_with(rows, Vec::new);
            if let Some(quotients) = tally.quotients.get_mut(*ratio) {
                quotients.push(Quotient { value: *value, config, parts });
            }
        }
    }
}

impl Scratch {
    fn reset(&mut self, plan: &ProgramPlan) {
        let figures = plan.figures.len();
        for flags in [&mut self.active, &mut self.counts, &mut self.any] {
            flags.clear();
            flags.resize(figures, false);
        }
        self.places.clear();
        self.stacks.clear();
        self.quotients.clear();
        self.divisors.clear();
        self.divisors.resize(figures, 0);
        self.dividends.clear();
        self.dividends.resize(plan.ratios, 0);
        self.categories.resize_with(plan.margins.len(), Vec::new);
        for (counts, margin) in self.categories.iter_mut().zip(&plan.margins) {
            counts.clear();
            counts.resize(margin.counters.len(), 0);
        }
    }

    fn counter(&mut self, targets: &[Target], count: u64) {
        for target in targets {
            let (figure, sum) = match *target {
                Target::Row { figure, place } => {
                    if self.counts.get(figure) == Some(&true) {
                        self.places.push(place);
                        self.found(figure);
                    }
                    continue;
                }
                Target::Category { margin, category } => {
                    let counts = self.categories.get_mut(margin);
                    (None, counts.and_then(|counts| counts.get_mut(category)))
                }
                Target::Dividend { figure, ratio } => (Some(figure), self.dividends.get_mut(ratio)),
                Target::Divisor { figure } => (Some(figure), self.divisors.get_mut(figure)),
            };
            let counts = figure.is_none_or(|figure| self.counts.get(figure) == Some(&true));
            if let Some(sum) = sum.filter(|_| counts) {
                *sum = sum.saturating_add(count);
            }
        }
    }

    fn stack(&mut self, figure: usize, stack: u32) {
        if self.counts.get(figure) == Some(&true)
            && let Ok(number) = u32::try_from(figure)
        {
            self.stacks.push((number, stack));
            self.found(figure);
        }
    }

    fn found(&mut self, figure: usize) {
        if let Some(any) = self.any.get_mut(figure) {
            *any = true;
        }
    }

    /// Adds the places of bases, and takes out what several builds hold.
    fn finish(&mut self, plan: &ProgramPlan, several: bool) {
        self.places.push(PRESENT);
        for (number, figure) in plan.figures.iter().enumerate() {
            if self.active.get(number) != Some(&true) {
                continue;
            }
            if figure.about.kind == Kind::Ratio {
                self.ratio(number, figure);
            } else {
                self.places.push(figure.base);
                if self.any.get(number) != Some(&true) {
                    self.places.push(figure.none);
                }
            }
        }
        // One build may hold several stacks that are one, when grouped.
        self.stacks.sort_unstable();
        self.stacks.dedup();
        if several {
            self.places.sort_unstable();
            self.places.dedup();
        }
    }

    /// A report is in a ratio's base where the divisor is over zero.
    fn ratio(&mut self, number: usize, figure: &FigurePlan) {
        let divisor = self.divisors.get(number).copied().unwrap_or_default();
        if divisor == 0 {
            return;
        }
        self.places.push(figure.base);
        for (ratio, row) in (figure.first_ratio..).zip(&figure.rows) {
            let dividend = self.dividends.get(ratio).copied().unwrap_or_default();
            if dividend > 0 {
                self.places.push(row.place);
                // Counts beyond 2^53, which nobody counts, lose their last digits.
                self.quotients.push((ratio, dividend as f64 / divisor as f64));
            }
        }
    }
}
