/*
 * What is left of the library in a child of fork.
 *
 * An engine in inline mode starts no thread and works in the children of the process that made it, one and several at
 * once, used before the fork or not, also while other threads use it; the parent goes on. Any other engine is refused
 * by every call in a child, at once, whatever other threads did with it at the fork; and a child can make engines of
 * its own. Galleries, templates and calibrations go on.
 *
 * fork FOLDER MODEL
 */
#define _DEFAULT_SOURCE
#include "client.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 4
#define THREADS 4
#define LENGTH 128
#define EACH 5
#define MOST 1000

/* Threads of this process. */
static int threads(void) {
    DIR *folder = opendir("/proc/self/task");
    struct dirent *entry;
    int count = 0;
    CHECK(folder != NULL);
    while ((entry = readdir(folder)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    CHECK(closedir(folder) == 0);
    return count;
}

/* A face's bytes. */
static bytes extracted(const qmf_engine *engine, const qmf_image *image) {
    bytes stored = {NULL, 2048};
    qmf_template *made = NULL;
    EXPECT(QMF_OK, qmf_extract(engine, image, NULL, &made));
    stored.data = (uint8_t *)malloc(stored.size);
    CHECK(stored.data != NULL);
    EXPECT(QMF_OK, qmf_template_serialize(made, QMF_SCALAR_F32, stored.data, stored.size, &stored.size));
    qmf_template_destroy(made);
    return stored;
}

/* Whether two faces are the same, bit by bit. Frees the first. */
static int same(bytes made, const bytes *wanted) {
    const int is_same = made.size == wanted->size && memcmp(made.data, wanted->data, made.size) == 0;
    free(made.data);
    return is_same;
}

/* What the children need of their parent's. */
typedef struct {
    qmf_engine *engine;
    qmf_gallery *gallery;
    qmf_template *face;
    qmf_calibration *calibration;
    const char *model;
    const qmf_image *image;
    const bytes *wanted;
    pid_t parent;
} inherited;

/* Forks; the child does `work` and ends by exit: what runs at a process's end must run in a child too. */
static pid_t fork_one(void (*work)(const inherited *), const inherited *from) {
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        (void)alarm(120); /* a child that waits for a lock nobody holds must not wait for ever */
        work(from);
        exit(0);
    }
    return pid;
}

static void wait_for(pid_t pid) {
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void fork_children(int count, void (*work)(const inherited *), const inherited *from) {
    pid_t pids[CHILDREN];
    int i;
    for (i = 0; i < count; i++) {
        pids[i] = fork_one(work, from);
    }
    for (i = 0; i < count; i++) {
        wait_for(pids[i]);
    }
}

/* An engine of this process gives the face that is wanted. */
static qmf_engine *own_engine(const inherited *from, uint32_t inline_mode) {
    qmf_engine_options options = cpu_options();
    qmf_engine *own = NULL;
    options.inline_mode = inline_mode;
    options.threads = inline_mode ? 0 : 2;
    EXPECT(QMF_OK, qmf_engine_create(from->model, &options, &own));
    CHECK(from->wanted == NULL || same(extracted(own, from->image), from->wanted));
    return own;
}

/* What a child does with an inline engine: the same as the parent, an engine of its own, and failing. */
static void with_inline(const inherited *from) {
    double quality = 0.0;
    float embedding = 1.0f;
    bytes first = extracted(from->engine, from->image);
    CHECK(same(extracted(from->engine, from->image), &first));
    CHECK(same(first, from->wanted == NULL ? &first : from->wanted));
    REFUSED(QMF_ERROR_INVALID_ARGUMENT, "1 were given", qmf_quality(from->engine, &embedding, 1, &quality));
    qmf_engine_destroy(own_engine(from, 1));
    CHECK(threads() == 1);
    qmf_engine_destroy(from->engine);
    check_no_handle();
}

static void inline_engines(const char *model, const qmf_image *image) {
    qmf_engine_options options = cpu_options();
    inherited from;
    bytes wanted;
    memset(&from, 0, sizeof from);
    from.model = model;
    from.image = image;
    options.inline_mode = 1;
    options.threads = 0;
    CHECK(threads() == 1);
    EXPECT(QMF_OK, qmf_engine_create(model, &options, &from.engine));
    CHECK(threads() == 1);

    fork_children(1, with_inline, &from);
    wanted = extracted(from.engine, image);
    from.wanted = &wanted;
    CHECK(threads() == 1);
    fork_children(1, with_inline, &from);
    fork_children(CHILDREN, with_inline, &from);

    CHECK(same(extracted(from.engine, image), &wanted));
    CHECK(threads() == 1);
    qmf_engine_destroy(from.engine);
    check_no_handle();
    free(wanted.data);
}

/* How often the log was called: the thread that forks calls nothing meanwhile. */
static volatile int logged;

static void count_log(void *user_data, qmf_log_level level, const char *message) {
    CHECK(user_data == NULL && level <= QMF_LOG_DEBUG && message[0] != '\0');
    logged = 1;
}

/* The error of an engine of another process names both, and says what to do. */
#define FOREIGN(call)                                                                                                  \
    do {                                                                                                               \
        EXPECT(QMF_ERROR_FORKED, call);                                                                                \
        CHECK(strstr(last_error(), names) != NULL && strstr(last_error(), "inline mode") != NULL);                     \
    } while (0)

/* Every call with an engine of process `maker` is refused, and writes nothing. */
static void refuses_all(qmf_engine *engine, pid_t maker, const qmf_image *image) {
    static float embedding[LENGTH], embeddings[LENGTH];
    static uint8_t chip[QMF_CHIP_SIZE], made_chip[QMF_CHIP_SIZE];
    static const uint32_t people[2] = {1, 2};
    const float landmarks[10] = {30, 40, 70, 40, 50, 60, 35, 80, 65, 80};
    char names[128];
    qmf_engine_info info;
    qmf_face face = {{30, 40, 70, 80}, 1, {{30, 40}, {70, 40}, {50, 60}, {35, 80}, {65, 80}}};
    qmf_template *result = NULL;
    qmf_calibration *calibration = NULL;
    size_t count = 7;
    double quality = 7.0;
    int32_t uqs = 7;
    CHECK(snprintf(names, sizeof names, "made in process %ld, and this is process %ld,", (long)maker,
                   (long)getpid()) > 0);
    embedding[0] = 1.0f;
    EXPECT(QMF_OK, qmf_engine_info_init(&info, sizeof info));
    logged = 0;
    FOREIGN(qmf_engine_get_info(engine, &info));
    FOREIGN(qmf_engine_get_calibration(engine, &calibration));
    FOREIGN(qmf_detect(engine, image, NULL, &face, 1, &count));
    FOREIGN(qmf_measure_capture(engine, image, NULL, &face, NULL, 0, &count));
    FOREIGN(qmf_measure_face(engine, image, &face, 1, 0, NULL, 0, &count));
    FOREIGN(qmf_align(engine, image, landmarks, made_chip, sizeof made_chip, &count));
    FOREIGN(qmf_embed(engine, chip, 1, NULL, embeddings, LENGTH, &count));
    FOREIGN(qmf_quality(engine, embedding, LENGTH, &quality));
    FOREIGN(qmf_unified_quality(engine, 10.0, &uqs));
    FOREIGN(qmf_template_create(engine, embedding, LENGTH, &result));
    FOREIGN(qmf_template_create_failed(engine, &result));
    FOREIGN(qmf_extract(engine, image, NULL, &result));
    FOREIGN(qmf_extract_all(engine, image, NULL, &result, 1, &count));
    FOREIGN(qmf_extract_fused(engine, &image, 1, QMF_FUSION_QUALITY, NULL, &result));
    FOREIGN(qmf_extract_landmarks(engine, image, landmarks, NULL, &result));
    FOREIGN(qmf_extract_chip(engine, chip, sizeof chip, NULL, &result));
    FOREIGN(qmf_calibration_fit(engine, embedding, 2, LENGTH / 2, people, NULL, NULL, NULL, &calibration, NULL));
    CHECK(info.embedding_length == 0 && result == NULL && calibration == NULL);
    CHECK(count == 7 && quality == 7.0 && uqs == 7);
    /* The caller's log may need a lock that another thread held at the fork. */
    CHECK(logged == 0);
}

/* A child of a child: the engines of both are refused. */
static void with_two_ordinary(const inherited *from) {
    refuses_all(from->engine, from->parent, from->image);
    qmf_engine_destroy(from->engine);
}

static void with_ordinary(const inherited *from) {
    const uint64_t live = qmf_live_engines();
    inherited own = *from;
    refuses_all(from->engine, from->parent, from->image);
    own.engine = own_engine(from, 0);
    own.parent = getpid();
    fork_children(1, with_two_ordinary, &own);
    fork_children(1, with_two_ordinary, from);
    CHECK(same(extracted(own.engine, from->image), from->wanted));
    qmf_engine_destroy(own.engine);
    qmf_engine_destroy(own_engine(from, 1));
    qmf_engine_destroy(from->engine);
    CHECK(qmf_live_engines() == live - 1);
}

/* Only refused and ended: it is forked often, so that a thread of the parent's is found at every step. */
static void with_busy(const inherited *from) {
    refuses_all(from->engine, from->parent, from->image);
    qmf_engine_destroy(from->engine);
}

static void with_busy_inline(const inherited *from) {
    CHECK(same(extracted(from->engine, from->image), from->wanted));
    qmf_engine_destroy(from->engine);
}

/* A gallery is as good as new in the child, or it is refused because it was being changed. */
static void with_gallery(const inherited *from) {
    const qmf_template *const face = from->face;
    qmf_search_options options;
    qmf_comparison comparison;
    qmf_match match;
    size_t count = 0, first = 0;
    qmf_status status;
    EXPECT(QMF_OK, qmf_search_options_init(&options, sizeof options));
    options.most = 1;
    options.threads = 2;
    status = qmf_gallery_add(from->gallery, &face, 1, &first);
    if (status == QMF_ERROR_FORKED) {
        CHECK(strstr(last_error(), "the gallery was being changed") != NULL);
        REFUSED(QMF_ERROR_FORKED, "half changed",
                qmf_gallery_search(from->gallery, from->calibration, &face, 1, &options, NULL, &match, 1, &count));
    } else {
        EXPECT(QMF_OK, status);
        EXPECT(QMF_OK, qmf_gallery_search(from->gallery, from->calibration, &face, 1, &options, NULL, &match, 1,
                                          &count));
        CHECK(count == 1 && match.score > 0.99);
        EXPECT(QMF_OK, qmf_gallery_remove(from->gallery, &first, 1));
    }
    EXPECT(QMF_OK, qmf_comparison_init(&comparison, sizeof comparison));
    EXPECT(QMF_OK, qmf_compare(from->calibration, face, face, &comparison));
    qmf_gallery_destroy(from->gallery);
    qmf_template_destroy(from->face);
    qmf_calibration_destroy(from->calibration);
}

/* A fit starts threads of the child's own. */
static float embeddings[MOST * LENGTH];
static uint32_t people[MOST];
static size_t images;

static void with_a_fit(const inherited *from) {
    qmf_fit_options options;
    qmf_calibration *fitted = NULL;
    EXPECT(QMF_OK, qmf_fit_options_init(&options, sizeof options));
    options.least_fmr = 1e-3;
    options.replicates = 20;
    options.threads = 3;
    EXPECT(QMF_OK, qmf_calibration_fit(NULL, embeddings, images, LENGTH, people, &options, NULL, NULL, &fitted, NULL));
    qmf_calibration_destroy(fitted);
    CHECK(from->parent != getpid());
}

/* What the parent's other threads do until they are told to stop. */
typedef struct {
    const inherited *from;
    int number;
} worker;

static volatile int stop;

static void *use_engine(void *data) {
    const worker *mine = (const worker *)data;
    const inherited *from = mine->from;
    static uint8_t chips[THREADS][3 * QMF_CHIP_SIZE];
    static float made[THREADS][3 * LENGTH];
    while (!stop) {
        size_t count = 0;
        if (mine->number % 2 == 0) {
            CHECK(same(extracted(from->engine, from->image), from->wanted));
        } else {
            EXPECT(QMF_OK, qmf_embed(from->engine, chips[mine->number], 3, NULL, made[mine->number], 3 * LENGTH,
                                     &count));
        }
    }
    return NULL;
}

static void *use_gallery(void *data) {
    const worker *mine = (const worker *)data;
    const inherited *from = mine->from;
    const qmf_template *const face = from->face;
    while (!stop) {
        qmf_match match;
        size_t first = 0, count = 0;
        qmf_search_options options;
        EXPECT(QMF_OK, qmf_search_options_init(&options, sizeof options));
        options.most = 1;
        if (mine->number == 0) {
            EXPECT(QMF_OK, qmf_gallery_add(from->gallery, &face, 1, &first));
            EXPECT(QMF_OK, qmf_gallery_remove(from->gallery, &first, 1));
        } else {
            EXPECT(QMF_OK, qmf_gallery_search(from->gallery, from->calibration, &face, 1, &options, NULL, &match, 1,
                                              &count));
        }
    }
    return NULL;
}

/* Forks children while other threads are busy. */
static void while_busy(void *(*busy)(void *), const inherited *from, int forks, void (*work)(const inherited *)) {
    pthread_t started[THREADS];
    worker workers[THREADS];
    int i;
    stop = 0;
    for (i = 0; i < THREADS; i++) {
        workers[i].from = from;
        workers[i].number = i;
        CHECK(pthread_create(&started[i], NULL, busy, &workers[i]) == 0);
    }
    for (i = 0; i < forks; i++) {
        wait_for(fork_one(work, from));
    }
    stop = 1;
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(started[i], NULL) == 0);
    }
}

int main(int argc, char **argv) {
    qmf_engine_options options = cpu_options();
    inherited from;
    qmf_image image;
    bytes file, wanted;
    const qmf_template *face;
    size_t i;
    CHECK(argc == 3);
    file = read_file(argv[1], "people.f32");
    images = file.size / (LENGTH * sizeof(float));
    CHECK(images <= MOST);
    memcpy(embeddings, file.data, file.size);
    free(file.data);
    for (i = 0; i < images; i++) {
        people[i] = (uint32_t)(i / EACH);
    }
    image = read_image(argv[1], "a.png", &file);
    inline_engines(argv[2], &image);

    memset(&from, 0, sizeof from);
    from.model = argv[2];
    from.image = &image;
    from.parent = getpid();
    options.threads = 2;
    options.log_level = QMF_LOG_DEBUG;
    options.log_callback = count_log;
    EXPECT(QMF_OK, qmf_engine_create(argv[2], &options, &from.engine));
    CHECK(threads() > 1);
    wanted = extracted(from.engine, &image);
    from.wanted = &wanted;
    fork_children(1, with_ordinary, &from);
    while_busy(use_engine, &from, 12, with_busy);
    while_busy(use_engine, &from, 1, with_ordinary);
    fork_children(1, with_a_fit, &from);
    CHECK(same(extracted(from.engine, &image), &wanted));
    EXPECT(QMF_OK, qmf_extract(from.engine, &image, NULL, &from.face));
    qmf_engine_destroy(from.engine);

    EXPECT(QMF_OK, qmf_calibration_create(0.08, 0.12, &from.calibration));
    EXPECT(QMF_OK, qmf_gallery_create(QMF_SCALAR_F32, &from.gallery));
    face = from.face;
    for (i = 0; i < 1000; i++) {
        EXPECT(QMF_OK, qmf_gallery_add(from.gallery, &face, 1, NULL));
    }
    while_busy(use_gallery, &from, 12, with_gallery);
    qmf_gallery_destroy(from.gallery);
    qmf_calibration_destroy(from.calibration);
    qmf_template_destroy(from.face);

    options = cpu_options();
    options.inline_mode = 1;
    EXPECT(QMF_OK, qmf_engine_create(argv[2], &options, &from.engine));
    while_busy(use_engine, &from, 4, with_busy_inline);
    qmf_engine_destroy(from.engine);
    check_no_handle();
    free(file.data);
    free(wanted.data);
    return 0;
}
