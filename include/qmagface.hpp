/*
 * qmagface: face recognition with quality in every comparison. The C++ interface: one header over qmagface.h.
 *
 * C++17 or newer. Two modes, chosen when this file is included:
 *  - exceptions (the default): a call that fails throws qmagface::Error, and `Return<T>` is T;
 *  - no exceptions: `Return<T>` is Result<T>, which holds the value or the status and text of the failure. It is on
 *    under -fno-exceptions, and with QMAGFACE_NO_EXCEPTIONS defined before the include.
 *
 * Threads: any number of them may use one const object at the same time. A move, an assignment and the end of an
 * object need it alone. Templates, calibrations and galleries stay valid when the engine they came from is gone.
 *
 * A moved-from object holds nothing: it may be destroyed or assigned to; every other use of it is the error
 * Status::invalid_argument.
 *
 * SPDX-License-Identifier: Apache-2.0 OR MIT
 */

#ifndef QMAGFACE_HPP
#define QMAGFACE_HPP

#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) < 201703L
#error "qmagface.hpp needs C++17 or newer: compile with -std=c++17 (/std:c++17)"
#endif

#include "qmagface.h"

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__has_include)
#if __has_include(<version>)
#include <version>
#endif
#endif
#if defined(__cpp_lib_span)
#include <span>
#endif

#if !defined(QMAGFACE_NO_EXCEPTIONS) && !defined(__cpp_exceptions)
#define QMAGFACE_NO_EXCEPTIONS
#endif

/* The two modes have names of their own for the linker, so that one program may hold files of both. */
#if defined(QMAGFACE_NO_EXCEPTIONS)
#define QMAGFACE_MODE without_exceptions
#else
#define QMAGFACE_MODE with_exceptions
#endif

namespace qmagface {
inline namespace QMAGFACE_MODE {

/* ---- numbers of the C interface under names of their own ---- */

/** What a call answered. Values are those of `QMF_*` and stable; a newer library may answer others. */
enum class Status : std::int32_t {
    /** The library that was loaded is older than the header this program was built with. Never of the C interface. */
    incompatible_library = -1,
    /** The call did what it says. */
    ok = QMF_OK,
    /** The image has no face. Calls of this header say it with an empty optional instead. */
    no_face = QMF_NO_FACE,
    /** An argument is missing or outside its documented range. */
    invalid_argument = QMF_ERROR_INVALID_ARGUMENT,
    /** A file or folder can't be read or written. */
    io = QMF_ERROR_IO,
    /** The bytes are not an image that can be decoded. */
    image_decode = QMF_ERROR_IMAGE_DECODE,
    /** The input is larger than the limit in force. */
    limit = QMF_ERROR_LIMIT,
    /** A weight file is damaged, misshapen or not allowed. */
    weights = QMF_ERROR_WEIGHTS,
    /** A model pack is unknown, damaged or lacks what the call needs. */
    model = QMF_ERROR_MODEL,
    /** The model's weights are not on this machine yet. */
    model_not_installed = QMF_ERROR_MODEL_NOT_INSTALLED,
    /** The compute device can't be had. */
    device = QMF_ERROR_DEVICE,
    /** A back end failed: a lack of memory, or a failing device. */
    backend = QMF_ERROR_BACKEND,
    /** Templates of two different models met, or a template and a calibration of another model. */
    model_mismatch = QMF_ERROR_MODEL_MISMATCH,
    /** A buffer is too small. Calls of this header make room themselves and don't fail with it. */
    buffer_too_small = QMF_ERROR_BUFFER_TOO_SMALL,
    /** A defect of the library was caught. The object stays usable. */
    panic = QMF_ERROR_PANIC,
    /** The library contradicts itself; please report it. */
    internal = QMF_ERROR_INTERNAL,
    /** The bytes are no template, damaged, or of a newer format. */
    bad_template = QMF_ERROR_TEMPLATE,
    /** A calibration file is damaged, or an FMR is asked for that it can't support. */
    calibration = QMF_ERROR_CALIBRATION,
    /** The caller asked for the work to stop. */
    cancelled = QMF_ERROR_CANCELLED,
    /** The object is of the process that this one was forked from, and so are the threads or locks that it needs. */
    forked = QMF_ERROR_FORKED
};

/** Where the networks run. */
enum class Device : std::int32_t {
    /** A GPU if one can be used, else the CPU. */
    automatic = QMF_DEVICE_AUTO,
    /** The CPU. */
    cpu = QMF_DEVICE_CPU,
    /** The CUDA GPU `device_index`. */
    cuda = QMF_DEVICE_CUDA
};

/** Numbers that the embedding network computes with. */
enum class Precision : std::int32_t {
    /** The library's choice for the device. */
    automatic = QMF_PRECISION_AUTO,
    /** 32-bit floats. */
    f32 = QMF_PRECISION_F32,
    /** 16-bit floats. */
    f16 = QMF_PRECISION_F16,
    /** 16-bit floats with the exponent of 32-bit ones. */
    bf16 = QMF_PRECISION_BF16,
    /** 32-bit floats, the factors of a product rounded to 11 bits of precision; on a GPU only. */
    tf32 = QMF_PRECISION_TF32
};

/** Which of several faces is extracted. */
enum class FaceChoice : std::int32_t {
    /** best_score where the model belongs to MTCNN, as the reference's do, else most_prominent. */
    automatic = QMF_FACE_AUTO,
    /** The one with the highest detection score. */
    best_score = QMF_FACE_BEST_SCORE,
    /** The one with the largest box. */
    largest = QMF_FACE_LARGEST,
    /** The one nearest to the image's centre. */
    most_central = QMF_FACE_MOST_CENTRAL,
    /** The one that the photo is of: large and near the centre. */
    most_prominent = QMF_FACE_MOST_PROMINENT
};

/** What is measured of a face in a photo; docs/quality.md says how. More may come. */
enum class Measure : std::int32_t {
    /** Square root of the largest other face's area over this one's, at most 1; 0 where it is alone. */
    single_face_present = QMF_MEASURE_SINGLE_FACE_PRESENT,
    /** Distance of the eyes in pixels, divided by the cosine of the yaw. */
    inter_eye_distance = QMF_MEASURE_INTER_EYE_DISTANCE,
    /** Distance from the middle of the eyes to the chin over the height of the photo. */
    head_size = QMF_MEASURE_HEAD_SIZE,
    /** From the photo's left edge to the nearer eye, in distances of the eyes. */
    margin_left = QMF_MEASURE_MARGIN_LEFT,
    /** From the photo's right edge to the nearer eye, in distances of the eyes. */
    margin_right = QMF_MEASURE_MARGIN_RIGHT,
    /** From the photo's upper edge to the middle of the eyes, in distances from there to the chin. */
    margin_above = QMF_MEASURE_MARGIN_ABOVE,
    /** From the photo's lower edge to the middle of the eyes, in distances from there to the chin. */
    margin_below = QMF_MEASURE_MARGIN_BELOW,
    /** Degrees by which the head is turned, positive towards the person's own left. */
    yaw = QMF_MEASURE_YAW,
    /** Degrees by which the head is nodded, positive downwards. */
    pitch = QMF_MEASURE_PITCH,
    /** Degrees by which the head is inclined in the photo, positive towards the person's own right shoulder. */
    roll = QMF_MEASURE_ROLL,
    /** Mean luminance of the face, 0..1. */
    luminance_mean = QMF_MEASURE_LUMINANCE_MEAN,
    /** Variance of that luminance. */
    luminance_variance = QMF_MEASURE_LUMINANCE_VARIANCE,
    /** Share of the face's pixels that are nearly black, 0..1. */
    under_exposure = QMF_MEASURE_UNDER_EXPOSURE,
    /** Share of the face's pixels that are nearly white, 0..1. */
    over_exposure = QMF_MEASURE_OVER_EXPOSURE,
    /** Entropy of the luminance in bits, 0..8. */
    dynamic_range = QMF_MEASURE_DYNAMIC_RANGE,
    /** How much a blur would change the face, 0 (nothing: it is blurred) to 1. Noise counts as sharpness. */
    sharpness = QMF_MEASURE_SHARPNESS,
    /** What the luminance of the face's left and right half have in common, 0..1. */
    illumination_uniformity = QMF_MEASURE_ILLUMINATION_UNIFORMITY
};

/** How to turn a picture upright. */
enum class Rotation : std::uint32_t {
    /** It is upright. */
    none = 0,
    /** By a quarter turn clockwise. */
    clockwise_90 = 90,
    /** By half a turn. */
    half_turn = 180,
    /** By a quarter turn anticlockwise. */
    clockwise_270 = 270
};

/** Which colours the numbers of NV12, NV21 and I420 stand for. */
enum class Yuv : std::int32_t {
    /** BT.601, luma 16..235: most cameras and JPEG-less video of standard definition. */
    bt601_limited = QMF_YUV_BT601_LIMITED,
    /** BT.601, 0..255: JPEG's. */
    bt601_full = QMF_YUV_BT601_FULL,
    /** BT.709, luma 16..235: high definition video. */
    bt709_limited = QMF_YUV_BT709_LIMITED,
    /** BT.709, 0..255. */
    bt709_full = QMF_YUV_BT709_FULL
};

/** How a serialised template stores the direction of its embedding. */
enum class Scalar : std::int32_t {
    /** 4 bytes a number, exact. */
    f32 = QMF_SCALAR_F32,
    /** 2 bytes a number. */
    f16 = QMF_SCALAR_F16,
    /** 1 byte a number. */
    i8 = QMF_SCALAR_I8
};

/** How several templates of one person become one. */
enum class Fusion : std::int32_t {
    /** Weighted by quality. */
    quality = QMF_FUSION_QUALITY,
    /** All weigh the same. */
    mean = QMF_FUSION_MEAN
};

/** How the parameters of the quality-aware score are fitted. */
enum class FitProcedure : std::int32_t {
    /** As the paper's code does: thresholds are those of the sigmoid of the score. */
    published = QMF_FIT_PROCEDURE_PUBLISHED,
    /** The same with thresholds of the score itself. */
    consistent = QMF_FIT_PROCEDURE_CONSISTENT,
    /** The parameters with the least mean log FNMR, searched without a line through a grid. */
    direct = QMF_FIT_PROCEDURE_DIRECT
};

/** How grave a log message is; as an option, the least grave level that is still told. */
enum class LogLevel : std::int32_t {
    /** Nothing. Never the level of a message. */
    off = QMF_LOG_OFF,
    /** Something failed. */
    error = QMF_LOG_ERROR,
    /** Something is odd, and the work goes on. */
    warning = QMF_LOG_WARNING,
    /** What happens, in few words. */
    info = QMF_LOG_INFO,
    /** What happens, in many words. */
    debug = QMF_LOG_DEBUG
};

/** Where the parameters of a calibration come from. */
enum class CalibrationStatus : std::int32_t {
    /** The model's authors published them. */
    published = QMF_CALIBRATION_PUBLISHED,
    /** Fitted with the pack, on less than one would wish. */
    provisional = QMF_CALIBRATION_PROVISIONAL,
    /** Fitted by the user on data of their own. */
    own = QMF_CALIBRATION_OWN,
    /** Given as two numbers. */
    given = QMF_CALIBRATION_GIVEN
};

/* ---- views ---- */

#if defined(__cpp_lib_span)
/** A view of a row of `T` that stays the caller's. */
template <typename T>
using Span = std::span<T>;
#else
/** A view of a row of `T` that stays the caller's: the part of C++20's std::span that is used here. */
template <typename T>
class Span {
    template <typename Container>
    using ElementOf = std::remove_pointer_t<decltype(std::declval<Container &>().data())>;
    // T may add const to the elements, and nothing else: no view of base classes.
    template <typename Container>
    using IfViewable = std::enable_if_t<std::is_convertible_v<ElementOf<Container> (*)[], T (*)[]>>;

public:
    /** An empty view. */
    constexpr Span() noexcept = default;

    /** The `size` elements from `data` on. */
    constexpr Span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}

    /** All of an array. */
    template <std::size_t Size>
    constexpr Span(T (&array)[Size]) noexcept : data_(array), size_(Size) {}

    /** All of a std::vector, std::array, std::string or the like. */
    template <typename Container, typename = IfViewable<Container>>
    constexpr Span(Container &container) : data_(container.data()), size_(container.size()) {}

    /** The same, not to be changed. */
    template <typename Container, typename = IfViewable<const Container>>
    constexpr Span(const Container &container) : data_(container.data()), size_(container.size()) {}

    /** The first element; may be null when empty. */
    constexpr T *data() const noexcept { return data_; }
    /** How many elements. */
    constexpr std::size_t size() const noexcept { return size_; }
    /** Whether there are none. */
    constexpr bool empty() const noexcept { return size_ == 0; }
    /** The element at `index`, which is below size(). */
    constexpr T &operator[](std::size_t index) const { return data_[index]; }
    /** For loops. */
    constexpr T *begin() const noexcept { return data_; }
    /** For loops. */
    constexpr T *end() const noexcept { return data_ + size_; }

private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};
#endif

/** Bytes of an image, a template, a calibration or a model that stay the caller's. */
using Bytes = Span<const std::uint8_t>;
/** Numbers of an embedding, or of several in a row, that stay the caller's. */
using Floats = Span<const float>;

/* ---- failures ---- */

#if !defined(QMAGFACE_NO_EXCEPTIONS)
/** What a failed call throws; what() is the library's text: what was wrong, where, and what to do. */
class Error : public std::runtime_error {
public:
    /** A failure with its status and text. */
    Error(Status status, const std::string &message) : std::runtime_error(message), status_(status) {}

    /** The kind of failure. Not every number needs to be a name of Status: a newer library may have more. */
    Status status() const noexcept { return status_; }

private:
    Status status_;
};
#endif

/**
 * The value of a call that worked, or the status and text of one that failed.
 *
 * Calls return it in the mode without exceptions; with exceptions it is used inside this header only.
 */
template <typename T>
class [[nodiscard]] Result {
public:
    /** A call that worked. */
    Result(T value) : value_(std::move(value)) {}
    /** A call that failed; `status` is not Status::ok. */
    Result(Status status, std::string message) : status_(status), message_(std::move(message)) {}

    /** Whether the call worked. */
    bool ok() const noexcept { return value_.has_value(); }
    /** Whether the call worked. */
    explicit operator bool() const noexcept { return ok(); }
    /** Status::ok, or the kind of failure. */
    Status status() const noexcept { return status_; }
    /** The failure's text; empty if there is none. */
    const std::string &message() const noexcept { return message_; }

    /** The value. The program is aborted if there is none: look at ok() first. */
    T &value() & { return *checked(); }
    /** See above. */
    const T &value() const & { return *checked(); }
    /** See above; to move it out. */
    T &&value() && { return std::move(*checked()); }
    /** The value, as value(). */
    T &operator*() & { return *checked(); }
    /** The value, as value(). */
    const T &operator*() const & { return *checked(); }
    /** The value, as value(). */
    T &&operator*() && { return std::move(*checked()); }
    /** A member of the value, as value(). */
    T *operator->() { return checked(); }
    /** A member of the value, as value(). */
    const T *operator->() const { return checked(); }

private:
    T *checked() {
        if (!value_) {
            std::abort();
        }
        return &*value_;
    }
    const T *checked() const { return const_cast<Result *>(this)->checked(); }

    Status status_ = Status::ok;
    std::string message_;
    std::optional<T> value_;
};

/** Of a call that gives no value. */
template <>
class [[nodiscard]] Result<void> {
public:
    /** A call that worked. */
    Result() = default;
    /** A call that failed; `status` is not Status::ok. */
    Result(Status status, std::string message) : status_(status), message_(std::move(message)) {}

    /** Whether the call worked. */
    bool ok() const noexcept { return status_ == Status::ok; }
    /** Whether the call worked. */
    explicit operator bool() const noexcept { return ok(); }
    /** Status::ok, or the kind of failure. */
    Status status() const noexcept { return status_; }
    /** The failure's text; empty if there is none. */
    const std::string &message() const noexcept { return message_; }
    /** Nothing. The program is aborted if the call failed: look at ok() first. */
    void value() const {
        if (!ok()) {
            std::abort();
        }
    }

private:
    Status status_ = Status::ok;
    std::string message_;
};

#if defined(QMAGFACE_NO_EXCEPTIONS)
/** What a call that can fail returns. */
template <typename T>
using Return = Result<T>;
#else
/** What a call that can fail returns. */
template <typename T>
using Return = T;
#endif

/* ---- what calls take and give ---- */

/** The two parameters of the quality-aware score. */
struct Parameters {
    /** Offset of the quality's weight min(0, beta * cosine - alpha). -100..100. */
    double alpha;
    /** Slope of the quality's weight over the cosine. -100..100. */
    double beta;
};

/** A place in a picture, in pixels. */
struct Point {
    /** From the left. */
    float x;
    /** From the top. */
    float y;
};

/** Left eye, right eye, nose tip, left and right mouth corner, as seen in the picture. */
using Landmarks = std::array<Point, 5>;

/** A rectangle in a picture, in pixels; may reach outside the picture. */
struct Box {
    /** Least x. */
    float left;
    /** Least y. */
    float top;
    /** Greatest x. */
    float right;
    /** Greatest y. */
    float bottom;
};

/** A face that was detected. */
struct Face {
    /** Where it is. */
    Box box;
    /** The detector's confidence, 0..1. */
    float score;
    /** Its landmarks. */
    Landmarks landmarks;
};

/** One measure of a face. */
struct Measured {
    /** What was measured. */
    Measure measure;
    /** Its value, in its own unit. */
    double value;
    /** The value on a scale of 0 (a severe fault) to 100 (no fault). */
    int score;
    /** What to do about it, in a few English words; empty where the score is 50 or more. */
    std::string_view advice;
};

/** Why the photo of a face is good or poor. */
struct Capture {
    /** The face that was measured. */
    Face face;
    /** Its measures. Those of light and sharpness are left out where nothing of the face is inside the image. */
    std::vector<Measured> measures;
};

/** Hears what the library does: a level and a text that is valid during the call only. */
using LogCallback = std::function<void(LogLevel, std::string_view)>;

/** Hears how far some work is: what is done, and what there is to do. */
using ProgressCallback = std::function<void(std::uint64_t, std::uint64_t)>;

/** How an engine is made. Every member has the library's default. */
struct EngineOptions {
    /** Where the networks run. */
    Device device = Device::automatic;
    /** Which GPU, for Device::cuda. */
    std::uint32_t device_index = 0;
    /** Threads that the engine's networks share on the CPU, 0..1024. 0: one per core. */
    std::uint32_t threads = 0;
    /** Which of several faces is extracted. */
    FaceChoice face_choice = FaceChoice::automatic;
    /** Name of the detector's pack, "yunet" or "mtcnn". Empty: the one that the model belongs to, as its calibration is. */
    std::string detector;
    /** Side of the smallest face looked for in pixels, 12 or more. Empty: the detector's own, 50 with MTCNN, 40 with YuNet. */
    std::optional<float> minimum_face = std::nullopt;
    /**
     * Least score to pass each of the detector's stages, 0..1; a face has the last or more. Empty: the detector's own, 0.6,
     * 0.7, 0.8 with MTCNN. YuNet has the last one only, its own is 0.6.
     */
    std::array<std::optional<float>, 3> thresholds = {};
    /** Ratio of the sides of two levels of MTCNN's pyramid, 0.1..0.95. Empty: 0.709. */
    std::optional<float> pyramid_factor = std::nullopt;
    /**
     * Whether an image in which no face is found for sure is looked at turned by 90, 180 and 270 degrees as well; the turn
     * with the best score counts. Boxes and landmarks are those of the image as it is.
     */
    bool turned = false;
    /** In place of the pack's; empty takes the pack's. */
    std::optional<Parameters> parameters = std::nullopt;
    /** Most pixels of an image. */
    std::uint64_t maximum_pixels = 100000000;
    /** Most bytes of an encoded image. */
    std::uint64_t maximum_bytes = 268435456;
    /** Most bytes that the weight files of the model and its detector may have together. */
    std::uint64_t maximum_model_bytes = 1073741824;
    /** Numbers that the embedding network computes with. */
    Precision precision = Precision::automatic;
    /**
     * Most chips of concurrent callers that go through the network together, 1..256; with 1 every call goes by itself.
     * 0 is the device's best: 16 on a CPU, 128 on a GPU, 1 in the inline mode.
     */
    std::uint32_t batch_size = 0;
    /**
     * How long a batch waits for callers that were there a moment ago, 0..1 second, and no longer than a quarter of
     * what the batch before took. A caller alone never waits.
     */
    std::chrono::microseconds batch_wait = std::chrono::microseconds(1000);
    /** Starts no thread, ever: all work is done by the calling thread, and the engine survives fork(). */
    bool inline_mode = false;
    /** What `log` hears. */
    LogLevel log_level = LogLevel::off;
    /**
     * Hears the library. Several threads may be in it at once; it must not use the engine. What it throws is caught
     * and dropped. The engine keeps it until the engine is gone.
     */
    LogCallback log = nullptr;
};

/** What an engine is made of. */
struct EngineInfo {
    /** Name of the model. */
    std::string model;
    /** Name of the detector. */
    std::string detector;
    /** SHA-256 over all that decides what an embedding means, in hexadecimal. */
    std::string fingerprint;
    /** Floats of an embedding. */
    std::uint32_t embedding_length = 0;
    /** Device::cpu or Device::cuda. */
    Device device = Device::cpu;
    /** Which GPU, for Device::cuda. */
    std::uint32_t device_index = 0;
    /** Parameters of the quality-aware score in use; empty if unknown. */
    std::optional<Parameters> parameters;
    /**
     * Whose constants of the unified quality score the model has, "ISO/IEC 29794-5", or what they were fitted on; empty if
     * it has none.
     */
    std::string uqs_basis;
    /** Whether the detector refines landmarks with the fourth network (L-Net). */
    bool landmark_refinement = false;
    /** Numbers that the embedding network computes with. */
    Precision precision = Precision::f32;
    /** Threads as asked for; 0 is one per core. */
    std::uint32_t threads = 0;
    /** Most chips of concurrent callers that go through the network together. */
    std::uint32_t batch_size = 1;
    /** How long a batch waits for callers to come back. */
    std::chrono::microseconds batch_wait = std::chrono::microseconds(0);
    /** Whether all work is done by the calling thread. */
    bool inline_mode = false;
};

/** What a template says of itself. */
struct TemplateInfo {
    /** Whether it is a failed one: no face could be extracted, and it matches nothing. */
    bool failed = false;
    /** Whether it was made of several templates. */
    bool fused = false;
    /** Whether its quality is 1: it was made of an embedding that was normalised, and its quality is lost. */
    bool unit_length = false;
    /** Floats of the embedding. */
    std::uint32_t length = 0;
    /** Precision it was stored with. */
    Scalar scalar = Scalar::f32;
    /** The unified quality score 0..100 (ISO/IEC 29794-5); empty if the model has no constants for it. */
    std::optional<int> uqs;
    /** How many images it is of; 0 if failed. */
    std::uint32_t images = 0;
    /** Quality: the embedding's magnitude; 0 if failed. */
    double quality = 0.0;
    /** The face it was made from, where one is known. */
    std::optional<Face> face;
    /** Faces in that image; 0 is unknown. */
    std::uint32_t faces = 0;
    /** Bytes of the metadata. */
    std::uint64_t metadata_size = 0;
    /** Name of the model. */
    std::string model;
    /** The engine's fingerprint, in hexadecimal. */
    std::string fingerprint;
};

/** What comparing two faces gives. */
struct Comparison {
    /** Cosine of the two embeddings, -1..1 up to rounding. */
    double cosine = -1.0;
    /** Quality of the first. */
    double quality_a = 0.0;
    /** Quality of the second. */
    double quality_b = 0.0;
    /** The quality-aware score: at most 1, unbounded below; minus infinity with a failed template. */
    double score = 0.0;
    /** -log10 of the FMR at that score; empty where the calibration has no thresholds. */
    std::optional<double> negative_log10_fmr;
    /**
     * Natural logarithm of how many times likelier this cosine is of one person than of two, at these two qualities; empty
     * where the calibration doesn't say what a cosine means at each quality, and with a failed template.
     */
    std::optional<double> log_likelihood_ratio;
    /**
     * -log10 of the share of pairs of different people of these two qualities that reach this cosine, up to what the data
     * supports. It holds for poor photos as well; Calibration::decide() uses it. Empty as above.
     */
    std::optional<double> negative_log10_fmr_at_quality;
    /** Whether a quality is below all that the calibration's data has. */
    bool quality_below_data = false;
    /** Whether a quality is below the calibration's gate. */
    bool low_quality = false;
    /** Whether the score is outside the calibration's thresholds. */
    bool out_of_range = false;
    /** Whether a template is a failed one: no match. */
    bool failed_template = false;
    /**
     * Whether a quality is 1: that embedding was normalised to length 1, and its quality is lost. The score means
     * nothing then; the cosine holds.
     */
    bool unit_length = false;
};

/** What a comparison says at a false match rate. */
enum class Outcome {
    /** Less alike than most pairs of one person of these qualities are. */
    no_match = QMF_OUTCOME_NO_MATCH,
    /** At most the wanted share of pairs of different people of these qualities is so alike. */
    match = QMF_OUTCOME_MATCH,
    /** The photos can't tell: take better ones. */
    not_enough_information = QMF_OUTCOME_NOT_ENOUGH_INFORMATION,
};

/** Why photos can't tell. */
enum class Lacking {
    /** They can. */
    nothing = QMF_LACKING_NOTHING,
    /** A quality is below the calibration's gate, or below all that its data has. */
    quality = QMF_LACKING_QUALITY,
    /** At these qualities even one person's own photos would mostly not match, and these don't. */
    pass_rate = QMF_LACKING_PASS_RATE,
    /** A template is a failed one: there was no face. */
    face = QMF_LACKING_FACE,
    /** An embedding was normalised to length 1: its quality is lost. */
    length = QMF_LACKING_LENGTH,
};

/** A decision on a comparison. */
struct Decision {
    /** Match, no match, or neither. */
    Outcome outcome = Outcome::not_enough_information;
    /** Why neither. */
    Lacking lacking = Lacking::nothing;
    /** The cosine that the wanted share of pairs of different people of these qualities reaches; empty without a face. */
    std::optional<double> threshold;
    /** Which share of pairs of one person of these qualities reaches it, 0..1; empty without a face. */
    std::optional<double> pass_rate;
};

/** One of the templates that are fused. */
struct FusedPart {
    /** Cosine with the fusion of the others; empty: it is failed, there is no other, or the others cancel out. */
    std::optional<double> cosine;
    /** Quality; 0 if failed. */
    double quality = 0.0;
    /** Share of the fusion, 0..1; all of them add up to 1. */
    double weight = 0.0;
    /** Quality-aware score against the fusion of the others; empty without a calibration and without a cosine. */
    std::optional<double> score;
    /** Whether it is a failed one: it takes no part. */
    bool failed = false;
    /** Whether the calibration would not take it for the person of the others. */
    bool no_match = false;
    /** Whether its quality is below the calibration's gate. */
    bool low_quality = false;
    /** Its place among those that have a cosine, 0 for the one that fits the others worst; empty without a cosine. */
    std::optional<std::size_t> fit_rank;
    /** Its place by quality, 0 for the least; empty if failed. */
    std::optional<std::size_t> quality_rank;
};

/** FMRs, from the least to the greatest. */
struct FmrRange {
    /** The least. */
    double least;
    /** The greatest. */
    double greatest;
};

/** What a calibration says of itself. */
struct CalibrationInfo {
    /** Where it comes from. */
    CalibrationStatus status = CalibrationStatus::given;
    /** Parameters of the quality-aware score. */
    Parameters parameters = {0.0, 0.0};
    /** Quality below which a comparison is flagged; empty: none. */
    std::optional<double> quality_gate;
    /** What the thresholds cover; empty: there are none. */
    std::optional<FmrRange> covered;
    /** How many thresholds. */
    std::uint32_t thresholds = 0;
    /** How many people it was fitted on; 0 if that is not known. */
    std::uint64_t subjects = 0;
    /** How many images it was fitted on; 0 if that is not known. */
    std::uint64_t images = 0;
    /** How many pairs of one person it was fitted on; 0 if that is not known. */
    std::uint64_t genuine_pairs = 0;
    /** How many pairs of two people it was fitted on; 0 if that is not known. */
    std::uint64_t impostor_pairs = 0;
    /** Name of the model; empty: of any. */
    std::string model;
    /** Fingerprint of the model's engine, in hexadecimal; empty: of any. */
    std::string fingerprint;
};

/** A 95 % confidence interval. */
struct Interval {
    /** Its lower end. */
    double low;
    /** Its upper end. */
    double high;
};

/** A threshold of a calibration, and what was measured at it. */
struct MeasuredThreshold {
    /** The share of pairs of different people that reach the score. */
    double fmr = 0.0;
    /** The score. */
    double score = 0.0;
    /** Of the score with that FMR; empty: not known. */
    std::optional<Interval> score_interval;
    /** The share of pairs of one person that don't reach the score; empty: not known. */
    std::optional<double> fnmr;
    /** Of the FNMR; empty: not known. */
    std::optional<Interval> fnmr_interval;
    /** How many pairs of different people reach the score; empty: not known. */
    std::optional<std::uint64_t> impostors_above;
};

/** How a calibration is fitted. The defaults are the published procedure's. */
struct FitOptions {
    /** How the parameters are found. */
    FitProcedure procedure = FitProcedure::published;
    /** The FMRs that count, 1e-12 or more, rising, below 1. It takes 3 / least pairs of different people. */
    FmrRange fmr = {1e-5, 1e-2};
    /** How many FMRs, 2..10000. */
    std::uint32_t fmr_count = 50;
    /** How many weights of the quality are tried, 2..1000. */
    std::uint32_t weight_count = 20;
    /** How often the people are drawn anew for the confidence intervals, 0..100000; 0: no intervals. */
    std::uint32_t replicates = 1000;
    /** Use FMRs for which there are too few pairs, as the paper's code does. */
    bool allow_unsupported = false;
    /** Threads; 0: one per core. The result doesn't depend on it. */
    std::uint32_t threads = 0;
    /** Equal seeds give equal intervals. */
    std::uint64_t seed = 0;
    /** Name of the data, one line, for the calibration's file; empty: none. */
    std::string data;
    /**
     * Hears how far the fit is, from the threads that fit, one at a time: what is done of the step at hand, and what
     * there is to do. Each step has its own: all pairs are compared, maybe more than once, then the people drawn. What
     * it throws is caught and dropped.
     */
    ProgressCallback progress = nullptr;
};

/** What is odd about a fit: look at it before it is used. */
struct FitWarnings {
    /** FMRs were used for which there are too few pairs of different people. */
    bool unsupported = false;
    /** At some of the FMRs no pair of one person passes. */
    bool nothing_passes = false;
    /** At some of the FMRs every pair of one person passes with several weights. */
    bool nothing_fails = false;
    /** The same weight is the best at all FMRs: beta is 0. */
    bool one_weight = false;
    /** At some of the FMRs the best weight is an end of the grid. */
    bool end_of_grid = false;
    /** beta is not above 0: quality counts as much for similar faces as for others. */
    bool not_rising = false;
    /** beta is so low that a greater cosine can give a smaller score. */
    bool not_monotone = false;

    /** Whether there is any. */
    explicit operator bool() const noexcept {
        return unsupported || nothing_passes || nothing_fails || one_weight || end_of_grid || not_rising ||
               not_monotone;
    }
};

/** What a score means in falsely matched pairs. */
struct FmrEstimate {
    /** -log10 of the FMR: above the covered range the largest value covered, below it 0. */
    double negative_log10_fmr = 0.0;
    /** Whether the score is outside the covered range. */
    bool out_of_range = false;
};

/** Scores of probes against a gallery, row by row. */
struct ScoreMatrix {
    /** Number of probes. */
    std::size_t probes = 0;
    /** Number of gallery templates. */
    std::size_t gallery = 0;
    /** `probes * gallery` scores. */
    std::vector<float> scores;

    /** The score of one pair; both indices are in range. */
    float operator()(std::size_t probe, std::size_t in_gallery) const { return scores[probe * gallery + in_gallery]; }
};

/** What a gallery says of itself. */
struct GalleryInfo {
    /** How it keeps directions. */
    Scalar scalar = Scalar::f32;
    /** Floats of an embedding; 0 before the first template is added. */
    std::uint32_t length = 0;
    /** How many templates it has, failed ones included. */
    std::uint64_t count = 0;
    /** Bytes of memory it takes, with the room it has for more templates. */
    std::uint64_t bytes = 0;
    /** How many templates have TemplateInfo::unit_length. Scores and searches with them don't tell. */
    std::uint64_t unit_lengths = 0;
    /** Name of the model; empty before the first template is added. */
    std::string model;
    /** The engine's fingerprint, in hexadecimal; empty before the first template is added. */
    std::string fingerprint;
};

/** How a gallery is searched. */
struct SearchOptions {
    /** Most matches for each probe, 1 or more. */
    std::size_t most = 10;
    /** Only matches of at least this score. */
    double least_score = -std::numeric_limits<double>::infinity();
    /** Threads, 0..1024; 0: one per core; 1: only the calling one. The result doesn't depend on it. */
    std::uint32_t threads = 0;
};

/** A template of a gallery that a probe was found to be like. */
struct Match {
    /** The template's index. */
    std::uint64_t index;
    /** The quality-aware score, to the precision of a float. */
    double score;
};

/** An aligned face: QMF_CHIP_SIDE rows of as many pixels of 3 bytes, blue, green, red, without padding. */
using Chip = std::vector<std::uint8_t>;

/* ---- what is behind the classes; no part of the interface ---- */

namespace detail {

struct Destroy {
    void operator()(qmf_engine *value) const noexcept { qmf_engine_destroy(value); }
    void operator()(qmf_template *value) const noexcept { qmf_template_destroy(value); }
    void operator()(qmf_calibration *value) const noexcept { qmf_calibration_destroy(value); }
    void operator()(qmf_gallery *value) const noexcept { qmf_gallery_destroy(value); }
    void operator()(qmf_cancel *value) const noexcept { qmf_cancel_destroy(value); }
};

template <typename T>
using Handle = std::unique_ptr<T, Destroy>;

// Hands a result to the caller as the mode says.
#if defined(QMAGFACE_NO_EXCEPTIONS)
template <typename T>
Result<T> deliver(Result<T> result) {
    return result;
}
#else
template <typename T>
T deliver(Result<T> result) {
    if (!result.ok()) {
        throw Error(result.status(), result.message());
    }
    if constexpr (!std::is_void_v<T>) {
        return std::move(result).value();
    }
}
#endif

// The text of this thread's last failure.
inline std::string last_error() {
    std::size_t length = 0;
    (void)qmf_last_error(nullptr, 0, &length);
    std::string text(length + 1, '\0');
    if (qmf_last_error(text.data(), text.size(), &length) != QMF_OK) {
        length = 0;
    }
    text.resize(length < text.size() ? length : text.size() - 1);
    return text;
}

// The failure of the call that has just answered `status`.
template <typename T>
Result<T> failure(qmf_status status) {
    std::string text = last_error();
    if (text.empty()) {
        text = qmf_status_name(status);
    }
    return Result<T>(static_cast<Status>(status), std::move(text));
}

// What `make` gives if the call worked.
template <typename Make>
auto answer(qmf_status status, Make make) -> Result<decltype(make())> {
    if (status != QMF_OK) {
        return failure<decltype(make())>(status);
    }
    if constexpr (std::is_void_v<decltype(make())>) {
        make();
        return Result<void>();
    } else {
        return Result<decltype(make())>(make());
    }
}

inline Result<void> done(qmf_status status) {
    return answer(status, [] {});
}

// Whether the library that was loaded has all that this header calls. Asked once, then remembered.
inline Result<void> compatible() {
    static const std::uint32_t found = qmf_abi_version();
    if (found >= static_cast<std::uint32_t>(QMF_ABI_VERSION)) {
        return Result<void>();
    }
    return Result<void>(Status::incompatible_library,
                        "this program was built for version " + std::to_string(QMF_ABI_VERSION) +
                            " of qmagface's interface, and the library that was loaded has the older version " +
                            std::to_string(found) + ": install the newer library, or see that it is found first");
}

// The text of a call that copies one.
template <typename Call>
Result<std::string> text_of(Call call) {
    std::size_t length = 0;
    qmf_status status = call(nullptr, std::size_t{0}, &length);
    if (status != QMF_OK) {
        return failure<std::string>(status);
    }
    std::string text(length + 1, '\0');
    status = call(text.data(), text.size(), &length);
    return answer(status, [&] {
        text.resize(length < text.size() ? length : text.size() - 1);
        return std::move(text);
    });
}

// All elements of a call that fills a buffer, or says how many elements it has. `room` is a first guess.
template <typename T, typename Call>
Result<std::vector<T>> all_of(std::size_t room, Call call) {
    for (;;) {
        std::vector<T> buffer(room);
        std::size_t count = 0;
        const qmf_status status = call(room == 0 ? nullptr : buffer.data(), room, &count);
        if (status == QMF_ERROR_BUFFER_TOO_SMALL && count > room) {
            room = count;
            continue;
        }
        return answer(status, [&] {
            buffer.resize(count);
            return std::move(buffer);
        });
    }
}

// C ends a text at its first NUL: a text with one inside would silently be another.
inline Result<void> whole_text(const std::string &text, const char *name) {
    if (text.find('\0') != std::string::npos) {
        return Result<void>(Status::invalid_argument, std::string(name) + " has a NUL character in it");
    }
    return Result<void>();
}

// A failure handed on under the type of another call.
template <typename T, typename Other>
Result<T> same_failure(const Result<Other> &failed) {
    return Result<T>(failed.status(), failed.message());
}

inline std::string fixed_text(const char (&field)[72]) {
    std::size_t length = 0;
    while (length < sizeof field && field[length] != '\0') {
        ++length;
    }
    return std::string(field, length);
}

inline std::optional<double> unless_nan(double value) {
    return std::isnan(value) ? std::optional<double>() : std::optional<double>(value);
}

inline bool has_flag(std::uint32_t flags, std::uint32_t flag) {
    return (flags & flag) != 0;
}

inline Face from_c(const qmf_face &face) {
    Face result{{face.bbox[0], face.bbox[1], face.bbox[2], face.bbox[3]}, face.score, {}};
    for (std::size_t i = 0; i < result.landmarks.size(); ++i) {
        result.landmarks[i] = {face.landmarks[i][0], face.landmarks[i][1]};
    }
    return result;
}

inline Measured from_c(const qmf_measured &raw) {
    return {static_cast<Measure>(raw.measure), raw.value, static_cast<int>(raw.score),
            raw.advice == nullptr ? std::string_view() : std::string_view(raw.advice)};
}

inline qmf_face to_c(const Face &face) {
    qmf_face result{{face.box.left, face.box.top, face.box.right, face.box.bottom}, face.score, {}};
    for (std::size_t i = 0; i < face.landmarks.size(); ++i) {
        result.landmarks[i][0] = face.landmarks[i].x;
        result.landmarks[i][1] = face.landmarks[i].y;
    }
    return result;
}

inline std::array<float, 10> to_c(const Landmarks &landmarks) {
    std::array<float, 10> result{};
    for (std::size_t i = 0; i < landmarks.size(); ++i) {
        result[2 * i] = landmarks[i].x;
        result[2 * i + 1] = landmarks[i].y;
    }
    return result;
}

// A time that doesn't fit becomes the greatest number, which the library refuses as out of range.
inline std::uint32_t to_c(std::chrono::microseconds wait) {
    constexpr auto greatest = std::numeric_limits<std::uint32_t>::max();
    const bool fits = wait.count() >= 0 && wait <= std::chrono::microseconds(greatest);
    return fits ? static_cast<std::uint32_t>(wait.count()) : greatest;
}

inline Comparison from_c(const qmf_comparison &raw) {
    Comparison result;
    result.cosine = raw.cosine;
    result.quality_a = raw.quality_a;
    result.quality_b = raw.quality_b;
    result.score = raw.score;
    result.negative_log10_fmr = unless_nan(raw.negative_log10_fmr);
    result.log_likelihood_ratio = unless_nan(raw.log_likelihood_ratio);
    result.negative_log10_fmr_at_quality = unless_nan(raw.negative_log10_fmr_at_quality);
    result.quality_below_data = has_flag(raw.flags, QMF_COMPARISON_QUALITY_BELOW_DATA);
    result.low_quality = has_flag(raw.flags, QMF_COMPARISON_LOW_QUALITY);
    result.out_of_range = has_flag(raw.flags, QMF_COMPARISON_OUT_OF_RANGE);
    result.failed_template = has_flag(raw.flags, QMF_COMPARISON_FAILED_TEMPLATE);
    result.unit_length = has_flag(raw.flags, QMF_COMPARISON_UNIT_LENGTH);
    return result;
}

inline FusedPart from_c(const qmf_fused_part &raw) {
    const auto rank = [](std::uint32_t number) {
        return number == QMF_NO_RANK ? std::optional<std::size_t>() : std::optional<std::size_t>(number);
    };
    FusedPart result;
    result.cosine = unless_nan(raw.cosine);
    result.quality = raw.quality;
    result.weight = raw.weight;
    result.score = unless_nan(raw.score);
    result.failed = has_flag(raw.flags, QMF_PART_FAILED);
    result.no_match = has_flag(raw.flags, QMF_PART_NO_MATCH);
    result.low_quality = has_flag(raw.flags, QMF_PART_LOW_QUALITY);
    result.fit_rank = rank(raw.fit_rank);
    result.quality_rank = rank(raw.quality_rank);
    return result;
}

// The parts of a fusion; the calibration may be null.
inline Result<std::vector<FusedPart>> reviewed(const std::vector<const qmf_template *> &all, Fusion fusion,
                                               const qmf_calibration *calibration, double fmr) {
    std::vector<qmf_fused_part> raw(all.size());
    const auto status = qmf_template_review_fusion(all.data(), all.size(), static_cast<qmf_fusion>(fusion), calibration,
                                                   fmr, raw.data(), raw.size());
    return answer(status, [&] {
        std::vector<FusedPart> parts;
        parts.reserve(raw.size());
        for (const qmf_fused_part &part : raw) {
            parts.push_back(from_c(part));
        }
        return parts;
    });
}

// The handles of a row of objects.
template <typename T, typename Object>
std::vector<const T *> handles(Span<const Object> objects) {
    std::vector<const T *> result;
    result.reserve(objects.size());
    for (const Object &object : objects) {
        result.push_back(object.get());
    }
    return result;
}

}  // namespace detail

/* ---- the library ---- */

/** The version of the C interface that the loaded library has. */
inline std::uint32_t abi_version() noexcept {
    return qmf_abi_version();
}

/** The library's version, such as "0.1.0". */
[[nodiscard]] inline Return<std::string> version() {
    return detail::deliver(detail::text_of(qmf_version));
}

/** How the library was built and what it runs on, as a JSON object: version, target, instructions, CPU features, CUDA. */
[[nodiscard]] inline Return<std::string> build_info() {
    return detail::deliver(detail::text_of(qmf_build_info));
}

/** The C name of a status, such as "QMF_OK"; "QMF_UNKNOWN" for a number that the library doesn't know. */
inline std::string_view status_name(Status status) noexcept {
    return qmf_status_name(static_cast<qmf_status>(status));
}

/** The name of a measure, such as "inter_eye_distance"; "unknown" for a number that the library doesn't know. */
inline std::string_view measure_name(Measure measure) noexcept {
    return qmf_measure_name(static_cast<qmf_measure>(measure));
}

/** Engines of this process, for tests that look for leaks. */
inline std::uint64_t live_engines() noexcept {
    return qmf_live_engines();
}

/** Templates of this process. */
inline std::uint64_t live_templates() noexcept {
    return qmf_live_templates();
}

/** Calibrations of this process. */
inline std::uint64_t live_calibrations() noexcept {
    return qmf_live_calibrations();
}

/** Galleries of this process. */
inline std::uint64_t live_galleries() noexcept {
    return qmf_live_galleries();
}

/** Cancels of this process. */
inline std::uint64_t live_cancels() noexcept {
    return qmf_live_cancels();
}

/* ---- ending calls early ---- */

/**
 * Ends the calls it is given to, from any thread: they fail with Status::cancelled, and what they were called on stays
 * usable. One that was triggered stays so: calls that begin later fail at once. It must live as long as the calls that
 * have it.
 *
 * Where a call takes a pointer to one, null means that nothing ends the call early; so does one that was moved from.
 */
class Cancel {
public:
    /** Takes over a handle of qmagface.h; null gives an empty object, as a move leaves it. */
    static Cancel adopt(qmf_cancel *handle) noexcept { return Cancel(handle); }

    /** One that nobody has triggered yet. */
    [[nodiscard]] static Return<Cancel> create() { return detail::deliver(created()); }

    /** Ends its calls, those that run soon and later ones at once. Any thread may do it, any number of times. */
    Return<void> trigger() const { return detail::deliver(detail::done(qmf_cancel_trigger(get()))); }

    /** Whether it holds anything: no, once it was moved from. */
    explicit operator bool() const noexcept { return handle_ != nullptr; }
    /** The handle, for calls of qmagface.h; null if it holds none. */
    const qmf_cancel *get() const noexcept { return handle_.get(); }
    /** Gives the handle away: end it with qmf_cancel_destroy. */
    [[nodiscard]] qmf_cancel *release() noexcept { return handle_.release(); }

private:
    explicit Cancel(qmf_cancel *handle) noexcept : handle_(handle) {}

    static Result<Cancel> created() {
        if (const auto fit = detail::compatible(); !fit) {
            return detail::same_failure<Cancel>(fit);
        }
        qmf_cancel *made = nullptr;
        const auto status = qmf_cancel_create(&made);
        return detail::answer(status, [&] { return Cancel(made); });
    }

    detail::Handle<qmf_cancel> handle_;
};

namespace detail {

inline const qmf_cancel *handle(const Cancel *cancel) noexcept {
    return cancel == nullptr ? nullptr : cancel->get();
}

}  // namespace detail

/* ---- images ---- */

/**
 * A picture that stays the caller's: a view, valid while the bytes given to it are.
 *
 * Nothing is checked when it is made; the call that uses it refuses, with Status::invalid_argument, a size of 0, bytes
 * that are too few for it, and a stride shorter than a row. `stride` is the bytes from one row to the next, 0 for rows
 * without padding.
 */
class Image {
public:
    /** 3 bytes a pixel: blue, green, red. */
    static Image bgr(Bytes data, std::uint32_t width, std::uint32_t height, std::size_t stride = 0) {
        return Image(QMF_IMAGE_BGR, data, width, height, stride);
    }
    /** 3 bytes a pixel: red, green, blue. */
    static Image rgb(Bytes data, std::uint32_t width, std::uint32_t height, std::size_t stride = 0) {
        return Image(QMF_IMAGE_RGB, data, width, height, stride);
    }
    /** 1 byte a pixel. */
    static Image gray(Bytes data, std::uint32_t width, std::uint32_t height, std::size_t stride = 0) {
        return Image(QMF_IMAGE_GRAY, data, width, height, stride);
    }
    /** 4 bytes a pixel: blue, green, red, and one that is ignored. */
    static Image bgra(Bytes data, std::uint32_t width, std::uint32_t height, std::size_t stride = 0) {
        return Image(QMF_IMAGE_BGRA, data, width, height, stride);
    }
    /** 4 bytes a pixel: red, green, blue, and one that is ignored. */
    static Image rgba(Bytes data, std::uint32_t width, std::uint32_t height, std::size_t stride = 0) {
        return Image(QMF_IMAGE_RGBA, data, width, height, stride);
    }
    /** Luma, then U and V by turns at half the size, in one buffer. Width and height are even. */
    static Image nv12(Bytes data, std::uint32_t width, std::uint32_t height, std::size_t stride = 0) {
        return Image(QMF_IMAGE_NV12, data, width, height, stride);
    }
    /** The same, the chroma elsewhere; `chroma_stride` 0 is that of the luma. */
    static Image nv12_planes(Bytes luma, Bytes chroma, std::uint32_t width, std::uint32_t height,
                             std::size_t stride = 0, std::size_t chroma_stride = 0) {
        return Image(QMF_IMAGE_NV12, luma, width, height, stride).with_chroma(chroma, Bytes(), chroma_stride);
    }
    /** Luma, then V and U by turns at half the size, in one buffer. Width and height are even. */
    static Image nv21(Bytes data, std::uint32_t width, std::uint32_t height, std::size_t stride = 0) {
        return Image(QMF_IMAGE_NV21, data, width, height, stride);
    }
    /** The same, the chroma elsewhere; `chroma_stride` 0 is that of the luma. */
    static Image nv21_planes(Bytes luma, Bytes chroma, std::uint32_t width, std::uint32_t height,
                             std::size_t stride = 0, std::size_t chroma_stride = 0) {
        return Image(QMF_IMAGE_NV21, luma, width, height, stride).with_chroma(chroma, Bytes(), chroma_stride);
    }
    /** Luma, then U, then V, both at half the size, in one buffer. Width and height are even. */
    static Image i420(Bytes data, std::uint32_t width, std::uint32_t height, std::size_t stride = 0) {
        return Image(QMF_IMAGE_I420, data, width, height, stride);
    }
    /** The same, U and V elsewhere; `chroma_stride` 0 is half of the luma's. */
    static Image i420_planes(Bytes luma, Bytes u, Bytes v, std::uint32_t width, std::uint32_t height,
                             std::size_t stride = 0, std::size_t chroma_stride = 0) {
        return Image(QMF_IMAGE_I420, luma, width, height, stride).with_chroma(u, v, chroma_stride);
    }
    /**
     * The bytes of an image file: JPEG, PNG, BMP, TIFF, WebP, GIF, PNM, JPEG 2000 or a passport's face record. Its own
     * orientation is honoured.
     */
    static Image encoded(Bytes file) { return Image(QMF_IMAGE_ENCODED, file, 0, 0, 0); }

    /** The same picture, to be turned so. All coordinates, in and out, are those of the turned picture. */
    [[nodiscard]] Image rotated(Rotation rotation) const {
        Image turned = *this;
        turned.raw_.rotation = static_cast<std::uint32_t>(rotation);
        return turned;
    }
    /** The same picture with other colours for NV12, NV21 and I420 than Yuv::bt601_limited. */
    [[nodiscard]] Image with_yuv(Yuv yuv) const {
        Image other = *this;
        other.raw_.yuv = static_cast<qmf_yuv>(yuv);
        return other;
    }

    /** The C struct, for calls of qmagface.h. */
    const qmf_image *get() const noexcept { return &raw_; }

private:
    Image(qmf_image_format format, Bytes data, std::uint32_t width, std::uint32_t height, std::size_t stride) {
        // A library that refuses the struct leaves struct_size 0, which the call with this image then refuses.
        (void)qmf_image_init(&raw_, sizeof raw_);
        raw_.format = format;
        raw_.width = width;
        raw_.height = height;
        raw_.stride = stride;
        raw_.data = data.data();
        raw_.data_size = data.size();
    }

    Image with_chroma(Bytes first, Bytes second, std::size_t stride) const {
        Image other = *this;
        other.raw_.chroma[0] = first.data();
        other.raw_.chroma[1] = second.data();
        other.raw_.chroma_size[0] = first.size();
        other.raw_.chroma_size[1] = second.size();
        other.raw_.chroma_stride = stride;
        return other;
    }

    qmf_image raw_{};
};

/* ---- templates ---- */

/** The stored features of a face. It never changes, and needs no engine. */
class Template {
public:
    /** Takes over a handle of qmagface.h; null gives an empty object, as a move leaves it. */
    static Template adopt(qmf_template *handle) noexcept { return Template(handle); }

    /** Reads what serialize() wrote. Status::bad_template for other or damaged bytes. */
    [[nodiscard]] static Return<Template> parse(Bytes data) { return detail::deliver(parsed(data)); }

    /**
     * Reads what seal() wrote with the same key and context. Status::bad_template, with one text, for another key or
     * context, for bytes that were changed, and for bytes that were never sealed.
     */
    [[nodiscard]] static Return<Template> unseal(Bytes data, Bytes key, Bytes context = Bytes()) {
        return detail::deliver(unsealed(data, key, context));
    }

    /**
     * One template of several of one person. Failed ones are left out; of failed ones only, a failed one.
     * Status::model_mismatch for templates of different models, Status::invalid_argument for none.
     */
    [[nodiscard]] static Return<Template> fuse(Span<const Template> templates, Fusion fusion = Fusion::quality) {
        const auto all = detail::handles<qmf_template>(templates);
        qmf_template *made = nullptr;
        const auto status = qmf_template_fuse(all.data(), all.size(), static_cast<qmf_fusion>(fusion), &made);
        return detail::deliver(detail::answer(status, [&] { return Template(made); }));
    }

    /**
     * What each of several templates, which fuse() would make one of, has to do with the others. Fusing leaves nothing
     * out but failed ones: a photo of somebody else, or a bad one, is for the caller to find here. With a calibration:
     * Calibration::review_fusion().
     */
    [[nodiscard]] static Return<std::vector<FusedPart>> review_fusion(Span<const Template> templates,
                                                                      Fusion fusion = Fusion::quality) {
        return detail::deliver(detail::reviewed(detail::handles<qmf_template>(templates), fusion, nullptr, 0.0));
    }

    /** What it says of itself. */
    [[nodiscard]] Return<TemplateInfo> info() const {
        qmf_template_info raw{};
        qmf_status status = qmf_template_info_init(&raw, sizeof raw);
        if (status == QMF_OK) {
            status = qmf_template_get_info(get(), &raw);
        }
        return detail::deliver(detail::answer(status, [&] { return from_c(raw); }));
    }

    /** The embedding: a direction times the quality; empty of a failed template. */
    [[nodiscard]] Return<std::vector<float>> embedding() const {
        return detail::deliver(detail::all_of<float>(0, [&](float *data, std::size_t room, std::size_t *length) {
            return qmf_template_get_embedding(get(), data, room, length);
        }));
    }

    /** The caller's own bytes. */
    [[nodiscard]] Return<std::vector<std::uint8_t>> metadata() const {
        return detail::deliver(bytes_of([&](std::uint8_t *data, std::size_t room, std::size_t *size) {
            return qmf_template_get_metadata(get(), data, room, size);
        }));
    }

    /** A copy that carries other bytes of the caller's: at most 65536, else Status::limit. */
    [[nodiscard]] Return<Template> with_metadata(Bytes metadata) const {
        qmf_template *made = nullptr;
        const auto status = qmf_template_with_metadata(get(), metadata.data(), metadata.size(), &made);
        return detail::deliver(detail::answer(status, [&] { return Template(made); }));
    }

    /** Its bytes, for a file or a database. */
    [[nodiscard]] Return<std::vector<std::uint8_t>> serialize(Scalar scalar = Scalar::f32) const {
        return detail::deliver(bytes_of([&](std::uint8_t *data, std::size_t room, std::size_t *size) {
            return qmf_template_serialize(get(), static_cast<qmf_scalar>(scalar), data, room, size);
        }));
    }

    /**
     * Its bytes, encrypted and authenticated with a key of key_size random bytes. They are read with the same key and
     * context, which isn't stored: the number of the record they are for, so that no other record can have them.
     * docs/privacy.md says what this protects against and what not.
     */
    [[nodiscard]] Return<std::vector<std::uint8_t>> seal(Bytes key, Bytes context = Bytes(),
                                                         Scalar scalar = Scalar::f32) const {
        return detail::deliver(bytes_of([&](std::uint8_t *data, std::size_t room, std::size_t *size) {
            return qmf_template_seal(get(), static_cast<qmf_scalar>(scalar), key.data(), key.size(), context.data(),
                                     context.size(), data, room, size);
        }));
    }
    /** Bytes of a key of seal(). */
    static constexpr std::size_t key_size = QMF_KEY_SIZE;

    /** Whether it holds a template: no, once it was moved from. */
    explicit operator bool() const noexcept { return handle_ != nullptr; }
    /** The handle, for calls of qmagface.h; null if it holds none. */
    const qmf_template *get() const noexcept { return handle_.get(); }
    /** Gives the handle away: end it with qmf_template_destroy. */
    [[nodiscard]] qmf_template *release() noexcept { return handle_.release(); }

private:
    explicit Template(qmf_template *handle) noexcept : handle_(handle) {}

    static Result<Template> parsed(Bytes data) {
        if (const auto fit = detail::compatible(); !fit) {
            return detail::same_failure<Template>(fit);
        }
        qmf_template *made = nullptr;
        const auto status = qmf_template_parse(data.data(), data.size(), &made);
        return detail::answer(status, [&] { return Template(made); });
    }

    static Result<Template> unsealed(Bytes data, Bytes key, Bytes context) {
        if (const auto fit = detail::compatible(); !fit) {
            return detail::same_failure<Template>(fit);
        }
        qmf_template *made = nullptr;
        const auto status = qmf_template_unseal(data.data(), data.size(), key.data(), key.size(), context.data(),
                                                context.size(), &made);
        return detail::answer(status, [&] { return Template(made); });
    }

    template <typename Call>
    static Result<std::vector<std::uint8_t>> bytes_of(Call call) {
        return detail::all_of<std::uint8_t>(0, call);
    }

    static TemplateInfo from_c(const qmf_template_info &raw) {
        TemplateInfo info;
        info.failed = detail::has_flag(raw.flags, QMF_TEMPLATE_FAILED);
        info.fused = detail::has_flag(raw.flags, QMF_TEMPLATE_FUSED);
        info.unit_length = detail::has_flag(raw.flags, QMF_TEMPLATE_UNIT_LENGTH);
        info.length = raw.length;
        info.scalar = static_cast<Scalar>(raw.scalar);
        if (raw.uqs >= 0) {
            info.uqs = raw.uqs;
        }
        info.images = raw.images;
        info.quality = raw.quality;
        if (detail::has_flag(raw.flags, QMF_TEMPLATE_HAS_FACE)) {
            info.face = detail::from_c(raw.face);
        }
        info.faces = raw.faces;
        info.metadata_size = raw.metadata_size;
        info.model = detail::fixed_text(raw.model);
        info.fingerprint = detail::fixed_text(raw.fingerprint);
        return info;
    }

    detail::Handle<qmf_template> handle_;
};

/* ---- calibrations ---- */

/** The parameters of the quality-aware score, and thresholds for wanted FMRs. It never changes, and needs no engine. */
class Calibration {
public:
    /** Takes over a handle of qmagface.h; null gives an empty object, as a move leaves it. */
    static Calibration adopt(qmf_calibration *handle) noexcept { return Calibration(handle); }

    /** Of two parameters, without thresholds, for any model. Status::invalid_argument unless both are -100..100. */
    [[nodiscard]] static Return<Calibration> create(Parameters parameters) {
        return detail::deliver(made_by([&](qmf_calibration **made) {
            return qmf_calibration_create(parameters.alpha, parameters.beta, made);
        }));
    }

    /**
     * Fitted to all pairs of embeddings of `length` floats, one after the other; equal numbers in `people`, one for
     * each embedding, are one person. For any model: Engine::fit_calibration() ties it to one.
     *
     * Status::calibration when there are too few pairs, or they determine no parameters. `warnings`, if given, gets
     * what is odd about the fit. `cancel`, if given, ends the call early: Status::cancelled.
     */
    [[nodiscard]] static Return<Calibration> fit(Floats embeddings, std::size_t length,
                                                 Span<const std::uint32_t> people,
                                                 const FitOptions &options = FitOptions(),
                                                 FitWarnings *warnings = nullptr, const Cancel *cancel = nullptr) {
        return detail::deliver(fitted(nullptr, embeddings, length, people, options, warnings, cancel));
    }

    /**
     * As for embeddings, of templates, whose model it is then for; failed ones take no part. Status::model_mismatch if
     * they are of two models.
     */
    [[nodiscard]] static Return<Calibration> fit(Span<const Template> templates, Span<const std::uint32_t> people,
                                                 const FitOptions &options = FitOptions(),
                                                 FitWarnings *warnings = nullptr, const Cancel *cancel = nullptr) {
        if (const auto same = one_each(templates.size(), people.size()); !same) {
            return detail::deliver(detail::same_failure<Calibration>(same));
        }
        const auto all = detail::handles<qmf_template>(templates);
        return detail::deliver(
            fitted(options, warnings, [&](const qmf_fit_options *raw, const char *data, qmf_calibration **made,
                                          std::uint32_t *flags) {
                return qmf_calibration_fit_templates(all.data(), all.size(), people.data(), raw, data,
                                                     detail::handle(cancel), made, flags);
            }));
    }

    /** Reads a file. Status::io if it can't be read, Status::calibration if it is damaged. */
    [[nodiscard]] static Return<Calibration> load(const std::string &path) {
        if (const auto whole = detail::whole_text(path, "path"); !whole) {
            return detail::deliver(detail::same_failure<Calibration>(whole));
        }
        return detail::deliver(
            made_by([&](qmf_calibration **made) { return qmf_calibration_load(path.c_str(), made); }));
    }

    /** Reads what serialize() wrote, or the bytes of a file. Status::calibration for others. */
    [[nodiscard]] static Return<Calibration> parse(Bytes data) {
        return detail::deliver(made_by(
            [&](qmf_calibration **made) { return qmf_calibration_parse(data.data(), data.size(), made); }));
    }

    /** Writes a file, replacing one that is there. Status::io if it can't be written. */
    Return<void> save(const std::string &path) const {
        if (const auto whole = detail::whole_text(path, "path"); !whole) {
            return detail::deliver(whole);
        }
        return detail::deliver(detail::done(qmf_calibration_save(get(), path.c_str())));
    }

    /** The bytes of its file. */
    [[nodiscard]] Return<std::vector<std::uint8_t>> serialize() const {
        return detail::deliver(
            detail::all_of<std::uint8_t>(0, [&](std::uint8_t *data, std::size_t room, std::size_t *size) {
                return qmf_calibration_serialize(get(), data, room, size);
            }));
    }

    /** What it says of itself. */
    [[nodiscard]] Return<CalibrationInfo> info() const {
        qmf_calibration_info raw{};
        qmf_status status = qmf_calibration_info_init(&raw, sizeof raw);
        if (status == QMF_OK) {
            status = qmf_calibration_get_info(get(), &raw);
        }
        return detail::deliver(detail::answer(status, [&] { return from_c(raw); }));
    }

    /** Its thresholds by falling FMR, and what was measured at each. */
    [[nodiscard]] Return<std::vector<MeasuredThreshold>> measured_thresholds() const {
        return detail::deliver(all_thresholds());
    }

    /** A copy with another quality gate; empty: none. */
    [[nodiscard]] Return<Calibration> with_quality_gate(std::optional<double> gate) const {
        const double number = gate.value_or(std::numeric_limits<double>::quiet_NaN());
        qmf_calibration *made = nullptr;
        const auto status = qmf_calibration_with_quality_gate(get(), number, &made);
        return detail::deliver(detail::answer(status, [&] { return Calibration(made); }));
    }

    /** The least score with which pairs match at that FMR, 0..1. Status::calibration for one it doesn't cover. */
    [[nodiscard]] Return<double> threshold(double fmr) const {
        double score = 0.0;
        return detail::deliver(
            detail::answer(qmf_calibration_threshold(get(), fmr, &score), [&] { return score; }));
    }

    /** What a score means. Status::calibration where there are no thresholds. */
    [[nodiscard]] Return<FmrEstimate> fmr(double score) const {
        double estimate = 0.0;
        std::uint32_t flags = 0;
        return detail::deliver(detail::answer(qmf_calibration_fmr(get(), score, &estimate, &flags), [&] {
            return FmrEstimate{estimate, detail::has_flag(flags, QMF_COMPARISON_OUT_OF_RANGE)};
        }));
    }

    /**
     * Decides on a comparison that this calibration made, at a false match rate that holds at its two qualities.
     * Status::calibration for a rate that the data doesn't support, and for a calibration that doesn't say what a cosine
     * means at each quality.
     */
    [[nodiscard]] Return<Decision> decide(const Comparison &compared, double fmr) const {
        return detail::deliver(decided(compared, fmr));
    }

    /**
     * As Template::review_fusion(), and for each part whether it would match the fusion of the others at this FMR.
     * Status::model_mismatch if they or the calibration are of different models; Status::calibration as threshold().
     */
    [[nodiscard]] Return<std::vector<FusedPart>> review_fusion(Span<const Template> templates, double fmr,
                                                               Fusion fusion = Fusion::quality) const {
        return detail::deliver(reviewed(templates, fmr, fusion));
    }

    /** Compares two templates. Status::model_mismatch if they or the calibration are of different models. */
    [[nodiscard]] Return<Comparison> compare(const Template &a, const Template &b) const {
        return detail::deliver(
            compared([&](qmf_comparison *raw) { return qmf_compare(get(), a.get(), b.get(), raw); }));
    }

    /** Compares two embeddings. Status::invalid_argument unless both have the same length, not 0. */
    [[nodiscard]] Return<Comparison> compare(Floats a, Floats b) const {
        if (a.size() != b.size()) {
            return detail::deliver(Result<Comparison>(Status::invalid_argument,
                                                      "two embeddings of different lengths: " +
                                                          std::to_string(a.size()) + " and " +
                                                          std::to_string(b.size()) + " floats"));
        }
        return detail::deliver(compared([&](qmf_comparison *raw) {
            return qmf_compare_embeddings(get(), a.data(), b.data(), a.size(), raw);
        }));
    }

    /**
     * Scores every probe against every template of a gallery; one probe is a 1:N search. `cancel`, if given, ends the
     * call early: Status::cancelled.
     */
    [[nodiscard]] Return<ScoreMatrix> score_matrix(Span<const Template> probes, Span<const Template> gallery,
                                                   const Cancel *cancel = nullptr) const {
        const auto rows = detail::handles<qmf_template>(probes);
        const auto columns = detail::handles<qmf_template>(gallery);
        return detail::deliver(scored(rows.size(), columns.size(), [&](float *scores, std::size_t room) {
            return qmf_score_matrix(get(), rows.data(), rows.size(), columns.data(), columns.size(),
                                    detail::handle(cancel), scores, room);
        }));
    }

    /** Scores embeddings of `length` floats, one after the other in each view. */
    [[nodiscard]] Return<ScoreMatrix> score_matrix(Floats probes, Floats gallery, std::size_t length,
                                                   const Cancel *cancel = nullptr) const {
        if (length == 0 || probes.size() % length != 0 || gallery.size() % length != 0) {
            return detail::deliver(Result<ScoreMatrix>(Status::invalid_argument,
                                                       std::to_string(probes.size()) + " and " +
                                                           std::to_string(gallery.size()) +
                                                           " floats are no whole embeddings of length " +
                                                           std::to_string(length)));
        }
        const std::size_t rows = probes.size() / length;
        const std::size_t columns = gallery.size() / length;
        return detail::deliver(scored(rows, columns, [&](float *scores, std::size_t room) {
            return qmf_score_matrix_embeddings(get(), probes.data(), rows, gallery.data(), columns, length,
                                               detail::handle(cancel), scores, room);
        }));
    }

    /** Whether it holds a calibration: no, once it was moved from. */
    explicit operator bool() const noexcept { return handle_ != nullptr; }
    /** The handle, for calls of qmagface.h; null if it holds none. */
    const qmf_calibration *get() const noexcept { return handle_.get(); }
    /** Gives the handle away: end it with qmf_calibration_destroy. */
    [[nodiscard]] qmf_calibration *release() noexcept { return handle_.release(); }

private:
    explicit Calibration(qmf_calibration *handle) noexcept : handle_(handle) {}

    template <typename Call>
    static Result<Calibration> made_by(Call call) {
        if (const auto fit = detail::compatible(); !fit) {
            return detail::same_failure<Calibration>(fit);
        }
        qmf_calibration *made = nullptr;
        const qmf_status status = call(&made);
        return detail::answer(status, [&] { return Calibration(made); });
    }

    friend class Engine;

    Result<std::vector<FusedPart>> reviewed(Span<const Template> templates, double fmr, Fusion fusion) const {
        if (!handle_) {
            // To the library none means that there is no calibration to judge with.
            return Result<std::vector<FusedPart>>(Status::invalid_argument,
                                                  "the calibration is NULL: it was moved from");
        }
        return detail::reviewed(detail::handles<qmf_template>(templates), fusion, get(), fmr);
    }

    static Result<void> one_each(std::size_t count, std::size_t people) {
        if (count == people) {
            return Result<void>();
        }
        return Result<void>(Status::invalid_argument, std::to_string(people) + " people for " + std::to_string(count) +
                                                          " embeddings: there must be one for each");
    }

    static Result<Calibration> fitted(const qmf_engine *engine, Floats embeddings, std::size_t length,
                                      Span<const std::uint32_t> people, const FitOptions &options,
                                      FitWarnings *warnings, const Cancel *cancel) {
        if (length == 0 || embeddings.size() % length != 0) {
            return Result<Calibration>(Status::invalid_argument, std::to_string(embeddings.size()) +
                                                                     " floats are no whole embeddings of length " +
                                                                     std::to_string(length));
        }
        if (const auto same = one_each(embeddings.size() / length, people.size()); !same) {
            return detail::same_failure<Calibration>(same);
        }
        return fitted(options, warnings, [&](const qmf_fit_options *raw, const char *data, qmf_calibration **made,
                                             std::uint32_t *flags) {
            return qmf_calibration_fit(engine, embeddings.data(), people.size(), length, people.data(), raw, data,
                                       detail::handle(cancel), made, flags);
        });
    }

    template <typename Call>
    static Result<Calibration> fitted(const FitOptions &options, FitWarnings *warnings, Call call) {
        if (const auto whole = detail::whole_text(options.data, "data"); !whole) {
            return detail::same_failure<Calibration>(whole);
        }
        std::uint32_t flags = 0;
        auto made = made_by([&](qmf_calibration **result) {
            qmf_fit_options raw{};
            const qmf_status status = qmf_fit_options_init(&raw, sizeof raw);
            if (status != QMF_OK) {
                return status;
            }
            raw.procedure = static_cast<qmf_fit_procedure>(options.procedure);
            raw.least_fmr = options.fmr.least;
            raw.greatest_fmr = options.fmr.greatest;
            raw.fmr_count = options.fmr_count;
            raw.weight_count = options.weight_count;
            raw.replicates = options.replicates;
            raw.allow_unsupported = options.allow_unsupported ? 1 : 0;
            raw.threads = options.threads;
            raw.seed = options.seed;
            if (options.progress) {
                raw.progress_callback = &Calibration::on_progress;
                raw.progress_user_data = const_cast<ProgressCallback *>(&options.progress);
            }
            return call(&raw, options.data.empty() ? nullptr : options.data.c_str(), result, &flags);
        });
        if (made && warnings != nullptr) {
            warnings->unsupported = detail::has_flag(flags, QMF_FIT_WARNING_UNSUPPORTED);
            warnings->nothing_passes = detail::has_flag(flags, QMF_FIT_WARNING_NOTHING_PASSES);
            warnings->nothing_fails = detail::has_flag(flags, QMF_FIT_WARNING_NOTHING_FAILS);
            warnings->one_weight = detail::has_flag(flags, QMF_FIT_WARNING_ONE_WEIGHT);
            warnings->end_of_grid = detail::has_flag(flags, QMF_FIT_WARNING_END_OF_GRID);
            warnings->not_rising = detail::has_flag(flags, QMF_FIT_WARNING_NOT_RISING);
            warnings->not_monotone = detail::has_flag(flags, QMF_FIT_WARNING_NOT_MONOTONE);
        }
        return made;
    }

    static void on_progress(void *user_data, std::uint64_t done, std::uint64_t total) noexcept {
        const auto &progress = *static_cast<const ProgressCallback *>(user_data);
#if defined(QMAGFACE_NO_EXCEPTIONS)
        progress(done, total);
#else
        try {
            progress(done, total);
        } catch (...) {
            // An exception must not cross the C interface; the fit goes on.
        }
#endif
    }

    Result<std::vector<MeasuredThreshold>> all_thresholds() const {
        using All = std::vector<MeasuredThreshold>;
        qmf_calibration_info known{};
        qmf_status status = qmf_calibration_info_init(&known, sizeof known);
        if (status == QMF_OK) {
            status = qmf_calibration_get_info(get(), &known);
        }
        All all;
        for (std::size_t index = 0; status == QMF_OK && index < known.thresholds; ++index) {
            qmf_threshold raw{};
            status = qmf_threshold_init(&raw, sizeof raw);
            if (status == QMF_OK) {
                status = qmf_calibration_get_threshold(get(), index, &raw);
            }
            all.push_back(from_c(raw));
        }
        return detail::answer(status, [&] { return std::move(all); });
    }

    Result<Decision> decided(const Comparison &compared, double fmr) const {
        qmf_comparison given{};
        qmf_decision raw{};
        qmf_status status = qmf_comparison_init(&given, sizeof given);
        if (status == QMF_OK) {
            status = qmf_decision_init(&raw, sizeof raw);
        }
        if (status == QMF_OK) {
            given.cosine = compared.cosine;
            given.quality_a = compared.quality_a;
            given.quality_b = compared.quality_b;
            given.score = compared.score;
            given.flags = (compared.low_quality ? QMF_COMPARISON_LOW_QUALITY : 0U) |
                          (compared.failed_template ? QMF_COMPARISON_FAILED_TEMPLATE : 0U) |
                          (compared.unit_length ? QMF_COMPARISON_UNIT_LENGTH : 0U);
            status = qmf_decide(get(), &given, fmr, &raw);
        }
        return detail::answer(status, [&] {
            return Decision{static_cast<Outcome>(raw.outcome), static_cast<Lacking>(raw.lacking),
                            detail::unless_nan(raw.threshold), detail::unless_nan(raw.pass_rate)};
        });
    }

    static MeasuredThreshold from_c(const qmf_threshold &raw) {
        MeasuredThreshold result;
        result.fmr = raw.fmr;
        result.score = raw.score;
        if (!std::isnan(raw.score_low) && !std::isnan(raw.score_high)) {
            result.score_interval = Interval{raw.score_low, raw.score_high};
        }
        result.fnmr = detail::unless_nan(raw.fnmr);
        if (!std::isnan(raw.fnmr_low) && !std::isnan(raw.fnmr_high)) {
            result.fnmr_interval = Interval{raw.fnmr_low, raw.fnmr_high};
        }
        if (raw.impostors_above != std::numeric_limits<std::uint64_t>::max()) {
            result.impostors_above = raw.impostors_above;
        }
        return result;
    }

    template <typename Call>
    static Result<Comparison> compared(Call call) {
        qmf_comparison raw{};
        qmf_status status = qmf_comparison_init(&raw, sizeof raw);
        if (status == QMF_OK) {
            status = call(&raw);
        }
        return detail::answer(status, [&] { return detail::from_c(raw); });
    }

    template <typename Call>
    static Result<ScoreMatrix> scored(std::size_t rows, std::size_t columns, Call call) {
        ScoreMatrix matrix{rows, columns, {}};
        if (columns != 0 && rows > matrix.scores.max_size() / columns) {
            return Result<ScoreMatrix>(Status::limit, std::to_string(rows) + " times " + std::to_string(columns) +
                                                          " scores are more than memory can hold");
        }
        matrix.scores.resize(rows * columns);
        const qmf_status status = call(matrix.scores.data(), matrix.scores.size());
        return detail::answer(status, [&] { return std::move(matrix); });
    }

    static CalibrationInfo from_c(const qmf_calibration_info &raw) {
        CalibrationInfo info;
        info.status = static_cast<CalibrationStatus>(raw.status);
        info.parameters = {raw.alpha, raw.beta};
        info.quality_gate = detail::unless_nan(raw.quality_gate);
        if (!std::isnan(raw.least_fmr) && !std::isnan(raw.greatest_fmr)) {
            info.covered = FmrRange{raw.least_fmr, raw.greatest_fmr};
        }
        info.thresholds = raw.thresholds;
        info.subjects = raw.subjects;
        info.images = raw.images;
        info.genuine_pairs = raw.genuine_pairs;
        info.impostor_pairs = raw.impostor_pairs;
        info.model = detail::fixed_text(raw.model);
        info.fingerprint = detail::fixed_text(raw.fingerprint);
        return info;
    }

    detail::Handle<qmf_calibration> handle_;
};

/* ---- galleries ---- */

/**
 * Templates of one model, packed for comparing probes with all of them. A template's place is its index, 0 for the
 * first that was added. The first also decides of which model the gallery is. It needs no engine, and keeps no
 * template's object.
 *
 * Any number of threads may use one, also while others add and remove: those wait for each other.
 */
class Gallery {
public:
    /** Takes over a handle of qmagface.h; null gives an empty object, as a move leaves it. */
    static Gallery adopt(qmf_gallery *handle) noexcept { return Gallery(handle); }

    /** Without templates; it will keep directions as `scalar` says. */
    [[nodiscard]] static Return<Gallery> create(Scalar scalar = Scalar::f32) {
        return detail::deliver(created(scalar));
    }

    /** What it says of itself. */
    [[nodiscard]] Return<GalleryInfo> info() const {
        qmf_gallery_info raw{};
        qmf_status status = qmf_gallery_info_init(&raw, sizeof raw);
        if (status == QMF_OK) {
            status = qmf_gallery_get_info(get(), &raw);
        }
        return detail::deliver(detail::answer(status, [&] { return from_c(raw); }));
    }

    /**
     * Adds templates at the end, all or none, and gives the index of the first. A failed one takes its place too, and
     * matches nothing. Status::model_mismatch unless all are of the gallery's model.
     */
    Return<std::size_t> add(Span<const Template> templates) {
        const auto all = detail::handles<qmf_template>(templates);
        return detail::deliver(added(all.data(), all.size()));
    }

    /** Adds one template at the end, and gives its index; see above. */
    Return<std::size_t> add(const Template &one) {
        const qmf_template *const handle = one.get();
        return detail::deliver(added(&handle, 1));
    }

    /**
     * Removes the templates at these indices, which must rise; none if one doesn't or isn't there. Those behind move
     * up: each gets the index that is less by the number removed in front of it.
     */
    Return<void> remove(Span<const std::size_t> indices) {
        return detail::deliver(detail::done(qmf_gallery_remove(handle_.get(), indices.data(), indices.size())));
    }

    /**
     * Scores every probe against every template of it. Status::model_mismatch if they are of different models.
     * `cancel`, if given, ends the call early: Status::cancelled.
     */
    [[nodiscard]] Return<ScoreMatrix> score(const Calibration &calibration, Span<const Template> probes,
                                            std::uint32_t threads = 0, const Cancel *cancel = nullptr) const {
        return detail::deliver(scored(calibration, probes, threads, cancel));
    }

    /**
     * The templates that each probe is most like, from the highest quality-aware score on, of equal scores the lower
     * index first. A failed template is never found; a failed probe finds none. `cancel`, if given, ends the call
     * early: Status::cancelled.
     */
    [[nodiscard]] Return<std::vector<std::vector<Match>>> search(const Calibration &calibration,
                                                                 Span<const Template> probes,
                                                                 const SearchOptions &options = SearchOptions(),
                                                                 const Cancel *cancel = nullptr) const {
        const auto all = detail::handles<qmf_template>(probes);
        return detail::deliver(searched(calibration, all.data(), all.size(), options, cancel));
    }

    /** The templates that one probe is most like; see above. */
    [[nodiscard]] Return<std::vector<Match>> search(const Calibration &calibration, const Template &probe,
                                                    const SearchOptions &options = SearchOptions(),
                                                    const Cancel *cancel = nullptr) const {
        const qmf_template *const handle = probe.get();
        auto found = searched(calibration, &handle, 1, options, cancel);
        if (!found) {
            return detail::deliver(detail::same_failure<std::vector<Match>>(found));
        }
        return detail::deliver(Result<std::vector<Match>>(std::move(found->front())));
    }

    /** Whether it holds a gallery: no, once it was moved from. */
    explicit operator bool() const noexcept { return handle_ != nullptr; }
    /** The handle, for calls of qmagface.h; null if it holds none. */
    const qmf_gallery *get() const noexcept { return handle_.get(); }
    /** Gives the handle away: end it with qmf_gallery_destroy. */
    [[nodiscard]] qmf_gallery *release() noexcept { return handle_.release(); }

private:
    explicit Gallery(qmf_gallery *handle) noexcept : handle_(handle) {}

    static Result<Gallery> created(Scalar scalar) {
        if (const auto fit = detail::compatible(); !fit) {
            return detail::same_failure<Gallery>(fit);
        }
        qmf_gallery *made = nullptr;
        const auto status = qmf_gallery_create(static_cast<qmf_scalar>(scalar), &made);
        return detail::answer(status, [&] { return Gallery(made); });
    }

    Result<std::size_t> added(const qmf_template *const *templates, std::size_t count) {
        std::size_t first = 0;
        const auto status = qmf_gallery_add(handle_.get(), templates, count, &first);
        return detail::answer(status, [&] { return first; });
    }

    Result<ScoreMatrix> scored(const Calibration &calibration, Span<const Template> probes, std::uint32_t threads,
                               const Cancel *cancel) const {
        const auto all = detail::handles<qmf_template>(probes);
        auto scores = detail::all_of<float>(0, [&](float *data, std::size_t room, std::size_t *count) {
            return qmf_gallery_score(get(), calibration.get(), all.data(), all.size(), threads, detail::handle(cancel),
                                     data, room, count);
        });
        if (!scores) {
            return detail::same_failure<ScoreMatrix>(scores);
        }
        const std::size_t columns = scores->size() / all.size();
        return Result<ScoreMatrix>(ScoreMatrix{all.size(), columns, std::move(*scores)});
    }

    Result<std::vector<std::vector<Match>>> searched(const Calibration &calibration, const qmf_template *const *probes,
                                                     std::size_t count, const SearchOptions &options,
                                                     const Cancel *cancel) const {
        using Found = std::vector<std::vector<Match>>;
        qmf_search_options raw{};
        qmf_status status = qmf_search_options_init(&raw, sizeof raw);
        if (status != QMF_OK) {
            return detail::failure<Found>(status);
        }
        qmf_gallery_info known{};
        status = qmf_gallery_info_init(&known, sizeof known);
        if (status == QMF_OK) {
            status = qmf_gallery_get_info(get(), &known);
        }
        if (status != QMF_OK) {
            return detail::failure<Found>(status);
        }
        // No room for more matches than there can be: "all" may be asked for with a large number.
        const auto most = known.count < options.most ? static_cast<std::size_t>(known.count) : options.most;
        raw.most = options.most == 0 || most > 0 ? most : 1;
        raw.least_score = options.least_score;
        raw.threads = options.threads;
        const auto each = static_cast<std::size_t>(raw.most);
        std::vector<qmf_match> matches;
        if (each != 0 && count > matches.max_size() / each) {
            return Result<Found>(Status::limit, std::to_string(count) + " times " + std::to_string(each) +
                                                    " matches are more than memory can hold");
        }
        matches.resize(count * each + 1);
        std::vector<std::size_t> counts(count + 1);
        status = qmf_gallery_search(get(), calibration.get(), probes, count, &raw, detail::handle(cancel),
                                    matches.data(), matches.size(), counts.data());
        return detail::answer(status, [&] {
            Found found(count);
            for (std::size_t probe = 0; probe < count; ++probe) {
                for (std::size_t rank = 0; rank < counts[probe]; ++rank) {
                    const qmf_match &one = matches[probe * each + rank];
                    found[probe].push_back(Match{one.index, one.score});
                }
            }
            return found;
        });
    }

    static GalleryInfo from_c(const qmf_gallery_info &raw) {
        GalleryInfo info;
        info.scalar = static_cast<Scalar>(raw.scalar);
        info.length = raw.length;
        info.count = raw.count;
        info.bytes = raw.bytes;
        info.unit_lengths = raw.unit_lengths;
        info.model = detail::fixed_text(raw.model);
        info.fingerprint = detail::fixed_text(raw.fingerprint);
        return info;
    }

    detail::Handle<qmf_gallery> handle_;
};

/* ---- engines ---- */

/**
 * The networks on their device: finds faces and makes templates. In a child of fork() every call with its parent's
 * engine fails with Status::forked, unless it was made in the inline mode; its end waits for nothing there.
 */
class Engine {
public:
    /**
     * Opens a model: the name of an installed pack, a pack's folder, or a bundle file (*.qmfmodel).
     *
     * Fails with Status::model_not_installed, model, weights, device, invalid_argument (an option out of range) or
     * incompatible_library.
     */
    [[nodiscard]] static Return<Engine> open(const std::string &model, const EngineOptions &options = EngineOptions()) {
        if (const auto whole = detail::whole_text(model, "model"); !whole) {
            return detail::deliver(detail::same_failure<Engine>(whole));
        }
        return detail::deliver(made_by(options, [&](const qmf_engine_options *raw, qmf_engine **made) {
            return qmf_engine_create(model.c_str(), raw, made);
        }));
    }

    /** Opens the bytes of a bundle file, which are not kept. Fails as open() does. */
    [[nodiscard]] static Return<Engine> from_memory(Bytes bundle, const EngineOptions &options = EngineOptions()) {
        return detail::deliver(made_by(options, [&](const qmf_engine_options *raw, qmf_engine **made) {
            return qmf_engine_create_from_memory(bundle.data(), bundle.size(), raw, made);
        }));
    }

    /** Leaves `other` holding nothing. */
    Engine(Engine &&other) noexcept = default;
    /** Ends the engine held so far, and leaves `other` holding nothing. */
    Engine &operator=(Engine &&other) noexcept {
        // The old engine ends with `taken`, handle before callback; a plain move would end the callback first.
        Engine taken(std::move(other));
        log_.swap(taken.log_);
        handle_.swap(taken.handle_);
        return *this;
    }
    Engine(const Engine &) = delete;
    Engine &operator=(const Engine &) = delete;
    ~Engine() = default;

    /** What it is made of. */
    [[nodiscard]] Return<EngineInfo> info() const {
        return detail::deliver(raw_info([](const qmf_engine_info &raw) { return from_c(raw); }));
    }

    /** The parameters in use, and the pack's thresholds unless options replaced them. Status::model: none known. */
    [[nodiscard]] Return<Calibration> calibration() const {
        qmf_calibration *made = nullptr;
        const auto status = qmf_engine_get_calibration(get(), &made);
        return detail::deliver(detail::answer(status, [&] { return Calibration::adopt(made); }));
    }

    /** As Calibration::fit(), for this engine's model, of embeddings of EngineInfo::embedding_length floats. */
    [[nodiscard]] Return<Calibration> fit_calibration(Floats embeddings, Span<const std::uint32_t> people,
                                                      const FitOptions &options = FitOptions(),
                                                      FitWarnings *warnings = nullptr,
                                                      const Cancel *cancel = nullptr) const {
        const auto length = raw_info([](const qmf_engine_info &raw) { return std::size_t{raw.embedding_length}; });
        if (!length) {
            return detail::deliver(Result<Calibration>(length.status(), length.message()));
        }
        return detail::deliver(Calibration::fitted(get(), embeddings, *length, people, options, warnings, cancel));
    }

    /** Every face of an image, best score first; empty if it has none. `cancel`, if given, ends the call early. */
    [[nodiscard]] Return<std::vector<Face>> detect(const Image &image, const Cancel *cancel = nullptr) const {
        return detail::deliver(detected(image, cancel));
    }

    /**
     * Why the photo of a face is good or poor: finds the faces, takes the one that `EngineOptions::face_choice` says, and
     * measures it. Empty if the image has none. `cancel` as for detect().
     */
    [[nodiscard]] Return<std::optional<Capture>> measure_capture(const Image &image,
                                                                 const Cancel *cancel = nullptr) const {
        return detail::deliver(captured(image, cancel));
    }

    /**
     * As measure_capture() for one of the faces of an image that are known already, from detect() or of a template. The others
     * count for Measure::single_face_present. Status::invalid_argument if its landmarks span no face.
     */
    [[nodiscard]] Return<std::vector<Measured>> measure_face(const Image &image, const std::vector<Face> &faces,
                                                             std::size_t index) const {
        return detail::deliver(measured(image, faces, index));
    }

    /** The aligned chip of a face with these landmarks. Status::invalid_argument if they span no face. */
    [[nodiscard]] Return<Chip> align(const Image &image, const Landmarks &landmarks) const {
        const auto points = detail::to_c(landmarks);
        return detail::deliver(detail::all_of<std::uint8_t>(
            QMF_CHIP_SIZE, [&](std::uint8_t *chip, std::size_t room, std::size_t *size) {
                return qmf_align(get(), image.get(), points.data(), chip, room, size);
            }));
    }

    /** The embeddings of one or more chips, one after the other in `chips` and the answer. `cancel` as for detect(). */
    [[nodiscard]] Return<std::vector<float>> embed(Bytes chips, const Cancel *cancel = nullptr) const {
        return detail::deliver(embedded(chips, cancel));
    }

    /** The quality of an embedding: its magnitude. */
    [[nodiscard]] Return<double> quality(Floats embedding) const {
        double value = 0.0;
        const auto status = qmf_quality(get(), embedding.data(), embedding.size(), &value);
        return detail::deliver(detail::answer(status, [&] { return value; }));
    }

    /**
     * The unified quality score of a quality: the same on a scale of 0 to 100, with the constants that EngineInfo::uqs_basis
     * names. With `sface`, of photos of this quality about so many in a hundred match a good photo of the same person at a
     * false match rate of 1e-5. Status::model: no constants for it.
     */
    [[nodiscard]] Return<int> unified_quality(double quality) const {
        std::int32_t uqs = 0;
        const auto status = qmf_unified_quality(get(), quality, &uqs);
        return detail::deliver(detail::answer(status, [&] { return static_cast<int>(uqs); }));
    }

    /**
     * The template of the face that `EngineOptions::face_choice` says; empty if the image has none. `cancel`, if given,
     * ends the call early: Status::cancelled.
     */
    [[nodiscard]] Return<std::optional<Template>> extract(const Image &image, const Cancel *cancel = nullptr) const {
        qmf_template *made = nullptr;
        const auto status = qmf_extract(get(), image.get(), detail::handle(cancel), &made);
        return detail::deliver(found(status, made));
    }

    /** The templates of every face, best score first; empty if the image has none. `cancel` as for extract(). */
    [[nodiscard]] Return<std::vector<Template>> extract_all(const Image &image, const Cancel *cancel = nullptr) const {
        return detail::deliver(extracted(image, cancel));
    }

    /**
     * One template of several images of one person: one face of each, images without one left out; empty if none.
     * `cancel` as for extract().
     */
    [[nodiscard]] Return<std::optional<Template>> extract_fused(Span<const Image> images,
                                                                Fusion fusion = Fusion::quality,
                                                                const Cancel *cancel = nullptr) const {
        const auto all = detail::handles<qmf_image>(images);
        qmf_template *made = nullptr;
        const auto status = qmf_extract_fused(get(), all.data(), all.size(), static_cast<qmf_fusion>(fusion),
                                              detail::handle(cancel), &made);
        return detail::deliver(found(status, made));
    }

    /** The template of the face with these landmarks; nothing is detected. `cancel` as for extract(). */
    [[nodiscard]] Return<Template> extract_landmarks(const Image &image, const Landmarks &landmarks,
                                                     const Cancel *cancel = nullptr) const {
        const auto points = detail::to_c(landmarks);
        return detail::deliver(made_template([&](qmf_template **made) {
            return qmf_extract_landmarks(get(), image.get(), points.data(), detail::handle(cancel), made);
        }));
    }

    /** The template of an aligned chip of QMF_CHIP_SIZE bytes. `cancel` as for extract(). */
    [[nodiscard]] Return<Template> extract_chip(Bytes chip, const Cancel *cancel = nullptr) const {
        return detail::deliver(made_template([&](qmf_template **made) {
            return qmf_extract_chip(get(), chip.data(), chip.size(), detail::handle(cancel), made);
        }));
    }

    /** A template of an embedding of this engine's model, of EngineInfo::embedding_length finite floats. */
    [[nodiscard]] Return<Template> make_template(Floats embedding) const {
        return detail::deliver(made_template([&](qmf_template **made) {
            return qmf_template_create(get(), embedding.data(), embedding.size(), made);
        }));
    }

    /** A failed template: it says that no face could be extracted, and matches nothing. */
    [[nodiscard]] Return<Template> make_failed_template() const {
        return detail::deliver(
            made_template([&](qmf_template **made) { return qmf_template_create_failed(get(), made); }));
    }

    /** Whether it holds an engine: no, once it was moved from. */
    explicit operator bool() const noexcept { return handle_ != nullptr; }
    /** The handle, for calls of qmagface.h; null if it holds none. */
    const qmf_engine *get() const noexcept { return handle_.get(); }

private:
    // On the heap, so that the address the library knows stays when the engine is moved.
    using Log = std::unique_ptr<LogCallback>;

    Engine(Log log, qmf_engine *handle) noexcept : log_(std::move(log)), handle_(handle) {}

    static void on_log(void *user_data, qmf_log_level level, const char *message) noexcept {
        const auto &log = *static_cast<const LogCallback *>(user_data);
#if defined(QMAGFACE_NO_EXCEPTIONS)
        log(static_cast<LogLevel>(level), message);
#else
        try {
            log(static_cast<LogLevel>(level), message);
        } catch (...) {
            // An exception must not cross the C interface, and a message has nobody to tell it to.
        }
#endif
    }

    template <typename Call>
    static Result<Engine> made_by(const EngineOptions &options, Call call) {
        if (const auto fit = detail::compatible(); !fit) {
            return detail::same_failure<Engine>(fit);
        }
        qmf_engine_options raw{};
        qmf_status status = qmf_engine_options_init(&raw, sizeof raw);
        if (status != QMF_OK) {
            return detail::failure<Engine>(status);
        }
        if (const auto whole = detail::whole_text(options.detector, "detector"); !whole) {
            return detail::same_failure<Engine>(whole);
        }
        to_c(options, raw);
        Log log;
        if (options.log) {
            log = std::make_unique<LogCallback>(options.log);
            raw.log_callback = &Engine::on_log;
            raw.log_user_data = log.get();
        }
        qmf_engine *made = nullptr;
        status = call(&raw, &made);
        return detail::answer(status, [&] { return Engine(std::move(log), made); });
    }

    static void to_c(const EngineOptions &options, qmf_engine_options &raw) {
        raw.device = static_cast<qmf_device>(options.device);
        raw.device_index = options.device_index;
        raw.threads = options.threads;
        raw.face_choice = static_cast<qmf_face_choice>(options.face_choice);
        // NaN is what the library has for none.
        raw.minimum_face = options.minimum_face.value_or(raw.minimum_face);
        for (std::size_t i = 0; i < options.thresholds.size(); ++i) {
            raw.thresholds[i] = options.thresholds[i].value_or(raw.thresholds[i]);
        }
        raw.pyramid_factor = options.pyramid_factor.value_or(raw.pyramid_factor);
        raw.turned = options.turned ? 1 : 0;
        if (!options.detector.empty()) {
            raw.detector = options.detector.c_str();
        }
        if (options.parameters) {
            raw.alpha = options.parameters->alpha;
            raw.beta = options.parameters->beta;
        }
        raw.maximum_pixels = options.maximum_pixels;
        raw.maximum_bytes = options.maximum_bytes;
        raw.maximum_model_bytes = options.maximum_model_bytes;
        raw.precision = static_cast<qmf_precision>(options.precision);
        raw.batch_size = options.batch_size;
        raw.batch_wait_us = detail::to_c(options.batch_wait);
        raw.inline_mode = options.inline_mode ? 1 : 0;
        raw.log_level = static_cast<qmf_log_level>(options.log_level);
    }

    template <typename Make>
    auto raw_info(Make make) const -> Result<decltype(make(std::declval<const qmf_engine_info &>()))> {
        qmf_engine_info raw{};
        qmf_status status = qmf_engine_info_init(&raw, sizeof raw);
        if (status == QMF_OK) {
            status = qmf_engine_get_info(get(), &raw);
        }
        return detail::answer(status, [&] { return make(raw); });
    }

    static EngineInfo from_c(const qmf_engine_info &raw) {
        EngineInfo info;
        info.model = detail::fixed_text(raw.model);
        info.detector = detail::fixed_text(raw.detector);
        info.fingerprint = detail::fixed_text(raw.fingerprint);
        info.embedding_length = raw.embedding_length;
        info.device = static_cast<Device>(raw.device);
        info.device_index = raw.device_index;
        if (raw.has_parameters != 0) {
            info.parameters = Parameters{raw.alpha, raw.beta};
        }
        info.uqs_basis = detail::fixed_text(raw.uqs_basis);
        info.landmark_refinement = raw.landmark_refinement != 0;
        info.precision = static_cast<Precision>(raw.precision);
        info.threads = raw.threads;
        info.batch_size = raw.batch_size;
        info.batch_wait = std::chrono::microseconds(raw.batch_wait_us);
        info.inline_mode = raw.inline_mode != 0;
        return info;
    }

    // Room for as many faces as a picture usually has: with too little, the networks run a second time.
    static constexpr std::size_t usual_faces = 64;

    // More than there are, so that one call is enough.
    static constexpr std::size_t usual_measures = 32;

    static std::vector<Measured> from_c(const std::vector<qmf_measured> &raw) {
        std::vector<Measured> measures;
        measures.reserve(raw.size());
        for (const qmf_measured &one : raw) {
            measures.push_back(detail::from_c(one));
        }
        return measures;
    }

    Result<std::optional<Capture>> captured(const Image &image, const Cancel *cancel) const {
        qmf_face face{};
        qmf_status status = QMF_OK;
        auto raw = detail::all_of<qmf_measured>(usual_measures, [&](qmf_measured *to, std::size_t room, std::size_t *count) {
            *count = 0;
            status = qmf_measure_capture(get(), image.get(), detail::handle(cancel), &face, to, room, count);
            return status == QMF_NO_FACE ? QMF_OK : status;
        });
        if (!raw) {
            return Result<std::optional<Capture>>(raw.status(), raw.message());
        }
        if (status == QMF_NO_FACE) {
            return Result<std::optional<Capture>>(std::optional<Capture>());
        }
        return Result<std::optional<Capture>>(Capture{detail::from_c(face), from_c(*raw)});
    }

    Result<std::vector<Measured>> measured(const Image &image, const std::vector<Face> &faces, std::size_t index) const {
        std::vector<qmf_face> known;
        known.reserve(faces.size());
        for (const Face &face : faces) {
            known.push_back(detail::to_c(face));
        }
        auto raw = detail::all_of<qmf_measured>(usual_measures, [&](qmf_measured *to, std::size_t room, std::size_t *count) {
            return qmf_measure_face(get(), image.get(), known.data(), known.size(), index, to, room, count);
        });
        if (!raw) {
            return Result<std::vector<Measured>>(raw.status(), raw.message());
        }
        return Result<std::vector<Measured>>(from_c(*raw));
    }

    Result<std::vector<Face>> detected(const Image &image, const Cancel *cancel) const {
        auto raw = detail::all_of<qmf_face>(usual_faces, [&](qmf_face *faces, std::size_t room, std::size_t *count) {
            return qmf_detect(get(), image.get(), detail::handle(cancel), faces, room, count);
        });
        if (!raw) {
            return Result<std::vector<Face>>(raw.status(), raw.message());
        }
        std::vector<Face> faces;
        faces.reserve(raw->size());
        for (const qmf_face &face : *raw) {
            faces.push_back(detail::from_c(face));
        }
        return Result<std::vector<Face>>(std::move(faces));
    }

    Result<std::vector<float>> embedded(Bytes chips, const Cancel *cancel) const {
        if (chips.size() % QMF_CHIP_SIZE != 0) {
            return Result<std::vector<float>>(Status::invalid_argument,
                                              std::to_string(chips.size()) + " bytes are no whole chips of " +
                                                  std::to_string(QMF_CHIP_SIZE) + " bytes");
        }
        const auto length = raw_info([](const qmf_engine_info &raw) { return raw.embedding_length; });
        if (!length) {
            return Result<std::vector<float>>(length.status(), length.message());
        }
        const std::size_t count = chips.size() / QMF_CHIP_SIZE;
        return detail::all_of<float>(count * *length, [&](float *embeddings, std::size_t room, std::size_t *filled) {
            return qmf_embed(get(), chips.data(), count, detail::handle(cancel), embeddings, room, filled);
        });
    }

    Result<std::vector<Template>> extracted(const Image &image, const Cancel *cancel) const {
        std::vector<Template> templates;
        auto raw = detail::all_of<qmf_template *>(
            usual_faces, [&](qmf_template **results, std::size_t room, std::size_t *count) {
                // Before there are handles: nothing may throw until each has its owner.
                templates.reserve(room);
                return qmf_extract_all(get(), image.get(), detail::handle(cancel), results, room, count);
            });
        if (!raw) {
            return Result<std::vector<Template>>(raw.status(), raw.message());
        }
        for (qmf_template *handle : *raw) {
            templates.push_back(Template::adopt(handle));
        }
        return Result<std::vector<Template>>(std::move(templates));
    }

    template <typename Call>
    static Result<Template> made_template(Call call) {
        qmf_template *made = nullptr;
        const qmf_status status = call(&made);
        return detail::answer(status, [&] { return Template::adopt(made); });
    }

    static Result<std::optional<Template>> found(qmf_status status, qmf_template *made) {
        if (status == QMF_NO_FACE) {
            return Result<std::optional<Template>>(std::optional<Template>());
        }
        return detail::answer(status, [&] { return std::optional<Template>(Template::adopt(made)); });
    }

    Log log_;
    // After the callback, so that it ends before it: an engine may log to its end.
    detail::Handle<qmf_engine> handle_;
};

}  // namespace QMAGFACE_MODE
}  // namespace qmagface

#undef QMAGFACE_MODE

#endif  // QMAGFACE_HPP
