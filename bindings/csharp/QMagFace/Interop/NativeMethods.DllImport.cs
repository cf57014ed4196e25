#if !NET8_0_OR_GREATER
using System;
using System.Runtime.InteropServices;

namespace QMagFace.Interop
{
    // The functions of include/qmagface.h for netstandard2.0. NativeMethods.LibraryImport.cs declares the same for
    // net8.0; a test compares both with the header.
    internal static unsafe class NativeMethods
    {
        // Linux looks for libqmagface.so, macOS for libqmagface.dylib, Windows for qmagface.dll.
        private const string Library = "qmagface";

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern uint qmf_abi_version();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_version(byte* buffer, UIntPtr capacity, UIntPtr* length);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_build_info(byte* buffer, UIntPtr capacity, UIntPtr* length);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_last_error(byte* buffer, UIntPtr capacity, UIntPtr* length);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr qmf_status_name(int status);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_engine_options_init(NativeEngineOptions* options, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_engine_info_init(NativeEngineInfo* info, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_engine_create(
            byte* model, NativeEngineOptions* options, out EngineHandle engine);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_engine_create_from_memory(
            byte* data, UIntPtr size, NativeEngineOptions* options, out EngineHandle engine);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void qmf_engine_destroy(IntPtr engine);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_engine_get_info(EngineHandle engine, NativeEngineInfo* info);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_engine_get_calibration(EngineHandle engine, out CalibrationHandle calibration);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ulong qmf_live_engines();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_cancel_create(out CancelHandle result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_cancel_trigger(CancelHandle value);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void qmf_cancel_destroy(IntPtr value);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ulong qmf_live_cancels();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_image_init(NativeImage* image, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_detect(
            EngineHandle engine, NativeImage* image, CancelHandle cancel, NativeFace* faces, UIntPtr capacity, UIntPtr*
            count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr qmf_measure_name(int measure);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_measure_capture(
            EngineHandle engine, NativeImage* image, CancelHandle cancel, NativeFace* face, NativeMeasured* measured,
            UIntPtr capacity, UIntPtr* count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_measure_face(
            EngineHandle engine, NativeImage* image, NativeFace* faces, UIntPtr face_count, UIntPtr index,
            NativeMeasured* measured, UIntPtr capacity, UIntPtr* count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_align(
            EngineHandle engine, NativeImage* image, float* landmarks, byte* chip, UIntPtr capacity, UIntPtr* size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_embed(
            EngineHandle engine, byte* chips, UIntPtr count, CancelHandle cancel, float* embeddings, UIntPtr capacity,
            UIntPtr* length);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_quality(EngineHandle engine, float* embedding, UIntPtr length, double* quality);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_unified_quality(EngineHandle engine, double quality, int* uqs);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_extract(
            EngineHandle engine, NativeImage* image, CancelHandle cancel, out TemplateHandle result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_extract_all(
            EngineHandle engine, NativeImage* image, CancelHandle cancel, IntPtr* results, UIntPtr capacity, UIntPtr*
            count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_extract_fused(
            EngineHandle engine, NativeImage** images, UIntPtr count, int fusion, CancelHandle cancel, out
            TemplateHandle result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_extract_landmarks(
            EngineHandle engine, NativeImage* image, float* landmarks, CancelHandle cancel, out TemplateHandle result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_extract_chip(
            EngineHandle engine, byte* chip, UIntPtr size, CancelHandle cancel, out TemplateHandle result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_template_info_init(NativeTemplateInfo* info, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_template_create(
            EngineHandle engine, float* embedding, UIntPtr length, out TemplateHandle result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_template_create_failed(EngineHandle engine, out TemplateHandle result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void qmf_template_destroy(IntPtr value);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ulong qmf_live_templates();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_template_get_info(TemplateHandle value, NativeTemplateInfo* info);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_template_get_embedding(
            TemplateHandle value, float* embedding, UIntPtr capacity, UIntPtr* length);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_template_get_metadata(
            TemplateHandle value, byte* metadata, UIntPtr capacity, UIntPtr* size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_template_with_metadata(
            TemplateHandle value, byte* metadata, UIntPtr size, out TemplateHandle result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_template_serialize(
            TemplateHandle value, int scalar, byte* data, UIntPtr capacity, UIntPtr* size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_template_parse(byte* data, UIntPtr size, out TemplateHandle result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_template_seal(
            TemplateHandle value, int scalar, byte* key, UIntPtr keySize, byte* context, UIntPtr contextSize, byte*
            data, UIntPtr capacity, UIntPtr* size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_template_unseal(
            byte* data, UIntPtr size, byte* key, UIntPtr keySize, byte* context, UIntPtr contextSize,
            out TemplateHandle result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_template_fuse(
            IntPtr* templates, UIntPtr count, int fusion, out TemplateHandle result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_template_review_fusion(
            IntPtr* templates, UIntPtr count, int fusion, CalibrationHandle calibration, double fmr,
            NativeFusedPart* parts, UIntPtr capacity);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_calibration_info_init(NativeCalibrationInfo* info, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_calibration_create(double alpha, double beta, out CalibrationHandle result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_calibration_load(byte* path, out CalibrationHandle result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_calibration_save(CalibrationHandle value, byte* path);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_calibration_parse(byte* data, UIntPtr size, out CalibrationHandle result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_calibration_serialize(
            CalibrationHandle value, byte* data, UIntPtr capacity, UIntPtr* size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void qmf_calibration_destroy(IntPtr value);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ulong qmf_live_calibrations();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_calibration_get_info(CalibrationHandle value, NativeCalibrationInfo* info);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_calibration_with_quality_gate(
            CalibrationHandle value, double quality_gate, out CalibrationHandle result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_calibration_threshold(CalibrationHandle value, double fmr, double* score);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_calibration_fmr(
            CalibrationHandle value, double score, double* negative_log10_fmr, uint* flags);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_decision_init(NativeDecision* decision, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_decide(
            CalibrationHandle calibration, NativeComparison* comparison, double fmr, NativeDecision* decision);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_comparison_init(NativeComparison* comparison, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_compare(
            CalibrationHandle calibration, TemplateHandle a, TemplateHandle b, NativeComparison* comparison);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_compare_embeddings(
            CalibrationHandle calibration, float* a, float* b, UIntPtr length, NativeComparison* comparison);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_score_matrix(
            CalibrationHandle calibration, IntPtr* probes, UIntPtr probe_count, IntPtr* gallery, UIntPtr gallery_count,
            CancelHandle cancel, float* scores, UIntPtr capacity);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_score_matrix_embeddings(
            CalibrationHandle calibration, float* probes, UIntPtr probe_count, float* gallery, UIntPtr gallery_count,
            UIntPtr length, CancelHandle cancel, float* scores, UIntPtr capacity);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_fit_options_init(
            NativeFitOptions* options, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_calibration_fit(
            EngineHandle engine, float* embeddings, UIntPtr count, UIntPtr length, uint* people, NativeFitOptions*
            options, byte* data, CancelHandle cancel, out CalibrationHandle result, uint* warnings);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_calibration_fit_templates(
            IntPtr* templates, UIntPtr count, uint* people, NativeFitOptions* options, byte* data, CancelHandle cancel,
            out CalibrationHandle result, uint* warnings);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_threshold_init(
            NativeThreshold* threshold, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_calibration_get_threshold(
            CalibrationHandle value, UIntPtr index, NativeThreshold* threshold);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_gallery_create(int scalar, out GalleryHandle result);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void qmf_gallery_destroy(IntPtr value);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern ulong qmf_live_galleries();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_gallery_info_init(NativeGalleryInfo* info, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_gallery_get_info(GalleryHandle value, NativeGalleryInfo* info);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_gallery_add(
            GalleryHandle value, IntPtr* templates, UIntPtr count, UIntPtr* first);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_gallery_remove(GalleryHandle value, UIntPtr* indices, UIntPtr count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_gallery_score(
            GalleryHandle value, CalibrationHandle calibration, IntPtr* probes, UIntPtr probe_count, uint threads,
            CancelHandle cancel, float* scores, UIntPtr capacity, UIntPtr* count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_search_options_init(NativeSearchOptions* options, UIntPtr size);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int qmf_gallery_search(
            GalleryHandle value, CalibrationHandle calibration, IntPtr* probes, UIntPtr probe_count,
            NativeSearchOptions* options, CancelHandle cancel, NativeMatch* matches, UIntPtr capacity, UIntPtr*
            counts);
    }
}
#endif
