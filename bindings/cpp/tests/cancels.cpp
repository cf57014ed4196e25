// Ending calls early.

#include "client.hpp"

#include <chrono>
#include <thread>

using namespace qmagface;

namespace {

void trigger(const Cancel &cancel) {
#if defined(QMAGFACE_NO_EXCEPTIONS)
    CHECK(cancel.trigger().ok());
#else
    cancel.trigger();
#endif
}

// Triggers while `call` runs, which must end soon with Status::cancelled.
template <typename Call>
void ends_soon(Call call) {
    using Clock = std::chrono::steady_clock;
    const Cancel cancel = get(Cancel::create());
    Clock::time_point triggered;
    std::thread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        triggered = Clock::now();
        trigger(cancel);
    });
    refused(Status::cancelled, "cancelled", [&] { return call(&cancel); });
    const Clock::time_point ended = Clock::now();
    other.join();
    CHECK(ended - triggered < std::chrono::seconds(5));
}

}  // namespace

void test_cancels(const Setting &setting) {
    const Image image = Image::encoded(setting.face);
    const Engine engine = get(Engine::open(setting.model, usual_options()));
    const Calibration calibration = get(engine.calibration());
    const std::vector<std::uint8_t> chip(QMF_CHIP_SIZE);
    Landmarks landmarks = get(engine.detect(image))[0].landmarks;
    Cancel cancel = get(Cancel::create());
    CHECK(live_cancels() == 1);

    // One that nobody triggers changes nothing.
    std::vector<Template> faces;
    faces.push_back(std::move(*get(engine.extract(image, &cancel))));
    CHECK(get(engine.detect(image, &cancel)).size() == 1);
    const std::vector<float> embedding = get(engine.embed(chip, &cancel));
    CHECK(get(engine.extract_all(image, &cancel)).size() == 1);
    CHECK(get(engine.extract_fused(Span<const Image>(&image, 1), Fusion::quality, &cancel)).has_value());
    CHECK(get(engine.extract_landmarks(image, landmarks, &cancel)));
    CHECK(get(engine.extract_chip(chip, &cancel)));
    Gallery gallery = get(Gallery::create());
    (void)get(gallery.add(faces));
    CHECK(get(gallery.search(calibration, faces, SearchOptions(), &cancel))[0].size() == 1);
    CHECK(get(gallery.search(calibration, faces[0], SearchOptions(), &cancel)).size() == 1);
    CHECK(get(gallery.score(calibration, faces, 0, &cancel)).scores.size() == 1);
    CHECK(get(calibration.score_matrix(faces, faces, &cancel)).scores.size() == 1);
    CHECK(get(calibration.score_matrix(embedding, embedding, embedding.size(), &cancel)).scores.size() == 1);

    // Triggered, it ends every call at once, and what they were called on goes on.
    trigger(cancel);
    trigger(cancel);
    const auto ended = [](auto call) { refused(Status::cancelled, "cancelled", call); };
    ended([&] { return engine.detect(image, &cancel); });
    ended([&] { return engine.embed(chip, &cancel); });
    ended([&] { return engine.extract(image, &cancel); });
    ended([&] { return engine.extract_all(image, &cancel); });
    ended([&] { return engine.extract_fused(Span<const Image>(&image, 1), Fusion::mean, &cancel); });
    ended([&] { return engine.extract_landmarks(image, landmarks, &cancel); });
    ended([&] { return engine.extract_chip(chip, &cancel); });
    ended([&] { return gallery.search(calibration, faces, SearchOptions(), &cancel); });
    ended([&] { return gallery.search(calibration, faces[0], SearchOptions(), &cancel); });
    ended([&] { return gallery.score(calibration, faces, 0, &cancel); });
    ended([&] { return calibration.score_matrix(faces, faces, &cancel); });
    ended([&] { return calibration.score_matrix(embedding, embedding, embedding.size(), &cancel); });
    CHECK(get(engine.extract(image)).has_value());

    // Fits that would take minutes: of embeddings of no model and of the engine's, and of templates.
    std::vector<std::uint32_t> people;
    const std::vector<float> embeddings = made_up_people(embedding.size(), people);
    std::vector<Template> templates;
    for (std::size_t i = 0; i < people.size(); ++i) {
        const Floats one(embeddings.data() + i * embedding.size(), embedding.size());
        templates.push_back(get(engine.make_template(one)));
    }
    FitOptions options;
    options.fmr.least = 1e-3;
    options.replicates = 100000;
    ends_soon([&](const Cancel *stop) {
        return Calibration::fit(embeddings, embedding.size(), people, options, nullptr, stop);
    });
    ends_soon([&](const Cancel *stop) { return Calibration::fit(templates, people, options, nullptr, stop); });
    ends_soon([&](const Cancel *stop) { return engine.fit_calibration(embeddings, people, options, nullptr, stop); });
    const std::vector<std::uint8_t> many(QMF_CHIP_SIZE * 1000);
    ends_soon([&](const Cancel *stop) { return engine.embed(many, stop); });

    // What a fit tells on its way, from which it can be ended too.
    std::uint64_t last = 0;
    std::uint64_t greatest = 0;
    options.replicates = 100;
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
        CHECK(done <= total);
        last = done;
        greatest = total > greatest ? total : greatest;
    };
    (void)get(Calibration::fit(embeddings, embedding.size(), people, options));
    CHECK(last == 100 && greatest > 1000);
    const Cancel own = get(Cancel::create());
    options.progress = [&](std::uint64_t, std::uint64_t) { trigger(own); };
    refused(Status::cancelled, "cancelled", [&] {
        return Calibration::fit(embeddings, embedding.size(), people, options, nullptr, &own);
    });
#if !defined(QMAGFACE_NO_EXCEPTIONS)
    options.progress = [](std::uint64_t, std::uint64_t) { throw 5; };
    (void)get(Calibration::fit(embeddings, embedding.size(), people, options));
#endif

    // Owning.
    Cancel moved = std::move(cancel);
    CHECK(moved && !cancel && cancel.get() == nullptr && live_cancels() == 2);
#if defined(QMAGFACE_NO_EXCEPTIONS)
    refused(Status::invalid_argument, "handle is NULL", [&] { return cancel.trigger(); });
#else
    refused(Status::invalid_argument, "handle is NULL", [&] {
        cancel.trigger();
        return 0;
    });
#endif
    // One that holds nothing ends nothing.
    CHECK(get(engine.extract(image, &cancel)).has_value());
    qmf_cancel *const loose = moved.release();
    CHECK(!moved && loose != nullptr);
    const Cancel adopted = Cancel::adopt(loose);
    CHECK(adopted.get() == loose && live_cancels() == 2);
    ended([&] { return engine.extract(image, &adopted); });
}
