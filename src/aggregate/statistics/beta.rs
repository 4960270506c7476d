//! The beta distribution: its distribution function (the regularised incomplete beta function)
//! and its quantiles.
//!
//! Both work on the logit scale, θ = ln(x / (1 - x)), on which x and 1 - x are exact however close
//! to 0 they are. There the density of Beta(a, b) is x^a (1-x)^b / B(a, b), for all a, b > 0.
//!
//! - **The density**, after Loader ("Fast and accurate computation of binomial probabilities",
//!   2000): deviances and the error of Stirling's formula, and no differences of large logarithms.
//! - **The tail** below x, for x below the mean, is the density divided by a continued fraction:
//!   the even part of DLMF 8.17.22, as in DiDonato and Morris, "Algorithm 708", ACM Transactions on
//!   Mathematical Software 18 (1992), evaluated by Lentz's method. Above the mean it is one less the
//!   tail on the other side.
//! - **Quantiles** by Newton's method on ln(tail) as a function of θ. That function is increasing,
//!   and concave (the density is log-concave in θ, so its integral is too): from anywhere, the
//!   first step leads to the left of the solution, and the others climb to it.
//!
//! Elementary functions are from `libm`, which gives the same bits on every platform, so that public
//! data does not depend on the machine.

/// The probability that a Beta(`a`, `b`) variable is at most `x`. `a` and `b` are positive.
pub fn cumulative(a: f64, b: f64, x: f64) -> f64 {
    if x.is_nan() || !(a > 0.0 && b > 0.0) {
        return f64::NAN;
    }
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let logit = libm::log(x) - libm::log1p(-x);
    libm::exp(Point::new(a, b, logit).logarithms().0)
}

/// The value that a Beta(`a`, `b`) variable stays below with probability `p`, which is positive and at
/// most 1/2. `a` and `b` are positive.
pub fn lower_quantile(a: f64, b: f64, p: f64) -> f64 {
    logistic(logit_quantile(a, b, p))
}

/// The value that a Beta(`a`, `b`) variable exceeds with probability `p`, which is positive and at most
/// 1/2. `a` and `b` are positive.
pub fn upper_quantile(a: f64, b: f64, p: f64) -> f64 {
    // 1 - x is a Beta(b, a) variable.
    logistic(-logit_quantile(b, a, p))
}

/// The lower quantile on the logit scale.
fn logit_quantile(a: f64, b: f64, p: f64) -> f64 {
    let wanted = libm::log(p);
    let mut logit = start(a, b, wanted);
    for _ in 0..MOST_STEPS {
        let (ln_tail, ln_density) = Point::new(a, b, logit).logarithms();
        let excess = ln_tail - wanted;
        logit -= excess * libm::exp(ln_tail - ln_density);
        // What is left after a step is about the square of what there was.
        if excess.is_nan() || excess.abs() < 1e-8 {
            break;
        }
    }
    logit
}

/// Just a safety limit: from [`start`], Newton's method needs 3 or 4 steps, and 10 if a or b is less
/// than 1.
const MOST_STEPS: u32 = 100;

/// A first guess at the lower quantile, on the logit scale: Abramowitz and Stegun, "Handbook of
/// Mathematical Functions", 26.5.22 and (for the normal quantile) 26.2.22. The mean where that does
/// not hold.
fn start(a: f64, b: f64, ln_p: f64) -> f64 {
    if a < 1.0 || b < 1.0 {
        return libm::log(a / b);
    }
    let t = libm::sqrt(-2.0 * ln_p);
    let normal = t - (2.30753 + 0.27061 * t) / (1.0 + t * (0.99229 + t * 0.04481));
    let (a_part, b_part) = (1.0 / (2.0 * a - 1.0), 1.0 / (2.0 * b - 1.0));
    let h = 2.0 / (a_part + b_part);
    let lambda = (normal * normal - 3.0) / 6.0;
    let width = normal * libm::sqrt(h + lambda) / h
        - (b_part - a_part) * (lambda + 5.0 / 6.0 - 2.0 / (3.0 * h));
    libm::log(a / b) - 2.0 * width
}

fn logistic(logit: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-logit))
}

/// A beta distribution and a value.
struct Point {
    a: f64,
    b: f64,
    logit: f64,
    /// The value, and one minus the value.
    x: f64,
    y: f64,
}

impl Point {
    fn new(a: f64, b: f64, logit: f64) -> Point {
        Point { a, b, logit, x: logistic(logit), y: logistic(-logit) }
    }

    /// The logarithms of the probability of lesser values, and of the density on the logit scale.
    fn logarithms(&self) -> (f64, f64) {
        let ln_density = self.ln_density();
        if self.a * self.y >= self.b * self.x {
            return (libm::log(self.tail_over_density()) + ln_density, ln_density);
        }
        let mirrored = Point { a: self.b, b: self.a, logit: -self.logit, x: self.y, y: self.x };
        let greater = mirrored.tail_over_density() * libm::exp(ln_density);
        (libm::log1p(-greater), ln_density)
    }

    /// The logarithm of the density on the logit scale.
    fn ln_density(&self) -> f64 {
        let (a, b) = (self.a, self.b);
        let n = a + b;
        0.5 * libm::log(a / n * b / std::f64::consts::TAU) + stirling_error(n)
            - stirling_error(a)
            - stirling_error(b)
            - deviance(a, n * self.x, libm::log(n) + self.ln_x())
            - deviance(b, n * self.y, libm::log(n) + self.ln_y())
    }

    /// ln x, even if x itself underflows.
    fn ln_x(&self) -> f64 {
        -libm::log1p(libm::exp(-self.logit.abs())) + self.logit.min(0.0)
    }

    fn ln_y(&self) -> f64 {
        -libm::log1p(libm::exp(-self.logit.abs())) - self.logit.max(0.0)
    }

    /// The probability of lesser values, divided by the density on the logit scale. Converges fast
    /// for values below the mean.
    fn tail_over_density(&self) -> f64 {
        let (a, b, x, y) = (self.a, self.b, self.x, self.y);
        let numerator = |m: f64| {
            let odd = a + 2.0 * m - 1.0;
            (m * (a + m - 1.0) / odd) * ((a + b + m - 1.0) / odd) * (b - m) * x * x
        };
        let denominator = |m: f64| {
            m + m * (b - m) * x / (a + 2.0 * m - 1.0)
                + (a + m) * (a * y - b * x + 1.0 + m * (2.0 - x)) / (a + 2.0 * m + 1.0)
        };
        let nonzero = |value: f64| if value == 0.0 { f64::MIN_POSITIVE } else { value };
        let mut fraction = nonzero(a * (a * y - b * x + 1.0) / (a + 1.0));
        let (mut c, mut d) = (fraction, 0.0);
        for m in 1..MOST_TERMS {
            let m = f64::from(m);
            let (above, below) = (numerator(m), denominator(m));
            d = 1.0 / nonzero(below + above * d);
            c = nonzero(below + above / c);
            let change = c * d;
            fraction *= change;
            if (change - 1.0).abs() < 1e-15 {
                break;
            }
        }
        1.0 / fraction
    }
}

/// The fraction needs about √(a + b) terms at the mean, and fewer away from it.
const MOST_TERMS: u32 = 1_000_000;

/// ln Γ(n + 1) less Stirling's formula for it, ln(√(2πn) (n/e)^n).
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        let half_ln_tau = 0.918_938_533_204_672_8;
        return libm::lgamma(n + 1.0) - (n + 0.5) * libm::log(n) + n - half_ln_tau;
    }
    let square = n * n;
    let series =
        [1.0 / 12.0, 1.0 / 360.0, 1.0 / 1260.0, 1.0 / 1680.0, 1.0 / 1188.0, 691.0 / 360_360.0];
    series.iter().rev().fold(0.0, |sum, term| term - sum / square) / n
}

/// a ln(a / m) + m - a: how far the mean m is from what was found, a.
fn deviance(a: f64, m: f64, ln_m: f64) -> f64 {
    let (difference, sum) = (a - m, a + m);
    if difference.abs() >= 0.1 * sum {
        return a * (libm::log(a) - ln_m) - difference;
    }
    let ratio = difference / sum;
    let square = ratio * ratio;
    let mut power = 2.0 * a * ratio;
    let mut total = difference * ratio;
    for odd in (3..).step_by(2).map(f64::from).take(20) {
        power *= square;
        let next = total + power / odd;
        if next == total {
            break;
        }
        total = next;
    }
    total
}

#[cfg(test)]
#[path = "beta_tests.rs"]
mod tests;
