// The C interface from C++17 threads: one engine for eight of them, with and without batches, a last error for each
// thread, a log callback from all, handles that one thread makes and another destroys, and an engine that goes while
// what it made is in use.
//
// threads FOLDER MODEL
#include "client.h"
#include "layout.h"

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t THREADS = 8;
constexpr std::size_t CALLS = 1000;
constexpr std::size_t LENGTH = 128;

struct Destroy {
    void operator()(qmf_engine *engine) const { qmf_engine_destroy(engine); }
    void operator()(qmf_template *handle) const { qmf_template_destroy(handle); }
    void operator()(qmf_calibration *handle) const { qmf_calibration_destroy(handle); }
};
template <typename Handle> using Owned = std::unique_ptr<Handle, Destroy>;

// The text of this thread's last failure. client.h's buffer is one for all threads.
std::string own_error() {
    std::size_t length = 0;
    qmf_last_error(nullptr, 0, &length);
    std::string text(length + 1, '\0');
    qmf_last_error(text.data(), text.size(), nullptr);
    text.resize(length);
    return text;
}

template <typename Work> void on_eight_threads(Work work) {
    std::vector<std::thread> threads;
    for (std::size_t index = 0; index < THREADS; index++) {
        threads.emplace_back(work, index);
    }
    for (auto &thread : threads) {
        thread.join();
    }
}

std::vector<float> embedding_of(const qmf_template *handle) {
    std::vector<float> embedding(LENGTH);
    std::size_t length = 0;
    EXPECT(QMF_OK, qmf_template_get_embedding(handle, embedding.data(), embedding.size(), &length));
    CHECK(length == LENGTH);
    return embedding;
}

std::vector<std::uint8_t> bytes_of(const qmf_template *handle) {
    std::vector<std::uint8_t> data(2048);
    std::size_t size = 0;
    EXPECT(QMF_OK, qmf_template_serialize(handle, QMF_SCALAR_F32, data.data(), data.size(), &size));
    data.resize(size);
    return data;
}

Owned<qmf_template> extract(const qmf_engine *engine, const qmf_image &image) {
    qmf_template *made = nullptr;
    EXPECT(QMF_OK, qmf_extract(engine, &image, NULL, &made));
    return Owned<qmf_template>(made);
}

double score(const qmf_calibration *calibration, const qmf_template *a, const qmf_template *b) {
    qmf_comparison result;
    EXPECT(QMF_OK, qmf_comparison_init(&result, sizeof result));
    EXPECT(QMF_OK, qmf_compare(calibration, a, b, &result));
    return result.score;
}

// What every thread works with, and what one thread alone got of it.
struct Scene {
    std::vector<bytes> files;
    std::vector<qmf_image> images;
    bytes chips;
    std::vector<Owned<qmf_template>> faces;
    std::vector<std::vector<std::uint8_t>> stored;
    Owned<qmf_calibration> calibration;
    double scores[3][3];

    Scene(const qmf_engine *engine, const char *folder) : chips(read_file(folder, "chips.bgr")) {
        for (const char *name : {"a.png", "b.png", "c.png"}) {
            files.emplace_back();
            images.push_back(read_image(folder, name, &files.back()));
        }
        qmf_calibration *own = nullptr;
        EXPECT(QMF_OK, qmf_engine_get_calibration(engine, &own));
        calibration.reset(own);
        for (const auto &image : images) {
            faces.push_back(extract(engine, image));
            stored.push_back(bytes_of(faces.back().get()));
        }
        for (int a = 0; a < 3; a++) {
            for (int b = 0; b < 3; b++) {
                scores[a][b] = score(calibration.get(), faces[a].get(), faces[b].get());
            }
        }
        CHECK(scores[0][1] > scores[0][2]);
    }

    ~Scene() {
        for (auto &file : files) {
            std::free(file.data);
        }
        std::free(chips.data);
    }
};

// One call of one thread: most are cheap, some run a network. `exact`: nothing is merged, so every bit is the same.
void one_call(const qmf_engine *engine, const Scene &scene, std::size_t index, std::size_t call, bool exact) {
    const std::size_t a = (index + call) % 3, b = (index + call / 3) % 3;
    const qmf_template *face = scene.faces[a].get();
    if (call % 100 == 0) {
        const auto again = extract(engine, scene.images[a]);
        if (exact) {
            CHECK(bytes_of(again.get()) == scene.stored[a]);
        } else {
            CHECK(std::fabs(score(scene.calibration.get(), again.get(), face) - 1.0) < 1e-4);
        }
        return;
    }
    if (call % 25 == 0) {
        float embedding[LENGTH];
        std::size_t length = 0;
        qmf_comparison result;
        EXPECT(QMF_OK, qmf_embed(engine, scene.chips.data + a * QMF_CHIP_SIZE, 1, NULL, embedding, LENGTH, &length));
        EXPECT(QMF_OK, qmf_comparison_init(&result, sizeof result));
        EXPECT(QMF_OK, qmf_compare_embeddings(scene.calibration.get(), embedding, embedding_of(face).data(), LENGTH, &result));
        CHECK(std::fabs(result.cosine - 1.0) < 1e-4);
        return;
    }
    switch (call % 7) {
    case 0: {
        double quality = 0.0;
        const auto embedding = embedding_of(face);
        EXPECT(QMF_OK, qmf_quality(engine, embedding.data(), LENGTH, &quality));
        CHECK(quality > 1.0);
        break;
    }
    case 1: {
        qmf_template *made = nullptr;
        EXPECT(QMF_OK, qmf_template_parse(scene.stored[a].data(), scene.stored[a].size(), &made));
        const Owned<qmf_template> owned(made);
        CHECK(bytes_of(made) == scene.stored[a]);
        break;
    }
    case 2: {
        const qmf_template *both[2] = {face, scene.faces[b].get()};
        qmf_template *made = nullptr;
        EXPECT(QMF_OK, qmf_template_fuse(both, 2, QMF_FUSION_QUALITY, &made));
        const Owned<qmf_template> owned(made);
        break;
    }
    case 3: {
        const qmf_template *all[3] = {scene.faces[0].get(), scene.faces[1].get(), scene.faces[2].get()};
        float scores[3];
        EXPECT(QMF_OK, qmf_score_matrix(scene.calibration.get(), &face, 1, all, 3, NULL, scores, 3));
        CHECK(std::fabs(scores[b] - scene.scores[a][b]) < 1e-5);
        break;
    }
    case 4: {
        qmf_engine_info info;
        EXPECT(QMF_OK, qmf_engine_info_init(&info, sizeof info));
        EXPECT(QMF_OK, qmf_engine_get_info(engine, &info));
        CHECK(info.embedding_length == LENGTH);
        break;
    }
    case 5: {
        // A failure in a way of this thread's own, while others fail in theirs.
        const std::vector<float> embedding(index + 1, 1.0f);
        double quality = 0.0;
        EXPECT(QMF_ERROR_INVALID_ARGUMENT, qmf_quality(engine, embedding.data(), embedding.size(), &quality));
        CHECK(own_error().find(" has 128 floats, " + std::to_string(index + 1) + " were given") != std::string::npos);
        break;
    }
    default:
        CHECK(score(scene.calibration.get(), face, scene.faces[b].get()) == scene.scores[a][b]);
    }
}

void one_engine_for_eight(const char *folder, const char *model, std::uint32_t batch_size, std::uint32_t wait) {
    auto options = cpu_options();
    options.batch_size = batch_size;
    options.batch_wait_us = wait;
    qmf_engine *made = nullptr;
    EXPECT(QMF_OK, qmf_engine_create(model, &options, &made));
    const Owned<qmf_engine> engine(made);
    const Scene scene(engine.get(), folder);
    on_eight_threads([&](std::size_t index) {
        CHECK(own_error().empty());
        for (std::size_t call = 0; call < CALLS; call++) {
            one_call(engine.get(), scene, index, call, batch_size == 1);
        }
    });
}

// Messages come in the thread whose call they are about.
thread_local int messages = 0;
thread_local bool calling = false;
void count_message(void *user_data, qmf_log_level, const char *) {
    CHECK(calling);
    messages++;
    static_cast<std::atomic<int> *>(user_data)->fetch_add(1);
}

void logging(const char *model, const char *folder) {
    std::atomic<int> all{0};
    auto options = cpu_options();
    options.log_level = QMF_LOG_DEBUG;
    options.log_callback = count_message;
    options.log_user_data = &all;
    qmf_engine *made = nullptr;
    calling = true;
    EXPECT(QMF_OK, qmf_engine_create(model, &options, &made));
    const Owned<qmf_engine> engine(made);
    const bytes chips = read_file(folder, "chips.bgr");
    const int before = all;
    std::atomic<int> own{0};
    on_eight_threads([&](std::size_t) {
        calling = true;
        for (int i = 0; i < 5; i++) {
            float embedding[LENGTH];
            std::size_t length = 0;
            EXPECT(QMF_OK, qmf_embed(engine.get(), chips.data, 1, NULL, embedding, LENGTH, &length));
        }
        CHECK(messages == 5);
        own += messages;
    });
    CHECK(all - before == own && own == 5 * static_cast<int>(THREADS));
    std::free(chips.data);
}

// One thread makes an engine, another destroys it, while others compare what it made.
void destroyed_while_in_use(const char *folder, const char *model) {
    Owned<qmf_engine> engine;
    std::thread([&] { engine.reset(open_engine(model)); }).join();
    CHECK(qmf_live_engines() == 1);
    {
        const Scene scene(engine.get(), folder);
        std::atomic<std::size_t> started{0};
        std::atomic<bool> gone{false};
        std::thread destroyer([&] {
            while (started < THREADS) {
                std::this_thread::yield();
            }
            engine.reset();
            CHECK(qmf_live_engines() == 0);
            gone = true;
        });
        on_eight_threads([&](std::size_t index) {
            std::size_t afterwards = 0;
            for (std::size_t i = 0; afterwards < CALLS; i++) {
                const bool without = gone;
                const std::size_t a = (index + i) % 3, b = i % 3;
                CHECK(score(scene.calibration.get(), scene.faces[a].get(), scene.faces[b].get()) == scene.scores[a][b]);
                CHECK(bytes_of(scene.faces[a].get()) == scene.stored[a]);
                started += i == 0;
                afterwards += without;
            }
        });
        destroyer.join();
        CHECK(qmf_live_templates() == 3 && qmf_live_calibrations() == 1);
    }
    check_no_handle();
}

} // namespace

int main(int argc, char **argv) {
    CHECK(argc == 3);
    double quality = 0.0;
    one_engine_for_eight(argv[1], argv[2], 1, 0);
    one_engine_for_eight(argv[1], argv[2], 8, 500);
    one_engine_for_eight(argv[1], argv[2], 0, 1000);
    EXPECT(QMF_ERROR_INVALID_ARGUMENT, qmf_quality(nullptr, nullptr, 0, &quality));
    logging(argv[2], argv[1]);
    destroyed_while_in_use(argv[1], argv[2]);
    CHECK(own_error() == "engine is NULL");
    check_no_handle();
}
