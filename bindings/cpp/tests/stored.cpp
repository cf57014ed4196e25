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

    std::vector<std::uint8_t> key(Template::key_size, 0x42);
    const std::vector<std::uint8_t> sealed = get(named.seal(key, name, Scalar::f16));
    const Template opened = get(Template::unseal(sealed, key, name));
    CHECK(get(opened.serialize(Scalar::f16)) == get(named.serialize(Scalar::f16)));
    CHECK(get(named.seal(key, name, Scalar::f16)) != sealed);
    CHECK(get(get(Template::unseal(get(face.seal(key)), key)).serialize()) == get(face.serialize()));
    refused(Status::bad_template, "sealed", [&] { return Template::parse(sealed); });
    refused(Status::bad_template, "this key and context", [&] { return Template::unseal(sealed, key); });
    refused(Status::bad_template, "this key and context", [&] {
        return Template::unseal(Bytes(sealed.data(), sealed.size() - 1), key, name);
    });
    refused(Status::invalid_argument, "32 bytes", [&] { return face.seal(Bytes(key.data(), 31)); });
    refused(Status::invalid_argument, "scalar", [&] { return face.seal(key, name, static_cast<Scalar>(9)); });
    key[7] ^= 1;
    refused(Status::bad_template, "this key and context", [&] { return Template::unseal(sealed, key, name); });
    refused(Status::invalid_argument, "data", [&] { return Template::unseal(Bytes(), key); });
    refused(Status::invalid_argument, "key", [&] { return Template::unseal(sealed, Bytes()); });

    Template both[] = {get(face.with_metadata(name)), get(engine.make_failed_template())};
    const Template fused = get(Template::fuse(both));
    CHECK(get(fused.info()).images == 1 && !get(fused.info()).failed);
    CHECK(get(get(Template::fuse(Span<const Template>(&failed, 1), Fusion::mean)).info()).failed);
    refused(Status::invalid_argument, "", [] { return Template::fuse(Span<const Template>()); });
    refused(Status::invalid_argument, "fusion", [&] { return Template::fuse(both, static_cast<Fusion>(9)); });

    // One of an embedding that was normalised says so.
    std::vector<float> embedding = get(face.embedding());
    const double quality = get(face.info()).quality;
    for (float &value : embedding) {
        value = static_cast<float>(value / quality);
    }
    const Template unit = get(engine.make_template(embedding));
    CHECK(get(unit.info()).unit_length && !get(face.info()).unit_length);
    const Calibration calibration = get(engine.calibration());
    CHECK(get(calibration.compare(face, unit)).unit_length && !get(calibration.compare(face, face)).unit_length);
    CHECK(get(calibration.compare(Floats(embedding), Floats(embedding))).unit_length);
    Gallery gallery = get(Gallery::create());
    (void)get(gallery.add(face));
    (void)get(gallery.add(unit));
    CHECK(get(gallery.info()).unit_lengths == 1);
}

namespace {

// An embedding of a person: five numbers stand out.
Template of_person(const Engine &engine, std::size_t person, float quality) {
    std::vector<float> embedding(128, 0.1F);
    for (std::size_t i = 0; i < 5; ++i) {
        embedding[5 * person + i] = 2.0F;
    }
    embedding[100 + static_cast<std::size_t>(quality)] += 0.5F;
    float squares = 0.0F;
    for (const float value : embedding) {
        squares += value * value;
    }
    for (float &value : embedding) {
        value *= quality / std::sqrt(squares);
    }
    return get(engine.make_template(embedding));
}

}  // namespace

void test_reviews(const Setting &setting) {
    const Engine engine = get(Engine::open(setting.model, usual_options()));
    const Calibration calibration = get(get(engine.calibration()).with_quality_gate(9.0));
    std::vector<Template> photos;
    photos.push_back(of_person(engine, 1, 12.0F));
    photos.push_back(of_person(engine, 1, 8.0F));
    photos.push_back(of_person(engine, 2, 14.0F));
    photos.push_back(of_person(engine, 1, 11.0F));
    photos.push_back(get(engine.make_failed_template()));
    for (const Fusion fusion : {Fusion::quality, Fusion::mean}) {
        const auto alone = get(Template::review_fusion(photos, fusion));
        const auto judged = get(calibration.review_fusion(photos, 1e-3, fusion));
        CHECK(alone.size() == 5 && judged.size() == 5);
        double weights = 0.0;
        for (std::size_t i = 0; i < 5; ++i) {
            const FusedPart &part = judged[i];
            weights += part.weight;
            CHECK(alone[i].cosine == part.cosine && alone[i].fit_rank == part.fit_rank && !alone[i].score);
            CHECK(part.failed == (i == 4) && part.cosine.has_value() == (i != 4) && part.score.has_value() == (i != 4));
            CHECK(part.no_match == (i == 2) && part.low_quality == (i == 1) && !alone[i].no_match);
            CHECK(part.quality == get(photos[i].info()).quality);
        }
        CHECK(std::abs(weights - 1.0) < 1e-9);
        CHECK(judged[2].fit_rank == std::size_t{0} && judged[1].quality_rank == std::size_t{0});
        CHECK(!judged[4].fit_rank && !judged[4].quality_rank);
    }
    CHECK(get(Template::review_fusion(Span<const Template>(photos.data(), 1)))[0].weight == 1.0);
    refused(Status::invalid_argument, "count is 0", [] { return Template::review_fusion(Span<const Template>()); });
    refused(Status::invalid_argument, "count is 0",
            [&] { return calibration.review_fusion(Span<const Template>(), 1e-3); });
    refused(Status::calibration, "supports", [&] { return calibration.review_fusion(photos, 1e-12); });
    Calibration taken = get(engine.calibration());
    const Calibration other = std::move(taken);
    CHECK(other);
    refused(Status::invalid_argument, "calibration is NULL", [&] { return taken.review_fusion(photos, 1e-3); });
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
    CHECK(same.log_likelihood_ratio && *same.log_likelihood_ratio > 5.0 && !same.quality_below_data);
    CHECK(same.negative_log10_fmr_at_quality && *same.negative_log10_fmr_at_quality > 3.5);
    const Decision match = get(own.decide(same, 1e-3));
    CHECK(match.outcome == Outcome::match && match.lacking == Lacking::nothing);
    CHECK(match.threshold && *match.threshold < 0.9 && match.pass_rate && *match.pass_rate > 0.5);
    const Decision unknown = get(gated.decide(get(gated.compare(face, face)), 1e-3));
    CHECK(unknown.outcome == Outcome::not_enough_information && unknown.lacking == Lacking::quality);
    const Decision faceless = get(own.decide(get(own.compare(failed, face)), 1e-3));
    CHECK(faceless.lacking == Lacking::face && !faceless.threshold && !faceless.pass_rate);
    refused(Status::calibration, "supports", [&] { return own.decide(same, 1e-9); });
    refused(Status::calibration, "at each quality", [&] { return given.decide(same, 1e-3); });
    CHECK(!get(given.compare(face, face)).log_likelihood_ratio);
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

// The shorter an embedding is, the less it resembles its person's others, as with real ones.
std::vector<float> made_up_people(std::size_t length, std::vector<std::uint32_t> &people) {
    constexpr std::size_t images_each = 5;
    std::uint32_t state = 1;
    const auto next = [&state] {
        state = state * 1664525u + 1013904223u;
        return static_cast<double>(state >> 8) / (1 << 23) - 1.0;
    };
    std::vector<float> embeddings;
    for (std::uint32_t person = 0; person < 60; ++person) {
        std::vector<double> centre(length);
        for (double &value : centre) {
            value = next();
        }
        for (std::size_t image = 0; image < images_each; ++image) {
            const double quality = 11.0 + 3.0 * next();
            std::vector<double> raw;
            double squares = 0.0;
            for (const double value : centre) {
                raw.push_back(value + (14.5 - quality) * 0.35 * next());
                squares += raw.back() * raw.back();
            }
            for (const double value : raw) {
                embeddings.push_back(static_cast<float>(value * quality / std::sqrt(squares)));
            }
            people.push_back(1000 - person);
        }
    }
    return embeddings;
}

void test_fits(const Setting &setting) {
    Engine engine = get(Engine::open(setting.model, usual_options()));
    const std::size_t length = get(engine.info()).embedding_length;
    std::vector<std::uint32_t> people;
    const std::vector<float> embeddings = made_up_people(length, people);
    FitOptions options;
    CHECK(options.procedure == FitProcedure::published && options.fmr.least == 1e-5 && options.fmr.greatest == 1e-2);
    options.fmr.least = 1e-3;
    options.replicates = 50;
    options.data = "made-up people";

    const Calibration any = get(Calibration::fit(embeddings, length, people, options));
    const CalibrationInfo info = get(any.info());
    CHECK(info.status == CalibrationStatus::own && info.model.empty() && info.subjects == 60 && info.images == 300);
    CHECK(info.genuine_pairs == 600 && info.impostor_pairs == 44250 && info.thresholds > 1);
    CHECK(info.parameters.beta > 0.0);

    const auto thresholds = get(any.measured_thresholds());
    CHECK(thresholds.size() == info.thresholds);
    for (const MeasuredThreshold &threshold : thresholds) {
        CHECK(std::abs(get(any.threshold(threshold.fmr)) - threshold.score) < 1e-12);
        CHECK(threshold.score_interval && threshold.score_interval->low <= threshold.score);
        CHECK(threshold.score <= threshold.score_interval->high);
        CHECK(threshold.fnmr && *threshold.fnmr >= 0.0 && *threshold.fnmr <= 1.0);
        CHECK(threshold.fnmr_interval && threshold.fnmr_interval->low <= *threshold.fnmr);
        CHECK(threshold.impostors_above);
        CHECK(static_cast<double>(*threshold.impostors_above) <= threshold.fmr * 44250.0);
    }
    CHECK(get(get(Calibration::create({0.1, 0.2})).measured_thresholds()).empty());
    for (const MeasuredThreshold &threshold : get(get(engine.calibration()).measured_thresholds())) {
        CHECK(threshold.fmr > 0.0 && std::isfinite(threshold.score));
    }

    // Of the engine's model, and of templates, which say whose they are; a failed one takes no part.
    const Calibration own = get(engine.fit_calibration(embeddings, people, options));
    CHECK(get(own.info()).model == "sface" && get(own.info()).parameters.alpha == info.parameters.alpha);
    std::vector<Template> templates;
    for (std::size_t image = 0; image < people.size(); ++image) {
        templates.push_back(get(engine.make_template(Floats(embeddings.data() + image * length, length))));
    }
    templates.push_back(get(engine.make_failed_template()));
    std::vector<std::uint32_t> with_failed = people;
    with_failed.push_back(7);
    const Calibration stored = get(Calibration::fit(templates, with_failed, options));
    CHECK(get(stored.info()).model == "sface" && get(stored.info()).images == 300);
    CHECK(std::abs(get(stored.info()).parameters.alpha - info.parameters.alpha) < 1e-3);

    // What the other procedures give, and what is odd is said.
    for (const FitProcedure procedure : {FitProcedure::consistent, FitProcedure::direct}) {
        options.procedure = procedure;
        CHECK(get(get(Calibration::fit(embeddings, length, people, options)).info()).parameters.alpha !=
              info.parameters.alpha);
    }
    FitWarnings warnings;
    CHECK(!warnings);
    FitOptions rash;
    rash.allow_unsupported = true;
    rash.replicates = 0;
    const Calibration odd = get(Calibration::fit(embeddings, length, people, rash, &warnings));
    CHECK(warnings && warnings.unsupported && !get(odd.measured_thresholds())[0].score_interval);

    // Embeddings that were normalised have no quality any more.
    std::vector<float> normalised = embeddings;
    for (std::size_t image = 0; image < people.size(); ++image) {
        float squares = 0.0F;
        for (std::size_t i = 0; i < length; ++i) {
            squares += normalised[image * length + i] * normalised[image * length + i];
        }
        for (std::size_t i = 0; i < length; ++i) {
            normalised[image * length + i] /= std::sqrt(squares);
        }
    }
    refused(Status::calibration, "normalised", [&] { return Calibration::fit(normalised, length, people, options); });

    refused(Status::calibration, "300000 impostor pairs",
            [&] { return Calibration::fit(embeddings, length, people); });
    refused(Status::calibration, "300000 impostor pairs", [&] { return engine.fit_calibration(embeddings, people); });
    refused(Status::calibration, "300000 impostor pairs", [&] { return Calibration::fit(templates, with_failed); });
    refused(Status::invalid_argument, "one for each", [&] { return Calibration::fit(templates, people, options); });
    refused(Status::invalid_argument, "one for each",
            [&] { return Calibration::fit(embeddings, length, with_failed, options); });
    refused(Status::invalid_argument, "no whole embeddings",
            [&] { return Calibration::fit(embeddings, length - 1, people, options); });
    refused(Status::invalid_argument, "no whole embeddings",
            [&] { return Calibration::fit(embeddings, 0, people, options); });
    options.procedure = static_cast<FitProcedure>(9);
    refused(Status::invalid_argument, "procedure is 9",
            [&] { return Calibration::fit(embeddings, length, people, options); });
    options.procedure = FitProcedure::published;
    options.data = std::string("a\0b", 3);
    refused(Status::invalid_argument, "NUL", [&] { return Calibration::fit(embeddings, length, people, options); });
}
