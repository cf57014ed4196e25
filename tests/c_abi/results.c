/*
 * Every function of the C interface where it succeeds. Numbers are printed bit by bit; the Rust test compares them with
 * the Rust interface's.
 *
 * results FOLDER MODEL UQS_MODEL WIDTH HEIGHT: the folder has the photos, photo.bgr (the pixels of obama.jpg, WIDTH x
 * HEIGHT), grey.png and grey.raw (the same picture in grey); UQS_MODEL is the path of a pack that has the constants of
 * the unified quality score.
 */
#include "client.h"
#include "layout.h"

#define LENGTH 128
#define ROOM (LENGTH + 2)

static const char *const PHOTOS[3] = {"obama.jpg", "obama2.jpg", "biden.jpg"};

/* An answer of extraction. */
typedef struct answer {
    qmf_extraction extraction;
    float embedding[LENGTH];
} answer;

static void versions(void) {
    char text[32];
    size_t length = 0;
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
}

static void print_info(const qmf_engine *engine) {
    qmf_engine_info info;
    EXPECT(QMF_OK, qmf_engine_info_init(&info, sizeof info));
    EXPECT(QMF_OK, qmf_engine_get_info(engine, &info));
    CHECK(info.struct_size == sizeof info && info.embedding_length == LENGTH && info.reserved == 0);
    CHECK(info.device == QMF_DEVICE_CPU && info.device_index == 0);
    printf("info %s %s %s %u %u %u", info.model, info.detector, info.fingerprint, (unsigned)info.has_parameters,
           (unsigned)info.has_uqs, (unsigned)info.landmark_refinement);
    print_f64(info.alpha);
    print_f64(info.beta);
    printf("\n");
}

static void print_answer(const char *name, const answer *found) {
    const qmf_extraction *face = &found->extraction;
    printf("face %s %u %d", name, (unsigned)face->faces, (int)face->uqs);
    print_f32(face->bbox, 4);
    print_f32(&face->score, 1);
    print_f32(face->landmarks[0], 10);
    print_f64(face->quality);
    print_f32(found->embedding, LENGTH);
    printf("\n");
}

/* Extracts into a buffer with room to spare, and checks that the rest of it stays. */
static answer from_encoded(const qmf_engine *engine, bytes file) {
    answer found;
    float room[ROOM], without[LENGTH];
    uint8_t *copy = (uint8_t *)malloc(file.size);
    size_t length = 0;
    memset(room, 0xA5, sizeof room);
    CHECK(copy != NULL);
    memcpy(copy, file.data, file.size);
    EXPECT(QMF_OK, qmf_extraction_init(&found.extraction, sizeof found.extraction));
    CHECK(found.extraction.uqs == -1 && found.extraction.faces == 0);
    EXPECT(QMF_OK, qmf_extract_encoded(engine, file.data, file.size, &found.extraction, room, ROOM, &length));
    CHECK(length == LENGTH && found.extraction.struct_size == sizeof found.extraction);
    CHECK(memcmp(&room[LENGTH], "\xA5\xA5\xA5\xA5\xA5\xA5\xA5\xA5", 8) == 0);
    memcpy(found.embedding, room, sizeof found.embedding);
    /* The details are optional, and do not change the embedding. */
    EXPECT(QMF_OK, qmf_extract_encoded(engine, file.data, file.size, NULL, without, LENGTH, &length));
    CHECK(memcmp(without, found.embedding, sizeof without) == 0);
    CHECK(memcmp(copy, file.data, file.size) == 0);
    free(copy);
    return found;
}

/* Extracts from pixels, which must stay as they are, and checks that the answer is `wanted`. */
static void same_from_pixels(const qmf_engine *engine, const qmf_image *image, const answer *wanted) {
    answer found;
    size_t length = 0;
    uint8_t *copy = (uint8_t *)malloc(image->data_size);
    CHECK(copy != NULL);
    memcpy(copy, image->data, image->data_size);
    EXPECT(QMF_OK, qmf_extraction_init(&found.extraction, sizeof found.extraction));
    EXPECT(QMF_OK, qmf_extract_pixels(engine, image, &found.extraction, found.embedding, LENGTH, &length));
    CHECK(length == LENGTH);
    CHECK(memcmp(&found, wanted, sizeof found) == 0);
    CHECK(memcmp(copy, image->data, image->data_size) == 0);
    free(copy);
}

/* BGR, RGB, and rows with padding give what the file of the same pixels gives; grey pixels what the grey file gives. */
static void pixels(const qmf_engine *engine, const char *folder, uint32_t width, uint32_t height,
                   const answer *wanted) {
    const bytes bgr = read_file(folder, "photo.bgr"), grey = read_file(folder, "grey.raw");
    const bytes grey_file = read_file(folder, "grey.png");
    const size_t row = (size_t)width * 3, stride = row + 13, padded_size = ((size_t)height - 1) * stride + row;
    uint8_t *rgb = (uint8_t *)malloc(bgr.size), *padded = (uint8_t *)malloc(padded_size);
    answer grey_wanted;
    qmf_image image;
    size_t i;
    CHECK(rgb != NULL && padded != NULL && bgr.size == row * height && grey.size == (size_t)width * height);
    EXPECT(QMF_OK, qmf_image_init(&image, sizeof image));
    CHECK(image.struct_size == sizeof image && image.format == QMF_PIXEL_BGR && image.data == NULL);
    image.width = width;
    image.height = height;
    image.data = bgr.data;
    image.data_size = bgr.size;
    same_from_pixels(engine, &image, wanted);

    for (i = 0; i < bgr.size; i += 3) {
        rgb[i] = bgr.data[i + 2];
        rgb[i + 1] = bgr.data[i + 1];
        rgb[i + 2] = bgr.data[i];
    }
    image.format = QMF_PIXEL_RGB;
    image.stride = row;
    image.data = rgb;
    same_from_pixels(engine, &image, wanted);

    /* The padding is filled with bytes that would show, and the last row has none. */
    memset(padded, 0xFF, padded_size);
    for (i = 0; i < height; i++) {
        memcpy(padded + i * stride, bgr.data + i * row, row);
    }
    image.format = QMF_PIXEL_BGR;
    image.stride = stride;
    image.data = padded;
    image.data_size = padded_size;
    same_from_pixels(engine, &image, wanted);

    grey_wanted = from_encoded(engine, grey_file);
    CHECK(memcmp(&grey_wanted, wanted, sizeof grey_wanted) != 0);
    print_answer("grey.png", &grey_wanted);
    image.format = QMF_PIXEL_GRAY;
    image.stride = 0;
    image.data = grey.data;
    image.data_size = grey.size;
    same_from_pixels(engine, &image, &grey_wanted);

    free(rgb);
    free(padded);
    free(bgr.data);
    free(grey.data);
    free(grey_file.data);
}

static void comparisons(const qmf_engine *engine, answer answers[3]) {
    int a, b;
    for (a = 0; a < 3; a++) {
        double quality = 0.0;
        EXPECT(QMF_OK, qmf_quality(engine, answers[a].embedding, LENGTH, &quality));
        CHECK(quality == answers[a].extraction.quality);
        for (b = 0; b < 3; b++) {
            qmf_comparison result;
            float before[2][LENGTH];
            memcpy(before[0], answers[a].embedding, sizeof before[0]);
            memcpy(before[1], answers[b].embedding, sizeof before[1]);
            EXPECT(QMF_OK, qmf_comparison_init(&result, sizeof result));
            EXPECT(QMF_OK, qmf_compare(engine, answers[a].embedding, answers[b].embedding, LENGTH, &result));
            CHECK(result.struct_size == sizeof result && result.reserved == 0);
            /* A comparison must not touch what it compares. */
            CHECK(memcmp(before[0], answers[a].embedding, sizeof before[0]) == 0);
            CHECK(memcmp(before[1], answers[b].embedding, sizeof before[1]) == 0);
            printf("compare %s %s", PHOTOS[a], PHOTOS[b]);
            print_f64(result.cosine);
            print_f64(result.quality_a);
            print_f64(result.quality_b);
            print_f64(result.score);
            printf("\n");
        }
    }
}

/* A struct of a later release: what this library doesn't know stays as it was. */
static void larger_structs(const qmf_engine *engine, const float *embedding) {
    struct {
        qmf_comparison known;
        uint64_t future;
    } comparison;
    EXPECT(QMF_OK, qmf_comparison_init(&comparison.known, sizeof comparison));
    CHECK(comparison.known.struct_size == sizeof comparison && comparison.future == 0);
    comparison.future = 77;
    EXPECT(QMF_OK, qmf_compare(engine, embedding, embedding, LENGTH, &comparison.known));
    CHECK(comparison.known.struct_size == sizeof comparison && comparison.future == 77);
    CHECK(comparison.known.cosine > 0.999 && comparison.known.quality_a > 0.0);
}

static void unified_quality(const char *model, bytes file) {
    qmf_engine *engine = open_engine(model);
    const answer found = from_encoded(engine, file);
    int32_t uqs = -7;
    print_info(engine);
    print_answer("with-uqs", &found);
    EXPECT(QMF_OK, qmf_unified_quality(engine, found.extraction.quality, &uqs));
    CHECK(uqs == found.extraction.uqs && uqs >= 0 && uqs <= 100);
    EXPECT(QMF_OK, qmf_unified_quality(engine, 24.329985, &uqs));
    CHECK(uqs == 63); /* the published value for this magnitude */
    CHECK(qmf_live_engines() == 2);
    qmf_engine_destroy(engine);
}

int main(int argc, char **argv) {
    qmf_engine *engine;
    bytes files[3];
    answer answers[3];
    int i;
    CHECK(argc == 6);
    versions();
    CHECK(qmf_live_engines() == 0);
    engine = open_engine(argv[2]);
    CHECK(qmf_live_engines() == 1);
    print_info(engine);
    for (i = 0; i < 3; i++) {
        files[i] = read_file(argv[1], PHOTOS[i]);
        answers[i] = from_encoded(engine, files[i]);
        print_answer(PHOTOS[i], &answers[i]);
    }
    pixels(engine, argv[1], (uint32_t)strtoul(argv[4], NULL, 10), (uint32_t)strtoul(argv[5], NULL, 10), &answers[0]);
    comparisons(engine, answers);
    larger_structs(engine, answers[0].embedding);
    unified_quality(argv[3], files[0]);
    for (i = 0; i < 3; i++) {
        free(files[i].data);
    }
    CHECK(qmf_live_engines() == 1);
    qmf_engine_destroy(engine);
    CHECK(qmf_live_engines() == 0);
    qmf_engine_destroy(NULL);
    CHECK(qmf_live_engines() == 0);
    return 0;
}
