//! The exact binomial test, and random numbers.

/// The level of the one-sided test.
pub const LEVEL: f64 = 0.001;

/// The most misses of so many tries that come with a probability of more than [`LEVEL`] where one
/// miss has this probability.
pub fn allowed(tries: u32, miss: f64) -> usize {
    let misses = Binomial::new(tries.into(), miss);
    misses.cumulative.partition_point(|below| 1.0 - below > LEVEL) + misses.first as usize
}

/// A binomial distribution, drawn from by inversion.
pub struct Binomial {
    /// The least number that comes up.
    first: u64,
    /// From it on, the probability of each or less.
    cumulative: Vec<f64>,
}

impl Binomial {
    pub fn new(tries: u64, p: f64) -> Binomial {
        let (n, mode) = (tries as f64, ((tries + 1) as f64 * p).floor().min(tries as f64) as u64);
        let odds = p / (1.0 - p);
        // From the most probable number in both directions, in proportion to its probability.
        let mut less = vec![1.0];
        for hits in (1..=mode).rev() {
            let hits = hits as f64;
            less.push(less[less.len() - 1] * hits / ((n - hits + 1.0) * odds));
            if less[less.len() - 1] < 1e-25 {
                break;
            }
        }
        let first = mode + 1 - less.len() as u64;
        less.reverse();
        let mut each = less;
        for hits in mode + 1..=tries {
            let hits = hits as f64;
            each.push(each[each.len() - 1] * (n - hits + 1.0) * odds / hits);
            if each[each.len() - 1] < 1e-25 {
                break;
            }
        }
        let whole: f64 = each.iter().sum();
        let mut sum = 0.0;
        let below = each.iter().map(|part| {
            sum += part / whole;
            sum
        });
        Binomial { first, cumulative: below.collect() }
    }

    pub fn draw(&self, random: &mut Random) -> u64 {
        let wanted = random.uniform();
        let place = self.cumulative.partition_point(|below| *below <= wanted);
        self.first + place.min(self.cumulative.len() - 1) as u64
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
pub struct Random(pub u64);

impl Random {
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}
