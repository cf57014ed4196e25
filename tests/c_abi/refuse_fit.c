/*
 * Fitting a calibration, where it must refuse: the status, the text, and that nothing is written.
 *
 * refuse_fit FOLDER MODEL: people.f32 in the folder holds embeddings of 128 floats, five of each person.
 */
#include "refuse.h"

#define LENGTH 128
#define EACH 5
#define MOST 1000

static float embeddings[MOST * LENGTH];
static uint32_t people[MOST];
static size_t count;
static qmf_engine *engine;
static qmf_fit_options options;

/* Refuses, and leaves both results. */
#define REFUSES_FIT(wanted, part, rows, length, numbers, how, data)                                                     \
    do {                                                                                                               \
        qmf_calibration *made;                                                                                         \
        uint32_t warnings;                                                                                             \
        KEEPS(made, wanted, part,                                                                                      \
              qmf_calibration_fit(engine, rows, count, length, numbers, how, data, NULL, &made, NULL));                \
        KEEPS(warnings, wanted, part,                                                                                  \
              qmf_calibration_fit(engine, rows, count, length, numbers, how, data, NULL, &made, &warnings));           \
    } while (0)

#define REFUSES_OPTION(wanted, part, change)                                                                           \
    do {                                                                                                               \
        const qmf_fit_options kept_ = options;                                                                         \
        change;                                                                                                        \
        REFUSES_FIT(wanted, part, embeddings, LENGTH, people, &options, NULL);                                         \
        options = kept_;                                                                                               \
    } while (0)

static void arguments(void) {
    const size_t all = count;
    qmf_calibration *made, *slots[2];
    uint32_t warnings, numbers[2];
    float broken[2 * LENGTH];
    REFUSED(INVALID, "result is NULL",
            qmf_calibration_fit(engine, embeddings, count, LENGTH, people, &options, NULL, NULL, NULL, &warnings));
    KEEPS(slots, INVALID, "result is not aligned",
          qmf_calibration_fit(engine, embeddings, count, LENGTH, people, &options, NULL, NULL,
                              MISALIGNED(qmf_calibration *, slots), &warnings));
    KEEPS(made, INVALID, "warnings is not aligned",
          qmf_calibration_fit(engine, embeddings, count, LENGTH, people, &options, NULL, NULL, &made,
                              MISALIGNED(uint32_t, numbers)));
    KEEPS(made, INVALID, "engine is not aligned",
          qmf_calibration_fit(MISALIGNED(const qmf_engine, engine), embeddings, count, LENGTH, people, &options, NULL,
                              NULL, &made, NULL));
    REFUSES_FIT(INVALID, "embeddings is NULL", NULL, LENGTH, people, &options, NULL);
    REFUSES_FIT(INVALID, "embeddings is not aligned", MISALIGNED(const float, embeddings), LENGTH, people, &options,
                NULL);
    REFUSES_FIT(INVALID, "people is NULL", embeddings, LENGTH, NULL, &options, NULL);
    REFUSES_FIT(INVALID, "people is not aligned", embeddings, LENGTH, MISALIGNED(const uint32_t, people), &options,
                NULL);
    REFUSES_FIT(INVALID, "have 128 floats, not 64", embeddings, 64, people, &options, NULL);
    REFUSES_FIT(INVALID, "not UTF-8", embeddings, LENGTH, people, &options, "\xFF");
    REFUSES_FIT(INVALID, "data must be one line", embeddings, LENGTH, people, &options, "two\nlines");
    REFUSES_FIT(INVALID, "data must be one line", embeddings, LENGTH, people, &options, "");
    count = 0;
    REFUSES_FIT(INVALID, "count is 0", embeddings, LENGTH, people, &options, NULL);
    count = SIZE_MAX;
    REFUSES_FIT(INVALID, "more than memory can hold", embeddings, LENGTH, people, &options, NULL);
    count = 2;
    memcpy(broken, embeddings, sizeof broken);
    broken[LENGTH + 3] = NAN;
    REFUSES_FIT(INVALID, "image 1: the embedding has an element that is not finite", broken, LENGTH, people, &options,
                NULL);
    memset(broken, 0, sizeof broken);
    REFUSES_FIT(INVALID, "image 0: the embedding is zero", broken, LENGTH, people, &options, NULL);
    /* One person, then one image. */
    REFUSES_FIT(QMF_ERROR_CALIBRATION, "no impostor pair", embeddings, LENGTH, people, &options, NULL);
    numbers[0] = 1;
    numbers[1] = 2;
    REFUSES_FIT(QMF_ERROR_CALIBRATION, "no genuine pair", embeddings, LENGTH, numbers, &options, NULL);
    count = 1;
    REFUSES_FIT(QMF_ERROR_CALIBRATION, "no genuine pair", embeddings, LENGTH, people, &options, NULL);
    count = all;
}

/* Embeddings that were normalised, to 1 or to another length: their quality is lost. */
static void normalised(void) {
    static float rows[MOST * LENGTH];
    static qmf_template *list[MOST];
    static const float LENGTHS[] = {1.0f, 20.0f};
    qmf_calibration *made;
    uint32_t warnings;
    size_t i, j, k;
    for (k = 0; k < 2; k++) {
        for (i = 0; i < count; i++) {
            double square = 0.0;
            for (j = 0; j < LENGTH; j++) {
                square += (double)embeddings[i * LENGTH + j] * (double)embeddings[i * LENGTH + j];
            }
            for (j = 0; j < LENGTH; j++) {
                rows[i * LENGTH + j] = (float)(embeddings[i * LENGTH + j] * LENGTHS[k] / sqrt(square));
            }
            EXPECT(QMF_OK, qmf_template_create(engine, &rows[i * LENGTH], LENGTH, &list[i]));
        }
        REFUSES_FIT(QMF_ERROR_CALIBRATION, "normalised", rows, LENGTH, people, &options, NULL);
        CHECK(strstr(last_error(), k == 0 ? "300 embeddings have a length of 1" : "one length, 20.0000") != NULL);
        CHECK(strstr(last_error(), "as the network makes them") != NULL);
        KEEPS(made, QMF_ERROR_CALIBRATION, "normalised",
              qmf_calibration_fit_templates((const qmf_template *const *)list, count, people, &options, NULL, NULL,
                                            &made, &warnings));
        for (i = 0; i < count; i++) {
            qmf_template_destroy(list[i]);
        }
    }
}

static void wrong_options(void) {
    qmf_fit_options raw;
    qmf_calibration *made;
    uint32_t warnings;
    /* NULL takes the defaults, whose FMRs so few pairs can't support. */
    KEEPS(made, QMF_ERROR_CALIBRATION, "takes at least 300000 impostor pairs",
          qmf_calibration_fit(engine, embeddings, count, LENGTH, people, NULL, NULL, NULL, &made, &warnings));
    REFUSES_OPTION(QMF_ERROR_CALIBRATION, "takes at least 3000000 impostor pairs", options.least_fmr = 1e-6);
    REFUSES_OPTION(INVALID, "options.procedure is 3", options.procedure = 3);
    REFUSES_OPTION(INVALID, "options.procedure is -1", options.procedure = -1);
    REFUSES_OPTION(INVALID, "are no range", options.least_fmr = 0.0);
    REFUSES_OPTION(INVALID, "are no range", options.least_fmr = options.greatest_fmr);
    REFUSES_OPTION(INVALID, "are no range", options.least_fmr = NAN);
    REFUSES_OPTION(INVALID, "are no range", options.greatest_fmr = 1.0);
    REFUSES_OPTION(INVALID, "1 false match rates", options.fmr_count = 1);
    REFUSES_OPTION(INVALID, "10001 false match rates", options.fmr_count = 10001);
    REFUSES_OPTION(INVALID, "1 weights", options.weight_count = 1);
    REFUSES_OPTION(INVALID, "1001 weights", options.weight_count = 1001);
    REFUSES_OPTION(INVALID, "100001 draws", options.replicates = 100001);
    REFUSES_OPTION(INVALID, "options.allow_unsupported is 2", options.allow_unsupported = 2);
    REFUSES_OPTION(INVALID, "options.threads is 1025", options.threads = 1025);
    REFUSES_OPTION(INVALID, "options.reserved is 1", options.reserved = 1);

    REFUSED(INVALID, "options is NULL", qmf_fit_options_init(NULL, sizeof raw));
    KEEPS(raw, INVALID, "options can't have 4 bytes", qmf_fit_options_init(&raw, 4));
    KEEPS(raw, INVALID, "options can't have", qmf_fit_options_init(&raw, SIZE_MAX));
    REFUSES_SIZES(raw, "options",
                  qmf_calibration_fit(engine, embeddings, count, LENGTH, people, &raw, NULL, NULL, &made, NULL));
}

static void templates(const char *folder) {
    const bytes file = read_file(folder, "foreign.qmft");
    const qmf_template *list[3];
    qmf_template *face = NULL, *foreign = NULL, *failed = NULL;
    qmf_calibration *made, *slots[2];
    uint32_t numbers[3] = {1, 1, 2}, warnings, warning_slots[2];
    EXPECT(QMF_OK, qmf_template_create(engine, embeddings, LENGTH, &face));
    EXPECT(QMF_OK, qmf_template_create_failed(engine, &failed));
    EXPECT(QMF_OK, qmf_template_parse(file.data, file.size, &foreign));
    list[0] = list[1] = list[2] = face;
    REFUSED(INVALID, "result is NULL",
            qmf_calibration_fit_templates(list, 3, numbers, &options, NULL, NULL, NULL, &warnings));
    KEEPS(slots, INVALID, "result is not aligned",
          qmf_calibration_fit_templates(list, 3, numbers, &options, NULL, NULL, MISALIGNED(qmf_calibration *, slots),
                                        NULL));
    KEEPS(made, INVALID, "warnings is not aligned",
          qmf_calibration_fit_templates(list, 3, numbers, &options, NULL, NULL, &made,
                                        MISALIGNED(uint32_t, warning_slots)));
    KEEPS(warnings, INVALID, "templates is NULL",
          qmf_calibration_fit_templates(NULL, 3, numbers, &options, NULL, NULL, &made, &warnings));
    KEEPS(made, INVALID, "templates is not aligned",
          qmf_calibration_fit_templates(MISALIGNED(const qmf_template *const, list), 1, numbers, &options, NULL, NULL,
                                        &made, NULL));
    KEEPS(made, INVALID, "people is NULL",
          qmf_calibration_fit_templates(list, 3, NULL, &options, NULL, NULL, &made, NULL));
    KEEPS(made, INVALID, "people is not aligned",
          qmf_calibration_fit_templates(list, 2, MISALIGNED(const uint32_t, numbers), &options, NULL, NULL, &made,
                                        NULL));
    KEEPS(made, INVALID, "not UTF-8",
          qmf_calibration_fit_templates(list, 3, numbers, &options, "\xFF", NULL, &made, NULL));
    KEEPS(made, INVALID, "count is 0",
          qmf_calibration_fit_templates(list, 0, numbers, &options, NULL, NULL, &made, NULL));
    KEEPS(made, INVALID, "more than memory can hold",
          qmf_calibration_fit_templates(list, SIZE_MAX, numbers, &options, NULL, NULL, &made, NULL));
    list[1] = NULL;
    KEEPS(made, INVALID, "templates[1] is NULL",
          qmf_calibration_fit_templates(list, 3, numbers, &options, NULL, NULL, &made, NULL));
    list[1] = foreign;
    KEEPS(made, QMF_ERROR_MODEL_MISMATCH, "templates[1] of model other",
          qmf_calibration_fit_templates(list, 3, numbers, &options, NULL, NULL, &made, NULL));
    /* Nothing is left of failed ones. */
    list[0] = list[1] = list[2] = failed;
    KEEPS(made, QMF_ERROR_CALIBRATION, "no genuine pair",
          qmf_calibration_fit_templates(list, 3, numbers, &options, NULL, NULL, &made, NULL));
    qmf_template_destroy(face);
    qmf_template_destroy(foreign);
    qmf_template_destroy(failed);
    free(file.data);
}

static void thresholds(void) {
    qmf_calibration *own = NULL, *given = NULL;
    qmf_threshold out, slots[2];
    EXPECT(QMF_OK, qmf_calibration_load("ours.toml", &own));
    EXPECT(QMF_OK, qmf_calibration_create(0.1, 0.2, &given));
    REFUSED(INVALID, "threshold is NULL", qmf_threshold_init(NULL, sizeof out));
    KEEPS(out, INVALID, "threshold can't have 8 bytes", qmf_threshold_init(&out, 8));
    EXPECT(QMF_OK, qmf_threshold_init(&out, sizeof out));
    REFUSED(INVALID, "handle is NULL", qmf_calibration_get_threshold(NULL, 0, &out));
    REFUSED(INVALID, "handle is not aligned",
            qmf_calibration_get_threshold(MISALIGNED(const qmf_calibration, own), 0, &out));
    REFUSED(INVALID, "index is 4, the calibration has 4", qmf_calibration_get_threshold(own, 4, &out));
    REFUSED(INVALID, "has 4 thresholds", qmf_calibration_get_threshold(own, SIZE_MAX, &out));
    REFUSED(INVALID, "has 0 thresholds", qmf_calibration_get_threshold(given, 0, &out));
    CHECK(out.impostors_above == UINT64_MAX && out.score != out.score);
    REFUSED(INVALID, "threshold is NULL", qmf_calibration_get_threshold(own, 0, NULL));
    KEEPS(slots, INVALID, "threshold is not aligned",
          qmf_calibration_get_threshold(own, 0, MISALIGNED(qmf_threshold, slots)));
    REFUSES_SIZES(out, "threshold", qmf_calibration_get_threshold(own, 0, &out));
    qmf_calibration_destroy(own);
    qmf_calibration_destroy(given);
}

int main(int argc, char **argv) {
    bytes file;
    size_t i;
    CHECK(argc == 3);
    file = read_file(argv[1], "people.f32");
    count = file.size / (LENGTH * sizeof(float));
    CHECK(count <= MOST);
    memcpy(embeddings, file.data, file.size);
    free(file.data);
    for (i = 0; i < count; i++) {
        people[i] = (uint32_t)(i / EACH);
    }
    engine = open_engine(argv[2]);
    EXPECT(QMF_OK, qmf_fit_options_init(&options, sizeof options));
    options.least_fmr = 1e-3;
    arguments();
    normalised();
    wrong_options();
    templates(argv[1]);
    thresholds();
    qmf_engine_destroy(engine);
    check_no_handle();
    return 0;
}
