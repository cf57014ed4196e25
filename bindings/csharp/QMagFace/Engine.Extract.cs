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
        /// <returns>The template, to be disposed of by the caller.</returns>
        /// <exception cref="NoFaceException">The image has no face.</exception>
        /// <exception cref="ImageDecodeException">The image can't be decoded.</exception>
        public Template Extract(Image image)
        {
            return Result(ExtractNative(image, out TemplateHandle result), result);
        }

        /// <summary>As <see cref="Extract(Image)"/>, without an exception where the image has no face.</summary>
        /// <param name="image">The image.</param>
        /// <param name="template">The template, to be disposed of by the caller; null without a face.</param>
        /// <returns>Whether the image has a face.</returns>
        /// <exception cref="ImageDecodeException">The image can't be decoded.</exception>
#if NET8_0_OR_GREATER
        public bool TryExtract(Image image, [NotNullWhen(true)] out Template? template)
#else
        public bool TryExtract(Image image, out Template template)
#endif
        {
            return TryResult(ExtractNative(image, out TemplateHandle result), result, out template);
        }

        /// <summary>Makes a template of the face with known landmarks.</summary>
        /// <param name="image">The image.</param>
        /// <param name="landmarks">The face's points in the image.</param>
        /// <returns>The template, to be disposed of by the caller.</returns>
        /// <exception cref="ImageDecodeException">The image can't be decoded.</exception>
        public Template Extract(Image image, Landmarks landmarks)
        {
            Arguments.NotNull(image, nameof(image));
            var handle = Handle;
            var points = stackalloc float[Landmarks.Floats];
            landmarks.Write(points);
            using (var pinned = new PinnedImage(image))
            {
                var native = pinned.Native;
                var status = NativeMethods.qmf_extract_landmarks(handle, &native, points, out TemplateHandle result);
                return Result(status, result);
            }
        }

        /// <summary>Makes a template of every face.</summary>
        /// <param name="image">The image.</param>
        /// <returns>The templates, best score first, each to be disposed of by the caller; none without a face.</returns>
        /// <exception cref="ImageDecodeException">The image can't be decoded.</exception>
        public IReadOnlyList<Template> ExtractAll(Image image)
        {
            Arguments.NotNull(image, nameof(image));
            var handle = Handle;
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
                        status = NativeMethods.qmf_extract_all(handle, &native, start, Sizes.From(found.Length), &count);
                    }
                    if (status != (int)Status.BufferTooSmall)
                    {
                        Failure.Check(status);
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
        /// <returns>The template, to be disposed of by the caller.</returns>
        /// <exception cref="NoFaceException">No image has a face.</exception>
        /// <exception cref="ImageDecodeException">An image can't be decoded.</exception>
        public Template ExtractFused(IEnumerable<Image> images, Fusion fusion)
        {
            return Result(ExtractFusedNative(images, fusion, out TemplateHandle result), result);
        }

        /// <summary>
        /// As <see cref="ExtractFused(IEnumerable{Image}, Fusion)"/>, without an exception where no image has a face.
        /// </summary>
        /// <param name="images">At least one. Those without a face are left out.</param>
        /// <param name="fusion">How much each counts.</param>
        /// <param name="template">The template, to be disposed of by the caller; null without a face.</param>
        /// <returns>Whether an image has a face.</returns>
        /// <exception cref="ImageDecodeException">An image can't be decoded.</exception>
#if NET8_0_OR_GREATER
        public bool TryExtractFused(
            IEnumerable<Image> images, Fusion fusion, [NotNullWhen(true)] out Template? template)
#else
        public bool TryExtractFused(IEnumerable<Image> images, Fusion fusion, out Template template)
#endif
        {
            return TryResult(ExtractFusedNative(images, fusion, out TemplateHandle result), result, out template);
        }

        /// <summary>Makes a template of an aligned face.</summary>
        /// <param name="chip">The chip, of <see cref="ChipSize"/> bytes, as <see cref="Align"/> makes it.</param>
        /// <returns>The template, to be disposed of by the caller.</returns>
        public Template ExtractChip(byte[] chip)
        {
            Arguments.Filled(chip, nameof(chip));
            fixed (byte* start = chip)
            {
                return ExtractChip(start, chip.Length);
            }
        }

        /// <summary>As <see cref="Extract(Image)"/>, on the thread pool.</summary>
        /// <inheritdoc cref="ExtractAsync(Image, CancellationToken)"/>
        public Task<Template> ExtractAsync(Image image)
        {
            return ExtractAsync(image, CancellationToken.None);
        }

        /// <summary>As <see cref="Extract(Image)"/>, on the thread pool.</summary>
        /// <param name="image">The image; its bytes must stay as they are until the task ends.</param>
        /// <param name="cancellationToken">
        /// Cancels an extraction that waits for a thread. One that runs goes on to its end; its template is freed and
        /// the task is cancelled.
        /// </param>
        /// <returns>The template, to be disposed of by the caller.</returns>
        /// <exception cref="NoFaceException">The image has no face.</exception>
        /// <exception cref="OperationCanceledException">The extraction was cancelled.</exception>
        public Task<Template> ExtractAsync(Image image, CancellationToken cancellationToken)
        {
            Arguments.NotNull(image, nameof(image));
            ThrowIfDisposed();
            return Task.Run(
                () =>
                {
                    var template = Extract(image);
                    if (cancellationToken.IsCancellationRequested)
                    {
                        template.Dispose();
                        cancellationToken.ThrowIfCancellationRequested();
                    }
                    return template;
                },
                cancellationToken);
        }

        /// <summary>As <see cref="ExtractAll(Image)"/>, on the thread pool.</summary>
        /// <inheritdoc cref="ExtractAllAsync(Image, CancellationToken)"/>
        public Task<IReadOnlyList<Template>> ExtractAllAsync(Image image)
        {
            return ExtractAllAsync(image, CancellationToken.None);
        }

        /// <summary>As <see cref="ExtractAll(Image)"/>, on the thread pool.</summary>
        /// <param name="image">The image; its bytes must stay as they are until the task ends.</param>
        /// <param name="cancellationToken">
        /// Cancels an extraction that waits for a thread. One that runs goes on to its end; its templates are freed and
        /// the task is cancelled.
        /// </param>
        /// <returns>The templates, best score first, each to be disposed of by the caller; none without a face.</returns>
        /// <exception cref="OperationCanceledException">The extraction was cancelled.</exception>
        public Task<IReadOnlyList<Template>> ExtractAllAsync(Image image, CancellationToken cancellationToken)
        {
            Arguments.NotNull(image, nameof(image));
            ThrowIfDisposed();
            return Task.Run(
                () =>
                {
                    var templates = ExtractAll(image);
                    if (cancellationToken.IsCancellationRequested)
                    {
                        foreach (var template in templates)
                        {
                            template.Dispose();
                        }
                        cancellationToken.ThrowIfCancellationRequested();
                    }
                    return templates;
                },
                cancellationToken);
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

        private int ExtractNative(Image image, out TemplateHandle result)
        {
            Arguments.NotNull(image, nameof(image));
            var handle = Handle;
            using (var pinned = new PinnedImage(image))
            {
                var native = pinned.Native;
                return NativeMethods.qmf_extract(handle, &native, out result);
            }
        }

        private int ExtractFusedNative(IEnumerable<Image> images, Fusion fusion, out TemplateHandle result)
        {
            Arguments.NotNull(images, nameof(images));
            var handle = Handle;
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
                    return NativeMethods.qmf_extract_fused(
                        handle, (NativeImage**)start, Sizes.From(natives.Length), (int)fusion, out result);
                }
            }
            finally
            {
                foreach (var one in pinned)
                {
                    one.Dispose();
                }
            }
        }

        private Template ExtractChip(byte* chip, int length)
        {
            Arguments.SameLength(length, ChipSize, nameof(chip));
            return Result(
                NativeMethods.qmf_extract_chip(Handle, chip, Sizes.From(length), out TemplateHandle result), result);
        }
    }
}
