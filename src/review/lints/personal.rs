//! Buckets that look as if they came from one user's machine: addresses, numbers, paths, names of computers, keys,
//! and places for any text.
//!
//! A bucket is taken apart where a name in it may begin and end, so that `host-192.168.0.17` and `id/6ba7b810-...` are
//! found as well. What looks like a version, a platform, a range or a word is none of it.

use std::net::{Ipv4Addr, Ipv6Addr};

/// How keys and tokens begin that are easy to recognize.
const TOKENS: [&str; 24] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "sk-",
    "sk_live_",
    "sk_test_",
    "pk_live_",
    "rk_live_",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "eyJ",
    "npm_",
    "pypi-",
    "hf_",
    "dop_v1_",
];
/// So many characters have to follow.
const SECRET: usize = 12;
/// Paths into the folder of a user.
const HOMES: [&str; 10] = [
    "/home/",
    "/Users/",
    "/root/",
    "Users/",
    "Documents and Settings/",
    "file://",
    "~/",
    "$HOME",
    "%USERPROFILE%",
    "%APPDATA%",
];
/// What stands for any text in templates.
const TEMPLATES: [&str; 18] = [
    "%s", "%d", "%v", "%q", "$USER", "${", "$(", "{user", "{host", "<name>", "<user>", "<path>",
    "<id>", "<any>", ".*", ".+", "[a-z", "[0-9",
];

/// What a bucket looks like that came from one user's machine.
pub(super) fn looks_personal(bucket: &str) -> Option<&'static str> {
    if is_email(bucket) {
        Some("an e-mail address")
    } else if is_ip_address(bucket) {
        Some("an IP address")
    } else if is_mac_address(bucket) {
        Some("the address of a network card")
    } else if is_home(bucket) {
        Some("a path on one machine")
    } else if is_template(bucket) {
        Some("a place for any text")
    } else if has_uuid(bucket) {
        Some("the ID of something")
    } else if is_phone_number(bucket) {
        Some("a telephone number")
    } else if is_host_name(bucket) {
        Some("the name of a computer")
    } else if has_known_token(bucket) {
        Some("a key or a token")
    } else if has_hash(bucket) {
        Some("a hash or an ID")
    } else if runs(bucket, |c| c.is_ascii_alphanumeric()).any(alternates) {
        Some("a key or a token")
    } else {
        None
    }
}

/// The parts of a text between other characters than these.
fn runs(text: &str, belongs: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    text.split(move |c| !belongs(c)).filter(|run| !run.is_empty())
}

/// A name, `@`, and a domain that ends in letters: `eslint@8.0.1` is none.
fn is_email(text: &str) -> bool {
    let local = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
    text.match_indices('@').any(|(at, _)| {
        let (before, after) =
            (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-');
        let domain =
            after.get(..end.unwrap_or(after.len())).unwrap_or_default().trim_end_matches('.');
        let is_name = domain.rsplit_once('.').is_some_and(|(name, top)| {
            !name.is_empty() && top.len() >= 2 && top.chars().all(|c| c.is_ascii_alphabetic())
        });
        before.ends_with(local) && is_name
    })
}

fn is_ip_address(text: &str) -> bool {
    // A version such as `v1.2.3.4` is none: a letter is before it.
    let four = |run: &str| {
        let run = run.trim_matches('.');
        run.parse::<Ipv4Addr>()
            .is_ok_and(|address| !address.is_loopback() && !address.is_unspecified())
    };
    let of_four = runs(text, |c| c.is_ascii_alphanumeric() || c == '.').any(four);
    let six = |run: &str| {
        let colons = run.matches(':').count();
        // `a::b` is a path in many languages.
        let is_plain = run.contains(|c: char| c.is_ascii_digit()) || colons >= 4;
        let parsed = run.parse::<Ipv6Addr>();
        is_plain && parsed.is_ok_and(|address| !address.is_loopback() && !address.is_unspecified())
    };
    // A name in front of an address, as in `host:fe80::1`, ends with the first colon.
    let after = text.split_once(':').map_or("", |(_, after)| after);
    let candidates = [text, after].into_iter();
    of_four
        || candidates.flat_map(|text| runs(text, |c| c.is_ascii_hexdigit() || c == ':')).any(six)
}

/// Six or eight groups of two hexadecimal digits, or three of four with dots.
fn is_mac_address(text: &str) -> bool {
    let is_hex = |part: &&str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let groups = |run: &str, by: char, many: &[usize], length: usize| {
        let parts: Vec<&str> = run.split(by).collect();
        many.contains(&parts.len()) && parts.iter().all(|part| part.len() == length && is_hex(part))
    };
    let of_two = |by: char| {
        runs(text, move |c| c.is_ascii_alphanumeric() || c == by)
            .any(|run| groups(run, by, &[6, 8], 2))
    };
    of_two(':') || of_two('-') || groups(text, '.', &[3], 4)
}

fn is_home(text: &str) -> bool {
    HOMES.iter().any(|home| match home.starts_with(['/', '$', '%', 'f', 'D']) {
        true => text.contains(home),
        // As the beginning of a path.
        false => text.match_indices(home).any(|(at, _)| {
            !text.get(..at).unwrap_or_default().ends_with(|c: char| c.is_ascii_alphanumeric())
        }),
    })
}

/// A wildcard, or what stands for any text in a template.
fn is_template(text: &str) -> bool {
    let is_wild = |part: &str| !part.is_empty() && part.chars().all(|c| c == '*' || c == '?');
    text.split(['/', ':', '.', '-', '_']).any(|part| is_wild(part) && part.contains('*'))
        || text == "..."
        || TEMPLATES.iter().any(|template| text.contains(template))
}

fn has_uuid(text: &str) -> bool {
    runs(text, |c| c.is_ascii_hexdigit() || c == '-').any(|run| {
        let lengths: Vec<usize> = run.split('-').map(str::len).collect();
        lengths.windows(5).any(|lengths| lengths == [8, 4, 4, 4, 12])
    })
}

/// A number with a country's code, or as it is written in North America, or with a leading zero.
fn is_phone_number(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_written = |c: char| c.is_ascii_digit() || "-.()/ ".contains(c);
    if let Some(rest) = text.strip_prefix('+') {
        let is_round = rest.ends_with("0000");
        return (8..=15).contains(&digits) && rest.chars().all(is_written) && !is_round;
    }
    let lengths = |by: char| text.split(by).map(str::len).collect::<Vec<_>>();
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b"-.()".contains(&byte));
    let is_grouped = ['-', '.'].into_iter().any(|by| {
        let lengths = lengths(by);
        lengths == [3, 3, 4] || lengths == [1, 3, 3, 4]
    });
    let is_bracketed = text.starts_with('(') && text.contains(')') && digits >= 9;
    let has_zero = text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (is_grouped || is_bracketed) || has_zero && (10..=14).contains(&digits)
}

/// How systems name computers by themselves.
fn is_host_name(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let given = ["DESKTOP-", "LAPTOP-", "WIN-"].into_iter().any(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| {
            rest.len() >= 7
                && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        })
    });
    given || lower.contains("-macbook") || lower.ends_with(".local") || lower.ends_with(".lan")
}

/// A known form of keys.
fn has_known_token(text: &str) -> bool {
    let is_secret = |c: char| c.is_ascii_alphanumeric() || "_-.+/=".contains(c);
    TOKENS.iter().any(|prefix| {
        text.match_indices(prefix).any(|(at, _)| {
            let before = text.get(..at).unwrap_or_default();
            let rest = text.get(at + prefix.len()..).unwrap_or_default();
            let end = rest.find(|c| !is_secret(c)).unwrap_or(rest.len());
            let secret = rest.get(..end).unwrap_or_default();
            let is_mixed = secret.contains(|c: char| c.is_ascii_digit())
                || secret.contains(|c: char| c.is_ascii_uppercase());
            !before.ends_with(|c: char| c.is_ascii_alphanumeric())
                && secret.len() >= SECRET
                && is_mixed
        })
    })
}

/// Letters and digits, or large and small letters, that alternate as in no word.
fn alternates(run: &str) -> bool {
    let bytes = run.as_bytes();
    if bytes.len() < 16 {
        return false;
    }
    let pairs = || bytes.iter().zip(bytes.iter().skip(1));
    let digits = pairs().filter(|(a, b)| a.is_ascii_digit() != b.is_ascii_digit()).count();
    let cases = pairs().filter(|(a, b)| {
        a.is_ascii_alphabetic()
            && b.is_ascii_alphabetic()
            && a.is_ascii_uppercase() != b.is_ascii_uppercase()
    });
    digits >= 4 || cases.count() * 5 >= bytes.len() * 2
}

/// So many hexadecimal digits, of which some are letters and some are not, are no word; and so many digits no number
/// that people use.
fn has_hash(text: &str) -> bool {
    let letters = |run: &str| run.bytes().filter(u8::is_ascii_alphabetic).count();
    runs(text, |c| c.is_ascii_alphanumeric()).any(|run| {
        let is_hex = run.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = run.len() - letters(run);
        let is_round =
            run.ends_with("000") || run.parse::<u128>().is_ok_and(|n| n.is_power_of_two());
        is_hex && run.len() >= 12 && letters(run) >= 2 && digits >= 2
            || letters(run) == 0 && run.len() >= 12 && !is_round
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_one_machine_is_recognized() {
        for (expected, buckets) in [
            (
                "an e-mail address",
                &["jane@example.org", "mail/jane.doe+x@mail.example.co.uk", "by:j@x.io:7"][..],
            ),
            (
                "an IP address",
                &[
                    "192.168.0.17",
                    "host-10.1.2.3",
                    "8.8.8.8:443",
                    "10.0.0.0/8",
                    "fe80::1ff:fe23:4567:890a",
                    "2001:db8::1",
                    "[2001:db8::1]:80",
                    "net:2001:db8:0:0:0:0:0:1",
                ],
            ),
            (
                "the address of a network card",
                &[
                    "00:1a:2b:3c:4d:5e",
                    "00-1A-2B-3C-4D-5E",
                    "001a.2b3c.4d5e",
                    "card/00:1a:2b:3c:4d:5e",
                ],
            ),
            (
                "a path on one machine",
                &[
                    "/home/jane",
                    "/Users/jane/x",
                    "C:/Users/jane",
                    "file:///tmp",
                    "~/src",
                    "/mnt/c/Users/x",
                ],
            ),
            (
                "a place for any text",
                &["*", "path/*", "path-%s", "...", "<name>", "file:*", "a.*b", "[a-z]"],
            ),
            (
                "the ID of something",
                &[
                    "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
                    "id/6BA7B810-9DAD-11D1-80B4-00C04FD430C8",
                ],
            ),
            (
                "a telephone number",
                &[
                    "+49-171-5550123",
                    "+14155550123",
                    "415-555-0123",
                    "(415)555-0123",
                    "01715550123",
                ],
            ),
            ("the name of a computer", &["DESKTOP-4F7K2QX", "janes-macbook-pro", "printer.local"]),
            (
                "a key or a token",
                &[
                    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
                    "AKIAIOSFODNN7EXAMPLE",
                    "sk-proj-4f7Kq2x9Zr81mP0",
                    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi",
                    "k3J9xQ2mZ7pL4vT8",
                    "JBSWY3DPEHPK3PXPA2B4",
                    "qWzXvBnMkLpOiUyTrEwQ",
                ],
            ),
            (
                "a hash or an ID",
                &[
                    "d41d8cd98f00b204e9800998ecf8427e",
                    "commit-abcdef123456",
                    "356938035643809",
                    "1764273600123",
                ],
            ),
        ] {
            for bucket in buckets {
                assert_eq!(looks_personal(bucket), Some(expected), "{bucket}");
            }
        }
    }

    #[test]
    fn what_many_have_is_not() {
        for bucket in [
            "linux-amd64",
            "v1.2.3",
            "v1.2.3.4",
            "deadbeef",
            "go1.26.0",
            "1000000",
            "a-b-c-d-e",
            "1000000000000",
            "1099511627776",
            "10-100",
            "2026-01-01",
            "20260101",
            "eslint@8.0.1",
            "typescript@next",
            "std::fmt",
            "a::b",
            "::1",
            "127.0.0.1",
            "aix-ppc64",
            "GOARCH=386",
            "textDocument/semanticTokens/full",
            "x86_64-unknown-linux-gnu",
            "XMLHTTPRequestURLSessionDelegate",
            "windows10x64",
            "sk-test",
            "skip-validation-of-everything",
            "usr/home",
            "<=10",
            ">1000",
            "1e-3",
            "+1",
            "other",
            "text/html;charset=utf-8",
            "1.2.3.400",
            "SHA256",
            "base64url",
            "github_pat_expired_or_revoked",
            "go.mod",
            "a?b",
            "c++",
            "f/g/h",
            "100_000",
            "superUsers/x",
        ] {
            assert_eq!(looks_personal(bucket), None, "{bucket}");
        }
    }
}
