/*
 * Extraction and templates, where they succeed. The Rust test compares what is printed with what the Rust interface
 * gives.
 *
 * templates FOLDER MODEL: the folder holds the files that tests/c_abi/setting.rs writes.
 */
#include "client.h"
#include "layout.h"

#define LENGTH 128

static qmf_template_info info_of(const qmf_template *handle) {
    qmf_template_info info;
    EXPECT(QMF_OK, qmf_template_info_init(&info, sizeof info));
    CHECK(info.struct_size == sizeof info && info.uqs == -1 && info.flags == 0);
    EXPECT(QMF_OK, qmf_template_get_info(handle, &info));
    CHECK(info.struct_size == sizeof info && info.length == LENGTH);
    return info;
}

/* The bytes of a template; free `data` afterwards. */
static bytes serialized(const qmf_template *handle, qmf_scalar scalar) {
    bytes made = {NULL, 0};
    size_t size = 0;
    EXPECT(QMF_ERROR_BUFFER_TOO_SMALL, qmf_template_serialize(handle, scalar, NULL, 0, &made.size));
    made.data = (uint8_t *)malloc(made.size + 4);
    CHECK(made.data != NULL);
    memset(made.data, 0xA5, made.size + 4);
    EXPECT(QMF_OK, qmf_template_serialize(handle, scalar, made.data, made.size + 4, &size));
    CHECK(size == made.size && memcmp(&made.data[size], "\xA5\xA5\xA5\xA5", 4) == 0);
    return made;
}

/* All that a template tells, its embedding, and its bytes in every scalar, which must give the same again. */
static void print_template(const char *name, const qmf_template *handle) {
    const qmf_template_info info = info_of(handle);
    float embedding[LENGTH + 2];
    qmf_scalar scalar;
    size_t length = 99;
    memset(embedding, 0xA5, sizeof embedding);
    EXPECT(QMF_OK, qmf_template_get_embedding(handle, embedding, LENGTH + 2, &length));
    CHECK(length == ((info.flags & QMF_TEMPLATE_FAILED) != 0 ? 0 : LENGTH));
    CHECK(memcmp(&embedding[length], "\xA5\xA5\xA5\xA5\xA5\xA5\xA5\xA5", 8) == 0);
    printf("template %s %s %s %u %d %d %u %u %lu", name, info.model, info.fingerprint, (unsigned)info.flags,
           (int)info.scalar, (int)info.uqs, (unsigned)info.images, (unsigned)info.faces,
           (unsigned long)info.metadata_size);
    print_f64(info.quality);
    print_face(&info.face);
    print_f32(embedding, length);
    for (scalar = QMF_SCALAR_F32; scalar <= QMF_SCALAR_I8; scalar++) {
        const bytes made = serialized(handle, scalar);
        qmf_template *again = NULL;
        bytes twice;
        EXPECT(QMF_OK, qmf_template_parse(made.data, made.size, &again));
        CHECK(info_of(again).scalar == scalar && info_of(again).quality == info.quality);
        twice = serialized(again, scalar);
        CHECK(twice.size == made.size && memcmp(twice.data, made.data, made.size) == 0);
        qmf_template_destroy(again);
        print_bytes(made.data, made.size);
        free(made.data);
        free(twice.data);
    }
    printf("\n");
}

static const uint8_t KEY[QMF_KEY_SIZE] = {7, 0, 255};
static const uint8_t RECORD[4] = {4, 7, 1, 1};

/* The template sealed in every scalar, with and without a context: what is unsealed has the same bytes. */
static void seal_and_unseal(const qmf_template *handle) {
    qmf_scalar scalar;
    for (scalar = QMF_SCALAR_F32; scalar <= QMF_SCALAR_I8; scalar++) {
        const bytes plain = serialized(handle, scalar);
        size_t context;
        for (context = 0; context <= sizeof RECORD; context += sizeof RECORD) {
            const uint8_t *record = context == 0 ? NULL : RECORD;
            size_t needed = 0, size = 0;
            qmf_template *opened = NULL;
            uint8_t *data;
            bytes again;
            EXPECT(QMF_ERROR_BUFFER_TOO_SMALL,
                   qmf_template_seal(handle, scalar, KEY, sizeof KEY, record, context, NULL, 0, &needed));
            CHECK(needed == plain.size + 48);
            data = (uint8_t *)malloc(needed + 4);
            CHECK(data != NULL);
            memset(data, 0xA5, needed + 4);
            EXPECT(QMF_OK,
                   qmf_template_seal(handle, scalar, KEY, sizeof KEY, record, context, data, needed + 4, &size));
            CHECK(size == needed && memcmp(&data[size], "\xA5\xA5\xA5\xA5", 4) == 0);
            EXPECT(QMF_OK, qmf_template_unseal(data, size, KEY, sizeof KEY, record, context, &opened));
            again = serialized(opened, scalar);
            CHECK(again.size == plain.size && memcmp(again.data, plain.data, plain.size) == 0);
            qmf_template_destroy(opened);
            free(again.data);
            free(data);
        }
        free(plain.data);
    }
}

/* What Rust sealed is unsealed, and Rust unseals what is sealed here. */
static void sealed_files(const qmf_template *handle, const char *folder) {
    const bytes theirs = read_file(folder, "rust.qmfs");
    qmf_template *opened = NULL;
    uint8_t data[4096];
    size_t size = 0;
    char path[4096];
    FILE *file;
    EXPECT(QMF_OK, qmf_template_unseal(theirs.data, theirs.size, KEY, sizeof KEY, RECORD, sizeof RECORD, &opened));
    print_template("unsealed", opened);
    qmf_template_destroy(opened);
    free(theirs.data);
    EXPECT(QMF_OK, qmf_template_seal(handle, QMF_SCALAR_F32, KEY, sizeof KEY, RECORD, sizeof RECORD, data, sizeof data,
                                     &size));
    CHECK(snprintf(path, sizeof path, "%s/c.qmfs", folder) > 0);
    file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

/* From an image, its landmarks, its chip and its embedding: each way gives the same direction and quality. */
static void every_stage(const qmf_engine *engine, const char *folder) {
    bytes file;
    const qmf_image image = read_image(folder, "a.png", &file);
    uint8_t chip[QMF_CHIP_SIZE];
    float embedding[LENGTH];
    qmf_template *made = NULL;
    qmf_template_info info;
    size_t size = 0;
    EXPECT(QMF_OK, qmf_extract(engine, &image, NULL, &made));
    CHECK(qmf_live_templates() == 1);
    print_template("extract", made);
    info = info_of(made);
    CHECK((info.flags & QMF_TEMPLATE_HAS_FACE) != 0);
    qmf_template_destroy(made);
    EXPECT(QMF_OK, qmf_extract_landmarks(engine, &image, info.face.landmarks[0], NULL, &made));
    print_template("landmarks", made);
    CHECK(info_of(made).quality == info.quality && (info_of(made).flags & QMF_TEMPLATE_HAS_FACE) == 0);
    qmf_template_destroy(made);
    EXPECT(QMF_OK, qmf_align(engine, &image, info.face.landmarks[0], chip, sizeof chip, &size));
    EXPECT(QMF_OK, qmf_extract_chip(engine, chip, size, NULL, &made));
    print_template("chip", made);
    qmf_template_destroy(made);
    EXPECT(QMF_OK, qmf_embed(engine, chip, 1, NULL, embedding, LENGTH, &size));
    EXPECT(QMF_OK, qmf_template_create(engine, embedding, LENGTH, &made));
    print_template("embedding", made);
    qmf_template_destroy(made);
    EXPECT(QMF_OK, qmf_template_create_failed(engine, &made));
    CHECK(info_of(made).flags == QMF_TEMPLATE_FAILED && info_of(made).images == 0 && info_of(made).quality == 0.0);
    print_template("failed", made);
    seal_and_unseal(made);
    qmf_template_destroy(made);
    CHECK(qmf_live_templates() == 0);
    free(file.data);
}

/* Every face of a photo, and which one each choice takes. */
static void several_faces(const qmf_engine *engine, const char *folder, const char *model) {
    bytes file;
    const qmf_image image = read_image(folder, "group.png", &file);
    qmf_template *all[8], *one = NULL;
    size_t count = 0, i;
    memset(all, 0xA5, sizeof all);
    EXPECT(QMF_OK, qmf_extract_all(engine, &image, NULL, all, 8, &count));
    CHECK(count >= 2 && count < 8 && qmf_live_templates() == count);
    CHECK(memcmp(&all[count], "\xA5\xA5\xA5\xA5", 4) == 0);
    for (i = 0; i < count; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "all%d", (int)i);
        print_template(name, all[i]);
        qmf_template_destroy(all[i]);
    }
    for (i = QMF_FACE_BEST_SCORE; i <= QMF_FACE_MOST_PROMINENT; i++) {
        qmf_engine_options options = cpu_options();
        qmf_engine *chooser = NULL;
        char name[16];
        options.face_choice = (qmf_face_choice)i;
        EXPECT(QMF_OK, qmf_engine_create(model, &options, &chooser));
        EXPECT(QMF_OK, qmf_extract(chooser, &image, NULL, &one));
        (void)snprintf(name, sizeof name, "choice%d", (int)i - QMF_FACE_BEST_SCORE);
        print_template(name, one);
        qmf_template_destroy(one);
        qmf_engine_destroy(chooser);
    }
    free(file.data);
}

/* No face is an answer: nothing is made. */
static void no_face(const qmf_engine *engine, const char *folder) {
    bytes file;
    const qmf_image image = read_image(folder, "blank.png", &file);
    const qmf_image *const images[2] = {&image, &image};
    qmf_template *made = NULL;
    size_t count = 99;
    EXPECT(QMF_NO_FACE, qmf_extract(engine, &image, NULL, &made));
    EXPECT(QMF_NO_FACE, qmf_extract_fused(engine, images, 2, QMF_FUSION_QUALITY, NULL, &made));
    EXPECT(QMF_OK, qmf_extract_all(engine, &image, NULL, NULL, 0, &count));
    CHECK(made == NULL && count == 0 && qmf_live_templates() == 0);
    free(file.data);
}

/* Several images of one person, one of them without a face; fused from images and from templates. */
static void fusion(const qmf_engine *engine, const char *folder) {
    bytes files[3];
    qmf_image images[3];
    const qmf_image *pointers[3];
    qmf_template *made = NULL, *parts[3] = {NULL, NULL, NULL};
    int how, i;
    images[0] = read_image(folder, "a.png", &files[0]);
    images[1] = read_image(folder, "blank.png", &files[1]);
    images[2] = read_image(folder, "b.png", &files[2]);
    for (i = 0; i < 3; i++) {
        pointers[i] = &images[i];
    }
    EXPECT(QMF_OK, qmf_extract(engine, &images[0], NULL, &parts[0]));
    EXPECT(QMF_OK, qmf_template_create_failed(engine, &parts[1]));
    EXPECT(QMF_OK, qmf_extract(engine, &images[2], NULL, &parts[2]));
    for (how = QMF_FUSION_QUALITY; how <= QMF_FUSION_MEAN; how++) {
        EXPECT(QMF_OK, qmf_extract_fused(engine, pointers, 3, how, NULL, &made));
        print_template(how == QMF_FUSION_QUALITY ? "images-quality" : "images-mean", made);
        CHECK((info_of(made).flags & QMF_TEMPLATE_FUSED) != 0 && info_of(made).images == 2);
        qmf_template_destroy(made);
        EXPECT(QMF_OK, qmf_template_fuse((const qmf_template *const *)parts, 3, how, &made));
        print_template(how == QMF_FUSION_QUALITY ? "templates-quality" : "templates-mean", made);
        CHECK(info_of(made).images == 2 && info_of(made).uqs == -1);
        qmf_template_destroy(made);
    }
    EXPECT(QMF_OK, qmf_template_fuse((const qmf_template *const *)&parts[1], 1, QMF_FUSION_MEAN, &made));
    CHECK((info_of(made).flags & QMF_TEMPLATE_FAILED) != 0);
    qmf_template_destroy(made);
    for (i = 0; i < 3; i++) {
        qmf_template_destroy(parts[i]);
        free(files[i].data);
    }
}

static void print_parts(const char *name, const qmf_fused_part *parts, size_t count) {
    size_t i;
    printf("review %s", name);
    for (i = 0; i < count; i++) {
        printf(" %u %u %u", (unsigned)parts[i].flags, (unsigned)parts[i].fit_rank, (unsigned)parts[i].quality_rank);
        print_f64(parts[i].cosine);
        print_f64(parts[i].quality);
        print_f64(parts[i].weight);
        print_f64(parts[i].score);
        CHECK(parts[i].reserved == 0);
    }
    printf("\n");
}

/* Two photos of one person, one of another and a failed template: the stranger fits worst, as the calibration says. */
static void review(const qmf_engine *engine, const char *folder) {
    static const char *const NAMES[] = {"a.png", "b.png", "c.png"};
    qmf_template *all[4] = {NULL, NULL, NULL, NULL};
    const qmf_template *const *const list = (const qmf_template *const *)all;
    qmf_calibration *calibration = NULL, *gated = NULL;
    qmf_fused_part parts[6];
    int how, i;
    for (i = 0; i < 3; i++) {
        bytes file;
        const qmf_image image = read_image(folder, NAMES[i], &file);
        EXPECT(QMF_OK, qmf_extract(engine, &image, NULL, &all[i]));
        free(file.data);
    }
    EXPECT(QMF_OK, qmf_template_create_failed(engine, &all[3]));
    EXPECT(QMF_OK, qmf_engine_get_calibration(engine, &calibration));
    EXPECT(QMF_OK, qmf_calibration_with_quality_gate(calibration, 12.9, &gated));
    for (how = QMF_FUSION_QUALITY; how <= QMF_FUSION_MEAN; how++) {
        memset(parts, 0xA5, sizeof parts);
        EXPECT(QMF_OK, qmf_template_review_fusion(list, 4, how, NULL, 77.0, parts, 6));
        CHECK(memcmp(&parts[4], "\xA5\xA5\xA5\xA5", 4) == 0);
        print_parts("alone", parts, 4);
        CHECK(parts[2].fit_rank == 0 && parts[2].cosine < 0.3 && parts[0].cosine > 0.4);
        CHECK(parts[3].flags == QMF_PART_FAILED && parts[3].cosine != parts[3].cosine && parts[3].weight == 0.0);
        CHECK(parts[3].fit_rank == QMF_NO_RANK && parts[3].quality_rank == QMF_NO_RANK);
        EXPECT(QMF_OK, qmf_template_review_fusion(list, 4, how, gated, 1e-3, parts, 4));
        print_parts("judged", parts, 4);
        CHECK((parts[2].flags & QMF_PART_NO_MATCH) != 0);
        CHECK((parts[0].flags & QMF_PART_NO_MATCH) == 0 && (parts[1].flags & QMF_PART_NO_MATCH) == 0);
    }
    EXPECT(QMF_OK, qmf_template_review_fusion(list, 1, QMF_FUSION_MEAN, NULL, 0.0, parts, 6));
    print_parts("one", parts, 1);
    CHECK(parts[0].weight == 1.0 && parts[0].fit_rank == QMF_NO_RANK && parts[0].quality_rank == 0);
    for (i = 0; i < 4; i++) {
        qmf_template_destroy(all[i]);
    }
    qmf_calibration_destroy(calibration);
    qmf_calibration_destroy(gated);
}

/* A template of an embedding that was normalised says so, also when it was stored; the engine's log is told. */
static int warned;

static void count_warnings(void *user_data, qmf_log_level level, const char *message) {
    CHECK(user_data == NULL && level == QMF_LOG_WARNING && strstr(message, "length 1") != NULL);
    warned++;
}

static void unit_length(const char *model) {
    qmf_engine_options options = cpu_options();
    qmf_engine *engine = NULL;
    qmf_template *made = NULL, *read = NULL;
    qmf_scalar scalar;
    float embedding[LENGTH];
    bytes stored;
    int i;
    options.log_level = QMF_LOG_WARNING;
    options.log_callback = count_warnings;
    EXPECT(QMF_OK, qmf_engine_create(model, &options, &engine));
    for (i = 0; i < LENGTH; i++) {
        embedding[i] = i < 64 ? 0.125f : 0.0f; /* 64 eighths: of length 1 */
    }
    EXPECT(QMF_OK, qmf_template_create(engine, embedding, LENGTH, &made));
    CHECK(warned == 1 && info_of(made).flags == QMF_TEMPLATE_UNIT_LENGTH && info_of(made).quality == 1.0);
    for (scalar = QMF_SCALAR_F32; scalar <= QMF_SCALAR_I8; scalar++) {
        stored = serialized(made, scalar);
        EXPECT(QMF_OK, qmf_template_parse(stored.data, stored.size, &read));
        CHECK(info_of(read).flags == QMF_TEMPLATE_UNIT_LENGTH);
        qmf_template_destroy(read);
        free(stored.data);
    }
    qmf_template_destroy(made);
    embedding[0] = 0.2f;
    EXPECT(QMF_OK, qmf_template_create(engine, embedding, LENGTH, &made));
    CHECK(warned == 1 && info_of(made).flags == 0);
    qmf_template_destroy(made);
    qmf_engine_destroy(engine);
}

static void metadata(const qmf_engine *engine, const char *folder) {
    static uint8_t most[65536], back[65536 + 2];
    float embedding[LENGTH];
    qmf_template *plain = NULL, *named = NULL, *full = NULL;
    size_t size = 99, i;
    for (i = 0; i < LENGTH; i++) {
        embedding[i] = (float)i - 60.0f;
    }
    for (i = 0; i < sizeof most; i++) {
        most[i] = (uint8_t)(i * 7 + i / 256);
    }
    EXPECT(QMF_OK, qmf_template_create(engine, embedding, LENGTH, &plain));
    EXPECT(QMF_OK, qmf_template_get_metadata(plain, NULL, 0, &size));
    CHECK(size == 0);
    EXPECT(QMF_OK, qmf_template_with_metadata(plain, (const uint8_t *)"badge 17", 8, &named));
    print_template("badge", named);
    seal_and_unseal(named);
    sealed_files(named, folder);
    memset(back, 0xA5, sizeof back);
    EXPECT(QMF_OK, qmf_template_get_metadata(named, back, sizeof back, &size));
    CHECK(size == 8 && memcmp(back, "badge 17\xA5\xA5", 10) == 0);
    EXPECT(QMF_OK, qmf_template_with_metadata(named, most, sizeof most, &full));
    CHECK(info_of(full).metadata_size == sizeof most);
    EXPECT(QMF_OK, qmf_template_get_metadata(full, back, sizeof back, &size));
    CHECK(size == sizeof most && memcmp(back, most, size) == 0 && back[size] == 0xA5);
    print_template("full", full);
    seal_and_unseal(full);
    qmf_template_destroy(full);
    EXPECT(QMF_OK, qmf_template_with_metadata(named, NULL, 0, &full));
    CHECK(info_of(full).metadata_size == 0 && info_of(named).metadata_size == 8);
    qmf_template_destroy(full);
    qmf_template_destroy(named);
    qmf_template_destroy(plain);
}

/* The unified quality score is in the templates of a model that knows it. */
static void unified_quality(const char *folder) {
    qmf_engine *engine = open_engine("./sface-other-uqs");
    bytes file;
    const qmf_image image = read_image(folder, "a.png", &file);
    qmf_template *made = NULL;
    EXPECT(QMF_OK, qmf_extract(engine, &image, NULL, &made));
    CHECK(info_of(made).uqs >= 0);
    print_template("uqs", made);
    qmf_template_destroy(made);
    qmf_engine_destroy(engine);
    free(file.data);
}

int main(int argc, char **argv) {
    qmf_engine *engine;
    CHECK(argc == 3);
    engine = open_engine(argv[2]);
    every_stage(engine, argv[1]);
    several_faces(engine, argv[1], argv[2]);
    no_face(engine, argv[1]);
    fusion(engine, argv[1]);
    review(engine, argv[1]);
    unit_length(argv[2]);
    metadata(engine, argv[1]);
    qmf_engine_destroy(engine);
    unified_quality(argv[1]);
    qmf_template_destroy(NULL);
    check_no_handle();
    return 0;
}
