//! Rows of numbers as callers give and get them.

use crate::error::{Error, ErrorKind, Result};
use ndarray::{Array2, ArrayView2};
use std::fmt;

/// Rows of floats of one length, such as embeddings, or the scores of probes (rows) with a gallery (columns).
#[derive(Clone, PartialEq)]
pub struct Matrix(Array2<f32>);

impl Matrix {
    /// From `rows * columns` values, row by row, without a copy.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for another number of values.
    pub fn new(rows: usize, columns: usize, values: Vec<f32>) -> Result<Matrix> {
        let count = values.len();
        Array2::from_shape_vec((rows, columns), values)
            .map(Matrix)
            .map_err(|_| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("a matrix of {rows} rows of {columns} floats is not made of {count}"),
                )
            })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.0.nrows()
    }

    /// Floats of a row.
    pub fn columns(&self) -> usize {
        self.0.ncols()
    }

    /// A row.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row(&self, row: usize) -> &[f32] {
        assert!(row < self.rows(), "row {row} of {}", self.rows());
        &self.values()[row * self.columns()..][..self.columns()]
    }

    /// All values, row by row.
    pub fn values(&self) -> &[f32] {
        self.0.as_slice().unwrap_or_default()
    }

    /// All values, row by row, without a copy.
    pub fn into_values(self) -> Vec<f32> {
        self.0.into_raw_vec_and_offset().0
    }

    /// Whatever the order in which its values lie.
    pub(crate) fn of(array: Array2<f32>) -> Matrix {
        Matrix(match array.is_standard_layout() {
            true => array,
            false => array.as_standard_layout().into_owned(),
        })
    }

    pub(crate) fn view(&self) -> ArrayView2<'_, f32> {
        self.0.view()
    }

    pub(crate) fn into_array(self) -> Array2<f32> {
        self.0
    }
}

/// Its size; no value, which may be a face's.
impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matrix")
            .field("rows", &self.rows())
            .field("columns", &self.columns())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_as_they_were_given() {
        let matrix = Matrix::new(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        assert_eq!((matrix.rows(), matrix.columns()), (2, 3));
        assert_eq!(matrix.row(1), [4.0, 5.0, 6.0]);
        let turned = Matrix::of(matrix.view().reversed_axes().to_owned());
        assert_eq!((turned.rows(), turned.row(2)), (3, &[3.0, 6.0][..]));
        assert_eq!(turned.into_values(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let none = Matrix::new(2, 0, Vec::new()).unwrap();
        assert_eq!((none.row(1), none.values()), (&[][..], &[][..]));
        let error = Matrix::new(2, 3, vec![0.0; 5]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(
            error.message().contains("2 rows of 3 floats is not made of 5"),
            "{error}"
        );
        assert_eq!(format!("{matrix:?}"), "Matrix { rows: 2, columns: 3, .. }");
    }
}
