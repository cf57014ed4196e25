/*
 * Templates, where they must be refused: the status, the text, and that nothing is written.
 *
 * refuse_templates FOLDER MODEL: the folder holds the files that tests/c_abi/setting.rs writes.
 */
#include "refuse.h"

static qmf_engine *engine;
static qmf_template *face, *failed, *foreign, *shorter;
#define CROOKED MISALIGNED(const qmf_template, face)

static qmf_template *parsed(const char *folder, const char *name) {
    const bytes file = read_file(folder, name);
    qmf_template *made = NULL;
    EXPECT(QMF_OK, qmf_template_parse(file.data, file.size, &made));
    free(file.data);
    return made;
}

static void creating(void) {
    float a[LENGTH + 1], wrong[LENGTH] = {0};
    qmf_template *made, *slots[2];
    size_t i;
    for (i = 0; i <= LENGTH; i++) {
        a[i] = (float)i;
    }
    REFUSED(INVALID, "result is NULL", qmf_template_create(engine, a, LENGTH, NULL));
    KEEPS(slots, INVALID, "result is not aligned",
          qmf_template_create(engine, a, LENGTH, MISALIGNED(qmf_template *, slots)));
    KEEPS(made, INVALID, "engine is NULL", qmf_template_create(NULL, a, LENGTH, &made));
    KEEPS(made, INVALID, "engine is not aligned",
          qmf_template_create(MISALIGNED(const qmf_engine, engine), a, LENGTH, &made));
    KEEPS(made, INVALID, "embedding is NULL", qmf_template_create(engine, NULL, LENGTH, &made));
    KEEPS(made, INVALID, "embedding is not aligned",
          qmf_template_create(engine, MISALIGNED(const float, a), LENGTH, &made));
    KEEPS(made, INVALID, "has 128 floats, 127 were given", qmf_template_create(engine, a, LENGTH - 1, &made));
    KEEPS(made, INVALID, "has 128 floats, 129 were given", qmf_template_create(engine, a, LENGTH + 1, &made));
    KEEPS(made, INVALID, "has 128 floats, 0 were given", qmf_template_create(engine, a, 0, &made));
    KEEPS(made, INVALID, "more than memory can hold", qmf_template_create(engine, a, SIZE_MAX, &made));
    KEEPS(made, INVALID, "is zero", qmf_template_create(engine, wrong, LENGTH, &made));
    wrong[5] = NAN;
    KEEPS(made, INVALID, "not finite", qmf_template_create(engine, wrong, LENGTH, &made));
    wrong[5] = INFINITY;
    KEEPS(made, INVALID, "not finite", qmf_template_create(engine, wrong, LENGTH, &made));
    wrong[5] = 1e38f;
    KEEPS(made, INVALID, "quality is", qmf_template_create(engine, wrong, LENGTH, &made));

    REFUSED(INVALID, "result is NULL", qmf_template_create_failed(engine, NULL));
    KEEPS(slots, INVALID, "result is not aligned",
          qmf_template_create_failed(engine, MISALIGNED(qmf_template *, slots)));
    KEEPS(made, INVALID, "engine is NULL", qmf_template_create_failed(NULL, &made));
    KEEPS(made, INVALID, "engine is not aligned",
          qmf_template_create_failed(MISALIGNED(const qmf_engine, engine), &made));
}

static void info(void) {
    qmf_template_info known, slots[2];
    REFUSED(INVALID, "info is NULL", qmf_template_get_info(face, NULL));
    KEEPS(slots, INVALID, "info is not aligned", qmf_template_get_info(face, MISALIGNED(qmf_template_info, slots)));
    KEEPS(known, INVALID, "handle is NULL", qmf_template_get_info(NULL, &known));
    KEEPS(known, INVALID, "handle is not aligned", qmf_template_get_info(CROOKED, &known));
    REFUSES_SIZES(known, "info", qmf_template_get_info(face, &known));
}

static void reading(void) {
    float embedding[LENGTH];
    uint8_t data[8];
    size_t length, slots[2];
    qmf_template *named = NULL;
    REFUSED(INVALID, "length is NULL", qmf_template_get_embedding(face, embedding, LENGTH, NULL));
    KEEPS(slots, INVALID, "length is not aligned",
          qmf_template_get_embedding(face, embedding, LENGTH, MISALIGNED(size_t, slots)));
    KEEPS(length, INVALID, "handle is NULL", qmf_template_get_embedding(NULL, embedding, LENGTH, &length));
    KEEPS(length, INVALID, "handle is not aligned", qmf_template_get_embedding(CROOKED, embedding, LENGTH, &length));
    KEEPS(length, INVALID, "embedding is NULL", qmf_template_get_embedding(face, NULL, LENGTH, &length));
    KEEPS(length, INVALID, "embedding is not aligned",
          qmf_template_get_embedding(face, MISALIGNED(float, embedding), LENGTH, &length));
    TOO_SMALL(embedding, length, LENGTH, qmf_template_get_embedding(face, embedding, LENGTH - 1, &length));
    TOO_SMALL(embedding, length, LENGTH, qmf_template_get_embedding(face, NULL, 0, &length));

    EXPECT(QMF_OK, qmf_template_with_metadata(face, (const uint8_t *)"12345678", 8, &named));
    REFUSED(INVALID, "size is NULL", qmf_template_get_metadata(named, data, 8, NULL));
    KEEPS(slots, INVALID, "size is not aligned", qmf_template_get_metadata(named, data, 8, MISALIGNED(size_t, slots)));
    KEEPS(length, INVALID, "handle is NULL", qmf_template_get_metadata(NULL, data, 8, &length));
    KEEPS(length, INVALID, "handle is not aligned", qmf_template_get_metadata(CROOKED, data, 8, &length));
    KEEPS(length, INVALID, "metadata is NULL", qmf_template_get_metadata(named, NULL, 8, &length));
    TOO_SMALL(data, length, 8, qmf_template_get_metadata(named, data, 7, &length));
    TOO_SMALL(data, length, 8, qmf_template_get_metadata(named, NULL, 0, &length));
    qmf_template_destroy(named);
}

static void metadata(void) {
    static uint8_t much[65537];
    qmf_template *made, *slots[2];
    REFUSED(INVALID, "result is NULL", qmf_template_with_metadata(face, much, 4, NULL));
    KEEPS(slots, INVALID, "result is not aligned",
          qmf_template_with_metadata(face, much, 4, MISALIGNED(qmf_template *, slots)));
    KEEPS(made, INVALID, "handle is NULL", qmf_template_with_metadata(NULL, much, 4, &made));
    KEEPS(made, INVALID, "handle is not aligned", qmf_template_with_metadata(CROOKED, much, 4, &made));
    KEEPS(made, INVALID, "metadata is NULL", qmf_template_with_metadata(face, NULL, 4, &made));
    KEEPS(made, INVALID, "more than memory can hold", qmf_template_with_metadata(face, much, SIZE_MAX, &made));
    KEEPS(made, QMF_ERROR_LIMIT, "65537 bytes of metadata, at most 65536",
          qmf_template_with_metadata(face, much, sizeof much, &made));
}

static void serializing(void) {
    uint8_t data[2048];
    size_t size, needed = 0, slots[2];
    REFUSED(INVALID, "size is NULL", qmf_template_serialize(face, QMF_SCALAR_F32, data, sizeof data, NULL));
    KEEPS(slots, INVALID, "size is not aligned",
          qmf_template_serialize(face, QMF_SCALAR_F32, data, sizeof data, MISALIGNED(size_t, slots)));
    KEEPS(size, INVALID, "3 is no QMF_SCALAR_*", qmf_template_serialize(face, 3, data, sizeof data, &size));
    KEEPS(size, INVALID, "-1 is no QMF_SCALAR_*", qmf_template_serialize(face, -1, data, sizeof data, &size));
    KEEPS(size, INVALID, "handle is NULL", qmf_template_serialize(NULL, QMF_SCALAR_F32, data, sizeof data, &size));
    KEEPS(size, INVALID, "handle is not aligned",
          qmf_template_serialize(CROOKED, QMF_SCALAR_F32, data, sizeof data, &size));
    KEEPS(size, INVALID, "data is NULL", qmf_template_serialize(face, QMF_SCALAR_F32, NULL, sizeof data, &size));
    EXPECT(QMF_OK, qmf_template_serialize(face, QMF_SCALAR_F32, data, sizeof data, &needed));
    TOO_SMALL(data, size, needed, qmf_template_serialize(face, QMF_SCALAR_F32, data, needed - 1, &size));
    TOO_SMALL(data, size, needed, qmf_template_serialize(face, QMF_SCALAR_F32, NULL, 0, &size));
}

/* Every byte of a stored template changed, and every length but its own. */
static void parsing(const char *folder) {
    const bytes file = read_file(folder, "ours.qmft");
    qmf_template *made, *slots[2];
    size_t i;
    REFUSED(INVALID, "result is NULL", qmf_template_parse(file.data, file.size, NULL));
    KEEPS(slots, INVALID, "result is not aligned",
          qmf_template_parse(file.data, file.size, MISALIGNED(qmf_template *, slots)));
    KEEPS(made, INVALID, "data is NULL", qmf_template_parse(NULL, file.size, &made));
    KEEPS(made, INVALID, "more than memory can hold", qmf_template_parse(file.data, SIZE_MAX, &made));
    for (i = 0; i < file.size; i++) {
        KEEPS(made, QMF_ERROR_TEMPLATE, "", qmf_template_parse(file.data, i, &made));
        file.data[i] ^= 0x10;
        KEEPS(made, QMF_ERROR_TEMPLATE, "template", qmf_template_parse(file.data, file.size, &made));
        file.data[i] ^= 0x10;
    }
    file.data[0] = 'X';
    KEEPS(made, QMF_ERROR_TEMPLATE, "no template", qmf_template_parse(file.data, file.size, &made));
    file.data[0] = 'Q';
    file.data[4] = 2;
    KEEPS(made, QMF_ERROR_TEMPLATE, "format version 2", qmf_template_parse(file.data, file.size, &made));
    file.data[4] = 1;
    file.data[file.size - 1] ^= 1;
    KEEPS(made, QMF_ERROR_TEMPLATE, "checksum", qmf_template_parse(file.data, file.size, &made));
    free(file.data);
}

static void sealing(void) {
    static const uint8_t key[QMF_KEY_SIZE] = {1, 2, 3}, context[8] = {9};
    uint8_t data[2048];
    size_t size, needed = 0, slots[2];
    const size_t room = sizeof data;
    REFUSED(INVALID, "size is NULL", qmf_template_seal(face, QMF_SCALAR_F32, key, 32, context, 8, data, room, NULL));
    KEEPS(slots, INVALID, "size is not aligned",
          qmf_template_seal(face, QMF_SCALAR_F32, key, 32, context, 8, data, room, MISALIGNED(size_t, slots)));
    KEEPS(size, INVALID, "3 is no QMF_SCALAR_*", qmf_template_seal(face, 3, key, 32, context, 8, data, room, &size));
    KEEPS(size, INVALID, "handle is NULL",
          qmf_template_seal(NULL, QMF_SCALAR_F32, key, 32, context, 8, data, room, &size));
    KEEPS(size, INVALID, "handle is not aligned",
          qmf_template_seal(CROOKED, QMF_SCALAR_F32, key, 32, context, 8, data, room, &size));
    KEEPS(size, INVALID, "key is NULL",
          qmf_template_seal(face, QMF_SCALAR_F32, NULL, 32, context, 8, data, room, &size));
    KEEPS(size, INVALID, "32 bytes, not 31",
          qmf_template_seal(face, QMF_SCALAR_F32, key, 31, context, 8, data, room, &size));
    KEEPS(size, INVALID, "32 bytes, not 33",
          qmf_template_seal(face, QMF_SCALAR_F32, key, 33, context, 8, data, room, &size));
    KEEPS(size, INVALID, "32 bytes, not 0",
          qmf_template_seal(face, QMF_SCALAR_F32, key, 0, context, 8, data, room, &size));
    KEEPS(size, INVALID, "context is NULL",
          qmf_template_seal(face, QMF_SCALAR_F32, key, 32, NULL, 8, data, room, &size));
    KEEPS(size, INVALID, "more than memory can hold",
          qmf_template_seal(face, QMF_SCALAR_F32, key, 32, context, SIZE_MAX, data, room, &size));
    KEEPS(size, INVALID, "data is NULL",
          qmf_template_seal(face, QMF_SCALAR_F32, key, 32, context, 8, NULL, room, &size));
    EXPECT(QMF_OK, qmf_template_seal(face, QMF_SCALAR_F32, key, 32, context, 8, data, room, &needed));
    TOO_SMALL(data, size, needed,
              qmf_template_seal(face, QMF_SCALAR_F32, key, 32, context, 8, data, needed - 1, &size));
    TOO_SMALL(data, size, needed, qmf_template_seal(face, QMF_SCALAR_F32, key, 32, context, 8, NULL, 0, &size));
}

/* Every byte of a sealed template, of the key and of the context changed, and every length but its own. */
static void unsealing(const char *folder) {
    static const char *const SAME = "not sealed with this key and context, or was changed";
    const bytes plain = read_file(folder, "ours.qmft");
    uint8_t key[QMF_KEY_SIZE] = {1, 2, 3}, context[8] = {9}, data[2048];
    qmf_template *made, *slots[2];
    size_t size = 0, i;
    EXPECT(QMF_OK, qmf_template_seal(face, QMF_SCALAR_F32, key, 32, context, 8, data, sizeof data, &size));
    REFUSED(INVALID, "result is NULL", qmf_template_unseal(data, size, key, 32, context, 8, NULL));
    KEEPS(slots, INVALID, "result is not aligned",
          qmf_template_unseal(data, size, key, 32, context, 8, MISALIGNED(qmf_template *, slots)));
    KEEPS(made, INVALID, "data is NULL", qmf_template_unseal(NULL, size, key, 32, context, 8, &made));
    KEEPS(made, INVALID, "more than memory can hold",
          qmf_template_unseal(data, SIZE_MAX, key, 32, context, 8, &made));
    KEEPS(made, INVALID, "key is NULL", qmf_template_unseal(data, size, NULL, 32, context, 8, &made));
    KEEPS(made, INVALID, "32 bytes, not 31", qmf_template_unseal(data, size, key, 31, context, 8, &made));
    KEEPS(made, INVALID, "32 bytes, not 64", qmf_template_unseal(data, size, key, 64, context, 8, &made));
    KEEPS(made, INVALID, "context is NULL", qmf_template_unseal(data, size, key, 32, NULL, 8, &made));
    for (i = 0; i < size; i++) {
        KEEPS(made, QMF_ERROR_TEMPLATE, SAME, qmf_template_unseal(data, i, key, 32, context, 8, &made));
        data[i] ^= 0x10;
        KEEPS(made, QMF_ERROR_TEMPLATE, SAME, qmf_template_unseal(data, size, key, 32, context, 8, &made));
        data[i] ^= 0x10;
    }
    for (i = 0; i < sizeof key; i++) {
        key[i] ^= 0x80;
        KEEPS(made, QMF_ERROR_TEMPLATE, SAME, qmf_template_unseal(data, size, key, 32, context, 8, &made));
        key[i] ^= 0x80;
    }
    for (i = 0; i < sizeof context; i++) {
        context[i] ^= 1;
        KEEPS(made, QMF_ERROR_TEMPLATE, SAME, qmf_template_unseal(data, size, key, 32, context, 8, &made));
        context[i] ^= 1;
        KEEPS(made, QMF_ERROR_TEMPLATE, SAME, qmf_template_unseal(data, size, key, 32, context, i, &made));
    }
    KEEPS(made, QMF_ERROR_TEMPLATE, SAME, qmf_template_unseal(data, size, key, 32, NULL, 0, &made));
    KEEPS(made, QMF_ERROR_TEMPLATE, SAME,
          qmf_template_unseal(plain.data, plain.size, key, 32, context, 8, &made));
    KEEPS(made, QMF_ERROR_TEMPLATE, "is sealed", qmf_template_parse(data, size, &made));
    EXPECT(QMF_OK, qmf_template_unseal(data, size, key, 32, context, 8, &made));
    qmf_template_destroy(made);
    free(plain.data);
}

static void fusing(void) {
    const qmf_template *list[2];
    qmf_template *made, *slots[2], *opposite = NULL;
    float embedding[LENGTH];
    size_t length = 0, i;
    list[0] = list[1] = face;
    REFUSED(INVALID, "result is NULL", qmf_template_fuse(list, 2, QMF_FUSION_MEAN, NULL));
    KEEPS(slots, INVALID, "result is not aligned",
          qmf_template_fuse(list, 2, QMF_FUSION_MEAN, MISALIGNED(qmf_template *, slots)));
    KEEPS(made, INVALID, "templates is NULL", qmf_template_fuse(NULL, 2, QMF_FUSION_MEAN, &made));
    KEEPS(made, INVALID, "templates is not aligned",
          qmf_template_fuse(MISALIGNED(const qmf_template *const, list), 1, QMF_FUSION_MEAN, &made));
    KEEPS(made, INVALID, "no template to fuse", qmf_template_fuse(list, 0, QMF_FUSION_MEAN, &made));
    KEEPS(made, INVALID, "more than memory can hold", qmf_template_fuse(list, SIZE_MAX, QMF_FUSION_MEAN, &made));
    KEEPS(made, INVALID, "2 is no QMF_FUSION_*", qmf_template_fuse(list, 2, 2, &made));
    list[1] = NULL;
    KEEPS(made, INVALID, "templates[1] is NULL", qmf_template_fuse(list, 2, QMF_FUSION_MEAN, &made));
    list[1] = CROOKED;
    KEEPS(made, INVALID, "templates[1] is not aligned", qmf_template_fuse(list, 2, QMF_FUSION_MEAN, &made));
    list[1] = foreign;
    KEEPS(made, QMF_ERROR_MODEL_MISMATCH, "sface", qmf_template_fuse(list, 2, QMF_FUSION_MEAN, &made));
    CHECK(strstr(last_error(), "other") != NULL);
    list[1] = shorter;
    KEEPS(made, QMF_ERROR_MODEL_MISMATCH, "64", qmf_template_fuse(list, 2, QMF_FUSION_QUALITY, &made));
    /* Two that cancel each other out leave nothing. */
    EXPECT(QMF_OK, qmf_template_get_embedding(face, embedding, LENGTH, &length));
    for (i = 0; i < LENGTH; i++) {
        embedding[i] = -embedding[i];
    }
    EXPECT(QMF_OK, qmf_template_create(engine, embedding, LENGTH, &opposite));
    list[1] = opposite;
    KEEPS(made, INVALID, "cancel each other out", qmf_template_fuse(list, 2, QMF_FUSION_QUALITY, &made));
    qmf_template_destroy(opposite);
}

static void reviewing(void) {
    const qmf_template *list[2];
    qmf_fused_part parts[2], slots[3];
    qmf_calibration *own = NULL, *given = NULL, *of_other = NULL;
    const double fmr = 1e-3;
    list[0] = list[1] = face;
    EXPECT(QMF_OK, qmf_engine_get_calibration(engine, &own));
    EXPECT(QMF_OK, qmf_calibration_create(0.1, 0.2, &given));
    EXPECT(QMF_OK, qmf_calibration_load("foreign.toml", &of_other));
    REFUSED(INVALID, "parts is NULL", qmf_template_review_fusion(list, 2, QMF_FUSION_MEAN, own, fmr, NULL, 2));
    KEEPS(slots, INVALID, "parts is not aligned",
          qmf_template_review_fusion(list, 2, QMF_FUSION_MEAN, own, fmr, MISALIGNED(qmf_fused_part, slots), 2));
    KEEPS(parts, INVALID, "templates is NULL",
          qmf_template_review_fusion(NULL, 2, QMF_FUSION_MEAN, own, fmr, parts, 2));
    KEEPS(parts, INVALID, "templates is not aligned",
          qmf_template_review_fusion(MISALIGNED(const qmf_template *const, list), 1, QMF_FUSION_MEAN, own, fmr, parts,
                                     2));
    KEEPS(parts, INVALID, "count is 0", qmf_template_review_fusion(list, 0, QMF_FUSION_MEAN, own, fmr, parts, 2));
    KEEPS(parts, SMALL, "2 are needed", qmf_template_review_fusion(list, 2, QMF_FUSION_MEAN, own, fmr, parts, 1));
    KEEPS(parts, SMALL, "2 are needed", qmf_template_review_fusion(list, 2, QMF_FUSION_MEAN, own, fmr, NULL, 0));
    KEEPS(parts, INVALID, "more than memory can hold",
          qmf_template_review_fusion(list, SIZE_MAX, QMF_FUSION_MEAN, own, fmr, parts, SIZE_MAX));
    KEEPS(parts, INVALID, "2 is no QMF_FUSION_*", qmf_template_review_fusion(list, 2, 2, own, fmr, parts, 2));
    KEEPS(parts, INVALID, "calibration is not aligned",
          qmf_template_review_fusion(list, 2, QMF_FUSION_MEAN, MISALIGNED(const qmf_calibration, own), fmr, parts, 2));
    KEEPS(parts, INVALID, "above 0 and below 1",
          qmf_template_review_fusion(list, 2, QMF_FUSION_MEAN, own, NAN, parts, 2));
    KEEPS(parts, QMF_ERROR_CALIBRATION, "supports",
          qmf_template_review_fusion(list, 2, QMF_FUSION_MEAN, own, 1e-12, parts, 2));
    KEEPS(parts, QMF_ERROR_CALIBRATION, "no thresholds",
          qmf_template_review_fusion(list, 2, QMF_FUSION_MEAN, given, fmr, parts, 2));
    KEEPS(parts, QMF_ERROR_MODEL_MISMATCH, "the calibration of",
          qmf_template_review_fusion(list, 2, QMF_FUSION_MEAN, of_other, fmr, parts, 2));
    list[1] = NULL;
    KEEPS(parts, INVALID, "templates[1] is NULL",
          qmf_template_review_fusion(list, 2, QMF_FUSION_MEAN, own, fmr, parts, 2));
    list[1] = CROOKED;
    KEEPS(parts, INVALID, "templates[1] is not aligned",
          qmf_template_review_fusion(list, 2, QMF_FUSION_MEAN, own, fmr, parts, 2));
    list[1] = foreign;
    KEEPS(parts, QMF_ERROR_MODEL_MISMATCH, "other",
          qmf_template_review_fusion(list, 2, QMF_FUSION_MEAN, NULL, fmr, parts, 2));
    qmf_calibration_destroy(own);
    qmf_calibration_destroy(given);
    qmf_calibration_destroy(of_other);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    engine = open_engine(argv[2]);
    face = parsed(argv[1], "ours.qmft");
    foreign = parsed(argv[1], "foreign.qmft");
    shorter = parsed(argv[1], "shorter.qmft");
    EXPECT(QMF_OK, qmf_template_create_failed(engine, &failed));
    creating();
    info();
    reading();
    metadata();
    serializing();
    parsing(argv[1]);
    sealing();
    unsealing(argv[1]);
    fusing();
    reviewing();
    CHECK(qmf_live_templates() == 4);
    qmf_template_destroy(MISALIGNED(qmf_template, face));
    CHECK(strstr(last_error(), "handle is not aligned") != NULL && qmf_live_templates() == 4);
    qmf_template_destroy(face);
    qmf_template_destroy(failed);
    qmf_template_destroy(foreign);
    qmf_template_destroy(shorter);
    qmf_engine_destroy(engine);
    check_no_handle();
    return 0;
}
