using QMagFace.Interop;

namespace QMagFace
{
    /// <summary>What an engine is made of.</summary>
    public sealed unsafe class EngineInfo
    {
        internal EngineInfo(NativeEngineInfo* native)
        {
            EmbeddingLength = checked((int)native->embedding_length);
            Device = (Device)native->device;
            DeviceIndex = checked((int)native->device_index);
            LandmarkRefinement = native->landmark_refinement != 0;
            Precision = (Precision)native->precision;
            Threads = checked((int)native->threads);
            BatchSize = checked((int)native->batch_size);
            BatchWaitMicroseconds = checked((int)native->batch_wait_us);
            InlineMode = native->inline_mode != 0;
            if (native->has_parameters != 0)
            {
                Alpha = native->alpha;
                Beta = native->beta;
            }
            Model = NativeText.Name(native->model);
            Detector = NativeText.Name(native->detector);
            Fingerprint = NativeText.Name(native->fingerprint);
            UnifiedQualityBasis = native->has_uqs != 0 ? NativeText.Name(native->uqs_basis) : null;
        }

        /// <summary>Floats per embedding.</summary>
        public int EmbeddingLength { get; }

        /// <summary><see cref="QMagFace.Device.Cpu"/> or <see cref="QMagFace.Device.Cuda"/>.</summary>
        public Device Device { get; }

        /// <summary>Which GPU, for <see cref="QMagFace.Device.Cuda"/>.</summary>
        public int DeviceIndex { get; }

        /// <summary>
        /// Whose constants of the unified quality score the model has, "ISO/IEC 29794-5", or what they were fitted on; null if
        /// it has none.
        /// </summary>
        public string UnifiedQualityBasis { get; }

        /// <summary>Whether the detector refines landmarks with a fourth network.</summary>
        public bool LandmarkRefinement { get; }

        /// <summary>What the embedding network computes in.</summary>
        public Precision Precision { get; }

        /// <summary>Threads as asked for; 0 is one per core.</summary>
        public int Threads { get; }

        /// <summary>How many faces of concurrent callers go through the network at once.</summary>
        public int BatchSize { get; }

        /// <summary>How long a batch waits for callers to come back, in microseconds.</summary>
        public int BatchWaitMicroseconds { get; }

        /// <summary>Whether all work is done in the calling thread.</summary>
        public bool InlineMode { get; }

        /// <summary>Offset of the quality's weight in use; null if unknown.</summary>
        public double? Alpha { get; }

        /// <summary>Slope of the quality's weight over the cosine in use; null if unknown.</summary>
        public double? Beta { get; }

        /// <summary>The model's name.</summary>
        public string Model { get; }

        /// <summary>The detector's name.</summary>
        public string Detector { get; }

        /// <summary>
        /// SHA-256 over all that decides what an embedding means, in hexadecimal. Templates of engines with different
        /// fingerprints can't be compared.
        /// </summary>
        public string Fingerprint { get; }
    }
}
