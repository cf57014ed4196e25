/* The structs' layout, checked by both compilers: no padding that the compiler put there, and what is released stays. */
#ifndef QMAGFACE_TEST_LAYOUT_H
#define QMAGFACE_TEST_LAYOUT_H

#include "qmagface.h"

#ifdef __cplusplus
#define HOLDS(name, condition) static_assert(condition, #name)
#else
/* C99 has no static assertion: an array of negative size doesn't compile. */
#define HOLDS(name, condition) typedef char name[(condition) ? 1 : -1]
#endif

#define AT(type, field, place) HOLDS(type##_##field##_is_at_##place, offsetof(type, field) == (place))
#define SIZE(type, size) HOLDS(type##_has_##size##_bytes, sizeof(type) == (size))

#if QMF_ABI_VERSION < 1
#error "QMF_ABI_VERSION can be used by the preprocessor"
#endif

SIZE(qmf_status, 4);
SIZE(qmf_device, 4);
SIZE(qmf_face_choice, 4);
SIZE(qmf_pixel_format, 4);
HOLDS(qmf_status_is_signed, (qmf_status)-1 < 0);

AT(qmf_engine_options, struct_size, 0);
AT(qmf_engine_options, device, 4);
AT(qmf_engine_options, device_index, 8);
AT(qmf_engine_options, threads, 12);
AT(qmf_engine_options, face_choice, 16);
AT(qmf_engine_options, minimum_face, 20);
AT(qmf_engine_options, thresholds, 24);
AT(qmf_engine_options, pyramid_factor, 36);
AT(qmf_engine_options, alpha, 40);
AT(qmf_engine_options, beta, 48);
AT(qmf_engine_options, maximum_pixels, 56);
SIZE(qmf_engine_options, 64);

AT(qmf_engine_info, struct_size, 0);
AT(qmf_engine_info, embedding_length, 4);
AT(qmf_engine_info, device, 8);
AT(qmf_engine_info, device_index, 12);
AT(qmf_engine_info, has_parameters, 16);
AT(qmf_engine_info, has_uqs, 20);
AT(qmf_engine_info, landmark_refinement, 24);
AT(qmf_engine_info, reserved, 28);
AT(qmf_engine_info, alpha, 32);
AT(qmf_engine_info, beta, 40);
AT(qmf_engine_info, model, 48);
AT(qmf_engine_info, detector, 120);
AT(qmf_engine_info, fingerprint, 192);
SIZE(qmf_engine_info, 264);

AT(qmf_extraction, struct_size, 0);
AT(qmf_extraction, faces, 4);
AT(qmf_extraction, bbox, 8);
AT(qmf_extraction, score, 24);
AT(qmf_extraction, landmarks, 28);
AT(qmf_extraction, uqs, 68);
AT(qmf_extraction, quality, 72);
SIZE(qmf_extraction, 80);

AT(qmf_comparison, struct_size, 0);
AT(qmf_comparison, reserved, 4);
AT(qmf_comparison, cosine, 8);
AT(qmf_comparison, quality_a, 16);
AT(qmf_comparison, quality_b, 24);
AT(qmf_comparison, score, 32);
SIZE(qmf_comparison, 40);

AT(qmf_image, struct_size, 0);
AT(qmf_image, format, 4);
AT(qmf_image, width, 8);
AT(qmf_image, height, 12);
AT(qmf_image, stride, 16);
HOLDS(qmf_image_data_follows, offsetof(qmf_image, data) == 16 + sizeof(size_t));
HOLDS(qmf_image_data_size_follows, offsetof(qmf_image, data_size) == 16 + 2 * sizeof(size_t));
HOLDS(qmf_image_ends, sizeof(qmf_image) == 16 + 3 * sizeof(size_t));

#endif
