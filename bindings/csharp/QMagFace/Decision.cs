using QMagFace.Interop;

namespace QMagFace
{
    /// <summary>What a comparison says at a false match rate.</summary>
    public enum Outcome
    {
        /// <summary>Less alike than most pairs of one person of these qualities are.</summary>
        NoMatch = 0,

        /// <summary>At most the wanted share of pairs of different people of these qualities is so alike.</summary>
        Match = 1,

        /// <summary>The photos can't tell: take better ones.</summary>
        NotEnoughInformation = 2,
    }

    /// <summary>Why photos can't tell.</summary>
    public enum Lacking
    {
        /// <summary>They can.</summary>
        Nothing = 0,

        /// <summary>A quality is below the calibration's gate, or below all that its data has.</summary>
        Quality = 1,

        /// <summary>At these qualities even one person's own photos would mostly not match, and these don't.</summary>
        PassRate = 2,

        /// <summary>A template is a failed one: there was no face.</summary>
        Face = 3,

        /// <summary>An embedding was normalised to length 1: its quality is lost.</summary>
        Length = 4,
    }

    /// <summary>A decision on a comparison.</summary>
    public sealed class Decision
    {
        internal Decision(NativeDecision native)
        {
            Outcome = (Outcome)native.outcome;
            Lacking = (Lacking)native.lacking;
            Threshold = Numbers.Known(native.threshold);
            PassRate = Numbers.Known(native.pass_rate);
        }

        /// <summary>Match, no match, or neither.</summary>
        public Outcome Outcome { get; }

        /// <summary>Why neither.</summary>
        public Lacking Lacking { get; }

        /// <summary>
        /// The cosine that the wanted share of pairs of different people of these qualities reaches; null without a face.
        /// </summary>
        public double? Threshold { get; }

        /// <summary>Which share of pairs of one person of these qualities reaches it, 0..1; null without a face.</summary>
        public double? PassRate { get; }
    }
}
