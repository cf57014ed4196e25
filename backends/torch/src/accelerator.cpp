// What the plug-in needs of libtorch that its Rust bindings don't offer: streams, events, copies that don't wait,
// CUDA graphs, and how much memory is used.
//
// The plug-in links libtorch's CPU half only and is built without CUDA's headers. Streams, events and memory are
// reached through the interfaces in libc10 that the CUDA half fills in when it is loaded. CUDA graphs have no such
// interface: at::cuda::CUDAGraph is called by its mangled names, which the caller looks up in the loaded
// libtorch_cuda.so. They hold for the one libtorch release that is linked, as the tensors' layout does.
//
// Every function returns 0, or 1 with the reason in `why` (NUL-terminated, cut to `room` bytes). None throws.

#include <ATen/core/Tensor.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

namespace {

constexpr c10::DeviceType CUDA = c10::DeviceType::CUDA;

template <typename Work>
int guarded(char *why, size_t room, Work work) {
    try {
        work();
        return 0;
    } catch (const c10::Error &error) {
        std::snprintf(why, room, "%s", error.what_without_backtrace());
    } catch (const std::exception &error) {
        std::snprintf(why, room, "%s", error.what());
    } catch (...) {
        std::snprintf(why, room, "an exception of unknown type");
    }
    return 1;
}

c10::Device device_of(int index) {
    return c10::Device(CUDA, static_cast<c10::DeviceIndex>(index));
}

c10::Stream stream_of(int device, int64_t id) {
    return c10::Stream(c10::Stream::UNSAFE, device_of(device), id);
}

// The functions of at::cuda::CUDAGraph, in the order of GRAPH_SYMBOLS in accelerator.rs. The capture mode is a C enum.
struct GraphFunctions {
    void (*construct)(void *graph, bool keep);
    void (*destroy)(void *graph);
    void (*begin)(void *graph, std::pair<unsigned long long, unsigned long long> pool, int mode);
    void (*end)(void *graph);
    void (*replay)(void *graph);
};

// cudaStreamCaptureModeThreadLocal: what other threads do meanwhile doesn't spoil the capture.
constexpr int CAPTURE_THREAD_LOCAL = 1;

// The object has some 120 bytes in this release; what lies behind this many must stay as it was.
constexpr size_t GRAPH_BYTES = 1024, GRAPH_ROOM = 2048;
constexpr unsigned char UNTOUCHED = 0xA5;

struct Graph {
    alignas(64) unsigned char object[GRAPH_ROOM];
    GraphFunctions functions;
};

} // namespace

extern "C" {

int qmagface_stream_new(int device, int64_t *stream, char *why, size_t room) {
    return guarded(why, room, [&] {
        *stream = c10::impl::VirtualGuardImpl(CUDA).getStreamFromGlobalPool(device_of(device)).id();
    });
}

// Makes `device` and a stream of `of_device` this thread's current ones, and says what they were.
int qmagface_stream_switch(int device, int of_device, int64_t stream, int *old_device, int64_t *old_stream, char *why,
                           size_t room) {
    return guarded(why, room, [&] {
        const c10::impl::VirtualGuardImpl guard(CUDA);
        *old_device = guard.exchangeDevice(device_of(device)).index();
        *old_stream = guard.exchangeStream(stream_of(of_device, stream)).id();
    });
}

int qmagface_stream_synchronize(int device, int64_t stream, char *why, size_t room) {
    return guarded(why, room, [&] {
        c10::impl::VirtualGuardImpl(CUDA).synchronizeStream(stream_of(device, stream));
    });
}

// Records an event behind what the stream has to do; makes the event where it is NULL.
int qmagface_event_record(void **event, int device, int64_t stream, char *why, size_t room) {
    return guarded(why, room, [&] {
        c10::impl::VirtualGuardImpl(CUDA).record(
            event, stream_of(device, stream), static_cast<c10::DeviceIndex>(device), c10::EventFlag::PYTORCH_DEFAULT);
    });
}

// The stream waits for the event, not the caller.
int qmagface_event_block(void *event, int device, int64_t stream, char *why, size_t room) {
    return guarded(why, room, [&] { c10::impl::VirtualGuardImpl(CUDA).block(event, stream_of(device, stream)); });
}

int qmagface_event_wait(void *event, char *why, size_t room) {
    return guarded(why, room, [&] { c10::impl::VirtualGuardImpl(CUDA).synchronizeEvent(event); });
}

void qmagface_event_destroy(void *event, int device) {
    char why[64];
    guarded(why, sizeof why, [&] {
        c10::impl::VirtualGuardImpl(CUDA).destroyEvent(event, static_cast<c10::DeviceIndex>(device));
    });
}

// Copies a tensor over another of its shape; from or to pinned memory without waiting for it.
int qmagface_copy(const void *to, const void *from, char *why, size_t room) {
    return guarded(why, room, [&] {
        static_cast<const at::Tensor *>(to)->copy_(*static_cast<const at::Tensor *>(from), true);
    });
}

// Begins to record what this thread's current stream is given to do. `functions` are those of GRAPH_SYMBOLS.
int qmagface_graph_begin(void *const functions[5], void **graph, char *why, size_t room) {
    return guarded(why, room, [&] {
        auto made = std::make_unique<Graph>();
        std::memset(made->object, UNTOUCHED, GRAPH_ROOM);
        static_assert(sizeof(GraphFunctions) == 5 * sizeof(void *));
        std::memcpy(&made->functions, functions, sizeof(GraphFunctions));
        made->functions.construct(made->object, false);
        for (size_t at = GRAPH_BYTES; at < GRAPH_ROOM; at++) {
            TORCH_CHECK(made->object[at] == UNTOUCHED, "a CUDAGraph is larger than expected: another libtorch?");
        }
        try {
            made->functions.begin(made->object, {0, 0}, CAPTURE_THREAD_LOCAL);
        } catch (...) {
            made->functions.destroy(made->object);
            throw;
        }
        *graph = made.release();
    });
}

int qmagface_graph_end(void *graph, char *why, size_t room) {
    return guarded(why, room, [&] {
        static_cast<Graph *>(graph)->functions.end(static_cast<Graph *>(graph)->object);
    });
}

int qmagface_graph_replay(void *graph, char *why, size_t room) {
    return guarded(why, room, [&] {
        static_cast<Graph *>(graph)->functions.replay(static_cast<Graph *>(graph)->object);
    });
}

void qmagface_graph_destroy(void *graph) {
    char why[64];
    guarded(why, sizeof why, [&] {
        const std::unique_ptr<Graph> owned(static_cast<Graph *>(graph));
        owned->functions.destroy(owned->object);
    });
}

// Bytes: in tensors now, held by libtorch now, in tensors at most so far, free on the device, of the device.
int qmagface_memory(int device, uint64_t bytes[5], char *why, size_t room) {
    return guarded(why, room, [&] {
        const auto index = static_cast<c10::DeviceIndex>(device);
        auto *allocator = c10::getDeviceAllocator(CUDA);
        const auto stats = allocator->getDeviceStats(index);
        const auto [free, total] = allocator->getMemoryInfo(index);
        bytes[0] = static_cast<uint64_t>(stats.allocated_bytes[0].current);
        bytes[1] = static_cast<uint64_t>(stats.reserved_bytes[0].current);
        bytes[2] = static_cast<uint64_t>(stats.allocated_bytes[0].peak);
        bytes[3] = free;
        bytes[4] = total;
    });
}

// Gives memory that libtorch keeps for later back to the device.
int qmagface_memory_release(char *why, size_t room) {
    return guarded(why, room, [&] { c10::getDeviceAllocator(CUDA)->emptyCache(); });
}

} // extern "C"
