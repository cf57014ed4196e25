namespace QMagFace.Interop
{
    // The library's "unknown" is NaN, that of .NET is null.
    internal static class Numbers
    {
        internal static float? Known(float value)
        {
            return float.IsNaN(value) ? (float?)null : value;
        }

        internal static double? Known(double value)
        {
            return double.IsNaN(value) ? (double?)null : value;
        }
    }
}
