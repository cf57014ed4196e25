/*
 * Images that must be refused, by every function that takes one: the status, the text, and that nothing is written.
 *
 * refuse_images FOLDER MODEL: the folder holds the files that tests/c_abi/setting.rs writes.
 */
#include "refuse.h"

#define WIDTH 64
#define HEIGHT 48

static qmf_engine *engine;
static uint8_t black[WIDTH * HEIGHT * 4];
static float landmarks[10] = {20, 20, 40, 20, 30, 30, 22, 40, 38, 40};

/* Every function that takes an image refuses this one. */
static void refused(const qmf_engine *by, const qmf_image *image, qmf_status wanted, const char *part) {
    static uint8_t chip[QMF_CHIP_SIZE];
    const qmf_image *const images[1] = {image};
    qmf_face faces[2];
    qmf_template *made[2];
    size_t count;
    fill(&count, sizeof count);
    KEEPS(faces, wanted, part, qmf_detect(by, image, NULL, faces, 2, &count));
    KEEPS(chip, wanted, part, qmf_align(by, image, landmarks, chip, sizeof chip, &count));
    KEEPS(made, wanted, part, qmf_extract(by, image, NULL, &made[0]));
    KEEPS(made, wanted, part, qmf_extract_all(by, image, NULL, made, 2, &count));
    KEEPS(made, wanted, part, qmf_extract_landmarks(by, image, landmarks, NULL, &made[0]));
    KEEPS(made, wanted, part, qmf_extract_fused(by, images, 1, QMF_FUSION_QUALITY, NULL, &made[0]));
    CHECK(strstr(last_error(), "images[0]") != NULL);
    CHECK(is_filled(&count, sizeof count));
}

#define REFUSES(wanted, part, change)                                                                                  \
    do {                                                                                                               \
        qmf_image image = good;                                                                                        \
        change;                                                                                                        \
        refused(engine, &image, wanted, part);                                                                         \
    } while (0)

static qmf_image good_image(qmf_image_format format, size_t size) {
    qmf_image image;
    size_t count = 99;
    EXPECT(QMF_OK, qmf_image_init(&image, sizeof image));
    image.format = format;
    image.width = WIDTH;
    image.height = HEIGHT;
    image.data = black;
    image.data_size = size;
    EXPECT(QMF_OK, qmf_detect(engine, &image, NULL, NULL, 0, &count));
    CHECK(count == 0);
    return image;
}

static void pixels(void) {
    const qmf_image good = good_image(QMF_IMAGE_BGR, WIDTH * HEIGHT * 3);
    struct {
        qmf_image known;
        uint64_t future;
    } later;
    size_t i, count = 99;
    refused(engine, NULL, INVALID, "image is NULL");
    refused(engine, MISALIGNED(const qmf_image, &later), INVALID, "image is not aligned");
    for (i = 0; i < WRONG_COUNT; i++) {
        REFUSES(INVALID, "image: struct_size", image.struct_size = WRONG_SIZES[i]);
    }
    REFUSES(INVALID, "9 is no QMF_IMAGE_*", image.format = 9);
    REFUSES(INVALID, "-1 is no QMF_IMAGE_*", image.format = -1);
    REFUSES(INVALID, "4 is no QMF_YUV_*", image.yuv = 4);
    REFUSES(INVALID, "-1 is no QMF_YUV_*", image.yuv = -1);
    REFUSES(INVALID, "rotation is 45", image.rotation = 45);
    REFUSES(INVALID, "rotation is 360", image.rotation = 360);
    REFUSES(INVALID, "0 x 48", image.width = 0);
    REFUSES(INVALID, "64 x 0", image.height = 0);
    REFUSES(INVALID, "stride 191", image.stride = WIDTH * 3 - 1);
    REFUSES(INVALID, "too large", image.stride = SIZE_MAX);
    REFUSES(INVALID, "needs 9216 bytes, 9215 were given", image.data_size = WIDTH * HEIGHT * 3 - 1);
    REFUSES(INVALID, "0 were given", image.data_size = 0);
    REFUSES(INVALID, "image: data: 18446744073709551615 elements are more than memory can hold",
            image.data_size = SIZE_MAX);
    REFUSES(INVALID, "image: data is NULL", image.data = NULL);
    REFUSES(INVALID, "were given", image.width = UINT32_MAX);
    REFUSES(INVALID, "were given", image.height = UINT32_MAX);
    REFUSES(INVALID, "too large", image.width = image.height = UINT32_MAX);
    /* Chroma where there is none. */
    REFUSES(INVALID, "Bgr has no chroma[0]", (image.chroma[0] = black, image.chroma_size[0] = 10));
    REFUSES(INVALID, "Bgr has no chroma[1]", image.chroma[1] = black);

    /* An image of a later release. */
    EXPECT(QMF_OK, qmf_image_init(&later.known, sizeof later));
    CHECK(later.known.struct_size == sizeof later);
    later.known.width = WIDTH;
    later.known.height = HEIGHT;
    later.known.data = black;
    later.known.data_size = good.data_size;
    later.future = 0;
    EXPECT(QMF_OK, qmf_detect(engine, &later.known, NULL, NULL, 0, &count));
    later.future = 1;
    refused(engine, &later.known, INVALID, "sets an option this version");
}

/* Each format with a byte too little. */
static void short_data(void) {
    static const struct {
        qmf_image_format format;
        size_t size;
    } FORMATS[] = {{QMF_IMAGE_BGR, WIDTH * HEIGHT * 3},      {QMF_IMAGE_RGB, WIDTH * HEIGHT * 3},
                   {QMF_IMAGE_GRAY, WIDTH * HEIGHT},         {QMF_IMAGE_BGRA, WIDTH * HEIGHT * 4},
                   {QMF_IMAGE_RGBA, WIDTH * HEIGHT * 4},     {QMF_IMAGE_NV12, WIDTH * HEIGHT * 3 / 2},
                   {QMF_IMAGE_NV21, WIDTH * HEIGHT * 3 / 2}, {QMF_IMAGE_I420, WIDTH * HEIGHT * 3 / 2}};
    size_t i;
    for (i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++) {
        const qmf_image good = good_image(FORMATS[i].format, FORMATS[i].size);
        REFUSES(INVALID, "bytes, ", image.data_size--);
    }
}

static void yuv(void) {
    static const qmf_image_format FORMATS[] = {QMF_IMAGE_NV12, QMF_IMAGE_NV21, QMF_IMAGE_I420};
    size_t i;
    for (i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++) {
        const int planar = FORMATS[i] == QMF_IMAGE_I420;
        qmf_image good = good_image(FORMATS[i], WIDTH * HEIGHT * 3 / 2);
        size_t count = 99;
        REFUSES(INVALID, "even width and height, the image is 63 x 48", image.width--);
        REFUSES(INVALID, "even width and height, the image is 64 x 47", image.height--);
        REFUSES(INVALID, "has no pixel", image.width = 0);
        REFUSES(INVALID, "stride", image.stride = WIDTH - 2);
        REFUSES(INVALID, "stride", image.stride = SIZE_MAX - 1);
        if (planar) {
            REFUSES(INVALID, "is odd", image.stride = WIDTH + 1);
        }
        /* Planes of their own. */
        good.data_size = WIDTH * HEIGHT;
        good.chroma[0] = black;
        good.chroma_size[0] = WIDTH * HEIGHT / 2;
        if (planar) {
            good.chroma[1] = black;
            good.chroma_size[0] = good.chroma_size[1] = WIDTH * HEIGHT / 4;
        }
        EXPECT(QMF_OK, qmf_detect(engine, &good, NULL, NULL, 0, &count));
        REFUSES(INVALID, "luma plane", image.data_size--);
        REFUSES(INVALID, "chroma plane", image.chroma_size[0]--);
        REFUSES(INVALID, "image: chroma[0]: ", image.chroma_size[0] = SIZE_MAX);
        REFUSES(INVALID, "chroma stride", image.chroma_stride = planar ? WIDTH / 2 - 1 : WIDTH - 1);
        REFUSES(INVALID, "too large", image.chroma_stride = SIZE_MAX);
        if (planar) {
            REFUSES(INVALID, "chroma plane", image.chroma_size[1]--);
            REFUSES(INVALID, "image: chroma[0] is NULL", image.chroma[0] = NULL);
            REFUSES(INVALID, "image: chroma[1] is NULL", image.chroma[1] = NULL);
        } else {
            REFUSES(INVALID, "has no chroma[1]", image.chroma[1] = black);
        }
    }
}

static void files(const char *folder) {
    static const struct {
        const char *name;
        qmf_status status;
        const char *part;
    } FILES[] = {{"truncated.jpg", QMF_ERROR_IMAGE_DECODE, "damaged JPEG"},
                 {"truncated.png", QMF_ERROR_IMAGE_DECODE, "damaged PNG"},
                 {"text.jpg", QMF_ERROR_IMAGE_DECODE, "not an image"},
                 {"bomb.png", QMF_ERROR_LIMIT, "60000 x 60000 pixels, the limit is 100000000"}};
    qmf_image good;
    bytes file;
    size_t i;
    for (i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        good = read_image(folder, FILES[i].name, &file);
        refused(engine, &good, FILES[i].status, FILES[i].part);
        free(file.data);
    }
    good = read_image(folder, "face.jpg", &file);
    REFUSES(QMF_ERROR_IMAGE_DECODE, "empty", image.data_size = 0);
    REFUSES(QMF_ERROR_IMAGE_DECODE, "", image.data_size = 20);
    REFUSES(INVALID, "image: data is NULL", image.data = NULL);
    REFUSES(INVALID, "more than memory can hold", image.data_size = SIZE_MAX);
    REFUSES(INVALID, "rotation is 1,", image.rotation = 1);
    free(file.data);
}

/* Images over an engine's own limits. */
static void limits(const char *folder, const char *model) {
    qmf_engine_options options = cpu_options();
    qmf_engine *strict = NULL;
    bytes file;
    const qmf_image photo = read_image(folder, "face.jpg", &file);
    const qmf_image view = good_image(QMF_IMAGE_GRAY, WIDTH * HEIGHT);
    options.maximum_pixels = WIDTH * HEIGHT - 1;
    EXPECT(QMF_OK, qmf_engine_create(model, &options, &strict));
    refused(strict, &photo, QMF_ERROR_LIMIT, "the limit is 3071 pixels");
    refused(strict, &view, QMF_ERROR_LIMIT, "the limit is 3071 pixels");
    qmf_engine_destroy(strict);
    options = cpu_options();
    options.maximum_bytes = file.size - 1;
    EXPECT(QMF_OK, qmf_engine_create(model, &options, &strict));
    refused(strict, &photo, QMF_ERROR_LIMIT, "bytes, the limit is");
    qmf_engine_destroy(strict);
    free(file.data);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    engine = open_engine(argv[2]);
    pixels();
    short_data();
    yuv();
    files(argv[1]);
    limits(argv[1], argv[2]);
    qmf_engine_destroy(engine);
    check_no_handle();
    return 0;
}
