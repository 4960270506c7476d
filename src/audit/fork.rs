//! Whether one signed tree continues another, and the proof where it does not.

use super::fetch::{FetchError, RemoteTiles};
use crate::tlog::{
    ConsistencyProof, Hash, ProofError, TileError, TreeHead, TreeSize, prefix_root,
    prove_consistency, verify_consistency,
};

/// The root of the newer tree's beginning, and the proof of consistency with it.
type Fork = (Hash, ConsistencyProof);

/// The proof that `new` does not begin with `old`, if it does not; an error if the tiles do not show it.
pub(super) fn forked(
    old: TreeHead,
    new: TreeHead,
    tiles: &RemoteTiles<'_>,
) -> Result<Option<Fork>, FetchError> {
    let failed = |error: ProofError| match error {
        ProofError::Tile(TileError::Read { source, .. }) => match source.downcast::<FetchError>() {
            Ok(trouble) => *trouble,
            Err(other) => FetchError::Unreachable(other.to_string()),
        },
        other => FetchError::Wrong(other.to_string()),
    };
    if old.size == TreeSize::ZERO {
        return Ok(None);
    }
    let proof = prove_consistency(old.size, new.size, tiles).map_err(failed)?;
    if verify_consistency(old, new, &proof).is_ok() {
        return Ok(None);
    }
    // Either the tiles are wrong, or the log was forked, which is never reported without proof.
    let root = prefix_root(old.size, new.size, tiles).map_err(failed)?;
    verify_consistency(TreeHead { size: old.size, root }, new, &proof).map_err(failed)?;
    Ok(Some((root, proof)))
}
