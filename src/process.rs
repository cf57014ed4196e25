//! Which process something is of. A child of `fork` has a copy of its parent's memory and none of its threads: it would
//! wait for ever for one of them, and for a lock that one of them held at that moment.

use crate::error::{Error, ErrorKind, Result};
use std::mem::ManuallyDrop;
use std::ops::Deref;

/// The process that something was made in, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Home(u32);

impl Home {
    /// This process.
    pub(crate) fn here() -> Home {
        Home(std::process::id())
    }

    /// Whether this is the process. It costs a call of the system.
    pub(crate) fn is_here(self) -> bool {
        self == Home::here()
    }

    /// The process's number.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// Another process than this one.
    #[cfg(test)]
    pub(crate) fn elsewhere() -> Home {
        Home(std::process::id() ^ 1)
    }
}

/// A value with threads and locks: used in the process that made it, and ended there alone. In a child of that process
/// it is left as it is, for ending it would take those threads and locks; the child's memory goes with the child.
pub(crate) struct Homebound<T> {
    home: Home,
    /// Whether it can be used in a child too.
    travels: bool,
    value: ManuallyDrop<Option<T>>,
}

impl<T> Homebound<T> {
    /// A value of this process; with `travels` children may use it too.
    pub(crate) fn new(value: T, travels: bool) -> Homebound<T> {
        Homebound::of(Home::here(), value, travels)
    }

    fn of(home: Home, value: T, travels: bool) -> Homebound<T> {
        Homebound {
            home,
            travels,
            value: ManuallyDrop::new(Some(value)),
        }
    }

    /// The value, where it can be used; asked before any of its locks is touched.
    ///
    /// # Errors
    /// [`ErrorKind::Forked`] in another process than the one that made it. The message calls it `what` and says what to
    /// do `instead`.
    pub(crate) fn here(&self, what: &str, instead: &str) -> Result<&T> {
        if !self.travels && !self.home.is_here() {
            return Err(Error::new(
                ErrorKind::Forked,
                format!(
                    "{what} was made in process {}, and this is process {}, which was forked from it and has none of \
                     its threads: {instead}",
                    self.home.number(),
                    Home::here().number()
                ),
            ));
        }
        Ok(self)
    }
}

/// For what is plain memory in it: to be read in any process.
impl<T> Deref for Homebound<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &*self.value {
            Some(value) => value,
            None => unreachable!("the value is taken out at its end"),
        }
    }
}

impl<T> Drop for Homebound<T> {
    fn drop(&mut self) {
        if self.home.is_here() {
            drop(self.value.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_value_is_used_and_ended_at_home_alone() {
        let token = Arc::new(());
        let there = |travels| Homebound::of(Home::elsewhere(), token.clone(), travels);
        let (stays, travels) = (there(false), there(true));
        let error = stays.here("the lamp", "make another").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forked);
        let (home, here) = (Home::elsewhere().number(), std::process::id());
        for part in [
            format!("process {home},"),
            format!("process {here},"),
            "make another".into(),
        ] {
            assert!(error.message().contains(&part), "{error}");
        }
        assert!(travels.here("the lamp", "make another").is_ok());
        // What is plain memory can be read.
        assert_eq!(Arc::strong_count(&stays), 3);
        drop((stays, travels));
        assert_eq!(Arc::strong_count(&token), 3, "it was ended by another process");

        let at_home = Homebound::new(token.clone(), false);
        assert!(at_home.here("the lamp", "make another").is_ok());
        drop(at_home);
        assert_eq!(Arc::strong_count(&token), 3, "it was not ended");
    }
}
