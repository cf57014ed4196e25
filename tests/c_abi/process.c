/*
 * What the library leaves alone of the process (signals, locale, rounding, folder, file rights, open files), the
 * threads that it sets, and the end of a process in which handles still live.
 *
 * process FOLDER MODEL
 */
#define _DEFAULT_SOURCE
#include "client.h"

#include <dirent.h>
#include <fenv.h>
#include <locale.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define LAST_SIGNAL 64

typedef struct surroundings {
    struct sigaction actions[LAST_SIGNAL + 1];
    sigset_t blocked;
    char locale[256];
    char folder[4096];
    mode_t rights;
    int rounding;
    int files;
} surroundings;

/* Open files of this process. */
static int open_files(void) {
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    CHECK(folder != NULL);
    while (readdir(folder) != NULL) {
        count++;
    }
    CHECK(closedir(folder) == 0);
    return count;
}

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

static void look(surroundings *seen) {
    int number;
    memset(seen, 0, sizeof *seen);
    for (number = 1; number <= LAST_SIGNAL; number++) {
        /* Some numbers are the C library's own: it fails for them, then and now. */
        (void)sigaction(number, NULL, &seen->actions[number]);
    }
    CHECK(sigprocmask(SIG_BLOCK, NULL, &seen->blocked) == 0);
    (void)snprintf(seen->locale, sizeof seen->locale, "%s", setlocale(LC_ALL, NULL));
    CHECK(getcwd(seen->folder, sizeof seen->folder) != NULL);
    seen->rights = umask(0);
    (void)umask(seen->rights);
    seen->rounding = fegetround();
    seen->files = open_files();
}

static void same(const surroundings *a, const surroundings *b) {
    int number;
    for (number = 1; number <= LAST_SIGNAL; number++) {
        CHECK(a->actions[number].sa_handler == b->actions[number].sa_handler);
        CHECK(a->actions[number].sa_flags == b->actions[number].sa_flags);
    }
    CHECK(memcmp(&a->blocked, &b->blocked, sizeof a->blocked) == 0);
    CHECK(strcmp(a->locale, b->locale) == 0 && strcmp(a->folder, b->folder) == 0);
    CHECK(a->rights == b->rights && a->rounding == b->rounding && a->files == b->files);
}

static uint32_t threads_of(const qmf_engine *engine) {
    qmf_engine_info info;
    EXPECT(QMF_OK, qmf_engine_info_init(&info, sizeof info));
    EXPECT(QMF_OK, qmf_engine_get_info(engine, &info));
    return info.threads;
}

static void again(const qmf_engine *engine, const qmf_image *image) {
    qmf_template *made = NULL;
    EXPECT(QMF_OK, qmf_extract(engine, image, NULL, &made));
    qmf_template_destroy(made);
}

int main(int argc, char **argv) {
    static surroundings before, after;
    qmf_engine_options options = cpu_options();
    qmf_engine *engine = NULL;
    qmf_template *made = NULL;
    qmf_calibration *calibration = NULL;
    qmf_image image;
    bytes file;
    int round;
    CHECK(argc == 3);
    image = read_image(argv[1], "a.png", &file);
    look(&before);
    CHECK(threads() == 1);
    /* One thread computes: none is started. */
    engine = open_engine(argv[2]);
    EXPECT(QMF_OK, qmf_extract(engine, &image, NULL, &made));
    CHECK(threads() == 1);
    qmf_template_destroy(made);
    qmf_engine_destroy(engine);
    /* The next engine has two of its own; the one that can't be made, with eight, leaves none. */
    for (round = 0; round < 2; round++) {
        options.threads = 2;
        EXPECT(QMF_OK, qmf_engine_create(argv[2], &options, &engine));
        CHECK(threads_of(engine) == 2);
        EXPECT(QMF_OK, qmf_extract(engine, &image, NULL, &made));
        EXPECT(QMF_OK, qmf_engine_get_calibration(engine, &calibration));
        options.threads = 8;
        EXPECT(QMF_ERROR_MODEL, qmf_engine_create("no-such-model", &options, &engine));
        EXPECT(QMF_ERROR_WEIGHTS, qmf_engine_create("./sface-damaged", &options, &engine));
        again(engine, &image);
        /* The engine's two beside this one. */
        CHECK(threads() == 3);
        look(&after);
        same(&before, &after);
        if (round == 0) {
            qmf_engine_destroy(engine);
            qmf_template_destroy(made);
            qmf_calibration_destroy(calibration);
            check_no_handle();
            /* They ended with it. */
            CHECK(threads() == 1);
        }
    }
    free(file.data);
    /* Handles live on, and an engine has threads: the process ends all the same. */
    CHECK(qmf_live_engines() == 1 && qmf_live_templates() == 1 && qmf_live_calibrations() == 1);
    return 0;
}
