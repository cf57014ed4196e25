using System;
using System.IO;
using NUnit.Framework;

namespace QMagFace.Tests
{
    // What the tests share: one engine, the photos, and images made of a photo's face.
    internal static class Shared
    {
        private static readonly Lazy<Engine> TheEngine = new Lazy<Engine>(() => new Engine("sface", Options()));
        private static readonly Lazy<byte[]> TheChip = new Lazy<byte[]>(CutChip);

        internal static Engine Engine
        {
            get { return TheEngine.Value; }
        }

        // An aligned face.
        internal static byte[] Chip
        {
            get { return (byte[])TheChip.Value.Clone(); }
        }

        internal static EngineOptions Options()
        {
            return new EngineOptions { Device = Device.Cpu, Threads = 1 };
        }

        internal static string PhotoPath(string name)
        {
            return Path.Combine(Setting("QMAGFACE_PHOTOS"), name);
        }

        internal static Image Photo(string name)
        {
            return Image.FromFile(PhotoPath(name));
        }

        internal static string Setting(string name)
        {
            var value = Environment.GetEnvironmentVariable(name);
            Assert.That(value, Is.Not.Null.And.Not.Empty, name + " is not set: run bindings/csharp/run-tests");
            return value;
        }

        // A picture without a face.
        internal static Image Blank()
        {
            var pixels = new byte[160 * 120];
            for (var i = 0; i < pixels.Length; i++)
            {
                pixels[i] = 128;
            }
            return Image.FromGray(pixels, 160, 120);
        }

        internal static void Throws<T>(TestDelegate call)
            where T : Exception
        {
            var error = Assert.Throws<T>(call);
            Assert.That(error.Message, Is.Not.Empty);
        }

        internal static Status FailsWith(TestDelegate call)
        {
            var error = Assert.Catch<QMagFaceException>(call);
            Assert.That(error.Message, Is.Not.Empty);
            return error.Status;
        }

        private static byte[] CutChip()
        {
            var photo = Photo("obama2.jpg");
            return Engine.Align(photo, Engine.Detect(photo)[0].Landmarks);
        }
    }
}
