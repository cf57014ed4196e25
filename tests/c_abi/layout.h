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

#define AT(type, field, place) HOLDS(type##_##field##_is_in_its_place, offsetof(type, field) == (place))
#define SIZE(type, size) HOLDS(type##_has_its_size, sizeof(type) == (size))

#if QMF_ABI_VERSION < 1
#error "QMF_ABI_VERSION can be used by the preprocessor"
#endif

SIZE(qmf_status, 4);
SIZE(qmf_device, 4);
SIZE(qmf_face_choice, 4);
SIZE(qmf_precision, 4);
SIZE(qmf_log_level, 4);
SIZE(qmf_image_format, 4);
SIZE(qmf_yuv, 4);
SIZE(qmf_scalar, 4);
SIZE(qmf_fusion, 4);
SIZE(qmf_calibration_status, 4);
SIZE(qmf_fit_procedure, 4);
HOLDS(qmf_status_is_signed, (qmf_status)-1 < 0);
HOLDS(qmf_size_t_has_the_size_of_a_pointer, sizeof(size_t) == sizeof(void *));

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
AT(qmf_engine_options, maximum_bytes, 64);
AT(qmf_engine_options, precision, 72);
AT(qmf_engine_options, batch_size, 76);
AT(qmf_engine_options, batch_wait_us, 80);
AT(qmf_engine_options, inline_mode, 84);
AT(qmf_engine_options, log_level, 88);
AT(qmf_engine_options, turned, 92);
AT(qmf_engine_options, log_callback, 96);
AT(qmf_engine_options, log_user_data, 96 + sizeof(size_t));
AT(qmf_engine_options, maximum_model_bytes, 96 + 2 * sizeof(size_t));
AT(qmf_engine_options, detector, 104 + 2 * sizeof(size_t));
SIZE(qmf_engine_options, (104 + 3 * sizeof(size_t) + 7) / 8 * 8);

AT(qmf_engine_info, struct_size, 0);
AT(qmf_engine_info, embedding_length, 4);
AT(qmf_engine_info, device, 8);
AT(qmf_engine_info, device_index, 12);
AT(qmf_engine_info, has_parameters, 16);
AT(qmf_engine_info, has_uqs, 20);
AT(qmf_engine_info, landmark_refinement, 24);
AT(qmf_engine_info, precision, 28);
AT(qmf_engine_info, threads, 32);
AT(qmf_engine_info, batch_size, 36);
AT(qmf_engine_info, batch_wait_us, 40);
AT(qmf_engine_info, inline_mode, 44);
AT(qmf_engine_info, alpha, 48);
AT(qmf_engine_info, beta, 56);
AT(qmf_engine_info, model, 64);
AT(qmf_engine_info, detector, 136);
AT(qmf_engine_info, fingerprint, 208);
AT(qmf_engine_info, uqs_basis, 280);
SIZE(qmf_engine_info, 352);

AT(qmf_face, bbox, 0);
AT(qmf_face, score, 16);
AT(qmf_face, landmarks, 20);
SIZE(qmf_face, 60);

AT(qmf_measured, measure, 0);
AT(qmf_measured, score, 4);
AT(qmf_measured, value, 8);
AT(qmf_measured, advice, 16);
SIZE(qmf_measured, 24);

AT(qmf_template_info, struct_size, 0);
AT(qmf_template_info, flags, 4);
AT(qmf_template_info, length, 8);
AT(qmf_template_info, scalar, 12);
AT(qmf_template_info, uqs, 16);
AT(qmf_template_info, images, 20);
AT(qmf_template_info, quality, 24);
AT(qmf_template_info, face, 32);
AT(qmf_template_info, faces, 92);
AT(qmf_template_info, metadata_size, 96);
AT(qmf_template_info, model, 104);
AT(qmf_template_info, fingerprint, 176);
SIZE(qmf_template_info, 248);

AT(qmf_calibration_info, struct_size, 0);
AT(qmf_calibration_info, status, 4);
AT(qmf_calibration_info, alpha, 8);
AT(qmf_calibration_info, beta, 16);
AT(qmf_calibration_info, quality_gate, 24);
AT(qmf_calibration_info, least_fmr, 32);
AT(qmf_calibration_info, greatest_fmr, 40);
AT(qmf_calibration_info, thresholds, 48);
AT(qmf_calibration_info, reserved, 52);
AT(qmf_calibration_info, subjects, 56);
AT(qmf_calibration_info, images, 64);
AT(qmf_calibration_info, genuine_pairs, 72);
AT(qmf_calibration_info, impostor_pairs, 80);
AT(qmf_calibration_info, model, 88);
AT(qmf_calibration_info, fingerprint, 160);
SIZE(qmf_calibration_info, 232);

AT(qmf_threshold, struct_size, 0);
AT(qmf_threshold, reserved, 4);
AT(qmf_threshold, fmr, 8);
AT(qmf_threshold, score, 16);
AT(qmf_threshold, score_low, 24);
AT(qmf_threshold, score_high, 32);
AT(qmf_threshold, fnmr, 40);
AT(qmf_threshold, fnmr_low, 48);
AT(qmf_threshold, fnmr_high, 56);
AT(qmf_threshold, impostors_above, 64);
SIZE(qmf_threshold, 72);

AT(qmf_fit_options, struct_size, 0);
AT(qmf_fit_options, procedure, 4);
AT(qmf_fit_options, least_fmr, 8);
AT(qmf_fit_options, greatest_fmr, 16);
AT(qmf_fit_options, fmr_count, 24);
AT(qmf_fit_options, weight_count, 28);
AT(qmf_fit_options, replicates, 32);
AT(qmf_fit_options, allow_unsupported, 36);
AT(qmf_fit_options, threads, 40);
AT(qmf_fit_options, reserved, 44);
AT(qmf_fit_options, seed, 48);
AT(qmf_fit_options, progress_callback, 56);
AT(qmf_fit_options, progress_user_data, 56 + sizeof(size_t));
SIZE(qmf_fit_options, 56 + 2 * sizeof(size_t));

AT(qmf_comparison, struct_size, 0);
AT(qmf_comparison, flags, 4);
AT(qmf_comparison, cosine, 8);
AT(qmf_comparison, quality_a, 16);
AT(qmf_comparison, quality_b, 24);
AT(qmf_comparison, score, 32);
AT(qmf_comparison, negative_log10_fmr, 40);
AT(qmf_comparison, log_likelihood_ratio, 48);
AT(qmf_comparison, negative_log10_fmr_at_quality, 56);
SIZE(qmf_comparison, 64);

AT(qmf_decision, struct_size, 0);
AT(qmf_decision, outcome, 4);
AT(qmf_decision, lacking, 8);
AT(qmf_decision, reserved, 12);
AT(qmf_decision, threshold, 16);
AT(qmf_decision, pass_rate, 24);
SIZE(qmf_decision, 32);

AT(qmf_gallery_info, struct_size, 0);
AT(qmf_gallery_info, scalar, 4);
AT(qmf_gallery_info, length, 8);
AT(qmf_gallery_info, reserved, 12);
AT(qmf_gallery_info, count, 16);
AT(qmf_gallery_info, bytes, 24);
AT(qmf_gallery_info, unit_lengths, 32);
AT(qmf_gallery_info, model, 40);
AT(qmf_gallery_info, fingerprint, 112);
SIZE(qmf_gallery_info, 184);

AT(qmf_search_options, struct_size, 0);
AT(qmf_search_options, threads, 4);
AT(qmf_search_options, most, 8);
AT(qmf_search_options, least_score, 16);
SIZE(qmf_search_options, 24);

AT(qmf_fused_part, cosine, 0);
AT(qmf_fused_part, quality, 8);
AT(qmf_fused_part, weight, 16);
AT(qmf_fused_part, score, 24);
AT(qmf_fused_part, flags, 32);
AT(qmf_fused_part, fit_rank, 36);
AT(qmf_fused_part, quality_rank, 40);
AT(qmf_fused_part, reserved, 44);
SIZE(qmf_fused_part, 48);

AT(qmf_match, index, 0);
AT(qmf_match, score, 8);
SIZE(qmf_match, 16);

AT(qmf_image, struct_size, 0);
AT(qmf_image, format, 4);
AT(qmf_image, width, 8);
AT(qmf_image, height, 12);
AT(qmf_image, stride, 16);
AT(qmf_image, data, 16 + sizeof(size_t));
AT(qmf_image, data_size, 16 + 2 * sizeof(size_t));
AT(qmf_image, chroma, 16 + 3 * sizeof(size_t));
AT(qmf_image, chroma_size, 16 + 5 * sizeof(size_t));
AT(qmf_image, chroma_stride, 16 + 7 * sizeof(size_t));
AT(qmf_image, rotation, 16 + 8 * sizeof(size_t));
AT(qmf_image, yuv, 20 + 8 * sizeof(size_t));
SIZE(qmf_image, 24 + 8 * sizeof(size_t));

#endif
