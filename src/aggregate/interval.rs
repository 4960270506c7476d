//! Shares of weighted reports, with bounds that hold.

use super::beta;
use super::figure::{Estimate, Interval};
use super::sample::Weights;

/// The share that `hit` has of `base`, by weight, with the bounds within which the true share lies
/// with probability `confidence`. `hit` are reports of `base`.
pub fn share(hit: &Weights, base: &Weights, confidence: f64) -> Interval {
    if base.sum <= 0.0 {
        return Interval { value: 0.0, low: 0.0, high: 1.0 };
    }
    let value = (hit.sum / base.sum).clamp(0.0, 1.0);
    let outside = (1.0 - confidence) / 2.0;
    let effective = base.effective();
    let (hits, misses) = (value * effective, (1.0 - value) * effective);
    let low = if value > 0.0 { beta::lower_quantile(hits, misses + 1.0, outside) } else { 0.0 };
    let high = if value < 1.0 { beta::upper_quantile(hits + 1.0, misses, outside) } else { 1.0 };
    Interval { value, low: low.min(value), high: high.max(value) }
}

/// The reports `hit` of `base`, as figures show them.
pub fn estimate(hit: &Weights, base: &Weights, confidence: f64) -> Estimate {
    Estimate { reports: hit.reports, total: hit.sum, share: share(hit, base, confidence) }
}
