//! The two containers of `torch.save`: where the pickle and the storages lie in the file.

use crate::damaged;
use crate::pickle::{Contents, Pickle, StorageRef};
use qmagface::Result;
use std::io::{Read, Seek, SeekFrom};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// What the first pickle of a legacy file holds.
const LEGACY_MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
/// What its second pickle holds.
const LEGACY_PROTOCOL: i128 = 1001;

/// A checkpoint whose pickle was read, and whose storages can be fetched one by one.
pub(super) struct Container<R: Read + Seek> {
    /// The object that was saved.
    pub(super) pickle: Pickle,
    storages: Storages<R>,
}

enum Storages<R: Read + Seek> {
    Zip {
        archive: ZipArchive<R>,
        /// The folder all entries lie in.
        folder: String,
    },
    Legacy {
        input: R,
        /// Where each storage's bytes begin, by its index in the pickle.
        starts: Vec<u64>,
    },
}

impl<R: Read + Seek> Container<R> {
    /// Recognises the container and reads its pickle.
    pub(super) fn open(mut input: R) -> Result<Self> {
        let mut magic = Vec::new();
        let read = input.by_ref().take(4).read_to_end(&mut magic);
        read.and_then(|_| input.rewind())
            .map_err(|e| damaged(format!("can't be read: {e}")))?;
        match magic[..] {
            [b'P', b'K', 3, 4] => Self::open_zip(input),
            [0x80, ..] => Self::open_legacy(input),
            [] => Err(damaged("the file is empty")),
            _ => Err(damaged(
                "not a PyTorch checkpoint: neither a zip file nor a pickle of torch.save",
            )),
        }
    }

    fn open_zip(input: R) -> Result<Self> {
        let mut archive = ZipArchive::new(input).map_err(|e| zip_error("the zip container", &e))?;
        let folder = only_folder(archive.file_names_raw())?;
        let name = format!("{folder}/byteorder");
        match archive.by_name(&name) {
            Ok(entry) => {
                let mut order = Vec::new();
                entry
                    .take(16)
                    .read_to_end(&mut order)
                    .map_err(|e| damaged(format!("{name} can't be read: {e}")))?;
                check_little_endian(order.trim_ascii() == b"little")?;
            }
            // Before 2.1, PyTorch wrote no such entry, and always little-endian.
            Err(ZipError::FileNotFound) => {}
            Err(e) => return Err(zip_error(&name, &e)),
        }

        let name = format!("{folder}/data.pkl");
        let entry = archive.by_name(&name).map_err(|e| zip_error(&name, &e))?;
        let pickle = Pickle::read(&mut std::io::BufReader::new(entry), Contents::Tensors).map_err(|e| e.at(&name))?;
        Ok(Container {
            pickle,
            storages: Storages::Zip { archive, folder },
        })
    }

    /// Five pickles (magic, protocol, system, object, storage keys), then for each key an element count and the bytes.
    fn open_legacy(mut input: R) -> Result<Self> {
        let mut next = |what: &str| Pickle::read(&mut input, Contents::Tensors).map_err(|e| e.at(what));
        if next("magic number")?.int() != Some(LEGACY_MAGIC) {
            return Err(damaged(
                "a pickle, but not one of torch.save (its magic number is missing)",
            ));
        }
        if next("protocol")?.int() != Some(LEGACY_PROTOCOL) {
            return Err(damaged("an unknown protocol of torch.save (1001 is read)"));
        }
        check_little_endian(next("system information")?.flag("little_endian") == Some(true))?;
        let pickle = next("object")?;
        let keys = next("storage keys")?;
        let keys = keys
            .strings()
            .ok_or_else(|| damaged("the storage keys are not a list of strings"))?;

        let starts = locate(&mut input, &pickle.storages, &keys)?;
        Ok(Container {
            pickle,
            storages: Storages::Legacy { input, starts },
        })
    }

    /// The bytes of the storage with this index in the pickle, as many as the pickle says.
    pub(super) fn read_storage(&mut self, index: usize) -> Result<Vec<u8>> {
        let storage = &self.pickle.storages[index];
        let wanted = storage.bytes()?;
        let mut bytes = Vec::new();
        match &mut self.storages {
            Storages::Zip { archive, folder } => {
                let name = format!("{folder}/data/{}", storage.key);
                let mut entry = archive.by_name(&name).map_err(|e| zip_error(&name, &e))?;
                // So that memory is taken for bytes that the file has, not for what a small one unfolds to.
                if entry.compression() != CompressionMethod::Stored {
                    return Err(damaged(format!(
                        "{name} is compressed, which torch.save never does: its numbers are not read"
                    )));
                }
                if entry.size() != wanted {
                    return Err(damaged(format!(
                        "{name} has {} bytes, its tensors need {wanted}",
                        entry.size()
                    )));
                }
                // Not a byte more than declared is unpacked, whatever the entry would expand to. The one further
                // read meets the end, where the checksum is compared.
                let read = entry.by_ref().take(wanted).read_to_end(&mut bytes);
                let rest = read.and_then(|_| entry.read(&mut [0]));
                let rest = rest.map_err(|e| damaged(format!("{name} is damaged: {e}")))?;
                if rest != 0 {
                    return Err(damaged(format!("{name} unpacks to more than its {wanted} bytes")));
                }
            }
            Storages::Legacy { input, starts } => {
                let read = input
                    .seek(SeekFrom::Start(starts[index]))
                    .and_then(|_| input.by_ref().take(wanted).read_to_end(&mut bytes));
                read.map_err(|e| damaged(format!("storage {:?} can't be read: {e}", storage.key)))?;
            }
        }
        if bytes.len() as u64 != wanted {
            return Err(damaged(format!(
                "storage {:?} ends after {} of {wanted} bytes",
                storage.key,
                bytes.len()
            )));
        }
        Ok(bytes)
    }
}

/// The folder that holds `data.pkl`, given the names of all entries of the zip file.
fn only_folder<'a>(names: impl Iterator<Item = &'a [u8]>) -> Result<String> {
    let mut folders = names
        .filter_map(|name| name.strip_suffix(b"/data.pkl"))
        .filter(|name| !name.contains(&b'/'));
    let folder = folders
        .next()
        .ok_or_else(|| damaged("a zip file, but without the data.pkl of torch.save"))?;
    if folders.next().is_some() {
        return Err(damaged("a zip file with more than one data.pkl"));
    }
    String::from_utf8(folder.to_vec()).map_err(|_| damaged("a zip file whose folder's name is not UTF-8"))
}

/// Walks over the storages of a legacy file without reading them: where each begins, in the order of the pickle.
fn locate<R: Read + Seek>(input: &mut R, storages: &[StorageRef], keys: &[&str]) -> Result<Vec<u64>> {
    let failed = |e: std::io::Error| damaged(format!("the storages can't be read: {e}"));
    let mut position = input.stream_position().map_err(failed)?;
    let end = input.seek(SeekFrom::End(0)).map_err(failed)?;

    let index_of: std::collections::HashMap<&str, usize> = storages
        .iter()
        .enumerate()
        .map(|(index, storage)| (&*storage.key, index))
        .collect();
    let mut starts = vec![None; storages.len()];
    for (place, key) in keys.iter().enumerate() {
        let place = format!("storage {} of {} ({key:?})", place + 1, keys.len());
        let &index = index_of
            .get(key)
            .ok_or_else(|| damaged(format!("{place} belongs to no tensor")))?;
        let storage = &storages[index];
        if end - position < 8 {
            return Err(damaged(format!("{place} is missing: the file is truncated")));
        }
        let mut count = [0; 8];
        let read = input
            .seek(SeekFrom::Start(position))
            .and_then(|_| input.read_exact(&mut count));
        read.map_err(failed)?;
        if u64::from_le_bytes(count) != storage.len {
            return Err(damaged(format!(
                "{place} has {} elements, its tensors need {}",
                u64::from_le_bytes(count),
                storage.len
            )));
        }
        position += 8;
        let wanted = storage.bytes()?;
        if end - position < wanted {
            return Err(damaged(format!(
                "{place} ends after {} of {wanted} bytes: the file is truncated",
                end - position
            )));
        }
        if starts[index].replace(position).is_some() {
            return Err(damaged(format!("{place} is there twice")));
        }
        position += wanted;
    }
    starts
        .into_iter()
        .zip(storages)
        .map(|(start, storage)| start.ok_or_else(|| damaged(format!("storage {:?} is missing", storage.key))))
        .collect()
}

fn check_little_endian(is_little: bool) -> Result<()> {
    match is_little {
        true => Ok(()),
        false => Err(damaged("the checkpoint was not written in little-endian byte order")),
    }
}

fn zip_error(what: &str, source: &ZipError) -> qmagface::Error {
    match source {
        ZipError::FileNotFound => damaged(format!("{what} is missing in the zip container")),
        _ => damaged(format!("{what} is damaged or truncated: {source}")),
    }
}
