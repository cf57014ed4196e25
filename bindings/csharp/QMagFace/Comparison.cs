using QMagFace.Interop;

namespace QMagFace
{
    /// <summary>What comparing two faces gives.</summary>
    public sealed class Comparison
    {
        internal Comparison(NativeComparison native)
        {
            Cosine = native.cosine;
            QualityA = native.quality_a;
            QualityB = native.quality_b;
            Score = native.score;
            Native = native;
            NegativeLog10Fmr = Numbers.Known(native.negative_log10_fmr);
            LogLikelihoodRatio = Numbers.Known(native.log_likelihood_ratio);
            NegativeLog10FmrAtQuality = Numbers.Known(native.negative_log10_fmr_at_quality);
            QualityBelowData = (native.flags & NativeComparison.QualityBelowData) != 0;
            LowQuality = (native.flags & NativeComparison.LowQuality) != 0;
            OutOfRange = (native.flags & NativeComparison.OutOfRange) != 0;
            FailedTemplate = (native.flags & NativeComparison.FailedTemplate) != 0;
            UnitLength = (native.flags & NativeComparison.UnitLength) != 0;
        }

        /// <summary>Cosine of the two embeddings, -1..1 up to rounding; -1 with a failed template.</summary>
        public double Cosine { get; }

        /// <summary>Quality of the first face; 0 of a failed template.</summary>
        public double QualityA { get; }

        /// <summary>Quality of the second face; 0 of a failed template.</summary>
        public double QualityB { get; }

        /// <summary>
        /// The quality-aware score: at most 1, unbounded below; the higher, the more alike. Negative infinity with a
        /// failed template.
        /// </summary>
        public double Score { get; }

        /// <summary>
        /// -log10 of the false match rate that the score stands for: 3 is one in a thousand pairs of different people.
        /// Null where the calibration has no thresholds.
        /// </summary>
        public double? NegativeLog10Fmr { get; }

        /// <summary>
        /// Natural logarithm of how many times likelier this cosine is of one person than of two, at these two qualities: 0
        /// says nothing, 4.6 is a hundred times. Null where the calibration doesn't say what a cosine means at each
        /// quality, and with a failed template.
        /// </summary>
        public double? LogLikelihoodRatio { get; }

        /// <summary>
        /// -log10 of the share of pairs of different people of these two qualities that reach this cosine, up to what the
        /// data supports. It holds for poor photos as well; <see cref="Calibration.Decide"/> uses it. Null as above.
        /// </summary>
        public double? NegativeLog10FmrAtQuality { get; }

        /// <summary>One of the qualities is below all that the calibration's data has.</summary>
        public bool QualityBelowData { get; }

        /// <summary>One of the qualities is below the calibration's gate.</summary>
        public bool LowQuality { get; }

        /// <summary>The score is outside the calibration's thresholds.</summary>
        public bool OutOfRange { get; }

        /// <summary>One of the templates is a failed one, which matches nothing.</summary>
        public bool FailedTemplate { get; }

        /// <summary>
        /// One of the qualities is 1: that embedding was normalised to length 1, and its quality is lost. The score
        /// means nothing then; the cosine holds.
        /// </summary>
        public bool UnitLength { get; }

        internal NativeComparison Native { get; }
    }
}
