//! Until when configs are open, on pages and in JSON.

use super::fixture::{Fixture, get};
use crate::publish::CatalogueRetention;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A number of days before the day on which the test runs. The test must end on the same day.
fn before(days: i64) -> Date {
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    today.checked_sub(days.days()).expect("a day")
}

#[tokio::test]
async fn each_version_says_until_when_its_reports_are_accepted() {
    let today = before(0);
    let fixture = Fixture::new();
    let none = CatalogueRetention::default;
    for days in [200, 100, 20, 3] {
        fixture.publish_on(1, &before(days).to_string(), none());
    }
    let revoked = vec!["v0.3.0".parse().expect("a version")];
    fixture.publish_on(1, &today.to_string(), CatalogueRetention { stack_minimum: 3, revoked });
    let router = fixture.router().await;
    let closed = before(100).checked_add(57.days()).expect("a day");
    let open = before(20).checked_add(56.days()).expect("a day");
    let json: serde_json::Value =
        serde_json::from_str(get(&router, "/config/index.json").await.text()).expect("JSON");
    let until = today.checked_add(56.days()).expect("a day");
    let expected = serde_json::json!({"versions": [
        {"version": "v0.5.0", "as_of": today, "state": "newest"},
        {"version": "v0.4.0", "as_of": before(3), "state": "open", "until": until},
        {"version": "v0.3.0", "as_of": before(20), "state": "revoked",
         "since": "2026-02-04"},
        {"version": "v0.2.0", "as_of": before(100), "state": "open", "until": open},
        {"version": "v0.1.0", "as_of": before(200), "state": "closed", "since": closed},
    ]});
    assert_eq!(json, expected);
    let part = get(&router, "/config/index.json?before=v0.3.0").await;
    let part: serde_json::Value = serde_json::from_str(part.text()).expect("JSON");
    assert_eq!(
        part["versions"].as_array().expect("a list")[..],
        expected["versions"].as_array().expect("a list")[3..]
    );
    let sentences = [
        (
            "v0.5.0",
            "Reports under it are accepted: it is the newest."
                .to_owned(),
        ),
        (
            "v0.4.0",
            format!(
                "Reports under it are accepted until <time datetime=\"{until}\">{until}</time>, 56 days after the date of \
                 the next version."
            ),
        ),
        (
            "v0.3.0",
            "It was revoked by the project, in the definitions of <time datetime=\"2026-02-04\">2026-02-04\
             </time>: reports under it are no longer accepted."
                .to_owned(),
        ),
        (
            "v0.1.0",
            format!("are no longer accepted, since <time datetime=\"{closed}\">{closed}</time>."),
        ),
    ];
    let list = get(&router, "/config/").await;
    for days in [200, 100, 20, 3, 0] {
        let day = before(days);
        let compiled = format!("Compiled for <time datetime=\"{day}\">{day}</time> · committed ");
        assert!(list.text().contains(&compiled), "{compiled}: {}", list.text());
    }
    for (version, sentence) in sentences {
        let page = get(&router, &format!("/config/{version}")).await;
        assert!(page.text().contains(&sentence), "{version}: {}", page.text());
        assert!(list.text().contains(&sentence), "{version} in the list");
    }
    assert_eq!(before(0), today, "midnight passed; run it again");
}

#[tokio::test]
async fn a_long_list_is_split_into_parts() {
    let fixture = Fixture::with(130);
    let router = fixture.router().await;
    let read = async |path: &str| -> serde_json::Value {
        serde_json::from_str(get(&router, path).await.text()).expect("JSON")
    };
    let first = read("/config/index.json").await;
    assert_eq!(first["versions"].as_array().map(Vec::len), Some(100));
    assert_eq!(first["next"], "/config/index.json?before=v0.31.0");
    let rest = read("/config/index.json?before=v0.31.0").await;
    assert_eq!(rest["versions"].as_array().map(Vec::len), Some(30));
    assert_eq!(rest["versions"][0]["version"], "v0.30.0");
    assert_eq!(rest["versions"][0]["state"], "closed", "it has a next one, on another page");
    assert_eq!(rest.get("next"), None);
    assert_eq!(read("/config/index.json?before=v0.1.0").await, serde_json::json!({"versions": []}));
}
