/*
 * Fitting a calibration, where it succeeds. The Rust test compares what is printed, and the files, with what the Rust
 * interface gives.
 *
 * fit FOLDER MODEL: people.f32 in the folder holds embeddings of 128 floats, five of each person.
 */
#include "client.h"
#include "layout.h"

#include <math.h>

#define LENGTH 128
#define EACH 5
#define MOST 1000

static float embeddings[MOST * LENGTH];
static uint32_t people[MOST];

static qmf_fit_options options_of(qmf_fit_procedure procedure) {
    qmf_fit_options options;
    EXPECT(QMF_OK, qmf_fit_options_init(&options, sizeof options));
    CHECK(options.struct_size == sizeof options && options.procedure == QMF_FIT_PROCEDURE_PUBLISHED && options.reserved == 0);
    CHECK(options.least_fmr == 1e-5 && options.greatest_fmr == 1e-2 && options.fmr_count == 50);
    CHECK(options.weight_count == 20 && options.replicates == 1000 && options.allow_unsupported == 0);
    CHECK(options.threads == 0 && options.seed == 0);
    options.procedure = procedure;
    options.least_fmr = 1e-3;
    options.replicates = 50;
    options.seed = 7;
    return options;
}

/* All that is known of a fit: what the file doesn't say is printed. */
static void told(const char *name, const qmf_calibration *fitted, uint32_t warnings) {
    char path[64];
    qmf_calibration_info info;
    uint32_t i;
    EXPECT(QMF_OK, qmf_calibration_info_init(&info, sizeof info));
    CHECK(info.subjects == 0 && info.images == 0 && info.genuine_pairs == 0 && info.impostor_pairs == 0);
    EXPECT(QMF_OK, qmf_calibration_get_info(fitted, &info));
    printf("fit %s %u %u %u %u %u %u", name, (unsigned)warnings, (unsigned)info.subjects, (unsigned)info.images,
           (unsigned)info.genuine_pairs, (unsigned)info.impostor_pairs, (unsigned)info.thresholds);
    print_f64(info.alpha);
    print_f64(info.beta);
    CHECK(info.status == QMF_CALIBRATION_OWN);
    for (i = 0; i < info.thresholds; i++) {
        qmf_threshold threshold;
        double score = 99.0;
        EXPECT(QMF_OK, qmf_threshold_init(&threshold, sizeof threshold));
        CHECK(threshold.struct_size == sizeof threshold && isnan(threshold.score));
        CHECK(threshold.impostors_above == UINT64_MAX);
        EXPECT(QMF_OK, qmf_calibration_get_threshold(fitted, i, &threshold));
        CHECK(threshold.struct_size == sizeof threshold && threshold.reserved == 0);
        EXPECT(QMF_OK, qmf_calibration_threshold(fitted, threshold.fmr, &score));
        CHECK(fabs(score - threshold.score) < 1e-12);
        print_f64(threshold.fmr);
        print_f64(threshold.score);
        print_f64(threshold.fnmr);
        printf(" %u", (unsigned)threshold.impostors_above);
        if (!isnan(threshold.score_low)) {
            print_f64(threshold.score_low);
            print_f64(threshold.score_high);
            print_f64(threshold.fnmr_low);
            print_f64(threshold.fnmr_high);
        }
    }
    printf("\n");
    CHECK(snprintf(path, sizeof path, "fitted-%s.toml", name) > 0);
    EXPECT(QMF_OK, qmf_calibration_save(fitted, path));
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        qmf_fit_procedure procedure;
    } PROCEDURES[] = {{"published", QMF_FIT_PROCEDURE_PUBLISHED}, {"consistent", QMF_FIT_PROCEDURE_CONSISTENT}, {"direct", QMF_FIT_PROCEDURE_DIRECT}};
    qmf_engine *engine;
    qmf_template *templates[MOST + 1];
    qmf_calibration *fitted = NULL;
    uint32_t people_and_failed[MOST + 1];
    qmf_fit_options options;
    uint32_t warnings = 77;
    bytes file;
    size_t count, i;
    CHECK(argc == 3);
    file = read_file(argv[1], "people.f32");
    count = file.size / (LENGTH * sizeof(float));
    CHECK(count <= MOST);
    memcpy(embeddings, file.data, file.size);
    engine = open_engine(argv[2]);
    for (i = 0; i < count; i++) {
        people[i] = people_and_failed[i] = 1000 - (uint32_t)(i / EACH);
        EXPECT(QMF_OK, qmf_template_create(engine, &embeddings[i * LENGTH], LENGTH, &templates[i]));
    }
    /* A failed template takes no part. */
    EXPECT(QMF_OK, qmf_template_create_failed(engine, &templates[count]));
    people_and_failed[count] = 5;

    for (i = 0; i < sizeof PROCEDURES / sizeof PROCEDURES[0]; i++) {
        options = options_of(PROCEDURES[i].procedure);
        EXPECT(QMF_OK, qmf_calibration_fit(engine, embeddings, count, LENGTH, people, &options, "made-up people", NULL,
                                           &fitted, &warnings));
        told(PROCEDURES[i].name, fitted, warnings);
        qmf_calibration_destroy(fitted);
    }
    /* Of no engine's model, without a name, without intervals, on one thread, and nobody asks for warnings. */
    options = options_of(QMF_FIT_PROCEDURE_PUBLISHED);
    options.replicates = 0;
    options.threads = 1;
    EXPECT(QMF_OK,
           qmf_calibration_fit(NULL, embeddings, count, LENGTH, people, &options, NULL, NULL, &fitted, NULL));
    told("any", fitted, 0);
    qmf_calibration_destroy(fitted);
    /* As the paper's code: FMRs that so few pairs can't support. */
    EXPECT(QMF_OK, qmf_fit_options_init(&options, sizeof options));
    options.allow_unsupported = 1;
    options.replicates = 0;
    EXPECT(QMF_OK, qmf_calibration_fit(engine, embeddings, count, LENGTH, people, &options, NULL, NULL, &fitted,
                                       &warnings));
    CHECK((warnings & QMF_FIT_WARNING_UNSUPPORTED) != 0);
    told("unsupported", fitted, warnings);
    qmf_calibration_destroy(fitted);

    options = options_of(QMF_FIT_PROCEDURE_PUBLISHED);
    EXPECT(QMF_OK, qmf_calibration_fit_templates((const qmf_template *const *)templates, count + 1, people_and_failed,
                                                 &options, "templates", NULL, &fitted, &warnings));
    /* It needs nothing of what it was made of. */
    for (i = 0; i <= count; i++) {
        qmf_template_destroy(templates[i]);
    }
    qmf_engine_destroy(engine);
    told("templates", fitted, warnings);
    qmf_calibration_destroy(fitted);
    /* The caller's memory is as it was. */
    CHECK(memcmp(embeddings, file.data, file.size) == 0);
    free(file.data);
    check_no_handle();
    return 0;
}
