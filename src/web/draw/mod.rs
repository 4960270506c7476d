//! Charts as pictures: SVG, drawn with plotters so that a statistician approves.
//!
//! | file | one idea |
//! | --- | --- |
//! | `picture` | what a picture shows, and what is said of it |
//! | `figure` | which rows of a figure are drawn, and in which order |
//! | `trend` | the same over weeks |
//! | `bars` | partitions and stacks |
//! | `histogram` | buckets that have an order |
//! | `boxes` | ratios |
//! | `lines` | values over weeks |
//! | `svg` | pictures in pages, and as files |
//! | `sheet` | plotters' backend: units, colours, marks |
//! | `scale`, `label` | axes, text that fits |
//!
//! What holds for all of them: lengths begin at zero and are in proportion; every estimate has its
//! interval; the number of reports is in the picture; small samples are hollow, and said to be small;
//! what is left out is counted; and the same numbers give the same bytes.

mod bars;
mod boxes;
mod figure;
mod histogram;
mod label;
mod lines;
mod picture;
mod scale;
mod sheet;
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
