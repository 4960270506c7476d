//! The profile files of Amazon's tools, `~/.aws/config` and `~/.aws/credentials`, which `object_store` does
//! not read.
//!
//! From the profile that AWS_PROFILE names (else `default`) come keys, session token, region and endpoint,
//! and what the environment says is stronger. Profiles that run a program, assume a role or use single
//! sign-on are refused by name: their credentials come in by `aws configure export-credentials --format env`.

use super::answer::Cause;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The settings of one profile, by their names in the files.
pub(super) type Profile = BTreeMap<String, String>;

/// What a profile may have besides, and this reader does not do.
const NOT_DONE: [&str; 5] =
    ["credential_process", "role_arn", "sso_session", "sso_start_url", "web_identity_token_file"];

/// Reads the profile that these variables name; empty if there is none and nobody asked for it.
pub(super) fn read(environment: &BTreeMap<String, String>) -> Result<Profile, Cause> {
    let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let home = variable("HOME").or_else(|| variable("USERPROFILE"));
    let file = |name: &str, default: &str| -> Option<PathBuf> {
        let own = home.map(|home| Path::new(home).join(".aws").join(default));
        variable(name).map(PathBuf::from).or(own)
    };
    let wanted = variable("AWS_PROFILE");
    let name = wanted.map_or("default", String::as_str);
    let mut profile = Profile::new();
    let mut is_there = false;
    for (path, prefixed) in [
        (file("AWS_CONFIG_FILE", "config"), true),
        (file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), false),
    ] {
        let Some(path) = path else { continue };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                let what = format!("{} cannot be read: {error}", path.display());
                return Err(Cause::new(what, "make it readable for this user"));
            }
        };
        if let Some(found) = section(&text, name, prefixed) {
            is_there = true;
            profile.extend(found);
        }
    }
    if wanted.is_some() && !is_there {
        let what = format!("AWS_PROFILE names {name:?}, and there is no such profile in ~/.aws");
        return Err(Cause::new(what, "correct the name, or add the profile"));
    }
    let has_key =
        profile.contains_key("aws_access_key_id") || variable("AWS_ACCESS_KEY_ID").is_some();
    if let Some(other) = NOT_DONE.iter().find(|name| profile.contains_key(**name) && !has_key) {
        let what = format!(
            "the profile {name:?} gets its credentials by {other}, which this program does not"
        );
        let way_out = format!(
            "run `eval \"$(aws configure export-credentials --profile {name} --format env)\"` first"
        );
        return Err(Cause::new(what, way_out));
    }
    Ok(profile)
}

/// The settings in one section. In the file `config`, all but the default profile are `[profile NAME]`.
fn section(text: &str, name: &str, prefixed: bool) -> Option<Profile> {
    let mut found: Option<Profile> = None;
    let mut is_inside = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = trimmed.strip_prefix('[') {
            let header = header.split(']').next().unwrap_or_default().trim();
            let own =
                match header.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t'])) {
                    Some(rest) if prefixed => rest.trim(),
                    _ if prefixed && header != "default" => continue_outside(&mut is_inside),
                    _ => header,
                };
            is_inside = own == name;
            if is_inside {
                found.get_or_insert_default();
            }
            continue;
        }
        // Settings of a setting are indented.
        if !is_inside || line.starts_with([' ', '\t']) {
            continue;
        }
        if let (Some(profile), Some((key, value))) = (&mut found, trimmed.split_once('=')) {
            let value = value.split(" #").next().unwrap_or_default().trim();
            profile.insert(key.trim().to_ascii_lowercase(), value.to_owned());
        }
    }
    found
}

/// A section of another kind, which has no profile's name.
fn continue_outside(is_inside: &mut bool) -> &'static str {
    *is_inside = false;
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "# a comment\n[default]\nregion = eu-central-1\n\n[profile other]\nregion=us-west-2 # here\n\
        endpoint_url = http://127.0.0.1:9\ns3 =\n  addressing_style = path\n[sso-session other]\nregion = x\n\
        [profile role]\nrole_arn = arn:aws:iam::1:role/r\n";
    const CREDENTIALS: &str = "[default]\naws_access_key_id = A\naws_secret_access_key = B=\n[other]\naws_access_key_id=C\n";

    fn read_with(variables: &[(&str, &str)]) -> Result<Profile, Cause> {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join(".aws");
        std::fs::create_dir(&folder).expect("made");
        std::fs::write(folder.join("config"), CONFIG).expect("written");
        std::fs::write(folder.join("credentials"), CREDENTIALS).expect("written");
        let home = home.path().display().to_string();
        let all = variables.iter().copied().chain([("HOME", home.as_str())]);
        read(&all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn profile(settings: &[(&str, &str)]) -> Profile {
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_profile_is_read_from_both_files() {
        let default = [
            ("aws_access_key_id", "A"),
            ("aws_secret_access_key", "B="),
            ("region", "eu-central-1"),
        ];
        assert_eq!(read_with(&[]).expect("read"), profile(&default));
        let other = [
            ("aws_access_key_id", "C"),
            ("endpoint_url", "http://127.0.0.1:9"),
            ("region", "us-west-2"),
            ("s3", ""),
        ];
        assert_eq!(read_with(&[("AWS_PROFILE", "other")]).expect("read"), profile(&other));
        assert_eq!(read(&BTreeMap::new()).expect("nothing"), Profile::new());
        let elsewhere =
            [("AWS_CONFIG_FILE", "/nowhere/a"), ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/b")];
        assert_eq!(read_with(&elsewhere).expect("nothing"), Profile::new());
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let missing = read_with(&[("AWS_PROFILE", "none")]).expect_err("missing").to_string();
        assert!(missing.contains("no such profile"), "{missing}");
        let role = read_with(&[("AWS_PROFILE", "role")]).expect_err("a role").to_string();
        assert!(role.contains("role_arn") && role.contains("export-credentials"), "{role}");
        let own = [("AWS_PROFILE", "role"), ("AWS_ACCESS_KEY_ID", "A")];
        assert!(read_with(&own).is_ok());
    }
}
