// Images in every layout, and the steps from an image to a template.

#include "client.hpp"

using namespace qmagface;

namespace {

constexpr std::uint32_t side = QMF_CHIP_SIDE;

std::vector<float> embedding_at(const Engine &engine, const Image &image, const Landmarks &landmarks) {
    return get(get(engine.extract_landmarks(image, landmarks)).embedding());
}

// Reorders the bytes of each BGR pixel; `order` names for each new byte the old one.
std::vector<std::uint8_t> reordered(const Chip &bgr, const std::vector<std::size_t> &order) {
    std::vector<std::uint8_t> result;
    for (std::size_t pixel = 0; pixel < bgr.size(); pixel += 3) {
        for (const std::size_t from : order) {
            result.push_back(bgr[pixel + from]);
        }
    }
    return result;
}

// A picture of which a quarter turn clockwise gives `bgr`.
std::vector<std::uint8_t> turned_back(const Chip &bgr) {
    std::vector<std::uint8_t> result(bgr.size());
    for (std::size_t y = 0; y < side; ++y) {
        for (std::size_t x = 0; x < side; ++x) {
            for (std::size_t channel = 0; channel < 3; ++channel) {
                result[3 * ((side - 1 - x) * side + y) + channel] = bgr[3 * (y * side + x) + channel];
            }
        }
    }
    return result;
}

}  // namespace

void test_images(const Setting &setting) {
    const Engine engine = get(Engine::open(setting.model, usual_options()));
    const std::vector<Face> faces = get(engine.detect(Image::encoded(setting.face)));
    CHECK(faces.size() == 1);
    const Chip bgr = get(engine.align(Image::encoded(setting.face), faces[0].landmarks));
    // Where a chip's landmarks are, any five of a face will do.
    const Landmarks where = {{{38.0F, 51.0F}, {73.0F, 51.0F}, {56.0F, 71.0F}, {41.0F, 92.0F}, {70.0F, 92.0F}}};
    const std::vector<float> wanted = embedding_at(engine, Image::bgr(bgr, side, side), where);
    CHECK(wanted.size() == 128);

    const auto same = [&](const Image &image) { return embedding_at(engine, image, where) == wanted; };
    CHECK(same(Image::rgb(reordered(bgr, {2, 1, 0}), side, side)));
    CHECK(same(Image::bgra(reordered(bgr, {0, 1, 2, 0}), side, side)));
    CHECK(same(Image::rgba(reordered(bgr, {2, 1, 0, 0}), side, side)));
    const std::vector<std::uint8_t> turned = turned_back(bgr);
    CHECK(!same(Image::bgr(turned, side, side)));
    CHECK(same(Image::bgr(turned, side, side).rotated(Rotation::clockwise_90)));
    CHECK(!same(Image::bgr(turned, side, side).rotated(Rotation::half_turn)));
    CHECK(!same(Image::bgr(turned, side, side).rotated(Rotation::clockwise_270)));
    CHECK(same(Image::bgr(bgr, side, side).rotated(Rotation::none)));
    std::vector<std::uint8_t> padded;
    constexpr std::size_t stride = 3 * side + 5;
    for (std::size_t y = 0; y < side; ++y) {
        const auto row = bgr.begin() + static_cast<std::ptrdiff_t>(3 * side * y);
        padded.insert(padded.end(), row, row + 3 * side);
        padded.resize((y + 1) * stride, 255);
    }
    CHECK(same(Image::bgr(padded, side, side, stride)));

    // Without colour, the layouts with luma and chroma say the same as grey.
    const std::vector<std::uint8_t> luma = reordered(bgr, {1});
    const std::vector<std::uint8_t> half(side * side / 2, 128);
    const Bytes quarter(half.data(), half.size() / 2);
    std::vector<std::uint8_t> together = luma;
    together.insert(together.end(), half.begin(), half.end());
    const std::vector<float> grey = embedding_at(engine, Image::gray(luma, side, side), where);
    CHECK(grey != wanted);
    const Image colourless[] = {
        Image::nv12(together, side, side),
        Image::nv21(together, side, side),
        Image::i420(together, side, side),
        Image::nv12_planes(luma, half, side, side),
        Image::nv21_planes(luma, half, side, side, side, side),
        Image::i420_planes(luma, quarter, quarter, side, side),
    };
    for (const Image &image : colourless) {
        CHECK(embedding_at(engine, image.with_yuv(Yuv::bt601_full), where) == grey);
        CHECK(embedding_at(engine, image.with_yuv(Yuv::bt709_full), where) == grey);
        CHECK(embedding_at(engine, image, where) != grey);  // limited range: more contrast
        CHECK(embedding_at(engine, image.with_yuv(Yuv::bt709_limited), where) ==
              embedding_at(engine, image.with_yuv(Yuv::bt601_limited), where));
    }

    const auto wrong = [&](const char *part, const Image &image) {
        refused(Status::invalid_argument, part, [&] { return engine.detect(image); });
    };
    wrong("data", Image::bgr(Bytes(), side, side));
    wrong("bytes", Image::bgr(Bytes(bgr.data(), bgr.size() - 1), side, side));
    wrong("stride", Image::bgr(bgr, side, side, 3 * side - 1));
    wrong("0", Image::bgr(bgr, 0, side));
    wrong("even", Image::nv12(together, side - 1, side));
    wrong("rotation", Image::bgr(bgr, side, side).rotated(static_cast<Rotation>(45)));
    wrong("QMF_YUV", Image::nv12(together, side, side).with_yuv(static_cast<Yuv>(9)));
    refused(Status::image_decode, "", [&] { return engine.detect(Image::encoded(Bytes(bgr.data(), 100))); });
    CHECK(Image::encoded(setting.face).get()->format == QMF_IMAGE_ENCODED);
}

void test_stages(const Setting &setting) {
    EngineOptions options = usual_options();
    const Engine engine = get(Engine::open(setting.model, options));
    const Image face = Image::encoded(setting.face);
    const Image blank = Image::encoded(setting.blank);
    CHECK(get(engine.detect(blank)).empty());
    const Face found = get(engine.detect(face)).at(0);
    CHECK(found.score > 0.9F && found.box.left < found.box.right && found.box.top < found.box.bottom);
    CHECK(found.landmarks[0].x < found.landmarks[1].x && found.landmarks[0].y < found.landmarks[3].y);

    const Chip chip = get(engine.align(face, found.landmarks));
    CHECK(chip.size() == QMF_CHIP_SIZE);
    refused(Status::invalid_argument, "landmarks", [&] { return engine.align(face, Landmarks{}); });
    Chip two = chip;
    two.insert(two.end(), chip.begin(), chip.end());
    const std::vector<float> embeddings = get(engine.embed(two));
    CHECK(embeddings.size() == 256);
    const std::vector<float> one = get(engine.embed(chip));
    CHECK(one.size() == 128);
    refused(Status::invalid_argument, "37632", [&] { return engine.embed(Bytes(chip.data(), 99)); });
    refused(Status::invalid_argument, "", [&] { return engine.embed(Bytes()); });
    const double quality = get(engine.quality(one));
    CHECK(quality > 5.0 && std::abs(quality - get(engine.quality(Floats(embeddings.data(), 128)))) < 1e-3);
    refused(Status::invalid_argument, "128", [&] { return engine.quality(Floats(one.data(), 5)); });
    const int of_hundred = get(engine.unified_quality(quality));
    CHECK(of_hundred > 0 && of_hundred <= 100);

    // Why it is so.
    const std::optional<Capture> capture = get(engine.measure_capture(face));
    CHECK(capture && capture->measures.size() == 17 && capture->face.score == found.score);
    const std::vector<Measured> again = get(engine.measure_face(face, {capture->face}, 0));
    CHECK(again.size() == 17 && again[1].value == capture->measures[1].value);
    CHECK(again[1].measure == Measure::inter_eye_distance && measure_name(again[1].measure) == "inter_eye_distance");
    for (const Measured &measured : again) {
        CHECK(measured.score >= 0 && measured.score <= 100 && measured.advice.empty() == (measured.score >= 50));
    }
    refused(Status::invalid_argument, "index", [&] { return engine.measure_face(face, {capture->face}, 1); });

    // Every way to a template of this face gives the same one.
    std::optional<Template> whole = get(engine.extract(face));
    CHECK(whole && *whole);
    const TemplateInfo info = get(whole->info());
    CHECK(!info.failed && !info.fused && info.length == 128 && info.images == 1 && info.uqs == of_hundred && info.faces == 1);
    CHECK(info.model == "sface" && info.fingerprint == get(engine.info()).fingerprint && info.metadata_size == 0);
    CHECK(info.face && info.face->score == found.score && info.face->box.left == found.box.left);
    CHECK(std::abs(info.quality - quality) < 1e-3 && info.scalar == Scalar::f32);
    const std::vector<float> wanted = get(whole->embedding());
    const auto near = [&](const Template &other) {
        const std::vector<float> numbers = get(other.embedding());
        CHECK(numbers.size() == wanted.size());
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            CHECK(std::abs(numbers[i] - wanted[i]) < 1e-3F);
        }
    };
    const std::vector<Template> all = get(engine.extract_all(face));
    CHECK(all.size() == 1);
    near(all[0]);
    near(get(engine.extract_landmarks(face, found.landmarks)));
    near(get(engine.extract_chip(chip)));
    near(get(engine.make_template(one)));
    const Image several[] = {face, blank, face};
    const std::optional<Template> fused = get(engine.extract_fused(several, Fusion::mean));
    CHECK(fused && get(fused->info()).fused && get(fused->info()).images == 2);
    near(*fused);

    CHECK(!get(engine.extract(blank)));
    CHECK(get(engine.extract_all(blank)).empty());
    CHECK(!get(engine.extract_fused(Span<const Image>(&blank, 1))));
    refused(Status::invalid_argument, "", [&] { return engine.extract_fused(Span<const Image>()); });
    refused(Status::invalid_argument, "37632", [&] { return engine.extract_chip(Bytes(chip.data(), 7)); });
    refused(Status::invalid_argument, "128", [&] { return engine.make_template(Floats(one.data(), 7)); });
    refused(Status::image_decode, "", [&] { return engine.extract(Image::encoded(Bytes(chip.data(), 100))); });
    refused(Status::image_decode, "", [&] { return engine.extract_all(Image::encoded(Bytes(chip.data(), 100))); });
}
