using System;
using System.IO;
using NUnit.Framework;

namespace QMagFace.Tests
{
    [TestFixture]
    public class ImageTests
    {
        private Pixels _pixels;
        private float[] _expected;

        [TestFixtureSetUp]
        public void Frame()
        {
            _pixels = Pixels.Framed(Shared.Chip);
            _expected = Embedding(Image.FromBgr(_pixels.Bgr, _pixels.Width, _pixels.Height));
        }

        [Test]
        public void ColoursInAnyOrderAreTheSameImage()
        {
            int width = _pixels.Width, height = _pixels.Height;
            var rgb = _pixels.Convert(3, (b, g, r) => new[] { r, g, b });
            var bgra = _pixels.Convert(4, (b, g, r) => new byte[] { b, g, r, 7 });
            var rgba = _pixels.Convert(4, (b, g, r) => new byte[] { r, g, b, 7 });
            Assert.That(Embedding(Image.FromRgb(rgb, width, height)), Is.EqualTo(_expected));
            Assert.That(Embedding(Image.FromBgra(bgra, width, height)), Is.EqualTo(_expected));
            Assert.That(Embedding(Image.FromRgba(rgba, width, height)), Is.EqualTo(_expected));
#if QMAGFACE_SPAN
            Assert.That(Embedding(Image.FromBgr(Memory(_pixels.Bgr), width, height)), Is.EqualTo(_expected));
            Assert.That(Embedding(Image.FromRgb(Memory(rgb), width, height)), Is.EqualTo(_expected));
            Assert.That(Embedding(Image.FromBgra(Memory(bgra), width, height)), Is.EqualTo(_expected));
            Assert.That(Embedding(Image.FromRgba(Memory(rgba), width, height)), Is.EqualTo(_expected));
#endif
        }

        [Test]
        public void GrayIsTheSamePerson()
        {
            var gray = _pixels.Yuv()[0];
            var embedding = Embedding(Image.FromGray(gray, _pixels.Width, _pixels.Height));
            Assert.That(Cosine(embedding), Is.GreaterThan(0.8));
#if QMAGFACE_SPAN
            Assert.That(Embedding(Image.FromGray(Memory(gray), _pixels.Width, _pixels.Height)), Is.EqualTo(embedding));
#endif
        }

        [Test]
        public void RowsMayBePadded()
        {
            var stride = (_pixels.Width * 3) + 13;
            var image = Image.FromBgr(
                Pixels.Pad(_pixels.Bgr, _pixels.Width * 3, stride), _pixels.Width, _pixels.Height, stride);
            Assert.That(image.Stride, Is.EqualTo(stride));
            Assert.That(Embedding(image), Is.EqualTo(_expected));
        }

        [Test]
        public void YuvLayoutsAreTheSameImage()
        {
            int width = _pixels.Width, height = _pixels.Height;
            var yuv = _pixels.Yuv();
            byte[] luma = yuv[0], u = yuv[1], v = yuv[2];
            byte[] uv = Pixels.InTurn(u, v), vu = Pixels.InTurn(v, u);
            byte[] nv12 = Pixels.Join(luma, uv), nv21 = Pixels.Join(luma, vu), i420 = Pixels.Join(luma, u, v);
            var embedding = Embedding(Full(Image.FromNv12(nv12, width, height)));
            Assert.That(Cosine(embedding), Is.GreaterThan(0.97));

            var paddedLuma = Pixels.Pad(luma, width, width + 10);
            var images = new[]
            {
                Image.FromNv12(luma, uv, width, height),
                Image.FromNv12(paddedLuma, Pixels.Pad(uv, width, width + 4), width, height, width + 10, width + 4),
                Image.FromNv21(nv21, width, height),
                Image.FromNv21(luma, vu, width, height),
                Image.FromI420(i420, width, height),
                Image.FromI420(luma, u, v, width, height),
                Image.FromI420(
                    paddedLuma, Pixels.Pad(u, width / 2, width), Pixels.Pad(v, width / 2, width), width, height,
                    width + 10, width),
#if QMAGFACE_SPAN
                Image.FromNv12(Memory(nv12), width, height),
                Image.FromNv12(Memory(luma), Memory(uv), width, height),
                Image.FromNv21(Memory(nv21), width, height),
                Image.FromNv21(Memory(luma), Memory(vu), width, height),
                Image.FromI420(Memory(i420), width, height),
                Image.FromI420(Memory(luma), Memory(u), Memory(v), width, height),
#endif
            };
            foreach (var image in images)
            {
                Assert.That(Embedding(Full(image)), Is.EqualTo(embedding), image.Format.ToString());
            }
        }

        [Test]
        public void TheYuvStandardCounts()
        {
            var yuv = _pixels.Yuv();
            var image = Image.FromI420(yuv[0], yuv[1], yuv[2], _pixels.Width, _pixels.Height);
            Assert.That(image.YuvStandard, Is.EqualTo(YuvStandard.Bt601Limited));
            var other = image.WithYuvStandard(YuvStandard.Bt709Full);
            Assert.That(other.YuvStandard, Is.EqualTo(YuvStandard.Bt709Full));
            Assert.That(image.YuvStandard, Is.EqualTo(YuvStandard.Bt601Limited));
            Assert.That(Embedding(other), Is.Not.EqualTo(Embedding(image)));
        }

        [Test]
        public void TurnedImagesAreTurnedBack()
        {
            var turned = _pixels;
            foreach (var rotation in new[] { Rotation.Clockwise270, Rotation.Clockwise180, Rotation.Clockwise90 })
            {
                turned = turned.Turned();
                var image = Image.FromBgr(turned.Bgr, turned.Width, turned.Height).WithRotation(rotation);
                Assert.That(image.Rotation, Is.EqualTo(rotation));
                Assert.That(Embedding(image), Is.EqualTo(_expected), rotation.ToString());
            }
        }

        [Test]
        public void EncodedImagesComeFromFileAndMemory()
        {
            var path = Shared.PhotoPath("obama2.jpg");
            var data = File.ReadAllBytes(path);
            var expected = Embedding(Image.FromFile(path));
            var image = Image.FromEncoded(data);
            Assert.That(image.Format, Is.EqualTo(ImageFormat.Encoded));
            Assert.That(new[] { image.Width, image.Height, image.Stride }, Is.EqualTo(new[] { 0, 0, 0 }));
            Assert.That(image.Rotation, Is.EqualTo(Rotation.None));
            Assert.That(Embedding(image), Is.EqualTo(expected));
#if QMAGFACE_SPAN
            Assert.That(Embedding(Image.FromEncoded(Memory(data))), Is.EqualTo(expected));
#endif
        }

        [Test]
        public void WrongArgumentsAreRefusedBeforeTheCall()
        {
            var some = new byte[12];
            Shared.Throws<ArgumentNullException>(() => Image.FromEncoded((byte[])null));
            Shared.Throws<ArgumentException>(() => Image.FromEncoded(new byte[0]));
            Shared.Throws<ArgumentNullException>(() => Image.FromFile(null));
            Shared.Throws<FileNotFoundException>(() => Image.FromFile("/nowhere.jpg"));
            Shared.Throws<ArgumentNullException>(() => Image.FromBgr((byte[])null, 1, 1));
            Shared.Throws<ArgumentException>(() => Image.FromBgr(new byte[0], 1, 1));
            Shared.Throws<ArgumentOutOfRangeException>(() => Image.FromBgr(some, 0, 1));
            Shared.Throws<ArgumentOutOfRangeException>(() => Image.FromRgb(some, 1, -1));
            Shared.Throws<ArgumentOutOfRangeException>(() => Image.FromGray(some, 1, 1, -1));
            Shared.Throws<ArgumentNullException>(() => Image.FromNv12(some, (byte[])null, 2, 2));
            Shared.Throws<ArgumentNullException>(() => Image.FromI420(some, some, (byte[])null, 2, 2));
            Shared.Throws<ArgumentOutOfRangeException>(() => Image.FromNv21(some, some, 2, 2, 0, -1));
            Shared.Throws<ArgumentOutOfRangeException>(() => Shared.Blank().WithRotation((Rotation)45));
            Shared.Throws<InvalidOperationException>(() => Shared.Blank().WithYuvStandard(YuvStandard.Bt601Full));
            Shared.Throws<ArgumentOutOfRangeException>(
                () => Image.FromI420(some, 2, 2).WithYuvStandard((YuvStandard)9));
        }

        [Test]
        public void EmptyFilesAreRefused()
        {
            var path = Path.GetTempFileName();
            try
            {
                Shared.Throws<InvalidDataException>(() => Image.FromFile(path));
            }
            finally
            {
                File.Delete(path);
            }
        }

        [Test]
        public void BytesThatDoNotFitAreRefusedByTheLibrary()
        {
            var few = new byte[100];
            foreach (var image in new[]
            {
                Image.FromBgr(few, 200, 200),
                Image.FromBgr(few, 10, 3, 5),
                Image.FromNv12(new byte[9], 3, 2),
                Image.FromI420(few, few, few, 100, 100),
            })
            {
                Assert.That(
                    Shared.FailsWith(() => Shared.Engine.Extract(image)), Is.EqualTo(Status.InvalidArgument));
            }
            Shared.Throws<ImageDecodeException>(() => Shared.Engine.Extract(Image.FromEncoded(few)));
            var cut = new byte[5000];
            Array.Copy(File.ReadAllBytes(Shared.PhotoPath("obama2.jpg")), cut, cut.Length);
            Shared.Throws<ImageDecodeException>(() => Shared.Engine.Detect(Image.FromEncoded(cut)));
        }

        private static Image Full(Image image)
        {
            return image.WithYuvStandard(YuvStandard.Bt601Full);
        }

        private static float[] Embedding(Image image)
        {
            using (var template = Shared.Engine.Extract(image))
            {
                return template.GetEmbedding();
            }
        }

#if QMAGFACE_SPAN
        // A part of a larger array, as a frame in a ring buffer would be.
        private static ReadOnlyMemory<byte> Memory(byte[] bytes)
        {
            var larger = new byte[bytes.Length + 11];
            bytes.CopyTo(larger, 5);
            return new ReadOnlyMemory<byte>(larger, 5, bytes.Length);
        }
#endif

        private double Cosine(float[] embedding)
        {
            using (var calibration = new Calibration(0.1, 0.2))
            {
                return calibration.Compare(_expected, embedding).Cosine;
            }
        }
    }
}
