use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// One cell for every number of a table that is not 0, of rows and columns.
fn table<const COLUMNS: usize>(rows: &[[u64; COLUMNS]]) -> Vec<Cell> {
    let cell = |row: usize, column: usize, reports: u64| Cell {
        categories: vec![Some(row as u32), Some(column as u32)],
        weight: 1.0,
        reports,
    };
    let rows = rows.iter().enumerate();
    let cells = rows.flat_map(|(row, reports)| {
        reports.iter().enumerate().map(move |(column, &reports)| cell(row, column, reports))
    });
    cells.filter(|cell| cell.reports > 0).collect()
}

fn targets(wanted: &[&[f64]]) -> Vec<Target> {
    wanted.iter().map(|wanted| Target { wanted: wanted.to_vec() }).collect()
}

const EXACT: Options = Options { trim: f64::INFINITY, tolerance: 1e-12, rounds: 10_000 };

/// The sums of the weights of each cell.
fn totals(cells: &[Cell], raked: &Raked) -> Vec<f64> {
    cells.iter().zip(&raked.weights).map(|(cell, weight)| cell.reports as f64 * weight).collect()
}

#[test]
fn a_census_is_brought_to_new_margins_as_published() {
    // Men and women of England and Wales by age and marital status (single, married, widowed or
    // divorced), in thousands, brought to the margins of the year after: Bishop, Fienberg and
    // Holland, "Discrete Multivariate Analysis", 1975, chapter 3; in the SAS/IML User's Guide as
    // example "Iterative Proportional Fitting".
    let cells = table(&[
        [1306, 83, 0],
        [619, 765, 3],
        [263, 1194, 9],
        [173, 1372, 28],
        [171, 1393, 51],
        [159, 1372, 81],
        [208, 1350, 108],
        [1116, 4100, 2329],
    ]);
    let ages = [1412.0, 1402.0, 1450.0, 1541.0, 1681.0, 1532.0, 1662.0, 7644.0];
    let raked = rake(&cells, &targets(&[&ages, &[3988.0, 11702.0, 2634.0]]), &EXACT);
    let expected = [
        [1325.27, 86.73, 0.0],
        [615.56, 783.39, 3.05],
        [253.94, 1187.18, 8.88],
        [165.13, 1348.55, 27.32],
        [173.41, 1454.71, 52.87],
        [147.21, 1308.12, 76.67],
        [202.33, 1352.28, 107.40],
        [1105.16, 4181.04, 2357.81],
    ];
    assert!(raked.converged, "{raked:?}");
    // Weights keep the sample's total, and the new year has more people.
    let growth = 18_324.0 / 18_253.0;
    let expected = expected.as_flattened().iter().filter(|&&people| people > 0.0);
    for (found, expected) in totals(&cells, &raked).iter().zip(expected) {
        assert!((found * growth - expected).abs() < 0.0051, "{} is not {expected}", found * growth);
    }
}

#[test]
fn a_table_is_brought_to_margins_as_in_the_encyclopedia() {
    // https://en.wikipedia.org/wiki/Iterative_proportional_fitting, section "Example".
    let cells = table(&[[40, 30, 20, 10], [35, 50, 100, 75], [30, 80, 70, 120], [20, 30, 40, 50]]);
    let margins = targets(&[&[150.0, 300.0, 400.0, 150.0], &[200.0, 300.0, 400.0, 100.0]]);
    let raked = rake(&cells, &margins, &EXACT);
    let expected = [
        [64.56, 46.23, 35.38, 3.82],
        [49.97, 68.16, 156.50, 25.37],
        [56.72, 144.43, 145.08, 53.77],
        [28.75, 41.18, 63.03, 17.03],
    ];
    for (found, expected) in totals(&cells, &raked).iter().zip(expected.as_flattened()) {
        let found = found * 1000.0 / 800.0;
        assert!((found - expected).abs() < 0.0051, "{found} is not {expected}");
    }
}

#[test]
fn what_is_met_already_stays() {
    let cells = table(&[[10, 20], [30, 60]]);
    let raked = rake(&cells, &targets(&[&[0.25, 0.75], &[1.0, 2.0]]), &Options::default());
    assert_eq!((raked.converged, raked.rounds, raked.trimmed), (true, 0, 0));
    assert_eq!(raked.weights, [1.0; 4]);
    assert_eq!(raked.base.effective(), 120.0);
}

#[test]
fn reports_of_unknown_category_keep_their_weight() {
    let mut cells = table(&[[10], [30]]);
    // The second has a category that nobody published a share of.
    for category in [None, Some(7)] {
        cells.push(Cell { categories: vec![category, Some(0)], weight: 2.0, reports: 10 });
    }
    let raked = rake(&cells, &targets(&[&[0.5, 0.5], &[1.0]]), &EXACT);
    assert!(raked.converged);
    assert_eq!(raked.weights, [2.0, 2.0 / 3.0, 2.0, 2.0]);
    let margin = &raked.margins[0];
    assert_eq!(margin.unknown, 20);
    let shares = margin.categories.iter().map(|category| (category.before, category.after));
    assert_eq!(shares.collect::<Vec<_>>(), [(0.25, 0.5), (0.75, 0.5)]);
}

#[test]
fn the_share_of_an_empty_category_is_given_to_the_others() {
    let cells = table(&[[10], [30], [0]]);
    let raked = rake(&cells, &targets(&[&[0.4, 0.2, 0.4]]), &EXACT);
    assert!(raked.converged);
    let categories = &raked.margins[0].categories;
    let shares =
        categories.iter().map(|category| (category.wanted, category.used, category.reports));
    let shares: Vec<_> = shares.collect();
    assert_eq!(shares, [(0.4, 0.4 / (0.4 + 0.2), 10), (0.2, 0.2 / (0.4 + 0.2), 30), (0.4, 0.0, 0)]);
    assert!((categories[0].after - 2.0 / 3.0).abs() < 1e-12);
}

#[test]
fn reports_that_nobody_wants_weigh_nothing() {
    let cells = table(&[[10], [30]]);
    let raked = rake(&cells, &targets(&[&[1.0, 0.0]]), &Options::default());
    assert!(raked.converged);
    assert_eq!(raked.weights, [4.0, 0.0]);
    assert_eq!((raked.base.reports, raked.base.effective()), (40, 10.0));
}

#[test]
fn margins_that_contradict_each_other_say_so() {
    // Everyone on Linux uses vim and nobody else does, but their shares are to differ.
    let cells = table(&[[50, 0], [0, 50]]);
    let options = Options { rounds: 25, ..EXACT };
    let raked = rake(&cells, &targets(&[&[0.3, 0.7], &[0.6, 0.4]]), &options);
    assert_eq!((raked.converged, raked.rounds), (false, 25));
    // The last margin of a round is met, and the first is not.
    assert!((raked.worst - 0.3).abs() < 1e-12);
    assert!((raked.margins[1].categories[0].after - 0.6).abs() < 1e-12);
    assert!((totals(&cells, &raked).iter().sum::<f64>() - 100.0).abs() < 1e-9);
}

#[test]
fn a_margin_of_which_nothing_was_reported_is_not_met() {
    let nobody = rake(&[], &targets(&[&[0.3, 0.7]]), &Options { rounds: 3, ..EXACT });
    assert_eq!((nobody.converged, nobody.worst), (false, 0.7));
    assert_eq!((nobody.weights.len(), nobody.base), (0, Weights::default()));
    let cells = table(&[[0], [30]]);
    let others = rake(&cells, &targets(&[&[1.0, 0.0]]), &Options { rounds: 3, ..EXACT });
    assert_eq!((others.converged, others.worst), (false, 1.0));
    assert_eq!(others.weights, [1.0]);
}

#[test]
fn weights_over_the_limit_are_cut_and_the_margins_still_met_where_they_can_be() {
    // Ten reports should be half of all, which takes 10 times the average weight.
    let cells = table(&[[2, 8], [98, 92]]);
    let margins = targets(&[&[0.5, 0.5], &[0.5, 0.5]]);
    let free = rake(&cells, &margins, &EXACT);
    assert!(free.converged && free.trimmed == 0);
    assert!(free.weights.iter().any(|weight| *weight > 5.0), "{:?}", free.weights);

    let cut = rake(&cells, &margins, &Options { trim: 5.0, ..EXACT });
    assert!(!cut.converged && cut.trimmed == 10, "{cut:?}");
    assert!(cut.weights.iter().all(|weight| *weight <= 5.0 + 1e-9), "{:?}", cut.weights);
    assert!((cut.margins[0].categories[0].after - 0.25).abs() < 1e-9);
    assert!((cut.worst - 0.25).abs() < 1e-9);
    assert!(cut.base.effective() > free.base.effective());

    // Where the heaviest can be cut and the others make up for it, all margins are met.
    let cells = table(&[[1, 40], [40, 400]]);
    let margins = targets(&[&[0.4, 0.6], &[0.1, 0.9]]);
    let (free, cut) =
        (rake(&cells, &margins, &EXACT), rake(&cells, &margins, &Options { trim: 5.0, ..EXACT }));
    let largest = free.weights.iter().copied().fold(0.0, f64::max);
    assert!(largest > 5.0 && cut.converged, "{largest} {cut:?}");
    assert!(cut.weights.iter().all(|weight| *weight <= 5.0 + 1e-9), "{:?}", cut.weights);
    assert!(cut.trimmed > 0);
}

#[test]
fn the_limit_is_a_multiple_of_the_average_weight_that_is_not_0() {
    // Nine of ten reports are of a category that nobody wants.
    let cells = table(&[[50, 50], [900, 0]]);
    let raked = rake(&cells, &targets(&[&[1.0, 0.0]]), &Options { trim: 5.0, ..EXACT });
    assert!(raked.converged && raked.trimmed == 0, "{raked:?}");
    assert_eq!(raked.weights, [10.0, 10.0, 0.0]);
}

#[test]
fn what_is_no_number_allows_every_weight() {
    let cells = table(&[[1], [999]]);
    for trim in [f64::NAN, f64::INFINITY] {
        let options = Options { trim, ..EXACT };
        let raked = rake(&cells, &targets(&[&[0.5, 0.5]]), &options);
        assert!(raked.converged && raked.weights[0] > 499.0 && raked.trimmed == 0);
    }
}

/// Reports of two programs' worth of categories, all combinations among them, with base weights of
/// two configs.
fn cells() -> impl Strategy<Value = Vec<Cell>> {
    vec(1_u64..500, 2 * 3 * 2).prop_map(|reports| {
        let cell = |(place, reports): (usize, u64)| Cell {
            categories: vec![Some((place / 6) as u32), Some((place / 2 % 3) as u32)],
            weight: if place % 2 == 0 { 1.0 } else { 1.0 / 0.06636 },
            reports,
        };
        reports.into_iter().enumerate().map(cell).collect()
    })
}

proptest! {
    #[test]
    fn margins_are_met_without_touching_how_categories_go_together(
        cells in cells(),
        rows in vec(0.05..1.0, 2),
        columns in vec(0.05..1.0, 3),
    ) {
        let raked = rake(&cells, &targets(&[&rows, &columns]), &EXACT);
        prop_assert!(raked.converged, "{:?}", raked);
        let sums = totals(&cells, &raked);
        let total: f64 = sums.iter().sum();
        let before: f64 = cells.iter().map(|cell| cell.weight * cell.reports as f64).sum();
        prop_assert!((total / before - 1.0).abs() < 1e-9);
        for (margin, wanted) in [&rows, &columns].into_iter().enumerate() {
            let whole: f64 = wanted.iter().sum();
            for (category, part) in wanted.iter().enumerate() {
                let of = |cell: &&(&Cell, &f64)| cell.0.categories[margin] == Some(category as u32);
                let pairs: Vec<_> = cells.iter().zip(&sums).collect();
                let share = pairs.iter().filter(of).map(|pair| pair.1).sum::<f64>() / total;
                prop_assert!((share - part / whole).abs() < 1e-9);
                let told = raked.margins[margin].categories[category];
                prop_assert!((told.after - share).abs() < 1e-9);
                prop_assert!((told.used - told.wanted).abs() < 1e-12);
            }
        }
        // Weights are a product of one factor a category, so odds ratios stay (Deming and
        // Stephan's fit is the one that has this and the margins).
        let factor = |place: usize| raked.weights[place] / cells[place].weight;
        for column in 1..3 {
            let odds = factor(0) * factor(6 + 2 * column) / (factor(2 * column) * factor(6));
            prop_assert!((odds - 1.0).abs() < 1e-9, "{odds}");
        }
    }

    #[test]
    fn no_weight_is_over_the_limit_and_none_is_lost(
        cells in cells(),
        rows in vec(0.0..1.0, 2),
        columns in vec(0.0..1.0, 3),
        trim in 1.0..6.0,
    ) {
        let options = Options { trim, tolerance: 1e-9, rounds: 50 };
        let raked = rake(&cells, &targets(&[&rows, &columns]), &options);
        let reports: u64 = cells.iter().map(|cell| cell.reports).sum();
        let before: f64 = cells.iter().map(|cell| cell.weight * cell.reports as f64).sum();
        prop_assert_eq!(raked.base.reports, reports);
        prop_assert!((raked.base.sum / before - 1.0).abs() < 1e-9);
        let average = before / reports as f64;
        prop_assert!(raked.base.largest <= trim * average * (1.0 + 1e-9));
        prop_assert_eq!(raked.converged, raked.worst <= 1e-9);
    }
}
