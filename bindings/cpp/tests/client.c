/*
 * A C99 program that calls every function of the C interface, once as it is meant and where it can be refused also
 * wrongly, and leaves nothing behind.
 *
 *   client MODEL BUNDLE FACE BLANK CALIBRATION
 *   client --short MODEL FACE CALIBRATION
 *
 * MODEL is a pack, BUNDLE the same as a bundle file, FACE a picture of one face, BLANK one of none, and CALIBRATION a
 * file that may be written. The short run puts one picture through the networks: under valgrind, each takes a minute.
 */
#include "file.h"

#include <math.h>
#include <string.h>

#define OK(call) CHECK((call) == QMF_OK)
#define FAILS(status, call) CHECK((call) == (status))

enum { LENGTH = 128, ROOM = 16 };

static void library(void) {
    char text[1024];
    size_t length = 0;
    CHECK(qmf_abi_version() == QMF_ABI_VERSION);
    OK(qmf_version(text, sizeof text, &length));
    CHECK(length == strlen(text) && strchr(text, '.') != NULL);
    OK(qmf_build_info(text, sizeof text, &length));
    CHECK(length < sizeof text && text[0] == '{' && strstr(text, "\"instructions\"") != NULL);
    OK(qmf_last_error(text, sizeof text, &length));
    CHECK(strcmp(qmf_status_name(QMF_NO_FACE), "QMF_NO_FACE") == 0);
    CHECK(strcmp(qmf_status_name(-5), "QMF_UNKNOWN") == 0);
    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_version(NULL, 4, NULL));
    OK(qmf_last_error(text, sizeof text, &length));
    CHECK(length > 0 && length == strlen(text));
}

static unsigned messages = 0;

static void on_message(void *user_data, qmf_log_level level, const char *message) {
    CHECK(user_data == &messages && level >= QMF_LOG_ERROR && level <= QMF_LOG_DEBUG && message[0] != '\0');
    messages++;
}

/* On the calling thread alone, so that a checker of memory sees all there is, and quickly. */
static qmf_engine_options usual_options(void) {
    qmf_engine_options options;
    OK(qmf_engine_options_init(&options, sizeof options));
    options.device = QMF_DEVICE_CPU;
    options.inline_mode = 1;
    options.log_level = QMF_LOG_DEBUG;
    options.log_callback = on_message;
    options.log_user_data = &messages;
    return options;
}

static qmf_engine *engines(const char *model, const char *bundle) {
    qmf_engine_options options = usual_options();
    qmf_engine_info info;
    qmf_engine *engine = NULL;
    qmf_engine *second = NULL;
    const bytes file = read_file(bundle);
    char fingerprint[sizeof info.fingerprint];

    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_engine_create(NULL, &options, &engine));
    FAILS(QMF_ERROR_MODEL, qmf_engine_create("no-such-model", &options, &engine));
    options.minimum_face = 1.0f;
    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_engine_create(model, &options, &engine));
    CHECK(engine == NULL && qmf_live_engines() == 0);
    options = usual_options();
    OK(qmf_engine_create(model, &options, &engine));
    CHECK(engine != NULL && qmf_live_engines() == 1 && messages > 0);
    OK(qmf_engine_info_init(&info, sizeof info));
    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_engine_get_info(NULL, &info));
    OK(qmf_engine_get_info(engine, &info));
    CHECK(info.embedding_length == LENGTH && info.device == QMF_DEVICE_CPU && info.inline_mode == 1);
    CHECK(strcmp(info.model, "sface") == 0 && strcmp(info.detector, "yunet") == 0);
    memcpy(fingerprint, info.fingerprint, sizeof fingerprint);

    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_engine_create_from_memory(NULL, 1, &options, &second));
    CHECK(qmf_engine_create_from_memory(file.data, file.size / 2, &options, &second) >= QMF_ERROR_INVALID_ARGUMENT);
    OK(qmf_engine_create_from_memory(file.data, file.size, &options, &second));
    free(file.data);
    OK(qmf_engine_get_info(second, &info));
    CHECK(strcmp(info.fingerprint, fingerprint) == 0 && qmf_live_engines() == 2);
    qmf_engine_destroy(second);
    qmf_engine_destroy(NULL);
    CHECK(qmf_live_engines() == 1);
    return engine;
}

/* Detects, aligns and embeds step by step; gives the chip. */
static void stages(const qmf_engine *engine, bytes face_file, bytes blank_file, uint8_t *chip, float *embedding) {
    const qmf_image image = encoded(face_file), blank = encoded(blank_file);
    qmf_image pixels;
    qmf_face faces[ROOM];
    size_t count = 99, size = 0, length = 0;
    double quality = 0.0;
    int32_t uqs = 0;
    qmf_measured measured[32];

    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_detect(engine, NULL, NULL, faces, ROOM, &count));
    CHECK(count == 99);
    FAILS(QMF_ERROR_BUFFER_TOO_SMALL, qmf_detect(engine, &image, NULL, NULL, 0, &count));
    CHECK(count == 1);
    OK(qmf_detect(engine, &image, NULL, faces, ROOM, &count));
    CHECK(count == 1 && faces[0].score > 0.9f && faces[0].bbox[0] < faces[0].bbox[2]);
    OK(qmf_detect(engine, &blank, NULL, NULL, 0, &count));
    CHECK(count == 0);

    FAILS(QMF_ERROR_BUFFER_TOO_SMALL, qmf_align(engine, &image, &faces[0].landmarks[0][0], chip, 5, &size));
    CHECK(size == QMF_CHIP_SIZE);
    OK(qmf_align(engine, &image, &faces[0].landmarks[0][0], chip, QMF_CHIP_SIZE, &size));
    OK(qmf_image_init(&pixels, sizeof pixels));
    pixels.width = pixels.height = QMF_CHIP_SIDE;
    pixels.data = chip;
    pixels.data_size = QMF_CHIP_SIZE;
    OK(qmf_detect(engine, &pixels, NULL, faces, ROOM, &count));
    pixels.data_size--;
    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_detect(engine, &pixels, NULL, faces, ROOM, &count));

    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_embed(engine, chip, 0, NULL, embedding, LENGTH, &length));
    FAILS(QMF_ERROR_BUFFER_TOO_SMALL, qmf_embed(engine, chip, 1, NULL, embedding, LENGTH - 1, &length));
    CHECK(length == LENGTH);
    OK(qmf_embed(engine, chip, 1, NULL, embedding, LENGTH, &length));
    OK(qmf_quality(engine, embedding, LENGTH, &quality));
    CHECK(quality > 5.0);
    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_quality(engine, embedding, LENGTH - 1, &quality));
    OK(qmf_unified_quality(engine, quality, &uqs));
    CHECK(uqs > 0 && uqs <= 100);
    OK(qmf_measure_capture(engine, &image, NULL, faces, measured, 32, &count));
    CHECK(count == 17 && measured[16].measure == QMF_MEASURE_ILLUMINATION_UNIFORMITY);
    OK(qmf_measure_face(engine, &image, faces, 1, 0, measured, 32, &count));
    CHECK(count == 17 && qmf_measure_name(measured[0].measure)[0] == 's');
    FAILS(QMF_ERROR_BUFFER_TOO_SMALL, qmf_measure_face(engine, &image, faces, 1, 0, measured, 3, &count));
}

static void extraction(const qmf_engine *engine, bytes face_file, bytes blank_file, const uint8_t *chip) {
    const qmf_image image = encoded(face_file), blank = encoded(blank_file);
    const qmf_image *both[2];
    qmf_template *one = NULL, *fused = NULL, *of_landmarks = NULL, *of_chip = NULL, *all[ROOM];
    qmf_template_info info;
    size_t count = 0;
    both[0] = &image;
    both[1] = &blank;

    FAILS(QMF_NO_FACE, qmf_extract(engine, &blank, NULL, &one));
    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_extract(NULL, &image, NULL, &one));
    CHECK(one == NULL && qmf_live_templates() == 0);
    OK(qmf_extract(engine, &image, NULL, &one));
    OK(qmf_template_info_init(&info, sizeof info));
    OK(qmf_template_get_info(one, &info));
    CHECK((info.flags & QMF_TEMPLATE_HAS_FACE) != 0 && info.faces == 1 && info.length == LENGTH && info.images == 1);
    FAILS(QMF_ERROR_BUFFER_TOO_SMALL, qmf_extract_all(engine, &image, NULL, NULL, 0, &count));
    OK(qmf_extract_all(engine, &image, NULL, all, ROOM, &count));
    CHECK(count == 1);
    FAILS(QMF_NO_FACE, qmf_extract_fused(engine, &both[1], 1, QMF_FUSION_QUALITY, NULL, &fused));
    OK(qmf_extract_fused(engine, both, 2, QMF_FUSION_MEAN, NULL, &fused));
    OK(qmf_extract_landmarks(engine, &image, &info.face.landmarks[0][0], NULL, &of_landmarks));
    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_extract_chip(engine, chip, QMF_CHIP_SIZE - 1, NULL, &of_chip));
    OK(qmf_extract_chip(engine, chip, QMF_CHIP_SIZE, NULL, &of_chip));
    CHECK(qmf_live_templates() == 5);
    qmf_template_destroy(one);
    qmf_template_destroy(all[0]);
    qmf_template_destroy(fused);
    qmf_template_destroy(of_landmarks);
    qmf_template_destroy(of_chip);
    qmf_template_destroy(NULL);
    CHECK(qmf_live_templates() == 0);
}

static void templates(const qmf_engine *engine, const float *embedding) {
    static const uint8_t name[] = {'A', 'd', 'a'};
    qmf_template *made = NULL, *failed = NULL, *named = NULL, *read = NULL, *opened = NULL, *fused = NULL;
    const qmf_template *row[2];
    static const uint8_t key[QMF_KEY_SIZE] = {7};
    uint8_t stored[4096], metadata[8];
    qmf_fused_part parts[2];
    float back[LENGTH];
    size_t size = 0, length = 0;

    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_template_create(engine, embedding, LENGTH - 1, &made));
    OK(qmf_template_create(engine, embedding, LENGTH, &made));
    OK(qmf_template_create_failed(engine, &failed));
    FAILS(QMF_ERROR_BUFFER_TOO_SMALL, qmf_template_get_embedding(made, back, 1, &length));
    OK(qmf_template_get_embedding(made, back, LENGTH, &length));
    CHECK(length == LENGTH && fabsf(back[0] - embedding[0]) < 1e-3f);
    OK(qmf_template_get_embedding(failed, NULL, 0, &length));
    CHECK(length == 0);
    OK(qmf_template_with_metadata(made, name, sizeof name, &named));
    OK(qmf_template_get_metadata(named, metadata, sizeof metadata, &size));
    CHECK(size == sizeof name && memcmp(metadata, name, size) == 0);
    FAILS(QMF_ERROR_BUFFER_TOO_SMALL, qmf_template_serialize(named, QMF_SCALAR_F16, NULL, 0, &size));
    CHECK(size < sizeof stored);
    OK(qmf_template_serialize(named, QMF_SCALAR_F16, stored, sizeof stored, &size));
    OK(qmf_template_parse(stored, size, &read));
    stored[size / 2] ^= 1;
    FAILS(QMF_ERROR_TEMPLATE, qmf_template_parse(stored, size, &fused));
    FAILS(QMF_ERROR_INVALID_ARGUMENT,
          qmf_template_seal(named, QMF_SCALAR_F16, key, 1, name, sizeof name, stored, sizeof stored, &size));
    OK(qmf_template_seal(named, QMF_SCALAR_F16, key, sizeof key, name, sizeof name, stored, sizeof stored, &size));
    FAILS(QMF_ERROR_TEMPLATE, qmf_template_unseal(stored, size, key, sizeof key, NULL, 0, &opened));
    OK(qmf_template_unseal(stored, size, key, sizeof key, name, sizeof name, &opened));
    qmf_template_destroy(opened);
    row[0] = made;
    row[1] = failed;
    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_template_fuse(row, 0, QMF_FUSION_QUALITY, &fused));
    OK(qmf_template_fuse(row, 2, QMF_FUSION_QUALITY, &fused));
    FAILS(QMF_ERROR_BUFFER_TOO_SMALL, qmf_template_review_fusion(row, 2, QMF_FUSION_QUALITY, NULL, 0.0, parts, 1));
    OK(qmf_template_review_fusion(row, 2, QMF_FUSION_QUALITY, NULL, 0.0, parts, 2));
    CHECK(fabs(parts[0].weight - 1.0) < 1e-12 && parts[0].quality_rank == 0 && parts[1].flags == QMF_PART_FAILED);
    qmf_template_destroy(made);
    qmf_template_destroy(failed);
    qmf_template_destroy(named);
    qmf_template_destroy(read);
    qmf_template_destroy(fused);
    CHECK(qmf_live_templates() == 0);
}

static void calibrations(const qmf_engine *engine, const char *path) {
    qmf_calibration *of_engine = NULL, *given = NULL, *gated = NULL, *loaded = NULL, *parsed = NULL;
    qmf_calibration_info info;
    uint8_t stored[16384];
    size_t size = 0;
    double score = 0.0, estimate = 0.0;
    uint32_t flags = 9;

    OK(qmf_engine_get_calibration(engine, &of_engine));
    OK(qmf_calibration_info_init(&info, sizeof info));
    OK(qmf_calibration_get_info(of_engine, &info));
    CHECK(strcmp(info.model, "sface") == 0 && info.thresholds > 0 && info.least_fmr <= info.greatest_fmr);
    OK(qmf_calibration_threshold(of_engine, info.greatest_fmr, &score));
    OK(qmf_calibration_fmr(of_engine, score, &estimate, &flags));
    CHECK(flags == 0 && fabs(estimate + log10(info.greatest_fmr)) < 1e-6);
    FAILS(QMF_ERROR_CALIBRATION, qmf_calibration_threshold(of_engine, info.least_fmr / 2.0, &score));
    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_calibration_create(NAN, 1.0, &given));
    OK(qmf_calibration_create(0.3, 0.1, &given));
    FAILS(QMF_ERROR_CALIBRATION, qmf_calibration_fmr(given, 0.5, &estimate, NULL));
    OK(qmf_calibration_with_quality_gate(of_engine, 7.5, &gated));
    OK(qmf_calibration_save(gated, path));
    FAILS(QMF_ERROR_IO, qmf_calibration_load("/no/such/file", &loaded));
    OK(qmf_calibration_load(path, &loaded));
    OK(qmf_calibration_get_info(loaded, &info));
    CHECK(info.quality_gate == 7.5);
    OK(qmf_calibration_serialize(loaded, stored, sizeof stored, &size));
    OK(qmf_calibration_parse(stored, size, &parsed));
    FAILS(QMF_ERROR_CALIBRATION, qmf_calibration_parse(stored, size / 2, &gated));
    CHECK(qmf_live_calibrations() == 5);
    qmf_calibration_destroy(of_engine);
    qmf_calibration_destroy(given);
    qmf_calibration_destroy(gated);
    qmf_calibration_destroy(loaded);
    qmf_calibration_destroy(parsed);
    qmf_calibration_destroy(NULL);
    CHECK(qmf_live_calibrations() == 0);
}

/* Four made-up people on three images each. */
static void fits(const qmf_engine *engine) {
    enum { IMAGES = 12 };
    static float rows[IMAGES * LENGTH];
    qmf_template *templates[IMAGES];
    uint32_t people[IMAGES], state = 1, warnings = 0;
    qmf_fit_options options;
    qmf_calibration *of_rows = NULL, *of_templates = NULL;
    qmf_threshold threshold;
    size_t i, k;

    for (i = 0; i < IMAGES; i++) {
        people[i] = (uint32_t)(i / 3);
        for (k = 0; k < LENGTH; k++) {
            state = state * 1664525u + 1013904223u;
            rows[i * LENGTH + k] = (k % 4 == people[i] ? 1.0f : 0.0f) + (float)(state >> 8) / (float)(1 << 24);
        }
        OK(qmf_template_create(engine, &rows[i * LENGTH], LENGTH, &templates[i]));
    }
    OK(qmf_fit_options_init(&options, sizeof options));
    FAILS(QMF_ERROR_CALIBRATION,
          qmf_calibration_fit(engine, rows, IMAGES, LENGTH, people, &options, NULL, NULL, &of_rows, &warnings));
    options.least_fmr = 0.1;
    options.greatest_fmr = 0.5;
    options.replicates = 10;
    options.procedure = QMF_FIT_PROCEDURE_DIRECT;
    OK(qmf_calibration_fit(engine, rows, IMAGES, LENGTH, people, &options, "made-up", NULL, &of_rows, &warnings));
    OK(qmf_calibration_fit_templates((const qmf_template *const *)templates, IMAGES, people, &options, NULL, NULL,
                                     &of_templates, NULL));
    OK(qmf_threshold_init(&threshold, sizeof threshold));
    OK(qmf_calibration_get_threshold(of_rows, 0, &threshold));
    CHECK(threshold.fmr == 0.1 && threshold.impostors_above <= 5);
    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_calibration_get_threshold(of_rows, 1, &threshold));
    for (i = 0; i < IMAGES; i++) {
        qmf_template_destroy(templates[i]);
    }
    qmf_calibration_destroy(of_rows);
    qmf_calibration_destroy(of_templates);
    CHECK(qmf_live_calibrations() == 0 && qmf_live_templates() == 0);
}

/* One template that is there and a failed one. */
static void galleries(const qmf_calibration *calibration, const qmf_template *one, const qmf_template *failed,
                      double same) {
    const qmf_template *row[2];
    const size_t second = 1, beyond = 7;
    qmf_gallery *gallery = NULL;
    qmf_gallery_info info;
    qmf_search_options options;
    qmf_match matches[2];
    float scores[2];
    size_t first = 9, count = 0;

    row[0] = one;
    row[1] = failed;
    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_gallery_create(99, &gallery));
    OK(qmf_gallery_create(QMF_SCALAR_F32, &gallery));
    CHECK(qmf_live_galleries() == 1);
    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_gallery_add(gallery, NULL, 2, &first));
    OK(qmf_gallery_add(gallery, row, 2, &first));
    OK(qmf_gallery_info_init(&info, sizeof info));
    OK(qmf_gallery_get_info(gallery, &info));
    CHECK(first == 0 && info.count == 2 && info.length == LENGTH && info.bytes >= 2 * LENGTH * sizeof(float));
    FAILS(QMF_ERROR_BUFFER_TOO_SMALL, qmf_gallery_score(gallery, calibration, row, 1, 1, NULL, scores, 1, &count));
    CHECK(count == 2);
    OK(qmf_gallery_score(gallery, calibration, row, 1, 1, NULL, scores, 2, &count));
    CHECK(fabs((double)scores[0] - same) < 1e-5 && isinf(scores[1]) && scores[1] < 0);
    OK(qmf_search_options_init(&options, sizeof options));
    options.most = 1;
    options.threads = 1;
    OK(qmf_gallery_search(gallery, calibration, row, 1, &options, NULL, matches, 2, &count));
    CHECK(count == 1 && matches[0].index == 0 && fabs(matches[0].score - same) < 1e-5);
    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_gallery_remove(gallery, &beyond, 1));
    OK(qmf_gallery_remove(gallery, &second, 1));
    OK(qmf_gallery_get_info(gallery, &info));
    CHECK(info.count == 1);
    qmf_gallery_destroy(gallery);
    qmf_gallery_destroy(NULL);
    CHECK(qmf_live_galleries() == 0);
}

/* One that nobody triggered, then triggered. */
static void cancels(const qmf_engine *engine, const uint8_t *chip) {
    qmf_cancel *cancel = NULL;
    qmf_template *made = NULL;
    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_cancel_create(NULL));
    OK(qmf_cancel_create(&cancel));
    CHECK(qmf_live_cancels() == 1);
    OK(qmf_extract_chip(engine, chip, QMF_CHIP_SIZE, cancel, &made));
    qmf_template_destroy(made);
    made = NULL;
    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_cancel_trigger(NULL));
    OK(qmf_cancel_trigger(cancel));
    FAILS(QMF_ERROR_CANCELLED, qmf_extract_chip(engine, chip, QMF_CHIP_SIZE, cancel, &made));
    CHECK(made == NULL);
    qmf_cancel_destroy(cancel);
    qmf_cancel_destroy(NULL);
    CHECK(qmf_live_cancels() == 0);
}

/* Ends the engine first: what it made lives on. */
static void comparisons(qmf_engine *engine, const float *embedding) {
    qmf_calibration *calibration = NULL;
    qmf_template *one = NULL, *failed = NULL;
    const qmf_template *row[2];
    qmf_comparison result;
    qmf_decision decision;
    float scores[4];
    double same;

    OK(qmf_engine_get_calibration(engine, &calibration));
    OK(qmf_template_create(engine, embedding, LENGTH, &one));
    OK(qmf_template_create_failed(engine, &failed));
    qmf_engine_destroy(engine);
    OK(qmf_comparison_init(&result, sizeof result));
    OK(qmf_compare(calibration, one, one, &result));
    CHECK(fabs(result.cosine - 1.0) < 1e-6 && result.quality_a == result.quality_b);
    same = result.score;
    OK(qmf_decision_init(&decision, sizeof decision));
    OK(qmf_decide(calibration, &result, 1e-3, &decision));
    CHECK(decision.outcome == QMF_OUTCOME_MATCH && decision.lacking == QMF_LACKING_NOTHING);
    OK(qmf_compare(calibration, one, failed, &result));
    OK(qmf_decide(calibration, &result, 1e-3, &decision));
    CHECK(decision.outcome == QMF_OUTCOME_NOT_ENOUGH_INFORMATION && decision.lacking == QMF_LACKING_FACE);
    CHECK(isinf(result.score) && result.score < 0 && (result.flags & QMF_COMPARISON_FAILED_TEMPLATE) != 0);
    FAILS(QMF_ERROR_INVALID_ARGUMENT, qmf_compare(calibration, one, NULL, &result));
    OK(qmf_compare_embeddings(calibration, embedding, embedding, LENGTH, &result));
    CHECK(fabs(result.score - same) < 1e-6);
    row[0] = one;
    row[1] = failed;
    FAILS(QMF_ERROR_BUFFER_TOO_SMALL, qmf_score_matrix(calibration, row, 2, row, 2, NULL, scores, 3));
    OK(qmf_score_matrix(calibration, row, 2, row, 2, NULL, scores, 4));
    CHECK(fabs((double)scores[0] - same) < 1e-5 && isinf(scores[1]) && isinf(scores[2]) && isinf(scores[3]));
    OK(qmf_score_matrix_embeddings(calibration, embedding, 1, embedding, 1, LENGTH, NULL, scores, 1));
    CHECK(fabs((double)scores[0] - same) < 1e-5);
    galleries(calibration, one, failed, same);
    qmf_calibration_destroy(calibration);
    qmf_template_destroy(failed);
    qmf_template_destroy(one);
}

/* One engine, one picture, and all that is done without networks. */
static void short_run(const char *model, const char *path, const char *calibration) {
    const qmf_engine_options options = usual_options();
    const bytes file = read_file(path);
    const qmf_image image = encoded(file);
    qmf_engine *engine = NULL;
    qmf_template *face = NULL;
    float embedding[LENGTH];
    size_t length = 0;
    FAILS(QMF_ERROR_MODEL, qmf_engine_create("no-such-model", &options, &engine));
    OK(qmf_engine_create(model, &options, &engine));
    OK(qmf_extract(engine, &image, NULL, &face));
    OK(qmf_template_get_embedding(face, embedding, LENGTH, &length));
    qmf_template_destroy(face);
    free(file.data);
    templates(engine, embedding);
    calibrations(engine, calibration);
    comparisons(engine, embedding);
}

static int content(void) {
    CHECK(qmf_live_engines() == 0 && qmf_live_templates() == 0 && qmf_live_calibrations() == 0);
    puts("the C client is content");
    return 0;
}

int main(int argc, char **argv) {
    static uint8_t chip[QMF_CHIP_SIZE];
    float embedding[LENGTH];
    bytes face, blank;
    qmf_engine *engine;
    library();
    if (argc == 5 && strcmp(argv[1], "--short") == 0) {
        short_run(argv[2], argv[3], argv[4]);
        return content();
    }
    CHECK(argc == 6);
    engine = engines(argv[1], argv[2]);
    face = read_file(argv[3]);
    blank = read_file(argv[4]);
    stages(engine, face, blank, chip, embedding);
    extraction(engine, face, blank, chip);
    templates(engine, embedding);
    calibrations(engine, argv[5]);
    fits(engine);
    cancels(engine, chip);
    comparisons(engine, embedding);
    free(face.data);
    free(blank.data);
    return content();
}
