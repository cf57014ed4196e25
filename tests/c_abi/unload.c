/*
 * The library loaded, used and unloaded in a loop by a program that is not linked to it.
 *
 * unload FOLDER MODEL
 */
#define _DEFAULT_SOURCE
#include "qmagface.h"

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                    \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

typedef qmf_status (*init_call)(qmf_engine_options *, size_t);
typedef qmf_status (*create_call)(const char *, const qmf_engine_options *, qmf_engine **);
typedef qmf_status (*embed_call)(const qmf_engine *, const uint8_t *, size_t, const qmf_cancel *, float *, size_t,
                                 size_t *);
typedef qmf_status (*error_call)(char *, size_t, size_t *);
typedef void (*destroy_call)(qmf_engine *);
typedef uint64_t (*live_call)(void);

/* dlsym gives a pointer to data; this is how POSIX says to make a function of it. */
#define FUNCTION(type, variable, name)                                                                                 \
    type variable;                                                                                                     \
    *(void **)(&variable) = dlsym(library, name);                                                                      \
    CHECK(variable != NULL)

static void *library;

/* A thread that fails and ends, and so leaves a text to be freed. */
static void *fail(void *unused) {
    FUNCTION(create_call, create, "qmf_engine_create");
    CHECK(create(NULL, NULL, NULL) == QMF_ERROR_INVALID_ARGUMENT);
    return unused;
}

static void round_trip(const char *path, const char *model) {
    static uint8_t chip[QMF_CHIP_SIZE];
    qmf_engine_options options;
    qmf_engine *engine = NULL;
    float embedding[128];
    char text[64];
    size_t length = 0;
    pthread_t thread;
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    {
        FUNCTION(init_call, init, "qmf_engine_options_init");
        FUNCTION(create_call, create, "qmf_engine_create");
        FUNCTION(embed_call, embed, "qmf_embed");
        FUNCTION(error_call, error, "qmf_last_error");
        FUNCTION(destroy_call, destroy, "qmf_engine_destroy");
        FUNCTION(live_call, live, "qmf_live_engines");
        CHECK(init(&options, sizeof options) == QMF_OK);
        options.device = QMF_DEVICE_CPU;
        CHECK(create(model, &options, &engine) == QMF_OK && live() == 1);
        CHECK(embed(engine, chip, 1, NULL, embedding, 128, &length) == QMF_OK && length == 128);
        CHECK(embed(engine, chip, 0, NULL, embedding, 128, &length) == QMF_ERROR_INVALID_ARGUMENT);
        CHECK(error(text, sizeof text, NULL) == QMF_OK && strstr(text, "count is 0") != NULL);
        CHECK(pthread_create(&thread, NULL, fail, NULL) == 0 && pthread_join(thread, NULL) == 0);
        destroy(engine);
        CHECK(live() == 0);
    }
    CHECK(dlclose(library) == 0);
}

/* Bytes of this process in memory. */
static long resident(void) {
    long whole = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld %ld", &whole, &pages) == 2);
    CHECK(fclose(file) == 0);
    return pages * sysconf(_SC_PAGESIZE);
}

int main(int argc, char **argv) {
    char path[4096];
    long before;
    int i;
    CHECK(argc == 3);
    /* See growth.c. */
    CHECK(mallopt(M_MMAP_THRESHOLD, 128 * 1024) == 1);
    CHECK(snprintf(path, sizeof path, "%s/libqmagface.so.0", argv[1]) < (int)sizeof path);
    for (i = 0; i < 4; i++) {
        round_trip(path, argv[2]);
    }
    before = resident();
    for (i = 0; i < 8; i++) {
        round_trip(path, argv[2]);
    }
    if (resident() - before > 20 * 1000 * 1000) {
        fprintf(stderr, "8 rounds more took %ld bytes\n", resident() - before);
        return 1;
    }
    return 0;
}
