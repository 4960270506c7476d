//! Reads stored charts, and checks what it read.

use super::folders::{span_folder, week_folder};
use super::outline::{ProgramOutline, ProgramSpan, SpanOutline, WeekOutline, span_of};
use super::sections::{Sections, SectionsFile};
use super::series::{ChartSeries, PROGRAM, ProgramWeek, ProgramWeeks, StoredWeek};
use crate::aggregate::chart_csv::name_of;
use crate::aggregate::figure::{Breakdown, Dimension, Figure, ProgramCharts, WeekCharts};
use crate::aggregate::index::Index;
use crate::aggregate::public::{MadeBy, PublicData, PublicError, object_key};
use crate::hex::hex;
use crate::store::Key;
use jiff::civil::Date;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Which charts of a program are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// All of them.
    All,
    /// The first few.
    First(usize),
    /// So many, from this one on; 0 is the first.
    Part(usize, usize),
    /// Those with these ids.
    Ids(&'a [&'a str]),
}

/// Some of a program's charts, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageOf<'a> {
    /// The id of the first; without one, the first of all.
    pub from: Option<&'a str>,
    /// How many bytes of the store may be read for it. It has at least one chart.
    pub bytes: u64,
}

/// What such a page has.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadPage<T> {
    /// The ids of charts, with what was read of each.
    pub found: Vec<(String, T)>,
    /// The id of the first chart of the next page.
    pub next: Option<String>,
}

/// The series of some of a program's charts in a span of weeks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeriesOfProgram {
    /// The program in each week, oldest first.
    pub weeks: Vec<ProgramWeek>,
    /// The charts, in the newest week's order; then those that it does not have.
    pub charts: Vec<ChartSeries>,
}

impl Wanted<'_> {
    fn includes(&self, number: usize, id: &str) -> bool {
        match self {
            Wanted::All => true,
            Wanted::First(count) => number < *count,
            Wanted::Part(from, count) => number >= *from && number - from < *count,
            Wanted::Ids(ids) => ids.contains(&id),
        }
    }
}

impl SeriesOfProgram {
    /// The program's charts in each week, as far as series have them.
    pub fn by_week(&self) -> BTreeMap<Date, ProgramCharts> {
        let mut found: HashMap<Date, HashMap<&str, Figure>> = HashMap::new();
        for series in &self.charts {
            let id = series.chart.id.as_str();
            for (week, figure) in series.figures() {
                found.entry(week).or_default().insert(id, figure);
            }
        }
        let mut by_week = BTreeMap::new();
        for ProgramWeek { week, program, charts } in &self.weeks {
            let mut figures = found.remove(week).unwrap_or_default();
            let mut of_week = Vec::with_capacity(figures.len());
            for id in charts.iter() {
                // Usually a few of very many.
                if figures.is_empty() {
                    break;
                }
                of_week.extend(figures.remove(id.as_str()));
            }
            by_week.insert(*week, ProgramCharts { charts: of_week, ..program.clone() });
        }
        by_week
    }
}

/// A chart's id.
#[derive(Deserialize)]
struct Id<'j>(#[serde(borrow)] Cow<'j, str>);

/// What is being read, for errors.
struct Place {
    name: String,
    made_by: MadeBy,
}

impl Place {
    fn failed(self, error: io::Error) -> PublicError {
        let Place { name, made_by } = self;
        match error.kind() {
            io::ErrorKind::InvalidData => PublicError::Damaged { name, made_by },
            _ => PublicError::Io { name, source: error },
        }
    }

    fn parse<'j, T: Deserialize<'j>>(self, json: &'j [u8]) -> Result<T, PublicError> {
        serde_json::from_slice(json)
            .map_err(|e| PublicError::Later { what: self.name, reason: e.to_string() })
    }
}

/// Reads sections of one object; errors name it.
struct Reader {
    sections: Sections,
    name: String,
    made_by: MadeBy,
}

impl Reader {
    fn place(&self) -> Place {
        Place { name: self.name.clone(), made_by: self.made_by }
    }

    fn raw(&mut self, section: &str) -> Result<Option<Vec<u8>>, PublicError> {
        self.sections.read(section).map_err(|error| self.place().failed(error))
    }

    fn one<T: DeserializeOwned>(&mut self, section: &str) -> Result<Option<T>, PublicError> {
        let Some(json) = self.raw(section)? else { return Ok(None) };
        self.place().parse(&json).map(Some)
    }

    /// The sections of a page. `id` is the id of the chart whose section has this name, if it is wanted. `None` if
    /// none has the id with which the page begins.
    fn page<T: DeserializeOwned>(
        &mut self,
        page: PageOf<'_>,
        id: impl Fn(&str) -> Option<&str>,
    ) -> Result<Option<ReadPage<T>>, PublicError> {
        let (mut wanted, mut left, mut next): (Option<Range<usize>>, _, _) =
            (None, page.bytes, None);
        for (number, (name, length)) in self.sections.lengths().enumerate() {
            let Some(id) = id(name) else { continue };
            match &mut wanted {
                None if page.from.is_some_and(|from| from != id) => continue,
                None => wanted = Some(number..number + 1),
                Some(wanted) if length <= left => wanted.end = number + 1,
                Some(_) => {
                    next = Some(id.to_owned());
                    break;
                }
            }
            left = left.saturating_sub(length);
        }
        if wanted.is_none() && page.from.is_some() {
            return Ok(None);
        }
        let wanted = wanted.unwrap_or_default();
        let (mut found, mut later) = (Vec::new(), None);
        let is_wanted = |number: usize, name: &str| wanted.contains(&number) && id(name).is_some();
        let each = |name: &str, json: &[u8]| {
            match (id(name), serde_json::from_slice(json)) {
                (Some(id), Ok(one)) => found.push((id.to_owned(), one)),
                (None, _) => {}
                (_, Err(error)) => later = Some(error),
            }
            Ok(())
        };
        let read = self.sections.read_all(is_wanted, each);
        read.map_err(|error| self.place().failed(error))?;
        match later {
            Some(error) => {
                Err(PublicError::Later { what: self.name.clone(), reason: error.to_string() })
            }
            None => Ok(Some(ReadPage { found, next })),
        }
    }

    /// The weeks of a series, of whose charts these are named: all of them may be very many.
    fn weeks_with(&mut self, ids: HashSet<&str>) -> Result<Vec<ProgramWeek>, PublicError> {
        let Some(json) = self.raw(PROGRAM)? else { return Ok(Vec::new()) };
        let weeks: Vec<StoredWeek<ProgramCharts, Vec<Id<'_>>>> = self.place().parse(&json)?;
        // Those of the week before, if a week names none.
        let mut named: Arc<Vec<String>> = Arc::default();
        let with = |StoredWeek { week, program, charts }: StoredWeek<_, Vec<Id<'_>>>| {
            if let Some(charts) = charts {
                let charts = charts.into_iter().map(|Id(id)| id);
                let charts = charts.filter(|id| ids.contains(&id.as_ref())).map(Cow::into_owned);
                named = Arc::new(charts.collect());
            }
            ProgramWeek { week, program, charts: named.clone() }
        };
        Ok(weeks.into_iter().map(with).collect())
    }

    /// The sections that are wanted; those whose name has an `@` are not counted.
    fn all<T: DeserializeOwned>(&mut self, wanted: Wanted<'_>) -> Result<Vec<T>, PublicError> {
        let (mut found, mut later) = (Vec::new(), None);
        let first = usize::from(self.sections.names().next().is_some_and(|name| name == PROGRAM));
        let is_wanted = |number: usize, name: &str| {
            !name.contains('@') && wanted.includes(number - first, name)
        };
        let each = |_: &str, json: &[u8]| {
            match serde_json::from_slice(json) {
                Ok(one) => found.push(one),
                Err(error) => later = Some(error),
            }
            Ok(())
        };
        let read = self.sections.read_all(is_wanted, each);
        read.map_err(|error| self.place().failed(error))?;
        match later {
            Some(error) => {
                Err(PublicError::Later { what: self.name.clone(), reason: error.to_string() })
            }
            None => Ok(found),
        }
    }
}

impl PublicData {
    /// The outline of a week's charts, if they were made.
    pub fn week_outline(
        &self,
        index: &Index,
        week: Date,
    ) -> Result<Option<WeekOutline>, PublicError> {
        let charts = index.weeks.get(&week).and_then(|week| week.charts.as_ref());
        let Some(file) = charts else { return Ok(None) };
        self.outline(&file.sha256, format!("the charts of the week until {week}"), week).map(Some)
    }

    /// The outline of a span's series, if there are any.
    pub fn span_outline(
        &self,
        index: &Index,
        span: Date,
    ) -> Result<Option<SpanOutline>, PublicError> {
        let Some(file) = index.series.get(&span) else { return Ok(None) };
        self.outline(&file.sha256, format!("the series from {span}"), span).map(Some)
    }

    fn outline<T: DeserializeOwned>(
        &self,
        sha256: &str,
        what: String,
        week: Date,
    ) -> Result<T, PublicError> {
        let key = object_key(sha256)?;
        let (name, made_by) = (format!("{what} ({key})"), MadeBy::Chart(week));
        let Some(bytes) = self.store().get(&key)? else {
            return Err(PublicError::Missing { name, made_by });
        };
        if hex(&Sha256::digest(&bytes)) != sha256 {
            return Err(PublicError::Damaged { name, made_by });
        }
        Place { name, made_by }.parse(&bytes)
    }

    fn sections(
        &self,
        folder: &str,
        file: &SectionsFile,
        what: &str,
        week: Date,
    ) -> Result<Reader, PublicError> {
        let key = Key::new(format!("{folder}/{}", file.sha256))?;
        let (name, made_by) = (format!("{what} ({key})"), MadeBy::Chart(week));
        let Some(opened) = self.store().open(&key)? else {
            return Err(PublicError::Missing { name, made_by });
        };
        match Sections::open(opened, file) {
            Ok(sections) => Ok(Reader { sections, name, made_by }),
            Err(error) => Err(Place { name, made_by }.failed(error)),
        }
    }

    fn of_week(
        &self,
        week: Date,
        of: &ProgramOutline,
        file: &SectionsFile,
    ) -> Result<Reader, PublicError> {
        let what = format!("charts of {} in the week until {week}", of.program.program);
        self.sections(&week_folder(week), file, &what, week)
    }

    /// A program's charts of a week, without slices.
    pub fn program_charts(
        &self,
        week: Date,
        of: &ProgramOutline,
        wanted: Wanted<'_>,
    ) -> Result<ProgramCharts, PublicError> {
        let charts = self.of_week(week, of, &of.figures)?.all(wanted)?;
        Ok(ProgramCharts { charts, ..of.program.clone() })
    }

    /// The ids of a program's charts of a week.
    pub fn chart_ids(
        &self,
        week: Date,
        of: &ProgramOutline,
    ) -> Result<HashSet<String>, PublicError> {
        let reader = self.of_week(week, of, &of.figures)?;
        Ok(reader.sections.names().map(str::to_owned).collect())
    }

    /// A chart of a week by one dimension; `None` if there is nothing to show.
    pub fn slices(
        &self,
        week: Date,
        of: &ProgramOutline,
        id: &str,
        by: Dimension,
    ) -> Result<Option<Breakdown>, PublicError> {
        self.of_week(week, of, &of.slices)?.one(&format!("{id}@{}", name_of(by)))
    }

    /// A chart of a week by all dimensions.
    pub fn all_slices(
        &self,
        week: Date,
        of: &ProgramOutline,
        id: &str,
    ) -> Result<Vec<Breakdown>, PublicError> {
        let mut reader = self.of_week(week, of, &of.slices)?;
        let mut found = Vec::new();
        for by in Dimension::ALL {
            found.extend(reader.one(&format!("{id}@{}", name_of(by)))?);
        }
        Ok(found)
    }

    /// Some of a program's charts of a week, without slices; `None` if there is none with which they begin.
    pub fn page_of_charts(
        &self,
        week: Date,
        of: &ProgramOutline,
        page: PageOf<'_>,
    ) -> Result<Option<(ProgramCharts, Option<String>)>, PublicError> {
        let read = self.of_week(week, of, &of.figures)?.page(page, |name| Some(name))?;
        Ok(read.map(|ReadPage { found, next }| {
            let charts = found.into_iter().map(|(_, figure)| figure).collect();
            (ProgramCharts { charts, ..of.program.clone() }, next)
        }))
    }

    /// Some of the charts of a week by one dimension, of those that have something to show by it; `None` if there is
    /// none with which they begin.
    pub fn page_of_slices(
        &self,
        week: Date,
        of: &ProgramOutline,
        by: Dimension,
        page: PageOf<'_>,
    ) -> Result<Option<ReadPage<Breakdown>>, PublicError> {
        self.of_week(week, of, &of.slices)?.page(page, |name| {
            let (id, dimension) = name.split_once('@')?;
            (dimension == name_of(by)).then_some(id)
        })
    }

    /// Some of a program's series in a span. If some charts are wanted, its weeks name only these; if none are, by
    /// an empty list of ids, all.
    pub fn series(
        &self,
        span: Date,
        (program, of): (&str, &ProgramSpan),
        wanted: Wanted<'_>,
    ) -> Result<SeriesOfProgram, PublicError> {
        let last = of.weeks.last().copied().unwrap_or(span);
        let what = format!("the series of {program} from {span}");
        let mut reader = self.sections(&span_folder(span), &of.series, &what, last)?;
        let charts: Vec<ChartSeries> = reader.all(wanted)?;
        let weeks = match wanted {
            Wanted::All | Wanted::Ids([]) => {
                reader.one::<ProgramWeeks>(PROGRAM)?.unwrap_or_default().0
            }
            _ => {
                reader.weeks_with(charts.iter().map(|series| series.chart.id.as_str()).collect())?
            }
        };
        Ok(SeriesOfProgram { weeks, charts })
    }

    /// Reads all objects of a week's charts, and of the span that begins with it or that it is in, without
    /// keeping them.
    pub fn check_charts(&self, index: &Index, week: Date) -> Result<(), PublicError> {
        let ignore = |_: &str, _: &[u8]| Ok(());
        if let Some(outline) = self.week_outline(index, week)? {
            for of in &outline.programs {
                for file in [&of.figures, &of.slices] {
                    let mut reader = self.of_week(week, of, file)?;
                    let read = reader.sections.read_all(|_, _| true, ignore);
                    read.map_err(|error| reader.place().failed(error))?;
                }
            }
        }
        let span = span_of(week);
        for (program, of) in self.span_outline(index, span)?.unwrap_or_default().programs {
            let what = format!("the series of {program} from {span}");
            let mut reader = self.sections(&span_folder(span), &of.series, &what, week)?;
            let read = reader.sections.read_all(|_, _| true, ignore);
            read.map_err(|error| reader.place().failed(error))?;
        }
        Ok(())
    }

    /// All charts of a week, if they were made. They may be large.
    pub fn charts(&self, index: &Index, week: Date) -> Result<Option<WeekCharts>, PublicError> {
        let Some(outline) = self.week_outline(index, week)? else { return Ok(None) };
        let mut charts = outline.week;
        for of in &outline.programs {
            let mut program = self.program_charts(week, of, Wanted::All)?;
            for figure in &mut program.charts {
                figure.by = self.all_slices(week, of, &figure.id)?;
            }
            charts.programs.push(program);
        }
        Ok(Some(charts))
    }
}
