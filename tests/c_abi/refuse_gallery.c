/*
 * Galleries, where they must be refused: the status, the text, and that nothing is written.
 *
 * refuse_gallery FOLDER MODEL: the folder holds the files that tests/c_abi/setting.rs writes.
 */
#include "refuse.h"

static qmf_calibration *own, *foreign_calibration;
static qmf_template *face, *foreign, *shorter;
static qmf_gallery *gallery, *empty;
#define CROOKED MISALIGNED(qmf_gallery, gallery)

static qmf_template *parsed(const char *folder, const char *name) {
    const bytes file = read_file(folder, name);
    qmf_template *made = NULL;
    EXPECT(QMF_OK, qmf_template_parse(file.data, file.size, &made));
    free(file.data);
    return made;
}

static uint64_t count_of(const qmf_gallery *handle) {
    qmf_gallery_info info;
    EXPECT(QMF_OK, qmf_gallery_info_init(&info, sizeof info));
    EXPECT(QMF_OK, qmf_gallery_get_info(handle, &info));
    return info.count;
}

static void creating(void) {
    qmf_gallery *made, *slots[2];
    REFUSED(INVALID, "result is NULL", qmf_gallery_create(QMF_SCALAR_F32, NULL));
    KEEPS(slots, INVALID, "result is not aligned",
          qmf_gallery_create(QMF_SCALAR_F32, MISALIGNED(qmf_gallery *, slots)));
    KEEPS(made, INVALID, "scalar: 3 is no", qmf_gallery_create(3, &made));
    KEEPS(made, INVALID, "scalar: -1 is no", qmf_gallery_create(-1, &made));
}

static void info(void) {
    qmf_gallery_info known, slots[2];
    REFUSED(INVALID, "info is NULL", qmf_gallery_get_info(gallery, NULL));
    KEEPS(slots, INVALID, "info is not aligned", qmf_gallery_get_info(gallery, MISALIGNED(qmf_gallery_info, slots)));
    KEEPS(known, INVALID, "handle is NULL", qmf_gallery_get_info(NULL, &known));
    KEEPS(known, INVALID, "handle is not aligned", qmf_gallery_get_info(CROOKED, &known));
    REFUSES_SIZES(known, "info", qmf_gallery_get_info(gallery, &known));
}

static void adding(void) {
    const qmf_template *list[2];
    size_t first, slots[2];
    list[0] = list[1] = face;
    KEEPS(first, INVALID, "handle is NULL", qmf_gallery_add(NULL, list, 2, &first));
    KEEPS(first, INVALID, "handle is not aligned", qmf_gallery_add(CROOKED, list, 2, &first));
    KEEPS(first, INVALID, "templates is NULL", qmf_gallery_add(gallery, NULL, 2, &first));
    KEEPS(first, INVALID, "templates is not aligned",
          qmf_gallery_add(gallery, MISALIGNED(const qmf_template *const, list), 1, &first));
    KEEPS(first, INVALID, "nothing to add", qmf_gallery_add(gallery, list, 0, &first));
    KEEPS(first, INVALID, "more than memory can hold", qmf_gallery_add(gallery, list, SIZE_MAX, &first));
    KEEPS(slots, INVALID, "first is not aligned", qmf_gallery_add(gallery, list, 2, MISALIGNED(size_t, slots)));
    list[1] = NULL;
    KEEPS(first, INVALID, "templates[1] is NULL", qmf_gallery_add(gallery, list, 2, &first));
    list[1] = MISALIGNED(const qmf_template, face);
    KEEPS(first, INVALID, "templates[1] is not aligned", qmf_gallery_add(gallery, list, 2, &first));
    /* Both models are named. */
    list[1] = foreign;
    KEEPS(first, QMF_ERROR_MODEL_MISMATCH, "template 1 is of model other (", qmf_gallery_add(gallery, list, 2, &first));
    CHECK(strstr(last_error(), "the gallery of model sface (") != NULL);
    list[1] = shorter;
    KEEPS(first, QMF_ERROR_MODEL_MISMATCH, "with 64 floats", qmf_gallery_add(gallery, list, 2, &first));
    KEEPS(first, QMF_ERROR_MODEL_MISMATCH, "with 64 floats", qmf_gallery_add(empty, list, 2, &first));
    CHECK(count_of(gallery) == 3 && count_of(empty) == 0);
}

static void removing(void) {
    size_t indices[3] = {0, 1, 3}, kept[3];
    memcpy(kept, indices, sizeof kept);
    REFUSED(INVALID, "handle is NULL", qmf_gallery_remove(NULL, indices, 1));
    REFUSED(INVALID, "handle is not aligned", qmf_gallery_remove(CROOKED, indices, 1));
    REFUSED(INVALID, "indices is NULL", qmf_gallery_remove(gallery, NULL, 1));
    REFUSED(INVALID, "indices is not aligned", qmf_gallery_remove(gallery, MISALIGNED(const size_t, indices), 1));
    REFUSED(INVALID, "nothing to remove", qmf_gallery_remove(gallery, indices, 0));
    REFUSED(INVALID, "more than memory can hold", qmf_gallery_remove(gallery, indices, SIZE_MAX));
    REFUSED(INVALID, "index 2 is 3, the gallery has 3 templates", qmf_gallery_remove(gallery, indices, 3));
    REFUSED(INVALID, "index 0 is 0, the gallery has 0 templates", qmf_gallery_remove(empty, indices, 1));
    CHECK(memcmp(kept, indices, sizeof kept) == 0);
    indices[2] = 1;
    REFUSED(INVALID, "they must rise", qmf_gallery_remove(gallery, indices, 3));
    indices[2] = SIZE_MAX;
    REFUSED(INVALID, "the gallery has 3 templates", qmf_gallery_remove(gallery, indices, 3));
    CHECK(count_of(gallery) == 3);
}

/* `call` must write neither scores nor their count. */
#define KEEPS_SCORES(wanted, part, call)                                                                               \
    do {                                                                                                               \
        fill(out, sizeof out);                                                                                         \
        KEEPS(count, wanted, part, call);                                                                              \
        CHECK(is_filled(out, sizeof out));                                                                             \
    } while (0)

static void scoring(void) {
    const qmf_template *list[2];
    float out[6];
    size_t count, slots[2];
    list[0] = list[1] = face;
    KEEPS_SCORES(INVALID, "handle is NULL", qmf_gallery_score(NULL, own, list, 2, 1, NULL, out, 6, &count));
    KEEPS_SCORES(INVALID, "handle is not aligned", qmf_gallery_score(CROOKED, own, list, 2, 1, NULL, out, 6, &count));
    KEEPS_SCORES(INVALID, "calibration is NULL", qmf_gallery_score(gallery, NULL, list, 2, 1, NULL, out, 6, &count));
    KEEPS_SCORES(INVALID, "calibration is not aligned",
                 qmf_gallery_score(gallery, MISALIGNED(const qmf_calibration, own), list, 2, 1, NULL, out, 6, &count));
    KEEPS_SCORES(INVALID, "probes is NULL", qmf_gallery_score(gallery, own, NULL, 2, 1, NULL, out, 6, &count));
    KEEPS_SCORES(INVALID, "probes is not aligned",
                 qmf_gallery_score(gallery, own, MISALIGNED(const qmf_template *const, list), 1, 1, NULL, out, 6,
                                   &count));
    KEEPS_SCORES(INVALID, "scores is NULL", qmf_gallery_score(gallery, own, list, 2, 1, NULL, NULL, 6, &count));
    KEEPS_SCORES(INVALID, "scores is not aligned",
                 qmf_gallery_score(gallery, own, list, 1, 1, NULL, MISALIGNED(float, out), 3, &count));
    KEEPS_SCORES(INVALID, "nothing to compare", qmf_gallery_score(gallery, own, list, 0, 1, NULL, out, 6, &count));
    KEEPS_SCORES(INVALID, "threads is 1025", qmf_gallery_score(gallery, own, list, 2, 1025, NULL, out, 6, &count));
    KEEPS(out, INVALID, "count is NULL", qmf_gallery_score(gallery, own, list, 2, 1, NULL, out, 6, NULL));
    KEEPS(out, INVALID, "count is not aligned",
          qmf_gallery_score(gallery, own, list, 2, 1, NULL, out, 6, MISALIGNED(size_t, slots)));
    TOO_SMALL(out, count, 6, qmf_gallery_score(gallery, own, list, 2, 1, NULL, out, 5, &count));
    TOO_SMALL(out, count, 6, qmf_gallery_score(gallery, own, list, 2, 1, NULL, NULL, 0, &count));
    KEEPS_SCORES(INVALID, "more than memory can hold",
                 qmf_gallery_score(gallery, own, list, SIZE_MAX, 1, NULL, out, 6, &count));
    list[1] = NULL;
    KEEPS_SCORES(INVALID, "probes[1] is NULL", qmf_gallery_score(gallery, own, list, 2, 1, NULL, out, 6, &count));
    list[1] = foreign;
    KEEPS_SCORES(QMF_ERROR_MODEL_MISMATCH, "probe 1 is of model other (",
                 qmf_gallery_score(gallery, own, list, 2, 1, NULL, out, 6, &count));
    list[1] = shorter;
    KEEPS_SCORES(QMF_ERROR_MODEL_MISMATCH, "with 64 floats",
                 qmf_gallery_score(gallery, own, list, 2, 1, NULL, out, 6, &count));
    list[1] = face;
    KEEPS_SCORES(QMF_ERROR_MODEL_MISMATCH, "the calibration of model other",
                 qmf_gallery_score(gallery, foreign_calibration, list, 2, 1, NULL, out, 6, &count));
}

/* `call` must write neither matches nor counts. */
#define KEEPS_MATCHES(wanted, part, call)                                                                              \
    do {                                                                                                               \
        fill(counts, sizeof counts);                                                                                   \
        KEEPS(matches, wanted, part, call);                                                                            \
        CHECK(is_filled(counts, sizeof counts));                                                                       \
    } while (0)

static void searching(void) {
    const qmf_template *list[2];
    qmf_match matches[20];
    qmf_search_options options, wrong, slots[2];
    size_t counts[3], i;
    list[0] = list[1] = face;
    EXPECT(QMF_OK, qmf_search_options_init(&options, sizeof options));
    KEEPS_MATCHES(INVALID, "handle is NULL",
                  qmf_gallery_search(NULL, own, list, 2, &options, NULL, matches, 20, counts));
    KEEPS_MATCHES(INVALID, "handle is not aligned",
                  qmf_gallery_search(CROOKED, own, list, 2, &options, NULL, matches, 20, counts));
    KEEPS_MATCHES(INVALID, "calibration is NULL",
                  qmf_gallery_search(gallery, NULL, list, 2, &options, NULL, matches, 20, counts));
    KEEPS_MATCHES(INVALID, "calibration is not aligned",
                  qmf_gallery_search(gallery, MISALIGNED(const qmf_calibration, own), list, 2, &options, NULL, matches,
                                     20, counts));
    KEEPS_MATCHES(INVALID, "probes is NULL",
                  qmf_gallery_search(gallery, own, NULL, 2, &options, NULL, matches, 20, counts));
    KEEPS_MATCHES(INVALID, "probes is not aligned",
                  qmf_gallery_search(gallery, own, MISALIGNED(const qmf_template *const, list), 1, &options, NULL,
                                     matches, 20, counts));
    KEEPS_MATCHES(INVALID, "nothing to compare",
                  qmf_gallery_search(gallery, own, list, 0, &options, NULL, matches, 20, counts));
    KEEPS_MATCHES(INVALID, "options is not aligned",
                  qmf_gallery_search(gallery, own, list, 2, MISALIGNED(const qmf_search_options, slots), NULL, matches,
                                     20, counts));
    for (i = 0; i < WRONG_COUNT; i++) {
        wrong = options;
        wrong.struct_size = WRONG_SIZES[i];
        KEEPS_MATCHES(INVALID, "options: struct_size",
                      qmf_gallery_search(gallery, own, list, 2, &wrong, NULL, matches, 20, counts));
    }
    wrong = options;
    wrong.threads = 1025;
    KEEPS_MATCHES(INVALID, "threads is 1025",
                  qmf_gallery_search(gallery, own, list, 2, &wrong, NULL, matches, 20, counts));
    wrong = options;
    wrong.most = 0;
    KEEPS_MATCHES(INVALID, "most is 0", qmf_gallery_search(gallery, own, list, 2, &wrong, NULL, matches, 20, counts));
    wrong.most = UINT64_MAX;
    KEEPS_MATCHES(INVALID, "more than memory can hold",
                  qmf_gallery_search(gallery, own, list, 2, &wrong, NULL, matches, 20, counts));
    KEEPS_MATCHES(SMALL, "are needed", qmf_gallery_search(gallery, own, list, 1, &wrong, NULL, matches, 20, counts));
    wrong = options;
    wrong.least_score = NAN;
    KEEPS_MATCHES(INVALID, "least_score", qmf_gallery_search(gallery, own, list, 2, &wrong, NULL, matches, 20, counts));
    KEEPS_MATCHES(SMALL, "room for 19 elements, 20 are needed",
                  qmf_gallery_search(gallery, own, list, 2, NULL, NULL, matches, 19, counts));
    fill(counts, sizeof counts);
    REFUSED(INVALID, "matches is NULL", qmf_gallery_search(gallery, own, list, 2, NULL, NULL, NULL, 20, counts));
    CHECK(is_filled(counts, sizeof counts));
    KEEPS_MATCHES(INVALID, "matches is not aligned",
                  qmf_gallery_search(gallery, own, list, 1, NULL, NULL, MISALIGNED(qmf_match, matches), 10, counts));
    KEEPS(matches, INVALID, "counts is NULL", qmf_gallery_search(gallery, own, list, 2, NULL, NULL, matches, 20, NULL));
    KEEPS_MATCHES(INVALID, "counts is not aligned",
                  qmf_gallery_search(gallery, own, list, 2, NULL, NULL, matches, 20, MISALIGNED(size_t, counts)));
    list[1] = NULL;
    KEEPS_MATCHES(INVALID, "probes[1] is NULL",
                  qmf_gallery_search(gallery, own, list, 2, NULL, NULL, matches, 20, counts));
    list[1] = foreign;
    KEEPS_MATCHES(QMF_ERROR_MODEL_MISMATCH, "probe 1 is of model other (",
                  qmf_gallery_search(gallery, own, list, 2, NULL, NULL, matches, 20, counts));
    list[1] = face;
    KEEPS_MATCHES(QMF_ERROR_MODEL_MISMATCH, "the calibration of model other",
                  qmf_gallery_search(gallery, foreign_calibration, list, 2, NULL, NULL, matches, 20, counts));
}

int main(int argc, char **argv) {
    qmf_engine *engine;
    const qmf_template *three[3];
    CHECK(argc == 3);
    engine = open_engine(argv[2]);
    {
        float embedding[LENGTH];
        char path[4096];
        size_t i;
        for (i = 0; i < LENGTH; i++) {
            embedding[i] = (float)i - 50.0f;
        }
        EXPECT(QMF_OK, qmf_template_create(engine, embedding, LENGTH, &face));
        CHECK(snprintf(path, sizeof path, "%s/foreign.toml", argv[1]) < (int)sizeof path);
        EXPECT(QMF_OK, qmf_calibration_load(path, &foreign_calibration));
    }
    EXPECT(QMF_OK, qmf_engine_get_calibration(engine, &own));
    foreign = parsed(argv[1], "foreign.qmft");
    shorter = parsed(argv[1], "shorter.qmft");
    EXPECT(QMF_OK, qmf_gallery_create(QMF_SCALAR_I8, &empty));
    EXPECT(QMF_OK, qmf_gallery_create(QMF_SCALAR_F16, &gallery));
    three[0] = three[1] = three[2] = face;
    EXPECT(QMF_OK, qmf_gallery_add(gallery, three, 3, NULL));
    creating();
    info();
    adding();
    removing();
    scoring();
    searching();
    qmf_gallery_destroy(CROOKED);
    CHECK(strstr(last_error(), "handle is not aligned") != NULL && qmf_live_galleries() == 2);
    qmf_gallery_destroy(gallery);
    qmf_gallery_destroy(empty);
    qmf_template_destroy(face);
    qmf_template_destroy(foreign);
    qmf_template_destroy(shorter);
    qmf_calibration_destroy(own);
    qmf_calibration_destroy(foreign_calibration);
    qmf_engine_destroy(engine);
    check_no_handle();
    return 0;
}
