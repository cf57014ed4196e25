//! Streams, events, CUDA graphs and memory of a device, through the shim `accelerator.cpp`.
//!
//! On the CPU, which computes before it returns, streams and events are nothing, so that the code that uses them runs
//! there too. CUDA graphs are an error there.

use crate::device::Device;
use crate::log::Messages;
use crate::{Error, Result};
use once_cell::sync::OnceCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::null_mut;
use tch::Tensor;

/// The functions of `at::cuda::CUDAGraph` that are called, as libtorch 2.11 names them: the constructor, the destructor,
/// `capture_begin`, `capture_end` and `replay`.
const GRAPH_SYMBOLS: [&CStr; 5] = [
    c"_ZN2at4cuda9CUDAGraphC1Eb",
    c"_ZN2at4cuda9CUDAGraphD1Ev",
    c"_ZN2at4cuda9CUDAGraph13capture_beginESt4pairIyyE21cudaStreamCaptureMode",
    c"_ZN2at4cuda9CUDAGraph11capture_endEv",
    c"_ZN2at4cuda9CUDAGraph6replayEv",
];

unsafe extern "C" {
    fn qmagface_stream_new(device: c_int, stream: *mut i64, why: *mut c_char, room: usize) -> c_int;
    fn qmagface_stream_switch(
        device: c_int,
        of_device: c_int,
        stream: i64,
        old_device: *mut c_int,
        old_stream: *mut i64,
        why: *mut c_char,
        room: usize,
    ) -> c_int;
    fn qmagface_stream_synchronize(device: c_int, stream: i64, why: *mut c_char, room: usize) -> c_int;
    fn qmagface_event_record(
        event: *mut *mut c_void,
        device: c_int,
        stream: i64,
        why: *mut c_char,
        room: usize,
    ) -> c_int;
    fn qmagface_event_block(event: *mut c_void, device: c_int, stream: i64, why: *mut c_char, room: usize) -> c_int;
    fn qmagface_event_wait(event: *mut c_void, why: *mut c_char, room: usize) -> c_int;
    fn qmagface_event_destroy(event: *mut c_void, device: c_int);
    fn qmagface_copy(to: *const c_void, from: *const c_void, why: *mut c_char, room: usize) -> c_int;
    fn qmagface_graph_begin(
        functions: *const *mut c_void,
        graph: *mut *mut c_void,
        why: *mut c_char,
        room: usize,
    ) -> c_int;
    fn qmagface_graph_end(graph: *mut c_void, why: *mut c_char, room: usize) -> c_int;
    fn qmagface_graph_replay(graph: *mut c_void, why: *mut c_char, room: usize) -> c_int;
    fn qmagface_graph_destroy(graph: *mut c_void);
    fn qmagface_memory(device: c_int, bytes: *mut u64, why: *mut c_char, room: usize) -> c_int;
    fn qmagface_memory_release(why: *mut c_char, room: usize) -> c_int;
}

/// Calls a function of the shim, which takes room for its reason and returns 0 or 1.
fn call(what: &str, function: impl FnOnce(*mut c_char, usize) -> c_int) -> Result<()> {
    let mut why = [0 as c_char; 512];
    if function(why.as_mut_ptr(), why.len()) == 0 {
        return Ok(());
    }
    // SAFETY: the shim writes a text that ends in NUL within the room; untouched, it is all NUL.
    let why = unsafe { CStr::from_ptr(why.as_ptr()) }.to_string_lossy();
    let line = why.lines().next().unwrap_or("unknown failure");
    Err(Error::failed(format!("libtorch: {what}: {line}")))
}

/// The index of a CUDA device; `None` on the CPU.
fn index_of(device: Device) -> Option<c_int> {
    match device {
        Device::Cuda(index) => c_int::try_from(index).ok(),
        Device::Cpu => None,
    }
}

/// A queue of work of a device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream {
    /// Index and libtorch's number of the stream; `None` on the CPU.
    cuda: Option<(c_int, i64)>,
}

impl Stream {
    /// One of libtorch's streams of the device, not its default one.
    pub(crate) fn new(device: Device) -> Result<Stream> {
        let Some(index) = index_of(device) else {
            return Ok(Stream { cuda: None });
        };
        let mut id = 0;
        // SAFETY: `id` is a live number.
        call("a new stream", |why, room| unsafe {
            qmagface_stream_new(index, &mut id, why, room)
        })?;
        Ok(Stream {
            cuda: Some((index, id)),
        })
    }

    /// Makes this thread give its work to the stream until the guard is dropped; `log` is told if that fails.
    pub(crate) fn enter(self, log: Messages) -> Result<Entered> {
        let mut entered = Entered {
            left: None,
            log,
            _of_this_thread: PhantomData,
        };
        if let Some((index, id)) = self.cuda {
            let (old_device, old_stream) = switch(index, index, id)?;
            entered.left = Some((old_device, index, old_stream));
        }
        Ok(entered)
    }

    /// Waits until the stream has nothing left to do.
    pub(crate) fn synchronize(self) -> Result<()> {
        let Some((index, id)) = self.cuda else { return Ok(()) };
        // SAFETY: takes numbers only.
        call("waiting for a stream", |why, room| unsafe {
            qmagface_stream_synchronize(index, id, why, room)
        })
    }
}

/// Makes a device and a stream current; gives what they were.
fn switch(device: c_int, of_device: c_int, stream: i64) -> Result<(c_int, i64)> {
    let (mut old_device, mut old_stream) = (0, 0);
    // SAFETY: the out parameters are live numbers.
    call("changing streams", |why, room| unsafe {
        qmagface_stream_switch(device, of_device, stream, &mut old_device, &mut old_stream, why, room)
    })?;
    Ok((old_device, old_stream))
}

/// A thread's work goes to a stream while this lives.
pub(crate) struct Entered {
    /// What was current before: the device; and of the stream's device, the stream.
    left: Option<(c_int, c_int, i64)>,
    log: Messages,
    _of_this_thread: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some((device, of_device, stream)) = self.left
            && let Err(error) = switch(device, of_device, stream)
        {
            self.log.error(error.message());
        }
    }
}

/// A point in a stream's work.
#[derive(Debug)]
pub(crate) struct Event {
    event: *mut c_void,
    device: c_int,
}

// SAFETY: CUDA's events may be used by any thread; `&mut` keeps them to one at a time.
unsafe impl Send for Event {}

impl Event {
    /// An event that is at no point yet: nothing waits for it.
    pub(crate) fn new() -> Event {
        Event {
            event: null_mut(),
            device: 0,
        }
    }

    /// Moves it behind all that the stream has been given.
    pub(crate) fn record(&mut self, stream: Stream) -> Result<()> {
        let Some((index, id)) = stream.cuda else { return Ok(()) };
        self.device = index;
        // SAFETY: `event` is NULL or an event that the shim made of this device.
        call("recording an event", |why, room| unsafe {
            qmagface_event_record(&mut self.event, index, id, why, room)
        })
    }

    /// Makes a stream wait for it.
    pub(crate) fn block(&mut self, stream: Stream) -> Result<()> {
        let Some((index, id)) = stream.cuda.filter(|_| !self.event.is_null()) else {
            return Ok(());
        };
        // SAFETY: an event that the shim made.
        call("waiting for an event", |why, room| unsafe {
            qmagface_event_block(self.event, index, id, why, room)
        })
    }

    /// Waits for it.
    pub(crate) fn wait(&mut self) -> Result<()> {
        if self.event.is_null() {
            return Ok(());
        }
        // SAFETY: an event that the shim made.
        call("waiting for an event", |why, room| unsafe {
            qmagface_event_wait(self.event, why, room)
        })
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        if !self.event.is_null() {
            // SAFETY: an event that the shim made of this device, used by nobody else.
            unsafe { qmagface_event_destroy(self.event, self.device) };
        }
    }
}

/// Copies `from` over `to`, of the same shape. Between pinned memory and a device it returns before it is done: the
/// current stream does it.
pub(crate) fn copy(to: &mut Tensor, from: &Tensor) -> Result<()> {
    // SAFETY: tch's pointer is one to libtorch's own Tensor, as the shim takes it; both live.
    call("copying", |why, room| unsafe {
        qmagface_copy(to.as_ptr().cast(), from.as_ptr().cast(), why, room)
    })
}

/// A tensor like `like` but of `rows` rows, in memory of the host that `device` reads and writes by itself.
pub(crate) fn pinned(rows: usize, rest: &[i64], kind: tch::Kind, device: Device) -> Result<Tensor> {
    let mut shape = vec![rows as i64];
    shape.extend(rest);
    let plain = Tensor::f_zeros(&shape, (kind, tch::Device::Cpu))?;
    match device.is_cuda() {
        true => Ok(plain.f_pin_memory(device.in_torch())?),
        false => Ok(plain),
    }
}

/// Work that was recorded once and is given to the device as one piece.
#[derive(Debug)]
pub(crate) struct Graph(*mut c_void);

// SAFETY: CUDA's graphs may be used by any thread, one at a time.
unsafe impl Send for Graph {}

impl Graph {
    /// Records what `work` gives to this thread's current stream, which must not be the default one. Nothing is
    /// computed; the tensors of the result are filled by each [`Graph::replay`], and read the same memory each time.
    ///
    /// # Errors
    /// When libtorch's CUDA half lacks what it takes; `work`'s; when something in `work` can't be recorded.
    pub(crate) fn capture<T>(work: impl FnOnce() -> Result<T>) -> Result<(Graph, T)> {
        let functions = graph_functions()?;
        let mut graph = null_mut();
        // SAFETY: the functions are those that the shim takes, from the loaded libtorch; `graph` is live.
        call("beginning a CUDA graph", |why, room| unsafe {
            qmagface_graph_begin(functions.as_ptr().cast(), &mut graph, why, room)
        })?;
        let graph = Graph(graph);
        let made = work();
        // Also after a failure: the stream must not stay in recording.
        // SAFETY: the graph that was begun above.
        let ended = call("ending a CUDA graph", |why, room| unsafe {
            qmagface_graph_end(graph.0, why, room)
        });
        let made = made?;
        ended?;
        Ok((graph, made))
    }

    /// Gives the recorded work to this thread's current stream.
    pub(crate) fn replay(&mut self) -> Result<()> {
        // SAFETY: a graph that was captured.
        call("a CUDA graph", |why, room| unsafe {
            qmagface_graph_replay(self.0, why, room)
        })
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: a graph of the shim, used by nobody else.
        unsafe { qmagface_graph_destroy(self.0) };
    }
}

/// The addresses of [`GRAPH_SYMBOLS`] in the loaded libtorch.
///
/// # Errors
/// Names the one that is missing.
pub(crate) fn graph_functions() -> Result<&'static [usize; GRAPH_SYMBOLS.len()]> {
    static FOUND: OnceCell<[usize; GRAPH_SYMBOLS.len()]> = OnceCell::new();
    FOUND.get_or_try_init(|| {
        let mut found = [0; GRAPH_SYMBOLS.len()];
        for (address, name) in found.iter_mut().zip(GRAPH_SYMBOLS) {
            *address = address_of(name);
            if *address == 0 {
                return Err(Error::no_device(format!(
                    "libtorch's CUDA half is not loaded or has no {}",
                    name.to_string_lossy()
                )));
            }
        }
        Ok(found)
    })
}

/// The address of a function of this process by its name; 0 where there is none.
#[cfg(target_os = "linux")]
fn address_of(name: &CStr) -> usize {
    // SAFETY: `name` ends in NUL; the CUDA half was loaded for all of the process to see.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) as usize }
}

#[cfg(not(target_os = "linux"))]
fn address_of(_name: &CStr) -> usize {
    0
}

/// What the device's memory is used for, in bytes: in tensors now, held by libtorch now, in tensors at most so far, free on
/// the device, of the device; `None` on the CPU.
///
/// # Errors
/// When libtorch can't say.
pub(crate) fn memory(device: Device) -> Result<Option<[u64; 5]>> {
    let Some(index) = index_of(device) else { return Ok(None) };
    let mut bytes = [0; 5];
    // SAFETY: room for five numbers.
    call("the device's memory", |why, room| unsafe {
        qmagface_memory(index, bytes.as_mut_ptr(), why, room)
    })?;
    Ok(Some(bytes))
}

/// Gives the memory that libtorch keeps for later back to the device.
pub(crate) fn release_memory(device: Device) -> Result<()> {
    match device.is_cuda() {
        // SAFETY: takes nothing.
        true => call("releasing memory", |why, room| unsafe {
            qmagface_memory_release(why, room)
        }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qmagface_backend::status;
    use std::io::{BufRead, BufReader};

    /// Whether libtorch's CUDA half has been loaded by another test of this process.
    fn cuda() -> bool {
        tch::Cuda::device_count() > 0
    }

    #[test]
    fn without_cuda_every_call_fails_with_a_reason() {
        if cuda() {
            return;
        }
        let device = Device::Cuda(0);
        for error in [
            Stream::new(device).err(),
            switch(0, 0, 1).err(),
            memory(device).err(),
            release_memory(device).err(),
        ] {
            let error = error.expect("a failure");
            assert_eq!(error.0.status, status::FAILED);
            assert!(error.message().starts_with("libtorch: "), "{error}");
            assert!(error.message().to_lowercase().contains("cuda"), "{error}");
        }
        let mut ran = false;
        let error = Graph::capture(|| {
            ran = true;
            Ok(())
        });
        assert_eq!(error.unwrap_err().0.status, status::DEVICE);
        assert!(!ran, "nothing is recorded where nothing can be");
    }

    #[test]
    fn on_the_cpu_streams_and_events_are_nothing_and_a_copy_is_one() {
        let stream = Stream::new(Device::Cpu).unwrap();
        let _entered = stream.enter(Messages::none()).unwrap();
        let mut event = Event::new();
        event.record(stream).unwrap();
        event.block(stream).unwrap();
        event.wait().unwrap();
        stream.synchronize().unwrap();
        assert_eq!(memory(Device::Cpu), Ok(None));
        release_memory(Device::Cpu).unwrap();

        let mut to = pinned(2, &[3], tch::Kind::Float, Device::Cpu).unwrap();
        copy(&mut to, &Tensor::from_slice2(&[[1f32, 2.0, 3.0], [4.0, 5.0, 6.0]])).unwrap();
        assert_eq!(
            Vec::<f32>::try_from(to.flatten(0, 1)).unwrap(),
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
        );
        let error = copy(&mut to, &Tensor::from_slice(&[1f32; 5])).unwrap_err();
        assert!(error.message().contains("size"), "{error}");
    }

    #[test]
    fn the_cuda_half_has_the_symbols_where_it_is_at_hand() {
        let folder = std::env::var_os("QMAGFACE_LIBTORCH_CUDA").map(std::path::PathBuf::from);
        let Some(path) = folder.map(|folder| folder.join("libtorch_cuda.so")) else {
            println!("skipped: QMAGFACE_LIBTORCH_CUDA names no folder");
            return;
        };
        // Read, not loaded: that needs a driver. Names end in NUL in the table of strings.
        let mut file = BufReader::with_capacity(1 << 20, std::fs::File::open(&path).unwrap());
        let mut missing: Vec<&[u8]> = GRAPH_SYMBOLS.map(CStr::to_bytes).to_vec();
        let mut text = Vec::new();
        while !missing.is_empty() && file.read_until(0, &mut text).unwrap() > 0 {
            missing.retain(|&name| text.strip_suffix(b"\0") != Some(name));
            text.clear();
        }
        assert!(missing.is_empty(), "{} lacks {missing:?}", path.display());
    }
}
