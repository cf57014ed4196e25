/* What the programs that call functions wrongly share. */
#ifndef QMAGFACE_TEST_REFUSE_H
#define QMAGFACE_TEST_REFUSE_H

#include "client.h"

#include <math.h>

#define LENGTH 128
#define INVALID QMF_ERROR_INVALID_ARGUMENT
#define SMALL QMF_ERROR_BUFFER_TOO_SMALL

/* An address that no `type` can have, just behind `pointer`. */
#define MISALIGNED(type, pointer) ((type *)(void *)((char *)(uintptr_t)(pointer) + 1))

static inline void fill(void *memory, size_t size) { memset(memory, 0xA5, size); }

static inline int is_filled(const void *memory, size_t size) {
    const uint8_t *bytes_ = (const uint8_t *)memory;
    size_t i;
    for (i = 0; i < size; i++) {
        if (bytes_[i] != 0xA5) {
            return 0;
        }
    }
    return 1;
}

static inline uint64_t live_handles(void) {
    return qmf_live_engines() + qmf_live_templates() + qmf_live_calibrations() + qmf_live_galleries() +
           qmf_live_cancels();
}

/* A call that must fail with `wanted` and a text that has `part` in it, write nothing to the variable `output`, and make
 * no handle. */
#define KEEPS(output, wanted, part, call)                                                                              \
    do {                                                                                                               \
        const uint64_t live_ = live_handles();                                                                         \
        fill(&(output), sizeof(output));                                                                               \
        REFUSED(wanted, part, call);                                                                                   \
        CHECK(is_filled(&(output), sizeof(output)));                                                                   \
        CHECK(live_handles() == live_);                                                                                \
    } while (0)

/* A call that finds the buffer too small: it must write `needed` to `*size` and nothing to `output`. */
#define TOO_SMALL(output, size, needed, call)                                                                          \
    do {                                                                                                               \
        size = 0;                                                                                                      \
        KEEPS(output, SMALL, "are needed", call);                                                                      \
        CHECK((size) == (needed));                                                                                     \
    } while (0)

/* A struct_size that no caller can have. */
static const uint32_t WRONG_SIZES[] = {0, 1, 4, 16, 4097, UINT32_MAX};
#define WRONG_COUNT (sizeof WRONG_SIZES / sizeof WRONG_SIZES[0])

/* A call that writes to the struct `output` must refuse it with each of those sizes, and leave it alone. */
#define REFUSES_SIZES(output, name, call)                                                                              \
    do {                                                                                                               \
        size_t i_;                                                                                                     \
        for (i_ = 0; i_ < WRONG_COUNT; i_++) {                                                                         \
            fill(&(output), sizeof(output));                                                                           \
            (output).struct_size = WRONG_SIZES[i_];                                                                    \
            REFUSED(INVALID, name ": struct_size", call);                                                              \
            CHECK((output).struct_size == WRONG_SIZES[i_]);                                                            \
            CHECK(is_filled((const uint8_t *)&(output) + 4, sizeof(output) - 4));                                      \
        }                                                                                                              \
    } while (0)

#endif
