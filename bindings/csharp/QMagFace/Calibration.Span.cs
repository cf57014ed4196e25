#if QMAGFACE_SPAN
using System;
using System.Runtime.InteropServices;
using System.Threading;
using QMagFace.Interop;

namespace QMagFace
{
    // The same calls for memory that isn't an array of its own.
    public sealed unsafe partial class Calibration
    {
        /// <summary>Reads a calibration that <see cref="Serialize"/> wrote.</summary>
        /// <param name="data">The bytes of a calibration file.</param>
        /// <returns>The calibration.</returns>
        /// <exception cref="QMagFaceException">The bytes are no calibration, or a damaged one.</exception>
        public static Calibration Parse(ReadOnlySpan<byte> data)
        {
            Arguments.Filled(data.Length, nameof(data));
            fixed (byte* start = &MemoryMarshal.GetReference(data))
            {
                return Parse(start, data.Length);
            }
        }

        /// <summary>Compares two embeddings, whose model is the caller's to know.</summary>
        /// <param name="a">The first.</param>
        /// <param name="b">The second, of the same length.</param>
        /// <returns>The score and what it stands for.</returns>
        public Comparison Compare(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
        {
            Arguments.Filled(a.Length, nameof(a));
            Arguments.SameLength(a.Length, b.Length, nameof(b));
            fixed (float* first = &MemoryMarshal.GetReference(a))
            fixed (float* second = &MemoryMarshal.GetReference(b))
            {
                return Compare(first, second, a.Length);
            }
        }

        /// <summary>Scores many embeddings against many into the caller's memory.</summary>
        /// <param name="probes">Embeddings one after another: one for each row.</param>
        /// <param name="gallery">Embeddings one after another: one for each column.</param>
        /// <param name="length">Floats of one embedding.</param>
        /// <param name="scores">Gets the scores, row by row.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <exception cref="ArgumentException">
        /// No whole number of embeddings, or <paramref name="scores"/> is too short.
        /// </exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public void ScoreMatrix(
            ReadOnlySpan<float> probes, ReadOnlySpan<float> gallery, int length, Span<float> scores,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            Arguments.Positive(length, nameof(length));
            var rows = Arguments.Pieces(probes.Length, length, nameof(probes));
            var columns = Arguments.Pieces(gallery.Length, length, nameof(gallery));
            if (scores.Length < checked(rows * columns))
            {
                throw new ArgumentException(
                    "It holds " + scores.Length + " floats, and " + (rows * columns) + " are needed.", nameof(scores));
            }
            fixed (float* first = &MemoryMarshal.GetReference(probes))
            fixed (float* second = &MemoryMarshal.GetReference(gallery))
            fixed (float* to = &MemoryMarshal.GetReference(scores))
            {
                ScoreEmbeddings(first, rows, second, columns, length, to, cancellationToken);
            }
        }
    }
}
#endif
