using System;
using QMagFace.Interop;

namespace QMagFace
{
    /// <summary>How embeddings turn into scores, and scores into false match rates (FMR).</summary>
    /// <remarks>
    /// A calibration never changes, and any number of threads may use one. After <see cref="Dispose"/> every other
    /// member throws <see cref="ObjectDisposedException"/>; one that is never disposed of is freed by the garbage
    /// collector.
    /// </remarks>
    public sealed unsafe partial class Calibration : IDisposable
    {
        private readonly CalibrationHandle _handle;
        private readonly NativeCalibrationInfo _info;
        private readonly string _model;
        private readonly string _fingerprint;

        /// <summary>Makes a calibration without thresholds, for templates of any model.</summary>
        /// <param name="alpha">Offset of the quality's weight min(0, beta * cosine - alpha), -100..100.</param>
        /// <param name="beta">Slope of the quality's weight over the cosine, -100..100.</param>
        public Calibration(double alpha, double beta)
            : this(Create(alpha, beta))
        {
        }

        internal Calibration(CalibrationHandle handle)
        {
            _handle = handle;
            NativeCalibrationInfo info;
            try
            {
                Failure.Check(NativeMethods.qmf_calibration_info_init(
                    &info, Sizes.From(sizeof(NativeCalibrationInfo))));
                Failure.Check(NativeMethods.qmf_calibration_get_info(handle, &info));
            }
            catch
            {
                handle.Dispose();
                throw;
            }
            _info = info;
            _model = NativeText.Name(info.model);
            _fingerprint = NativeText.Name(info.fingerprint);
        }

        /// <summary>Where its numbers come from.</summary>
        public CalibrationStatus Status
        {
            get { return Live((CalibrationStatus)_info.status); }
        }

        /// <summary>Offset of the quality's weight min(0, beta * cosine - alpha).</summary>
        public double Alpha
        {
            get { return Live(_info.alpha); }
        }

        /// <summary>Slope of the quality's weight over the cosine.</summary>
        public double Beta
        {
            get { return Live(_info.beta); }
        }

        /// <summary>The least quality that a face should have; null if there is no gate.</summary>
        public double? QualityGate
        {
            get { return Live(Numbers.Known(_info.quality_gate)); }
        }

        /// <summary>The least FMR that thresholds cover; null without thresholds.</summary>
        public double? LeastFmr
        {
            get { return Live(Numbers.Known(_info.least_fmr)); }
        }

        /// <summary>The greatest FMR that thresholds cover; null without thresholds.</summary>
        public double? GreatestFmr
        {
            get { return Live(Numbers.Known(_info.greatest_fmr)); }
        }

        /// <summary>How many thresholds it has.</summary>
        public int ThresholdCount
        {
            get { return Live(checked((int)_info.thresholds)); }
        }

        /// <summary>Name of the model that it is of; empty if it is of any.</summary>
        public string Model
        {
            get { return Live(_model); }
        }

        /// <summary>The model's <see cref="EngineInfo.Fingerprint"/>; empty if it is of any model.</summary>
        public string Fingerprint
        {
            get { return Live(_fingerprint); }
        }

        internal CalibrationHandle Handle
        {
            get { return Live(_handle); }
        }

        /// <summary>Reads a calibration file.</summary>
        /// <param name="path">The file's path.</param>
        /// <returns>The calibration.</returns>
        /// <exception cref="QMagFaceException">The file can't be read, or is damaged.</exception>
        public static Calibration Load(string path)
        {
            var text = NativeText.Encode(path, nameof(path));
            LibraryInfo.EnsureCompatible();
            fixed (byte* start = text)
            {
                Failure.Check(NativeMethods.qmf_calibration_load(start, out CalibrationHandle result));
                return new Calibration(result);
            }
        }

        /// <summary>Reads a calibration that <see cref="Serialize"/> wrote.</summary>
        /// <param name="data">The bytes of a calibration file.</param>
        /// <returns>The calibration.</returns>
        /// <exception cref="QMagFaceException">The bytes are no calibration, or a damaged one.</exception>
        public static Calibration Parse(byte[] data)
        {
            Arguments.Filled(data, nameof(data));
            fixed (byte* start = data)
            {
                return Parse(start, data.Length);
            }
        }

        /// <summary>Writes a calibration file.</summary>
        /// <param name="path">The file's path; a file that is there is replaced.</param>
        /// <exception cref="QMagFaceException">The file can't be written.</exception>
        public void Save(string path)
        {
            fixed (byte* start = NativeText.Encode(path, nameof(path)))
            {
                Failure.Check(NativeMethods.qmf_calibration_save(Handle, start));
            }
        }

        /// <summary>The bytes of a calibration file.</summary>
        /// <returns>The bytes.</returns>
        public byte[] Serialize()
        {
            var handle = Handle;
            return Buffers.Read((data, capacity, size) =>
                NativeMethods.qmf_calibration_serialize(handle, data, capacity, size));
        }

        /// <summary>The same calibration with another quality gate.</summary>
        /// <param name="qualityGate">The least quality that a face should have.</param>
        /// <returns>A new calibration.</returns>
        public Calibration WithQualityGate(double qualityGate)
        {
            if (double.IsNaN(qualityGate))
            {
                throw new ArgumentOutOfRangeException(nameof(qualityGate), "It is not a number.");
            }
            return WithGate(qualityGate);
        }

        /// <summary>The same calibration without a quality gate.</summary>
        /// <returns>A new calibration.</returns>
        public Calibration WithoutQualityGate()
        {
            return WithGate(double.NaN);
        }

        /// <summary>The score that two faces must reach to match at a false match rate.</summary>
        /// <param name="fmr">The wanted rate, such as 0.001.</param>
        /// <returns>The score.</returns>
        /// <exception cref="QMagFaceException">
        /// The rate is outside <see cref="LeastFmr"/>..<see cref="GreatestFmr"/>, so the calibration can't support it.
        /// </exception>
        public double GetThreshold(double fmr)
        {
            double score;
            Failure.Check(NativeMethods.qmf_calibration_threshold(Handle, fmr, &score));
            return score;
        }

        /// <summary>-log10 of the false match rate that a score stands for.</summary>
        /// <param name="score">A quality-aware score.</param>
        /// <returns>The largest value covered for a score above the thresholds, 0 for one below them.</returns>
        /// <exception cref="QMagFaceException">The calibration has no thresholds.</exception>
        public double GetNegativeLog10Fmr(double score)
        {
            return GetNegativeLog10Fmr(score, out _);
        }

        /// <summary>-log10 of the false match rate that a score stands for.</summary>
        /// <param name="score">A quality-aware score.</param>
        /// <param name="outOfRange">Whether the score is outside the thresholds.</param>
        /// <returns>The largest value covered for a score above the thresholds, 0 for one below them.</returns>
        /// <exception cref="QMagFaceException">The calibration has no thresholds.</exception>
        public double GetNegativeLog10Fmr(double score, out bool outOfRange)
        {
            double result;
            uint flags;
            Failure.Check(NativeMethods.qmf_calibration_fmr(Handle, score, &result, &flags));
            outOfRange = (flags & NativeComparison.OutOfRange) != 0;
            return result;
        }

        /// <summary>Frees the native calibration, once no call uses it. More calls do nothing.</summary>
        public void Dispose()
        {
            _handle.Dispose();
        }

        private static CalibrationHandle Create(double alpha, double beta)
        {
            LibraryInfo.EnsureCompatible();
            Failure.Check(NativeMethods.qmf_calibration_create(alpha, beta, out CalibrationHandle result));
            return result;
        }

        private static Calibration Parse(byte* data, int length)
        {
            LibraryInfo.EnsureCompatible();
            Failure.Check(NativeMethods.qmf_calibration_parse(data, Sizes.From(length), out CalibrationHandle result));
            return new Calibration(result);
        }

        private Calibration WithGate(double gate)
        {
            Failure.Check(NativeMethods.qmf_calibration_with_quality_gate(Handle, gate, out CalibrationHandle result));
            return new Calibration(result);
        }

        private T Live<T>(T value)
        {
            if (_handle.IsClosed)
            {
                throw new ObjectDisposedException(nameof(Calibration));
            }
            return value;
        }
    }
}
