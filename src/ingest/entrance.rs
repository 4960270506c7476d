//! Where a server's front door hangs, or will: uploads have a place to go to from the first moment,
//! and are asked to come again while there is no door behind it.

use super::door::FrontDoor;
use std::sync::{Arc, OnceLock};

/// The place of a [`FrontDoor`]. Cloning is cheap; all clones are the same place.
#[derive(Debug, Clone, Default)]
pub struct Entrance(Arc<OnceLock<Arc<FrontDoor>>>);

impl Entrance {
    /// A place without a door: uploads are answered with 503.
    pub fn new() -> Entrance {
        Entrance::default()
    }

    /// The place of a door that is there already.
    pub fn of(door: Arc<FrontDoor>) -> Entrance {
        Entrance(Arc::new(OnceLock::from(door)))
    }

    /// Hangs the door, if the place is free.
    pub fn hang(&self, door: FrontDoor) {
        self.0.get_or_init(|| Arc::new(door));
    }

    /// The door, if there is one by now.
    pub fn door(&self) -> Option<&FrontDoor> {
        self.0.get().map(Arc::as_ref)
    }
}
