//! All lints, their codes and reasons.

use crate::charts::diagnostic::{EXPIRED, EXPIRING, STACK_PACKAGES, UNMATCHED_VERSION};

/// A lint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lint {
    /// A title that does not say what is measured.
    VagueTitle,
    /// A title that another chart has.
    SameTitle,
    /// A partition that has no bucket for all other answers.
    NoOtherBucket,
    /// Charts of one program that divide the buckets of a counter among them.
    SplitCounter,
    /// Buckets that look as if they came from a user's machine.
    PersonalBuckets,
    /// So many buckets that some will be rare.
    ManyBuckets,
    /// Versions that no released program has.
    UnmatchedVersion,
    /// A toolchain that was released, and is not listed.
    MissingToolchain,
    /// A population that nobody looked at for long.
    OldPopulation,
    /// A text that a spreadsheet takes for a formula.
    SpreadsheetFormula,
    /// An invisible character.
    HiddenCharacter,
    /// A stack chart that shows functions of any package.
    StackPackages,
    /// An address that `candor new` wrote, to be replaced.
    Placeholder,
    /// A system, architecture or toolchain by a name that no program reports.
    UnknownPlatform,
    /// A chart whose last day has passed.
    Expired,
    /// A chart whose last day is near.
    Expiring,
}

impl Lint {
    /// All lints.
    pub const ALL: [Lint; 16] = [
        Lint::VagueTitle,
        Lint::SameTitle,
        Lint::NoOtherBucket,
        Lint::SplitCounter,
        Lint::PersonalBuckets,
        Lint::ManyBuckets,
        Lint::UnmatchedVersion,
        Lint::MissingToolchain,
        Lint::OldPopulation,
        Lint::SpreadsheetFormula,
        Lint::HiddenCharacter,
        Lint::StackPackages,
        Lint::Placeholder,
        Lint::UnknownPlatform,
        Lint::Expired,
        Lint::Expiring,
    ];

    /// Its name in comments and in SARIF.
    pub fn code(self) -> &'static str {
        match self {
            Lint::VagueTitle => "vague-title",
            Lint::SameTitle => "same-title",
            Lint::NoOtherBucket => "no-other-bucket",
            Lint::SplitCounter => "split-counter",
            Lint::PersonalBuckets => "personal-buckets",
            Lint::ManyBuckets => "many-buckets",
            Lint::UnmatchedVersion => UNMATCHED_VERSION,
            Lint::MissingToolchain => "missing-toolchain",
            Lint::OldPopulation => "old-population",
            Lint::SpreadsheetFormula => "spreadsheet-formula",
            Lint::HiddenCharacter => "hidden-character",
            Lint::StackPackages => STACK_PACKAGES,
            Lint::Placeholder => "placeholder",
            Lint::UnknownPlatform => "unknown-platform",
            Lint::Expired => EXPIRED,
            Lint::Expiring => EXPIRING,
        }
    }

    /// Why it is looked for, in one sentence.
    pub fn reason(self) -> &'static str {
        match self {
            Lint::VagueTitle => {
                "readers decide by the title whether a chart answers their question"
            }
            Lint::SameTitle => "readers cannot tell two charts with the same title apart",
            Lint::NoOtherBucket => {
                "answers that no bucket stands for are not counted, so the shares look larger than they are"
            }
            Lint::SplitCounter => {
                "shares of one question that are in two charts cannot be compared"
            }
            Lint::PersonalBuckets => "a bucket that few people can have points at them",
            Lint::ManyBuckets => {
                "a bucket that few people have is imprecise, and may point at them"
            }
            Lint::UnmatchedVersion => {
                "a version that no program reports only makes the config larger"
            }
            Lint::MissingToolchain => {
                "programs built with a toolchain that is not listed cannot report"
            }
            Lint::OldPopulation => {
                "rates follow from it: a program that grew is asked for more reports than needed, and one that \
                 shrank gives too few"
            }
            Lint::SpreadsheetFormula => "who opens the public CSV files in a spreadsheet runs it",
            Lint::HiddenCharacter => {
                "what reviewers do not see can make a text say something else than they read"
            }
            Lint::Placeholder => {
                "whoever wonders who asked for a counter is sent to an address where nothing is"
            }
            Lint::UnknownPlatform => {
                "what programs report under another name is left out, and nobody notices"
            }
            Lint::Expired => "a definition that asks for nothing any more misleads its readers",
            Lint::Expiring => {
                "a chart ends on its last day unless someone says that it is still needed"
            }
            Lint::StackPackages => "anyone can send words that look like functions",
        }
    }
}
