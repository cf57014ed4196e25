/*
 * Versions, engines and the stages by themselves, where they succeed. The Rust test compares what is printed with what
 * the Rust interface gives.
 *
 * stages FOLDER MODEL: the folder holds the files that tests/c_abi/setting.rs writes.
 */
#include <math.h>

#include "client.h"
#include "layout.h"

#define LENGTH 128

static void texts(void) {
    static const char *const NAMES[] = {
        "QMF_OK", "QMF_NO_FACE", "QMF_ERROR_INVALID_ARGUMENT", "QMF_ERROR_IO", "QMF_ERROR_IMAGE_DECODE",
        "QMF_ERROR_LIMIT", "QMF_ERROR_WEIGHTS", "QMF_ERROR_MODEL", "QMF_ERROR_MODEL_NOT_INSTALLED", "QMF_ERROR_DEVICE",
        "QMF_ERROR_BACKEND", "QMF_ERROR_MODEL_MISMATCH", "QMF_ERROR_BUFFER_TOO_SMALL", "QMF_ERROR_PANIC",
        "QMF_ERROR_INTERNAL", "QMF_ERROR_TEMPLATE", "QMF_ERROR_CALIBRATION",
        "QMF_ERROR_CANCELLED",
        "QMF_ERROR_FORKED"};
    char text[32], info[4096];
    size_t length = 0;
    qmf_status status;
    CHECK(qmf_abi_version() == QMF_ABI_VERSION);
    EXPECT(QMF_OK, qmf_version(text, sizeof text, &length));
    CHECK(strlen(text) == length);
    printf("version %s\n", text);
    /* Asking for the length, and a buffer that is too small. */
    length = 0;
    EXPECT(QMF_OK, qmf_version(NULL, 0, &length));
    CHECK(length == strlen(text));
    memset(text, '#', sizeof text);
    EXPECT(QMF_OK, qmf_version(text, 3, NULL));
    CHECK(text[2] == '\0' && text[3] == '#');
    /* Nothing has failed yet. */
    length = 99;
    EXPECT(QMF_OK, qmf_last_error(NULL, 0, &length));
    CHECK(length == 0);

    for (status = 0; status < (qmf_status)(sizeof NAMES / sizeof NAMES[0]); status++) {
        CHECK(strcmp(qmf_status_name(status), NAMES[status]) == 0);
    }
    CHECK(QMF_ERROR_FORKED == status - 1);

    EXPECT(QMF_OK, qmf_build_info(NULL, 0, &length));
    CHECK(length < sizeof info);
    EXPECT(QMF_OK, qmf_build_info(info, sizeof info, NULL));
    CHECK(strlen(info) == length);
    printf("build_info %s\n", info);
}

static void print_info(const char *name, const qmf_engine *engine) {
    qmf_engine_info info;
    EXPECT(QMF_OK, qmf_engine_info_init(&info, sizeof info));
    CHECK(info.struct_size == sizeof info && info.embedding_length == 0 && info.model[0] == '\0');
    EXPECT(QMF_OK, qmf_engine_get_info(engine, &info));
    CHECK(info.struct_size == sizeof info && info.embedding_length == LENGTH);
    CHECK(info.device == QMF_DEVICE_CPU && info.device_index == 0 && info.precision == QMF_PRECISION_F32);
    CHECK(info.threads == 1 && info.batch_size == 16 && info.batch_wait_us == 1000 && info.inline_mode == 0);
    printf("info %s %s %s %s %u %u %u", name, info.model, info.detector, info.fingerprint,
           (unsigned)info.has_parameters, (unsigned)info.has_uqs, (unsigned)info.landmark_refinement);
    print_f64(info.alpha);
    print_f64(info.beta);
    printf(" %s\n", info.uqs_basis);
}

/* An engine from everything that an engine can come from. */
static void sources(const char *folder, const char *model) {
    const char *const names[] = {model, "./cache/models/sface", "./sface.qmfmodel", "./sface-uncalibrated"};
    const qmf_engine_options options = cpu_options();
    bytes bundle = read_file(folder, "sface.qmfmodel");
    qmf_engine *engine = NULL;
    size_t i;
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        engine = open_engine(names[i]);
        CHECK(qmf_live_engines() == 1);
        print_info(names[i], engine);
        qmf_engine_destroy(engine);
    }
    EXPECT(QMF_OK, qmf_engine_create_from_memory(bundle.data, bundle.size, &options, &engine));
    /* The bytes are not kept. */
    memset(bundle.data, 0, bundle.size);
    free(bundle.data);
    print_info("memory", engine);
    qmf_engine_destroy(engine);
    /* Without options the defaults hold. */
    EXPECT(QMF_OK, qmf_engine_create(model, NULL, &engine));
    qmf_engine_destroy(engine);
    CHECK(qmf_live_engines() == 0);
    qmf_engine_destroy(NULL);
    CHECK(qmf_live_engines() == 0);
}

/* What is asked for is what the info says. */
static void options_arrive(const char *model) {
    qmf_engine_options options = cpu_options();
    qmf_engine_info info;
    qmf_engine *engine = NULL;
    CHECK(options.face_choice == QMF_FACE_AUTO && isnan(options.minimum_face) && options.detector == NULL);
    CHECK(options.batch_size == 0 && options.batch_wait_us == 1000);
    CHECK(options.alpha != options.alpha && options.beta != options.beta);
    CHECK(options.maximum_pixels == 100000000 && options.maximum_bytes == 268435456);
    CHECK(options.maximum_model_bytes == 1073741824);
    CHECK(options.precision == QMF_PRECISION_AUTO && options.inline_mode == 0 && options.log_level == QMF_LOG_OFF);
    CHECK(options.log_callback == NULL && options.log_user_data == NULL && options.turned == 0);
    options.precision = QMF_PRECISION_BF16;
    options.batch_size = 256;
    options.batch_wait_us = 1000000;
    options.alpha = 0.25;
    options.beta = 0.5;
    EXPECT(QMF_OK, qmf_engine_create(model, &options, &engine));
    EXPECT(QMF_OK, qmf_engine_info_init(&info, sizeof info));
    EXPECT(QMF_OK, qmf_engine_get_info(engine, &info));
    CHECK(info.precision == QMF_PRECISION_BF16 && info.batch_size == 256 && info.batch_wait_us == 1000000);
    CHECK(info.has_parameters == 1 && info.alpha == 0.25 && info.beta == 0.5);
    qmf_engine_destroy(engine);
    options = cpu_options();
    options.inline_mode = 1;
    EXPECT(QMF_OK, qmf_engine_create(model, &options, &engine));
    EXPECT(QMF_OK, qmf_engine_get_info(engine, &info));
    CHECK(info.inline_mode == 1 && info.threads == 1);
    qmf_engine_destroy(engine);
}

/* Detects, aligns and embeds the faces of a photo, into buffers with room to spare whose rest must stay. */
static void one_photo(const qmf_engine *engine, const char *folder, const char *name) {
    bytes file;
    const qmf_image image = read_image(folder, name, &file);
    qmf_face faces[8], found[8];
    uint8_t chip[QMF_CHIP_SIZE + 4], *before = (uint8_t *)malloc(file.size);
    float embedding[LENGTH + 2];
    double quality = 0.0;
    size_t count = 99, size = 0, length = 0, i;
    CHECK(before != NULL);
    memcpy(before, file.data, file.size);
    memset(faces, 0xA5, sizeof faces);
    memset(chip, 0xA5, sizeof chip);
    memset(embedding, 0xA5, sizeof embedding);
    EXPECT(QMF_OK, qmf_detect(engine, &image, NULL, faces, 8, &count));
    CHECK(count >= 1 && count < 8 && memcmp(&faces[count], "\xA5\xA5\xA5\xA5", 4) == 0);
    /* Just enough room gives the same. */
    EXPECT(QMF_OK, qmf_detect(engine, &image, NULL, found, count, &count));
    CHECK(memcmp(found, faces, count * sizeof faces[0]) == 0);
    printf("detect %s %lu", name, (unsigned long)count);
    for (i = 0; i < count; i++) {
        print_face(&faces[i]);
    }
    printf("\n");
    for (i = 0; i < count; i++) {
        EXPECT(QMF_OK, qmf_align(engine, &image, faces[i].landmarks[0], chip, sizeof chip, &size));
        CHECK(size == QMF_CHIP_SIZE && memcmp(&chip[size], "\xA5\xA5\xA5\xA5", 4) == 0);
        EXPECT(QMF_OK, qmf_embed(engine, chip, 1, NULL, embedding, LENGTH + 2, &length));
        CHECK(length == LENGTH && memcmp(&embedding[length], "\xA5\xA5\xA5\xA5\xA5\xA5\xA5\xA5", 8) == 0);
        EXPECT(QMF_OK, qmf_quality(engine, embedding, LENGTH, &quality));
        printf("face %s %lu", name, (unsigned long)i);
        print_bytes(chip, size);
        print_f64(quality);
        print_f32(embedding, LENGTH);
        printf("\n");
    }
    /* A caller's image is never changed. */
    CHECK(memcmp(before, file.data, file.size) == 0);
    free(before);
    free(file.data);
}

/* Why a photo is good or poor: of the face that the engine takes, and the same of one that is known. */
static void measures(const qmf_engine *engine, const char *folder, const char *name) {
    bytes file;
    const qmf_image image = read_image(folder, name, &file);
    qmf_measured found[32], again[32];
    qmf_face face;
    size_t count = 0, same = 0, i;
    memset(found, 0xA5, sizeof found);
    EXPECT(QMF_OK, qmf_measure_capture(engine, &image, NULL, &face, found, 32, &count));
    CHECK(count == 17 && memcmp(&found[count], "\xA5\xA5\xA5\xA5", 4) == 0);
    EXPECT(QMF_OK, qmf_measure_face(engine, &image, &face, 1, 0, again, 32, &same));
    CHECK(same == count);
    printf("measures %s", name);
    print_face(&face);
    printf("\n");
    for (i = 0; i < count; i++) {
        const char *advice = found[i].advice;
        CHECK(found[i].measure == (qmf_measure)i && (advice != NULL) == (found[i].score < 50));
        CHECK(again[i].score == found[i].score || found[i].measure == QMF_MEASURE_SINGLE_FACE_PRESENT);
        printf("measure %s %d", qmf_measure_name(found[i].measure), (int)found[i].score);
        print_f64(found[i].value);
        printf(" %s\n", advice == NULL ? "-" : advice);
    }
    free(file.data);
}

/* Three chips in one call. */
static void three_chips(const qmf_engine *engine, const char *folder) {
    const bytes chips = read_file(folder, "chips.bgr");
    float embeddings[3 * LENGTH];
    size_t length = 0;
    CHECK(chips.size == 3 * QMF_CHIP_SIZE && QMF_CHIP_SIZE == QMF_CHIP_SIDE * QMF_CHIP_SIDE * 3);
    EXPECT(QMF_OK, qmf_embed(engine, chips.data, 3, NULL, embeddings, 3 * LENGTH, &length));
    CHECK(length == 3 * LENGTH);
    printf("embed 3");
    print_f32(embeddings, length);
    printf("\n");
    free(chips.data);
}

/* An image without a face: no face is found, and that is no failure. */
static void no_face(const qmf_engine *engine, const char *folder) {
    bytes file;
    const qmf_image image = read_image(folder, "blank.png", &file);
    qmf_face face;
    size_t count = 99;
    EXPECT(QMF_OK, qmf_detect(engine, &image, NULL, NULL, 0, &count));
    CHECK(count == 0);
    count = 99;
    memset(&face, 0xA5, sizeof face);
    EXPECT(QMF_OK, qmf_detect(engine, &image, NULL, &face, 1, &count));
    CHECK(count == 0 && memcmp(&face, "\xA5\xA5\xA5\xA5", 4) == 0);
    count = 99;
    EXPECT(QMF_NO_FACE, qmf_measure_capture(engine, &image, NULL, &face, NULL, 0, &count));
    CHECK(count == 99 && memcmp(&face, "\xA5\xA5\xA5\xA5", 4) == 0);
    free(file.data);
}

static void unified_quality(void) {
    static const double QUALITIES[] = {24.329985, 16.142765, 27.733389, 0.0, 1e9};
    qmf_engine *engine = open_engine("./sface-other-uqs");
    size_t i;
    print_info("uqs", engine);
    printf("uqs");
    for (i = 0; i < sizeof QUALITIES / sizeof QUALITIES[0]; i++) {
        int32_t uqs = -7;
        EXPECT(QMF_OK, qmf_unified_quality(engine, QUALITIES[i], &uqs));
        printf(" %d", (int)uqs);
    }
    printf("\n");
    qmf_engine_destroy(engine);
}

/* A struct of a later release: what this library doesn't know stays as it was. */
static void larger_struct(const qmf_engine *engine) {
    struct {
        qmf_engine_info known;
        uint64_t future;
    } info;
    EXPECT(QMF_OK, qmf_engine_info_init(&info.known, sizeof info));
    CHECK(info.known.struct_size == sizeof info && info.future == 0);
    info.future = 77;
    EXPECT(QMF_OK, qmf_engine_get_info(engine, &info.known));
    CHECK(info.known.struct_size == sizeof info && info.future == 77 && info.known.embedding_length == LENGTH);
}

int main(int argc, char **argv) {
    qmf_engine *engine;
    CHECK(argc == 3);
    texts();
    check_no_handle();
    sources(argv[1], argv[2]);
    options_arrive(argv[2]);
    engine = open_engine(argv[2]);
    one_photo(engine, argv[1], "obama.jpg");
    one_photo(engine, argv[1], "b.png");
    three_chips(engine, argv[1]);
    measures(engine, argv[1], "obama.jpg");
    measures(engine, argv[1], "b.png");
    no_face(engine, argv[1]);
    larger_struct(engine);
    qmf_engine_destroy(engine);
    unified_quality();
    check_no_handle();
    return 0;
}
