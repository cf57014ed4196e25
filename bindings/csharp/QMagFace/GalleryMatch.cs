namespace QMagFace
{
    /// <summary>A template of a gallery that a probe was found to be like.</summary>
    public readonly struct GalleryMatch
    {
        internal GalleryMatch(int index, double score)
        {
            Index = index;
            Score = score;
        }

        /// <summary>The template's index.</summary>
        public int Index { get; }

        /// <summary>The quality-aware score, to the precision of a float.</summary>
        public double Score { get; }
    }
}
