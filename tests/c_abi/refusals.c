/*
 * Every function of the C interface where it must refuse: the status, the text, and that nothing is written.
 *
 * refusals FOLDER MODEL: the folder has photo.bgr's files as for results.c, and pixel.png (1x1), blank.png (no face),
 * truncated.jpg and text.jpg (no image at all).
 */
#include "client.h"

#include <math.h>

#define LENGTH 128

static qmf_engine *engine;

/* What a call may write to, filled so that any write shows. */
static struct {
    qmf_extraction extraction;
    float embedding[LENGTH];
    size_t length;
} out, untouched;

static void poison(void) {
    memset(&out, 0xA5, sizeof out);
    out.extraction.struct_size = sizeof out.extraction;
    untouched = out;
}

/* An address inside `out` that no number can have. */
#define MISALIGNED(type, pointer) ((type *)(void *)((char *)(pointer) + 1))

/* A call that must fail and write nothing to `out`. */
#define REFUSED_UNTOUCHED(wanted, part, call)                                                                          \
    do {                                                                                                               \
        poison();                                                                                                      \
        REFUSED(wanted, part, call);                                                                                   \
        CHECK(memcmp(&out, &untouched, sizeof out) == 0);                                                              \
    } while (0)

#define INVALID QMF_ERROR_INVALID_ARGUMENT

static void texts(void) {
    char text[8] = "#######";
    size_t length = 42;
    REFUSED(INVALID, "buffer is NULL", qmf_version(NULL, 8, &length));
    REFUSED(INVALID, "length is not aligned", qmf_version(text, sizeof text, MISALIGNED(size_t, &out)));
    REFUSED(INVALID, "buffer is NULL", qmf_last_error(NULL, 8, &length));
    CHECK(length == 42 && strcmp(text, "#######") == 0);
    REFUSED(INVALID, "length is not aligned", qmf_last_error(text, sizeof text, MISALIGNED(size_t, &out)));
    CHECK(strcmp(text, "#######") == 0);
    /* A text that doesn't fit is cut, its whole length told, and it stays. */
    EXPECT(QMF_OK, qmf_last_error(text, sizeof text, &length));
    CHECK(strcmp(text, "length ") == 0 && length > sizeof text);
    EXPECT(QMF_OK, qmf_last_error(NULL, 0, NULL));
    CHECK(strstr(last_error(), "not aligned") != NULL);
}

/* Each init function with NULL, a misaligned pointer and impossible sizes. */
#define REFUSES_INIT(init, type)                                                                                       \
    do {                                                                                                               \
        union {                                                                                                        \
            type value;                                                                                                \
            uint8_t bytes[sizeof(type) + 8];                                                                           \
        } room;                                                                                                        \
        const size_t wrong[] = {0, 4, sizeof(type) - 1, 4097, SIZE_MAX};                                               \
        size_t i_;                                                                                                     \
        memset(&room, 0xA5, sizeof room);                                                                              \
        REFUSED(INVALID, "is NULL", init(NULL, sizeof(type)));                                                         \
        REFUSED(INVALID, "not aligned", init(MISALIGNED(type, &room), sizeof(type)));                                  \
        for (i_ = 0; i_ < sizeof wrong / sizeof wrong[0]; i_++) {                                                      \
            REFUSED(INVALID, "bytes: pass sizeof", init(&room.value, wrong[i_]));                                      \
        }                                                                                                              \
        for (i_ = 0; i_ < sizeof room.bytes; i_++) {                                                                   \
            CHECK(room.bytes[i_] == 0xA5);                                                                             \
        }                                                                                                              \
        /* Not a byte more than the size it is given. */                                                               \
        EXPECT(QMF_OK, init(&room.value, sizeof(type)));                                                               \
        for (i_ = sizeof(type); i_ < sizeof room.bytes; i_++) {                                                        \
            CHECK(room.bytes[i_] == 0xA5);                                                                             \
        }                                                                                                              \
    } while (0)

static void init_functions(void) {
    REFUSES_INIT(qmf_engine_options_init, qmf_engine_options);
    REFUSES_INIT(qmf_engine_info_init, qmf_engine_info);
    REFUSES_INIT(qmf_image_init, qmf_image);
    REFUSES_INIT(qmf_extraction_init, qmf_extraction);
    REFUSES_INIT(qmf_comparison_init, qmf_comparison);
}

/* A struct_size that no caller can have. */
static const uint32_t WRONG_SIZES[] = {0, 1, 4, 16, 4097, UINT32_MAX};
#define WRONG_COUNT (sizeof WRONG_SIZES / sizeof WRONG_SIZES[0])

static qmf_engine_options cpu_options(void) {
    qmf_engine_options options;
    EXPECT(QMF_OK, qmf_engine_options_init(&options, sizeof options));
    options.device = QMF_DEVICE_CPU;
    options.threads = 1;
    return options;
}

/* Creating with `change` made to the options must fail, and leave the handle alone. */
#define REFUSES_OPTION(wanted, part, change)                                                                           \
    do {                                                                                                               \
        qmf_engine_options options = cpu_options();                                                                    \
        qmf_engine *made = engine;                                                                                     \
        change;                                                                                                        \
        REFUSED(wanted, part, qmf_engine_create(model, &options, &made));                                              \
        CHECK(made == engine);                                                                                         \
    } while (0)

static void creating(const char *model) {
    qmf_engine *made = engine;
    qmf_engine *slots[2] = {NULL, NULL};
    struct {
        qmf_engine_options known;
        uint64_t future;
    } later;
    size_t i;
    REFUSED(INVALID, "engine is NULL", qmf_engine_create(model, NULL, NULL));
    REFUSED(INVALID, "engine is not aligned", qmf_engine_create(model, NULL, MISALIGNED(qmf_engine *, slots)));
    REFUSED(INVALID, "model is NULL", qmf_engine_create(NULL, NULL, &made));
    REFUSED(INVALID, "model is not UTF-8", qmf_engine_create("sf\xFF\xFE", NULL, &made));
    REFUSED(INVALID, "options is not aligned",
            qmf_engine_create(model, MISALIGNED(const qmf_engine_options, &later), &made));
    REFUSED(QMF_ERROR_MODEL, "mtcnn", qmf_engine_create("no-such-model", NULL, &made));
    REFUSED(QMF_ERROR_MODEL, "there is no model", qmf_engine_create("", NULL, &made));
    REFUSED(QMF_ERROR_MODEL, "is a detector", qmf_engine_create("mtcnn", NULL, &made));
    REFUSED(QMF_ERROR_MODEL_NOT_INSTALLED, "qmagface models import", qmf_engine_create("magface-iresnet100", NULL, &made));
    REFUSED(QMF_ERROR_IO, "no/such/folder", qmf_engine_create("./no/such/folder", NULL, &made));
    for (i = 0; i < WRONG_COUNT; i++) {
        REFUSES_OPTION(INVALID, "options: struct_size", options.struct_size = WRONG_SIZES[i]);
    }
    REFUSES_OPTION(INVALID, "3 is no QMF_DEVICE_*", options.device = 3);
    REFUSES_OPTION(INVALID, "-1 is no QMF_DEVICE_*", options.device = -1);
    REFUSES_OPTION(QMF_ERROR_DEVICE, "cuda:4000000000 can't be used",
                   (options.device = QMF_DEVICE_CUDA, options.device_index = 4000000000u));
    REFUSES_OPTION(INVALID, "99 is no QMF_FACE_*", options.face_choice = 99);
    REFUSES_OPTION(INVALID, "-2147483648 is no QMF_FACE_*", options.face_choice = INT32_MIN);
    REFUSES_OPTION(INVALID, "threads", options.threads = 100000);
    REFUSES_OPTION(INVALID, "minimum face", options.minimum_face = 11.0f);
    REFUSES_OPTION(INVALID, "minimum face", options.minimum_face = NAN);
    REFUSES_OPTION(INVALID, "threshold", options.thresholds[2] = 1.5f);
    REFUSES_OPTION(INVALID, "threshold", options.thresholds[0] = -INFINITY);
    REFUSES_OPTION(INVALID, "pyramid factor", options.pyramid_factor = 1.0f);
    REFUSES_OPTION(INVALID, "alpha and beta", options.alpha = 0.1);
    REFUSES_OPTION(INVALID, "alpha and beta", options.beta = 0.1);
    REFUSES_OPTION(INVALID, "not finite", options.alpha = options.beta = INFINITY);

    /* An option of a later release: refused where it is set, taken where it isn't. */
    EXPECT(QMF_OK, qmf_engine_options_init(&later.known, sizeof later));
    CHECK(later.known.struct_size == sizeof later && later.future == 0);
    later.known.device = QMF_DEVICE_CPU;
    later.known.threads = 1;
    later.future = 1;
    REFUSED(INVALID, "sets an option this version", qmf_engine_create(model, &later.known, &made));
    CHECK(made == engine && qmf_live_engines() == 1);
    later.future = 0;
    EXPECT(QMF_OK, qmf_engine_create(model, &later.known, &made));
    CHECK(made != engine && qmf_live_engines() == 2);
    qmf_engine_destroy(made);
    CHECK(qmf_live_engines() == 1);
    /* Destroying can't answer; what is no handle stays alone and leaves a text. */
    qmf_engine_destroy(MISALIGNED(qmf_engine, slots));
    CHECK(strstr(last_error(), "engine is not aligned") != NULL);
    CHECK(qmf_live_engines() == 1);
}

static void info(void) {
    qmf_engine_info known, before;
    size_t i;
    EXPECT(QMF_OK, qmf_engine_info_init(&known, sizeof known));
    before = known;
    REFUSED(INVALID, "engine is NULL", qmf_engine_get_info(NULL, &known));
    REFUSED(INVALID, "engine is not aligned", qmf_engine_get_info(MISALIGNED(const qmf_engine, engine), &known));
    REFUSED(INVALID, "info is NULL", qmf_engine_get_info(engine, NULL));
    REFUSED(INVALID, "info is not aligned", qmf_engine_get_info(engine, MISALIGNED(qmf_engine_info, &known)));
    CHECK(memcmp(&known, &before, sizeof known) == 0);
    for (i = 0; i < WRONG_COUNT; i++) {
        known.struct_size = before.struct_size = WRONG_SIZES[i];
        REFUSED(INVALID, "info: struct_size", qmf_engine_get_info(engine, &known));
        CHECK(memcmp(&known, &before, sizeof known) == 0);
    }
}

/* The outputs of an extraction, in order. */
#define OUT &out.extraction, out.embedding, LENGTH, &out.length

static void extracting_encoded(const char *folder) {
    const bytes photo = read_file(folder, "obama2.jpg"), truncated = read_file(folder, "truncated.jpg");
    const bytes text = read_file(folder, "text.jpg"), pixel = read_file(folder, "pixel.png");
    const bytes blank = read_file(folder, "blank.png");
    const uint8_t *data = photo.data;
    const size_t size = photo.size;
    size_t i;
    REFUSED_UNTOUCHED(INVALID, "engine is NULL", qmf_extract_encoded(NULL, data, size, OUT));
    REFUSED_UNTOUCHED(INVALID, "engine is not aligned",
                      qmf_extract_encoded(MISALIGNED(const qmf_engine, engine), data, size, OUT));
    REFUSED_UNTOUCHED(INVALID, "data is NULL", qmf_extract_encoded(engine, NULL, size, OUT));
    REFUSED_UNTOUCHED(INVALID, "more than memory can hold", qmf_extract_encoded(engine, data, SIZE_MAX, OUT));
    REFUSED_UNTOUCHED(INVALID, "extraction is not aligned",
                      qmf_extract_encoded(engine, data, size, MISALIGNED(qmf_extraction, &out.extraction),
                                          out.embedding, LENGTH, &out.length));
    REFUSED_UNTOUCHED(INVALID, "embedding is NULL",
                      qmf_extract_encoded(engine, data, size, &out.extraction, NULL, LENGTH, &out.length));
    REFUSED_UNTOUCHED(INVALID, "embedding is not aligned",
                      qmf_extract_encoded(engine, data, size, &out.extraction, MISALIGNED(float, out.embedding), LENGTH,
                                          &out.length));
    REFUSED_UNTOUCHED(INVALID, "length is NULL",
                      qmf_extract_encoded(engine, data, size, &out.extraction, out.embedding, LENGTH, NULL));
    REFUSED_UNTOUCHED(INVALID, "length is not aligned",
                      qmf_extract_encoded(engine, data, size, &out.extraction, out.embedding, LENGTH,
                                          MISALIGNED(size_t, &out.embedding)));
    for (i = 0; i < WRONG_COUNT; i++) {
        poison();
        out.extraction.struct_size = untouched.extraction.struct_size = WRONG_SIZES[i];
        REFUSED(INVALID, "extraction: struct_size", qmf_extract_encoded(engine, data, size, OUT));
        CHECK(memcmp(&out, &untouched, sizeof out) == 0);
    }
    REFUSED_UNTOUCHED(QMF_ERROR_IMAGE_DECODE, "empty", qmf_extract_encoded(engine, data, 0, OUT));
    REFUSED_UNTOUCHED(QMF_ERROR_IMAGE_DECODE, "damaged Jpeg",
                      qmf_extract_encoded(engine, truncated.data, truncated.size, OUT));
    REFUSED_UNTOUCHED(QMF_ERROR_IMAGE_DECODE, "not an image", qmf_extract_encoded(engine, text.data, text.size, OUT));
    REFUSED_UNTOUCHED(QMF_ERROR_IMAGE_DECODE, "", qmf_extract_encoded(engine, data, 20, OUT));

    /* A buffer that is too small: only the needed length is written. The embedding may then be NULL. */
    for (i = 0; i < 2; i++) {
        poison();
        REFUSED(QMF_ERROR_BUFFER_TOO_SMALL, "128 are needed",
                qmf_extract_encoded(engine, data, size, &out.extraction, i == 0 ? out.embedding : NULL,
                                    i == 0 ? LENGTH - 1 : 0, &out.length));
        CHECK(out.length == LENGTH);
        untouched.length = LENGTH;
        CHECK(memcmp(&out, &untouched, sizeof out) == 0);
    }

    /* No face is an answer: no text, and nothing written. */
    REFUSED(INVALID, "engine is NULL", qmf_engine_get_info(NULL, NULL));
    poison();
    EXPECT(QMF_NO_FACE, qmf_extract_encoded(engine, pixel.data, pixel.size, OUT));
    CHECK(memcmp(&out, &untouched, sizeof out) == 0);
    EXPECT(QMF_NO_FACE, qmf_extract_encoded(engine, blank.data, blank.size, OUT));
    CHECK(memcmp(&out, &untouched, sizeof out) == 0);
    CHECK(strcmp(last_error(), "engine is NULL") == 0);

    free(photo.data);
    free(truncated.data);
    free(text.data);
    free(pixel.data);
    free(blank.data);
}

/* Extraction with `change` made to a good image must fail and write nothing. */
#define REFUSES_IMAGE(part, change)                                                                                    \
    do {                                                                                                               \
        qmf_image image = good;                                                                                        \
        change;                                                                                                        \
        REFUSED_UNTOUCHED(INVALID, part, qmf_extract_pixels(engine, &image, OUT));                                     \
    } while (0)

static void extracting_pixels(void) {
    static uint8_t black[64 * 48 * 3];
    struct {
        qmf_image known;
        uint64_t future;
    } later;
    qmf_image good;
    size_t i;
    EXPECT(QMF_OK, qmf_image_init(&good, sizeof good));
    REFUSED_UNTOUCHED(INVALID, "image.data is NULL", qmf_extract_pixels(engine, &good, OUT));
    good.width = 64;
    good.height = 48;
    good.data = black;
    good.data_size = sizeof black;
    poison();
    EXPECT(QMF_NO_FACE, qmf_extract_pixels(engine, &good, OUT));
    CHECK(memcmp(&out, &untouched, sizeof out) == 0);

    REFUSED_UNTOUCHED(INVALID, "engine is NULL", qmf_extract_pixels(NULL, &good, OUT));
    REFUSED_UNTOUCHED(INVALID, "engine is not aligned",
                      qmf_extract_pixels(MISALIGNED(const qmf_engine, engine), &good, OUT));
    REFUSED_UNTOUCHED(INVALID, "image is NULL", qmf_extract_pixels(engine, NULL, OUT));
    REFUSED_UNTOUCHED(INVALID, "image is not aligned",
                      qmf_extract_pixels(engine, MISALIGNED(const qmf_image, &later), OUT));
    REFUSED_UNTOUCHED(INVALID, "extraction is not aligned",
                      qmf_extract_pixels(engine, &good, MISALIGNED(qmf_extraction, &out.extraction), out.embedding,
                                         LENGTH, &out.length));
    REFUSED_UNTOUCHED(INVALID, "embedding is NULL",
                      qmf_extract_pixels(engine, &good, &out.extraction, NULL, LENGTH, &out.length));
    REFUSED_UNTOUCHED(
        INVALID, "embedding is not aligned",
        qmf_extract_pixels(engine, &good, &out.extraction, MISALIGNED(float, out.embedding), LENGTH, &out.length));
    REFUSED_UNTOUCHED(INVALID, "length is NULL",
                      qmf_extract_pixels(engine, &good, &out.extraction, out.embedding, LENGTH, NULL));
    REFUSED_UNTOUCHED(INVALID, "length is not aligned",
                      qmf_extract_pixels(engine, &good, &out.extraction, out.embedding, LENGTH,
                                         MISALIGNED(size_t, &out.embedding)));
    poison();
    EXPECT(QMF_ERROR_BUFFER_TOO_SMALL, qmf_extract_pixels(engine, &good, &out.extraction, NULL, 0, &out.length));
    CHECK(out.length == LENGTH);

    for (i = 0; i < WRONG_COUNT; i++) {
        REFUSES_IMAGE("image: struct_size", image.struct_size = WRONG_SIZES[i]);
    }
    REFUSES_IMAGE("3 is no QMF_PIXEL_*", image.format = 3);
    REFUSES_IMAGE("-1 is no QMF_PIXEL_*", image.format = -1);
    REFUSES_IMAGE("0 x 48", image.width = 0);
    REFUSES_IMAGE("64 x 0", image.height = 0);
    REFUSES_IMAGE("stride", image.stride = 64 * 3 - 1);
    REFUSES_IMAGE("", image.stride = SIZE_MAX);
    REFUSES_IMAGE("bytes", image.data_size = sizeof black - 1);
    REFUSES_IMAGE("", image.data_size = 0);
    REFUSES_IMAGE("more than memory can hold", image.data_size = SIZE_MAX);
    REFUSES_IMAGE("", image.width = UINT32_MAX);
    REFUSES_IMAGE("", image.height = UINT32_MAX);
    REFUSES_IMAGE("", image.width = image.height = UINT32_MAX);

    /* An image of a later release. */
    EXPECT(QMF_OK, qmf_image_init(&later.known, sizeof later));
    later.known.width = 64;
    later.known.height = 48;
    later.known.data = black;
    later.known.data_size = sizeof black;
    EXPECT(QMF_NO_FACE, qmf_extract_pixels(engine, &later.known, OUT));
    later.future = 1;
    REFUSED_UNTOUCHED(INVALID, "sets an option this version", qmf_extract_pixels(engine, &later.known, OUT));
}

static void comparing(void) {
    float a[LENGTH + 1], b[LENGTH + 1], zero[LENGTH] = {0}, broken[LENGTH];
    double quality = 5.5, qualities[2] = {5.5, 5.5};
    int32_t uqs[2] = {77, 77};
    qmf_comparison result, before;
    size_t i;
    for (i = 0; i <= LENGTH; i++) {
        a[i] = (float)i;
        b[i] = 1.0f;
    }
    memcpy(broken, a, sizeof broken);
    broken[17] = NAN;

    REFUSED(INVALID, "engine is NULL", qmf_quality(NULL, a, LENGTH, &quality));
    REFUSED(INVALID, "engine is not aligned", qmf_quality(MISALIGNED(const qmf_engine, engine), a, LENGTH, &quality));
    REFUSED(INVALID, "embedding is NULL", qmf_quality(engine, NULL, LENGTH, &quality));
    REFUSED(INVALID, "embedding is not aligned", qmf_quality(engine, MISALIGNED(const float, a), LENGTH, &quality));
    REFUSED(INVALID, "quality is NULL", qmf_quality(engine, a, LENGTH, NULL));
    REFUSED(INVALID, "quality is not aligned", qmf_quality(engine, a, LENGTH, MISALIGNED(double, qualities)));
    REFUSED(INVALID, "has 128 floats, 0 were given", qmf_quality(engine, a, 0, &quality));
    REFUSED(INVALID, "has 128 floats, 127 were given", qmf_quality(engine, a, LENGTH - 1, &quality));
    REFUSED(INVALID, "more than memory can hold", qmf_quality(engine, a, SIZE_MAX, &quality));
    REFUSED(INVALID, "is zero", qmf_quality(engine, zero, LENGTH, &quality));
    REFUSED(INVALID, "not finite", qmf_quality(engine, broken, LENGTH, &quality));
    CHECK(quality == 5.5 && qualities[0] == 5.5 && qualities[1] == 5.5);

    REFUSED(INVALID, "engine is NULL", qmf_unified_quality(NULL, 24.0, uqs));
    REFUSED(INVALID, "engine is not aligned", qmf_unified_quality(MISALIGNED(const qmf_engine, engine), 24.0, uqs));
    REFUSED(INVALID, "uqs is NULL", qmf_unified_quality(engine, 24.0, NULL));
    REFUSED(INVALID, "uqs is not aligned", qmf_unified_quality(engine, 24.0, MISALIGNED(int32_t, uqs)));
    REFUSED(QMF_ERROR_MODEL, "no constants for the unified quality score", qmf_unified_quality(engine, 24.0, uqs));
    CHECK(uqs[0] == 77 && uqs[1] == 77);

    memset(&result, 0xA5, sizeof result);
    result.struct_size = sizeof result;
    before = result;
    REFUSED(INVALID, "engine is NULL", qmf_compare(NULL, a, b, LENGTH, &result));
    REFUSED(INVALID, "engine is not aligned", qmf_compare(MISALIGNED(const qmf_engine, engine), a, b, LENGTH, &result));
    REFUSED(INVALID, "a is NULL", qmf_compare(engine, NULL, b, LENGTH, &result));
    REFUSED(INVALID, "a is not aligned", qmf_compare(engine, MISALIGNED(const float, a), b, LENGTH, &result));
    REFUSED(INVALID, "b is NULL", qmf_compare(engine, a, NULL, LENGTH, &result));
    REFUSED(INVALID, "b is not aligned", qmf_compare(engine, a, MISALIGNED(const float, b), LENGTH, &result));
    REFUSED(INVALID, "comparison is NULL", qmf_compare(engine, a, b, LENGTH, NULL));
    REFUSED(INVALID, "comparison is not aligned",
            qmf_compare(engine, a, b, LENGTH, MISALIGNED(qmf_comparison, &result)));
    REFUSED(INVALID, "has 128 floats, 129 were given", qmf_compare(engine, a, b, LENGTH + 1, &result));
    REFUSED(INVALID, "has 128 floats, 0 were given", qmf_compare(engine, a, b, 0, &result));
    REFUSED(INVALID, "more than memory can hold", qmf_compare(engine, a, b, SIZE_MAX, &result));
    REFUSED(INVALID, "is zero", qmf_compare(engine, a, zero, LENGTH, &result));
    REFUSED(INVALID, "not finite", qmf_compare(engine, broken, b, LENGTH, &result));
    CHECK(memcmp(&result, &before, sizeof result) == 0);
    for (i = 0; i < WRONG_COUNT; i++) {
        result.struct_size = before.struct_size = WRONG_SIZES[i];
        REFUSED(INVALID, "comparison: struct_size", qmf_compare(engine, a, b, LENGTH, &result));
        CHECK(memcmp(&result, &before, sizeof result) == 0);
    }
}

/* An image over the engine's limit, by an engine of its own. */
static void limits(const char *folder, const char *model) {
    const bytes photo = read_file(folder, "obama2.jpg");
    qmf_engine_options options = cpu_options();
    qmf_engine *strict = NULL;
    options.maximum_pixels = 1000;
    EXPECT(QMF_OK, qmf_engine_create(model, &options, &strict));
    poison();
    REFUSED(QMF_ERROR_LIMIT, "1000 pixels", qmf_extract_encoded(strict, photo.data, photo.size, OUT));
    CHECK(memcmp(&out, &untouched, sizeof out) == 0);
    qmf_engine_destroy(strict);
    free(photo.data);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    texts();
    init_functions();
    engine = open_engine(argv[2]);
    creating(argv[2]);
    info();
    extracting_encoded(argv[1]);
    extracting_pixels();
    comparing();
    limits(argv[1], argv[2]);
    CHECK(qmf_live_engines() == 1);
    qmf_engine_destroy(engine);
    CHECK(qmf_live_engines() == 0);
    return 0;
}
