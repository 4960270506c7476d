//! Charts as SVG pictures, drawn with plotters, that a statistician would approve of.
//!
//! | file | one idea |
//! | --- | --- |
//! | `picture` | what a picture shows, and what is said of it |
//! | `figure` | which rows of a figure are drawn, and in which order |
//! | `trend` | the same for charts over weeks |
//! | `bars` | bar charts: partitions and stacks |
//! | `histogram` | histograms: buckets in order |
//! | `boxes` | box plots: ratios |
//! | `lines` | line charts: values over weeks |
//! | `svg` | pictures on pages, and as files |
//! | `canvas` | plotters' backend: units, colours, marks |
//! | `scale`, `label` | axes, and text that fits |
//!
//! All of them follow the same rules: lengths start at zero and are proportional; every estimate has its
//! interval; the number of reports is in the picture; small samples are drawn hollow, with a note; what is
//! left out is counted; and the same numbers give the same bytes.

mod bars;
mod boxes;
mod canvas;
mod figure;
mod histogram;
mod label;
mod lines;
mod picture;
mod scale;
mod svg;
mod trend;

pub(in crate::web) use figure::{NONE, is_small};
pub(in crate::web) use label::plain;
pub(in crate::web) use picture::{Measure, Picture, Series};
pub(in crate::web) use svg::{Legend, file, inline, inline_narrow};
pub(in crate::web) use trend::Trend;

#[cfg(test)]
mod measured;
#[cfg(test)]
mod tests;
