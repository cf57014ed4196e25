// What the parts of the C++ client share. The same source is built with exceptions and without: get() and refused()
// hide the difference.
#ifndef QMAGFACE_CLIENT_HPP
#define QMAGFACE_CLIENT_HPP

#include "client.h"

#include <qmagface.hpp>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

// What the program is run on.
struct Setting {
    std::string model;        // a pack
    std::string bundle;       // the same as a bundle file
    std::vector<std::uint8_t> face;   // a picture of one face
    std::vector<std::uint8_t> blank;  // a picture of none
    std::string calibration;  // a file that may be written
};

// On the calling thread alone, so that a checker of memory sees all there is, and quickly.
inline qmagface::EngineOptions usual_options() {
    qmagface::EngineOptions options;
    options.device = qmagface::Device::cpu;
    options.inline_mode = true;
    return options;
}

inline bool contains(const std::string &text, const char *part) {
    return text.find(part) != std::string::npos;
}

#if defined(QMAGFACE_NO_EXCEPTIONS)

// The value of a call that must work.
template <typename T>
T get(qmagface::Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "a call failed: %s\n", result.message().c_str());
        std::exit(1);
    }
    CHECK(result.ok() && result.status() == qmagface::Status::ok && result.message().empty());
    return std::move(result).value();
}

// A call that must fail with this status, and a text with `part` in it.
template <typename Call>
void refused(qmagface::Status status, const char *part, Call call) {
    const auto result = call();
    CHECK(!result && !result.ok());
    if (result.status() != status || !contains(result.message(), part)) {
        std::fprintf(stderr, "status %d and text \"%s\" instead of %d and \"%s\"\n",
                     static_cast<int>(result.status()), result.message().c_str(), static_cast<int>(status), part);
        std::exit(1);
    }
}

#else

template <typename T>
T get(T value) {
    return value;
}

template <typename Call>
void refused(qmagface::Status status, const char *part, Call call) {
    try {
        (void)call();
    } catch (const qmagface::Error &error) {
        if (error.status() != status || !contains(error.what(), part)) {
            std::fprintf(stderr, "status %d and text \"%s\" instead of %d and \"%s\"\n",
                         static_cast<int>(error.status()), error.what(), static_cast<int>(status), part);
            std::exit(1);
        }
        return;
    }
    std::fprintf(stderr, "a call worked that should fail with status %d and \"%s\"\n", static_cast<int>(status), part);
    std::exit(1);
}

#endif

// Embeddings of made-up people, five images of each, and who is on each.
std::vector<float> made_up_people(std::size_t length, std::vector<std::uint32_t> &people);

// The parts.
void test_library();
void test_options(const Setting &setting);
void test_images(const Setting &setting);
void test_stages(const Setting &setting);
void test_templates(const Setting &setting);
void test_reviews(const Setting &setting);
void test_calibrations(const Setting &setting);
void test_fits(const Setting &setting);
void test_galleries(const Setting &setting);
void test_cancels(const Setting &setting);
void test_moves(const Setting &setting);
void test_lifetimes(const Setting &setting);
void test_log(const Setting &setting);
void test_threads(const Setting &setting);
void test_fork(const Setting &setting);
void test_results();
void test_views();

#endif
