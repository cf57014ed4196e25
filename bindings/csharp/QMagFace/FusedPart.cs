using QMagFace.Interop;

namespace QMagFace
{
    /// <summary>One of several templates that are fused, and what it has to do with the others.</summary>
    public sealed class FusedPart
    {
        internal FusedPart(NativeFusedPart native)
        {
            Cosine = Numbers.Known(native.cosine);
            Quality = native.quality;
            Weight = native.weight;
            Score = Numbers.Known(native.score);
            IsFailed = (native.flags & NativeFusedPart.Failed) != 0;
            NoMatch = (native.flags & NativeFusedPart.NoMatch) != 0;
            LowQuality = (native.flags & NativeFusedPart.LowQuality) != 0;
            FitRank = Rank(native.fit_rank);
            QualityRank = Rank(native.quality_rank);
        }

        /// <summary>
        /// Cosine with the fusion of the others. Null: it is failed, there is no other, or the others cancel each other
        /// out.
        /// </summary>
        public double? Cosine { get; }

        /// <summary>Its quality; 0 if failed.</summary>
        public double Quality { get; }

        /// <summary>Its share of the fusion, 0..1; all of them add up to 1.</summary>
        public double Weight { get; }

        /// <summary>
        /// Its quality-aware score against the fusion of the others; null without a calibration and without a cosine.
        /// </summary>
        public double? Score { get; }

        /// <summary>It is a failed one, and takes no part.</summary>
        public bool IsFailed { get; }

        /// <summary>The calibration would not take it for the person of the others.</summary>
        public bool NoMatch { get; }

        /// <summary>Its quality is below the calibration's gate.</summary>
        public bool LowQuality { get; }

        /// <summary>
        /// Its place among those that have a cosine, 0 for the one that fits the others worst; null without a cosine.
        /// </summary>
        public int? FitRank { get; }

        /// <summary>Its place by quality, 0 for the least; null if failed.</summary>
        public int? QualityRank { get; }

        private static int? Rank(uint rank)
        {
            return rank == NativeFusedPart.NoRank ? (int?)null : checked((int)rank);
        }
    }
}
