//! Batches on a device that computes on its own: a GPU.
//!
//! Two batches are on their way at a time. Each has its place in pinned memory and on the device; the pixels go up on
//! a stream of their own, so that the next batch's arrive while the one before computes. Batches have few sizes (powers
//! of two, filled up where little is lost), so that libtorch's choice of algorithms and the graphs are few.

use crate::accelerator::{Event, Stream, copy, pinned, release_memory};
use crate::batches::{Chip, Runner};
use crate::device::Device;
use crate::embedder::Body;
use crate::graphs::Graphs;
use crate::log::Messages;
use crate::{CHIP_BYTES, CHIP_SIDE, Result};
use tch::{Kind, Tensor};

/// Up to so many chips a batch is filled up to the next size whatever is lost: it costs less time than a second batch.
const FILLED_UP: usize = 16;

/// What a network's batches need on their way.
pub(crate) struct Lanes {
    device: Device,
    /// Floats of an embedding.
    length: usize,
    log: Messages,
    compute: Stream,
    upload: Stream,
    slots: [Slot; 2],
    /// The slot of the next batch.
    turn: usize,
    graphs: Graphs,
}

/// The places of one batch.
struct Slot {
    /// Chips that fit.
    room: usize,
    /// n x 112 x 112 x 3, u8, pinned and on the device.
    host_pixels: Tensor,
    pixels: Tensor,
    /// n x the embedding's length, f32, pinned.
    host_embeddings: Tensor,
    uploaded: Event,
    done: Event,
}

/// A batch on its way.
pub(crate) struct Started {
    slot: usize,
    count: usize,
}

/// A network with its lanes, in use by one call.
pub(crate) struct Overlapped<'a> {
    pub body: &'a Body,
    pub lanes: &'a mut Lanes,
}

impl Lanes {
    /// For embeddings of `length` floats.
    pub(crate) fn new(device: Device, length: usize, log: Messages) -> Result<Lanes> {
        let (compute, upload) = (Stream::new(device)?, Stream::new(device)?);
        let slot = || -> Result<Slot> {
            let side = CHIP_SIDE as i64;
            Ok(Slot {
                room: 0,
                host_pixels: Tensor::f_zeros([0, side, side, 3], (Kind::Uint8, tch::Device::Cpu))?,
                pixels: Tensor::f_zeros([0, side, side, 3], (Kind::Uint8, device.in_torch()))?,
                host_embeddings: Tensor::f_zeros([0, length as i64], (Kind::Float, tch::Device::Cpu))?,
                uploaded: Event::new(),
                done: Event::new(),
            })
        };
        Ok(Lanes {
            slots: [slot()?, slot()?],
            device,
            length,
            log,
            compute,
            upload,
            turn: 0,
            graphs: Graphs::default(),
        })
    }

    /// Makes something on the stream that computes, and waits for it to be there.
    pub(crate) fn prepare<T>(&self, make: impl FnOnce() -> Result<T>) -> Result<T> {
        let made = {
            let _entered = self.compute.enter(self.log)?;
            make()?
        };
        self.compute.synchronize()?;
        Ok(made)
    }

    /// Whether small batches may go through as recorded graphs. Default: yes.
    #[cfg(test)]
    pub(crate) fn use_graphs(&mut self, yes: bool) {
        self.graphs = if yes { Graphs::default() } else { Graphs::off() };
    }
}

/// The size of the batch that `count` chips are filled up to.
fn filled_up(count: usize) -> usize {
    count.next_power_of_two()
}

impl Runner for Overlapped<'_> {
    type Started = Started;

    fn take(&self, rest: usize, most: usize) -> usize {
        let whole = filled_up(rest);
        // A quarter of empty places at most, else the largest full batch first.
        match rest >= most {
            true => most,
            false if whole <= FILLED_UP || 4 * whole <= 5 * rest => rest,
            false => whole / 2,
        }
    }

    fn start(&mut self, chips: &[&Chip]) -> Result<Started> {
        let (count, size) = (chips.len(), filled_up(chips.len()));
        let lanes = &mut *self.lanes;
        let _entered = lanes.compute.enter(lanes.log)?;
        let slot = &mut lanes.slots[lanes.turn];
        slot.make_room(size, lanes.length, lanes.device, lanes.compute)?;
        slot.write(chips);
        let batch = size as i64;
        {
            let _entered = lanes.upload.enter(lanes.log)?;
            copy(
                &mut slot.pixels.f_narrow(0, 0, batch)?,
                &slot.host_pixels.f_narrow(0, 0, batch)?,
            )?;
            slot.uploaded.record(lanes.upload)?;
        }
        slot.uploaded.block(lanes.compute)?;
        let embeddings = lanes
            .graphs
            .run(self.body, &slot.pixels.f_narrow(0, 0, batch)?, lanes.log)?;
        copy(
            &mut slot.host_embeddings.f_narrow(0, 0, count as i64)?,
            &embeddings.f_narrow(0, 0, count as i64)?,
        )?;
        slot.done.record(lanes.compute)?;
        let started = Started {
            slot: lanes.turn,
            count,
        };
        lanes.turn = 1 - lanes.turn;
        Ok(started)
    }

    fn finish(&mut self, started: Started) -> Result<Vec<Vec<f32>>> {
        let slot = &mut self.lanes.slots[started.slot];
        slot.done.wait()?;
        Ok(Vec::try_from(&slot.host_embeddings.f_narrow(
            0,
            0,
            started.count as i64,
        )?)?)
    }

    fn release(&mut self) {
        // What was on its way may still write into the slots.
        let lanes = &mut *self.lanes;
        let waited = lanes.upload.synchronize().and_then(|()| lanes.compute.synchronize());
        lanes.graphs = Graphs::off();
        if let Err(error) = waited.and_then(|()| release_memory(lanes.device)) {
            lanes.log.error(error.message());
        }
    }
}

impl Slot {
    /// Makes room for `size` chips. The slot is not on its way.
    fn make_room(&mut self, size: usize, length: usize, device: Device, compute: Stream) -> Result<()> {
        if size <= self.room {
            return Ok(());
        }
        let side = CHIP_SIDE as i64;
        let chip = [side, side, 3];
        self.room = 0;
        self.host_pixels = pinned(size, &chip, Kind::Uint8, device)?;
        self.host_embeddings = pinned(size, &[length as i64], Kind::Float, device)?;
        self.pixels = Tensor::f_zeros([size as i64, side, side, 3], (Kind::Uint8, device.in_torch()))?;
        self.room = size;
        // The memory may have been another tensor's that the batch before still computes with, and the other stream
        // is about to write into it.
        compute.synchronize()
    }

    /// Puts the chips into pinned memory; what lies behind them stays.
    fn write(&mut self, chips: &[&Chip]) {
        let room = self.room * CHIP_BYTES;
        // SAFETY: the tensor has `room` bytes in one piece on the host, which nothing else reads or writes: the slot's
        // last batch is finished.
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.host_pixels.data_ptr().cast::<u8>(), room) };
        for (place, chip) in bytes.chunks_exact_mut(CHIP_BYTES).zip(chips) {
            place.copy_from_slice(*chip);
        }
    }
}
