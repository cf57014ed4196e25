//! SHA-256 of files and bytes, as manifests write it.

use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// SHA-256 of `bytes`, 64 lower-case hexadecimal digits.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// SHA-256 of the file at `path`, 64 lower-case hexadecimal digits.
///
/// # Errors
/// [`Io`](crate::ErrorKind::Io) when it can't be read.
pub fn of_file(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(|e| Error::io(path, "open", &e))?;
    of_reader(&mut file, |_| Ok(())).map_err(|e| Error::io(path, "read", &e))
}

/// SHA-256 of all that `reader` gives, 64 lower-case hexadecimal digits. Every piece is shown to `each` on the way.
pub(super) fn of_reader(reader: &mut impl Read, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 18];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(hex::encode(hash.finalize())),
            Ok(n) => {
                hash.update(&piece[..n]);
                each(&piece[..n])?;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}
