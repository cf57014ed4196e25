// Compares the faces of two or more photos, each with each, through qmagface's C interface.
//
//   compare MODEL PHOTO PHOTO...
//
// MODEL is a name that `qmagface models list` shows (fetch it first), or the folder of a model pack.
// Exit codes: 0 all compared, 1 an error, 2 wrong arguments, 3 a photo without a face.

#include <qmagface.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// A photo in which the detector finds no face: an answer of the library, not a failure.
class NoFace : public std::runtime_error {
public:
    NoFace() : std::runtime_error("no face found") {}
};

// The text of this thread's last error.
std::string last_error() {
    std::size_t length = 0;
    // The first call asks for the length, which leaves out the closing zero.
    qmf_last_error(nullptr, 0, &length);
    std::vector<char> text(length + 1);
    if (qmf_last_error(text.data(), text.size(), &length) != QMF_OK) {
        return "unknown error";
    }
    return std::string(text.data());
}

void check(qmf_status status) {
    if (status != QMF_OK) {
        throw std::runtime_error(last_error());
    }
}

struct DestroyEngine {
    void operator()(qmf_engine *engine) const { qmf_engine_destroy(engine); }
};
using Engine = std::unique_ptr<qmf_engine, DestroyEngine>;

Engine open_engine(const char *model) {
    qmf_engine *engine = nullptr;
    check(qmf_engine_create(model, nullptr, &engine));
    return Engine(engine);
}

std::vector<std::uint8_t> read_file(const std::string &path) {
    if (!std::filesystem::is_regular_file(path)) {
        throw std::runtime_error("no such file");
    }
    std::ifstream file(path, std::ios::binary);
    std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!file || bytes.empty()) {
        throw std::runtime_error("can't be read, or is empty");
    }
    return bytes;
}

// One photo's face: its embedding, and what the library says of it.
struct Photo {
    std::string path;
    std::vector<float> embedding;
    qmf_extraction extraction{};
};

Photo look_at(const qmf_engine *engine, const std::string &path, std::size_t embedding_length) {
    const std::vector<std::uint8_t> bytes = read_file(path);
    Photo photo;
    photo.path = path;
    photo.embedding.resize(embedding_length);
    check(qmf_extraction_init(&photo.extraction, sizeof photo.extraction));
    std::size_t length = 0;
    const qmf_status status = qmf_extract_encoded(engine, bytes.data(), bytes.size(), &photo.extraction,
                                                  photo.embedding.data(), photo.embedding.size(), &length);
    if (status == QMF_NO_FACE) {
        throw NoFace();
    }
    check(status);
    photo.embedding.resize(length);
    return photo;
}

std::string file_name(const std::string &path) { return path.substr(path.find_last_of('/') + 1); }

}  // namespace

int main(int count, char **arguments) {
    if (count < 4) {
        std::fprintf(stderr, "usage: %s MODEL PHOTO PHOTO...\n", arguments[0]);
        return 2;
    }
    if (qmf_abi_version() < QMF_ABI_VERSION) {
        std::fprintf(stderr, "error: built for version %u of the interface, and the library has the older %u\n",
                     static_cast<unsigned>(QMF_ABI_VERSION), static_cast<unsigned>(qmf_abi_version()));
        return 1;
    }

    std::string at = arguments[1];  // what an error is about
    try {
        const Engine engine = open_engine(arguments[1]);
        qmf_engine_info info{};
        check(qmf_engine_info_init(&info, sizeof info));
        check(qmf_engine_get_info(engine.get(), &info));

        std::printf("Model %s on the %s. A higher quality suits recognition better; the score is at most 1, and the\n"
                    "higher, the more alike.\n",
                    info.model, info.device == QMF_DEVICE_CUDA ? "GPU" : "CPU");

        std::vector<Photo> photos;
        for (int i = 2; i < count; ++i) {
            at = arguments[i];
            photos.push_back(look_at(engine.get(), at, info.embedding_length));
            std::printf("%-24s quality %6.2f\n", file_name(at).c_str(), photos.back().extraction.quality);
        }
        for (std::size_t i = 0; i < photos.size(); ++i) {
            for (std::size_t j = i + 1; j < photos.size(); ++j) {
                at = photos[i].path + " and " + photos[j].path;
                qmf_comparison result{};
                check(qmf_comparison_init(&result, sizeof result));
                check(qmf_compare(engine.get(), photos[i].embedding.data(), photos[j].embedding.data(),
                                  photos[i].embedding.size(), &result));
                std::printf("%s and %s: score %.4f (cosine %.4f)\n", file_name(photos[i].path).c_str(),
                            file_name(photos[j].path).c_str(), result.score, result.cosine);
            }
        }
    } catch (const NoFace &error) {
        std::fprintf(stderr, "error: %s: %s\n", at.c_str(), error.what());
        return 3;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "error: %s: %s\n", at.c_str(), error.what());
        return 1;
    }
    return 0;
}
