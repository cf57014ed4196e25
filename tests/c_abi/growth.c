/*
 * Handles made and destroyed, calls made and refused, again and again: the process must not grow.
 *
 * growth FOLDER MODEL
 */
#define _POSIX_C_SOURCE 200809L
#include "client.h"

#include <malloc.h>
#include <unistd.h>

#define LENGTH 128

/* Bytes of this process in memory. */
static long resident(void) {
    long whole = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld %ld", &whole, &pages) == 2);
    CHECK(fclose(file) == 0);
    return pages * sysconf(_SC_PAGESIZE);
}

/* An engine used once; its weights are 40 MB. */
static void engine_round(const char *model, const qmf_image *image) {
    qmf_engine *engine = open_engine(model), *none = NULL;
    qmf_template *made = NULL;
    qmf_calibration *calibration = NULL;
    EXPECT(QMF_OK, qmf_extract(engine, image, NULL, &made));
    EXPECT(QMF_OK, qmf_engine_get_calibration(engine, &calibration));
    qmf_engine_destroy(engine);
    qmf_template_destroy(made);
    qmf_calibration_destroy(calibration);
    /* One that fails late, at the damaged weights. */
    EXPECT(QMF_ERROR_WEIGHTS, qmf_engine_create("./sface-damaged", NULL, &none));
    check_no_handle();
}

static void small_round(const qmf_engine *engine, const float *embedding) {
    uint8_t data[2048];
    size_t size = 0;
    qmf_template *made = NULL, *again = NULL, *fused = NULL;
    qmf_calibration *calibration = NULL;
    qmf_comparison result;
    double quality = 0.0;
    const qmf_template *both[2];
    EXPECT(QMF_OK, qmf_template_create(engine, embedding, LENGTH, &made));
    EXPECT(QMF_OK, qmf_template_serialize(made, QMF_SCALAR_I8, data, sizeof data, &size));
    EXPECT(QMF_OK, qmf_template_parse(data, size, &again));
    EXPECT(QMF_ERROR_TEMPLATE, qmf_template_parse(data, size - 1, &fused));
    both[0] = made;
    both[1] = again;
    EXPECT(QMF_OK, qmf_template_fuse(both, 2, QMF_FUSION_QUALITY, &fused));
    EXPECT(QMF_OK, qmf_calibration_create(0.1, 0.1, &calibration));
    EXPECT(QMF_OK, qmf_comparison_init(&result, sizeof result));
    EXPECT(QMF_OK, qmf_compare(calibration, made, fused, &result));
    EXPECT(QMF_ERROR_INVALID_ARGUMENT, qmf_quality(engine, embedding, 3, &quality));
    qmf_template_destroy(made);
    qmf_template_destroy(again);
    qmf_template_destroy(fused);
    qmf_calibration_destroy(calibration);
}

int main(int argc, char **argv) {
    bytes file;
    float embedding[LENGTH];
    qmf_image image;
    qmf_engine *engine;
    long before;
    int i;
    CHECK(argc == 3);
    /* Large blocks go back to the system at once: what glibc keeps of them by default comes and goes. */
    CHECK(mallopt(M_MMAP_THRESHOLD, 128 * 1024) == 1);
    image = read_image(argv[1], "a.png", &file);
    for (i = 0; i < LENGTH; i++) {
        embedding[i] = (float)i + 0.5f;
    }
    /* The first rounds fill the allocators' own caches. */
    for (i = 0; i < 5; i++) {
        engine_round(argv[2], &image);
    }
    before = resident();
    for (i = 0; i < 15; i++) {
        engine_round(argv[2], &image);
    }
    if (resident() - before > 5 * 1000 * 1000) {
        fprintf(stderr, "15 engines more took %ld bytes\n", resident() - before);
        return 1;
    }

    engine = open_engine(argv[2]);
    for (i = 0; i < 1000; i++) {
        small_round(engine, embedding);
    }
    before = resident();
    for (i = 0; i < 50000; i++) {
        small_round(engine, embedding);
    }
    if (resident() - before > 1000 * 1000) {
        fprintf(stderr, "50000 rounds took %ld bytes\n", resident() - before);
        return 1;
    }
    qmf_engine_destroy(engine);
    free(file.data);
    check_no_handle();
    return 0;
}
