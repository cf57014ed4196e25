/*
 * Images in every layout, turned every way, and in every kind of file. The Rust test compares what is printed with what
 * the Rust interface gives.
 *
 * images FOLDER MODEL: the folder has view.FORMAT, WIDTH x HEIGHT pixels in each format without padding, and face.KIND,
 * one picture in each kind of file.
 */
#include "client.h"
#include "layout.h"

#define WIDTH 144
#define HEIGHT 112
#define PADDING 10

static const char *const FORMATS[] = {"bgr", "rgb", "gray", "bgra", "rgba", "nv12", "nv21", "i420"};
static const size_t PIXEL_BYTES[] = {3, 3, 1, 4, 4, 1, 1, 1};

/* Where a chip's landmarks lie: these cut out the pixels from (x, y) on as they are. */
static void landmarks_at(float x, float y, float *landmarks) {
    static const float TEMPLATE[10] = {38.2946f, 51.6963f, 73.5318f, 51.5014f, 56.0252f,
                                       71.7366f, 41.5493f, 92.3655f, 70.7299f, 92.2041f};
    int i;
    for (i = 0; i < 5; i++) {
        landmarks[2 * i] = TEMPLATE[2 * i] + x;
        landmarks[2 * i + 1] = TEMPLATE[2 * i + 1] + y;
    }
}

/* All pixels of an upright image: its two overlapping squares, one behind the other. */
static void squares(const qmf_engine *engine, const qmf_image *image, uint8_t *both) {
    const int turned = image->rotation == 90 || image->rotation == 270;
    float landmarks[10];
    size_t size = 0;
    landmarks_at(0, 0, landmarks);
    EXPECT(QMF_OK, qmf_align(engine, image, landmarks, both, QMF_CHIP_SIZE, &size));
    CHECK(size == QMF_CHIP_SIZE);
    landmarks_at(turned ? 0 : WIDTH - HEIGHT, turned ? WIDTH - HEIGHT : 0, landmarks);
    EXPECT(QMF_OK, qmf_align(engine, image, landmarks, both + QMF_CHIP_SIZE, QMF_CHIP_SIZE, &size));
}

static void same_squares(const qmf_engine *engine, const qmf_image *image, const uint8_t *wanted) {
    static uint8_t both[2 * QMF_CHIP_SIZE];
    uint8_t *copy = (uint8_t *)malloc(image->data_size);
    CHECK(copy != NULL);
    memcpy(copy, image->data, image->data_size);
    squares(engine, image, both);
    CHECK(memcmp(both, wanted, sizeof both) == 0);
    CHECK(memcmp(copy, image->data, image->data_size) == 0);
    free(copy);
}

/* `rows` of `row` bytes, `stride` apart, what lies between filled with bytes that would show; the last row has none. */
static uint8_t *padded(const uint8_t *data, size_t rows, size_t row, size_t stride, size_t *size) {
    uint8_t *room;
    size_t i;
    *size = (rows - 1) * stride + row;
    room = (uint8_t *)malloc(*size);
    CHECK(room != NULL);
    memset(room, 0xEE, *size);
    for (i = 0; i < rows; i++) {
        memcpy(room + i * stride, data + i * row, row);
    }
    return room;
}

/* Each way to describe the same pixels gives the same squares. */
static void strides(const qmf_engine *engine, qmf_image image, size_t format, const uint8_t *wanted) {
    const uint8_t *data = image.data;
    const size_t row = WIDTH * PIXEL_BYTES[format], luma = row * HEIGHT, whole = image.data_size;
    uint8_t *room;
    same_squares(engine, &image, wanted);
    image.stride = row;
    same_squares(engine, &image, wanted);
    if (whole == luma) {
        room = padded(data, HEIGHT, row, row + PADDING, &image.data_size);
        image.data = room;
        image.stride = row + PADDING;
        same_squares(engine, &image, wanted);
        free(room);
        return;
    }

    /* Planes of chroma: somewhere else, with and without padding of their own. */
    {
        const size_t planes = image.format == QMF_IMAGE_I420 ? 2 : 1, chroma_row = WIDTH / planes;
        uint8_t *rooms[2] = {NULL, NULL};
        size_t i;
        image.data_size = luma;
        for (i = 0; i < planes; i++) {
            image.chroma[i] = data + luma + i * (WIDTH / 2) * (HEIGHT / 2);
            image.chroma_size[i] = chroma_row * (HEIGHT / 2);
        }
        same_squares(engine, &image, wanted);
        image.stride = 0;
        same_squares(engine, &image, wanted);
        room = padded(data, HEIGHT, row, row + 2 * PADDING, &image.data_size);
        image.data = room;
        image.stride = row + 2 * PADDING;
        for (i = 0; i < planes; i++) {
            rooms[i] = padded(image.chroma[i], HEIGHT / 2, chroma_row, chroma_row + 3, &image.chroma_size[i]);
            image.chroma[i] = rooms[i];
        }
        image.chroma_stride = chroma_row + 3;
        same_squares(engine, &image, wanted);
        free(room);
        free(rooms[0]);
        free(rooms[1]);
    }

    /* In one piece with padding: the chroma has the luma's stride, I420 half of it. */
    {
        const size_t stride = row + 2 * PADDING, planes = image.format == QMF_IMAGE_I420 ? 2 : 1;
        const size_t chroma_row = WIDTH / planes, chroma_stride = stride / planes, rows = HEIGHT / 2 * planes;
        size_t size, rest, i;
        uint8_t *chroma = padded(data + luma, rows, chroma_row, chroma_stride, &rest);
        room = (uint8_t *)malloc(HEIGHT * stride + rest);
        CHECK(room != NULL);
        memset(room, 0xEE, HEIGHT * stride);
        for (i = 0; i < HEIGHT; i++) {
            memcpy(room + i * stride, data + i * row, row);
        }
        memcpy(room + HEIGHT * stride, chroma, rest);
        size = HEIGHT * stride + rest;
        image.data = room;
        image.data_size = size;
        image.stride = stride;
        image.chroma[0] = image.chroma[1] = NULL;
        image.chroma_size[0] = image.chroma_size[1] = 0;
        image.chroma_stride = 0;
        same_squares(engine, &image, wanted);
        free(chroma);
        free(room);
    }
}

static void layouts(const qmf_engine *engine, const char *folder) {
    static uint8_t both[2 * QMF_CHIP_SIZE];
    size_t format;
    for (format = 0; format < sizeof FORMATS / sizeof FORMATS[0]; format++) {
        const int is_yuv = format >= 5;
        char name[32];
        bytes file;
        qmf_image image;
        qmf_yuv yuv;
        (void)snprintf(name, sizeof name, "view.%s", FORMATS[format]);
        file = read_file(folder, name);
        EXPECT(QMF_OK, qmf_image_init(&image, sizeof image));
        CHECK(image.struct_size == sizeof image && image.format == QMF_IMAGE_BGR && image.data == NULL);
        /* FORMATS is in the order of the numbers, which main checks. */
        image.format = (qmf_image_format)format;
        image.width = WIDTH;
        image.height = HEIGHT;
        image.data = file.data;
        image.data_size = file.size;
        for (image.rotation = 0; image.rotation < 360; image.rotation += 90) {
            for (yuv = QMF_YUV_BT601_LIMITED; yuv <= (is_yuv ? QMF_YUV_BT709_FULL : QMF_YUV_BT601_LIMITED); yuv++) {
                image.yuv = yuv;
                squares(engine, &image, both);
                printf("view %s %u %d", FORMATS[format], (unsigned)image.rotation, (int)yuv);
                print_bytes(both, sizeof both);
                printf("\n");
                strides(engine, image, format, both);
            }
        }
        free(file.data);
    }
}

static void files(const qmf_engine *engine, const char *folder) {
    static const char *const KINDS[] = {"png", "jpg", "bmp", "tif", "webp", "exif.jpg", "gray.png"};
    size_t kind;
    for (kind = 0; kind < sizeof KINDS / sizeof KINDS[0]; kind++) {
        char name[32];
        bytes file;
        qmf_image image;
        (void)snprintf(name, sizeof name, "face.%s", KINDS[kind]);
        image = read_image(folder, name, &file);
        /* Not read for a file. */
        image.width = image.height = 7;
        image.stride = 3;
        for (image.rotation = 0; image.rotation < 360; image.rotation += 90) {
            qmf_face faces[8];
            size_t count = 0, i;
            EXPECT(QMF_OK, qmf_detect(engine, &image, NULL, faces, 8, &count));
            CHECK(count <= 8);
            printf("file %s %u %lu", KINDS[kind], (unsigned)image.rotation, (unsigned long)count);
            for (i = 0; i < count; i++) {
                print_face(&faces[i]);
            }
            printf("\n");
        }
        free(file.data);
    }
}

int main(int argc, char **argv) {
    qmf_engine *engine;
    CHECK(argc == 3);
    CHECK(QMF_IMAGE_BGR == 0 && QMF_IMAGE_RGB == 1 && QMF_IMAGE_GRAY == 2 && QMF_IMAGE_BGRA == 3);
    CHECK(QMF_IMAGE_RGBA == 4 && QMF_IMAGE_NV12 == 5 && QMF_IMAGE_NV21 == 6 && QMF_IMAGE_I420 == 7);
    engine = open_engine(argv[2]);
    layouts(engine, argv[1]);
    files(engine, argv[1]);
    qmf_engine_destroy(engine);
    check_no_handle();
    return 0;
}
