/* What the C clients and the C++ client share: checks that end the program. */
#ifndef QMAGFACE_CLIENT_H
#define QMAGFACE_CLIENT_H

#include <qmagface.h>

#include <stdio.h>
#include <stdlib.h>

/* Ends the program unless `condition` holds. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            char text_[512] = "";                                                                                      \
            (void)qmf_last_error(text_, sizeof text_, NULL);                                                           \
            fprintf(stderr, "%s:%d: not so: %s (last error: %s)\n", __FILE__, __LINE__, #condition, text_);            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
