// The C interface from C++17: one engine for eight threads, a last error for each thread, and a handle that one thread
// makes and another destroys.
//
// threads FOLDER MODEL
#include "client.h"
#include "layout.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Destroy {
    void operator()(qmf_engine *engine) const { qmf_engine_destroy(engine); }
};
using Engine = std::unique_ptr<qmf_engine, Destroy>;

// What a call says, exact to the bit.
struct Answer {
    std::vector<float> embedding;
    qmf_extraction extraction;

    bool operator==(const Answer &other) const {
        return embedding.size() == other.embedding.size() &&
               std::memcmp(embedding.data(), other.embedding.data(), embedding.size() * sizeof(float)) == 0 &&
               std::memcmp(&extraction, &other.extraction, sizeof extraction) == 0;
    }
};

// The text of this thread's last failure. client.h's buffer is one for all threads.
std::string own_error() {
    std::size_t length = 0;
    qmf_last_error(nullptr, 0, &length);
    std::string text(length + 1, '\0');
    qmf_last_error(text.data(), text.size(), nullptr);
    text.resize(length);
    return text;
}

Answer extract(const qmf_engine *engine, const bytes &file) {
    Answer answer{};
    std::size_t length = 0;
    EXPECT(QMF_OK, qmf_extraction_init(&answer.extraction, sizeof answer.extraction));
    EXPECT(QMF_ERROR_BUFFER_TOO_SMALL,
           qmf_extract_encoded(engine, file.data, file.size, &answer.extraction, nullptr, 0, &length));
    answer.embedding.resize(length);
    EXPECT(QMF_OK, qmf_extract_encoded(engine, file.data, file.size, &answer.extraction, answer.embedding.data(),
                                       answer.embedding.size(), &length));
    return answer;
}

// Fails in a way of its own, again and again, while other threads fail in theirs.
void fail(const qmf_engine *engine, std::size_t index) {
    CHECK(own_error().empty());
    const std::vector<float> embedding(index + 1, 1.0f);
    const std::string wanted = " has 128 floats, " + std::to_string(index + 1) + " were given";
    for (int i = 0; i < 200; i++) {
        double quality = 0.0;
        EXPECT(QMF_ERROR_INVALID_ARGUMENT, qmf_quality(engine, embedding.data(), embedding.size(), &quality));
        CHECK(own_error().find(wanted) != std::string::npos);
    }
}

template <typename Work> void on_eight_threads(Work work) {
    std::vector<std::thread> threads;
    for (std::size_t index = 0; index < 8; index++) {
        threads.emplace_back(work, index);
    }
    for (auto &thread : threads) {
        thread.join();
    }
}

} // namespace

int main(int argc, char **argv) {
    CHECK(argc == 3);
    Engine engine;
    std::thread([&] { engine.reset(open_engine(argv[2])); }).join();
    CHECK(qmf_live_engines() == 1);

    std::vector<bytes> files;
    std::vector<Answer> wanted;
    for (const char *name : {"obama.jpg", "obama2.jpg", "biden.jpg"}) {
        files.push_back(read_file(argv[1], name));
        wanted.push_back(extract(engine.get(), files.back()));
    }
    CHECK(!(wanted[0] == wanted[1]) && !(wanted[1] == wanted[2]));
    const qmf_engine *shared = engine.get();
    on_eight_threads([&](std::size_t index) {
        for (std::size_t i = 0; i < files.size(); i++) {
            const std::size_t photo = (index + i) % files.size();
            CHECK(extract(shared, files[photo]) == wanted[photo]);
        }
    });

    double quality = 0.0;
    EXPECT(QMF_ERROR_INVALID_ARGUMENT, qmf_quality(nullptr, nullptr, 0, &quality));
    on_eight_threads([&](std::size_t index) { fail(shared, index); });
    CHECK(own_error() == "engine is NULL");

    std::thread([&] { engine.reset(); }).join();
    CHECK(qmf_live_engines() == 0);
    for (auto &file : files) {
        std::free(file.data);
    }
}
