using System;
using System.Collections.Generic;
using System.Threading;
using QMagFace.Interop;

namespace QMagFace
{
    // Comparison: one pair, one against many, many against many.
    public sealed unsafe partial class Calibration
    {
        /// <summary>Compares two templates with the quality-aware score.</summary>
        /// <param name="a">The first.</param>
        /// <param name="b">The second.</param>
        /// <returns>The score and what it stands for.</returns>
        /// <exception cref="ModelMismatchException">The templates, or they and the calibration, are of different models.</exception>
        public Comparison Compare(Template a, Template b)
        {
            Arguments.NotNull(a, nameof(a));
            Arguments.NotNull(b, nameof(b));
            var result = EmptyComparison();
            Failure.Check(NativeMethods.qmf_compare(Handle, a.Handle, b.Handle, &result));
            return new Comparison(result);
        }

        /// <summary>Compares two embeddings, whose model is the caller's to know.</summary>
        /// <param name="a">The first.</param>
        /// <param name="b">The second, of the same length.</param>
        /// <returns>The score and what it stands for.</returns>
        public Comparison Compare(float[] a, float[] b)
        {
            Arguments.Filled(a, nameof(a));
            Arguments.Filled(b, nameof(b));
            Arguments.SameLength(a.Length, b.Length, nameof(b));
            fixed (float* first = a)
            fixed (float* second = b)
            {
                return Compare(first, second, a.Length);
            }
        }

        /// <summary>
        /// As <see cref="Template.ReviewFusion(IEnumerable{Template}, Fusion)"/>, and for each part whether it would
        /// match the fusion of the others.
        /// </summary>
        /// <param name="templates">At least one, of one model.</param>
        /// <param name="fmr">The false match rate whose threshold decides.</param>
        /// <param name="fusion">How much each counts.</param>
        /// <returns>One for each template, in their order.</returns>
        /// <exception cref="ModelMismatchException">Templates or calibration are of different models.</exception>
        /// <exception cref="QMagFaceException">The calibration can't support the false match rate.</exception>
        public IReadOnlyList<FusedPart> ReviewFusion(
            IEnumerable<Template> templates, double fmr, Fusion fusion = Fusion.Quality)
        {
            return Template.ReviewFusion(templates, fusion, Handle, fmr);
        }

        /// <summary>Scores one template against many.</summary>
        /// <param name="probe">The one.</param>
        /// <param name="gallery">The many.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>A score for each of <paramref name="gallery"/>.</returns>
        /// <exception cref="ModelMismatchException">Templates or calibration are of different models.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public float[] Score(
            Template probe, IEnumerable<Template> gallery,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            Arguments.NotNull(probe, nameof(probe));
            using (var one = new HandleArray(new[] { probe }, nameof(probe)))
            using (var many = new HandleArray(gallery, nameof(gallery)))
            {
                return Scores(one, many, cancellationToken);
            }
        }

        /// <summary>Scores many templates against many.</summary>
        /// <param name="probes">One for each row.</param>
        /// <param name="gallery">One for each column.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The scores, probes by gallery.</returns>
        /// <exception cref="ModelMismatchException">Templates or calibration are of different models.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public float[,] ScoreMatrix(
            IEnumerable<Template> probes, IEnumerable<Template> gallery,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            using (var rows = new HandleArray(probes, nameof(probes)))
            using (var columns = new HandleArray(gallery, nameof(gallery)))
            {
                return Matrix(Scores(rows, columns, cancellationToken), rows.Count, columns.Count);
            }
        }

        /// <summary>Scores many embeddings against many, whose model is the caller's to know.</summary>
        /// <param name="probes">Embeddings one after another: one for each row.</param>
        /// <param name="gallery">Embeddings one after another: one for each column.</param>
        /// <param name="length">Floats of one embedding.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The scores, probes by gallery.</returns>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public float[,] ScoreMatrix(
            float[] probes, float[] gallery, int length,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            Arguments.NotNull(probes, nameof(probes));
            Arguments.NotNull(gallery, nameof(gallery));
            Arguments.Positive(length, nameof(length));
            var rows = Arguments.Pieces(probes.Length, length, nameof(probes));
            var columns = Arguments.Pieces(gallery.Length, length, nameof(gallery));
            var scores = new float[checked(rows * columns)];
            fixed (float* first = probes)
            fixed (float* second = gallery)
            fixed (float* to = scores)
            {
                ScoreEmbeddings(first, rows, second, columns, length, to, cancellationToken);
            }
            return Matrix(scores, rows, columns);
        }

        /// <summary>
        /// Decides on a comparison that this calibration made, at a false match rate that holds at its two qualities.
        /// </summary>
        /// <param name="compared">What <see cref="Compare(Template, Template)"/> gave.</param>
        /// <param name="fmr">The wanted rate, such as 0.001.</param>
        /// <returns>Match, no match, or not enough information, with the reason.</returns>
        /// <exception cref="QMagFaceException">
        /// The data doesn't support the rate, or the calibration doesn't say what a cosine means at each quality.
        /// </exception>
        public Decision Decide(Comparison compared, double fmr)
        {
            Arguments.NotNull(compared, nameof(compared));
            NativeDecision result;
            Failure.Check(NativeMethods.qmf_decision_init(&result, Sizes.From(sizeof(NativeDecision))));
            var given = compared.Native;
            Failure.Check(NativeMethods.qmf_decide(Handle, &given, fmr, &result));
            return new Decision(result);
        }

        private static NativeComparison EmptyComparison()
        {
            NativeComparison result;
            Failure.Check(NativeMethods.qmf_comparison_init(&result, Sizes.From(sizeof(NativeComparison))));
            return result;
        }

        private static float[,] Matrix(float[] scores, int rows, int columns)
        {
            var matrix = new float[rows, columns];
            Buffer.BlockCopy(scores, 0, matrix, 0, scores.Length * sizeof(float));
            return matrix;
        }

        private Comparison Compare(float* a, float* b, int length)
        {
            var result = EmptyComparison();
            Failure.Check(NativeMethods.qmf_compare_embeddings(Handle, a, b, Sizes.From(length), &result));
            return new Comparison(result);
        }

        private float[] Scores(HandleArray probes, HandleArray gallery, CancellationToken cancellationToken)
        {
            var handle = Handle;
            var scores = new float[checked(probes.Count * gallery.Count)];
            if (scores.Length == 0)
            {
                return scores;
            }
            using (var cancellation = new Cancellation(cancellationToken))
            fixed (IntPtr* rows = probes.Pointers)
            fixed (IntPtr* columns = gallery.Pointers)
            fixed (float* to = scores)
            {
                cancellation.Check(NativeMethods.qmf_score_matrix(
                    handle, rows, Sizes.From(probes.Count), columns, Sizes.From(gallery.Count), cancellation.Handle, to,
                    Sizes.From(scores.Length)));
            }
            return scores;
        }

        private void ScoreEmbeddings(
            float* probes, int rows, float* gallery, int columns, int length, float* scores,
            CancellationToken cancellationToken)
        {
            using (var cancellation = new Cancellation(cancellationToken))
            {
                cancellation.Check(NativeMethods.qmf_score_matrix_embeddings(
                    Handle, probes, Sizes.From(rows), gallery, Sizes.From(columns), Sizes.From(length),
                    cancellation.Handle, scores, Sizes.From(checked(rows * columns))));
            }
        }
    }
}
