using System;
using System.IO;
using QMagFace.Interop;

namespace QMagFace
{
    /// <summary>An image that faces are looked for in: an encoded file, or 8-bit pixels.</summary>
    /// <remarks>
    /// It refers to the bytes it is made from and copies none: don't change them while a call uses the image. The
    /// library keeps nothing of them after a call. Widths, heights and strides that don't fit the bytes are refused by
    /// the call that the image is given to.
    /// </remarks>
    public sealed partial class Image
    {
        private Image(ImageFormat format, int width, int height, int stride, Plane data)
        {
            Format = format;
            Width = width;
            Height = height;
            Stride = stride;
            Data = data;
        }

        private Image(Image other)
        {
            Format = other.Format;
            Width = other.Width;
            Height = other.Height;
            Stride = other.Stride;
            Data = other.Data;
            ChromaPlanes = other.ChromaPlanes;
            Chroma0 = other.Chroma0;
            Chroma1 = other.Chroma1;
            ChromaStride = other.ChromaStride;
            Rotation = other.Rotation;
            YuvStandard = other.YuvStandard;
        }

        /// <summary>How the bytes are ordered.</summary>
        public ImageFormat Format { get; }

        /// <summary>Width in pixels before <see cref="Rotation"/>; 0 of an encoded image.</summary>
        public int Width { get; }

        /// <summary>Height in pixels before <see cref="Rotation"/>; 0 of an encoded image.</summary>
        public int Height { get; }

        /// <summary>Bytes from one row to the next; 0 for rows without padding.</summary>
        public int Stride { get; }

        /// <summary>How far the image must be turned to be upright. All coordinates are of the turned image.</summary>
        public Rotation Rotation { get; private set; }

        /// <summary>How YUV turns into colours; only of NV12, NV21 and I420.</summary>
        public YuvStandard YuvStandard { get; private set; }

        internal Plane Data { get; }

        internal int ChromaPlanes { get; private set; }

        internal Plane Chroma0 { get; private set; }

        internal Plane Chroma1 { get; private set; }

        internal int ChromaStride { get; private set; }

        /// <summary>
        /// An image file in memory: JPEG, PNG, BMP, TIFF, WebP, GIF, PNM, JPEG 2000 or a passport's face record.
        /// </summary>
        /// <param name="data">The file's bytes.</param>
        /// <returns>The image; what the bytes are is looked at when it is used.</returns>
        /// <exception cref="ArgumentException"><paramref name="data"/> is null or empty.</exception>
        public static Image FromEncoded(byte[] data)
        {
            return new Image(ImageFormat.Encoded, 0, 0, 0, Filled(data, nameof(data)));
        }

        /// <summary>An image file on disk, which is read now.</summary>
        /// <param name="path">The file's path.</param>
        /// <returns>The image; what the bytes are is looked at when it is used.</returns>
        /// <exception cref="IOException">The file can't be read.</exception>
        /// <exception cref="InvalidDataException">The file is empty.</exception>
        public static Image FromFile(string path)
        {
            var data = File.ReadAllBytes(path);
            if (data.Length == 0)
            {
                throw new InvalidDataException("The file is empty: " + path);
            }
            return FromEncoded(data);
        }

        /// <summary>Pixels of blue, green and red.</summary>
        /// <param name="data">The rows, top down.</param>
        /// <param name="width">Width in pixels.</param>
        /// <param name="height">Height in pixels.</param>
        /// <param name="stride">Bytes from one row to the next; 0 for rows without padding.</param>
        /// <returns>The image.</returns>
        /// <exception cref="ArgumentException">No bytes, or a width, height or stride out of range.</exception>
        public static Image FromBgr(byte[] data, int width, int height, int stride = 0)
        {
            return Pixels(ImageFormat.Bgr, Filled(data, nameof(data)), width, height, stride);
        }

        /// <summary>Pixels of red, green and blue.</summary>
        /// <inheritdoc cref="FromBgr(byte[], int, int, int)"/>
        public static Image FromRgb(byte[] data, int width, int height, int stride = 0)
        {
            return Pixels(ImageFormat.Rgb, Filled(data, nameof(data)), width, height, stride);
        }

        /// <summary>Pixels of luminance.</summary>
        /// <inheritdoc cref="FromBgr(byte[], int, int, int)"/>
        public static Image FromGray(byte[] data, int width, int height, int stride = 0)
        {
            return Pixels(ImageFormat.Gray, Filled(data, nameof(data)), width, height, stride);
        }

        /// <summary>Pixels of blue, green, red and alpha, which is ignored.</summary>
        /// <inheritdoc cref="FromBgr(byte[], int, int, int)"/>
        public static Image FromBgra(byte[] data, int width, int height, int stride = 0)
        {
            return Pixels(ImageFormat.Bgra, Filled(data, nameof(data)), width, height, stride);
        }

        /// <summary>Pixels of red, green, blue and alpha, which is ignored.</summary>
        /// <inheritdoc cref="FromBgr(byte[], int, int, int)"/>
        public static Image FromRgba(byte[] data, int width, int height, int stride = 0)
        {
            return Pixels(ImageFormat.Rgba, Filled(data, nameof(data)), width, height, stride);
        }

        /// <summary>NV12 whose plane of chroma follows that of luma.</summary>
        /// <param name="data">Luma, then U and V in turn.</param>
        /// <param name="width">Width in pixels, even.</param>
        /// <param name="height">Height in pixels, even.</param>
        /// <param name="stride">Bytes from one row to the next in both planes; 0 for rows without padding.</param>
        /// <returns>The image.</returns>
        /// <exception cref="ArgumentException">No bytes, or a width, height or stride out of range.</exception>
        public static Image FromNv12(byte[] data, int width, int height, int stride = 0)
        {
            return Pixels(ImageFormat.Nv12, Filled(data, nameof(data)), width, height, stride);
        }

        /// <summary>NV12 of two planes in different places.</summary>
        /// <param name="luma">The plane of luma.</param>
        /// <param name="chroma">The plane of U and V in turn.</param>
        /// <param name="width">Width in pixels, even.</param>
        /// <param name="height">Height in pixels, even.</param>
        /// <param name="stride">Bytes from one row of luma to the next; 0 for rows without padding.</param>
        /// <param name="chromaStride">Bytes from one row of chroma to the next; 0 for the stride of luma.</param>
        /// <returns>The image.</returns>
        /// <exception cref="ArgumentException">No bytes, or a width, height or stride out of range.</exception>
        public static Image FromNv12(
            byte[] luma, byte[] chroma, int width, int height, int stride = 0, int chromaStride = 0)
        {
            return Planes(
                ImageFormat.Nv12, Filled(luma, nameof(luma)), Filled(chroma, nameof(chroma)), width, height, stride,
                chromaStride);
        }

        /// <summary>NV21 whose plane of chroma follows that of luma: V before U.</summary>
        /// <inheritdoc cref="FromNv12(byte[], int, int, int)"/>
        public static Image FromNv21(byte[] data, int width, int height, int stride = 0)
        {
            return Pixels(ImageFormat.Nv21, Filled(data, nameof(data)), width, height, stride);
        }

        /// <summary>NV21 of two planes in different places: V before U.</summary>
        /// <inheritdoc cref="FromNv12(byte[], byte[], int, int, int, int)"/>
        public static Image FromNv21(
            byte[] luma, byte[] chroma, int width, int height, int stride = 0, int chromaStride = 0)
        {
            return Planes(
                ImageFormat.Nv21, Filled(luma, nameof(luma)), Filled(chroma, nameof(chroma)), width, height, stride,
                chromaStride);
        }

        /// <summary>I420 whose planes of U and V follow that of luma.</summary>
        /// <param name="data">Luma, then U, then V.</param>
        /// <param name="width">Width in pixels, even.</param>
        /// <param name="height">Height in pixels, even.</param>
        /// <param name="stride">Bytes from one row of luma to the next, twice those of chroma; 0 for no padding.</param>
        /// <returns>The image.</returns>
        /// <exception cref="ArgumentException">No bytes, or a width, height or stride out of range.</exception>
        public static Image FromI420(byte[] data, int width, int height, int stride = 0)
        {
            return Pixels(ImageFormat.I420, Filled(data, nameof(data)), width, height, stride);
        }

        /// <summary>I420 of three planes in different places.</summary>
        /// <param name="luma">The plane of luma.</param>
        /// <param name="u">The plane of U.</param>
        /// <param name="v">The plane of V.</param>
        /// <param name="width">Width in pixels, even.</param>
        /// <param name="height">Height in pixels, even.</param>
        /// <param name="stride">Bytes from one row of luma to the next; 0 for rows without padding.</param>
        /// <param name="chromaStride">Bytes from one row of U or V to the next; 0 for half the stride of luma.</param>
        /// <returns>The image.</returns>
        /// <exception cref="ArgumentException">No bytes, or a width, height or stride out of range.</exception>
        public static Image FromI420(
            byte[] luma, byte[] u, byte[] v, int width, int height, int stride = 0, int chromaStride = 0)
        {
            return Planes(
                ImageFormat.I420, Filled(luma, nameof(luma)), Filled(u, nameof(u)), Filled(v, nameof(v)), width, height,
                stride, chromaStride);
        }

        /// <summary>The same bytes, to be turned before use.</summary>
        /// <param name="rotation">How far the image must be turned to be upright.</param>
        /// <returns>A new image of the same bytes.</returns>
        /// <exception cref="ArgumentOutOfRangeException">Not a quarter turn.</exception>
        public Image WithRotation(Rotation rotation)
        {
            if (!Enum.IsDefined(typeof(Rotation), rotation))
            {
                throw new ArgumentOutOfRangeException(nameof(rotation), "A rotation is 0, 90, 180 or 270 degrees.");
            }
            return new Image(this) { Rotation = rotation };
        }

        /// <summary>The same bytes, their YUV read by another standard.</summary>
        /// <param name="standard">How YUV turns into colours.</param>
        /// <returns>A new image of the same bytes.</returns>
        /// <exception cref="ArgumentOutOfRangeException">No such standard.</exception>
        /// <exception cref="InvalidOperationException">The image is not NV12, NV21 or I420.</exception>
        public Image WithYuvStandard(YuvStandard standard)
        {
            if (!Enum.IsDefined(typeof(YuvStandard), standard))
            {
                throw new ArgumentOutOfRangeException(nameof(standard), "No such standard.");
            }
            if (Format != ImageFormat.Nv12 && Format != ImageFormat.Nv21 && Format != ImageFormat.I420)
            {
                throw new InvalidOperationException("The image is " + Format + " and has no YUV.");
            }
            return new Image(this) { YuvStandard = standard };
        }

        private static Plane Filled(byte[] data, string parameter)
        {
            Arguments.Filled(data, parameter);
            return new Plane(data);
        }

        private static Image Pixels(ImageFormat format, Plane data, int width, int height, int stride)
        {
            Arguments.Positive(width, nameof(width));
            Arguments.Positive(height, nameof(height));
            Arguments.NotNegative(stride, nameof(stride));
            return new Image(format, width, height, stride, data);
        }

        private static Image Planes(
            ImageFormat format, Plane luma, Plane chroma, int width, int height, int stride, int chromaStride)
        {
            Arguments.NotNegative(chromaStride, nameof(chromaStride));
            var image = Pixels(format, luma, width, height, stride);
            image.ChromaPlanes = 1;
            image.Chroma0 = chroma;
            image.ChromaStride = chromaStride;
            return image;
        }

        private static Image Planes(
            ImageFormat format, Plane luma, Plane u, Plane v, int width, int height, int stride, int chromaStride)
        {
            var image = Planes(format, luma, u, width, height, stride, chromaStride);
            image.ChromaPlanes = 2;
            image.Chroma1 = v;
            return image;
        }
    }
}
