/* A file's bytes, also as an image, for the C clients. */
#ifndef QMAGFACE_CLIENT_FILE_H
#define QMAGFACE_CLIENT_FILE_H

#include "client.h"

typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

/* The whole of a file, to be freed. */
static inline bytes read_file(const char *path) {
    bytes content = {NULL, 0};
    FILE *file = fopen(path, "rb");
    long size;
    CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    size = ftell(file);
    CHECK(size > 0);
    rewind(file);
    content.size = (size_t)size;
    content.data = (uint8_t *)malloc(content.size);
    CHECK(content.data != NULL && fread(content.data, 1, content.size, file) == content.size);
    CHECK(fclose(file) == 0);
    return content;
}

/* An image that is a file's bytes. */
static inline qmf_image encoded(bytes file) {
    qmf_image image;
    CHECK(qmf_image_init(&image, sizeof image) == QMF_OK);
    image.format = QMF_IMAGE_ENCODED;
    image.data = file.data;
    image.data_size = file.size;
    return image;
}

#endif
