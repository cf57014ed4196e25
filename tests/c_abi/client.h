/* What the C and C++ test programs share: checks that end the program, files, and printing of exact bits. */
#ifndef QMAGFACE_TEST_CLIENT_H
#define QMAGFACE_TEST_CLIENT_H

#include "qmagface.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text of this thread's last failure. */
static inline const char *last_error(void) {
    static char text[1024];
    text[0] = '\0';
    (void)qmf_last_error(text, sizeof text, NULL);
    return text;
}

/* Ends the program unless `condition` holds. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s (last error: %s)\n", __FILE__, __LINE__, #condition, last_error());     \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Ends the program unless the call answers `wanted`. */
#define EXPECT(wanted, call)                                                                                           \
    do {                                                                                                               \
        const qmf_status status_ = (call);                                                                             \
        if (status_ != (wanted)) {                                                                                     \
            fprintf(stderr, "%s:%d: status %d instead of %d from %s (last error: %s)\n", __FILE__, __LINE__,           \
                    (int)status_, (int)(wanted), #call, last_error());                                                 \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Ends the program unless the call fails with `wanted` and a text that has `part` in it. */
#define REFUSED(wanted, part, call)                                                                                    \
    do {                                                                                                               \
        EXPECT(wanted, call);                                                                                          \
        if (strstr(last_error(), part) == NULL) {                                                                      \
            fprintf(stderr, "%s:%d: \"%s\" is not in the error of %s: %s\n", __FILE__, __LINE__, part, #call,          \
                    last_error());                                                                                     \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* The bytes of a file and how many there are. */
typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

/* The file `name` of `folder`; free `data` afterwards. */
static inline bytes read_file(const char *folder, const char *name) {
    char path[4096];
    bytes content = {NULL, 0};
    long size;
    FILE *file;
    const int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    CHECK(length > 0 && (size_t)length < sizeof path);
    file = fopen(path, "rb");
    CHECK(file != NULL);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    size = ftell(file);
    CHECK(size > 0);
    rewind(file);
    content.size = (size_t)size;
    content.data = (uint8_t *)malloc(content.size);
    CHECK(content.data != NULL);
    CHECK(fread(content.data, 1, content.size, file) == content.size);
    CHECK(fclose(file) == 0);
    return content;
}

/* The file `name` of `folder` as an image; free `data` afterwards. */
static inline qmf_image read_image(const char *folder, const char *name, bytes *content) {
    qmf_image image;
    *content = read_file(folder, name);
    EXPECT(QMF_OK, qmf_image_init(&image, sizeof image));
    image.format = QMF_IMAGE_ENCODED;
    image.data = content->data;
    image.data_size = content->size;
    return image;
}

/* Numbers are printed as their bits in hexadecimal. */
static inline void print_f32(const float *values, size_t count) {
    size_t i;
    for (i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        printf(" %08" PRIx32, bits);
    }
}

static inline void print_f64(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    printf(" %016" PRIx64, bits);
}

/* Bytes are printed as how many they are and their FNV-1a hash of 64 bits. */
static inline void print_bytes(const uint8_t *data, size_t size) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    size_t i;
    for (i = 0; i < size; i++) {
        hash = (hash ^ data[i]) * UINT64_C(0x00000100000001b3);
    }
    printf(" %lu:%016" PRIx64, (unsigned long)size, hash);
}

static inline void print_face(const qmf_face *face) {
    print_f32(face->bbox, 4);
    print_f32(&face->score, 1);
    print_f32(face->landmarks[0], 10);
}

/* The options of an engine on one thread of the CPU, so that every run gives the same bits. */
static inline qmf_engine_options cpu_options(void) {
    qmf_engine_options options;
    EXPECT(QMF_OK, qmf_engine_options_init(&options, sizeof options));
    options.device = QMF_DEVICE_CPU;
    options.threads = 1;
    return options;
}

static inline qmf_engine *open_engine(const char *model) {
    const qmf_engine_options options = cpu_options();
    qmf_engine *engine = NULL;
    EXPECT(QMF_OK, qmf_engine_create(model, &options, &engine));
    CHECK(engine != NULL);
    return engine;
}

/* Nothing is left alive. */
static inline void check_no_handle(void) {
    CHECK(qmf_live_engines() == 0 && qmf_live_templates() == 0 && qmf_live_calibrations() == 0);
    CHECK(qmf_live_galleries() == 0 && qmf_live_cancels() == 0);
}

#endif
