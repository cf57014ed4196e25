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
        public void TheyAreSealedWithAKey()
        {
            var key = Enumerable.Range(0, Template.KeySize).Select(i => (byte)i).ToArray();
            var context = new byte[] { 4, 7, 1, 1 };
            var sealed1 = _template.Seal(key, context, ScalarType.Int8);
            using (var opened = Template.Unseal(sealed1, key, context))
            {
                Assert.That(opened.Serialize(ScalarType.Int8), Is.EqualTo(_template.Serialize(ScalarType.Int8)));
            }
            Assert.That(_template.Seal(key, context, ScalarType.Int8), Is.Not.EqualTo(sealed1));
            // More than the first buffer that the wrapper offers.
            using (var carrier = _template.WithMetadata(new byte[65536]))
            using (var opened = Template.Unseal(carrier.Seal(key), key))
            {
                Assert.That(opened.Serialize(), Is.EqualTo(carrier.Serialize()));
            }
            Shared.Throws<InvalidTemplateException>(() => Template.Parse(sealed1));
            Shared.Throws<InvalidTemplateException>(() => Template.Unseal(sealed1, key));
            Shared.Throws<InvalidTemplateException>(() => Template.Unseal(_template.Serialize(), key, context));
            Shared.Throws<InvalidTemplateException>(
                () => Template.Unseal(sealed1, Enumerable.Reverse(key).ToArray(), context));
            for (var at = 0; at < sealed1.Length; at += 7)
            {
                var damaged = (byte[])sealed1.Clone();
                damaged[at] ^= 0x10;
                Shared.Throws<InvalidTemplateException>(() => Template.Unseal(damaged, key, context));
            }
            Shared.Throws<ArgumentNullException>(() => Template.Unseal((byte[])null, key));
            Shared.Throws<ArgumentNullException>(() => Template.Unseal(sealed1, null));
            Shared.Throws<ArgumentNullException>(() => Template.Unseal(sealed1, key, null));
            Shared.Throws<ArgumentException>(() => Template.Unseal(new byte[0], key));
            Shared.Throws<ArgumentNullException>(() => _template.Seal(null));
            Shared.Throws<ArgumentNullException>(() => _template.Seal(key, null, ScalarType.Float32));
            Assert.That(Shared.FailsWith(() => _template.Seal(new byte[31])), Is.EqualTo(Status.InvalidArgument));
            Assert.That(
                Shared.FailsWith(() => Template.Unseal(sealed1, new byte[33])), Is.EqualTo(Status.InvalidArgument));
            Assert.That(
                Shared.FailsWith(() => _template.Seal(key, context, (ScalarType)9)),
                Is.EqualTo(Status.InvalidArgument));
#if QMAGFACE_SPAN
            var inSpans = _template.Seal(
                new ReadOnlySpan<byte>(key), new ReadOnlySpan<byte>(context, 0, 2), ScalarType.Float16);
            using (var opened = Template.Unseal(
                new ReadOnlySpan<byte>(inSpans), new ReadOnlySpan<byte>(key), new ReadOnlySpan<byte>(context, 0, 2)))
            {
                Assert.That(opened.Scalar, Is.EqualTo(ScalarType.Float16));
            }
            Shared.Throws<ArgumentException>(() => _template.Seal(
                ReadOnlySpan<byte>.Empty, ReadOnlySpan<byte>.Empty, ScalarType.Float32));
#endif
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
        public void AnEmbeddingThatWasNormalisedIsFlagged()
        {
            var whole = _template.GetEmbedding();
            var unit = whole.Select(value => (float)(value / _template.Quality)).ToArray();
            using (var normalised = Shared.Engine.CreateTemplate(unit))
            using (var read = Template.Parse(normalised.Serialize(ScalarType.Int8)))
            using (var calibration = Shared.Engine.GetCalibration())
            using (var gallery = new Gallery())
            {
                Assert.That(normalised.HasUnitLength, Is.True);
                Assert.That(read.HasUnitLength, Is.True);
                Assert.That(_template.HasUnitLength, Is.False);
                Assert.That(calibration.Compare(_template, normalised).UnitLength, Is.True);
                Assert.That(calibration.Compare(unit, whole).UnitLength, Is.True);
                Assert.That(calibration.Compare(whole, whole).UnitLength, Is.False);
                Assert.That(calibration.Compare(unit, whole).Cosine, Is.EqualTo(1.0).Within(1e-6));
                gallery.Add(new[] { _template, normalised, read });
                Assert.That(gallery.UnitLengthCount, Is.EqualTo(2));
                gallery.RemoveAt(1);
                Assert.That(gallery.UnitLengthCount, Is.EqualTo(1));
            }
        }

        [Test]
        public void APhotoOfSomebodyElseStandsOutOfAFusion()
        {
            using (var other = Shared.Engine.Extract(Shared.Photo("obama.jpg")))
            using (var stranger = Shared.Engine.Extract(Shared.Photo("biden.jpg")))
            using (var failed = Shared.Engine.CreateFailedTemplate())
            using (var own = Shared.Engine.GetCalibration())
            using (var calibration = own.WithQualityGate(1000.0))
            {
                var all = new[] { _template, other, stranger, failed };
                foreach (Fusion fusion in Enum.GetValues(typeof(Fusion)))
                {
                    var alone = Template.ReviewFusion(all, fusion);
                    var judged = calibration.ReviewFusion(all, 1e-3, fusion);
                    Assert.That(alone.Count, Is.EqualTo(4));
                    Assert.That(judged.Sum(part => part.Weight), Is.EqualTo(1.0).Within(1e-9));
                    for (var i = 0; i < 4; i++)
                    {
                        Assert.That(judged[i].Quality, Is.EqualTo(all[i].Quality));
                        Assert.That(judged[i].Cosine, Is.EqualTo(alone[i].Cosine));
                        Assert.That(judged[i].FitRank, Is.EqualTo(alone[i].FitRank));
                        Assert.That(judged[i].IsFailed, Is.EqualTo(i == 3));
                        Assert.That(judged[i].NoMatch, Is.EqualTo(i == 2));
                        Assert.That(judged[i].LowQuality, Is.EqualTo(i != 3));
                        Assert.That(judged[i].Score.HasValue, Is.EqualTo(i != 3));
                        Assert.That(alone[i].Score, Is.Null);
                        Assert.That(alone[i].NoMatch || alone[i].LowQuality, Is.False);
                    }
                    Assert.That(judged[2].FitRank, Is.EqualTo(0));
                    var qualities = judged.Take(3).OrderBy(part => part.QualityRank.Value).Select(part => part.Quality);
                    Assert.That(qualities, Is.Ordered);
                    Assert.That(judged[3].FitRank, Is.Null);
                    Assert.That(judged[3].QualityRank, Is.Null);
                    Assert.That(judged[3].Cosine, Is.Null);
                }
                Assert.That(Template.ReviewFusion(new[] { _template })[0].Weight, Is.EqualTo(1.0));
                Shared.Throws<ArgumentNullException>(() => Template.ReviewFusion(null));
                Shared.Throws<ArgumentException>(() => calibration.ReviewFusion(new Template[0], 1e-3));
                Assert.That(
                    Shared.FailsWith(() => calibration.ReviewFusion(all, 1e-12)), Is.EqualTo(Status.Calibration));
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
