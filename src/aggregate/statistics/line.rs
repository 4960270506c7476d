//! A line through points by medians, so that a point far off changes little.
//!
//! Theil (1950); Sen, "Estimates of the regression coefficient based on Kendall's tau", Journal of the American
//! Statistical Association 63, 1968.

/// The median; 0 of no values.
pub(super) fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied().unwrap_or_default();
    if values.len().is_multiple_of(2) && middle > 0 {
        return f64::midpoint(values.get(middle - 1).copied().unwrap_or_default(), upper);
    }
    upper
}

/// The median of the slopes between any two points; 0 of fewer than two.
pub(super) fn slope(points: &[(f64, f64)]) -> f64 {
    let mut slopes = Vec::new();
    for (place, (x, y)) in points.iter().enumerate() {
        let others = points.iter().skip(place + 1).filter(|(other, _)| other != x);
        slopes.extend(others.map(|(other_x, other_y)| (other_y - y) / (other_x - x)));
    }
    median(&mut slopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        for (values, expected) in [
            (&mut [][..], 0.0),
            (&mut [7.0], 7.0),
            (&mut [9.0, 1.0, 4.0], 4.0),
            (&mut [3.0, 1.0], 2.0),
        ] {
            assert_eq!(median(values), expected);
        }
    }

    #[test]
    fn one_point_far_off_does_not_tilt_the_line() {
        let mut points: Vec<(f64, f64)> =
            (0..8).map(|x| (f64::from(x), 2.0 * f64::from(x))).collect();
        assert_eq!(slope(&points), 2.0);
        points[6].1 = 1e6;
        assert_eq!(slope(&points), 2.0);
        assert_eq!(slope(&points[..1]), 0.0);
    }
}
