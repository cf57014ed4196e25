/*
 * The stages and extraction, where they must refuse: the status, the text, and that nothing is written. Wrong images
 * are in refuse_images.c.
 *
 * refuse_stages FOLDER MODEL: the folder holds the files that tests/c_abi/setting.rs writes.
 */
#include "refuse.h"

static qmf_engine *engine;
#define CROOKED MISALIGNED(const qmf_engine, engine)

static qmf_image photo;
static float landmarks[10];

static void detecting(void) {
    qmf_face faces[4];
    size_t count, slots[2];
    REFUSED(INVALID, "count is NULL", qmf_detect(engine, &photo, NULL, faces, 4, NULL));
    KEEPS(slots, INVALID, "count is not aligned",
          qmf_detect(engine, &photo, NULL, faces, 4, MISALIGNED(size_t, slots)));
    KEEPS(count, INVALID, "engine is NULL", qmf_detect(NULL, &photo, NULL, faces, 4, &count));
    KEEPS(count, INVALID, "engine is not aligned", qmf_detect(CROOKED, &photo, NULL, faces, 4, &count));
    KEEPS(count, INVALID, "faces is NULL", qmf_detect(engine, &photo, NULL, NULL, 4, &count));
    KEEPS(count, INVALID, "faces is not aligned",
          qmf_detect(engine, &photo, NULL, MISALIGNED(qmf_face, faces), 2, &count));
    TOO_SMALL(faces, count, 1, qmf_detect(engine, &photo, NULL, faces, 0, &count));
    TOO_SMALL(faces, count, 1, qmf_detect(engine, &photo, NULL, NULL, 0, &count));
    EXPECT(QMF_OK, qmf_detect(engine, &photo, NULL, faces, 4, &count));
    CHECK(count == 1);
    memcpy(landmarks, faces[0].landmarks, sizeof landmarks);
}

/* Landmarks that span no face. */
#define REFUSES_LANDMARKS(part, change)                                                                                \
    do {                                                                                                               \
        float points[10];                                                                                              \
        int i;                                                                                                         \
        memcpy(points, landmarks, sizeof points);                                                                      \
        for (i = 0; i < 10; i++) {                                                                                     \
            change;                                                                                                    \
        }                                                                                                              \
        KEEPS(chip, INVALID, part, qmf_align(engine, &photo, points, chip, sizeof chip, &size));                       \
        KEEPS(made, INVALID, part, qmf_extract_landmarks(engine, &photo, points, NULL, &made));                        \
    } while (0)

static void aligning(void) {
    static uint8_t chip[QMF_CHIP_SIZE];
    size_t size, slots[2];
    qmf_template *made;
    REFUSED(INVALID, "size is NULL", qmf_align(engine, &photo, landmarks, chip, sizeof chip, NULL));
    KEEPS(slots, INVALID, "size is not aligned",
          qmf_align(engine, &photo, landmarks, chip, sizeof chip, MISALIGNED(size_t, slots)));
    KEEPS(size, INVALID, "engine is NULL", qmf_align(NULL, &photo, landmarks, chip, sizeof chip, &size));
    KEEPS(size, INVALID, "engine is not aligned", qmf_align(CROOKED, &photo, landmarks, chip, sizeof chip, &size));
    KEEPS(size, INVALID, "landmarks is NULL", qmf_align(engine, &photo, NULL, chip, sizeof chip, &size));
    KEEPS(size, INVALID, "landmarks is not aligned",
          qmf_align(engine, &photo, MISALIGNED(const float, landmarks), chip, sizeof chip, &size));
    KEEPS(size, INVALID, "chip is NULL", qmf_align(engine, &photo, landmarks, NULL, sizeof chip, &size));
    TOO_SMALL(chip, size, QMF_CHIP_SIZE, qmf_align(engine, &photo, landmarks, chip, sizeof chip - 1, &size));
    TOO_SMALL(chip, size, QMF_CHIP_SIZE, qmf_align(engine, &photo, landmarks, NULL, 0, &size));
    REFUSES_LANDMARKS("not finite", if (i == 3) points[i] = NAN);
    REFUSES_LANDMARKS("not finite", if (i == 9) points[i] = -INFINITY);
    REFUSES_LANDMARKS("landmarks", points[i] = 50.0f);
}

static void embedding(void) {
    static uint8_t chips[2 * QMF_CHIP_SIZE];
    static float out[2 * LENGTH];
    size_t length, slots[2];
    REFUSED(INVALID, "length is NULL", qmf_embed(engine, chips, 2, NULL, out, 2 * LENGTH, NULL));
    KEEPS(slots, INVALID, "length is not aligned",
          qmf_embed(engine, chips, 2, NULL, out, 2 * LENGTH, MISALIGNED(size_t, slots)));
    KEEPS(length, INVALID, "engine is NULL", qmf_embed(NULL, chips, 2, NULL, out, 2 * LENGTH, &length));
    KEEPS(length, INVALID, "engine is not aligned", qmf_embed(CROOKED, chips, 2, NULL, out, 2 * LENGTH, &length));
    KEEPS(length, INVALID, "chips is NULL", qmf_embed(engine, NULL, 2, NULL, out, 2 * LENGTH, &length));
    KEEPS(out, INVALID, "count is 0", qmf_embed(engine, chips, 0, NULL, out, 2 * LENGTH, &length));
    KEEPS(out, INVALID, "more than memory can hold",
          qmf_embed(engine, chips, SIZE_MAX, NULL, out, 2 * LENGTH, &length));
    KEEPS(out, INVALID, "more than memory can hold",
          qmf_embed(engine, chips, SIZE_MAX / 3, NULL, out, SIZE_MAX, &length));
    KEEPS(length, INVALID, "embeddings is NULL", qmf_embed(engine, chips, 2, NULL, NULL, 2 * LENGTH, &length));
    KEEPS(out, INVALID, "embeddings is not aligned",
          qmf_embed(engine, chips, 1, NULL, MISALIGNED(float, out), LENGTH, &length));
    TOO_SMALL(out, length, 2 * LENGTH, qmf_embed(engine, chips, 2, NULL, out, 2 * LENGTH - 1, &length));
    TOO_SMALL(out, length, LENGTH, qmf_embed(engine, chips, 1, NULL, NULL, 0, &length));
}

static void quality_of(void) {
    float a[LENGTH + 1], zero[LENGTH] = {0}, broken[LENGTH], endless[LENGTH];
    double quality, qualities[2];
    size_t i;
    for (i = 0; i <= LENGTH; i++) {
        a[i] = (float)i;
    }
    memcpy(broken, a, sizeof broken);
    memcpy(endless, a, sizeof endless);
    broken[17] = NAN;
    endless[0] = -INFINITY;
    REFUSED(INVALID, "quality is NULL", qmf_quality(engine, a, LENGTH, NULL));
    KEEPS(qualities, INVALID, "quality is not aligned", qmf_quality(engine, a, LENGTH, MISALIGNED(double, qualities)));
    KEEPS(quality, INVALID, "engine is NULL", qmf_quality(NULL, a, LENGTH, &quality));
    KEEPS(quality, INVALID, "engine is not aligned", qmf_quality(CROOKED, a, LENGTH, &quality));
    KEEPS(quality, INVALID, "embedding is NULL", qmf_quality(engine, NULL, LENGTH, &quality));
    KEEPS(quality, INVALID, "embedding is not aligned",
          qmf_quality(engine, MISALIGNED(const float, a), LENGTH, &quality));
    KEEPS(quality, INVALID, "has 128 floats, 0 were given", qmf_quality(engine, a, 0, &quality));
    KEEPS(quality, INVALID, "has 128 floats, 127 were given", qmf_quality(engine, a, LENGTH - 1, &quality));
    KEEPS(quality, INVALID, "has 128 floats, 129 were given", qmf_quality(engine, a, LENGTH + 1, &quality));
    KEEPS(quality, INVALID, "more than memory can hold", qmf_quality(engine, a, SIZE_MAX, &quality));
    KEEPS(quality, INVALID, "is zero", qmf_quality(engine, zero, LENGTH, &quality));
    KEEPS(quality, INVALID, "not finite", qmf_quality(engine, broken, LENGTH, &quality));
    KEEPS(quality, INVALID, "not finite", qmf_quality(engine, endless, LENGTH, &quality));
}

static void unified_quality(void) {
    qmf_engine *knowing = open_engine("./sface-other-uqs"), *ignorant = open_engine("./sface-uncalibrated");
    int32_t uqs, slots[2];
    REFUSED(INVALID, "uqs is NULL", qmf_unified_quality(knowing, 24.0, NULL));
    KEEPS(slots, INVALID, "uqs is not aligned", qmf_unified_quality(knowing, 24.0, MISALIGNED(int32_t, slots)));
    KEEPS(uqs, INVALID, "engine is NULL", qmf_unified_quality(NULL, 24.0, &uqs));
    KEEPS(uqs, INVALID, "engine is not aligned", qmf_unified_quality(CROOKED, 24.0, &uqs));
    KEEPS(uqs, INVALID, "quality is NaN", qmf_unified_quality(knowing, NAN, &uqs));
    KEEPS(uqs, INVALID, "quality is inf", qmf_unified_quality(knowing, INFINITY, &uqs));
    KEEPS(uqs, INVALID, "quality is -1", qmf_unified_quality(knowing, -1.0, &uqs));
    KEEPS(uqs, QMF_ERROR_MODEL, "no constants for the unified quality score", qmf_unified_quality(ignorant, 24.0, &uqs));
    qmf_engine_destroy(knowing);
    qmf_engine_destroy(ignorant);
}

static void measuring(void) {
    qmf_measured found[32];
    qmf_face face, others[2], broken;
    size_t count, slots[2];
    EXPECT(QMF_OK, qmf_detect(engine, &photo, NULL, &face, 1, &count));
    others[0] = others[1] = broken = face;
    broken.landmarks[2][1] = NAN;
    REFUSED(INVALID, "count is NULL", qmf_measure_capture(engine, &photo, NULL, NULL, found, 32, NULL));
    KEEPS(slots, INVALID, "count is not aligned",
          qmf_measure_capture(engine, &photo, NULL, NULL, found, 32, MISALIGNED(size_t, slots)));
    KEEPS(count, INVALID, "engine is NULL", qmf_measure_capture(NULL, &photo, NULL, NULL, found, 32, &count));
    KEEPS(count, INVALID, "engine is not aligned", qmf_measure_capture(CROOKED, &photo, NULL, NULL, found, 32, &count));
    KEEPS(count, INVALID, "image is NULL", qmf_measure_capture(engine, NULL, NULL, NULL, found, 32, &count));
    KEEPS(count, INVALID, "face is not aligned",
          qmf_measure_capture(engine, &photo, NULL, MISALIGNED(qmf_face, others), found, 32, &count));
    KEEPS(count, INVALID, "measured is NULL", qmf_measure_capture(engine, &photo, NULL, NULL, NULL, 32, &count));
    KEEPS(count, INVALID, "measured is not aligned",
          qmf_measure_capture(engine, &photo, NULL, NULL, MISALIGNED(qmf_measured, found), 5, &count));
    TOO_SMALL(found, count, 17, qmf_measure_capture(engine, &photo, NULL, NULL, found, 16, &count));
    TOO_SMALL(face, count, 17, qmf_measure_capture(engine, &photo, NULL, &face, NULL, 0, &count));
    REFUSED(INVALID, "count is NULL", qmf_measure_face(engine, &photo, others, 2, 0, found, 32, NULL));
    KEEPS(count, INVALID, "engine is NULL", qmf_measure_face(NULL, &photo, others, 2, 0, found, 32, &count));
    KEEPS(count, INVALID, "image is NULL", qmf_measure_face(engine, NULL, others, 2, 0, found, 32, &count));
    KEEPS(count, INVALID, "faces is NULL", qmf_measure_face(engine, &photo, NULL, 2, 0, found, 32, &count));
    KEEPS(count, INVALID, "faces is not aligned",
          qmf_measure_face(engine, &photo, MISALIGNED(qmf_face, others), 1, 0, found, 32, &count));
    KEEPS(count, INVALID, "more than memory can hold",
          qmf_measure_face(engine, &photo, others, SIZE_MAX, 0, found, 32, &count));
    KEEPS(count, INVALID, "index is 2, there are 2 faces",
          qmf_measure_face(engine, &photo, others, 2, 2, found, 32, &count));
    KEEPS(count, INVALID, "not finite", qmf_measure_face(engine, &photo, &broken, 1, 0, found, 32, &count));
    KEEPS(count, INVALID, "measured is NULL", qmf_measure_face(engine, &photo, others, 2, 0, NULL, 32, &count));
    TOO_SMALL(found, count, 17, qmf_measure_face(engine, &photo, others, 2, 1, found, 16, &count));
    CHECK(strcmp(qmf_measure_name(17), "unknown") == 0 && strcmp(qmf_measure_name(-1), "unknown") == 0);
}

static void extracting(void) {
    qmf_template *made, *slots[2];
    REFUSED(INVALID, "result is NULL", qmf_extract(engine, &photo, NULL, NULL));
    KEEPS(slots, INVALID, "result is not aligned",
          qmf_extract(engine, &photo, NULL, MISALIGNED(qmf_template *, slots)));
    KEEPS(made, INVALID, "engine is NULL", qmf_extract(NULL, &photo, NULL, &made));
    KEEPS(made, INVALID, "engine is not aligned", qmf_extract(CROOKED, &photo, NULL, &made));

    REFUSED(INVALID, "result is NULL", qmf_extract_landmarks(engine, &photo, landmarks, NULL, NULL));
    KEEPS(slots, INVALID, "result is not aligned",
          qmf_extract_landmarks(engine, &photo, landmarks, NULL, MISALIGNED(qmf_template *, slots)));
    KEEPS(made, INVALID, "engine is NULL", qmf_extract_landmarks(NULL, &photo, landmarks, NULL, &made));
    KEEPS(made, INVALID, "engine is not aligned", qmf_extract_landmarks(CROOKED, &photo, landmarks, NULL, &made));
    KEEPS(made, INVALID, "landmarks is NULL", qmf_extract_landmarks(engine, &photo, NULL, NULL, &made));
    KEEPS(made, INVALID, "landmarks is not aligned",
          qmf_extract_landmarks(engine, &photo, MISALIGNED(const float, landmarks), NULL, &made));
}

static void extracting_all(void) {
    qmf_template *all[2];
    size_t count, slots[2];
    REFUSED(INVALID, "count is NULL", qmf_extract_all(engine, &photo, NULL, all, 2, NULL));
    KEEPS(slots, INVALID, "count is not aligned",
          qmf_extract_all(engine, &photo, NULL, all, 2, MISALIGNED(size_t, slots)));
    KEEPS(count, INVALID, "engine is NULL", qmf_extract_all(NULL, &photo, NULL, all, 2, &count));
    KEEPS(count, INVALID, "engine is not aligned", qmf_extract_all(CROOKED, &photo, NULL, all, 2, &count));
    KEEPS(count, INVALID, "results is NULL", qmf_extract_all(engine, &photo, NULL, NULL, 2, &count));
    KEEPS(all, INVALID, "results is not aligned",
          qmf_extract_all(engine, &photo, NULL, MISALIGNED(qmf_template *, all), 1, &count));
    TOO_SMALL(all, count, 1, qmf_extract_all(engine, &photo, NULL, all, 0, &count));
    TOO_SMALL(all, count, 1, qmf_extract_all(engine, &photo, NULL, NULL, 0, &count));
}

static void extracting_fused(void) {
    const qmf_image *images[2];
    qmf_template *made, *slots[2];
    images[0] = images[1] = &photo;
    REFUSED(INVALID, "result is NULL", qmf_extract_fused(engine, images, 2, QMF_FUSION_MEAN, NULL, NULL));
    KEEPS(slots, INVALID, "result is not aligned",
          qmf_extract_fused(engine, images, 2, QMF_FUSION_MEAN, NULL, MISALIGNED(qmf_template *, slots)));
    KEEPS(made, INVALID, "2 is no QMF_FUSION_*", qmf_extract_fused(engine, images, 2, 2, NULL, &made));
    KEEPS(made, INVALID, "-1 is no QMF_FUSION_*", qmf_extract_fused(engine, images, 2, -1, NULL, &made));
    KEEPS(made, INVALID, "engine is NULL", qmf_extract_fused(NULL, images, 2, QMF_FUSION_MEAN, NULL, &made));
    KEEPS(made, INVALID, "engine is not aligned", qmf_extract_fused(CROOKED, images, 2, QMF_FUSION_MEAN, NULL, &made));
    KEEPS(made, INVALID, "images is NULL", qmf_extract_fused(engine, NULL, 2, QMF_FUSION_MEAN, NULL, &made));
    KEEPS(made, INVALID, "images is not aligned",
          qmf_extract_fused(engine, MISALIGNED(const qmf_image *const, images), 1, QMF_FUSION_MEAN, NULL, &made));
    KEEPS(made, INVALID, "count is 0", qmf_extract_fused(engine, images, 0, QMF_FUSION_MEAN, NULL, &made));
    KEEPS(made, INVALID, "more than memory can hold",
          qmf_extract_fused(engine, images, SIZE_MAX, QMF_FUSION_MEAN, NULL, &made));
    /* What is wrong is named by its place, and the good one before it leaves nothing behind. */
    images[1] = NULL;
    KEEPS(made, INVALID, "images[1]: image is NULL",
          qmf_extract_fused(engine, images, 2, QMF_FUSION_MEAN, NULL, &made));
}

static void extracting_chips(void) {
    static uint8_t chip[QMF_CHIP_SIZE];
    qmf_template *made, *slots[2];
    REFUSED(INVALID, "result is NULL", qmf_extract_chip(engine, chip, sizeof chip, NULL, NULL));
    KEEPS(slots, INVALID, "result is not aligned",
          qmf_extract_chip(engine, chip, sizeof chip, NULL, MISALIGNED(qmf_template *, slots)));
    KEEPS(made, INVALID, "engine is NULL", qmf_extract_chip(NULL, chip, sizeof chip, NULL, &made));
    KEEPS(made, INVALID, "engine is not aligned", qmf_extract_chip(CROOKED, chip, sizeof chip, NULL, &made));
    KEEPS(made, INVALID, "chip is NULL", qmf_extract_chip(engine, NULL, sizeof chip, NULL, &made));
    KEEPS(made, INVALID, "37632 bytes, not 37631", qmf_extract_chip(engine, chip, sizeof chip - 1, NULL, &made));
    KEEPS(made, INVALID, "37632 bytes, not 0", qmf_extract_chip(engine, chip, 0, NULL, &made));
    KEEPS(made, INVALID, "37632 bytes, not 18446744073709551615",
          qmf_extract_chip(engine, chip, SIZE_MAX, NULL, &made));
}

/* An engine that refused goes on working, and an answer is no failure: the text stays. */
static void afterwards(const char *folder) {
    bytes file;
    const qmf_image blank = read_image(folder, "blank.png", &file);
    qmf_template *made = NULL;
    REFUSED(INVALID, "engine is NULL", qmf_engine_get_info(NULL, NULL));
    EXPECT(QMF_NO_FACE, qmf_extract(engine, &blank, NULL, &made));
    CHECK(made == NULL && strcmp(last_error(), "engine is NULL") == 0);
    EXPECT(QMF_OK, qmf_extract(engine, &photo, NULL, &made));
    CHECK(strcmp(last_error(), "engine is NULL") == 0);
    qmf_template_destroy(made);
    free(file.data);
}

int main(int argc, char **argv) {
    bytes file;
    CHECK(argc == 3);
    engine = open_engine(argv[2]);
    photo = read_image(argv[1], "a.png", &file);
    detecting();
    aligning();
    embedding();
    quality_of();
    unified_quality();
    measuring();
    extracting();
    extracting_all();
    extracting_fused();
    extracting_chips();
    afterwards(argv[1]);
    free(file.data);
    qmf_engine_destroy(engine);
    check_no_handle();
    return 0;
}
