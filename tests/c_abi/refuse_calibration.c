/*
 * Calibrations and comparisons, where they must refuse: the status, the text, and that nothing is written.
 *
 * refuse_calibration FOLDER MODEL: the folder holds the files that tests/c_abi/setting.rs writes.
 */
#include "refuse.h"

static qmf_calibration *own, *given, *foreign_calibration;
static qmf_template *face, *foreign, *shorter;
#define CROOKED MISALIGNED(const qmf_calibration, own)
#define CROOKED_FACE MISALIGNED(const qmf_template, face)

static qmf_template *parsed(const char *folder, const char *name) {
    const bytes file = read_file(folder, name);
    qmf_template *made = NULL;
    EXPECT(QMF_OK, qmf_template_parse(file.data, file.size, &made));
    free(file.data);
    return made;
}

static void creating(const char *model) {
    qmf_engine *engine = open_engine(model), *uncalibrated = open_engine("./sface-uncalibrated");
    qmf_calibration *made, *slots[2];
    REFUSED(INVALID, "result is NULL", qmf_engine_get_calibration(engine, NULL));
    KEEPS(slots, INVALID, "result is not aligned",
          qmf_engine_get_calibration(engine, MISALIGNED(qmf_calibration *, slots)));
    KEEPS(made, INVALID, "engine is NULL", qmf_engine_get_calibration(NULL, &made));
    KEEPS(made, INVALID, "engine is not aligned",
          qmf_engine_get_calibration(MISALIGNED(const qmf_engine, engine), &made));
    KEEPS(made, QMF_ERROR_MODEL, "has no (alpha, beta)", qmf_engine_get_calibration(uncalibrated, &made));
    qmf_engine_destroy(engine);
    qmf_engine_destroy(uncalibrated);

    REFUSED(INVALID, "result is NULL", qmf_calibration_create(0.1, 0.1, NULL));
    KEEPS(slots, INVALID, "result is not aligned",
          qmf_calibration_create(0.1, 0.1, MISALIGNED(qmf_calibration *, slots)));
    KEEPS(made, INVALID, "alpha is NaN", qmf_calibration_create(NAN, 0.1, &made));
    KEEPS(made, INVALID, "beta is inf", qmf_calibration_create(0.1, INFINITY, &made));
    KEEPS(made, INVALID, "beta is -100.1", qmf_calibration_create(0.1, -100.1, &made));
}

static void files(const char *folder) {
    const bytes text = read_file(folder, "ours.toml");
    bytes broken = read_file(folder, "ours.toml");
    uint8_t *large = (uint8_t *)malloc((1 << 20) + 1);
    uint8_t data[4096];
    size_t size, needed = 0, slots[2];
    qmf_calibration *made, *places[2];
    CHECK(large != NULL);
    memset(large, ' ', (1 << 20) + 1);

    REFUSED(INVALID, "result is NULL", qmf_calibration_load("ours.toml", NULL));
    KEEPS(places, INVALID, "result is not aligned",
          qmf_calibration_load("ours.toml", MISALIGNED(qmf_calibration *, places)));
    KEEPS(made, INVALID, "path is NULL", qmf_calibration_load(NULL, &made));
    KEEPS(made, INVALID, "path is not UTF-8", qmf_calibration_load("\xFF", &made));
    KEEPS(made, QMF_ERROR_IO, "no-such.toml", qmf_calibration_load("no-such.toml", &made));
    KEEPS(made, QMF_ERROR_IO, "", qmf_calibration_load("", &made));
    KEEPS(made, QMF_ERROR_IO, "", qmf_calibration_load(".", &made));
    KEEPS(made, QMF_ERROR_CALIBRATION, "text.jpg", qmf_calibration_load("text.jpg", &made));
    KEEPS(made, QMF_ERROR_CALIBRATION, "face.png", qmf_calibration_load("face.png", &made));

    REFUSED(INVALID, "handle is NULL", qmf_calibration_save(NULL, "made.toml"));
    REFUSED(INVALID, "handle is not aligned", qmf_calibration_save(CROOKED, "made.toml"));
    REFUSED(INVALID, "path is NULL", qmf_calibration_save(own, NULL));
    REFUSED(INVALID, "path is not UTF-8", qmf_calibration_save(own, "\xC3"));
    REFUSED(QMF_ERROR_IO, "no/such/folder", qmf_calibration_save(own, "no/such/folder/made.toml"));
    CHECK(fopen("made.toml", "rb") == NULL);

    REFUSED(INVALID, "result is NULL", qmf_calibration_parse(text.data, text.size, NULL));
    KEEPS(places, INVALID, "result is not aligned",
          qmf_calibration_parse(text.data, text.size, MISALIGNED(qmf_calibration *, places)));
    KEEPS(made, INVALID, "data is NULL", qmf_calibration_parse(NULL, text.size, &made));
    KEEPS(made, INVALID, "more than memory can hold", qmf_calibration_parse(text.data, SIZE_MAX, &made));
    KEEPS(made, QMF_ERROR_CALIBRATION, "format", qmf_calibration_parse(text.data, 0, &made));
    KEEPS(made, QMF_ERROR_CALIBRATION, "", qmf_calibration_parse(text.data, text.size / 2, &made));
    KEEPS(made, QMF_ERROR_LIMIT, "1048576", qmf_calibration_parse(large, (1 << 20) + 1, &made));
    broken.data[0] = 0xFF;
    KEEPS(made, QMF_ERROR_CALIBRATION, "not UTF-8", qmf_calibration_parse(broken.data, broken.size, &made));

    REFUSED(INVALID, "size is NULL", qmf_calibration_serialize(own, data, sizeof data, NULL));
    KEEPS(slots, INVALID, "size is not aligned",
          qmf_calibration_serialize(own, data, sizeof data, MISALIGNED(size_t, slots)));
    KEEPS(size, INVALID, "handle is NULL", qmf_calibration_serialize(NULL, data, sizeof data, &size));
    KEEPS(size, INVALID, "handle is not aligned", qmf_calibration_serialize(CROOKED, data, sizeof data, &size));
    KEEPS(size, INVALID, "data is NULL", qmf_calibration_serialize(own, NULL, sizeof data, &size));
    EXPECT(QMF_OK, qmf_calibration_serialize(own, data, sizeof data, &needed));
    TOO_SMALL(data, size, needed, qmf_calibration_serialize(own, data, needed - 1, &size));
    TOO_SMALL(data, size, needed, qmf_calibration_serialize(own, NULL, 0, &size));
    free(text.data);
    free(broken.data);
    free(large);
}

static void info(void) {
    qmf_calibration_info known, slots[2];
    REFUSED(INVALID, "info is NULL", qmf_calibration_get_info(own, NULL));
    KEEPS(slots, INVALID, "info is not aligned",
          qmf_calibration_get_info(own, MISALIGNED(qmf_calibration_info, slots)));
    KEEPS(known, INVALID, "handle is NULL", qmf_calibration_get_info(NULL, &known));
    KEEPS(known, INVALID, "handle is not aligned", qmf_calibration_get_info(CROOKED, &known));
    REFUSES_SIZES(known, "info", qmf_calibration_get_info(own, &known));
}

static void gates(void) {
    qmf_calibration *made, *slots[2];
    REFUSED(INVALID, "result is NULL", qmf_calibration_with_quality_gate(own, 1.0, NULL));
    KEEPS(slots, INVALID, "result is not aligned",
          qmf_calibration_with_quality_gate(own, 1.0, MISALIGNED(qmf_calibration *, slots)));
    KEEPS(made, INVALID, "handle is NULL", qmf_calibration_with_quality_gate(NULL, 1.0, &made));
    KEEPS(made, INVALID, "handle is not aligned", qmf_calibration_with_quality_gate(CROOKED, 1.0, &made));
    KEEPS(made, INVALID, "quality_gate is -1", qmf_calibration_with_quality_gate(own, -1.0, &made));
    KEEPS(made, INVALID, "quality_gate is inf", qmf_calibration_with_quality_gate(own, INFINITY, &made));
}

static void thresholds(void) {
    double score, slots[2];
    uint32_t flags, flag_slots[2];
    REFUSED(INVALID, "score is NULL", qmf_calibration_threshold(own, 1e-3, NULL));
    KEEPS(slots, INVALID, "score is not aligned", qmf_calibration_threshold(own, 1e-3, MISALIGNED(double, slots)));
    KEEPS(score, INVALID, "handle is NULL", qmf_calibration_threshold(NULL, 1e-3, &score));
    KEEPS(score, INVALID, "handle is not aligned", qmf_calibration_threshold(CROOKED, 1e-3, &score));
    KEEPS(score, INVALID, "NaN", qmf_calibration_threshold(own, NAN, &score));
    KEEPS(score, INVALID, "above 0 and below 1", qmf_calibration_threshold(own, 0.0, &score));
    KEEPS(score, INVALID, "above 0 and below 1", qmf_calibration_threshold(own, -1e-3, &score));
    KEEPS(score, INVALID, "above 0 and below 1", qmf_calibration_threshold(own, 1.0, &score));
    KEEPS(score, INVALID, "above 0 and below 1", qmf_calibration_threshold(own, INFINITY, &score));
    KEEPS(score, QMF_ERROR_CALIBRATION, "supports 1e-5 to 1e-2", qmf_calibration_threshold(own, 1e-6, &score));
    KEEPS(score, QMF_ERROR_CALIBRATION, "supports 1e-5 to 1e-2", qmf_calibration_threshold(own, 0.5, &score));
    KEEPS(score, QMF_ERROR_CALIBRATION, "no thresholds", qmf_calibration_threshold(given, 1e-3, &score));

    REFUSED(INVALID, "negative_log10_fmr is NULL", qmf_calibration_fmr(own, 0.0, NULL, NULL));
    KEEPS(slots, INVALID, "negative_log10_fmr is not aligned",
          qmf_calibration_fmr(own, 0.0, MISALIGNED(double, slots), NULL));
    KEEPS(score, INVALID, "flags is not aligned",
          qmf_calibration_fmr(own, 0.0, &score, MISALIGNED(uint32_t, flag_slots)));
    KEEPS(score, INVALID, "handle is NULL", qmf_calibration_fmr(NULL, 0.0, &score, NULL));
    KEEPS(score, INVALID, "handle is not aligned", qmf_calibration_fmr(CROOKED, 0.0, &score, NULL));
    KEEPS(score, INVALID, "score is not a number", qmf_calibration_fmr(own, NAN, &score, NULL));
    KEEPS(flags, INVALID, "score is not a number", qmf_calibration_fmr(own, NAN, &score, &flags));
    KEEPS(score, QMF_ERROR_CALIBRATION, "no thresholds", qmf_calibration_fmr(given, 0.0, &score, &flags));
    KEEPS(flags, QMF_ERROR_CALIBRATION, "no thresholds", qmf_calibration_fmr(given, 0.0, &score, &flags));
}

/* `call` writes to `out`, whose size is filled in before. */
#define KEEPS_COMPARISON(wanted, part, call)                                                                           \
    do {                                                                                                               \
        fill(&out, sizeof out);                                                                                        \
        out.struct_size = sizeof out;                                                                                  \
        REFUSED(wanted, part, call);                                                                                   \
        CHECK(out.struct_size == sizeof out && is_filled((const uint8_t *)&out + 4, sizeof out - 4));                  \
    } while (0)

static void comparing(void) {
    qmf_comparison out, slots[2];
    REFUSED(INVALID, "comparison is NULL", qmf_compare(own, face, face, NULL));
    KEEPS(slots, INVALID, "comparison is not aligned",
          qmf_compare(own, face, face, MISALIGNED(qmf_comparison, slots)));
    REFUSES_SIZES(out, "comparison", qmf_compare(own, face, face, &out));
    KEEPS_COMPARISON(INVALID, "calibration is NULL", qmf_compare(NULL, face, face, &out));
    KEEPS_COMPARISON(INVALID, "calibration is not aligned", qmf_compare(CROOKED, face, face, &out));
    KEEPS_COMPARISON(INVALID, "a is NULL", qmf_compare(own, NULL, face, &out));
    KEEPS_COMPARISON(INVALID, "a is not aligned", qmf_compare(own, CROOKED_FACE, face, &out));
    KEEPS_COMPARISON(INVALID, "b is NULL", qmf_compare(own, face, NULL, &out));
    KEEPS_COMPARISON(INVALID, "b is not aligned", qmf_compare(own, face, CROOKED_FACE, &out));
    /* Both models are named. */
    KEEPS_COMPARISON(QMF_ERROR_MODEL_MISMATCH, "model sface (", qmf_compare(own, face, foreign, &out));
    CHECK(strstr(last_error(), "model other (070707") != NULL);
    KEEPS_COMPARISON(QMF_ERROR_MODEL_MISMATCH, "model sface (", qmf_compare(given, foreign, face, &out));
    CHECK(strstr(last_error(), "model other (070707") != NULL);
    KEEPS_COMPARISON(QMF_ERROR_MODEL_MISMATCH, "the calibration of model sface",
                     qmf_compare(own, foreign, foreign, &out));
    KEEPS_COMPARISON(QMF_ERROR_MODEL_MISMATCH, "the calibration of model other",
                     qmf_compare(foreign_calibration, face, face, &out));
    KEEPS_COMPARISON(QMF_ERROR_MODEL_MISMATCH, "64", qmf_compare(given, face, shorter, &out));
}

static void deciding(void) {
    qmf_comparison compared;
    qmf_decision out, slots[2];
    EXPECT(QMF_OK, qmf_comparison_init(&compared, sizeof compared));
    EXPECT(QMF_OK, qmf_compare(own, face, face, &compared));
    REFUSED(INVALID, "decision is NULL", qmf_decide(own, &compared, 1e-3, NULL));
    KEEPS(slots, INVALID, "decision is not aligned", qmf_decide(own, &compared, 1e-3, MISALIGNED(qmf_decision, slots)));
    REFUSES_SIZES(out, "decision", qmf_decide(own, &compared, 1e-3, &out));
    EXPECT(QMF_OK, qmf_decision_init(&out, sizeof out));
    REFUSED(INVALID, "comparison is NULL", qmf_decide(own, NULL, 1e-3, &out));
    REFUSED(INVALID, "calibration is NULL", qmf_decide(NULL, &compared, 1e-3, &out));
    REFUSED(INVALID, "above 0 and below 1", qmf_decide(own, &compared, 0.0, &out));
    REFUSED(INVALID, "above 0 and below 1", qmf_decide(own, &compared, NAN, &out));
    REFUSED(QMF_ERROR_CALIBRATION, "the calibration's data supports", qmf_decide(own, &compared, 1e-9, &out));
    REFUSED(QMF_ERROR_CALIBRATION, "doesn't say what scores mean at each quality",
            qmf_decide(given, &compared, 1e-3, &out));
    REFUSED(INVALID, "decision", qmf_decision_init(NULL, sizeof out));
}

static void comparing_embeddings(void) {
    float a[LENGTH], zero[LENGTH] = {0}, broken[LENGTH];
    qmf_comparison out, slots[2];
    size_t i;
    for (i = 0; i < LENGTH; i++) {
        a[i] = broken[i] = (float)i;
    }
    broken[17] = NAN;
    REFUSED(INVALID, "comparison is NULL", qmf_compare_embeddings(own, a, a, LENGTH, NULL));
    KEEPS(slots, INVALID, "comparison is not aligned",
          qmf_compare_embeddings(own, a, a, LENGTH, MISALIGNED(qmf_comparison, slots)));
    REFUSES_SIZES(out, "comparison", qmf_compare_embeddings(own, a, a, LENGTH, &out));
    KEEPS_COMPARISON(INVALID, "calibration is NULL", qmf_compare_embeddings(NULL, a, a, LENGTH, &out));
    KEEPS_COMPARISON(INVALID, "calibration is not aligned", qmf_compare_embeddings(CROOKED, a, a, LENGTH, &out));
    KEEPS_COMPARISON(INVALID, "a is NULL", qmf_compare_embeddings(own, NULL, a, LENGTH, &out));
    KEEPS_COMPARISON(INVALID, "a is not aligned",
                     qmf_compare_embeddings(own, MISALIGNED(const float, a), a, LENGTH, &out));
    KEEPS_COMPARISON(INVALID, "b is NULL", qmf_compare_embeddings(own, a, NULL, LENGTH, &out));
    KEEPS_COMPARISON(INVALID, "b is not aligned",
                     qmf_compare_embeddings(own, a, MISALIGNED(const float, a), LENGTH, &out));
    KEEPS_COMPARISON(INVALID, "has no element", qmf_compare_embeddings(own, a, a, 0, &out));
    KEEPS_COMPARISON(INVALID, "more than memory can hold", qmf_compare_embeddings(own, a, a, SIZE_MAX, &out));
    KEEPS_COMPARISON(INVALID, "is zero", qmf_compare_embeddings(own, a, zero, LENGTH, &out));
    KEEPS_COMPARISON(INVALID, "not finite", qmf_compare_embeddings(own, broken, a, LENGTH, &out));
}

static void matrices(void) {
    const qmf_template *list[2], *wrong[2];
    float out[4];
    list[0] = list[1] = wrong[0] = face;
    wrong[1] = NULL;
    KEEPS(out, INVALID, "calibration is NULL", qmf_score_matrix(NULL, list, 2, list, 2, NULL, out, 4));
    KEEPS(out, INVALID, "calibration is not aligned", qmf_score_matrix(CROOKED, list, 2, list, 2, NULL, out, 4));
    KEEPS(out, INVALID, "probes is NULL", qmf_score_matrix(own, NULL, 2, list, 2, NULL, out, 4));
    KEEPS(out, INVALID, "probes is not aligned",
          qmf_score_matrix(own, MISALIGNED(const qmf_template *const, list), 1, list, 2, NULL, out, 4));
    KEEPS(out, INVALID, "gallery is NULL", qmf_score_matrix(own, list, 2, NULL, 2, NULL, out, 4));
    KEEPS(out, INVALID, "gallery is not aligned",
          qmf_score_matrix(own, list, 2, MISALIGNED(const qmf_template *const, list), 1, NULL, out, 4));
    REFUSED(INVALID, "scores is NULL", qmf_score_matrix(own, list, 2, list, 2, NULL, NULL, 4));
    KEEPS(out, INVALID, "scores is not aligned",
          qmf_score_matrix(own, list, 1, list, 2, NULL, MISALIGNED(float, out), 2));
    KEEPS(out, SMALL, "room for 3 elements, 4 are needed", qmf_score_matrix(own, list, 2, list, 2, NULL, out, 3));
    KEEPS(out, INVALID, "nothing to compare", qmf_score_matrix(own, list, 0, list, 2, NULL, out, 4));
    KEEPS(out, INVALID, "nothing to compare", qmf_score_matrix(own, list, 2, list, 0, NULL, out, 4));
    KEEPS(out, INVALID, "more than memory can hold", qmf_score_matrix(own, list, SIZE_MAX, list, 2, NULL, out, 4));
    KEEPS(out, SMALL, "are needed", qmf_score_matrix(own, list, SIZE_MAX, list, 1, NULL, out, 4));
    KEEPS(out, INVALID, "more than memory can hold",
          qmf_score_matrix(own, list, SIZE_MAX, list, 1, NULL, out, SIZE_MAX));
    KEEPS(out, INVALID, "probes[1] is NULL", qmf_score_matrix(own, wrong, 2, list, 2, NULL, out, 4));
    wrong[1] = CROOKED_FACE;
    KEEPS(out, INVALID, "gallery[1] is not aligned", qmf_score_matrix(own, list, 2, wrong, 2, NULL, out, 4));
    wrong[1] = foreign;
    KEEPS(out, QMF_ERROR_MODEL_MISMATCH, "gallery 1", qmf_score_matrix(own, list, 2, wrong, 2, NULL, out, 4));
    CHECK(strstr(last_error(), "model other (") != NULL && strstr(last_error(), "model sface (") != NULL);
    wrong[1] = shorter;
    KEEPS(out, QMF_ERROR_MODEL_MISMATCH, "probe 1", qmf_score_matrix(own, wrong, 2, list, 2, NULL, out, 4));
    KEEPS(out, QMF_ERROR_MODEL_MISMATCH, "the calibration of model other",
          qmf_score_matrix(foreign_calibration, list, 2, list, 2, NULL, out, 4));
}

static void matrices_of_embeddings(void) {
    float rows[2 * LENGTH], out[4];
    size_t i;
    for (i = 0; i < 2 * LENGTH; i++) {
        rows[i] = (float)i + 1.0f;
    }
    KEEPS(out, INVALID, "calibration is NULL",
          qmf_score_matrix_embeddings(NULL, rows, 2, rows, 2, LENGTH, NULL, out, 4));
    KEEPS(out, INVALID, "calibration is not aligned",
          qmf_score_matrix_embeddings(CROOKED, rows, 2, rows, 2, LENGTH, NULL, out, 4));
    KEEPS(out, INVALID, "probes is NULL", qmf_score_matrix_embeddings(own, NULL, 2, rows, 2, LENGTH, NULL, out, 4));
    KEEPS(out, INVALID, "probes is not aligned",
          qmf_score_matrix_embeddings(own, MISALIGNED(const float, rows), 1, rows, 2, LENGTH, NULL, out, 4));
    KEEPS(out, INVALID, "gallery is NULL", qmf_score_matrix_embeddings(own, rows, 2, NULL, 2, LENGTH, NULL, out, 4));
    KEEPS(out, INVALID, "gallery is not aligned",
          qmf_score_matrix_embeddings(own, rows, 2, MISALIGNED(const float, rows), 1, LENGTH, NULL, out, 4));
    REFUSED(INVALID, "scores is NULL", qmf_score_matrix_embeddings(own, rows, 2, rows, 2, LENGTH, NULL, NULL, 4));
    KEEPS(out, INVALID, "scores is not aligned",
          qmf_score_matrix_embeddings(own, rows, 1, rows, 2, LENGTH, NULL, MISALIGNED(float, out), 2));
    KEEPS(out, SMALL, "room for 3 elements, 4 are needed",
          qmf_score_matrix_embeddings(own, rows, 2, rows, 2, LENGTH, NULL, out, 3));
    KEEPS(out, INVALID, "nothing to compare", qmf_score_matrix_embeddings(own, rows, 0, rows, 2, LENGTH, NULL, out, 4));
    KEEPS(out, INVALID, "more than memory can hold",
          qmf_score_matrix_embeddings(own, rows, 2, rows, 2, SIZE_MAX, NULL, out, 4));
    KEEPS(out, INVALID, "more than memory can hold",
          qmf_score_matrix_embeddings(own, rows, 2, rows, 2, SIZE_MAX / 4, NULL, out, 4));
    KEEPS(out, INVALID, "more than memory can hold",
          qmf_score_matrix_embeddings(own, rows, SIZE_MAX, rows, SIZE_MAX, LENGTH, NULL, out, 4));
    KEEPS(out, INVALID, "has no element", qmf_score_matrix_embeddings(own, rows, 2, rows, 2, 0, NULL, out, 4));
    rows[LENGTH] = INFINITY;
    KEEPS(out, INVALID, "gallery 1: the embedding has an element that is not finite",
          qmf_score_matrix_embeddings(own, rows, 1, rows, 2, LENGTH, NULL, out, 4));
    memset(&rows[LENGTH], 0, LENGTH * sizeof rows[0]);
    KEEPS(out, INVALID, "probe 1: the embedding is zero",
          qmf_score_matrix_embeddings(own, rows, 2, rows, 1, LENGTH, NULL, out, 4));
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    creating(argv[2]);
    EXPECT(QMF_OK, qmf_calibration_load("ours.toml", &own));
    EXPECT(QMF_OK, qmf_calibration_load("foreign.toml", &foreign_calibration));
    EXPECT(QMF_OK, qmf_calibration_create(0.1, 0.2, &given));
    face = parsed(argv[1], "ours.qmft");
    foreign = parsed(argv[1], "foreign.qmft");
    shorter = parsed(argv[1], "shorter.qmft");
    files(argv[1]);
    info();
    gates();
    thresholds();
    comparing();
    deciding();
    comparing_embeddings();
    matrices();
    matrices_of_embeddings();
    CHECK(qmf_live_calibrations() == 3 && qmf_live_templates() == 3);
    qmf_calibration_destroy(MISALIGNED(qmf_calibration, own));
    CHECK(strstr(last_error(), "handle is not aligned") != NULL && qmf_live_calibrations() == 3);
    qmf_calibration_destroy(own);
    qmf_calibration_destroy(given);
    qmf_calibration_destroy(foreign_calibration);
    qmf_template_destroy(face);
    qmf_template_destroy(foreign);
    qmf_template_destroy(shorter);
    check_no_handle();
    return 0;
}
