/*
 * Cancels, where they are used wrongly: the status, the text, and that nothing is written.
 *
 * refuse_cancel FOLDER MODEL
 */
#include "refuse.h"

static void by_themselves(void) {
    qmf_cancel *made = NULL, *slots[2];
    REFUSED(INVALID, "result is NULL", qmf_cancel_create(NULL));
    KEEPS(slots, INVALID, "result is not aligned", qmf_cancel_create(MISALIGNED(qmf_cancel *, slots)));
    EXPECT(QMF_OK, qmf_cancel_create(&made));
    REFUSED(INVALID, "handle is NULL", qmf_cancel_trigger(NULL));
    REFUSED(INVALID, "handle is not aligned", qmf_cancel_trigger(MISALIGNED(const qmf_cancel, made)));
    qmf_cancel_destroy(MISALIGNED(qmf_cancel, made)); /* says nothing, and frees nothing */
    CHECK(qmf_live_cancels() == 1);
    qmf_cancel_destroy(made);
}

/* Every call that takes one refuses what can be none. */
static void as_an_argument(const char *folder, const char *model) {
    static uint8_t chip[QMF_CHIP_SIZE];
    static float embeddings[4 * LENGTH];
    const float landmarks[10] = {30, 40, 70, 40, 50, 60, 35, 80, 65, 80};
    const uint32_t people[4] = {1, 1, 2, 2};
    bytes file;
    qmf_image image = read_image(folder, "a.png", &file);
    const qmf_image *images[1];
    const qmf_template *templates[1];
    qmf_engine *engine = open_engine(model);
    qmf_calibration *calibration = NULL, *fitted;
    qmf_gallery *gallery = NULL;
    qmf_template *face = NULL, *result;
    qmf_cancel *good = NULL;
    const qmf_cancel *wrong;
    qmf_face found;
    qmf_match match[10];
    size_t count, i;
    for (i = 0; i < 4 * LENGTH; i++) {
        embeddings[i] = (float)(i % 11) - 4.0f;
    }
    EXPECT(QMF_OK, qmf_cancel_create(&good));
    wrong = MISALIGNED(const qmf_cancel, good);
    EXPECT(QMF_OK, qmf_engine_get_calibration(engine, &calibration));
    EXPECT(QMF_OK, qmf_template_create(engine, embeddings, LENGTH, &face));
    EXPECT(QMF_OK, qmf_gallery_create(QMF_SCALAR_F32, &gallery));
    images[0] = &image;
    templates[0] = face;
    EXPECT(QMF_OK, qmf_gallery_add(gallery, templates, 1, NULL));
#define REFUSES_CANCEL(output, call) KEEPS(output, INVALID, "cancel is not aligned", call)
    REFUSES_CANCEL(count, qmf_detect(engine, &image, wrong, &found, 1, &count));
    REFUSES_CANCEL(count, qmf_embed(engine, chip, 1, wrong, embeddings, LENGTH, &count));
    REFUSES_CANCEL(result, qmf_extract(engine, &image, wrong, &result));
    REFUSES_CANCEL(result, qmf_extract_all(engine, &image, wrong, &result, 1, &count));
    REFUSES_CANCEL(result, qmf_extract_fused(engine, images, 1, QMF_FUSION_MEAN, wrong, &result));
    REFUSES_CANCEL(result, qmf_extract_landmarks(engine, &image, landmarks, wrong, &result));
    REFUSES_CANCEL(result, qmf_extract_chip(engine, chip, sizeof chip, wrong, &result));
    REFUSES_CANCEL(fitted, qmf_calibration_fit(NULL, embeddings, 4, LENGTH, people, NULL, NULL, wrong, &fitted, NULL));
    REFUSES_CANCEL(fitted, qmf_calibration_fit_templates(templates, 1, people, NULL, NULL, wrong, &fitted, NULL));
    REFUSES_CANCEL(match, qmf_score_matrix(calibration, templates, 1, templates, 1, wrong, (float *)match, 1));
    REFUSES_CANCEL(match, qmf_score_matrix_embeddings(calibration, embeddings, 1, embeddings, 1, LENGTH, wrong,
                                                      (float *)match, 1));
    REFUSES_CANCEL(match, qmf_gallery_score(gallery, calibration, templates, 1, 1, wrong, (float *)match, 1, &count));
    REFUSES_CANCEL(match, qmf_gallery_search(gallery, calibration, templates, 1, NULL, wrong, match, 10, &count));
    qmf_cancel_destroy(good);
    qmf_gallery_destroy(gallery);
    qmf_calibration_destroy(calibration);
    qmf_template_destroy(face);
    qmf_engine_destroy(engine);
    free(file.data);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    by_themselves();
    as_an_argument(argv[1], argv[2]);
    check_no_handle();
    return 0;
}
