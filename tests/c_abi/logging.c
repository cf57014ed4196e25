/*
 * The log callback: which messages arrive at which level, and that nothing arrives without one.
 *
 * logging FOLDER MODEL
 */
#include "client.h"
#include "layout.h"

typedef struct messages {
    int count[5];
    char last[5][512];
} messages;

static void collect(void *user_data, qmf_log_level level, const char *message) {
    messages *seen = (messages *)user_data;
    CHECK(level >= QMF_LOG_ERROR && level <= QMF_LOG_DEBUG && message != NULL && message[0] != '\0');
    /* Other handles may be used here, and what fails here is not the failure of the call that logs. */
    {
        qmf_calibration *other = NULL;
        qmf_engine_info info;
        EXPECT(QMF_OK, qmf_calibration_create(0.1, 0.1, &other));
        qmf_calibration_destroy(other);
        EXPECT(QMF_OK, qmf_engine_info_init(&info, sizeof info));
        REFUSED(QMF_ERROR_INVALID_ARGUMENT, "engine is NULL", qmf_engine_get_info(NULL, &info));
    }
    seen->count[level]++;
    (void)snprintf(seen->last[level], sizeof seen->last[level], "%s", message);
}

/* Makes an engine, lets a call succeed and one fail. */
static void work(const char *folder, const char *model, qmf_log_level level, qmf_log_callback callback,
                 messages *seen) {
    qmf_engine_options options = cpu_options();
    qmf_engine *engine = NULL;
    bytes file;
    const qmf_image image = read_image(folder, "blank.png", &file);
    size_t count = 99;
    double quality = 0.0;
    float embedding[5] = {1, 2, 3, 4, 5};
    memset(seen, 0, sizeof *seen);
    options.log_level = level;
    options.log_callback = callback;
    options.log_user_data = callback == NULL ? NULL : seen;
    EXPECT(QMF_OK, qmf_engine_create(model, &options, &engine));
    EXPECT(QMF_OK, qmf_detect(engine, &image, NULL, NULL, 0, &count));
    EXPECT(QMF_ERROR_INVALID_ARGUMENT, qmf_quality(engine, embedding, 5, &quality));
    qmf_engine_destroy(engine);
    free(file.data);
}

int main(int argc, char **argv) {
    static messages seen;
    qmf_engine_options options = cpu_options();
    qmf_engine *engine = NULL;
    qmf_log_level level, kind;
    CHECK(argc == 3);
    work(argv[1], argv[2], QMF_LOG_DEBUG, NULL, &seen);
    for (level = QMF_LOG_OFF; level <= QMF_LOG_DEBUG; level++) {
        work(argv[1], argv[2], level, collect, &seen);
        for (kind = QMF_LOG_ERROR; kind <= QMF_LOG_DEBUG; kind++) {
            CHECK(kind <= level || seen.count[kind] == 0);
        }
        CHECK((seen.count[QMF_LOG_ERROR] == 1) == (level >= QMF_LOG_ERROR));
        CHECK((seen.count[QMF_LOG_INFO] >= 1) == (level >= QMF_LOG_INFO));
        CHECK((seen.count[QMF_LOG_DEBUG] >= 1) == (level >= QMF_LOG_DEBUG));
    }
    CHECK(strstr(seen.last[QMF_LOG_ERROR], "5 were given") != NULL);
    CHECK(strcmp(seen.last[QMF_LOG_ERROR], last_error()) == 0);
    CHECK(strstr(seen.last[QMF_LOG_INFO], "sface") != NULL && strstr(seen.last[QMF_LOG_INFO], "yunet") != NULL);
    CHECK(strstr(seen.last[QMF_LOG_DEBUG], "0 faces in 320 x 240 pixels") != NULL);

    /* An engine that can't be made says so too. */
    memset(&seen, 0, sizeof seen);
    options.log_level = QMF_LOG_ERROR;
    options.log_callback = collect;
    options.log_user_data = &seen;
    EXPECT(QMF_ERROR_MODEL, qmf_engine_create("no-such-model", &options, &engine));
    CHECK(seen.count[QMF_LOG_ERROR] == 1 && strstr(seen.last[QMF_LOG_ERROR], "no-such-model") != NULL);
    check_no_handle();
    return 0;
}
