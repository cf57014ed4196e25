using System;
using System.Collections.Generic;
using System.Threading;
using QMagFace.Interop;

namespace QMagFace
{
    // Fitting to labelled data, and what was measured on it.
    public sealed unsafe partial class Calibration
    {
        private delegate int FitCall(NativeFitOptions* options, byte* data, uint* people, CancelHandle cancel,
            out CalibrationHandle result, uint* warnings);

        /// <summary>How many people it was fitted on; null if that is not known.</summary>
        public long? SubjectCount
        {
            get { return Live(Counted(_info.subjects)); }
        }

        /// <summary>How many images it was fitted on; null if that is not known.</summary>
        public long? ImageCount
        {
            get { return Live(Counted(_info.images)); }
        }

        /// <summary>How many pairs of one person it was fitted on; null if that is not known.</summary>
        public long? GenuinePairCount
        {
            get { return Live(Counted(_info.genuine_pairs)); }
        }

        /// <summary>How many pairs of two people it was fitted on; null if that is not known.</summary>
        public long? ImpostorPairCount
        {
            get { return Live(Counted(_info.impostor_pairs)); }
        }

        /// <summary>Fits a calibration of any model to all pairs of embeddings of known people.</summary>
        /// <param name="embeddings">Embeddings one after another.</param>
        /// <param name="length">Floats of one embedding.</param>
        /// <param name="people">Who is on each: equal numbers are one person.</param>
        /// <param name="options">How; null for the defaults.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The calibration, with thresholds for the false match rates that the pairs support.</returns>
        /// <exception cref="QMagFaceException">There are too few pairs, or they determine no parameters.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        /// <remarks>
        /// <see cref="Engine.FitCalibration(float[], int[], FitOptions, CancellationToken)"/> ties it to a model.
        /// </remarks>
        public static Calibration Fit(
            float[] embeddings, int length, int[] people, FitOptions options = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            return Fit(embeddings, length, people, options, out _, cancellationToken);
        }

        /// <summary>Fits a calibration of any model to all pairs of embeddings of known people.</summary>
        /// <param name="embeddings">Embeddings one after another.</param>
        /// <param name="length">Floats of one embedding.</param>
        /// <param name="people">Who is on each: equal numbers are one person.</param>
        /// <param name="options">How; null for the defaults.</param>
        /// <param name="warnings">What is odd about the fit.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The calibration, with thresholds for the false match rates that the pairs support.</returns>
        /// <exception cref="QMagFaceException">There are too few pairs, or they determine no parameters.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public static Calibration Fit(
            float[] embeddings, int length, int[] people, FitOptions options, out FitWarnings warnings,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            // A handle that holds nothing is NULL to the library: of no engine's model.
            using (var none = new EngineHandle())
            {
                return Fit(none, embeddings, length, people, options, out warnings, cancellationToken);
            }
        }

        /// <summary>Fits a calibration to all pairs of templates of known people, for their model.</summary>
        /// <param name="templates">The templates; failed ones take no part.</param>
        /// <param name="people">Who is on each: equal numbers are one person.</param>
        /// <param name="options">How; null for the defaults.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The calibration, with thresholds for the false match rates that the pairs support.</returns>
        /// <exception cref="ModelMismatchException">The templates are of two models.</exception>
        /// <exception cref="QMagFaceException">There are too few pairs, or they determine no parameters.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public static Calibration Fit(
            IEnumerable<Template> templates, int[] people, FitOptions options = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            return Fit(templates, people, options, out _, cancellationToken);
        }

        /// <summary>Fits a calibration to all pairs of templates of known people, for their model.</summary>
        /// <param name="templates">The templates; failed ones take no part.</param>
        /// <param name="people">Who is on each: equal numbers are one person.</param>
        /// <param name="options">How; null for the defaults.</param>
        /// <param name="warnings">What is odd about the fit.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The calibration, with thresholds for the false match rates that the pairs support.</returns>
        /// <exception cref="ModelMismatchException">The templates are of two models.</exception>
        /// <exception cref="QMagFaceException">There are too few pairs, or they determine no parameters.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public static Calibration Fit(
            IEnumerable<Template> templates, int[] people, FitOptions options, out FitWarnings warnings,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            using (var handles = new HandleArray(templates, nameof(templates)))
            {
                Arguments.Filled(people, nameof(people));
                Arguments.SameLength(handles.Count, people.Length, nameof(people));
                fixed (IntPtr* first = handles.Pointers)
                {
                    // A lambda can't have the pointer itself.
                    var start = (IntPtr)first;
                    return Fit(people, options, out warnings, cancellationToken,
                        (NativeFitOptions* how, byte* data, uint* who, CancelHandle cancel,
                            out CalibrationHandle result, uint* odd) => NativeMethods.qmf_calibration_fit_templates((IntPtr*)start,
                                Sizes.From(people.Length), who, how, data, cancel, out result, odd));
                }
            }
        }

        /// <summary>The thresholds by falling false match rate, and what was measured at each.</summary>
        /// <returns>The thresholds; none if nobody measured.</returns>
        public IReadOnlyList<MeasuredThreshold> GetMeasuredThresholds()
        {
            var handle = Handle;
            var result = new MeasuredThreshold[ThresholdCount];
            for (var index = 0; index < result.Length; index++)
            {
                NativeThreshold native;
                Failure.Check(NativeMethods.qmf_threshold_init(&native, Sizes.From(sizeof(NativeThreshold))));
                Failure.Check(NativeMethods.qmf_calibration_get_threshold(handle, Sizes.From(index), &native));
                result[index] = new MeasuredThreshold(native);
            }
            return result;
        }

        internal static Calibration Fit(EngineHandle engine, float[] embeddings, int length, int[] people,
            FitOptions options, out FitWarnings warnings, CancellationToken cancellationToken)
        {
            Arguments.Filled(embeddings, nameof(embeddings));
            Arguments.Positive(length, nameof(length));
            Arguments.Filled(people, nameof(people));
            var count = Arguments.Pieces(embeddings.Length, length, nameof(embeddings));
            Arguments.SameLength(count, people.Length, nameof(people));
            fixed (float* first = embeddings)
            {
                var start = (IntPtr)first;
                return Fit(people, options, out warnings, cancellationToken,
                    (NativeFitOptions* how, byte* data, uint* who, CancelHandle cancel, out CalibrationHandle result,
                        uint* odd) => NativeMethods.qmf_calibration_fit(engine, (float*)start, Sizes.From(count),
                            Sizes.From(length), who, how, data, cancel, out result, odd));
            }
        }

        private static Calibration Fit(int[] people, FitOptions options, out FitWarnings warnings,
            CancellationToken cancellationToken, FitCall call)
        {
            LibraryInfo.EnsureCompatible();
            var wanted = options ?? new FitOptions();
            var name = wanted.Data == null ? null : NativeText.Encode(wanted.Data, nameof(options));
            using (var cancellation = new Cancellation(cancellationToken))
            using (var progress = new ProgressSink(wanted.Progress))
            {
                var how = wanted.ToNative(progress);
                uint odd;
                fixed (int* who = people)
                fixed (byte* data = name)
                {
                    cancellation.Check(
                        call(&how, data, (uint*)who, cancellation.Handle, out CalibrationHandle result, &odd));
                    warnings = (FitWarnings)odd;
                    return new Calibration(result);
                }
            }
        }

        private static long? Counted(ulong count)
        {
            return count == 0 ? (long?)null : checked((long)count);
        }
    }
}
