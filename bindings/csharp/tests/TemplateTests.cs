using System;
using System.Linq;
using NUnit.Framework;

namespace QMagFace.Tests
{
    [TestFixture]
    public class TemplateTests
    {
        private Template _template;

        [TestFixtureSetUp]
        public void Extract()
        {
            _template = Shared.Engine.Extract(Shared.Photo("obama2.jpg"));
        }

        [TestFixtureTearDown]
        public void Free()
        {
            _template.Dispose();
        }

        [Test]
        public void TheyAreWrittenAndRead()
        {
            using (var calibration = Shared.Engine.GetCalibration())
            {
                foreach (var scalar in new[] { ScalarType.Float32, ScalarType.Float16, ScalarType.Int8 })
                {
                    var data = _template.Serialize(scalar);
                    using (var read = Template.Parse(data))
                    {
                        Assert.That(read.Scalar, Is.EqualTo(scalar));
                        Assert.That(read.Quality, Is.EqualTo(_template.Quality).Within(1e-5));
                        Assert.That(calibration.Compare(_template, read).Cosine, Is.EqualTo(1).Within(1e-3));
                        Assert.That(read.Fingerprint, Is.EqualTo(_template.Fingerprint));
                        Assert.That(read.Serialize(scalar), Is.EqualTo(data));
                    }
                }
            }
            Assert.That(_template.Serialize(), Is.EqualTo(_template.Serialize(ScalarType.Float32)));
            Assert.That(
                _template.Serialize(ScalarType.Int8).Length,
                Is.LessThan(_template.Serialize(ScalarType.Float16).Length));
            Assert.That(
                Shared.FailsWith(() => _template.Serialize((ScalarType)9)), Is.EqualTo(Status.InvalidArgument));
#if QMAGFACE_SPAN
            using (var read = Template.Parse(new ReadOnlySpan<byte>(_template.Serialize())))
            {
                Assert.That(read.GetEmbedding(), Is.EqualTo(_template.GetEmbedding()).Within(1e-5));
            }
            Shared.Throws<ArgumentException>(() => Template.Parse(ReadOnlySpan<byte>.Empty));
#endif
        }

        [Test]
        public void DamagedBytesAreRefused()
        {
            Shared.Throws<ArgumentNullException>(() => Template.Parse((byte[])null));
            Shared.Throws<ArgumentException>(() => Template.Parse(new byte[0]));
            Shared.Throws<InvalidTemplateException>(() => Template.Parse(new byte[100]));
            var data = _template.Serialize();
            Shared.Throws<InvalidTemplateException>(() => Template.Parse(data.Take(data.Length - 1).ToArray()));
            for (var at = 0; at < data.Length; at += 7)
            {
                var damaged = (byte[])data.Clone();
                damaged[at] ^= 0x10;
                Shared.Throws<InvalidTemplateException>(() => Template.Parse(damaged));
            }
        }

        [Test]
        public void TheyCarryMetadata()
        {
            Assert.That(_template.GetMetadata(), Is.Empty);
            // More than the first buffer that the wrapper offers.
            var bytes = Enumerable.Range(0, 65536).Select(i => (byte)i).ToArray();
            using (var carrier = _template.WithMetadata(bytes))
            using (var read = Template.Parse(carrier.Serialize()))
            using (var bare = carrier.WithMetadata(new byte[0]))
            {
                Assert.That(carrier.MetadataSize, Is.EqualTo(bytes.Length));
                Assert.That(carrier.GetMetadata(), Is.EqualTo(bytes));
                Assert.That(read.GetMetadata(), Is.EqualTo(bytes));
                Assert.That(bare.MetadataSize, Is.EqualTo(0));
                Assert.That(carrier.GetEmbedding(), Is.EqualTo(_template.GetEmbedding()));
            }
            Shared.Throws<ArgumentNullException>(() => _template.WithMetadata((byte[])null));
            Shared.FailsWith(() => _template.WithMetadata(new byte[65537]));
#if QMAGFACE_SPAN
            using (var carrier = _template.WithMetadata(new ReadOnlySpan<byte>(bytes, 5, 9)))
            using (var bare = carrier.WithMetadata(ReadOnlySpan<byte>.Empty))
            {
                Assert.That(carrier.GetMetadata(), Is.EqualTo(bytes.Skip(5).Take(9)));
                Assert.That(bare.GetMetadata(), Is.Empty);
            }
#endif
        }

        [Test]
        public void FailedOnesMatchNothing()
        {
            using (var failed = Shared.Engine.CreateFailedTemplate())
            using (var calibration = Shared.Engine.GetCalibration())
            using (var fused = Template.Fuse(new[] { failed, _template }))
            using (var allFailed = Template.Fuse(new[] { failed, failed }))
            using (var read = Template.Parse(failed.Serialize()))
            {
                Assert.That(failed.IsFailed, Is.True);
                Assert.That(failed.GetEmbedding(), Is.Empty);
                Assert.That(failed.Quality, Is.EqualTo(0));
                Assert.That(failed.ImageCount, Is.EqualTo(0));
                Assert.That(failed.Face, Is.Null);
                Assert.That(read.IsFailed, Is.True);
                Assert.That(fused.IsFailed, Is.False);
                Assert.That(allFailed.IsFailed, Is.True);
                var comparison = calibration.Compare(failed, _template);
                Assert.That(comparison.FailedTemplate, Is.True);
                Assert.That(comparison.Score, Is.EqualTo(double.NegativeInfinity));
                Assert.That(comparison.Cosine, Is.EqualTo(-1));
            }
        }

        [Test]
        public void WrongArgumentsAreRefused()
        {
            Shared.Throws<ArgumentNullException>(() => Template.Fuse(null));
            Shared.Throws<ArgumentException>(() => Template.Fuse(new Template[0]));
            Shared.Throws<ArgumentException>(() => Template.Fuse(new[] { _template, null }));
            Assert.That(
                Shared.FailsWith(() => Template.Fuse(new[] { _template }, (Fusion)9)),
                Is.EqualTo(Status.InvalidArgument));
        }
    }
}
