/*
 * Ending calls early: a call that is triggered before or while it runs answers QMF_ERROR_CANCELLED soon and writes
 * nothing, and what it was called on stays usable; one that is not triggered gives what it gives without.
 *
 * cancel FOLDER MODEL: people.f32 in the folder holds embeddings of 128 floats, five of each person.
 */
#define _DEFAULT_SOURCE
#include "client.h"
#include "refuse.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define EACH 5
#define MOST 1000
/* A call that was triggered ends within so many seconds, on a busy machine too; each would take several times that. */
#define SOON 5.0

static qmf_engine *engine;
static qmf_calibration *calibration;
static qmf_gallery *gallery;
static qmf_template *face;
static qmf_image image;
static float embeddings[MOST * LENGTH];
static uint32_t people[MOST];
static size_t count;

static double now(void) {
    struct timespec time;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static qmf_cancel *cancel_of(int is_triggered) {
    qmf_cancel *made = NULL;
    EXPECT(QMF_OK, qmf_cancel_create(&made));
    if (is_triggered) {
        EXPECT(QMF_OK, qmf_cancel_trigger(made));
        EXPECT(QMF_OK, qmf_cancel_trigger(made));
    }
    return made;
}

/* A call that must be cancelled, and write nothing. */
#define CANCELLED(output, call) KEEPS(output, QMF_ERROR_CANCELLED, "cancelled", call)

/* Triggered before it begins, every call ends at once. */
static void before(void) {
    static uint8_t chip[QMF_CHIP_SIZE];
    static float made[LENGTH];
    const float landmarks[10] = {30, 40, 70, 40, 50, 60, 35, 80, 65, 80};
    const qmf_image *images[1];
    const qmf_template *templates[1];
    qmf_cancel *stop = cancel_of(1), *idle = cancel_of(0);
    qmf_fit_options options;
    qmf_template *result;
    qmf_calibration *fitted;
    qmf_face found;
    qmf_match match;
    size_t written;
    images[0] = &image;
    templates[0] = face;
    CHECK(qmf_live_cancels() == 2);
    CANCELLED(found, qmf_detect(engine, &image, stop, &found, 1, &written));
    CANCELLED(written, qmf_detect(engine, &image, stop, &found, 1, &written));
    CANCELLED(written, qmf_detect(engine, &image, stop, NULL, 0, &written));
    CANCELLED(made, qmf_embed(engine, chip, 1, stop, made, LENGTH, &written));
    CANCELLED(written, qmf_embed(engine, chip, 1, stop, made, LENGTH, &written));
    CANCELLED(result, qmf_extract(engine, &image, stop, &result));
    CANCELLED(result, qmf_extract_all(engine, &image, stop, &result, 1, &written));
    CANCELLED(written, qmf_extract_all(engine, &image, stop, &result, 1, &written));
    CANCELLED(result, qmf_extract_fused(engine, images, 1, QMF_FUSION_QUALITY, stop, &result));
    CANCELLED(result, qmf_extract_landmarks(engine, &image, landmarks, stop, &result));
    CANCELLED(result, qmf_extract_chip(engine, chip, sizeof chip, stop, &result));
    CANCELLED(made, qmf_score_matrix(calibration, templates, 1, templates, 1, stop, made, 1));
    CANCELLED(made, qmf_score_matrix_embeddings(calibration, embeddings, 1, embeddings, 2, LENGTH, stop, made, 2));
    CANCELLED(made, qmf_gallery_score(gallery, calibration, templates, 1, 1, stop, made, LENGTH, &written));
    CANCELLED(match, qmf_gallery_search(gallery, calibration, templates, 1, NULL, stop, &match, 10, &written));
    EXPECT(QMF_OK, qmf_fit_options_init(&options, sizeof options));
    options.least_fmr = 1e-3;
    CANCELLED(fitted, qmf_calibration_fit(NULL, embeddings, count, LENGTH, people, &options, NULL, stop, &fitted,
                                          NULL));
    CANCELLED(fitted, qmf_calibration_fit_templates(templates, 1, people, &options, NULL, stop, &fitted, NULL));

    /* What was cancelled goes on; one that nobody triggers, or only afterwards, changes nothing. */
    EXPECT(QMF_OK, qmf_extract(engine, &image, idle, &result));
    EXPECT(QMF_OK, qmf_cancel_trigger(idle));
    qmf_template_destroy(result);
    EXPECT(QMF_OK, qmf_extract(engine, &image, NULL, &result));
    qmf_template_destroy(result);
    qmf_cancel_destroy(stop);
    qmf_cancel_destroy(idle);
    qmf_cancel_destroy(NULL);
    CHECK(qmf_live_cancels() == 0);
}

/* A thread that triggers while a call runs. */
typedef struct {
    qmf_cancel *cancel;
    pthread_t thread;
    double at;
} trigger;

static void *pull(void *data) {
    trigger *one = (trigger *)data;
    (void)usleep(30000);
    one->at = now();
    EXPECT(QMF_OK, qmf_cancel_trigger(one->cancel));
    return NULL;
}

static qmf_cancel *begin(trigger *one) {
    one->cancel = cancel_of(0);
    CHECK(pthread_create(&one->thread, NULL, pull, one) == 0);
    return one->cancel;
}

static void end(trigger *one) {
    const double ended = now();
    CHECK(pthread_join(one->thread, NULL) == 0);
    if (ended - one->at > SOON) {
        fprintf(stderr, "%.2f seconds from the trigger to the end\n", ended - one->at);
        exit(1);
    }
    qmf_cancel_destroy(one->cancel);
}

static void while_it_runs(void) {
    enum { CHIPS = 1500, IMAGES = 2000, ROWS = 4000, WIDE = 2048, PROBES = 20000 };
    uint8_t *chips = (uint8_t *)calloc(CHIPS, QMF_CHIP_SIZE);
    float *rows = (float *)malloc((size_t)ROWS * WIDE * sizeof(float));
    float *scores = (float *)malloc((size_t)ROWS * ROWS * sizeof(float));
    const qmf_image **images = (const qmf_image **)malloc(IMAGES * sizeof(qmf_image *));
    const qmf_template **templates = (const qmf_template **)malloc(PROBES * sizeof(qmf_template *));
    qmf_match *matches = (qmf_match *)malloc(PROBES * sizeof(qmf_match));
    size_t *counts = (size_t *)malloc(PROBES * sizeof(size_t));
    qmf_search_options search;
    qmf_template *result;
    qmf_calibration *fitted;
    qmf_fit_options options;
    trigger one;
    size_t written, i;
    CHECK(chips != NULL && rows != NULL && scores != NULL && images != NULL);
    CHECK(templates != NULL && matches != NULL && counts != NULL);
    for (i = 0; i < (size_t)ROWS * WIDE; i++) {
        rows[i] = (float)(i % 7) + 1.0f;
    }
    for (i = 0; i < IMAGES; i++) {
        images[i] = &image;
    }
    for (i = 0; i < PROBES; i++) {
        templates[i] = face;
    }

    begin(&one);
    CANCELLED(written, qmf_embed(engine, chips, CHIPS, one.cancel, scores, (size_t)CHIPS * LENGTH, &written));
    end(&one);
    begin(&one);
    CANCELLED(result, qmf_extract_fused(engine, images, IMAGES, QMF_FUSION_MEAN, one.cancel, &result));
    end(&one);
    begin(&one);
    fill(scores, 64);
    REFUSED(QMF_ERROR_CANCELLED, "cancelled",
            qmf_score_matrix_embeddings(calibration, rows, ROWS, rows, ROWS, WIDE, one.cancel, scores,
                                        (size_t)ROWS * ROWS));
    CHECK(is_filled(scores, 64));
    end(&one);

    EXPECT(QMF_OK, qmf_gallery_add(gallery, templates, PROBES, NULL));
    EXPECT(QMF_OK, qmf_search_options_init(&search, sizeof search));
    search.threads = 1;
    search.most = 1;
    begin(&one);
    fill(counts, 64);
    REFUSED(QMF_ERROR_CANCELLED, "cancelled",
            qmf_gallery_search(gallery, calibration, templates, PROBES, &search, one.cancel, matches, PROBES, counts));
    CHECK(is_filled(counts, 64));
    end(&one);

    /* A fit that would take minutes. */
    EXPECT(QMF_OK, qmf_fit_options_init(&options, sizeof options));
    options.least_fmr = 1e-3;
    options.replicates = 100000;
    options.threads = 2;
    for (i = 0; i < 3; i++) {
        options.procedure = (qmf_fit_procedure)i;
        begin(&one);
        CANCELLED(fitted, qmf_calibration_fit(NULL, embeddings, count, LENGTH, people, &options, NULL, one.cancel,
                                              &fitted, NULL));
        end(&one);
    }
    free(chips);
    free(rows);
    free(scores);
    free(images);
    free(templates);
    free(matches);
    free(counts);
}

/* What a fit tells on its way; the callback may trigger, and the trigger may come from any thread. */
typedef struct {
    qmf_cancel *cancel;
    uint64_t calls, done, total, steps;
} told;

static void hear(void *user_data, uint64_t done, uint64_t total) {
    told *all = (told *)user_data;
    CHECK(done <= total);
    /* One call at a time; what is done of a step never falls. */
    if (all->calls == 0 || total != all->total || done < all->done) {
        CHECK(all->calls == 0 || all->done == all->total);
        all->steps++;
    }
    all->calls++;
    all->done = done;
    all->total = total;
    if (all->cancel != NULL) {
        EXPECT(QMF_OK, qmf_cancel_trigger(all->cancel));
    }
}

static void progress(void) {
    qmf_fit_options options;
    qmf_calibration *fitted = NULL;
    told all;
    uint32_t threads;
    EXPECT(QMF_OK, qmf_fit_options_init(&options, sizeof options));
    CHECK(options.progress_callback == NULL && options.progress_user_data == NULL);
    options.least_fmr = 1e-3;
    options.replicates = 200;
    options.progress_callback = hear;
    options.progress_user_data = &all;
    for (threads = 1; threads <= 4; threads += 3) {
        memset(&all, 0, sizeof all);
        options.threads = threads;
        EXPECT(QMF_OK, qmf_calibration_fit(NULL, embeddings, count, LENGTH, people, &options, NULL, NULL, &fitted,
                                           NULL));
        qmf_calibration_destroy(fitted);
        /* Pairs first, people at last: 200 draws. */
        CHECK(all.calls > 3 && all.steps >= 2 && all.total == 200 && all.done == 200);
    }
    memset(&all, 0, sizeof all);
    all.cancel = cancel_of(0);
    CANCELLED(fitted,
              qmf_calibration_fit(NULL, embeddings, count, LENGTH, people, &options, NULL, all.cancel, &fitted, NULL));
    CHECK(all.calls >= 1);
    qmf_cancel_destroy(all.cancel);
}

/* Several calls of several threads, ended by one trigger from several threads at once. */
static void *extract_until_cancelled(void *data) {
    qmf_status status = QMF_OK;
    while (status == QMF_OK) {
        qmf_template *made = NULL;
        status = qmf_extract(engine, &image, (const qmf_cancel *)data, &made);
        qmf_template_destroy(made);
    }
    CHECK(status == QMF_ERROR_CANCELLED);
    return NULL;
}

static void *trigger_it(void *data) {
    EXPECT(QMF_OK, qmf_cancel_trigger((const qmf_cancel *)data));
    return NULL;
}

static void many_threads(void) {
    pthread_t threads[8];
    qmf_cancel *one = cancel_of(0);
    int i;
    for (i = 0; i < 4; i++) {
        CHECK(pthread_create(&threads[i], NULL, extract_until_cancelled, one) == 0);
    }
    (void)usleep(200000);
    for (i = 4; i < 8; i++) {
        CHECK(pthread_create(&threads[i], NULL, trigger_it, one) == 0);
    }
    for (i = 0; i < 8; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    qmf_cancel_destroy(one);
}

int main(int argc, char **argv) {
    qmf_engine_options options = cpu_options();
    bytes file, photo;
    qmf_template *again = NULL;
    const qmf_template *faces[1];
    size_t i;
    CHECK(argc == 3);
    file = read_file(argv[1], "people.f32");
    count = file.size / (LENGTH * sizeof(float));
    CHECK(count <= MOST);
    memcpy(embeddings, file.data, file.size);
    free(file.data);
    for (i = 0; i < count; i++) {
        people[i] = (uint32_t)(i / EACH);
    }
    image = read_image(argv[1], "a.png", &photo);
    options.threads = 2;
    EXPECT(QMF_OK, qmf_engine_create(argv[2], &options, &engine));
    EXPECT(QMF_OK, qmf_engine_get_calibration(engine, &calibration));
    EXPECT(QMF_OK, qmf_extract(engine, &image, NULL, &face));
    EXPECT(QMF_OK, qmf_gallery_create(QMF_SCALAR_F32, &gallery));
    faces[0] = face;
    EXPECT(QMF_OK, qmf_gallery_add(gallery, faces, 1, NULL));
    before();
    while_it_runs();
    progress();
    many_threads();
    EXPECT(QMF_OK, qmf_extract(engine, &image, NULL, &again));
    qmf_template_destroy(again);
    qmf_template_destroy(face);
    qmf_gallery_destroy(gallery);
    qmf_calibration_destroy(calibration);
    qmf_engine_destroy(engine);
    free(photo.data);
    check_no_handle();
    return 0;
}
