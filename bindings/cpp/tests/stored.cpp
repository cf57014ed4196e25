// Templates and calibrations: what is stored and compared without an engine.

#include "client.hpp"

using namespace qmagface;

namespace {

Template of_face(const Engine &engine, const Setting &setting) {
    std::optional<Template> found = get(engine.extract(Image::encoded(setting.face)));
    CHECK(found.has_value());
    return std::move(*found);
}

}  // namespace

void test_templates(const Setting &setting) {
    const Engine engine = get(Engine::open(setting.model, usual_options()));
    const Template face = of_face(engine, setting);
    const Template failed = get(engine.make_failed_template());
    CHECK(get(failed.info()).failed && get(failed.info()).quality == 0.0 && get(failed.info()).images == 0);
    CHECK(get(failed.embedding()).empty() && get(failed.metadata()).empty());

    const std::vector<std::uint8_t> name = {'A', 'd', 'a', 0, 7};
    const Template named = get(face.with_metadata(name));
    CHECK(get(named.metadata()) == name && get(named.info()).metadata_size == name.size());
    CHECK(get(face.metadata()).empty() && get(get(named.with_metadata(Bytes())).metadata()).empty());
    const std::vector<std::uint8_t> much(65537);
    refused(Status::limit, "65", [&] { return face.with_metadata(much); });

    std::size_t longest = 100000;
    for (const Scalar scalar : {Scalar::f32, Scalar::f16, Scalar::i8}) {
        const std::vector<std::uint8_t> bytes = get(named.serialize(scalar));
        CHECK(!bytes.empty() && bytes.size() < longest);
        longest = bytes.size();
        const Template read = get(Template::parse(bytes));
        CHECK(get(read.metadata()) == name && get(read.info()).scalar == scalar && get(read.info()).model == "sface");
        CHECK(get(read.serialize(scalar)) == bytes);
        refused(Status::bad_template, "", [&] { return Template::parse(Bytes(bytes.data(), bytes.size() - 1)); });
    }
    CHECK(get(face.serialize()) == get(face.serialize(Scalar::f32)));
    refused(Status::invalid_argument, "scalar", [&] { return face.serialize(static_cast<Scalar>(9)); });
    refused(Status::invalid_argument, "data", [] { return Template::parse(Bytes()); });

    Template both[] = {get(face.with_metadata(name)), get(engine.make_failed_template())};
    const Template fused = get(Template::fuse(both));
    CHECK(get(fused.info()).images == 1 && !get(fused.info()).failed);
    CHECK(get(get(Template::fuse(Span<const Template>(&failed, 1), Fusion::mean)).info()).failed);
    refused(Status::invalid_argument, "", [] { return Template::fuse(Span<const Template>()); });
    refused(Status::invalid_argument, "fusion", [&] { return Template::fuse(both, static_cast<Fusion>(9)); });
}

void test_calibrations(const Setting &setting) {
    Engine engine = get(Engine::open(setting.model, usual_options()));
    const Template face = of_face(engine, setting);
    const std::vector<float> embedding = get(face.embedding());
    const Template failed = get(engine.make_failed_template());
    const Calibration own = get(engine.calibration());
    const CalibrationInfo info = get(own.info());
    CHECK(info.model == "sface" && info.fingerprint.size() == 64 && info.thresholds > 0 && info.covered);
    CHECK(info.status == CalibrationStatus::provisional || info.status == CalibrationStatus::published);
    CHECK(info.covered->least > 0.0 && info.covered->least <= info.covered->greatest && info.covered->greatest < 1.0);

    const double fmr = info.covered->greatest;
    const double threshold = get(own.threshold(fmr));
    const FmrEstimate estimate = get(own.fmr(threshold));
    CHECK(!estimate.out_of_range && std::abs(estimate.negative_log10_fmr + std::log10(fmr)) < 1e-6);
    CHECK(get(own.fmr(-50.0)).out_of_range && get(own.fmr(-50.0)).negative_log10_fmr == 0.0);
    refused(Status::calibration, "", [&] { return own.threshold(info.covered->least / 10.0); });
    refused(Status::invalid_argument, "", [&] { return own.fmr(std::nan("")); });

    const Calibration gated = get(own.with_quality_gate(1000.0));
    CHECK(get(gated.info()).quality_gate == 1000.0);
    CHECK(!get(get(gated.with_quality_gate(std::nullopt)).info()).quality_gate);
    refused(Status::invalid_argument, "", [&] { return own.with_quality_gate(-1.0); });
    CHECK(get(gated.compare(face, face)).low_quality && !get(own.compare(face, face)).low_quality);

#if defined(QMAGFACE_NO_EXCEPTIONS)
    CHECK(gated.save(setting.calibration).ok());
#else
    gated.save(setting.calibration);
#endif
    CHECK(get(get(Calibration::load(setting.calibration)).info()).quality_gate == 1000.0);
    const std::vector<std::uint8_t> bytes = get(gated.serialize());
    CHECK(get(get(Calibration::parse(bytes)).serialize()) == bytes);
    refused(Status::calibration, "", [&] { return Calibration::parse(Bytes(bytes.data(), bytes.size() / 2)); });
    refused(Status::io, "/no/such", [] { return Calibration::load("/no/such/file"); });
    refused(Status::invalid_argument, "NUL", [] { return Calibration::load(std::string("a\0b", 3)); });

    const Calibration given = get(Calibration::create({0.3, 0.1}));
    CHECK(get(given.info()).status == CalibrationStatus::given && get(given.info()).model.empty());
    CHECK(!get(given.info()).covered && !get(given.info()).quality_gate);
    refused(Status::calibration, "", [&] { return given.fmr(0.5); });
    refused(Status::invalid_argument, "", [] { return Calibration::create({std::nan(""), 0.1}); });

    const Comparison same = get(own.compare(face, face));
    CHECK(std::abs(same.cosine - 1.0) < 1e-6 && same.quality_a == same.quality_b && same.quality_a > 5.0);
    CHECK(same.negative_log10_fmr && *same.negative_log10_fmr > 1.0 && !same.failed_template);
    CHECK(!get(given.compare(face, face)).negative_log10_fmr);
    const Comparison none = get(own.compare(failed, face));
    CHECK(none.failed_template && std::isinf(none.score) && none.score < 0.0 && none.cosine == -1.0);
    CHECK(std::abs(get(own.compare(embedding, embedding)).score - same.score) < 1e-6);
    refused(Status::invalid_argument, "different lengths",
            [&] { return own.compare(embedding, Floats(embedding.data(), 5)); });

    std::vector<Template> gallery;
    gallery.push_back(get(face.with_metadata(Bytes())));
    gallery.push_back(get(engine.make_failed_template()));
    gallery.push_back(get(face.with_metadata(Bytes())));
    const ScoreMatrix matrix = get(own.score_matrix(Span<const Template>(&face, 1), gallery));
    CHECK(matrix.probes == 1 && matrix.gallery == 3 && matrix.scores.size() == 3);
    CHECK(std::abs(static_cast<double>(matrix(0, 2)) - same.score) < 1e-5 && std::isinf(matrix(0, 1)));
    std::vector<float> twice = embedding;
    twice.insert(twice.end(), embedding.begin(), embedding.end());
    const ScoreMatrix numbers = get(own.score_matrix(embedding, twice, embedding.size()));
    CHECK(numbers.probes == 1 && numbers.gallery == 2 && numbers(0, 0) == numbers(0, 1));
    CHECK(std::abs(static_cast<double>(numbers(0, 0)) - same.score) < 1e-5);
    refused(Status::invalid_argument, "whole embeddings", [&] { return own.score_matrix(twice, twice, 100); });
    refused(Status::invalid_argument, "whole embeddings", [&] { return own.score_matrix(twice, twice, 0); });
    refused(Status::invalid_argument, "", [&] { return own.score_matrix(Span<const Template>(), gallery); });
}
