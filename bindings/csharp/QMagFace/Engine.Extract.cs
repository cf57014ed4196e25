using System;
using System.Collections.Generic;
#if NET8_0_OR_GREATER
using System.Diagnostics.CodeAnalysis;
#endif
using System.Threading;
using System.Threading.Tasks;
using QMagFace.Interop;

namespace QMagFace
{
    // Extraction: images to templates.
    public sealed unsafe partial class Engine
    {
        /// <summary>Makes a template of the face that <see cref="EngineOptions.FaceChoice"/> says.</summary>
        /// <param name="image">The image.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The template, to be disposed of by the caller.</returns>
        /// <exception cref="NoFaceException">The image has no face.</exception>
        /// <exception cref="ImageDecodeException">The image can't be decoded.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public Template Extract(Image image, CancellationToken cancellationToken = default(CancellationToken))
        {
            return Result(ExtractNative(image, cancellationToken, out TemplateHandle result), result);
        }

        /// <summary>
        /// As <see cref="Extract(Image, CancellationToken)"/>, without an exception where the image has no face.
        /// </summary>
        /// <param name="image">The image.</param>
        /// <param name="template">The template, to be disposed of by the caller; null without a face.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>Whether the image has a face.</returns>
        /// <exception cref="ImageDecodeException">The image can't be decoded.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
#if NET8_0_OR_GREATER
        public bool TryExtract(
            Image image, [NotNullWhen(true)] out Template? template,
            CancellationToken cancellationToken = default(CancellationToken))
#else
        public bool TryExtract(
            Image image, out Template template, CancellationToken cancellationToken = default(CancellationToken))
#endif
        {
            return TryResult(ExtractNative(image, cancellationToken, out TemplateHandle result), result, out template);
        }

        /// <summary>Makes a template of the face with known landmarks.</summary>
        /// <param name="image">The image.</param>
        /// <param name="landmarks">The face's points in the image.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The template, to be disposed of by the caller.</returns>
        /// <exception cref="ImageDecodeException">The image can't be decoded.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public Template Extract(
            Image image, Landmarks landmarks, CancellationToken cancellationToken = default(CancellationToken))
        {
            Arguments.NotNull(image, nameof(image));
            var handle = Handle;
            var points = stackalloc float[Landmarks.Floats];
            landmarks.Write(points);
            using (var cancellation = new Cancellation(cancellationToken))
            using (var pinned = new PinnedImage(image))
            {
                var native = pinned.Native;
                cancellation.Check(NativeMethods.qmf_extract_landmarks(
                    handle, &native, points, cancellation.Handle, out TemplateHandle result));
                return new Template(result);
            }
        }

        /// <summary>Makes a template of every face.</summary>
        /// <param name="image">The image.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The templates, best score first, each to be disposed of by the caller; none without a face.</returns>
        /// <exception cref="ImageDecodeException">The image can't be decoded.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public IReadOnlyList<Template> ExtractAll(
            Image image, CancellationToken cancellationToken = default(CancellationToken))
        {
            Arguments.NotNull(image, nameof(image));
            var handle = Handle;
            using (var cancellation = new Cancellation(cancellationToken))
            using (var pinned = new PinnedImage(image))
            {
                var native = pinned.Native;
                var found = new IntPtr[64];
                while (true)
                {
                    UIntPtr count;
                    int status;
                    fixed (IntPtr* start = found)
                    {
                        status = NativeMethods.qmf_extract_all(
                            handle, &native, cancellation.Handle, start, Sizes.From(found.Length), &count);
                    }
                    if (status != (int)Status.BufferTooSmall)
                    {
                        cancellation.Check(status);
                        return Templates(found, Sizes.ToInt(count));
                    }
                    found = new IntPtr[Sizes.ToInt(count)];
                }
            }
        }

        /// <summary>Makes one template of several images of one person, each counting by its quality.</summary>
        /// <param name="images">At least one. Those without a face are left out.</param>
        /// <returns>The template, to be disposed of by the caller.</returns>
        /// <exception cref="NoFaceException">No image has a face.</exception>
        /// <exception cref="ImageDecodeException">An image can't be decoded.</exception>
        public Template ExtractFused(IEnumerable<Image> images)
        {
            return ExtractFused(images, Fusion.Quality);
        }

        /// <summary>Makes one template of several images of one person.</summary>
        /// <param name="images">At least one. Those without a face are left out.</param>
        /// <param name="fusion">How much each counts.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The template, to be disposed of by the caller.</returns>
        /// <exception cref="NoFaceException">No image has a face.</exception>
        /// <exception cref="ImageDecodeException">An image can't be decoded.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public Template ExtractFused(
            IEnumerable<Image> images, Fusion fusion,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            return Result(ExtractFusedNative(images, fusion, cancellationToken, out TemplateHandle result), result);
        }

        /// <summary>
        /// As <see cref="ExtractFused(IEnumerable{Image}, Fusion, CancellationToken)"/>, without an exception where no
        /// image has a face.
        /// </summary>
        /// <param name="images">At least one. Those without a face are left out.</param>
        /// <param name="fusion">How much each counts.</param>
        /// <param name="template">The template, to be disposed of by the caller; null without a face.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>Whether an image has a face.</returns>
        /// <exception cref="ImageDecodeException">An image can't be decoded.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
#if NET8_0_OR_GREATER
        public bool TryExtractFused(
            IEnumerable<Image> images, Fusion fusion, [NotNullWhen(true)] out Template? template,
            CancellationToken cancellationToken = default(CancellationToken))
#else
        public bool TryExtractFused(
            IEnumerable<Image> images, Fusion fusion, out Template template,
            CancellationToken cancellationToken = default(CancellationToken))
#endif
        {
            var status = ExtractFusedNative(images, fusion, cancellationToken, out TemplateHandle result);
            return TryResult(status, result, out template);
        }

        /// <summary>Makes a template of an aligned face.</summary>
        /// <param name="chip">The chip, of <see cref="ChipSize"/> bytes, as <see cref="Align"/> makes it.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The template, to be disposed of by the caller.</returns>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public Template ExtractChip(byte[] chip, CancellationToken cancellationToken = default(CancellationToken))
        {
            Arguments.Filled(chip, nameof(chip));
            fixed (byte* start = chip)
            {
                return ExtractChip(start, chip.Length, cancellationToken);
            }
        }

        /// <summary>As <see cref="Extract(Image, CancellationToken)"/>, on the thread pool.</summary>
        /// <param name="image">The image; its bytes must stay as they are until the task ends.</param>
        /// <param name="cancellationToken">
        /// Ends the extraction early: while it waits for a thread, and while it runs.
        /// </param>
        /// <returns>The template, to be disposed of by the caller.</returns>
        /// <exception cref="NoFaceException">The image has no face.</exception>
        /// <exception cref="OperationCanceledException">The token ended the extraction.</exception>
        public Task<Template> ExtractAsync(
            Image image, CancellationToken cancellationToken = default(CancellationToken))
        {
            Arguments.NotNull(image, nameof(image));
            ThrowIfDisposed();
            return Task.Run(() => Extract(image, cancellationToken), cancellationToken);
        }

        /// <summary>As <see cref="ExtractAll(Image, CancellationToken)"/>, on the thread pool.</summary>
        /// <param name="image">The image; its bytes must stay as they are until the task ends.</param>
        /// <param name="cancellationToken">
        /// Ends the extraction early: while it waits for a thread, and while it runs.
        /// </param>
        /// <returns>The templates, best score first, each to be disposed of by the caller; none without a face.</returns>
        /// <exception cref="OperationCanceledException">The token ended the extraction.</exception>
        public Task<IReadOnlyList<Template>> ExtractAllAsync(
            Image image, CancellationToken cancellationToken = default(CancellationToken))
        {
            Arguments.NotNull(image, nameof(image));
            ThrowIfDisposed();
            return Task.Run(() => ExtractAll(image, cancellationToken), cancellationToken);
        }

        private static Template Result(int status, TemplateHandle result)
        {
            Failure.Check(status);
            return new Template(result);
        }

#if NET8_0_OR_GREATER
        private static bool TryResult(int status, TemplateHandle result, [NotNullWhen(true)] out Template? template)
#else
        private static bool TryResult(int status, TemplateHandle result, out Template template)
#endif
        {
            if (status == (int)Status.NoFace)
            {
                template = null;
                return false;
            }
            template = Result(status, result);
            return true;
        }

        // Handles from an array become objects; if one fails, none is left behind.
        private static IReadOnlyList<Template> Templates(IntPtr[] found, int count)
        {
            var handles = new TemplateHandle[count];
            for (var i = 0; i < count; i++)
            {
                handles[i] = new TemplateHandle(found[i]);
            }
            var templates = new Template[count];
            try
            {
                for (var i = 0; i < count; i++)
                {
                    templates[i] = new Template(handles[i]);
                }
            }
            catch
            {
                foreach (var handle in handles)
                {
                    handle.Dispose();
                }
                throw;
            }
            return templates;
        }

        // The status, which is no failure where the image has no face; a cancelled call throws.
        private int ExtractNative(Image image, CancellationToken cancellationToken, out TemplateHandle result)
        {
            Arguments.NotNull(image, nameof(image));
            var handle = Handle;
            using (var cancellation = new Cancellation(cancellationToken))
            using (var pinned = new PinnedImage(image))
            {
                var native = pinned.Native;
                return cancellation.Unless(
                    NativeMethods.qmf_extract(handle, &native, cancellation.Handle, out result));
            }
        }

        private int ExtractFusedNative(
            IEnumerable<Image> images, Fusion fusion, CancellationToken cancellationToken, out TemplateHandle result)
        {
            Arguments.NotNull(images, nameof(images));
            var handle = Handle;
            var cancellation = new Cancellation(cancellationToken);
            var pinned = new List<PinnedImage>();
            try
            {
                foreach (var image in images)
                {
                    if (image == null)
                    {
                        throw new ArgumentException("One of the images is null.", nameof(images));
                    }
                    pinned.Add(new PinnedImage(image));
                }
                Arguments.Filled(pinned.Count, nameof(images));
                var natives = pinned.ConvertAll(one => one.Native).ToArray();
                var pointers = new IntPtr[natives.Length];
                fixed (NativeImage* first = natives)
                fixed (IntPtr* start = pointers)
                {
                    for (var i = 0; i < natives.Length; i++)
                    {
                        pointers[i] = (IntPtr)(first + i);
                    }
                    return cancellation.Unless(NativeMethods.qmf_extract_fused(
                        handle, (NativeImage**)start, Sizes.From(natives.Length), (int)fusion, cancellation.Handle,
                        out result));
                }
            }
            finally
            {
                cancellation.Dispose();
                foreach (var one in pinned)
                {
                    one.Dispose();
                }
            }
        }

        private Template ExtractChip(byte* chip, int length, CancellationToken cancellationToken)
        {
            Arguments.SameLength(length, ChipSize, nameof(chip));
            using (var cancellation = new Cancellation(cancellationToken))
            {
                cancellation.Check(NativeMethods.qmf_extract_chip(
                    Handle, chip, Sizes.From(length), cancellation.Handle, out TemplateHandle result));
                return new Template(result);
            }
        }
    }
}
