/*
 * Calibrations and comparisons, where they succeed. The Rust test compares what is printed with what the Rust interface
 * gives.
 *
 * calibration FOLDER MODEL: the folder holds the files that tests/c_abi/setting.rs writes; chips.bgr has three faces.
 */
#include "client.h"
#include "layout.h"

#include <math.h>

#define LENGTH 128
#define FACES 3

static qmf_calibration_info info_of(const qmf_calibration *handle) {
    qmf_calibration_info info;
    EXPECT(QMF_OK, qmf_calibration_info_init(&info, sizeof info));
    CHECK(info.struct_size == sizeof info && isnan(info.quality_gate) && info.thresholds == 0);
    EXPECT(QMF_OK, qmf_calibration_get_info(handle, &info));
    CHECK(info.struct_size == sizeof info && info.reserved == 0);
    return info;
}

/* The bytes of a calibration; free `data` afterwards. */
static bytes serialized(const qmf_calibration *handle) {
    bytes made = {NULL, 0};
    size_t size = 0;
    EXPECT(QMF_ERROR_BUFFER_TOO_SMALL, qmf_calibration_serialize(handle, NULL, 0, &made.size));
    made.data = (uint8_t *)malloc(made.size + 4);
    CHECK(made.data != NULL);
    memset(made.data, 0xA5, made.size + 4);
    EXPECT(QMF_OK, qmf_calibration_serialize(handle, made.data, made.size + 4, &size));
    CHECK(size == made.size && memcmp(&made.data[size], "\xA5\xA5\xA5\xA5", 4) == 0);
    return made;
}

/* All that a calibration tells; NaN where it knows nothing. */
static void print_calibration(const char *name, const qmf_calibration *handle) {
    static const double SCORES[] = {-INFINITY, -2.0, -0.6956, -0.5, -0.181, 0.0, 0.04, 0.5, INFINITY};
    static const double FMRS[] = {0.01, 0.005, 1e-3, 3e-5, 1e-5};
    const qmf_calibration_info info = info_of(handle);
    const bytes text = serialized(handle);
    size_t i;
    printf("calibration %s %s %s %d %u", name, info.model[0] == '\0' ? "any" : info.model,
           info.fingerprint[0] == '\0' ? "any" : info.fingerprint, (int)info.status, (unsigned)info.thresholds);
    print_f64(info.alpha);
    print_f64(info.beta);
    CHECK(isnan(info.least_fmr) == (info.thresholds == 0) && isnan(info.greatest_fmr) == (info.thresholds == 0));
    if (!isnan(info.quality_gate)) {
        print_f64(info.quality_gate);
    }
    if (info.thresholds > 0) {
        print_f64(info.least_fmr);
        print_f64(info.greatest_fmr);
        for (i = 0; i < sizeof FMRS / sizeof FMRS[0]; i++) {
            double score = 99.0;
            EXPECT(QMF_OK, qmf_calibration_threshold(handle, FMRS[i], &score));
            print_f64(score);
        }
        for (i = 0; i < sizeof SCORES / sizeof SCORES[0]; i++) {
            double value = 99.0, again = 99.0;
            uint32_t flags = 99;
            EXPECT(QMF_OK, qmf_calibration_fmr(handle, SCORES[i], &value, &flags));
            EXPECT(QMF_OK, qmf_calibration_fmr(handle, SCORES[i], &again, NULL));
            CHECK(value == again && (flags == 0 || flags == QMF_COMPARISON_OUT_OF_RANGE));
            print_f64(value);
            printf(" %u", (unsigned)flags);
        }
    }
    print_bytes(text.data, text.size);
    printf("\n");
    free(text.data);
}

/* Saved and loaded, written and read, it is the same. */
static void round_trips(const qmf_calibration *handle) {
    const bytes text = serialized(handle);
    qmf_calibration *again = NULL;
    bytes file;
    EXPECT(QMF_OK, qmf_calibration_save(handle, "saved.toml"));
    EXPECT(QMF_OK, qmf_calibration_save(handle, "saved.toml")); /* in place of the first */
    file = read_file(".", "saved.toml");
    CHECK(file.size == text.size && memcmp(file.data, text.data, text.size) == 0);
    EXPECT(QMF_OK, qmf_calibration_load("saved.toml", &again));
    print_calibration("loaded", again);
    qmf_calibration_destroy(again);
    EXPECT(QMF_OK, qmf_calibration_parse(text.data, text.size, &again));
    print_calibration("parsed", again);
    qmf_calibration_destroy(again);
    CHECK(remove("saved.toml") == 0);
    free(file.data);
    free(text.data);
}

static void print_comparison(const char *how, size_t a, size_t b, const qmf_comparison *result) {
    printf("%s %d %d %u", how, (int)a, (int)b, (unsigned)result->flags);
    print_f64(result->cosine);
    print_f64(result->quality_a);
    print_f64(result->quality_b);
    print_f64(result->score);
    if (!isnan(result->negative_log10_fmr)) {
        print_f64(result->negative_log10_fmr);
    }
    CHECK(isnan(result->log_likelihood_ratio) == isnan(result->negative_log10_fmr_at_quality));
    if (!isnan(result->log_likelihood_ratio)) {
        print_f64(result->log_likelihood_ratio);
        print_f64(result->negative_log10_fmr_at_quality);
    }
    printf("\n");
}

/* Every pair of templates (the last is a failed one) and embeddings, and the matrices, which say the same. */
static void comparisons(const char *name, const qmf_calibration *calibration, qmf_template *const *templates,
                        float embeddings[FACES][LENGTH]) {
    float matrix[(FACES + 1) * (FACES + 1) + 1], of_embeddings[FACES * FACES + 1], one_to_many[FACES + 1];
    const qmf_template *const *handles = (const qmf_template *const *)templates;
    size_t a, b;
    qmf_comparison result;
    EXPECT(QMF_OK, qmf_comparison_init(&result, sizeof result));
    CHECK(result.struct_size == sizeof result && result.flags == 0 && isnan(result.negative_log10_fmr));
    matrix[(FACES + 1) * (FACES + 1)] = of_embeddings[FACES * FACES] = 77.0f;
    EXPECT(QMF_OK, qmf_score_matrix(calibration, handles, FACES + 1, handles, FACES + 1, NULL, matrix,
                                    sizeof matrix / sizeof matrix[0]));
    EXPECT(QMF_OK, qmf_score_matrix_embeddings(calibration, embeddings[0], FACES, embeddings[0], FACES, LENGTH, NULL,
                                               of_embeddings, sizeof of_embeddings / sizeof of_embeddings[0]));
    CHECK(matrix[(FACES + 1) * (FACES + 1)] == 77.0f && of_embeddings[FACES * FACES] == 77.0f);
    EXPECT(QMF_OK, qmf_score_matrix(calibration, &handles[1], 1, handles, FACES + 1, NULL, one_to_many, FACES + 1));
    for (a = 0; a <= FACES; a++) {
        for (b = 0; b <= FACES; b++) {
            const float of_matrix = matrix[a * (FACES + 1) + b];
            EXPECT(QMF_OK, qmf_compare(calibration, templates[a], templates[b], &result));
            CHECK(result.struct_size == sizeof result);
            print_comparison(name, a, b, &result);
            if (a == FACES || b == FACES) {
                CHECK((result.flags & QMF_COMPARISON_FAILED_TEMPLATE) != 0 && result.cosine == -1.0);
                CHECK(result.score == -INFINITY && of_matrix == -INFINITY);
                continue;
            }
            CHECK((result.flags & QMF_COMPARISON_FAILED_TEMPLATE) == 0);
            CHECK(fabs(of_matrix - result.score) < 1e-5);
            EXPECT(QMF_OK, qmf_compare_embeddings(calibration, embeddings[a], embeddings[b], LENGTH, &result));
            print_comparison("embeddings", a, b, &result);
            CHECK(fabs(of_embeddings[a * FACES + b] - result.score) < 1e-5);
            CHECK(fabs(of_matrix - result.score) < 1e-5);
            if (a == 1) {
                CHECK(fabs(one_to_many[b] - result.score) < 1e-5);
            }
        }
    }
    printf("matrix");
    print_f32(matrix, (FACES + 1) * (FACES + 1));
    print_f32(of_embeddings, FACES * FACES);
    print_f32(one_to_many, FACES + 1);
    printf("\n");
}

/* One of length 1 was normalised: said of embeddings and of templates, on either side; the cosine holds. */
static void unit_lengths(const qmf_calibration *calibration, const qmf_template *face, const qmf_template *unit,
                         const float *embedding, const float *normalised) {
    qmf_comparison of_embeddings, of_templates;
    int side;
    EXPECT(QMF_OK, qmf_comparison_init(&of_embeddings, sizeof of_embeddings));
    of_templates = of_embeddings;
    for (side = 0; side < 3; side++) {
        const float *const a = side == 0 ? embedding : normalised, *const b = side == 1 ? embedding : normalised;
        const qmf_template *const c = side == 0 ? face : unit, *const d = side == 1 ? face : unit;
        EXPECT(QMF_OK, qmf_compare_embeddings(calibration, a, b, LENGTH, &of_embeddings));
        EXPECT(QMF_OK, qmf_compare(calibration, c, d, &of_templates));
        CHECK((of_embeddings.flags & of_templates.flags & QMF_COMPARISON_UNIT_LENGTH) != 0);
        CHECK(fabs(of_embeddings.cosine - 1.0) < 1e-6 && fabs(of_templates.cosine - 1.0) < 1e-6);
    }
    EXPECT(QMF_OK, qmf_compare(calibration, face, face, &of_templates));
    CHECK((of_templates.flags & QMF_COMPARISON_UNIT_LENGTH) == 0);
}

/* A struct of a later release: what this library doesn't know stays as it was. */
static void larger_structs(const qmf_calibration *calibration, const qmf_template *face) {
    struct {
        qmf_comparison known;
        uint64_t future;
    } comparison;
    EXPECT(QMF_OK, qmf_comparison_init(&comparison.known, sizeof comparison));
    CHECK(comparison.known.struct_size == sizeof comparison && comparison.future == 0);
    comparison.future = 77;
    EXPECT(QMF_OK, qmf_compare(calibration, face, face, &comparison.known));
    CHECK(comparison.known.struct_size == sizeof comparison && comparison.future == 77);
    CHECK(comparison.known.cosine > 0.999 && comparison.known.quality_a > 0.0);
}

/* A face against itself, against another, and against none. */
static void decisions(const qmf_calibration *calibration, const qmf_calibration *without, qmf_template *const *templates,
                      const qmf_template *unit) {
    const qmf_template *const others[4] = {templates[0], templates[1], templates[FACES], unit};
    size_t i;
    qmf_comparison compared;
    qmf_decision decision;
    EXPECT(QMF_OK, qmf_comparison_init(&compared, sizeof compared));
    EXPECT(QMF_OK, qmf_decision_init(&decision, sizeof decision));
    CHECK(decision.outcome == QMF_OUTCOME_NOT_ENOUGH_INFORMATION && decision.lacking == QMF_LACKING_NOTHING);
    for (i = 0; i < 4; i++) {
        EXPECT(QMF_OK, qmf_compare(calibration, templates[0], others[i], &compared));
        EXPECT(QMF_OK, qmf_decide(calibration, &compared, 1e-3, &decision));
        printf("decision %d %d %d", (int)i, (int)decision.outcome, (int)decision.lacking);
        if (!isnan(decision.threshold)) {
            print_f64(decision.threshold);
            print_f64(decision.pass_rate);
        }
        printf("\n");
        EXPECT(QMF_ERROR_CALIBRATION, qmf_decide(without, &compared, 1e-3, &decision));
        EXPECT(QMF_ERROR_CALIBRATION, qmf_decide(calibration, &compared, 1e-9, &decision));
    }
}

int main(int argc, char **argv) {
    qmf_engine *engine;
    qmf_calibration *own = NULL, *given = NULL, *wide = NULL, *gated = NULL, *open = NULL;
    qmf_template *templates[FACES + 1], *unit = NULL;
    float embeddings[FACES][LENGTH], before[FACES][LENGTH], normalised[LENGTH];
    double quality = 0.0;
    bytes chips;
    size_t length = 0, i;
    CHECK(argc == 3);
    engine = open_engine(argv[2]);
    chips = read_file(argv[1], "chips.bgr");
    CHECK(chips.size == FACES * QMF_CHIP_SIZE);
    for (i = 0; i < FACES; i++) {
        EXPECT(QMF_OK, qmf_embed(engine, chips.data + i * QMF_CHIP_SIZE, 1, NULL, embeddings[i], LENGTH, &length));
        EXPECT(QMF_OK, qmf_template_create(engine, embeddings[i], LENGTH, &templates[i]));
    }
    free(chips.data);
    memcpy(before, embeddings, sizeof before);
    EXPECT(QMF_OK, qmf_template_create_failed(engine, &templates[FACES]));
    EXPECT(QMF_OK, qmf_quality(engine, embeddings[0], LENGTH, &quality));
    for (i = 0; i < LENGTH; i++) {
        normalised[i] = (float)(embeddings[0][i] / quality);
    }
    EXPECT(QMF_OK, qmf_template_create(engine, normalised, LENGTH, &unit));

    EXPECT(QMF_OK, qmf_engine_get_calibration(engine, &own));
    CHECK(qmf_live_calibrations() == 1);
    /* What it made lives on without it. */
    qmf_engine_destroy(engine);
    CHECK(qmf_live_engines() == 0 && qmf_live_calibrations() == 1 && qmf_live_templates() == FACES + 2);

    print_calibration("own", own);
    round_trips(own);
    EXPECT(QMF_OK, qmf_calibration_create(0.077428, 0.125926, &given));
    CHECK(info_of(given).status == QMF_CALIBRATION_GIVEN && info_of(given).thresholds == 0);
    print_calibration("given", given);
    EXPECT(QMF_OK, qmf_calibration_load("wide.toml", &wide));
    EXPECT(QMF_OK, qmf_calibration_with_quality_gate(wide, 12.9, &gated));
    CHECK(info_of(gated).quality_gate == 12.9 && isnan(info_of(wide).quality_gate));
    print_calibration("gated", gated);
    EXPECT(QMF_OK, qmf_calibration_with_quality_gate(gated, NAN, &open));
    CHECK(isnan(info_of(open).quality_gate));

    comparisons("own", own, templates, embeddings);
    comparisons("given", given, templates, embeddings);
    comparisons("gated", gated, templates, embeddings);
    /* A comparison must not touch what it compares. */
    CHECK(memcmp(before, embeddings, sizeof before) == 0);
    larger_structs(own, templates[0]);
    unit_lengths(own, templates[0], unit, embeddings[0], normalised);
    decisions(own, given, templates, unit);
    qmf_template_destroy(unit);

    for (i = 0; i <= FACES; i++) {
        qmf_template_destroy(templates[i]);
    }
    qmf_calibration_destroy(own);
    qmf_calibration_destroy(given);
    qmf_calibration_destroy(wide);
    qmf_calibration_destroy(gated);
    qmf_calibration_destroy(open);
    qmf_calibration_destroy(NULL);
    check_no_handle();
    return 0;
}
