//! The names of tiles and entry bundles, and which of them a tree of a given size has.
//!
//! A tile is 256 consecutive hashes of one level of the tree, eight levels apart from the next
//! level of tiles; the right-most tile of a level is *partial* until it is full. A bundle holds
//! the entries behind one tile of level 0. Two specifications name them differently:
//!
//! | | [C2SP tlog-tiles](https://c2sp.org/tlog-tiles) | Go checksum database ([sumdb/tlog](https://pkg.go.dev/golang.org/x/mod/sumdb/tlog#Tile)) |
//! | --- | --- | --- |
//! | tile | `tile/<L>/<N>[.p/<W>]` | `tile/8/<L>/<N>[.p/<W>]` |
//! | bundle | `tile/entries/<N>[.p/<W>]` | `tile/8/data/<N>[.p/<W>]` |
//!
//! `<N>` is written in groups of three digits, all but the last with an `x`: `x001/x234/067`. A
//! path has exactly one spelling, and only that one is parsed: a server may use the parsed path as
//! the name of a file.
//!
//! What is in a bundle is left to `entry` and `record`, and where bytes come from to whoever
//! implements [`TileReader`].

use super::{LeafIndex, TreeSize};
use std::error::Error;
use std::fmt;

/// How many hashes a full tile holds, and entries a full bundle.
pub(super) const FULL: u64 = 256;

/// Bits of an index that a tile spans: 2^8 is 256.
const HEIGHT: u32 = 8;

/// Indexes stay below this: a tree has fewer than 2^63 leaves, so a level fewer than 2^55 tiles.
const INDEX_LIMIT: u64 = 1 << 55;

/// A tile: its level (0 to 63), its index in the level, and its width (1 to 256 hashes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    level: u8,
    span: Span,
}

/// An entry bundle: its index, and its width (1 to 256 entries).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bundle(Span);

/// What a tile and a bundle have in common: an index, and a width that is never 0 or over 256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Span {
    index: u64,
    width: u16,
}

/// A path or a triple that is not a tile or bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a tile: levels are 0 to 63, widths 1 to 256, paths like tile/0/x001/234.p/56"
)]
pub struct TileNameError(String);

/// What a [`TileReader`] reports when it has no bytes to give.
pub type TileReadError = Box<dyn Error + Send + Sync>;

/// Where tiles come from: a store, or a server that is not trusted.
pub trait TileReader {
    /// The bytes of `tile`: [`Tile::length`] of them.
    ///
    /// If a log no longer has a partial tile because it was completed since, the implementation reads the
    /// full tile ([`Tile::full`]) and may return all of it: callers use the first [`Tile::length`] bytes,
    /// and do not trust them until a root was recomputed from them.
    fn read_tile(&self, tile: Tile) -> Result<Vec<u8>, TileReadError>;
}

impl<R: TileReader + ?Sized> TileReader for &R {
    fn read_tile(&self, tile: Tile) -> Result<Vec<u8>, TileReadError> {
        (**self).read_tile(tile)
    }
}

/// A tile that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum TileError {
    /// The reader failed.
    #[error("cannot read {tile}: {source}")]
    Read {
        /// The tile asked for.
        tile: Tile,
        /// What the reader said.
        source: TileReadError,
    },
    /// The reader returned too few bytes, or part of a hash.
    #[error("{tile} has {length} bytes where {} are needed: it is damaged or was cut short", .tile.length())]
    Length {
        /// The tile asked for.
        tile: Tile,
        /// The number of bytes returned.
        length: usize,
    },
}

impl Tile {
    /// The tile of this level, index and width.
    pub fn new(level: u8, index: u64, width: u16) -> Result<Tile, TileNameError> {
        match Span::new(index, width) {
            Some(span) if level < 64 => Ok(Tile { level, span }),
            _ => Err(TileNameError(format!("level {level}, index {index}, width {width}"))),
        }
    }

    /// The tile of this level and index in a tree of this size: full, or as wide as the tree reaches.
    /// `None` if the tree has no such tile.
    pub fn for_size(level: u8, index: u64, size: TreeSize) -> Option<Tile> {
        Span::for_count(index, hashes_at(level, size)).map(|span| Tile { level, span })
    }

    /// All tiles of a tree of this size, level by level.
    pub fn all(size: TreeSize) -> impl Iterator<Item = Tile> {
        Tile::changed(TreeSize::ZERO, size)
    }

    /// The tiles that are new or wider in a tree of size `new` than in one of size `old`: what a log
    /// publishes when it grows. Level by level, each from left to right.
    pub fn changed(old: TreeSize, new: TreeSize) -> impl Iterator<Item = Tile> {
        (0..HEIGHT as u8).flat_map(move |level| {
            Span::changed(hashes_at(level, old), hashes_at(level, new))
                .map(move |span| Tile { level, span })
        })
    }

    /// The level: 0 holds leaf hashes, each other level the roots of the full tiles below it.
    pub fn level(self) -> u8 {
        self.level
    }

    /// The index in the level, from zero.
    pub fn index(self) -> u64 {
        self.span.index
    }

    /// The number of hashes, 1 to 256.
    pub fn width(self) -> u16 {
        self.span.width
    }

    /// The number of bytes: 32 a hash.
    pub fn length(self) -> usize {
        usize::from(self.width()) * super::Hash::LENGTH
    }

    /// Whether the tile is narrower than 256 hashes.
    pub fn is_partial(self) -> bool {
        self.span.is_partial()
    }

    /// The same tile at its full width.
    pub fn full(self) -> Tile {
        Tile { span: self.span.full(), ..self }
    }

    /// The path by tlog-tiles: `tile/<L>/<N>[.p/<W>]`.
    pub fn path(self) -> String {
        format!("tile/{}/{}", self.level, self.span)
    }

    /// The path by the Go checksum database: `tile/8/<L>/<N>[.p/<W>]`.
    pub fn sumdb_path(self) -> String {
        format!("tile/8/{}/{}", self.level, self.span)
    }

    /// Parses what [`Tile::path`] writes, and nothing else.
    pub fn parse_path(path: &str) -> Result<Tile, TileNameError> {
        Tile::parse_after("tile/", path)
    }

    /// Parses what [`Tile::sumdb_path`] writes, and nothing else.
    pub fn parse_sumdb_path(path: &str) -> Result<Tile, TileNameError> {
        Tile::parse_after("tile/8/", path)
    }

    fn parse_after(prefix: &str, path: &str) -> Result<Tile, TileNameError> {
        let parse = || {
            let (level, rest) = path.strip_prefix(prefix)?.split_once('/')?;
            let number = level.parse::<u8>().ok().filter(|n| *n < 64 && n.to_string() == level)?;
            Some(Tile { level: number, span: Span::parse(rest)? })
        };
        parse().ok_or_else(|| TileNameError(path.chars().take(100).collect()))
    }
}

impl Bundle {
    /// The bundle of this index and width.
    pub fn new(index: u64, width: u16) -> Result<Bundle, TileNameError> {
        let bad = || TileNameError(format!("bundle index {index}, width {width}"));
        Span::new(index, width).map(Bundle).ok_or_else(bad)
    }

    /// The bundle of this index in a tree of this size; `None` if there is none.
    pub fn for_size(index: u64, size: TreeSize) -> Option<Bundle> {
        Span::for_count(index, size.get()).map(Bundle)
    }

    /// The bundle that holds a leaf of a tree of this size, and the leaf's offset in it; `None` if the
    /// tree has no such leaf.
    pub fn of_leaf(leaf: LeafIndex, size: TreeSize) -> Option<(Bundle, usize)> {
        let place = (leaf.get() % FULL) as usize;
        Bundle::for_size(leaf.get() / FULL, size)
            .filter(|_| leaf.is_in(size))
            .map(|bundle| (bundle, place))
    }

    /// The bundles that are new or wider in a tree of size `new` than in one of size `old`.
    pub fn changed(old: TreeSize, new: TreeSize) -> impl Iterator<Item = Bundle> {
        Span::changed(old.get(), new.get()).map(Bundle)
    }

    /// The index of the bundle, from zero.
    pub fn index(self) -> u64 {
        self.0.index
    }

    /// The number of entries, 1 to 256.
    pub fn width(self) -> u16 {
        self.0.width
    }

    /// The index of the first entry.
    pub fn first_leaf(self) -> u64 {
        self.0.index * FULL
    }

    /// Whether the bundle holds fewer than 256 entries.
    pub fn is_partial(self) -> bool {
        self.0.is_partial()
    }

    /// The same bundle at its full width.
    pub fn full(self) -> Bundle {
        Bundle(self.0.full())
    }

    /// The path by tlog-tiles: `tile/entries/<N>[.p/<W>]`.
    pub fn path(self) -> String {
        format!("tile/entries/{}", self.0)
    }

    /// The path by the Go checksum database: `tile/8/data/<N>[.p/<W>]`.
    pub fn sumdb_path(self) -> String {
        format!("tile/8/data/{}", self.0)
    }

    /// Parses what [`Bundle::path`] writes, and nothing else.
    pub fn parse_path(path: &str) -> Result<Bundle, TileNameError> {
        Bundle::parse_after("tile/entries/", path)
    }

    /// Parses what [`Bundle::sumdb_path`] writes, and nothing else.
    pub fn parse_sumdb_path(path: &str) -> Result<Bundle, TileNameError> {
        Bundle::parse_after("tile/8/data/", path)
    }

    fn parse_after(prefix: &str, path: &str) -> Result<Bundle, TileNameError> {
        let span = path.strip_prefix(prefix).and_then(Span::parse);
        span.map(Bundle).ok_or_else(|| TileNameError(path.chars().take(100).collect()))
    }
}

/// How many hashes a tree of this size has at a level of tiles: `floor(size / 256^level)`.
pub(super) fn hashes_at(level: u8, size: TreeSize) -> u64 {
    size.get().checked_shr(HEIGHT * u32::from(level)).unwrap_or(0)
}

impl Span {
    fn new(index: u64, width: u16) -> Option<Span> {
        let good = index < INDEX_LIMIT && (1..=FULL).contains(&u64::from(width));
        good.then_some(Span { index, width })
    }

    /// The span of this index when `count` things are cut into spans.
    fn for_count(index: u64, count: u64) -> Option<Span> {
        let left = count.checked_sub(index.checked_mul(FULL)?)?;
        Span::new(index, left.min(FULL) as u16)
    }

    /// The spans that are new or wider with `new` things than with `old`.
    fn changed(old: u64, new: u64) -> impl Iterator<Item = Span> {
        let end = if old < new { new.div_ceil(FULL) } else { 0 };
        (old / FULL..end).filter_map(move |index| Span::for_count(index, new))
    }

    fn is_partial(self) -> bool {
        u64::from(self.width) < FULL
    }

    fn full(self) -> Span {
        Span { width: FULL as u16, ..self }
    }

    /// Parses `<N>[.p/<W>]`: reads the digits, then insists that they are the canonical spelling.
    fn parse(text: &str) -> Option<Span> {
        // The widest span there is has this many bytes; the check bounds the work below.
        if text.len() > "x036/x028/x797/x018/x963/967.p/255".len() {
            return None;
        }
        let (number, width) = match text.split_once(".p/") {
            Some((number, width)) => (number, width.parse().ok().filter(|w| *w < FULL as u16)?),
            None => (text, FULL as u16),
        };
        let mut index = 0_u64;
        for group in number.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        Span::new(index, width).filter(|span| span.to_string() == text)
    }
}

impl fmt::Display for Span {
    /// `<N>[.p/<W>]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut divisor = 1_u64;
        while self.index / divisor >= 1000 {
            divisor *= 1000;
        }
        while divisor > 1 {
            write!(f, "x{:03}/", self.index / divisor % 1000)?;
            divisor /= 1000;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.is_partial() { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

impl fmt::Display for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn size(leaves: u64) -> TreeSize {
        TreeSize::new(leaves).expect("a size")
    }

    /// The example of tlog-tiles, "Partial Tiles".
    #[test]
    fn seventy_thousand_leaves() {
        let tiles: Vec<Tile> = Tile::all(size(70_000)).collect();
        let full = |level| tiles.iter().filter(|t| t.level() == level && !t.is_partial()).count();
        assert_eq!([full(0), full(1), full(2), full(3)], [273, 1, 0, 0]);
        let partial: Vec<String> =
            tiles.iter().filter(|t| t.is_partial()).map(|t| t.path()).collect();
        assert_eq!(partial, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
        let of_256: Vec<String> = Tile::all(size(256)).map(Tile::path).collect();
        assert_eq!(of_256, ["tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(Tile::all(TreeSize::ZERO).count(), 0);
    }

    #[test]
    fn growth_publishes_only_what_changed() {
        let changed = |old, new| -> Vec<String> {
            Tile::changed(size(old), size(new)).map(Tile::path).collect()
        };
        assert_eq!(changed(5, 5), [""; 0]);
        assert_eq!(changed(9, 5), [""; 0]);
        assert_eq!(changed(255, 256), ["tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(changed(256, 257), ["tile/0/001.p/1"]);
        assert_eq!(
            changed(250, 600),
            ["tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"]
        );
        let bundles: Vec<String> =
            Bundle::changed(size(250), size(300)).map(Bundle::path).collect();
        assert_eq!(bundles, ["tile/entries/000", "tile/entries/001.p/44"]);
    }

    #[test]
    fn the_largest_tree_has_eight_levels() {
        let largest = size((1 << 63) - 1);
        let widths: Vec<u16> = (0..9)
            .filter_map(|level| {
                Tile::for_size(level, hashes_at(level, largest) / FULL, largest).map(Tile::width)
            })
            .collect();
        assert_eq!(widths, [255, 255, 255, 255, 255, 255, 255, 127]);
    }

    #[test]
    fn both_spellings() {
        let tile = Tile::new(4, 1_234_067, 1).expect("a tile");
        assert_eq!(tile.path(), "tile/4/x001/x234/067.p/1");
        assert_eq!(tile.full().sumdb_path(), "tile/8/4/x001/x234/067");
        let bundle = Bundle::new(0, 256).expect("a bundle");
        assert_eq!(bundle.path(), "tile/entries/000");
        assert_eq!(bundle.sumdb_path(), "tile/8/data/000");
        let (bundle, place) = Bundle::of_leaf(LeafIndex::new(300).expect("an index"), size(301))
            .expect("in the tree");
        assert_eq!((bundle.path().as_str(), place), ("tile/entries/001.p/45", 44));
        assert_eq!(Bundle::of_leaf(size(301).next_index(), size(301)), None);
    }

    #[test]
    fn hostile_paths_are_refused() {
        // Separated by spaces; the first of 2^55, which is past the last index.
        let spans = "x036/x028/x797/x018/x963/968 x999/x999/x999/x999/x999/x999/x999/999 \
            0 00 0000 1000 x000/001 x001 001/002 X001/002 xx01/002 x01/002 x0001/002 x001//002 \
            x001/002/ /000 000/ -01 +01 ０００ 000.p 000.p/ 000.p/0 000.p/256 000.p/257 000.p/01 \
            000.p/+1 000.p/-1 000.p/x 000.p/1/ 000.p/1.p/1 000.P/1 x.p/1 ../000 x000/../000 \
            000.p/99999999999999999999 %30%30%30 000? 000\0";
        let odd = ["", " 000", "000 ", "000\n"];
        for span in spans.split_ascii_whitespace().chain(odd) {
            for (name, refused) in [
                ("tile/0/", Tile::parse_path(&format!("tile/0/{span}")).is_err()),
                ("tile/8/0/", Tile::parse_sumdb_path(&format!("tile/8/0/{span}")).is_err()),
                ("entries", Bundle::parse_path(&format!("tile/entries/{span}")).is_err()),
                ("data", Bundle::parse_sumdb_path(&format!("tile/8/data/{span}")).is_err()),
            ] {
                assert!(refused, "{name} {span:?}");
            }
        }
        for level in ["", "64", "256", "00", "01", "-1", "+1", "x", "entries", "data"] {
            assert!(Tile::parse_path(&format!("tile/{level}/000")).is_err(), "{level:?}");
            assert!(Tile::parse_sumdb_path(&format!("tile/8/{level}/000")).is_err(), "{level:?}");
        }
        for path in ["", "tile", "tile/", "tile/0", "/tile/0/000", "Tile/0/000", "tile//000"] {
            assert!(Tile::parse_path(path).is_err(), "{path:?}");
        }
        for path in ["tile/7/0/000", "tile/08/0/000", "tile/0/000", "tile/8/000"] {
            assert!(Tile::parse_sumdb_path(path).is_err(), "{path:?}");
        }
        let long = format!("tile/0/{}", "x001/".repeat(100_000));
        assert!(Tile::parse_path(&long).is_err());
    }

    #[test]
    fn wrong_tiles_cannot_be_made() {
        for (level, index, width) in [(64, 0, 1), (0, 0, 0), (0, 0, 257), (0, 1 << 55, 1)] {
            assert!(Tile::new(level, index, width).is_err());
        }
        assert!(Bundle::new(0, 0).is_err());
    }

    proptest! {
        #[test]
        fn paths_round_trip(level in 0..64_u8, bits in 0..56_u32, raw: u64, width in 1..=256_u16) {
            let index = raw % (1 << bits).min(INDEX_LIMIT);
            let tile = Tile::new(level, index, width).expect("a tile");
            prop_assert_eq!(Tile::parse_path(&tile.path()), Ok(tile));
            prop_assert_eq!(Tile::parse_sumdb_path(&tile.sumdb_path()), Ok(tile));
            let bundle = Bundle::new(index, width).expect("a bundle");
            prop_assert_eq!(Bundle::parse_path(&bundle.path()), Ok(bundle));
            prop_assert_eq!(Bundle::parse_sumdb_path(&bundle.sumdb_path()), Ok(bundle));
        }

        #[test]
        fn only_canonical_paths_parse(path in "tile/[0-9]{1,2}/(x?[0-9]{2,4}/){0,2}[0-9]{2,4}(\\.p/[0-9]{1,3})?") {
            if let Ok(tile) = Tile::parse_path(&path) {
                prop_assert_eq!(tile.path(), path);
            }
        }
    }
}
