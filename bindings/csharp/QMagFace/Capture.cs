using System;
using System.Collections.Generic;
using QMagFace.Interop;

namespace QMagFace
{
    /// <summary>One measure of a face in a photo.</summary>
    public readonly struct Measured
    {
        internal unsafe Measured(NativeMeasured* native)
        {
            Measure = (Measure)native->measure;
            Value = native->value;
            Score = native->score;
            Advice = native->advice == null ? null : NativeText.Decode(native->advice);
        }

        /// <summary>What was measured.</summary>
        public Measure Measure { get; }

        /// <summary>Its name, such as "inter_eye_distance".</summary>
        public unsafe string Name
        {
            get
            {
                LibraryInfo.EnsureCompatible();
                return NativeText.Decode((byte*)NativeMethods.qmf_measure_name((int)Measure));
            }
        }

        /// <summary>Its value, in its own unit.</summary>
        public double Value { get; }

        /// <summary>The value on a scale of 0 (a severe fault) to 100 (no fault).</summary>
        public int Score { get; }

        /// <summary>What to do about it, in a few English words; null where the score is 50 or more.</summary>
        public string Advice { get; }

        // More than there are, so that one call is enough.
        internal const int Usual = 32;

        internal static unsafe IReadOnlyList<Measured> Read(NativeMeasured* found, int count)
        {
            var measures = new Measured[count];
            for (var i = 0; i < count; i++)
            {
                measures[i] = new Measured(found + i);
            }
            return measures;
        }
    }

    /// <summary>Why the photo of a face is good or poor.</summary>
    public sealed class Capture
    {
        internal Capture(Face face, IReadOnlyList<Measured> measures)
        {
            Face = face;
            Measures = measures;
        }

        /// <summary>The face that was measured.</summary>
        public Face Face { get; }

        /// <summary>
        /// Its measures. Those of light and sharpness are left out where nothing of the face is inside the image.
        /// </summary>
        public IReadOnlyList<Measured> Measures { get; }
    }
}
