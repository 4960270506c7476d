//! JSON byte for byte as Go's `encoding/json` writes it with `MarshalIndent(v, "", "\t")`, or with another
//! indent, as Go's client writes its reports.
//!
//! A config is pinned by its hash, so its bytes matter: compiling the Go project's definitions
//! must give the file that Go's own tools wrote. The differences from `serde_json`'s pretty output:
//!
//! - each level is indented by one tab (or what is asked for);
//! - numbers are the shortest decimal that reads back as the same double, with an exponent below
//!   1e-6 and from 1e21 on (`1`, not `1.0`; `9.99e-7`; `1e+21`);
//! - `<`, `>`, `&`, U+2028 and U+2029 are escaped, so that the text can be embedded in HTML
//!   and JavaScript.

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};

/// Writes `value` with tabs and without a newline at the end.
pub fn to_string<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    to_string_indented(value, "\t")
}

/// The same, with another indent.
pub fn to_string_indented<T: Serialize>(
    value: &T,
    indent: &str,
) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    let formatter = GoFormatter(PrettyFormatter::with_indent(indent.as_bytes()));
    value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))?;
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

/// A number as Go prints it.
pub fn number(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let text = format!("{value:e}");
        match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => {
                format!("{digits}e+{exponent}")
            }
            _ => text,
        }
    } else {
        format!("{value}")
    }
}

/// The pretty formatter with Go's numbers and escapes.
struct GoFormatter<'a>(PrettyFormatter<'a>);

impl Formatter for GoFormatter<'_> {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(number(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        mut text: &str,
    ) -> io::Result<()> {
        let special = |c| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
        while let Some((at, c)) = text.char_indices().find(|(_, c)| special(*c)) {
            let (plain, rest) = text.split_at(at);
            write!(writer, "{plain}\\u{:04x}", u32::from(c))?;
            text = rest.strip_prefix(c).unwrap_or_default();
        }
        writer.write_all(text.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        // Each pair was printed by go1.26.
        let facts = [
            (1.0, "1"),
            (0.0, "0"),
            (-0.5, "-0.5"),
            (0.06636, "0.06636"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.3333333333333333"),
            (0.000012345, "0.000012345"),
            (1e-6, "0.000001"),
            (9.99e-7, "9.99e-7"),
            (1.5e-9, "1.5e-9"),
            (1e-10, "1e-10"),
            (5e-324, "5e-324"),
            (100.0, "100"),
            (123456789.0, "123456789"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.25e21, "1.25e+21"),
            (1e100, "1e+100"),
            (f64::MAX, "1.7976931348623157e+308"),
        ];
        for (value, expected) in facts {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn strings_and_empty_lists_are_written_as_go_writes_them() {
        #[derive(Serialize)]
        struct Example<'a> {
            text: &'a str,
            empty: [u8; 0],
            list: [u8; 2],
        }
        let text = "a<b>&c\u{2028}\u{2029}\"\\\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}é😀/'";
        let json = to_string(&Example { text, empty: [], list: [1, 2] }).expect("serialisable");
        let expected = "{\n\t\"text\": \"a\\u003cb\\u003e\\u0026c\\u2028\\u2029\\\"\\\\\\b\\f\\n\\r\\t\
                        \\u0001\\u001f\u{7f}é😀/'\",\n\t\"empty\": [],\n\t\"list\": [\n\t\t1,\n\t\t2\n\t]\n}";
        assert_eq!(json, expected);
    }

    proptest! {
        #[test]
        fn every_number_reads_back_as_itself(value in proptest::num::f64::NORMAL) {
            prop_assert_eq!(number(value).parse::<f64>(), Ok(value));
        }

        #[test]
        fn every_string_reads_back_as_itself(text in any::<String>()) {
            let json = to_string(&text).expect("serialisable");
            let escaped = !json.contains(['<', '>', '&', '\u{2028}', '\u{2029}']);
            prop_assert!(escaped, "{}", json);
            prop_assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
        }
    }
}
