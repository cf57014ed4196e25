using QMagFace.Interop;

namespace QMagFace
{
    /// <summary>How a gallery is searched. New options have the library's defaults.</summary>
    /// <remarks>The search refuses values outside their range.</remarks>
    public sealed unsafe class SearchOptions
    {
        /// <summary>Makes options with the library's defaults.</summary>
        /// <exception cref="System.DllNotFoundException">The native library is not there.</exception>
        /// <exception cref="System.NotSupportedException">The native library is too old.</exception>
        public SearchOptions()
        {
            LibraryInfo.EnsureCompatible();
            NativeSearchOptions native;
            Failure.Check(NativeMethods.qmf_search_options_init(&native, Sizes.From(sizeof(NativeSearchOptions))));
            Most = checked((int)native.most);
            LeastScore = native.least_score;
            Threads = checked((int)native.threads);
        }

        /// <summary>Most matches for each probe, 1 or more. Default: 10.</summary>
        public int Most { get; set; }

        /// <summary>Only matches of at least this score. Default: minus infinity, any.</summary>
        public double LeastScore { get; set; }

        /// <summary>
        /// Threads, 0..1024; 0, the default, is one per core, 1 only the calling one. The result doesn't depend on it.
        /// </summary>
        public int Threads { get; set; }

        internal NativeSearchOptions ToNative()
        {
            Arguments.Positive(Most, nameof(Most));
            Arguments.NotNegative(Threads, nameof(Threads));
            NativeSearchOptions native;
            Failure.Check(NativeMethods.qmf_search_options_init(&native, Sizes.From(sizeof(NativeSearchOptions))));
            native.most = (ulong)Most;
            native.least_score = LeastScore;
            native.threads = (uint)Threads;
            return native;
        }
    }
}
