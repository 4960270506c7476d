//! Claims of stacks: which stacks of a program are known, and under which issue.
//!
//! ```toml
//! # stacks/gopls.toml
//! program    = "golang.org/x/tools/gopls"
//! repository = "https://github.com/golang/go"       # where its issues are
//! labels     = ["gopls", "telemetry"]               # of issues that are opened
//! title      = "x/tools/gopls"                      # what their titles begin with; the program's path by default
//! skip       = ["golang.org/x/tools/gopls/internal/util/bug."]   # functions that begin so are never to blame
//! top        = 2                                    # how many of the other frames make a group; 2 by default
//!
//! [[claim]]
//! issue  = "https://github.com/golang/go/issues/70000"
//! when   = 'top "golang.Hover" && !"golang.hoverBuiltin"'
//! fixed  = "v0.17.1"                                # seen in this version or later, it is news
//! stacks = ["""
//! runtime.sigpanic
//! golang.org/x/tools/gopls/internal/golang.Hover:+170
//! main.main:+3
//! """]
//! ```
//!
//! A claim is tested on itself: its `stacks` are examples that it must claim, and no claim of another issue
//! may. Claims are about what was reported, and say nothing about what is collected: the config does not
//! depend on them.

use super::location::{At, Location};
use super::predicate::Predicate;
use super::program_path::ProgramPath;
use super::version::Version;

/// How many frames make a group, unless a file says otherwise.
pub(super) const TOP: u32 = 2;

/// How functions begin that are never to blame for a failure: those of the languages' own runtimes.
const RUNTIME: [&str; 12] = [
    "runtime.",
    "runtime/",
    "internal/runtime/",
    "internal/abi.",
    "reflect.Value.",
    "std::",
    "core::",
    "alloc::",
    "rust_begin_unwind",
    "rust_panic",
    "__rust",
    // Frames that stand for others.
    "(",
];
/// The last line of a stack that did not fit, which is no frame.
const TRUNCATED: &str = "truncated";

/// A file of `stacks/`.
#[derive(Debug, Clone, PartialEq)]
pub struct StackClaims {
    /// The program whose stacks are claimed.
    pub program: At<ProgramPath>,
    /// The address of the repository that has its issues, without a slash at its end.
    pub repository: Option<At<String>>,
    /// The labels of issues that are opened.
    pub labels: Vec<At<String>>,
    /// What their titles begin with.
    pub title: Option<At<String>>,
    /// How functions begin that are never to blame, besides those of the runtime.
    pub skip: Vec<At<String>>,
    /// How many of the other frames make a group.
    pub top: u32,
    /// The claims, in order.
    pub claims: Vec<Claim>,
}

/// A claim: these stacks belong to that issue. Several claims may be of the same issue.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Where its `[[claim]]` is.
    pub location: Location,
    /// The address of the issue.
    pub issue: At<String>,
    /// Which stacks it claims.
    pub when: At<Predicate>,
    /// The first version in which it should not happen any more.
    pub fixed: Option<At<Version>>,
    /// Examples: stacks, innermost frame first, one a line.
    pub stacks: Vec<At<String>>,
}

impl StackClaims {
    /// What holds for a program without a file.
    pub fn of(program: At<ProgramPath>) -> StackClaims {
        StackClaims {
            program,
            repository: None,
            labels: Vec::new(),
            title: None,
            skip: Vec::new(),
            top: TOP,
            claims: Vec::new(),
        }
    }

    /// The indexes of the first frames that may be to blame, at most [`StackClaims::top`]. If none may,
    /// that is the first one.
    pub fn blamed(&self, frames: &[&str]) -> Vec<usize> {
        let is_blamed = |frame: &str| {
            let mut skipped = self.skip.iter().map(|skip| skip.value.as_str()).chain(RUNTIME);
            frame != TRUNCATED && !skipped.any(|skipped| frame.starts_with(skipped))
        };
        let top = usize::try_from(self.top).unwrap_or(usize::MAX);
        let numbered = frames.iter().enumerate().filter(|(_, frame)| is_blamed(frame));
        let mut blamed: Vec<usize> = numbered.map(|(at, _)| at).take(top).collect();
        if blamed.is_empty() && !frames.is_empty() {
            blamed.push(0);
        }
        blamed
    }

    /// The claims of a stack, in order.
    pub fn claiming(&self, frames: &[&str]) -> impl Iterator<Item = &Claim> {
        let top = self.blamed(frames).first().copied();
        self.claims.iter().filter(move |claim| claim.when.matches(frames, top))
    }
}

impl Claim {
    /// The frames of its examples.
    pub(super) fn examples(&self) -> impl Iterator<Item = (&At<String>, Vec<&str>)> {
        self.stacks.iter().map(|stack| (stack, stack.value.lines().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(skip: &[&str], top: u32) -> StackClaims {
        let at = |text: &str| At {
            value: text.to_owned(),
            location: Location { file: "stacks/p.toml".into(), line: 1, column: 1 },
        };
        let program = ProgramPath::parse("example.org/p").expect("a path");
        let program = At { value: program, location: at("").location };
        let skip = skip.iter().map(|skip| at(skip)).collect();
        StackClaims { skip, top, ..StackClaims::of(program) }
    }

    #[test]
    fn frames_of_the_runtime_are_not_to_blame() {
        let go =
            ["runtime.gopanic:+1", "bug.Report:+2", "p.f:+3", "(other packages)", "p.g", "p.h"];
        assert_eq!(claims(&[], 2).blamed(&go), [1, 2]);
        assert_eq!(claims(&["bug."], 2).blamed(&go), [2, 4]);
        assert_eq!(claims(&["bug."], 9).blamed(&go), [2, 4, 5]);
        let rust = ["rust_begin_unwind", "core::panicking::panic_fmt", "p::run:=3", "truncated"];
        assert_eq!(claims(&[], 4).blamed(&rust), [2]);
    }

    #[test]
    fn where_no_frame_may_be_to_blame_it_is_the_first() {
        assert_eq!(claims(&[], 2).blamed(&["runtime.throw", "runtime.main"]), [0]);
        assert_eq!(claims(&[], 2).blamed(&[]), [0; 0]);
    }
}
