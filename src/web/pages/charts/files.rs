//! Charts as files: their content types, and the names under which they are saved.

use super::address::{self, Form, Weeks};
use crate::aggregate::chart_csv::Csv;
use crate::aggregate::figure::{Figure, ProgramCharts, WeekCharts};
use crate::web::draw::{self, Legend, Picture};
use crate::web::representation::Content;
use crate::web::site::Site;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_DISPOSITION;
use axum::response::Response;

/// The content type of a form.
pub(super) fn content(form: Form) -> Content {
    match form {
        Form::Page => Content::Html,
        Form::Csv => Content::Csv,
        Form::Json => Content::Json,
        Form::Sql => Content::Text,
        Form::Svg | Form::Badge => Content::Svg,
        Form::Png | Form::Card => Content::Png,
    }
}

/// The answer with a name for the file (RFC 6266). CSV is downloaded; browsers show the others.
pub(super) fn named(mut response: Response, name: &str, form: Form) -> Response {
    let how = if form == Form::Csv { "attachment" } else { "inline" };
    // The name only has letters, digits, dots, hyphens and underscores, which need no encoding.
    if let Ok(value) = HeaderValue::try_from(format!("{how}; filename=\"{name}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    response
}

/// Charts as CSV, one after another.
pub(super) fn csv(charts: &[(&WeekCharts, &ProgramCharts, &Figure)]) -> String {
    let mut csv = Csv::new();
    for (week, program, figure) in charts {
        csv.add(week, program, figure);
    }
    csv.finish()
}

/// A standalone picture of the chart with this id and title, in one of the forms of pictures. Empty if it is
/// too large for a bitmap.
pub(super) fn drawn(
    picture: &Picture,
    form: Form,
    site: &Site,
    program: &str,
    weeks: Weeks,
    (id, title): (&str, &str),
    days: &str,
) -> Vec<u8> {
    let page = address::chart(program, weeks, id, Form::Page);
    let legend = Legend {
        title: title.to_owned(),
        subtitle: format!("{program}, {days}"),
        source: format!("Source: {}{page}", site.address()),
    };
    match form {
        Form::Png => draw::png(picture, &legend).unwrap_or_default(),
        Form::Card => draw::card(picture, &legend).unwrap_or_default(),
        _ => draw::file(picture, &legend).into_bytes(),
    }
}
