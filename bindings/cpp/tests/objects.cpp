// Owning: moves, what outlives what, callbacks and threads.

#include "client.hpp"

#include <fstream>
#include <iterator>
#include <memory>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

using namespace qmagface;

namespace {

template <typename T>
constexpr bool moves_only = !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T> &&
                            !std::is_default_constructible_v<T> && std::is_nothrow_move_constructible_v<T> &&
                            std::is_nothrow_move_assignable_v<T> && std::is_nothrow_destructible_v<T>;
static_assert(moves_only<Engine> && moves_only<Template> && moves_only<Calibration> && moves_only<Gallery> &&
                  moves_only<Cancel>,
              "one owner each");

void empty(const char *what, const Template &none, const Template &some) {
    CHECK(!none && none.get() == nullptr);
    refused(Status::invalid_argument, what, [&] { return none.info(); });
    refused(Status::invalid_argument, what, [&] { return none.embedding(); });
    refused(Status::invalid_argument, what, [&] { return none.metadata(); });
    refused(Status::invalid_argument, what, [&] { return none.with_metadata(Bytes()); });
    refused(Status::invalid_argument, what, [&] { return none.serialize(); });
    const std::uint8_t key[Template::key_size] = {};
    refused(Status::invalid_argument, what, [&] { return none.seal(key); });
    refused(Status::invalid_argument, "", [&] { return Template::fuse(Span<const Template>(&none, 1)); });
    const Calibration calibration = get(Calibration::create({0.3, 0.1}));
    refused(Status::invalid_argument, "a is NULL", [&] { return calibration.compare(none, some); });
    refused(Status::invalid_argument, "b is NULL", [&] { return calibration.compare(some, none); });
    const Span<const Template> row(&none, 1);
    refused(Status::invalid_argument, "", [&] { return calibration.score_matrix(row, row); });
}

void empty(const Calibration &none, const Template &face, const std::string &path) {
    const char *what = "NULL";
    CHECK(!none && none.get() == nullptr);
    refused(Status::invalid_argument, what, [&] { return none.info(); });
    refused(Status::invalid_argument, what, [&] { return none.serialize(); });
    refused(Status::invalid_argument, what, [&] { return none.with_quality_gate(1.0); });
    refused(Status::invalid_argument, what, [&] { return none.threshold(0.01); });
    refused(Status::invalid_argument, what, [&] { return none.fmr(0.5); });
    refused(Status::invalid_argument, what, [&] { return none.compare(face, face); });
    const float number[] = {1.0F};
    refused(Status::invalid_argument, what, [&] { return none.compare(Floats(number), Floats(number)); });
    refused(Status::invalid_argument, what, [&] { return none.score_matrix(number, number, 1); });
#if defined(QMAGFACE_NO_EXCEPTIONS)
    refused(Status::invalid_argument, what, [&] { return none.save(path); });
#else
    refused(Status::invalid_argument, what, [&] {
        none.save(path);
        return 0;
    });
#endif
}

void empty(Gallery &none, const Calibration &calibration, const Template &face) {
    const char *what = "handle is NULL";
    CHECK(!none && none.get() == nullptr);
    const Span<const Template> row(&face, 1);
    refused(Status::invalid_argument, what, [&] { return none.info(); });
    refused(Status::invalid_argument, what, [&] { return none.add(row); });
    refused(Status::invalid_argument, what, [&] { return none.add(face); });
    refused(Status::invalid_argument, what, [&] { return none.score(calibration, row); });
    refused(Status::invalid_argument, what, [&] { return none.search(calibration, row); });
    refused(Status::invalid_argument, what, [&] { return none.search(calibration, face); });
    const std::size_t index[] = {0};
#if defined(QMAGFACE_NO_EXCEPTIONS)
    refused(Status::invalid_argument, what, [&] { return none.remove(index); });
#else
    refused(Status::invalid_argument, what, [&] {
        none.remove(index);
        return 0;
    });
#endif
}

void empty(const Engine &none, const Image &image) {
    const char *what = "engine is NULL";
    const std::vector<std::uint8_t> chip(QMF_CHIP_SIZE);
    const float number[] = {1.0F};
    CHECK(!none && none.get() == nullptr);
    refused(Status::invalid_argument, what, [&] { return none.info(); });
    refused(Status::invalid_argument, what, [&] { return none.calibration(); });
    refused(Status::invalid_argument, what, [&] { return none.detect(image); });
    refused(Status::invalid_argument, what, [&] { return none.measure_capture(image); });
    refused(Status::invalid_argument, what, [&] { return none.measure_face(image, {Face{}}, 0); });
    refused(Status::invalid_argument, what, [&] { return none.align(image, Landmarks{}); });
    refused(Status::invalid_argument, what, [&] { return none.embed(chip); });
    refused(Status::invalid_argument, what, [&] { return none.quality(number); });
    refused(Status::invalid_argument, what, [&] { return none.unified_quality(9.0); });
    refused(Status::invalid_argument, what, [&] { return none.extract(image); });
    refused(Status::invalid_argument, what, [&] { return none.extract_all(image); });
    refused(Status::invalid_argument, what, [&] { return none.extract_fused(Span<const Image>(&image, 1)); });
    refused(Status::invalid_argument, what, [&] { return none.extract_landmarks(image, Landmarks{}); });
    refused(Status::invalid_argument, what, [&] { return none.extract_chip(chip); });
    refused(Status::invalid_argument, what, [&] { return none.make_template(number); });
    refused(Status::invalid_argument, what, [&] { return none.make_failed_template(); });
}

}  // namespace

void test_moves(const Setting &setting) {
    const Image image = Image::encoded(setting.face);
    Engine first = get(Engine::open(setting.model, usual_options()));
    const qmf_engine *const address = first.get();
    Engine second = std::move(first);
    CHECK(second && second.get() == address && live_engines() == 1);
    empty(first, image);
    Engine third = get(Engine::open(setting.model, usual_options()));
    CHECK(live_engines() == 2);
    third = std::move(second);  // ends the engine that it held
    CHECK(live_engines() == 1 && third.get() == address);
    Engine &alias = third;
    third = std::move(alias);
    CHECK(third.get() == address && live_engines() == 1);

    Template face = std::move(*get(third.extract(image)));
    Template other = std::move(face);
    CHECK(other && live_templates() == 1);
    empty("NULL", face, other);
    face = std::move(other);
    CHECK(face && !other && live_templates() == 1);

    Calibration calibration = get(third.calibration());
    Calibration taken = std::move(calibration);
    CHECK(taken && live_calibrations() == 1);
    empty(calibration, face, setting.calibration);
    calibration = std::move(taken);
    CHECK(calibration && !taken);

    Gallery gallery = get(Gallery::create());
    Gallery kept = std::move(gallery);
    CHECK(kept && live_galleries() == 1);
    empty(gallery, calibration, face);
    gallery = std::move(kept);
    CHECK(gallery && !kept && live_galleries() == 1);
    qmf_gallery *const packed = gallery.release();
    CHECK(!gallery && packed != nullptr);
    CHECK(Gallery::adopt(packed).get() == packed);
    CHECK(live_galleries() == 0);

    // To the C interface and back.
    qmf_template *const loose = face.release();
    CHECK(!face && loose != nullptr && live_templates() == 1);
    face = Template::adopt(loose);
    qmf_calibration *const free = calibration.release();
    CHECK(!calibration && free != nullptr && live_calibrations() == 1);
    calibration = Calibration::adopt(free);
    CHECK(get(calibration.compare(face, face)).cosine > 0.999);
    CHECK(!Template::adopt(nullptr) && !Calibration::adopt(nullptr));
}

void test_lifetimes(const Setting &setting) {
    std::vector<Template> kept;
    std::optional<Calibration> calibration;
    {
        std::optional<Engine> engine;
        {
            std::ifstream file(setting.bundle, std::ios::binary);
            const std::vector<char> text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
            const std::vector<std::uint8_t> bundle(text.begin(), text.end());
            refused(Status::model, "", [&] { return Engine::from_memory(Bytes(bundle.data(), 100), usual_options()); });
            engine = get(Engine::from_memory(bundle, usual_options()));
        }
        // The bundle's bytes are gone, and then the engine.
        kept = get(engine->extract_all(Image::encoded(setting.face)));
        calibration = get(engine->calibration());
        CHECK(get(engine->info()).model == "sface");
    }
    CHECK(live_engines() == 0 && kept.size() == 1 && live_templates() == 1 && live_calibrations() == 1);
    CHECK(get(calibration->compare(kept[0], kept[0])).cosine > 0.999);
    const Calibration gated = get(calibration->with_quality_gate(3.0));
    calibration.reset();
    CHECK(get(gated.compare(kept[0], kept[0])).cosine > 0.999 && live_calibrations() == 1);
    kept.clear();
    CHECK(live_templates() == 0);

    // Nothing is left of an engine that could not be made, nor of one in a loop.
    for (int i = 0; i < 3; ++i) {
        const Engine engine = get(Engine::open(setting.model, usual_options()));
        CHECK(live_engines() == 1);
    }
    CHECK(live_engines() == 0);
}

void test_log(const Setting &setting) {
    const Image image = Image::encoded(setting.face);
    const auto count = std::make_shared<int>(0);
    EngineOptions options = usual_options();
    options.log_level = LogLevel::debug;
    options.log = [count](LogLevel level, std::string_view message) {
        CHECK(level >= LogLevel::error && level <= LogLevel::debug && !message.empty());
        ++*count;
    };
    {
        Engine engine = get(Engine::open(setting.model, options));
        options.log = nullptr;  // the engine has its own
        const int at_start = *count;
        CHECK(at_start > 0 && count.use_count() == 2);
        (void)get(engine.extract(image));
        CHECK(*count > at_start);
        // The callback goes along with the engine, and ends with it.
        Engine moved = std::move(engine);
        const int before = *count;
        (void)get(moved.extract(image));
        CHECK(*count > before);
        moved = get(Engine::open(setting.model, options));
        CHECK(count.use_count() == 1);
        const int silent = *count;
        (void)get(moved.extract(image));
        CHECK(*count == silent);
    }
    const auto graver = std::make_shared<int>(0);
    options.log_level = LogLevel::error;
    options.log = [graver](LogLevel level, std::string_view) {
        CHECK(level == LogLevel::error);
        ++*graver;
    };
    refused(Status::model, "", [&] { return Engine::open("no-such-model", options); });
    {
        const Engine engine = get(Engine::open(setting.model, options));
        const int before = *graver;
        (void)get(engine.extract(image));
        CHECK(*graver == before);
        refused(Status::image_decode, "", [&] { return engine.detect(Image::encoded(Bytes(setting.face.data(), 9))); });
        CHECK(*graver == before + 1);
    }
#if !defined(QMAGFACE_NO_EXCEPTIONS)
    options.log_level = LogLevel::debug;
    options.log = [](LogLevel, std::string_view) { throw 5; };
    const Engine engine = get(Engine::open(setting.model, options));
    CHECK(get(engine.extract(image)).has_value());
#endif
}

void test_threads(const Setting &setting) {
    EngineOptions options = usual_options();
    options.inline_mode = false;
    options.threads = 1;
    options.batch_size = 4;
    const Engine engine = get(Engine::open(setting.model, options));
    const Calibration calibration = get(engine.calibration());
    const Template wanted = std::move(*get(engine.extract(Image::encoded(setting.face))));
    std::vector<std::thread> threads;
    for (int index = 0; index < 4; ++index) {
        threads.emplace_back([&, index] {
            for (int i = 0; i < 5; ++i) {
                const Template found = std::move(*get(engine.extract(Image::encoded(setting.face))));
                CHECK(get(calibration.compare(wanted, found)).cosine > 0.99999);
                // Each thread has errors of its own.
                const std::vector<float> few(static_cast<std::size_t>(index) + 1);
                const std::string text = std::to_string(few.size()) + " were given";
                refused(Status::invalid_argument, text.c_str(), [&] { return engine.quality(few); });
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
}

void test_fork(const Setting &setting) {
    const Image image = Image::encoded(setting.face);
    EngineOptions options = usual_options();
    const Engine travels = get(Engine::open(setting.model, options));
    options.inline_mode = false;
    options.threads = 2;
    options.log_level = LogLevel::error;
    // A message of a call that is refused would be one too many: the child's copy of a log may wait for ever.
    options.log = [](LogLevel, std::string_view) { CHECK(false); };
    std::optional<Engine> stays = get(Engine::open(setting.model, options));
    (void)get(stays->extract(image));
    const pid_t parent = getpid();
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        (void)alarm(120);  // what would wait for ever must not
        const std::string processes =
            "process " + std::to_string(parent) + ", and this is process " + std::to_string(getpid()) + ",";
        refused(Status::forked, processes.c_str(), [&] { return stays->info(); });
        refused(Status::forked, processes.c_str(), [&] { return stays->detect(image); });
        refused(Status::forked, processes.c_str(), [&] { return stays->extract(image); });
        refused(Status::forked, processes.c_str(), [&] { return stays->make_failed_template(); });
        stays.reset();
        CHECK(live_engines() == 1);
        CHECK(get(travels.extract(image)).has_value());
        const Engine own = get(Engine::open(setting.model, usual_options()));
        CHECK(get(own.extract(image)).has_value());
        _exit(0);  // what the parent's engine left is not the child's leak
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(get(stays->extract(image)).has_value());
}
