/*
 * Texts, struct initialisation and engines, where they must refuse: the status, the text, and that nothing is written.
 *
 * refuse_creation FOLDER MODEL: the folder holds the files that tests/c_abi/setting.rs writes.
 */
#include "refuse.h"

static qmf_engine *engine;

static void texts(void) {
    char text[8] = "#######";
    size_t length = 42, slots[2];
    REFUSED(INVALID, "buffer is NULL", qmf_version(NULL, 8, &length));
    REFUSED(INVALID, "length is not aligned", qmf_version(text, sizeof text, MISALIGNED(size_t, slots)));
    REFUSED(INVALID, "buffer is NULL", qmf_build_info(NULL, 8, &length));
    REFUSED(INVALID, "length is not aligned", qmf_build_info(text, sizeof text, MISALIGNED(size_t, slots)));
    REFUSED(INVALID, "buffer is NULL", qmf_last_error(NULL, 8, &length));
    CHECK(length == 42 && strcmp(text, "#######") == 0);
    REFUSED(INVALID, "length is not aligned", qmf_last_error(text, sizeof text, MISALIGNED(size_t, slots)));
    CHECK(strcmp(text, "#######") == 0);
    /* A text that doesn't fit is cut, its whole length told, and it stays. */
    EXPECT(QMF_OK, qmf_last_error(text, sizeof text, &length));
    CHECK(strcmp(text, "length ") == 0 && length > sizeof text);
    EXPECT(QMF_OK, qmf_last_error(NULL, 0, NULL));
    CHECK(strstr(last_error(), "not aligned") != NULL);
    CHECK(strcmp(qmf_status_name(-1), "QMF_UNKNOWN") == 0 && strcmp(qmf_status_name(QMF_ERROR_FORKED + 1), "QMF_UNKNOWN") == 0);
    CHECK(strcmp(qmf_status_name(INT32_MIN), "QMF_UNKNOWN") == 0);
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
        REFUSED(INVALID, "is NULL", init(NULL, sizeof(type)));                                                         \
        KEEPS(room, INVALID, "not aligned", init(MISALIGNED(type, &room), sizeof(type)));                              \
        for (i_ = 0; i_ < sizeof wrong / sizeof wrong[0]; i_++) {                                                      \
            KEEPS(room, INVALID, "bytes: pass sizeof", init(&room.value, wrong[i_]));                                  \
        }                                                                                                              \
        /* Not a byte more than the size it is given. */                                                               \
        EXPECT(QMF_OK, init(&room.value, sizeof(type)));                                                               \
        CHECK(is_filled(room.bytes + sizeof(type), 8));                                                                \
    } while (0)

static void init_functions(void) {
    REFUSES_INIT(qmf_engine_options_init, qmf_engine_options);
    REFUSES_INIT(qmf_engine_info_init, qmf_engine_info);
    REFUSES_INIT(qmf_image_init, qmf_image);
    REFUSES_INIT(qmf_template_info_init, qmf_template_info);
    REFUSES_INIT(qmf_calibration_info_init, qmf_calibration_info);
    REFUSES_INIT(qmf_comparison_init, qmf_comparison);
    REFUSES_INIT(qmf_gallery_info_init, qmf_gallery_info);
    REFUSES_INIT(qmf_search_options_init, qmf_search_options);
}

/* What can't be opened. */
static void models(const char *model) {
    qmf_engine *made, *slots[2];
    KEEPS(made, INVALID, "model is NULL", qmf_engine_create(NULL, NULL, &made));
    KEEPS(made, INVALID, "model is not UTF-8", qmf_engine_create("sf\xFF\xFE", NULL, &made));
    REFUSED(INVALID, "engine is NULL", qmf_engine_create(model, NULL, NULL));
    KEEPS(slots, INVALID, "engine is not aligned", qmf_engine_create(model, NULL, MISALIGNED(qmf_engine *, slots)));
    KEEPS(made, QMF_ERROR_MODEL, "mtcnn", qmf_engine_create("no-such-model", NULL, &made));
    KEEPS(made, QMF_ERROR_MODEL, "there is no model", qmf_engine_create("", NULL, &made));
    KEEPS(made, QMF_ERROR_MODEL, "is a detector", qmf_engine_create("mtcnn", NULL, &made));
    KEEPS(made, QMF_ERROR_MODEL_NOT_INSTALLED, "qmagface models import",
          qmf_engine_create("magface-iresnet100", NULL, &made));
    KEEPS(made, QMF_ERROR_IO, "no/such/folder", qmf_engine_create("./no/such/folder", NULL, &made));
    KEEPS(made, QMF_ERROR_IO, "no-such.qmfmodel", qmf_engine_create("./no-such.qmfmodel", NULL, &made));
    KEEPS(made, QMF_ERROR_WEIGHTS, "weights.safetensors", qmf_engine_create("./sface-damaged", NULL, &made));
    KEEPS(made, QMF_ERROR_MODEL, "text.jpg", qmf_engine_create("./text.jpg", NULL, &made));
}

static void bundles(const char *folder) {
    bytes bundle = read_file(folder, "sface.qmfmodel");
    const qmf_engine_options options = cpu_options();
    qmf_engine *made, *slots[2];
    qmf_engine_options wrong = cpu_options();
    KEEPS(made, INVALID, "data is NULL", qmf_engine_create_from_memory(NULL, 10, &options, &made));
    KEEPS(made, INVALID, "more than memory can hold",
          qmf_engine_create_from_memory(bundle.data, SIZE_MAX, &options, &made));
    REFUSED(INVALID, "engine is NULL", qmf_engine_create_from_memory(bundle.data, bundle.size, &options, NULL));
    KEEPS(slots, INVALID, "engine is not aligned",
          qmf_engine_create_from_memory(bundle.data, bundle.size, &options, MISALIGNED(qmf_engine *, slots)));
    KEEPS(made, INVALID, "options is not aligned",
          qmf_engine_create_from_memory(bundle.data, bundle.size, MISALIGNED(const qmf_engine_options, &options), &made));
    wrong.maximum_model_bytes = 1000;
    KEEPS(made, QMF_ERROR_LIMIT, "allowed are 1000", qmf_engine_create_from_memory(bundle.data, bundle.size, &wrong, &made));
    wrong.batch_size = 257;
    KEEPS(made, INVALID, "batch size", qmf_engine_create_from_memory(bundle.data, bundle.size, &wrong, &made));
    KEEPS(made, QMF_ERROR_MODEL, "not a bundle", qmf_engine_create_from_memory(bundle.data, 0, &options, &made));
    KEEPS(made, QMF_ERROR_MODEL, "not a bundle", qmf_engine_create_from_memory(bundle.data, 100, &options, &made));
    KEEPS(made, QMF_ERROR_MODEL, "not a bundle",
          qmf_engine_create_from_memory(bundle.data, bundle.size - 1, &options, &made));
    /* One bit of the weights. */
    bundle.data[bundle.size / 2] ^= 1;
    KEEPS(made, QMF_ERROR_WEIGHTS, "", qmf_engine_create_from_memory(bundle.data, bundle.size, &options, &made));
    free(bundle.data);
}

/* Creating with `change` made to the options must fail. */
#define REFUSES_OPTION(wanted, part, change)                                                                           \
    do {                                                                                                               \
        qmf_engine_options options = cpu_options();                                                                    \
        qmf_engine *made;                                                                                              \
        change;                                                                                                        \
        KEEPS(made, wanted, part, qmf_engine_create(model, &options, &made));                                          \
    } while (0)

static void options(const char *model) {
    struct {
        qmf_engine_options known;
        uint64_t future;
    } later;
    qmf_engine *made;
    size_t i;
    memset(&later, 0, sizeof later);
    KEEPS(made, INVALID, "options is not aligned",
          qmf_engine_create(model, MISALIGNED(const qmf_engine_options, &later), &made));
    for (i = 0; i < WRONG_COUNT; i++) {
        REFUSES_OPTION(INVALID, "options: struct_size", options.struct_size = WRONG_SIZES[i]);
    }
    REFUSES_OPTION(INVALID, "3 is no QMF_DEVICE_*", options.device = 3);
    REFUSES_OPTION(INVALID, "-1 is no QMF_DEVICE_*", options.device = -1);
    REFUSES_OPTION(QMF_ERROR_DEVICE, "cuda:4000000000 can't be used",
                   (options.device = QMF_DEVICE_CUDA, options.device_index = 4000000000u));
    REFUSES_OPTION(INVALID, "99 is no QMF_FACE_*", options.face_choice = 99);
    REFUSES_OPTION(INVALID, "-2147483648 is no QMF_FACE_*", options.face_choice = INT32_MIN);
    REFUSES_OPTION(INVALID, "5 is no QMF_PRECISION_*", options.precision = 5);
    REFUSES_OPTION(INVALID, "tf32 is of CUDA devices only", options.precision = QMF_PRECISION_TF32);
    REFUSES_OPTION(INVALID, "-1 is no QMF_PRECISION_*", options.precision = -1);
    REFUSES_OPTION(INVALID, "5 is no QMF_LOG_*", options.log_level = 5);
    REFUSES_OPTION(INVALID, "-1 is no QMF_LOG_*", options.log_level = -1);
    REFUSES_OPTION(INVALID, "threads", options.threads = 100000);
    REFUSES_OPTION(INVALID, "minimum face", options.minimum_face = 11.0f);
    REFUSES_OPTION(INVALID, "minimum face", options.minimum_face = INFINITY);
    REFUSES_OPTION(INVALID, "threshold", options.thresholds[2] = 1.5f);
    REFUSES_OPTION(INVALID, "threshold", options.thresholds[0] = -INFINITY);
    REFUSES_OPTION(INVALID, "threshold", options.thresholds[1] = -0.5f);
    REFUSES_OPTION(INVALID, "pyramid factor", options.pyramid_factor = 1.0f);
    REFUSES_OPTION(INVALID, "options: detector is not UTF-8", options.detector = "\xff");
    REFUSES_OPTION(QMF_ERROR_MODEL, "no-such-detector", options.detector = "no-such-detector");
    REFUSES_OPTION(QMF_ERROR_MODEL, "is no detector", options.detector = "sface");
    REFUSES_OPTION(INVALID, "alpha and beta", options.alpha = 0.1);
    REFUSES_OPTION(INVALID, "alpha and beta", options.beta = 0.1);
    REFUSES_OPTION(INVALID, "alpha is inf, allowed is -100 to 100", options.alpha = options.beta = INFINITY);
    REFUSES_OPTION(INVALID, "alpha", options.alpha = options.beta = 1e6);
    REFUSES_OPTION(INVALID, "batch size", options.batch_size = 257);
    REFUSES_OPTION(INVALID, "batch can wait", options.batch_wait_us = 1000001);
    REFUSES_OPTION(INVALID, "inline_mode is 2", options.inline_mode = 2);
    REFUSES_OPTION(INVALID, "turned is 2", options.turned = 2);
    REFUSES_OPTION(QMF_ERROR_LIMIT, "bytes of weight files, allowed are 1000000", options.maximum_model_bytes = 1000000);
    REFUSES_OPTION(QMF_ERROR_LIMIT, "allowed are 0", options.maximum_model_bytes = 0);
    /* What excludes each other. */
    REFUSES_OPTION(INVALID, "inline mode", (options.inline_mode = 1, options.threads = 2));
    REFUSES_OPTION(INVALID, "inline mode", (options.inline_mode = 1, options.batch_size = 2));
    REFUSES_OPTION(INVALID, "inline mode", (options.inline_mode = 1, options.device = QMF_DEVICE_CUDA));

    /* An option of a later release: refused where it is set, taken where it isn't. */
    EXPECT(QMF_OK, qmf_engine_options_init(&later.known, sizeof later));
    CHECK(later.known.struct_size == sizeof later && later.future == 0);
    later.known.device = QMF_DEVICE_CPU;
    later.known.threads = 1;
    later.future = 1;
    KEEPS(made, INVALID, "sets an option this version", qmf_engine_create(model, &later.known, &made));
    later.future = 0;
    EXPECT(QMF_OK, qmf_engine_create(model, &later.known, &made));
    CHECK(qmf_live_engines() == 2);
    qmf_engine_destroy(made);
    CHECK(qmf_live_engines() == 1);
}

static void info(void) {
    qmf_engine_info known, slots[2];
    REFUSED(INVALID, "info is NULL", qmf_engine_get_info(engine, NULL));
    KEEPS(slots, INVALID, "info is not aligned", qmf_engine_get_info(engine, MISALIGNED(qmf_engine_info, slots)));
    KEEPS(known, INVALID, "engine is NULL", qmf_engine_get_info(NULL, &known));
    KEEPS(known, INVALID, "engine is not aligned",
          qmf_engine_get_info(MISALIGNED(const qmf_engine, engine), &known));
    REFUSES_SIZES(known, "info", qmf_engine_get_info(engine, &known));
}

int main(int argc, char **argv) {
    qmf_engine *slots[2];
    CHECK(argc == 3);
    texts();
    init_functions();
    engine = open_engine(argv[2]);
    models(argv[2]);
    bundles(argv[1]);
    options(argv[2]);
    info();
    /* Destroying can't answer; what is no handle stays alone and leaves a text. */
    qmf_engine_destroy(MISALIGNED(qmf_engine, slots));
    CHECK(strstr(last_error(), "engine is not aligned") != NULL);
    CHECK(qmf_live_engines() == 1);
    qmf_engine_destroy(engine);
    check_no_handle();
    return 0;
}
