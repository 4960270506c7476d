//! Charts as pictures: SVG, drawn with plotters so that a statistician approves.
//!
//! | file | one idea |
//! | --- | --- |
//! | `figure` | which rows of a figure are drawn, in which order, and what is said of them |
//! | `bars` | partitions and stacks |
//! | `histogram` | buckets that have an order |
//! | `boxes` | ratios |
//! | `lines` | values over weeks |
//! | `svg` | pictures in pages, and as files |
//! | `sheet` | plotters' backend: units, colours, marks |
//! | `scale`, `label`, `words` | axes, text that fits, numbers as people read them |
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
mod scale;
mod sheet;
mod svg;
pub(in crate::web) mod words;

pub(in crate::web) use figure::{Measure, NONE, Picture, Series, Trend, is_small};
pub(in crate::web) use label::plain;
pub(in crate::web) use svg::{Legend, file, inline, inline_narrow};

#[cfg(test)]
mod tests;
