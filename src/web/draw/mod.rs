//! Charts as pictures that a statistician would approve of.
//!
//! | file | one idea |
//! | --- | --- |
//! | `picture` | what a picture shows, and the text that goes with it |
//! | `figure` | which rows of a figure are drawn, and in which order |
//! | `trend`, `event` | the same for charts over weeks, and marks on their weeks |
//! | `buckets` | the order and the names of buckets |
//! | `bars` | shares that need not exclude each other: partitions, histograms and stacks |
//! | `histogram` | shares of ordered buckets that add up to 100% |
//! | `boxes` | box plots: ratios |
//! | `lines` | line charts: values over weeks |
//! | `scene` | shapes, before they are SVG or pixels |
//! | `scale`, `label` | axes, and text that fits |
//! | `svg` | shapes as SVG |
//! | `pixels` | shapes as PNG |
//! | `page` | pictures on pages |
//! | `multiples`, `sparkline` | many small pictures, and small trends beside a figure |
//! | `file` | pictures as files, and for previews of links |
//!
//! All of them follow the same rules: lengths start at zero and are proportional; every estimate has its
//! interval; the number of reports is beside the picture; small samples are drawn hollow and provisional
//! weeks dashed, with a note; what is left out is counted; every mark has a tooltip; what a note says is true
//! of its picture; and the same numbers give the same bytes.
//!
//! A chart library would place shapes in pixels. Here they are placed in shares of a width that only the
//! reader's browser knows, have classes and tooltips, and become pixels without the system's fonts.

mod bars;
mod boxes;
mod buckets;
mod event;
mod figure;
mod file;
mod histogram;
mod label;
mod lines;
mod multiples;
mod page;
mod picture;
mod pixels;
mod scale;
mod scene;
mod sparkline;
mod svg;
mod trend;

pub(in crate::web) use buckets::{
    FEW, RARE, in_reading_order, is_folded, is_rare, label_of, rows_are, stack_name,
};
pub(in crate::web) use event::Event;
pub(in crate::web) use figure::{NONE, is_small};
pub(in crate::web) use file::{Legend, card, file, panels, png};
pub(in crate::web) use label::plain;
pub(in crate::web) use multiples::{Multiple, multiples};
pub(in crate::web) use page::inline;
pub(in crate::web) use picture::{Measure, Picture, Series};
pub(in crate::web) use sparkline::sparkline;
pub(in crate::web) use svg::{STYLE, file_style};
pub(in crate::web) use trend::Trend;

#[cfg(test)]
mod measured;
#[cfg(test)]
mod tests;
