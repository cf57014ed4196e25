// Galleries: templates packed for 1:N.

#include "client.hpp"

#include <thread>

using namespace qmagface;

namespace {

// Made-up embeddings that differ; each tenth template is a failed one.
std::vector<Template> made_up(const Engine &engine, std::size_t count) {
    std::uint32_t state = 7;
    std::vector<Template> templates;
    for (std::size_t image = 0; image < count; ++image) {
        if (image % 10 == 9) {
            templates.push_back(get(engine.make_failed_template()));
            continue;
        }
        std::vector<float> embedding;
        for (std::size_t i = 0; i < 128; ++i) {
            state = state * 1664525u + 1013904223u;
            embedding.push_back(static_cast<float>(state >> 16) / 32768.0F - 1.0F + (i % 5 == image % 5 ? 1.0F : 0.0F));
        }
        templates.push_back(get(engine.make_template(embedding)));
    }
    return templates;
}

void remove(Gallery &gallery, Span<const std::size_t> indices) {
#if defined(QMAGFACE_NO_EXCEPTIONS)
    CHECK(gallery.remove(indices).ok());
#else
    gallery.remove(indices);
#endif
}

void refuses_removal(Gallery &gallery, const char *part, Span<const std::size_t> indices) {
    refused(Status::invalid_argument, part, [&] {
#if defined(QMAGFACE_NO_EXCEPTIONS)
        return gallery.remove(indices);
#else
        gallery.remove(indices);
        return 0;
#endif
    });
}

}  // namespace

void test_galleries(const Setting &setting) {
    const Engine engine = get(Engine::open(setting.model, usual_options()));
    const Calibration calibration = get(engine.calibration());
    const std::vector<Template> templates = made_up(engine, 50);
    const Span<const Template> probes(templates.data() + 3, 6);
    const SearchOptions defaults;
    qmf_search_options theirs;
    CHECK(qmf_search_options_init(&theirs, sizeof theirs) == QMF_OK);
    CHECK(defaults.most == theirs.most && defaults.threads == theirs.threads);
    CHECK(std::isinf(defaults.least_score) && std::isinf(theirs.least_score) && defaults.least_score < 0.0);

    std::uint64_t smallest = 1000000;
    for (const Scalar scalar : {Scalar::f32, Scalar::f16, Scalar::i8}) {
        Gallery gallery = get(Gallery::create(scalar));
        CHECK(live_galleries() == 1);
        GalleryInfo info = get(gallery.info());
        CHECK(info.scalar == scalar && info.count == 0 && info.length == 0);
        CHECK(info.model.empty() && info.fingerprint.empty());
        CHECK(get(gallery.search(calibration, templates[0])).empty());
        CHECK(get(gallery.score(calibration, probes)).gallery == 0);

        CHECK(get(gallery.add(Span<const Template>(templates.data(), 49))) == 0);
        CHECK(get(gallery.add(templates[49])) == 49);
        info = get(gallery.info());
        CHECK(info.count == 50 && info.length == 128 && info.model == "sface" && info.fingerprint.size() == 64);
        CHECK(info.bytes < smallest && info.bytes > 50 * 128);
        smallest = info.bytes;

        const ScoreMatrix scores = get(gallery.score(calibration, probes));
        CHECK(scores.probes == 6 && scores.gallery == 50 && scores.scores.size() == 300);
        const double step = scalar == Scalar::i8 ? 0.05 : scalar == Scalar::f16 ? 0.005 : 1e-5;
        for (std::size_t probe = 0; probe < 6; ++probe) {
            for (std::size_t index = 0; index < 50; ++index) {
                const auto ours = static_cast<double>(scores(probe, index));
                const double exact = get(calibration.compare(probes[probe], templates[index])).score;
                CHECK(std::isinf(exact) ? ours == exact : std::abs(ours - exact) < step);
            }
        }
        CHECK(get(gallery.score(calibration, probes, 2)).scores == scores.scores);

        SearchOptions options;
        options.most = 5;
        for (options.threads = 0; options.threads < 3; ++options.threads) {
            const auto found = get(gallery.search(calibration, probes, options));
            CHECK(found.size() == 6);
            for (std::size_t probe = 0; probe < 6; ++probe) {
                CHECK(found[probe].size() == 5 && found[probe][0].index == probe + 3);
                for (std::size_t rank = 0; rank < 5; ++rank) {
                    const Match &match = found[probe][rank];
                    CHECK(static_cast<float>(match.score) == scores(probe, match.index));
                    CHECK(rank == 0 || match.score <= found[probe][rank - 1].score);
                }
            }
        }
        const std::vector<Match> one = get(gallery.search(calibration, probes[0]));
        CHECK(one.size() == 10 && one[0].index == 3);
        // All of them, but for the failed ones; and only those that are like it.
        options.most = 1000000000;
        CHECK(get(gallery.search(calibration, probes[0], options)).size() == 45);
        options.least_score = one[1].score;
        CHECK(get(gallery.search(calibration, probes[0], options)).size() == 2);
        CHECK(get(gallery.search(calibration, templates[9])).empty());

        const std::vector<std::size_t> gone = {0, 1, 49};
        remove(gallery, gone);
        CHECK(get(gallery.info()).count == 47);
        CHECK(get(gallery.search(calibration, probes[0]))[0].index == 1);
        refuses_removal(gallery, "47 templates", gone);
        const std::size_t twice[] = {4, 4};
        refuses_removal(gallery, "must rise", twice);
        refuses_removal(gallery, "nothing to remove", Span<const std::size_t>());
        CHECK(get(gallery.info()).count == 47);

        // Some search while others add.
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&, i] {
                for (int round = 0; round < 50; ++round) {
                    if (i == 0) {
                        (void)get(gallery.add(templates[4]));
                    } else {
                        CHECK(get(gallery.search(calibration, probes[0]))[0].index == 1);
                    }
                }
            });
        }
        for (std::thread &thread : threads) {
            thread.join();
        }
        CHECK(get(gallery.info()).count == 97);
    }

    Gallery gallery = get(Gallery::create());
    refused(Status::invalid_argument, "scalar", [] { return Gallery::create(static_cast<Scalar>(9)); });
    refused(Status::invalid_argument, "nothing to add", [&] { return gallery.add(Span<const Template>()); });
    (void)get(gallery.add(templates));
    refused(Status::invalid_argument, "nothing to compare",
            [&] { return gallery.score(calibration, Span<const Template>()); });
    refused(Status::invalid_argument, "nothing to compare",
            [&] { return gallery.search(calibration, Span<const Template>()); });
    refused(Status::invalid_argument, "threads is 1025", [&] { return gallery.score(calibration, probes, 1025); });
    SearchOptions options;
    options.most = 0;
    refused(Status::invalid_argument, "most is 0", [&] { return gallery.search(calibration, probes[0], options); });
    options.most = 1;
    options.least_score = std::nan("");
    refused(Status::invalid_argument, "least_score", [&] { return gallery.search(calibration, probes[0], options); });
}
