using System;

namespace QMagFace.Tests
{
    // A face in a frame, in every layout that the library takes; each conversion is written out plainly.
    internal sealed class Pixels
    {
        private Pixels(int width, int height, byte[] bgr)
        {
            Width = width;
            Height = height;
            Bgr = bgr;
        }

        internal int Width { get; }

        internal int Height { get; }

        internal byte[] Bgr { get; }

        // The chip in the middle of a grey frame: even, and wider than high, so that a mix-up of sides shows.
        internal static Pixels Framed(byte[] chip)
        {
            const int width = 240, height = 200, left = 60, top = 40;
            var bgr = new byte[width * height * 3];
            for (var i = 0; i < bgr.Length; i++)
            {
                bgr[i] = 120;
            }
            for (var y = 0; y < Engine.ChipSide; y++)
            {
                Array.Copy(
                    chip, y * Engine.ChipSide * 3, bgr, (((top + y) * width) + left) * 3, Engine.ChipSide * 3);
            }
            return new Pixels(width, height, bgr);
        }

        internal byte[] Convert(int channels, Func<byte, byte, byte, byte[]> pixel)
        {
            var result = new byte[Width * Height * channels];
            for (var i = 0; i < Width * Height; i++)
            {
                Array.Copy(pixel(Bgr[i * 3], Bgr[(i * 3) + 1], Bgr[(i * 3) + 2]), 0, result, i * channels, channels);
            }
            return result;
        }

        // Rows of `row` bytes put `stride` bytes apart.
        internal static byte[] Pad(byte[] rows, int row, int stride)
        {
            var count = rows.Length / row;
            var result = new byte[count * stride];
            for (var y = 0; y < count; y++)
            {
                Array.Copy(rows, y * row, result, y * stride, row);
            }
            return result;
        }

        // A quarter turn clockwise.
        internal Pixels Turned()
        {
            var result = new byte[Bgr.Length];
            for (var y = 0; y < Height; y++)
            {
                for (var x = 0; x < Width; x++)
                {
                    Array.Copy(Bgr, ((y * Width) + x) * 3, result, ((x * Height) + (Height - 1 - y)) * 3, 3);
                }
            }
            return new Pixels(Height, Width, result);
        }

        // BT.601, full range: the planes Y, U and V.
        internal byte[][] Yuv()
        {
            var luma = Convert(1, (b, g, r) => new[] { Clamp((0.299 * r) + (0.587 * g) + (0.114 * b)) });
            var u = new byte[Width / 2 * (Height / 2)];
            var v = new byte[u.Length];
            for (var y = 0; y < Height / 2; y++)
            {
                for (var x = 0; x < Width / 2; x++)
                {
                    double b = 0, g = 0, r = 0;
                    foreach (var corner in new[] { 0, 1, Width, Width + 1 })
                    {
                        var at = ((y * 2 * Width) + (x * 2) + corner) * 3;
                        b += Bgr[at] / 4.0;
                        g += Bgr[at + 1] / 4.0;
                        r += Bgr[at + 2] / 4.0;
                    }
                    u[(y * Width / 2) + x] = Clamp(128 - (0.168736 * r) - (0.331264 * g) + (0.5 * b));
                    v[(y * Width / 2) + x] = Clamp(128 + (0.5 * r) - (0.418688 * g) - (0.081312 * b));
                }
            }
            return new[] { luma, u, v };
        }

        internal static byte[] InTurn(byte[] first, byte[] second)
        {
            var result = new byte[first.Length * 2];
            for (var i = 0; i < first.Length; i++)
            {
                result[i * 2] = first[i];
                result[(i * 2) + 1] = second[i];
            }
            return result;
        }

        internal static byte[] Join(params byte[][] parts)
        {
            var length = 0;
            foreach (var part in parts)
            {
                length += part.Length;
            }
            var result = new byte[length];
            var at = 0;
            foreach (var part in parts)
            {
                part.CopyTo(result, at);
                at += part.Length;
            }
            return result;
        }

        private static byte Clamp(double value)
        {
            return (byte)Math.Max(0, Math.Min(255, Math.Round(value)));
        }
    }
}
