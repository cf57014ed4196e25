/*
 * Compares the faces of two photos through qmagface's C interface.
 *
 *   compare MODEL PHOTO PHOTO
 *
 * MODEL is a name that `qmagface models list` shows (fetch it first), a pack's folder or a bundle file.
 * Exit codes: 0 compared, 1 an error, 2 wrong arguments, 3 a photo without a face.
 */
#include <qmagface.h>

#include <stdio.h>
#include <stdlib.h>

enum { COMPARED = 0, FAILED = 1, WRONG_ARGUMENTS = 2, NO_FACE = 3 };

/* Says what the library's last failure was about. */
static int fail(const char *what) {
    char text[1024] = "unknown error";
    (void)qmf_last_error(text, sizeof text, NULL);
    fprintf(stderr, "error: %s: %s\n", what, text);
    return FAILED;
}

/* A file's bytes, to be freed; NULL, with the reason said, if it can't be read. */
static uint8_t *read_file(const char *path, size_t *size) {
    uint8_t *bytes = NULL;
    long length = -1;
    FILE *file = fopen(path, "rb");
    if (file != NULL && fseek(file, 0, SEEK_END) == 0) {
        length = ftell(file);
        rewind(file);
    }
    /* A folder has a length too, and not one that memory could hold. */
    if (length > 0 && length < 0x7fffffff) {
        bytes = malloc((size_t)length);
    }
    if (bytes != NULL && fread(bytes, 1, (size_t)length, file) != (size_t)length) {
        free(bytes);
        bytes = NULL;
    }
    if (file != NULL) {
        fclose(file);
    }
    if (bytes == NULL) {
        fprintf(stderr, "error: %s: can't be read, or is empty\n", path);
        return NULL;
    }
    *size = (size_t)length;
    return bytes;
}

/* The template of a photo's face, and its quality said. */
static int look_at(const qmf_engine *engine, const char *path, qmf_template **face) {
    qmf_image image;
    qmf_template_info info;
    qmf_status status;
    size_t size = 0;
    uint8_t *bytes = read_file(path, &size);
    if (bytes == NULL) {
        return FAILED;
    }
    status = qmf_image_init(&image, sizeof image);
    if (status == QMF_OK) {
        image.format = QMF_IMAGE_ENCODED;
        image.data = bytes;
        image.data_size = size;
        status = qmf_extract(engine, &image, NULL, face);
    }
    free(bytes); /* the template is its own */
    if (status == QMF_NO_FACE) {
        fprintf(stderr, "error: %s: no face found\n", path);
        return NO_FACE;
    }
    if (status != QMF_OK || qmf_template_info_init(&info, sizeof info) != QMF_OK ||
        qmf_template_get_info(*face, &info) != QMF_OK) {
        return fail(path);
    }
    printf("%s: quality %.2f\n", path, info.quality);
    return COMPARED;
}

static int compare(const qmf_engine *engine, const qmf_template *a, const qmf_template *b) {
    qmf_calibration *calibration = NULL;
    qmf_comparison result;
    qmf_status status = qmf_engine_get_calibration(engine, &calibration);
    if (status == QMF_OK) {
        status = qmf_comparison_init(&result, sizeof result);
    }
    if (status == QMF_OK) {
        status = qmf_compare(calibration, a, b, &result);
    }
    if (status == QMF_OK) {
        printf("score %.4f (cosine %.4f)\n", result.score, result.cosine);
    }
    qmf_calibration_destroy(calibration);
    return status == QMF_OK ? COMPARED : fail("comparison");
}

int main(int count, char **arguments) {
    qmf_engine *engine = NULL;
    qmf_template *a = NULL, *b = NULL;
    int code;
    if (count != 4) {
        fprintf(stderr, "usage: %s MODEL PHOTO PHOTO\n", arguments[0]);
        return WRONG_ARGUMENTS;
    }
    if (qmf_abi_version() < QMF_ABI_VERSION) {
        fprintf(stderr, "error: the library is older than the header this program was built with\n");
        return FAILED;
    }
    if (qmf_engine_create(arguments[1], NULL, &engine) != QMF_OK) {
        return fail(arguments[1]);
    }
    code = look_at(engine, arguments[2], &a);
    if (code == COMPARED) {
        code = look_at(engine, arguments[3], &b);
    }
    if (code == COMPARED) {
        code = compare(engine, a, b);
    }
    qmf_template_destroy(b);
    qmf_template_destroy(a);
    qmf_engine_destroy(engine);
    return code;
}
