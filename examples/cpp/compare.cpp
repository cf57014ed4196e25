// Compares the faces of two or more photos, each with each, with qmagface's C++ interface.
//
//   compare MODEL PHOTO PHOTO...
//
// MODEL is a name that `qmagface models list` shows (fetch it first), a pack's folder or a bundle file.
// Exit codes: 0 all compared, 1 an error, 2 wrong arguments, 3 a photo without a face.

#include <qmagface.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace {

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

// One photo's face.
struct Photo {
    std::string path;
    qmagface::Template face;
};

std::string file_name(const std::string &path) { return std::filesystem::path(path).filename().string(); }

}  // namespace

int main(int count, char **arguments) {
    if (count < 4) {
        std::fprintf(stderr, "usage: %s MODEL PHOTO PHOTO...\n", arguments[0]);
        return 2;
    }
    std::string at = arguments[1];  // what an error is about
    try {
        const auto engine = qmagface::Engine::open(arguments[1]);
        const auto calibration = engine.calibration();
        const auto info = engine.info();
        std::printf("Model %s on the %s. A higher quality suits recognition better; the score is at most 1, and the\n"
                    "higher, the more alike.\n",
                    info.model.c_str(), info.device == qmagface::Device::cuda ? "GPU" : "CPU");

        std::vector<Photo> photos;
        for (int i = 2; i < count; ++i) {
            at = arguments[i];
            const auto bytes = read_file(at);
            auto face = engine.extract(qmagface::Image::encoded(bytes));
            if (!face) {
                std::fprintf(stderr, "error: %s: no face found\n", at.c_str());
                return 3;
            }
            std::printf("%-24s quality %6.2f\n", file_name(at).c_str(), face->info().quality);
            photos.push_back({at, std::move(*face)});
        }
        for (std::size_t i = 0; i < photos.size(); ++i) {
            for (std::size_t j = i + 1; j < photos.size(); ++j) {
                at = photos[i].path + " and " + photos[j].path;
                const auto result = calibration.compare(photos[i].face, photos[j].face);
                std::printf("%s and %s: score %.4f (cosine %.4f)\n", file_name(photos[i].path).c_str(),
                            file_name(photos[j].path).c_str(), result.score, result.cosine);
            }
        }
    } catch (const std::exception &error) {
        std::fprintf(stderr, "error: %s: %s\n", at.c_str(), error.what());
        return 1;
    }
    return 0;
}
