//! Random order, from the operating system's randomness.

/// Shuffles items; every order is equally likely (Fisher and Yates).
pub(super) fn shuffle<T>(items: &mut [T]) -> Result<(), getrandom::Error> {
    let mut random = vec![0; items.len() * 8];
    getrandom::fill(&mut random)?;
    let (random, _) = random.as_chunks::<8>();
    // From the last item on, each is swapped with itself or one before it.
    for (last, bits) in (0..items.len()).rev().zip(random) {
        let places = last as u128 + 1;
        // A number below `places`, uniform to within one in 2^40.
        let place = (u128::from(u64::from_ne_bytes(*bits)) * places) >> 64;
        items.swap(last, place as usize);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn every_order_is_as_likely_as_any_other() {
        let mut orders: BTreeMap<[u8; 4], u32> = BTreeMap::new();
        for _ in 0..24_000 {
            let mut items = [0, 1, 2, 3];
            shuffle(&mut items).expect("randomness");
            *orders.entry(items).or_default() += 1;
        }
        assert_eq!(orders.len(), 24);
        // Chi-square with 23 degrees of freedom: over 80 once in some ten million runs.
        let chi: f64 = orders.values().map(|n| (f64::from(*n) - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi < 80.0, "{chi}: {orders:?}");
    }
}
