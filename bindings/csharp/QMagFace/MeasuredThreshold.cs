using QMagFace.Interop;

namespace QMagFace
{
    /// <summary>A threshold of a calibration, and what was measured at it.</summary>
    public sealed class MeasuredThreshold
    {
        internal MeasuredThreshold(NativeThreshold native)
        {
            Fmr = native.fmr;
            Score = native.score;
            ScoreLow = Numbers.Known(native.score_low);
            ScoreHigh = Numbers.Known(native.score_high);
            Fnmr = Numbers.Known(native.fnmr);
            FnmrLow = Numbers.Known(native.fnmr_low);
            FnmrHigh = Numbers.Known(native.fnmr_high);
            ImpostorsAbove = native.impostors_above == ulong.MaxValue ? (long?)null : checked((long)native.impostors_above);
        }

        /// <summary>The share of pairs of different people that reach the score.</summary>
        public double Fmr { get; }

        /// <summary>The score.</summary>
        public double Score { get; }

        /// <summary>Lower end of the 95 % confidence interval of the score with that rate; null if not known.</summary>
        public double? ScoreLow { get; }

        /// <summary>Upper end of that interval; null if not known.</summary>
        public double? ScoreHigh { get; }

        /// <summary>The share of pairs of one person that don't reach the score; null if not known.</summary>
        public double? Fnmr { get; }

        /// <summary>Lower end of the 95 % confidence interval of <see cref="Fnmr"/>; null if not known.</summary>
        public double? FnmrLow { get; }

        /// <summary>Upper end of that interval; null if not known.</summary>
        public double? FnmrHigh { get; }

        /// <summary>How many pairs of different people reach the score; null if not known.</summary>
        public long? ImpostorsAbove { get; }
    }
}
