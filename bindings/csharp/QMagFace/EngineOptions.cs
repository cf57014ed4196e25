using System;
using QMagFace.Interop;

namespace QMagFace
{
    /// <summary>How an engine is made. New options have the library's defaults; the engine takes a copy.</summary>
    /// <remarks>The engine's constructor refuses values outside their range.</remarks>
    public sealed unsafe class EngineOptions
    {
        internal static readonly Action<LogLevel, string> IgnoreLog = (level, message) => { };

        /// <summary>Makes options with the library's defaults.</summary>
        /// <exception cref="DllNotFoundException">The native library is not there.</exception>
        /// <exception cref="NotSupportedException">The native library is too old.</exception>
        public EngineOptions()
        {
            LibraryInfo.EnsureCompatible();
            NativeEngineOptions native;
            Failure.Check(NativeMethods.qmf_engine_options_init(&native, Sizes.From(sizeof(NativeEngineOptions))));
            Device = (Device)native.device;
            DeviceIndex = checked((int)native.device_index);
            Threads = checked((int)native.threads);
            FaceChoice = (FaceChoice)native.face_choice;
            MinimumFace = Numbers.Known(native.minimum_face);
            ProposalThreshold = Numbers.Known(native.thresholds[0]);
            RefinementThreshold = Numbers.Known(native.thresholds[1]);
            OutputThreshold = Numbers.Known(native.thresholds[2]);
            PyramidFactor = Numbers.Known(native.pyramid_factor);
            Turned = native.turned != 0;
            Alpha = Numbers.Known(native.alpha);
            Beta = Numbers.Known(native.beta);
            MaximumPixels = checked((long)native.maximum_pixels);
            MaximumBytes = checked((long)native.maximum_bytes);
            MaximumModelBytes = checked((long)native.maximum_model_bytes);
            Precision = (Precision)native.precision;
            BatchSize = checked((int)native.batch_size);
            BatchWaitMicroseconds = checked((int)native.batch_wait_us);
            InlineMode = native.inline_mode != 0;
            LogLevel = (LogLevel)native.log_level;
            Log = IgnoreLog;
        }

        /// <summary>Where the networks run. Default: <see cref="QMagFace.Device.Auto"/>.</summary>
        public Device Device { get; set; }

        /// <summary>Which GPU, for <see cref="QMagFace.Device.Cuda"/>. Default: 0.</summary>
        public int DeviceIndex { get; set; }

        /// <summary>Threads that the engine's networks share on the CPU, 0 to 1024; 0, the default, is one per core.</summary>
        public int Threads { get; set; }

        /// <summary>Which of several faces is extracted. Default: <see cref="QMagFace.FaceChoice.Auto"/>.</summary>
        public FaceChoice FaceChoice { get; set; }

        /// <summary>
        /// Name of the detector's pack, "yunet" or "mtcnn". Default: null, the one that the model belongs to, as its calibration
        /// is. A bundle has one.
        /// </summary>
        public string Detector { get; set; }

        /// <summary>
        /// Side of the smallest face looked for in pixels, 12 or more. Default: null, the detector's own: 50 with MTCNN, 40 with
        /// YuNet (in an image below 320 pixels an eighth of its longer side).
        /// </summary>
        public float? MinimumFace { get; set; }

        /// <summary>Least score to pass MTCNN's first stage, 0..1. YuNet has none. Default: null, 0.6.</summary>
        public float? ProposalThreshold { get; set; }

        /// <summary>Least score to pass MTCNN's second stage, 0..1. YuNet has none. Default: null, 0.7.</summary>
        public float? RefinementThreshold { get; set; }

        /// <summary>Least score of a face, 0..1. Default: null, 0.8 with MTCNN and 0.6 with YuNet.</summary>
        public float? OutputThreshold { get; set; }

        /// <summary>
        /// Ratio of the sides of two levels of MTCNN's pyramid, 0.1..0.95. YuNet has none. Default: null, 0.709.
        /// </summary>
        public float? PyramidFactor { get; set; }

        /// <summary>
        /// Whether an image in which no face is found for sure is looked at turned by 90, 180 and 270 degrees as well; the turn
        /// with the best score counts. Boxes and landmarks are those of the image as it is. Default: false.
        /// </summary>
        public bool Turned { get; set; }

        /// <summary>
        /// Offset of the quality's weight min(0, beta * cosine - alpha), -100..100, in place of the model's. Set it and
        /// <see cref="Beta"/>, or neither. Default: null, the model's.
        /// </summary>
        public double? Alpha { get; set; }

        /// <summary>Slope of the quality's weight over the cosine, -100..100, with <see cref="Alpha"/>.</summary>
        public double? Beta { get; set; }

        /// <summary>Most pixels of any image.</summary>
        public long MaximumPixels { get; set; }

        /// <summary>Most bytes of an encoded image.</summary>
        public long MaximumBytes { get; set; }

        /// <summary>Most bytes that the weight files of the model and its detector may have together.</summary>
        public long MaximumModelBytes { get; set; }

        /// <summary>What the embedding network computes in. Default: <see cref="QMagFace.Precision.Auto"/>.</summary>
        public Precision Precision { get; set; }

        /// <summary>
        /// Most faces of concurrent callers that go through the network together, 1..256; with 1 every call goes by itself.
        /// 0 is the device's best: 16 on a CPU, 128 on a GPU, 1 in the inline mode. Default: 0.
        /// </summary>
        public int BatchSize { get; set; }

        /// <summary>
        /// How long a batch waits for callers that were there a moment ago, in microseconds, 0..1000000, and no longer than
        /// a quarter of what the batch before took. A caller alone never waits. Default: 1000.
        /// </summary>
        public int BatchWaitMicroseconds { get; set; }

        /// <summary>Whether all work is done in the calling thread, and no thread is ever started. Default: false.</summary>
        public bool InlineMode { get; set; }

        /// <summary>How much is logged. Set by <see cref="LogTo"/>. Default: <see cref="QMagFace.LogLevel.Off"/>.</summary>
        public LogLevel LogLevel { get; private set; }

        internal Action<LogLevel, string> Log { get; private set; }

        /// <summary>Sends the engine's log messages to <paramref name="log"/>.</summary>
        /// <param name="level">How much is logged.</param>
        /// <param name="log">
        /// Gets each message and its level, on the thread that makes the engine work: possibly on several at once. It
        /// may not call the same engine. An exception that it throws is dropped, as no caller waits for it.
        /// </param>
        /// <exception cref="ArgumentNullException"><paramref name="log"/> is null.</exception>
        public void LogTo(LogLevel level, Action<LogLevel, string> log)
        {
            if (log == null)
            {
                throw new ArgumentNullException(nameof(log));
            }
            LogLevel = level;
            Log = log;
        }

        internal NativeEngineOptions ToNative(LogSink sink)
        {
            NativeEngineOptions native;
            Failure.Check(NativeMethods.qmf_engine_options_init(&native, Sizes.From(sizeof(NativeEngineOptions))));
            native.device = (int)Device;
            native.device_index = Unsigned(DeviceIndex, nameof(DeviceIndex));
            native.threads = Unsigned(Threads, nameof(Threads));
            native.face_choice = (int)FaceChoice;
            native.minimum_face = MinimumFace ?? float.NaN;
            native.thresholds[0] = ProposalThreshold ?? float.NaN;
            native.thresholds[1] = RefinementThreshold ?? float.NaN;
            native.thresholds[2] = OutputThreshold ?? float.NaN;
            native.pyramid_factor = PyramidFactor ?? float.NaN;
            native.turned = Turned ? 1u : 0u;
            native.alpha = Alpha ?? double.NaN;
            native.beta = Beta ?? double.NaN;
            native.maximum_pixels = Unsigned(MaximumPixels, nameof(MaximumPixels));
            native.maximum_bytes = Unsigned(MaximumBytes, nameof(MaximumBytes));
            native.maximum_model_bytes = Unsigned(MaximumModelBytes, nameof(MaximumModelBytes));
            native.precision = (int)Precision;
            native.batch_size = Unsigned(BatchSize, nameof(BatchSize));
            native.batch_wait_us = Unsigned(BatchWaitMicroseconds, nameof(BatchWaitMicroseconds));
            native.inline_mode = InlineMode ? 1u : 0u;
            native.log_level = (int)LogLevel;
            if (LogLevel != LogLevel.Off)
            {
                native.log_callback = LogSink.FunctionPointer;
                native.log_user_data = sink.UserData;
            }
            return native;
        }

        private static uint Unsigned(int value, string property)
        {
            return checked((uint)Unsigned((long)value, property));
        }

        private static ulong Unsigned(long value, string property)
        {
            if (value < 0)
            {
                throw new ArgumentOutOfRangeException("options", "EngineOptions." + property + " is negative: " + value + ".");
            }
            return (ulong)value;
        }
    }
}
