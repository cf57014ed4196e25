/*
 * Galleries, where they succeed. The Rust test compares what is printed with what the Rust interface gives.
 *
 * gallery FOLDER MODEL
 */
#include "client.h"
#include "layout.h"

#include <math.h>

#define LENGTH 128
#define COUNT 60
#define PROBES 7
#define MOST 9

/* A made-up template; each tenth is a failed one. */
static qmf_template *made_up(const qmf_engine *engine, size_t image) {
    float embedding[LENGTH];
    qmf_template *made = NULL;
    size_t i;
    if (image % 10 == 9) {
        EXPECT(QMF_OK, qmf_template_create_failed(engine, &made));
        return made;
    }
    for (i = 0; i < LENGTH; i++) {
        embedding[i] = (float)((image * 31 + i * 17 + image * i % 13) % 29) * 0.125f - (i % 3 == image % 3 ? 0.5f : 2.0f);
    }
    EXPECT(QMF_OK, qmf_template_create(engine, embedding, LENGTH, &made));
    return made;
}

static qmf_gallery_info info_of(const qmf_gallery *handle) {
    qmf_gallery_info info;
    EXPECT(QMF_OK, qmf_gallery_info_init(&info, sizeof info));
    CHECK(info.struct_size == sizeof info && info.count == 0 && info.length == 0 && info.model[0] == '\0');
    EXPECT(QMF_OK, qmf_gallery_get_info(handle, &info));
    CHECK(info.struct_size == sizeof info && info.reserved == 0);
    return info;
}

static void print_info(const char *name, const qmf_gallery *handle) {
    const qmf_gallery_info info = info_of(handle);
    printf("gallery %s %d %u %lu %lu %s %s\n", name, (int)info.scalar, (unsigned)info.length, (unsigned long)info.count,
           (unsigned long)info.bytes, info.model[0] == '\0' ? "none" : info.model,
           info.fingerprint[0] == '\0' ? "none" : info.fingerprint);
}

/* All scores and the best of them, of one probe and of several, with each number of threads the same. */
static void print_results(const char *name, const qmf_gallery *gallery, const qmf_calibration *calibration,
                          const qmf_template *const *probes) {
    static float scores[PROBES * COUNT + 1], again[PROBES * COUNT];
    static qmf_match matches[PROBES * MOST + 1], other[PROBES * MOST];
    const size_t count = (size_t)info_of(gallery).count;
    qmf_search_options options;
    size_t used, counts[PROBES + 1], i, j, all;
    EXPECT(QMF_OK, qmf_search_options_init(&options, sizeof options));
    CHECK(options.struct_size == sizeof options && options.threads == 0 && options.most == 10);
    CHECK(isinf(options.least_score) && options.least_score < 0.0);
    options.most = MOST;
    for (used = 1; used <= PROBES; used += PROBES - 1) {
        memset(scores, 0xA5, sizeof scores);
        EXPECT(QMF_OK, qmf_gallery_score(gallery, calibration, probes, used, 1, NULL, scores, PROBES * COUNT + 1,
                                         &all));
        CHECK(all == used * count && memcmp(&scores[all], "\xA5\xA5\xA5\xA5", 4) == 0);
        EXPECT(QMF_OK, qmf_gallery_score(gallery, calibration, probes, used, 3, NULL, again, all, &all));
        CHECK(all == used * count);
        CHECK(memcmp(scores, again, used * count * sizeof(float)) == 0);
        printf("scores %s %lu", name, (unsigned long)used);
        print_f32(scores, used * count);
        printf("\n");
        for (options.threads = 0; options.threads < 3; options.threads++) {
            memset(matches, 0xA5, sizeof matches);
            memset(counts, 0xA5, sizeof counts);
            EXPECT(QMF_OK, qmf_gallery_search(gallery, calibration, probes, used, &options, NULL, matches,
                                              PROBES * MOST + 1, counts));
            CHECK(memcmp(&matches[used * MOST], "\xA5\xA5\xA5\xA5", 4) == 0);
            CHECK(memcmp(&counts[used], "\xA5\xA5\xA5\xA5", 4) == 0);
            CHECK(options.threads == 0 || memcmp(matches, other, used * MOST * sizeof(qmf_match)) == 0);
            memcpy(other, matches, sizeof other);
        }
        printf("search %s %lu", name, (unsigned long)used);
        for (i = 0; i < used; i++) {
            printf(" %lu:", (unsigned long)counts[i]);
            for (j = 0; j < counts[i]; j++) {
                printf(" %lu", (unsigned long)matches[i * MOST + j].index);
                print_f64(matches[i * MOST + j].score);
            }
            /* What is behind them is left alone. */
            CHECK(counts[i] == MOST || memcmp(&matches[i * MOST + counts[i]], "\xA5\xA5\xA5\xA5", 4) == 0);
        }
        printf("\n");
        /* Half of the first probe's matches, by their scores; a bound that is no float. */
        options.threads = 0;
        options.least_score = counts[0] == 0 ? 0.0 : matches[counts[0] / 2].score - 1e-12;
        EXPECT(QMF_OK, qmf_gallery_search(gallery, calibration, probes, used, &options, NULL, other, used * MOST,
                                          counts));
        printf("least %s %lu\n", name, (unsigned long)counts[0]);
        options.least_score = -INFINITY;
    }
}

/* A gallery tells how many of its templates were made of embeddings that were normalised. */
static void unit_lengths(const qmf_engine *engine) {
    static const float LENGTHS[] = {1.0f, 12.0f, 1.0f, 1.0005f, 0.9f};
    const size_t removed[] = {0, 1};
    qmf_gallery *gallery = NULL;
    size_t i, j;
    EXPECT(QMF_OK, qmf_gallery_create(QMF_SCALAR_F16, &gallery));
    for (i = 0; i < 5; i++) {
        float embedding[LENGTH];
        qmf_template *one = NULL;
        const qmf_template *handle;
        for (j = 0; j < LENGTH; j++) {
            embedding[j] = j < 64 ? LENGTHS[i] / 8.0f : 0.0f;
        }
        EXPECT(QMF_OK, qmf_template_create(engine, embedding, LENGTH, &one));
        handle = one;
        EXPECT(QMF_OK, qmf_gallery_add(gallery, &handle, 1, NULL));
        qmf_template_destroy(one);
    }
    CHECK(info_of(gallery).count == 5 && info_of(gallery).unit_lengths == 3);
    EXPECT(QMF_OK, qmf_gallery_remove(gallery, removed, 2));
    CHECK(info_of(gallery).count == 3 && info_of(gallery).unit_lengths == 2);
    qmf_gallery_destroy(gallery);
}

int main(int argc, char **argv) {
    static const char *const NAMES[] = {"f32", "f16", "i8"};
    qmf_engine *engine;
    qmf_calibration *calibration = NULL;
    qmf_template *templates[COUNT], *probes[PROBES];
    const size_t removed[] = {0, 9, 10, 11, 58};
    qmf_match none[10];
    qmf_scalar scalar;
    size_t i, count = 99;
    CHECK(argc == 3);
    engine = open_engine(argv[2]);
    EXPECT(QMF_OK, qmf_engine_get_calibration(engine, &calibration));
    for (i = 0; i < COUNT; i++) {
        templates[i] = made_up(engine, i);
    }
    for (i = 0; i < PROBES; i++) {
        probes[i] = made_up(engine, 3 * i + 70);
    }
    for (scalar = QMF_SCALAR_F32; scalar <= QMF_SCALAR_I8; scalar++) {
        const char *const name = NAMES[scalar];
        qmf_gallery *gallery = NULL;
        size_t first = 99;
        EXPECT(QMF_OK, qmf_gallery_create(scalar, &gallery));
        CHECK(gallery != NULL && qmf_live_galleries() == 1);
        print_info(name, gallery);
        CHECK(info_of(gallery).unit_lengths == 0);
        /* Of an empty gallery nothing is found, with the default options too. */
        EXPECT(QMF_OK, qmf_gallery_search(gallery, calibration, (const qmf_template *const *)probes, 1, NULL, NULL,
                                          none, 10, &count));
        CHECK(count == 0);
        count = 99;
        EXPECT(QMF_OK, qmf_gallery_score(gallery, calibration, (const qmf_template *const *)probes, 1, 0, NULL, NULL, 0,
                                         &count));
        CHECK(count == 0);
        EXPECT(QMF_OK, qmf_gallery_add(gallery, (const qmf_template *const *)templates, COUNT - 1, &first));
        CHECK(first == 0);
        EXPECT(QMF_OK, qmf_gallery_add(gallery, (const qmf_template *const *)&templates[COUNT - 1], 1, &first));
        CHECK(first == COUNT - 1);
        print_info(name, gallery);
        print_results(name, gallery, calibration, (const qmf_template *const *)probes);
        EXPECT(QMF_OK, qmf_gallery_remove(gallery, removed, sizeof removed / sizeof removed[0]));
        EXPECT(QMF_OK, qmf_gallery_add(gallery, (const qmf_template *const *)templates, 1, NULL));
        print_info(name, gallery);
        print_results(name, gallery, calibration, (const qmf_template *const *)probes);
        qmf_gallery_destroy(gallery);
    }
    for (i = 0; i < COUNT; i++) {
        qmf_template_destroy(templates[i]);
    }
    for (i = 0; i < PROBES; i++) {
        qmf_template_destroy(probes[i]);
    }
    unit_lengths(engine);
    qmf_gallery_destroy(NULL);
    qmf_calibration_destroy(calibration);
    qmf_engine_destroy(engine);
    check_no_handle();
    return 0;
}
