/*
 * One engine, many extractions: what is in use on the heap must not grow.
 *
 *   extractions COUNT MODEL FACE
 *
 * MODEL is the name of an installed model, FACE a picture with a face. Valgrind's heap and AddressSanitizer's say nothing of what
 * is in use: they look for leaks themselves.
 */
#define _POSIX_C_SOURCE 200809L
#include "file.h"

#include <malloc.h>

/* Bytes that are allocated and not freed. */
static size_t in_use(void) {
    const struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

int main(int argc, char **argv) {
    qmf_engine_options options;
    qmf_engine *engine = NULL;
    qmf_image image;
    bytes file;
    long count = 0, i = 0;
    size_t before = 0, after = 0;
    CHECK(argc == 4 && (count = strtol(argv[1], NULL, 10)) > 0);
    file = read_file(argv[3]);
    image = encoded(file);
    CHECK(qmf_engine_options_init(&options, sizeof options) == QMF_OK);
    options.device = QMF_DEVICE_CPU;
    options.inline_mode = 1;
    CHECK(qmf_engine_create(argv[2], &options, &engine) == QMF_OK);
    for (i = 0; i < count; i++) {
        qmf_template *face = NULL;
        CHECK(qmf_extract(engine, &image, NULL, &face) == QMF_OK);
        qmf_template_destroy(face);
        /* The first ones fill the buffers that an engine keeps. */
        if (i == count / 10) {
            before = in_use();
        }
    }
    after = in_use();
    printf("%ld extractions, %lu bytes in use, %ld more than after a tenth of them\n", count, (unsigned long)after,
           (long)after - (long)before);
    CHECK(after <= before + 4096);
    qmf_engine_destroy(engine);
    free(file.data);
    CHECK(qmf_live_engines() == 0 && qmf_live_templates() == 0);
    return 0;
}
