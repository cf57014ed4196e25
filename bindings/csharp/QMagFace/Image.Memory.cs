#if QMAGFACE_SPAN
using System;
using QMagFace.Interop;

namespace QMagFace
{
    // The same factories for memory that isn't an array of its own.
    public sealed partial class Image
    {
        /// <summary>
        /// An image file in memory: JPEG, PNG, BMP, TIFF, WebP, GIF, PNM, JPEG 2000 or a passport's face record.
        /// </summary>
        /// <param name="data">The file's bytes.</param>
        /// <returns>The image; what the bytes are is looked at when it is used.</returns>
        /// <exception cref="ArgumentException"><paramref name="data"/> is empty.</exception>
        public static Image FromEncoded(ReadOnlyMemory<byte> data)
        {
            return new Image(ImageFormat.Encoded, 0, 0, 0, Filled(data, nameof(data)));
        }

        /// <summary>Pixels of blue, green and red.</summary>
        /// <inheritdoc cref="FromBgr(byte[], int, int, int)"/>
        public static Image FromBgr(ReadOnlyMemory<byte> data, int width, int height, int stride = 0)
        {
            return Pixels(ImageFormat.Bgr, Filled(data, nameof(data)), width, height, stride);
        }

        /// <summary>Pixels of red, green and blue.</summary>
        /// <inheritdoc cref="FromRgb(byte[], int, int, int)"/>
        public static Image FromRgb(ReadOnlyMemory<byte> data, int width, int height, int stride = 0)
        {
            return Pixels(ImageFormat.Rgb, Filled(data, nameof(data)), width, height, stride);
        }

        /// <summary>Pixels of luminance.</summary>
        /// <inheritdoc cref="FromGray(byte[], int, int, int)"/>
        public static Image FromGray(ReadOnlyMemory<byte> data, int width, int height, int stride = 0)
        {
            return Pixels(ImageFormat.Gray, Filled(data, nameof(data)), width, height, stride);
        }

        /// <summary>Pixels of blue, green, red and alpha, which is ignored.</summary>
        /// <inheritdoc cref="FromBgra(byte[], int, int, int)"/>
        public static Image FromBgra(ReadOnlyMemory<byte> data, int width, int height, int stride = 0)
        {
            return Pixels(ImageFormat.Bgra, Filled(data, nameof(data)), width, height, stride);
        }

        /// <summary>Pixels of red, green, blue and alpha, which is ignored.</summary>
        /// <inheritdoc cref="FromRgba(byte[], int, int, int)"/>
        public static Image FromRgba(ReadOnlyMemory<byte> data, int width, int height, int stride = 0)
        {
            return Pixels(ImageFormat.Rgba, Filled(data, nameof(data)), width, height, stride);
        }

        /// <summary>NV12 whose plane of chroma follows that of luma.</summary>
        /// <inheritdoc cref="FromNv12(byte[], int, int, int)"/>
        public static Image FromNv12(ReadOnlyMemory<byte> data, int width, int height, int stride = 0)
        {
            return Pixels(ImageFormat.Nv12, Filled(data, nameof(data)), width, height, stride);
        }

        /// <summary>NV21 whose plane of chroma follows that of luma: V before U.</summary>
        /// <inheritdoc cref="FromNv21(byte[], int, int, int)"/>
        public static Image FromNv21(ReadOnlyMemory<byte> data, int width, int height, int stride = 0)
        {
            return Pixels(ImageFormat.Nv21, Filled(data, nameof(data)), width, height, stride);
        }

        /// <summary>I420 whose planes of U and V follow that of luma.</summary>
        /// <inheritdoc cref="FromI420(byte[], int, int, int)"/>
        public static Image FromI420(ReadOnlyMemory<byte> data, int width, int height, int stride = 0)
        {
            return Pixels(ImageFormat.I420, Filled(data, nameof(data)), width, height, stride);
        }

        /// <summary>NV12 of two planes in different places.</summary>
        /// <inheritdoc cref="FromNv12(byte[], byte[], int, int, int, int)"/>
        public static Image FromNv12(
            ReadOnlyMemory<byte> luma, ReadOnlyMemory<byte> chroma, int width, int height, int stride = 0,
            int chromaStride = 0)
        {
            return Planes(
                ImageFormat.Nv12, Filled(luma, nameof(luma)), Filled(chroma, nameof(chroma)), width, height, stride,
                chromaStride);
        }

        /// <summary>NV21 of two planes in different places.</summary>
        /// <inheritdoc cref="FromNv21(byte[], byte[], int, int, int, int)"/>
        public static Image FromNv21(
            ReadOnlyMemory<byte> luma, ReadOnlyMemory<byte> chroma, int width, int height, int stride = 0,
            int chromaStride = 0)
        {
            return Planes(
                ImageFormat.Nv21, Filled(luma, nameof(luma)), Filled(chroma, nameof(chroma)), width, height, stride,
                chromaStride);
        }

        /// <summary>I420 of three planes in different places.</summary>
        /// <inheritdoc cref="FromI420(byte[], byte[], byte[], int, int, int, int)"/>
        public static Image FromI420(
            ReadOnlyMemory<byte> luma, ReadOnlyMemory<byte> u, ReadOnlyMemory<byte> v, int width, int height, int stride = 0,
            int chromaStride = 0)
        {
            return Planes(
                ImageFormat.I420, Filled(luma, nameof(luma)), Filled(u, nameof(u)), Filled(v, nameof(v)), width, height,
                stride, chromaStride);
        }

        private static Plane Filled(ReadOnlyMemory<byte> data, string parameter)
        {
            Arguments.Filled(data.Length, parameter);
            return new Plane(data);
        }
    }
}
#endif
