//! The collection config: Go's `UploadConfig`
//! ([golang/telemetry](https://pkg.go.dev/golang.org/x/telemetry/internal/telemetry#UploadConfig)),
//! its shape and its exact bytes.
//!
//! Reading accepts `null` for an empty list, as Go writes a nil slice, and unknown fields, which a later
//! version of the format may add; what Go always writes must be there. Writing gives the same bytes as
//! Go's tools.

use super::{X, go_json};
use serde::{Deserialize, Deserializer, Serialize};

/// What may be collected: from where, by which programs, which counters, at what rates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CollectionConfig {
    /// Operating systems, by Go's names.
    #[serde(rename = "GOOS", deserialize_with = "null_is_empty")]
    pub goos: Vec<String>,
    /// Architectures, by Go's names.
    #[serde(rename = "GOARCH", deserialize_with = "null_is_empty")]
    pub goarch: Vec<String>,
    /// Toolchains with which a reporting program may have been built.
    #[serde(rename = "GoVersion", deserialize_with = "null_is_empty")]
    pub go_version: Vec<String>,
    /// A report whose X is larger is not sent.
    #[serde(rename = "SampleRate")]
    pub sample_rate: Rate,
    /// The programs, in the order of their names.
    #[serde(rename = "Programs", deserialize_with = "null_is_empty")]
    pub programs: Vec<ProgramConfig>,
}

/// What one program may report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProgramConfig {
    /// The program's package path.
    #[serde(rename = "Name")]
    pub name: String,
    /// The versions that may report.
    #[serde(rename = "Versions", deserialize_with = "null_is_empty")]
    pub versions: Vec<String>,
    /// Counters and groups of counters.
    #[serde(
        rename = "Counters",
        default,
        deserialize_with = "null_is_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub counters: Vec<CounterConfig>,
    /// Stack counters.
    #[serde(
        rename = "Stacks",
        default,
        deserialize_with = "null_is_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub stacks: Vec<StackConfig>,
}

/// A counter, or a group of counters written `chart:{a,b}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CounterConfig {
    /// The counter expression.
    #[serde(rename = "Name")]
    pub name: String,
    /// It is in a report only when the report's X is at most this.
    #[serde(rename = "Rate")]
    pub rate: Rate,
}

/// A stack counter. Groups are not written for stacks: Go's client does not expand them there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StackConfig {
    /// The counter's name, without frames.
    #[serde(rename = "Name")]
    pub name: String,
    /// It is in a report only when the report's X is at most this.
    #[serde(rename = "Rate")]
    pub rate: Rate,
    /// The most frames collected.
    #[serde(rename = "Depth", default, skip_serializing_if = "is_zero")]
    pub depth: u32,
}

/// The share of reports that carry something: from 0 to 1, both included.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Rate(f64);

/// A number that is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{0} is not a rate: a rate lies between 0 and 1")]
pub struct RateError(f64);

/// Why a text is not a collection config.
#[derive(Debug, thiserror::Error)]
#[error("this is not a collection config: {0}")]
pub struct ConfigError(#[from] serde_json::Error);

impl CollectionConfig {
    /// Reads a published `config.json`.
    pub fn from_json(json: &[u8]) -> Result<CollectionConfig, ConfigError> {
        Ok(serde_json::from_slice(json)?)
    }

    /// All its rates: those of counters and stacks, and of reports.
    pub(crate) fn rates(&self) -> impl Iterator<Item = Rate> {
        let of_programs = self.programs.iter().flat_map(|program| {
            let counters = program.counters.iter().map(|counter| counter.rate);
            counters.chain(program.stacks.iter().map(|stack| stack.rate))
        });
        of_programs.chain([self.sample_rate])
    }

    /// The config as Go's `json.MarshalIndent` writes it with tabs, without a newline at the end.
    pub fn to_json(&self) -> String {
        // Nothing in these types can fail to serialise: keys are strings, and writing to memory does not
        // fail. No reader takes an empty text for a config.
        go_json::to_string(self).unwrap_or_default()
    }
}

impl Rate {
    /// Everything is reported.
    pub const ALL: Rate = Rate(1.0);
    /// Nothing is reported.
    pub const NONE: Rate = Rate(0.0);

    /// Checks the range.
    pub fn new(rate: f64) -> Result<Rate, RateError> {
        if (0.0..=1.0).contains(&rate) { Ok(Rate(rate)) } else { Err(RateError(rate)) }
    }

    /// Whether what has this rate is in a report with this X.
    pub(crate) fn samples(self, x: X) -> bool {
        x.get() <= self.0
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }

    /// The rate in percent, to three digits; `100%` and `0%` only where they are exact.
    pub fn percent(self) -> String {
        self.percent_to(3)
    }

    /// Two rates in percent, to as many digits as it takes to see the difference.
    pub fn percents(from: Rate, to: Rate) -> (String, String) {
        let written = (3..=17).map(|digits| (from.percent_to(digits), to.percent_to(digits)));
        let mut apart = written.filter(|(from, to)| from != to);
        apart.next().unwrap_or_else(|| (from.percent(), to.percent()))
    }

    fn percent_to(self, digits: i32) -> String {
        let percent = self.0 * 100.0;
        if self.0 == 0.0 || self.0 == 1.0 {
            return format!("{percent}%");
        }
        let magnitude = percent.log10().floor().max(-300.0) as i32;
        let mut decimals = usize::try_from(digits - 1 - magnitude).unwrap_or(0);
        loop {
            let text = format!("{percent:.decimals$}");
            let text = match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.'),
                false => &text,
            };
            if text != "100" || decimals > 20 {
                return format!("{text}%");
            }
            decimals += 1;
        }
    }

    /// The larger of two rates.
    pub fn max(self, other: Rate) -> Rate {
        Rate(self.0.max(other.0))
    }
}

impl TryFrom<f64> for Rate {
    type Error = RateError;

    fn try_from(rate: f64) -> Result<Rate, RateError> {
        Rate::new(rate)
    }
}

impl From<Rate> for f64 {
    fn from(rate: Rate) -> f64 {
        rate.0
    }
}

fn null_is_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

// The signature is what serde asks for.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(depth: &u32) -> bool {
    *depth == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn a_config_has_gos_shape() {
        let config = CollectionConfig {
            goos: vec!["linux".into()],
            goarch: vec![],
            go_version: vec!["go1.26.8".into()],
            sample_rate: Rate::ALL,
            programs: vec![ProgramConfig {
                name: "a/b".into(),
                versions: vec!["v1.0.0".into()],
                counters: vec![CounterConfig { name: "c:{<,&}".into(), rate: Rate(0.06636) }],
                stacks: vec![StackConfig { name: "s".into(), rate: Rate::ALL, depth: 16 }],
            }],
        };
        let expected = r#"{
	"GOOS": [
		"linux"
	],
	"GOARCH": [],
	"GoVersion": [
		"go1.26.8"
	],
	"SampleRate": 1,
	"Programs": [
		{
			"Name": "a/b",
			"Versions": [
				"v1.0.0"
			],
			"Counters": [
				{
					"Name": "c:{\u003c,\u0026}",
					"Rate": 0.06636
				}
			],
			"Stacks": [
				{
					"Name": "s",
					"Rate": 1,
					"Depth": 16
				}
			]
		}
	]
}"#;
        assert_eq!(config.to_json(), expected);
        assert_eq!(CollectionConfig::from_json(expected.as_bytes()).expect("a config"), config);
    }

    #[test]
    fn what_go_reads_is_read() {
        let json = br#"{"GOOS":null,"GOARCH":[],"GoVersion":null,"SampleRate":0.5,
            "Programs":[{"Name":"p","Versions":null}],"Later":{}}"#;
        let config = CollectionConfig::from_json(json).expect("a config");
        assert_eq!(config.programs[0].name, "p");
        assert_eq!(config.sample_rate.get(), 0.5);
    }

    #[test]
    fn anything_but_a_config_is_refused() {
        for json in ["", "[]", "{}", "null", "7", r#"{"GOOS":[7]}"#, r#"{"Programs":[]}"#] {
            assert!(CollectionConfig::from_json(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn a_rate_outside_its_range_is_refused() {
        for rate in ["1.5", "-0.1", "1e999"] {
            assert!(serde_json::from_str::<Rate>(rate).is_err(), "{rate}");
        }
    }

    #[test]
    fn rates_are_written_in_percent() {
        for (rate, percent) in [
            (1.0, "100%"),
            (0.0, "0%"),
            (0.06636, "6.64%"),
            (0.5, "50%"),
            (0.1, "10%"),
            (0.999_99, "99.999%"),
            (0.000_012_34, "0.00123%"),
        ] {
            assert_eq!(Rate(rate).percent(), percent);
        }
        let apart = Rate::percents(Rate(0.066_36), Rate(0.066_362));
        assert_eq!(apart, ("6.636%".into(), "6.6362%".into()));
    }

    fn rates() -> impl Strategy<Value = Rate> {
        (0.0..=1.0).prop_map(Rate)
    }

    fn programs() -> impl Strategy<Value = ProgramConfig> {
        let counter =
            (any::<String>(), rates()).prop_map(|(name, rate)| CounterConfig { name, rate });
        let stack = (any::<String>(), rates(), any::<u32>())
            .prop_map(|(name, rate, depth)| StackConfig { name, rate, depth });
        let parts =
            (any::<String>(), vec(any::<String>(), 0..3), vec(counter, 0..3), vec(stack, 0..3));
        parts.prop_map(|(name, versions, counters, stacks)| ProgramConfig {
            name,
            versions,
            counters,
            stacks,
        })
    }

    proptest! {
        #[test]
        fn every_config_reads_back_as_itself(
            goos in vec(any::<String>(), 0..3),
            sample_rate in rates(),
            programs in vec(programs(), 0..3),
        ) {
            let config = CollectionConfig { goos, sample_rate, programs, ..Default::default() };
            let json = config.to_json();
            prop_assert_eq!(CollectionConfig::from_json(json.as_bytes()).expect("JSON"), config);
        }
    }
}
