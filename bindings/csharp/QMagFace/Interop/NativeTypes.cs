using System;
using System.Runtime.InteropServices;

// The library fills these fields; the compiler sees no assignment.
#pragma warning disable 0649

namespace QMagFace.Interop
{
    // The structs of include/qmagface.h, field by field; a test compares sizes and offsets with the header.

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeEngineOptions
    {
        internal uint struct_size;
        internal int device;
        internal uint device_index;
        internal uint threads;
        internal int face_choice;
        internal float minimum_face;
        internal fixed float thresholds[3];
        internal float pyramid_factor;
        internal double alpha;
        internal double beta;
        internal ulong maximum_pixels;
        internal ulong maximum_bytes;
        internal int precision;
        internal uint batch_size;
        internal uint batch_wait_us;
        internal uint inline_mode;
        internal int log_level;
        internal uint turned;
        internal IntPtr log_callback;
        internal IntPtr log_user_data;
        internal ulong maximum_model_bytes;
        internal byte* detector;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeEngineInfo
    {
        internal uint struct_size;
        internal uint embedding_length;
        internal int device;
        internal uint device_index;
        internal uint has_parameters;
        internal uint has_uqs;
        internal uint landmark_refinement;
        internal int precision;
        internal uint threads;
        internal uint batch_size;
        internal uint batch_wait_us;
        internal uint inline_mode;
        internal double alpha;
        internal double beta;
        internal fixed byte model[NativeText.NameSize];
        internal fixed byte detector[NativeText.NameSize];
        internal fixed byte fingerprint[NativeText.NameSize];
        internal fixed byte uqs_basis[NativeText.NameSize];
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeImage
    {
        internal uint struct_size;
        internal int format;
        internal uint width;
        internal uint height;
        internal UIntPtr stride;
        internal byte* data;
        internal UIntPtr data_size;
        // chroma[2] and chroma_size[2]: C# has no fixed buffers of pointers.
        internal byte* chroma_0;
        internal byte* chroma_1;
        internal UIntPtr chroma_size_0;
        internal UIntPtr chroma_size_1;
        internal UIntPtr chroma_stride;
        internal uint rotation;
        internal int yuv;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeFace
    {
        internal fixed float bbox[4];
        internal float score;
        internal fixed float landmarks[10];
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeMeasured
    {
        internal int measure;
        internal int score;
        internal double value;
        internal byte* advice;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeTemplateInfo
    {
        internal const uint Failed = 1;
        internal const uint HasFace = 2;
        internal const uint Fused = 4;
        internal const uint UnitLength = 8;

        internal uint struct_size;
        internal uint flags;
        internal uint length;
        internal int scalar;
        internal int uqs;
        internal uint images;
        internal double quality;
        internal NativeFace face;
        internal uint faces;
        internal ulong metadata_size;
        internal fixed byte model[NativeText.NameSize];
        internal fixed byte fingerprint[NativeText.NameSize];
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeComparison
    {
        internal const uint LowQuality = 1;
        internal const uint OutOfRange = 2;
        internal const uint FailedTemplate = 4;
        internal const uint UnitLength = 8;
        internal const uint QualityBelowData = 16;

        internal uint struct_size;
        internal uint flags;
        internal double cosine;
        internal double quality_a;
        internal double quality_b;
        internal double score;
        internal double negative_log10_fmr;
        internal double log_likelihood_ratio;
        internal double negative_log10_fmr_at_quality;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeDecision
    {
        internal uint struct_size;
        internal int outcome;
        internal int lacking;
        internal uint reserved;
        internal double threshold;
        internal double pass_rate;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeCalibrationInfo
    {
        internal uint struct_size;
        internal int status;
        internal double alpha;
        internal double beta;
        internal double quality_gate;
        internal double least_fmr;
        internal double greatest_fmr;
        internal uint thresholds;
        internal uint reserved;
        internal ulong subjects;
        internal ulong images;
        internal ulong genuine_pairs;
        internal ulong impostor_pairs;
        internal fixed byte model[NativeText.NameSize];
        internal fixed byte fingerprint[NativeText.NameSize];
    }
    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeThreshold
    {
        internal uint struct_size;
        internal uint reserved;
        internal double fmr;
        internal double score;
        internal double score_low;
        internal double score_high;
        internal double fnmr;
        internal double fnmr_low;
        internal double fnmr_high;
        internal ulong impostors_above;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeFitOptions
    {
        internal uint struct_size;
        internal int procedure;
        internal double least_fmr;
        internal double greatest_fmr;
        internal uint fmr_count;
        internal uint weight_count;
        internal uint replicates;
        internal uint allow_unsupported;
        internal uint threads;
        internal uint reserved;
        internal ulong seed;
        internal IntPtr progress_callback;
        internal IntPtr progress_user_data;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct NativeGalleryInfo
    {
        internal uint struct_size;
        internal int scalar;
        internal uint length;
        internal uint reserved;
        internal ulong count;
        internal ulong bytes;
        internal ulong unit_lengths;
        internal fixed byte model[NativeText.NameSize];
        internal fixed byte fingerprint[NativeText.NameSize];
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeSearchOptions
    {
        internal uint struct_size;
        internal uint threads;
        internal ulong most;
        internal double least_score;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeFusedPart
    {
        internal const uint Failed = 1;
        internal const uint NoMatch = 2;
        internal const uint LowQuality = 4;
        internal const uint NoRank = uint.MaxValue;

        internal double cosine;
        internal double quality;
        internal double weight;
        internal double score;
        internal uint flags;
        internal uint fit_rank;
        internal uint quality_rank;
        internal uint reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct NativeMatch
    {
        internal ulong index;
        internal double score;
    }
}
