using System;
using System.Collections.Generic;
using System.Threading;
using QMagFace.Interop;

namespace QMagFace
{
    /// <summary>A face recognition engine: owns a model's weights and the device they run on.</summary>
    /// <remarks>
    /// Make one and keep it: any number of threads may use it at the same time. Templates and calibrations outlive it.
    /// After <see cref="Dispose"/> every other member throws <see cref="ObjectDisposedException"/>; calls that run at
    /// that moment end as usual.
    /// </remarks>
    public sealed unsafe partial class Engine : IDisposable
    {
        /// <summary>Side of an aligned face ("chip") in pixels.</summary>
        public const int ChipSide = 112;

        /// <summary>Bytes of a chip: rows of blue, green and red, top down, without padding.</summary>
        public const int ChipSize = ChipSide * ChipSide * 3;

        private readonly EngineHandle _handle;
        private readonly EngineInfo _info;

        /// <summary>Opens a model with the default options.</summary>
        /// <param name="model">
        /// The name of an installed model ("sface"), the path of a model's folder, or of a bundle (*.qmfmodel).
        /// </param>
        /// <exception cref="ModelNotInstalledException">The model's weights are not on this machine yet.</exception>
        /// <exception cref="QMagFaceException">The model is unknown or damaged.</exception>
        /// <exception cref="DllNotFoundException">The native library is not there.</exception>
        public Engine(string model)
            : this(model, new EngineOptions())
        {
        }

        /// <summary>Opens a model.</summary>
        /// <param name="model">
        /// The name of an installed model ("sface"), the path of a model's folder, or of a bundle (*.qmfmodel).
        /// </param>
        /// <param name="options">How the engine is made.</param>
        /// <exception cref="ModelNotInstalledException">The model's weights are not on this machine yet.</exception>
        /// <exception cref="QMagFaceException">The model is unknown or damaged, or an option is out of range.</exception>
        public Engine(string model, EngineOptions options)
            : this(Open(NativeText.Encode(model, nameof(model)), options))
        {
        }

        private Engine(EngineHandle handle)
        {
            _handle = handle;
            NativeEngineInfo info;
            try
            {
                Failure.Check(NativeMethods.qmf_engine_info_init(&info, Sizes.From(sizeof(NativeEngineInfo))));
                Failure.Check(NativeMethods.qmf_engine_get_info(handle, &info));
                _info = new EngineInfo(&info);
            }
            catch
            {
                handle.Dispose();
                throw;
            }
        }

        private delegate int Creation(NativeEngineOptions* options, out EngineHandle engine);

        /// <summary>What the engine is made of.</summary>
        public EngineInfo Info
        {
            get
            {
                ThrowIfDisposed();
                return _info;
            }
        }

        private EngineHandle Handle
        {
            get
            {
                ThrowIfDisposed();
                return _handle;
            }
        }

        /// <summary>Opens a bundle file with the default options.</summary>
        /// <param name="path">The file's path, as `qmagface models export` wrote it.</param>
        /// <returns>The engine.</returns>
        /// <exception cref="System.IO.FileNotFoundException">There is no such file.</exception>
        /// <exception cref="QMagFaceException">The file is no bundle, or a damaged one.</exception>
        public static Engine FromBundle(string path)
        {
            return FromBundle(path, new EngineOptions());
        }

        /// <summary>Opens a bundle file.</summary>
        /// <param name="path">The file's path, as `qmagface models export` wrote it.</param>
        /// <param name="options">How the engine is made.</param>
        /// <returns>The engine.</returns>
        /// <exception cref="System.IO.FileNotFoundException">There is no such file.</exception>
        /// <exception cref="QMagFaceException">The file is no bundle, or a damaged one.</exception>
        public static Engine FromBundle(string path, EngineOptions options)
        {
            Arguments.NotNull(path, nameof(path));
            // A full path can't be taken for a model's name.
            var full = System.IO.Path.GetFullPath(path);
            if (!System.IO.File.Exists(full))
            {
                throw new System.IO.FileNotFoundException("There is no bundle at " + full + ".", full);
            }
            return new Engine(full, options);
        }

        /// <summary>Opens a bundle held in memory with the default options.</summary>
        /// <param name="bundle">The bundle's bytes; they are not kept.</param>
        /// <returns>The engine.</returns>
        /// <exception cref="QMagFaceException">The bytes are no bundle, or a damaged one.</exception>
        public static Engine FromBundle(byte[] bundle)
        {
            return FromBundle(bundle, new EngineOptions());
        }

        /// <summary>Opens a bundle held in memory.</summary>
        /// <param name="bundle">The bundle's bytes; they are not kept.</param>
        /// <param name="options">How the engine is made.</param>
        /// <returns>The engine.</returns>
        /// <exception cref="QMagFaceException">The bytes are no bundle, or a damaged one.</exception>
        public static Engine FromBundle(byte[] bundle, EngineOptions options)
        {
            Arguments.Filled(bundle, nameof(bundle));
            fixed (byte* start = bundle)
            {
                return new Engine(OpenMemory(start, bundle.Length, options));
            }
        }

        /// <summary>The calibration of the model, with the parameters of the options where those set them.</summary>
        /// <returns>A new calibration, to be disposed of by the caller.</returns>
        /// <exception cref="QMagFaceException">The model has no parameters, and the options gave none.</exception>
        public Calibration GetCalibration()
        {
            Failure.Check(NativeMethods.qmf_engine_get_calibration(Handle, out CalibrationHandle result));
            return new Calibration(result);
        }

        /// <summary>Fits a calibration of this engine's model to all pairs of embeddings of known people.</summary>
        /// <param name="embeddings">Embeddings of <see cref="EngineInfo.EmbeddingLength"/> floats one after another.</param>
        /// <param name="people">Who is on each: equal numbers are one person.</param>
        /// <param name="options">How; null for the defaults.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The calibration, with thresholds for the false match rates that the pairs support.</returns>
        /// <exception cref="QMagFaceException">There are too few pairs, or they determine no parameters.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public Calibration FitCalibration(
            float[] embeddings, int[] people, FitOptions options = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            return FitCalibration(embeddings, people, options, out _, cancellationToken);
        }

        /// <summary>Fits a calibration of this engine's model to all pairs of embeddings of known people.</summary>
        /// <param name="embeddings">Embeddings of <see cref="EngineInfo.EmbeddingLength"/> floats one after another.</param>
        /// <param name="people">Who is on each: equal numbers are one person.</param>
        /// <param name="options">How; null for the defaults.</param>
        /// <param name="warnings">What is odd about the fit.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The calibration, with thresholds for the false match rates that the pairs support.</returns>
        /// <exception cref="QMagFaceException">There are too few pairs, or they determine no parameters.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public Calibration FitCalibration(
            float[] embeddings, int[] people, FitOptions options, out FitWarnings warnings,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            return Calibration.Fit(
                Handle, embeddings, Info.EmbeddingLength, people, options, out warnings, cancellationToken);
        }

        /// <summary>Finds the faces of an image.</summary>
        /// <param name="image">The image.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The faces, best score first; none if there are none.</returns>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public IReadOnlyList<Face> Detect(Image image, CancellationToken cancellationToken = default(CancellationToken))
        {
            Arguments.NotNull(image, nameof(image));
            var handle = Handle;
            using (var cancellation = new Cancellation(cancellationToken))
            using (var pinned = new PinnedImage(image))
            {
                var native = pinned.Native;
                var found = new NativeFace[64];
                while (true)
                {
                    fixed (NativeFace* start = found)
                    {
                        UIntPtr count;
                        var status = NativeMethods.qmf_detect(
                            handle, &native, cancellation.Handle, start, Sizes.From(found.Length), &count);
                        if (status != (int)Status.BufferTooSmall)
                        {
                            cancellation.Check(status);
                            var faces = new Face[Sizes.ToInt(count)];
                            for (var i = 0; i < faces.Length; i++)
                            {
                                faces[i] = Face.Read(start + i);
                            }
                            return faces;
                        }
                        found = new NativeFace[Sizes.ToInt(count)];
                    }
                }
            }
        }

        /// <summary>
        /// Says why the photo of a face is good or poor: finds the faces, takes the one that
        /// <see cref="EngineOptions.FaceChoice"/> says, and measures it.
        /// </summary>
        /// <param name="image">The image.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The measures, or null if the image has no face.</returns>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public Capture MeasureCapture(Image image, CancellationToken cancellationToken = default(CancellationToken))
        {
            Arguments.NotNull(image, nameof(image));
            var handle = Handle;
            var found = stackalloc NativeMeasured[Measured.Usual];
            using (var cancellation = new Cancellation(cancellationToken))
            using (var pinned = new PinnedImage(image))
            {
                var native = pinned.Native;
                NativeFace face;
                UIntPtr count;
                var status = NativeMethods.qmf_measure_capture(
                    handle, &native, cancellation.Handle, &face, found, Sizes.From(Measured.Usual), &count);
                if (status == (int)Status.NoFace)
                {
                    return null;
                }
                cancellation.Check(status);
                return new Capture(Face.Read(&face), Measured.Read(found, Sizes.ToInt(count)));
            }
        }

        /// <summary>
        /// Measures one of the faces of an image that are known already, from <see cref="Detect"/> or of a template.
        /// </summary>
        /// <param name="image">The image.</param>
        /// <param name="faces">Its faces; the others count for <see cref="Measure.SingleFacePresent"/>.</param>
        /// <param name="index">Which of them is measured.</param>
        /// <returns>The measures.</returns>
        public IReadOnlyList<Measured> MeasureFace(Image image, IReadOnlyList<Face> faces, int index)
        {
            Arguments.NotNull(image, nameof(image));
            Arguments.NotNull(faces, nameof(faces));
            if (index < 0 || index >= faces.Count)
            {
                throw new ArgumentOutOfRangeException(nameof(index), index, "There are " + faces.Count + " faces.");
            }
            var handle = Handle;
            var known = new NativeFace[faces.Count];
            var found = stackalloc NativeMeasured[Measured.Usual];
            using (var pinned = new PinnedImage(image))
            {
                var native = pinned.Native;
                UIntPtr count;
                fixed (NativeFace* start = known)
                {
                    for (var i = 0; i < known.Length; i++)
                    {
                        faces[i].Write(start + i);
                    }
                    Failure.Check(NativeMethods.qmf_measure_face(
                        handle, &native, start, Sizes.From(known.Length), Sizes.From(index), found,
                        Sizes.From(Measured.Usual), &count));
                }
                return Measured.Read(found, Sizes.ToInt(count));
            }
        }

        /// <summary>Cuts a face out, turned and scaled as the networks expect it.</summary>
        /// <param name="image">The image.</param>
        /// <param name="landmarks">The face's points in the image.</param>
        /// <returns>The chip, of <see cref="ChipSize"/> bytes.</returns>
        public byte[] Align(Image image, Landmarks landmarks)
        {
            Arguments.NotNull(image, nameof(image));
            var handle = Handle;
            var chip = new byte[ChipSize];
            var points = stackalloc float[Landmarks.Floats];
            landmarks.Write(points);
            using (var pinned = new PinnedImage(image))
            {
                var native = pinned.Native;
                UIntPtr size;
                fixed (byte* start = chip)
                {
                    Failure.Check(NativeMethods.qmf_align(
                        handle, &native, points, start, Sizes.From(chip.Length), &size));
                }
            }
            return chip;
        }

        /// <summary>Embeds one chip or several.</summary>
        /// <param name="chips">Chips one after another, <see cref="ChipSize"/> bytes each.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>Their embeddings one after another, <see cref="EngineInfo.EmbeddingLength"/> floats each.</returns>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public float[] Embed(byte[] chips, CancellationToken cancellationToken = default(CancellationToken))
        {
            Arguments.NotNull(chips, nameof(chips));
            var count = Arguments.Pieces(chips.Length, ChipSize, nameof(chips));
            var embeddings = new float[checked(count * Info.EmbeddingLength)];
            fixed (byte* start = chips)
            fixed (float* to = embeddings)
            {
                Embed(start, count, to, embeddings.Length, cancellationToken);
            }
            return embeddings;
        }

        /// <summary>The quality of an embedding: its magnitude.</summary>
        /// <param name="embedding">An embedding of this engine's model.</param>
        /// <returns>The quality.</returns>
        public double GetQuality(float[] embedding)
        {
            Arguments.Filled(embedding, nameof(embedding));
            fixed (float* start = embedding)
            {
                return GetQuality(start, embedding.Length);
            }
        }

        /// <summary>
        /// The unified quality score of a quality: the same on a scale of 0 to 100, with the constants that
        /// <see cref="EngineInfo.UnifiedQualityBasis"/> names. With sface, of photos of this quality about so many in a hundred
        /// match a good photo of the same person at a false match rate of 1e-5.
        /// </summary>
        /// <param name="quality">A quality, such as <see cref="Template.Quality"/>.</param>
        /// <returns>0..100.</returns>
        /// <exception cref="QMagFaceException">The model has no constants for it.</exception>
        public int GetUnifiedQuality(double quality)
        {
            int result;
            Failure.Check(NativeMethods.qmf_unified_quality(Handle, quality, &result));
            return result;
        }

        /// <summary>Makes a template of an embedding.</summary>
        /// <param name="embedding">An embedding of this engine's model.</param>
        /// <returns>The template, to be disposed of by the caller.</returns>
        public Template CreateTemplate(float[] embedding)
        {
            Arguments.Filled(embedding, nameof(embedding));
            fixed (float* start = embedding)
            {
                return CreateTemplate(start, embedding.Length);
            }
        }

        /// <summary>Makes a failed template, which stands for an image without a usable face.</summary>
        /// <returns>The template, to be disposed of by the caller.</returns>
        public Template CreateFailedTemplate()
        {
            Failure.Check(NativeMethods.qmf_template_create_failed(Handle, out TemplateHandle result));
            return new Template(result);
        }

        /// <summary>Frees the native engine, once no call uses it. More calls do nothing.</summary>
        public void Dispose()
        {
            _handle.Dispose();
        }

        private static EngineHandle Open(byte[] model, EngineOptions options)
        {
            fixed (byte* start = model)
            {
                var name = start;
                return Create(options, (NativeEngineOptions* native, out EngineHandle engine) =>
                    NativeMethods.qmf_engine_create(name, native, out engine));
            }
        }

        private static EngineHandle OpenMemory(byte* bundle, int length, EngineOptions options)
        {
            return Create(options, (NativeEngineOptions* native, out EngineHandle engine) =>
                NativeMethods.qmf_engine_create_from_memory(bundle, Sizes.From(length), native, out engine));
        }

        private static EngineHandle Create(EngineOptions options, Creation creation)
        {
            Arguments.NotNull(options, nameof(options));
            LibraryInfo.EnsureCompatible();
            var log = new LogSink(options.Log);
            try
            {
                var native = options.ToNative(log);
                var name = options.Detector == null ? null : NativeText.Encode(options.Detector, nameof(options));
                fixed (byte* detector = name)
                {
                    native.detector = detector;
                    Failure.Check(creation(&native, out EngineHandle engine));
                    engine.Own(log);
                    return engine;
                }
            }
            catch
            {
                log.Release();
                throw;
            }
            finally
            {
                // Messages come while the engine is made, too.
                GC.KeepAlive(log);
            }
        }

        private void ThrowIfDisposed()
        {
            if (_handle.IsClosed)
            {
                throw new ObjectDisposedException(nameof(Engine));
            }
        }

        private void Embed(
            byte* chips, int count, float* embeddings, int capacity, CancellationToken cancellationToken)
        {
            UIntPtr length;
            using (var cancellation = new Cancellation(cancellationToken))
            {
                cancellation.Check(NativeMethods.qmf_embed(
                    Handle, chips, Sizes.From(count), cancellation.Handle, embeddings, Sizes.From(capacity), &length));
            }
        }

        private double GetQuality(float* embedding, int length)
        {
            double quality;
            Failure.Check(NativeMethods.qmf_quality(Handle, embedding, Sizes.From(length), &quality));
            return quality;
        }

        private Template CreateTemplate(float* embedding, int length)
        {
            Failure.Check(NativeMethods.qmf_template_create(
                Handle, embedding, Sizes.From(length), out TemplateHandle result));
            return new Template(result);
        }
    }
}
