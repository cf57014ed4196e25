/*
 * An engine in inline mode starts no thread and works in the children of the process that made it, one and several at
 * once, used before the fork or not; the parent goes on.
 *
 * fork FOLDER MODEL
 */
#define _DEFAULT_SOURCE
#include "client.h"

#include <dirent.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 4

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
    EXPECT(QMF_OK, qmf_extract(engine, image, &made));
    stored.data = (uint8_t *)malloc(stored.size);
    CHECK(stored.data != NULL);
    EXPECT(QMF_OK, qmf_template_serialize(made, QMF_SCALAR_F32, stored.data, stored.size, &stored.size));
    qmf_template_destroy(made);
    return stored;
}

/* What a child does: the same as the parent, an engine of its own, and failing. */
static void child(qmf_engine *engine, const char *model, const qmf_image *image, const bytes *wanted) {
    qmf_engine_options options = cpu_options();
    qmf_engine *own = NULL;
    double quality = 0.0;
    float embedding = 1.0f;
    const bytes first = extracted(engine, image), second = extracted(engine, image);
    CHECK(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    if (wanted != NULL) {
        CHECK(first.size == wanted->size && memcmp(first.data, wanted->data, first.size) == 0);
    }
    REFUSED(QMF_ERROR_INVALID_ARGUMENT, "1 were given", qmf_quality(engine, &embedding, 1, &quality));
    options.inline_mode = 1;
    EXPECT(QMF_OK, qmf_engine_create(model, &options, &own));
    qmf_engine_destroy(own);
    CHECK(threads() == 1);
    qmf_engine_destroy(engine);
    check_no_handle();
}

static void fork_children(int count, qmf_engine *engine, const char *model, const qmf_image *image,
                          const bytes *wanted) {
    pid_t pids[CHILDREN];
    int i;
    for (i = 0; i < count; i++) {
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if (pids[i] == 0) {
            (void)alarm(120); /* a child that waits for a lock nobody holds must not wait for ever */
            child(engine, model, image, wanted);
            exit(0); /* not _exit: what runs at a process's end must run in a child too */
        }
    }
    for (i = 0; i < count; i++) {
        int status = -1;
        CHECK(waitpid(pids[i], &status, 0) == pids[i]);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

int main(int argc, char **argv) {
    qmf_engine_options options = cpu_options();
    qmf_engine *engine = NULL;
    qmf_image image;
    bytes file, wanted, again;
    CHECK(argc == 3);
    image = read_image(argv[1], "a.png", &file);
    options.inline_mode = 1;
    options.threads = 0;
    CHECK(threads() == 1);
    EXPECT(QMF_OK, qmf_engine_create(argv[2], &options, &engine));
    CHECK(threads() == 1);

    fork_children(1, engine, argv[2], &image, NULL);
    wanted = extracted(engine, &image);
    CHECK(threads() == 1);
    fork_children(1, engine, argv[2], &image, &wanted);
    fork_children(CHILDREN, engine, argv[2], &image, &wanted);

    again = extracted(engine, &image);
    CHECK(again.size == wanted.size && memcmp(again.data, wanted.data, wanted.size) == 0);
    CHECK(threads() == 1);
    qmf_engine_destroy(engine);
    check_no_handle();
    free(file.data);
    free(wanted.data);
    free(again.data);
    return 0;
}
