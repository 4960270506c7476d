//! Counting a week's reports, row group by row group.
//!
//! **A report counts once** in every list of the tally, however many builds of the program it has:
//! those that belong to a part are combined first ([`CombinedBuilds`]). Most reports have one build,
//! and then the same places are counted in every list.
//!
//! Texts are looked up once per row group; after that, everything is a number.

use super::combined_builds::CombinedBuilds;
use super::marginal_plan::Properties;
use super::parts::{Part, Parts, WHOLE};
use super::plan::{FigurePlan, Plan, ProgramPlan, Target};
use super::stacks::{Grouped, Stacks, functions};
use super::tally::{NO_PART, ProgramTally, Quotient, Tally};
use crate::aggregate::parquet::columns::Columns;
use crate::charts::program_path::ProgramPath;
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
    /// Starts with nothing counted.
    pub fn new(plan: &'p Plan) -> Shared<'p> {
        Shared {
            plan,
            parts: plan.programs.iter().map(|_| Parts::new()).collect(),
            stacks: plan.programs.iter().map(|_| Stacks::default()).collect(),
        }
    }
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

/// What a counter's name feeds in one program: not looked up yet, or nothing.
const UNKNOWN: u32 = 0;
const NOTHING: u32 = 1;

/// Counts one row group.
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
    combined: CombinedBuilds,
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
            combined: CombinedBuilds::default(),
        }
    }

    fn text(&self, id: u32) -> &'c str {
        self.columns.texts.get(id as usize).map_or("", String::as_str)
    }

    /// Counts one report, whose builds are in these rows; a report without builds has one row. What its
    /// config does not know is skipped; the receiver refuses it.
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
        let of = |column: &[Option<u32>]| column.get(row).copied().flatten();
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

    /// Counts a report's builds of one program: all of them in the whole and in their cell, and in
    /// every other part those that belong to it.
    fn program(
        &mut self,
        program: usize,
        config: u32,
        x: f64,
        builds: &[(usize, usize)],
        tally: &mut ProgramTally,
    ) {
        self.combine(program, config, x, builds);
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
            self.combine(program, config, x, &builds);
            let parts = [part, NO_PART, NO_PART, NO_PART, NO_PART];
            self.record(program, config, parts, tally);
        }
    }

    fn part(&self, (build, _): (usize, usize), dimension: usize) -> Option<u32> {
        self.known_builds.get(build)?.parts.get(dimension).copied()
    }

    /// The part for the categories of the builds that were combined last; none without margins.
    fn cell(&mut self, program: usize, builds: &[(usize, usize)]) -> u32 {
        let Some(plan) = self.shared.plan.programs.get(program) else { return NO_PART };
        if plan.margins.is_empty() {
            return NO_PART;
        }
        let builds = builds.iter().filter_map(|(build, _)| self.known_builds.get(*build));
        let category = |margin: usize| {
            let of_builds = builds.clone().filter_map(|b| b.categories.get(margin).copied()?);
            let counts = self.combined.categories.get(margin).map_or(&[][..], Vec::as_slice);
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

    /// Combines some builds of a report.
    fn combine(&mut self, program: usize, config: u32, x: f64, builds: &[(usize, usize)]) {
        let shared = self.shared;
        let Some(plan) = shared.plan.programs.get(program) else { return };
        self.combined.reset(plan);
        for (build, row) in builds {
            let Some(eligible) = self.known_builds.get(*build).map(|build| &build.eligible) else {
                continue;
            };
            let combined = &mut self.combined;
            let figures = plan.figures.iter().zip(eligible);
            let active = combined.active.iter_mut().zip(&mut combined.counts);
            for ((figure, eligible), (active, counts)) in figures.zip(active) {
                let rate = figure.rates.get(config as usize).copied().flatten();
                *counts = *eligible && rate.is_some_and(|rate| x <= rate);
                *active |= *counts;
            }
            let columns = self.columns;
            for (name, count) in columns.counters.row(*row) {
                let targets = self.targets(program, plan, name);
                self.combined.counter(targets, count);
            }
            for (name, _) in columns.stacks.row(*row) {
                if let Some((figure, stack)) = self.stack(program, plan, name) {
                    self.combined.stack(figure, stack);
                }
            }
        }
        self.combined.finish(plan, builds.len() > 1);
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

    /// The figure and number of a stack.
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

    /// Counts the builds that were combined last, in these parts.
    fn record(&self, program: usize, config: u32, parts: [u32; 5], tally: &mut ProgramTally) {
        let combined = &self.combined;
        let width = self.shared.plan.programs.get(program).map_or(0, |plan| plan.width);
        for part in parts.into_iter().filter(|part| *part != NO_PART) {
            let counts = tally.counts.entry((part, config)).or_insert_with(|| vec![0; width]);
            for place in &combined.places {
                if let Some(count) = counts.get_mut(*place) {
                    *count += 1;
                }
            }
            for (figure, stack) in &combined.stacks {
                *tally.stacks.entry((*figure, *stack, part, config)).or_default() += 1;
            }
        }
        for (ratio, value) in &combined.quotients {
            let rows = tally.quotients.len().max(ratio + 1);
            tally.quotients.resize_with(rows, Vec::new);
            if let Some(quotients) = tally.quotients.get_mut(*ratio) {
                quotients.push(Quotient { value: *value, config, parts });
            }
        }
    }
}
