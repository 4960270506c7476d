//! A flag that is set once, and that threads poll or wait for: a request to stop, or the end of another
//! thread.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A flag that is set or not. Cloning is cheap; all clones are the same event.
#[derive(Debug, Clone, Default)]
pub struct Event(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    happened: Mutex<bool>,
    changed: Condvar,
}

impl Event {
    /// An event that is not set.
    pub fn new() -> Event {
        Event::default()
    }

    /// Sets it, and wakes all waiting threads.
    pub fn set(&self) {
        *self.0.happened.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        *self.0.happened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for it, but no longer than this. Returns whether it is set.
    pub fn wait(&self, at_most: Duration) -> bool {
        let happened = self.0.happened.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.changed.wait_timeout_while(happened, at_most, |happened| !*happened);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Sets an event when it is dropped, also by a panic.
#[derive(Debug)]
pub struct SetOnDrop(pub Event);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_waited_for_across_threads_and_panics() {
        let event = Event::new();
        assert!(!event.wait(Duration::ZERO));
        let set = SetOnDrop(event.clone());
        let thread = std::thread::spawn(move || {
            let _set = set;
            panic!("as a test asked");
        });
        assert!(event.wait(Duration::from_secs(3600)));
        assert!(event.is_set() && thread.join().is_err());
    }
}
