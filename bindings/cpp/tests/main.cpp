// A C++ program that calls every member of every class of qmagface.hpp, as it is meant and wrongly, and leaves nothing
// behind.
//
//   client MODEL BUNDLE FACE BLANK CALIBRATION
//
// The arguments are those of client.c; `client --short MODEL FACE` is the short run for valgrind.
// `client --take-a-failure` takes the value of a failed Result, which aborts.

#include "client.hpp"

#include <fstream>
#include <iterator>

namespace {

std::vector<std::uint8_t> read_file(const char *path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    CHECK(file && !bytes.empty());
    return bytes;
}

// One engine with a callback, one picture, and what is done without networks; the engine is moved and ends first.
void short_run(const char *model, const std::vector<std::uint8_t> &picture) {
    using namespace qmagface;
    std::vector<std::string> messages;
    EngineOptions options = usual_options();
    options.log_level = LogLevel::debug;
    options.log = [&messages](LogLevel, std::string_view message) { messages.emplace_back(message); };
    std::vector<Template> gallery;
    std::optional<Calibration> calibration;
    {
        Engine first = get(Engine::open(model, options));
        const Engine engine = std::move(first);
        refused(Status::invalid_argument, "NULL", [&] { return first.info(); });
        refused(Status::image_decode, "", [&] { return engine.detect(Image::encoded(Bytes(picture.data(), 20))); });
        gallery = get(engine.extract_all(Image::encoded(picture)));
        gallery.push_back(get(engine.make_failed_template()));
        calibration = get(engine.calibration());
    }
    CHECK(live_engines() == 0 && gallery.size() == 2 && !messages.empty());
    const Template read = get(Template::parse(get(gallery[0].serialize(Scalar::f16))));
    gallery.push_back(get(read.with_metadata(picture.size() > 9 ? Bytes(picture.data(), 9) : Bytes())));
    gallery.push_back(get(Template::fuse(gallery)));
    const ScoreMatrix scores = get(calibration->score_matrix(gallery, gallery));
    CHECK(scores(0, 2) > 0.9F && std::isinf(scores(0, 1)));
    CHECK(get(calibration->compare(gallery[0], read)).cosine > 0.99);
    CHECK(get(Calibration::parse(get(calibration->serialize()))));
    Gallery packed = get(Gallery::create(Scalar::i8));
    CHECK(get(packed.add(gallery)) == 0);
    SearchOptions search;
    search.threads = 1;
    const auto found = get(packed.search(*calibration, read, search));
    CHECK(found.size() == 3 && found[0].score > 0.9);
    gallery.clear();
    CHECK(live_templates() == 1 && get(packed.info()).count == 4);
}

}  // namespace

int main(int count, char **arguments) {
    if (count == 2 && std::strcmp(arguments[1], "--take-a-failure") == 0) {
        const qmagface::Result<int> failed(qmagface::Status::io, "made up");
        return failed.value();
    }
    if (count == 4 && std::strcmp(arguments[1], "--short") == 0) {
        short_run(arguments[2], read_file(arguments[3]));
        std::puts("the C++ client is content");
        return 0;
    }
    CHECK(count == 6);
    const Setting setting{arguments[1], arguments[2], read_file(arguments[3]), read_file(arguments[4]), arguments[5]};
    test_views();
    test_results();
    test_library();
    test_options(setting);
    test_images(setting);
    test_stages(setting);
    test_templates(setting);
    test_reviews(setting);
    test_calibrations(setting);
    test_fits(setting);
    test_galleries(setting);
    test_cancels(setting);
    test_moves(setting);
    test_lifetimes(setting);
    test_log(setting);
    test_threads(setting);
    test_fork(setting);
    CHECK(qmagface::live_engines() == 0);
    CHECK(qmagface::live_templates() == 0);
    CHECK(qmagface::live_calibrations() == 0);
    CHECK(qmagface::live_galleries() == 0);
    CHECK(qmagface::live_cancels() == 0);
    std::puts("the C++ client is content");
    return 0;
}
