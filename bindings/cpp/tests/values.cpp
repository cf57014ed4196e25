// Versions, views, results and options: what needs no picture.

#include "client.hpp"

#include <array>
#include <memory>

using namespace qmagface;

void test_library() {
    CHECK(abi_version() == QMF_ABI_VERSION);
    const std::string text = get(version());
    CHECK(!text.empty() && text.find('\0') == std::string::npos && contains(text, "."));
    const std::string build = get(build_info());
    CHECK(build.front() == '{' && build.back() == '}' && contains(build, text.c_str()) && contains(build, "instructions"));
    CHECK(status_name(Status::no_face) == "QMF_NO_FACE");
    CHECK(status_name(Status::calibration) == "QMF_ERROR_CALIBRATION");
    CHECK(status_name(Status::cancelled) == "QMF_ERROR_CANCELLED");
    CHECK(status_name(Status::incompatible_library) == "QMF_UNKNOWN");
    CHECK(live_engines() == 0 && live_templates() == 0 && live_calibrations() == 0 && live_galleries() == 0);
}

void test_views() {
    std::vector<float> numbers = {1.0F, 2.0F, 3.0F};
    const std::vector<float> &constant = numbers;
    const std::array<float, 2> fixed = {4.0F, 5.0F};
    const float plain[] = {6.0F};
    CHECK(Floats().empty() && Floats().size() == 0 && Floats().data() == nullptr);
    CHECK(Floats(numbers).size() == 3 && Floats(constant).data() == constant.data());
    CHECK(Floats(fixed)[1] == fixed[1] && Floats(plain).size() == 1);
    CHECK(Floats(numbers.data(), 2).size() == 2);
    float sum = 0.0F;
    for (const float number : Span<float>(numbers)) {
        sum += number;
    }
    CHECK(sum == 6.0F);
    static_assert(!std::is_convertible_v<std::vector<int>, Floats>, "numbers of another type");
    static_assert(!std::is_convertible_v<const std::vector<float> &, Span<float>>, "const is kept");
}

void test_results() {
    Result<std::unique_ptr<int>> good(std::make_unique<int>(7));
    CHECK(good && good.ok() && good.status() == Status::ok && good.message().empty());
    CHECK(**good == 7 && *good.value() == 7 && good->get() == good.value().get());
    const Result<std::unique_ptr<int>> &constant = good;
    CHECK(**constant == 7 && *constant.value() == 7 && constant->get() == good->get());
    const std::unique_ptr<int> taken = *std::move(good);
    CHECK(*taken == 7);
    Result<int> bad(Status::io, "no disk");
    CHECK(!bad && !bad.ok() && bad.status() == Status::io && bad.message() == "no disk");
    const Result<void> done;
    done.value();
    CHECK(done && done.ok() && done.status() == Status::ok && done.message().empty());
    const Result<void> undone(Status::limit, "too much");
    CHECK(!undone && !undone.ok() && undone.status() == Status::limit && undone.message() == "too much");
}

namespace {

// The header's defaults are written down a second time in EngineOptions.
void defaults_are_the_librarys() {
    const EngineOptions ours;
    qmf_engine_options theirs;
    CHECK(qmf_engine_options_init(&theirs, sizeof theirs) == QMF_OK);
    CHECK(static_cast<qmf_device>(ours.device) == theirs.device && ours.device_index == theirs.device_index);
    CHECK(ours.threads == theirs.threads);
    CHECK(static_cast<qmf_face_choice>(ours.face_choice) == theirs.face_choice);
    CHECK(!ours.minimum_face && std::isnan(theirs.minimum_face));
    CHECK(!ours.pyramid_factor && std::isnan(theirs.pyramid_factor));
    for (std::size_t i = 0; i < ours.thresholds.size(); ++i) {
        CHECK(!ours.thresholds[i] && std::isnan(theirs.thresholds[i]));
    }
    CHECK(ours.detector.empty() && theirs.detector == nullptr && !ours.turned && theirs.turned == 0);
    CHECK(!ours.parameters && std::isnan(theirs.alpha) && std::isnan(theirs.beta));
    CHECK(ours.maximum_pixels == theirs.maximum_pixels && ours.maximum_bytes == theirs.maximum_bytes);
    CHECK(ours.maximum_model_bytes == theirs.maximum_model_bytes);
    CHECK(static_cast<qmf_precision>(ours.precision) == theirs.precision);
    CHECK(ours.batch_size == theirs.batch_size && ours.batch_wait.count() == theirs.batch_wait_us);
    CHECK(!ours.inline_mode && theirs.inline_mode == 0);
    CHECK(static_cast<qmf_log_level>(ours.log_level) == theirs.log_level && !ours.log);
}

// An engine with one option out of range.
template <typename Change>
void wrong_option(const Setting &setting, const char *part, Change change) {
    EngineOptions options = usual_options();
    change(options);
    refused(Status::invalid_argument, part, [&] { return Engine::open(setting.model, options); });
}

}  // namespace

void test_options(const Setting &setting) {
    defaults_are_the_librarys();

    wrong_option(setting, "QMF_DEVICE", [](EngineOptions &o) { o.device = static_cast<Device>(9); });
    wrong_option(setting, "QMF_FACE", [](EngineOptions &o) { o.face_choice = static_cast<FaceChoice>(9); });
    wrong_option(setting, "minimum face", [](EngineOptions &o) { o.minimum_face = 1.0F; });
    wrong_option(setting, "threshold", [](EngineOptions &o) { o.thresholds[2] = 2.0F; });
    wrong_option(setting, "pyramid", [](EngineOptions &o) { o.pyramid_factor = 1.0F; });
    wrong_option(setting, "NUL", [](EngineOptions &o) { o.detector = std::string("yunet\0x", 7); });
    wrong_option(setting, "alpha", [](EngineOptions &o) { o.parameters = Parameters{std::nan(""), 1.0}; });
    wrong_option(setting, "QMF_PRECISION", [](EngineOptions &o) { o.precision = static_cast<Precision>(9); });
    wrong_option(setting, "batch size", [](EngineOptions &o) { o.batch_size = 257; });
    wrong_option(setting, "batch", [](EngineOptions &o) { o.batch_wait = std::chrono::seconds(2); });
    wrong_option(setting, "batch", [](EngineOptions &o) { o.batch_wait = std::chrono::microseconds(-1); });
    wrong_option(setting, "QMF_LOG", [](EngineOptions &o) { o.log_level = static_cast<LogLevel>(9); });

    refused(Status::model, "no-such-model", [] { return Engine::open("no-such-model", usual_options()); });
    refused(Status::invalid_argument, "NUL", [] { return Engine::open(std::string("sface\0x", 7), usual_options()); });
    refused(Status::invalid_argument, "data", [] { return Engine::from_memory(Bytes(), usual_options()); });
    CHECK(live_engines() == 0);

    EngineOptions options = usual_options();
    options.inline_mode = false;
    options.threads = 1;
    options.face_choice = FaceChoice::largest;
    options.minimum_face = 40.0F;
    options.thresholds[2] = 0.7F;
    options.turned = true;
    options.parameters = Parameters{0.25, 0.5};
    options.precision = Precision::f32;
    options.batch_size = 4;
    options.batch_wait = std::chrono::milliseconds(1);
    const Engine engine = get(Engine::open(setting.model, options));
    const EngineInfo info = get(engine.info());
    CHECK(info.device == Device::cpu && info.device_index == 0 && info.threads == 1 && !info.inline_mode);
    CHECK(info.precision == Precision::f32 && info.batch_size == 4 && info.batch_wait.count() == 1000);
    CHECK(info.parameters && info.parameters->alpha == 0.25 && info.parameters->beta == 0.5);
    CHECK(info.model == "sface" && info.detector == "yunet" && info.fingerprint.size() == 64);
    CHECK(info.embedding_length == 128 && info.uqs_basis.find("LFW") != std::string::npos && !info.landmark_refinement);
    const CalibrationInfo given = get(get(engine.calibration()).info());
    CHECK(given.parameters.alpha == 0.25 && given.parameters.beta == 0.5 && given.thresholds == 0 && !given.covered);
    CHECK(given.status == CalibrationStatus::given);

    // YuNet has no stages.
    wrong_option(setting, "yunet has no pyramid factor", [](EngineOptions &o) { o.pyramid_factor = 0.6F; });
    wrong_option(setting, "yunet has no thresholds", [](EngineOptions &o) { o.thresholds[0] = 0.6F; });
    options.detector = "mtcnn";
    options.thresholds = {0.5F, 0.6F, 0.7F};
    options.pyramid_factor = 0.6F;
    CHECK(get(get(Engine::open("sface", options)).info()).detector == "mtcnn");

    options = usual_options();
    options.maximum_pixels = 10;
    const Engine few_pixels = get(Engine::open(setting.model, options));
    refused(Status::limit, "pixels", [&] { return few_pixels.detect(Image::encoded(setting.face)); });
    options = usual_options();
    options.maximum_bytes = 10;
    const Engine few_bytes = get(Engine::open(setting.model, options));
    refused(Status::limit, "bytes", [&] { return few_bytes.detect(Image::encoded(setting.face)); });
    options = usual_options();
    options.maximum_model_bytes = 1000000;
    refused(Status::limit, "weight files", [&] { return Engine::open(setting.model, options); });
}
