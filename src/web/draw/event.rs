//! Marks on the time axis: a config version, a release.

use jiff::civil::Date;

/// Something that happened on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) struct Event {
    /// When.
    pub(in crate::web) day: Date,
    /// A word for the picture, such as a version.
    pub(in crate::web) label: String,
    /// Whether it is a new config, rather than a release.
    pub(in crate::web) is_config: bool,
    /// What happened, for the list below the picture.
    pub(in crate::web) title: String,
    /// Where it is described, on this site.
    pub(in crate::web) address: Option<String>,
}

impl Event {
    /// Where it is among weeks, which are identified by their last days: 0 is the end of the first one.
    /// `None` if it was on none of their days.
    pub(super) fn place(&self, weeks: &[Date]) -> Option<f64> {
        let (first, last) = (weeks.first()?, weeks.last()?);
        let days = self.day.since((jiff::Unit::Day, *first)).ok()?.get_days();
        let within = self.day <= *last && days > -7;
        within.then(|| f64::from(days) / 7.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn an_event_has_its_place_between_the_ends_of_weeks() {
        let weeks = [date(2026, 11, 8), date(2026, 11, 15)];
        let at = |day| {
            let event = Event {
                day,
                label: String::new(),
                is_config: false,
                title: String::new(),
                address: None,
            };
            event.place(&weeks)
        };
        assert_eq!(at(date(2026, 11, 8)), Some(0.0));
        assert_eq!(at(date(2026, 11, 15)), Some(1.0));
        assert_eq!(at(date(2026, 11, 2)), Some(-6.0 / 7.0));
        assert_eq!(at(date(2026, 11, 1)), None);
        assert_eq!(at(date(2026, 11, 16)), None);
    }
}
