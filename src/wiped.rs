//! Numbers of a face in memory, overwritten with zeros before that memory is given back.

use std::fmt;
use std::ops::{Deref, DerefMut};
use zeroize::{DefaultIsZeroes, Zeroize};

/// A list that leaves none of its values behind in freed memory: not when it is dropped, cut short or assigned to, and
/// not where it grows. Its [`fmt::Debug`] says how many values it has, and none of them.
#[derive(PartialEq, Eq)]
pub(crate) struct Wiped<T: DefaultIsZeroes>(Vec<T>);

impl<T: DefaultIsZeroes> Wiped<T> {
    /// Nothing, in no memory.
    pub(crate) const fn new() -> Self {
        Wiped(Vec::new())
    }

    /// Nothing, with room for `count` values.
    pub(crate) fn with_capacity(count: usize) -> Self {
        Wiped(Vec::with_capacity(count))
    }

    /// `count` zeros.
    pub(crate) fn zeros(count: usize) -> Self {
        Wiped(vec![T::default(); count])
    }

    /// How many values the memory it has can hold.
    pub(crate) fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Takes the memory for `count` more values at once, and as a vector does for some beyond these.
    pub(crate) fn reserve(&mut self, count: usize) {
        let needed = self.0.len().saturating_add(count);
        if needed > self.0.capacity() {
            // A vector would give its old memory back as it is.
            let mut larger = Vec::with_capacity(needed.max(self.0.capacity().saturating_mul(2)));
            larger.extend_from_slice(&self.0);
            *self = Wiped(larger);
        }
    }

    /// Appends values.
    pub(crate) fn extend_from_slice(&mut self, values: &[T]) {
        self.reserve(values.len());
        self.0.extend_from_slice(values);
    }

    /// Cuts it to `count` values, or fills it up with zeros to as many.
    pub(crate) fn resize(&mut self, count: usize) {
        self.truncate(count);
        self.reserve(count - self.0.len());
        self.0.resize(count, T::default());
    }

    /// Keeps the first `count` values.
    pub(crate) fn truncate(&mut self, count: usize) {
        if let Some(rest) = self.0.get_mut(count..) {
            rest.zeroize();
            self.0.truncate(count);
        }
    }
}

/// Takes the vector's memory as its own: it's not copied.
impl<T: DefaultIsZeroes> From<Vec<T>> for Wiped<T> {
    fn from(mut values: Vec<T>) -> Self {
        // What the vector had there before is not to be left behind either.
        values.spare_capacity_mut().zeroize();
        Wiped(values)
    }
}

impl<T: DefaultIsZeroes> Clone for Wiped<T> {
    fn clone(&self) -> Self {
        Wiped(self.0.clone())
    }
}

impl<T: DefaultIsZeroes> Drop for Wiped<T> {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

impl<T: DefaultIsZeroes> Deref for Wiped<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: DefaultIsZeroes> DerefMut for Wiped<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: DefaultIsZeroes> fmt::Debug for Wiped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values", self.0.len())
    }
}

// That nothing is left behind in freed memory is looked at where memory is freed: tests/process/privacy.rs.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_a_vector_would() {
        let mut vector = Vec::new();
        let mut wiped = Wiped::new();
        for step in 1..40u8 {
            vector.extend_from_slice(&[step; 3]);
            wiped.extend_from_slice(&[step; 3]);
            vector.truncate(70);
            wiped.truncate(70);
            assert_eq!(*wiped, vector[..]);
        }
        for count in [90, 20, 20, 21, 0] {
            vector.resize(count, 0);
            wiped.resize(count);
            assert_eq!(*wiped, vector[..]);
            assert_eq!(wiped.clone(), wiped);
        }
        assert_eq!(*Wiped::<f32>::zeros(2), [0.0; 2]);
        assert_eq!(*Wiped::from(vec![1.5f32, 2.5]), [1.5, 2.5]);
    }

    #[test]
    fn it_grows_by_doubling_and_reserves_once() {
        let mut wiped = Wiped::<f32>::with_capacity(3);
        let mut moves = 0;
        for value in 0..1000u16 {
            let before = wiped.capacity();
            wiped.extend_from_slice(&[value.into()]);
            moves += usize::from(wiped.capacity() != before);
        }
        assert!(moves <= 10, "{moves}");
        wiped.reserve(5000);
        let room = wiped.capacity();
        wiped.resize(6000);
        assert_eq!(wiped.capacity(), room);
    }

    #[test]
    fn no_value_is_shown() {
        assert_eq!(format!("{:?}", Wiped::from(vec![7.25f32; 3])), "3 values");
    }
}
