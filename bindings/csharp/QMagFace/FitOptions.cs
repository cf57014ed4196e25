using System;
using QMagFace.Interop;

namespace QMagFace
{
    /// <summary>How a calibration is fitted. New options have the library's defaults, those of the paper.</summary>
    /// <remarks>The fit refuses values outside their range.</remarks>
    public sealed unsafe class FitOptions
    {
        /// <summary>Makes options with the library's defaults.</summary>
        /// <exception cref="System.DllNotFoundException">The native library is not there.</exception>
        /// <exception cref="System.NotSupportedException">The native library is too old.</exception>
        public FitOptions()
        {
            LibraryInfo.EnsureCompatible();
            NativeFitOptions native;
            Failure.Check(NativeMethods.qmf_fit_options_init(&native, Sizes.From(sizeof(NativeFitOptions))));
            Procedure = (FitProcedure)native.procedure;
            LeastFmr = native.least_fmr;
            GreatestFmr = native.greatest_fmr;
            FmrCount = checked((int)native.fmr_count);
            WeightCount = checked((int)native.weight_count);
            Replicates = checked((int)native.replicates);
            AllowUnsupported = native.allow_unsupported != 0;
            Threads = checked((int)native.threads);
            Seed = native.seed;
        }

        /// <summary>How the parameters are found. Default: <see cref="FitProcedure.Published"/>.</summary>
        public FitProcedure Procedure { get; set; }

        /// <summary>
        /// Least false match rate that counts for the fit, 1e-12 or more. It takes 3 / LeastFmr pairs of different
        /// people. Default: 1e-5.
        /// </summary>
        public double LeastFmr { get; set; }

        /// <summary>Greatest false match rate that counts for the fit, below 1. Default: 1e-2.</summary>
        public double GreatestFmr { get; set; }

        /// <summary>How many false match rates from the one to the other, 2..10000. Default: 50.</summary>
        public int FmrCount { get; set; }

        /// <summary>How many weights of the quality are tried, 2..1000. Default: 20.</summary>
        public int WeightCount { get; set; }

        /// <summary>
        /// How often the people are drawn anew for the confidence intervals, 0..100000; 0: no intervals. Default: 1000.
        /// </summary>
        public int Replicates { get; set; }

        /// <summary>
        /// Whether false match rates are used for which there are too few pairs, as the paper's code does. Default:
        /// false.
        /// </summary>
        public bool AllowUnsupported { get; set; }

        /// <summary>Threads; 0, the default, is one per core. The result doesn't depend on it.</summary>
        public int Threads { get; set; }

        /// <summary>Equal seeds give equal intervals. Default: 0.</summary>
        public ulong Seed { get; set; }

        /// <summary>Name of the data, one line, for the calibration's file. Default: null, none.</summary>
        public string Data { get; set; }

        /// <summary>
        /// Is told how far the fit is: what is done of the step at hand, and what there is to do. Each step has its
        /// own: all pairs are compared, maybe more than once, then the people drawn. Called by the threads that fit,
        /// one at a time; an exception that it throws is dropped. Default: null.
        /// </summary>
        public Action<long, long> Progress { get; set; }

        internal NativeFitOptions ToNative(ProgressSink progress)
        {
            Arguments.NotNegative(FmrCount, nameof(FmrCount));
            Arguments.NotNegative(WeightCount, nameof(WeightCount));
            Arguments.NotNegative(Replicates, nameof(Replicates));
            Arguments.NotNegative(Threads, nameof(Threads));
            NativeFitOptions native;
            Failure.Check(NativeMethods.qmf_fit_options_init(&native, Sizes.From(sizeof(NativeFitOptions))));
            native.procedure = (int)Procedure;
            native.least_fmr = LeastFmr;
            native.greatest_fmr = GreatestFmr;
            native.fmr_count = (uint)FmrCount;
            native.weight_count = (uint)WeightCount;
            native.replicates = (uint)Replicates;
            native.allow_unsupported = AllowUnsupported ? 1u : 0u;
            native.threads = (uint)Threads;
            native.seed = Seed;
            native.progress_callback = progress.FunctionPointer;
            native.progress_user_data = progress.UserData;
            return native;
        }
    }
}
