using System;
using System.IO;
using System.Linq;
using System.Text;
using NUnit.Framework;

namespace QMagFace.Tests
{
    [TestFixture]
    public class CalibrationTests
    {
        private Calibration _calibration;
        private Template _obama;
        private Template _obama2;
        private Template _biden;

        [TestFixtureSetUp]
        public void Extract()
        {
            _calibration = Shared.Engine.GetCalibration();
            _obama = Shared.Engine.Extract(Shared.Photo("obama.jpg"));
            _obama2 = Shared.Engine.Extract(Shared.Photo("obama2.jpg"));
            _biden = Shared.Engine.Extract(Shared.Photo("biden.jpg"));
        }

        [TestFixtureTearDown]
        public void Free()
        {
            foreach (var one in new IDisposable[] { _calibration, _obama, _obama2, _biden })
            {
                one.Dispose();
            }
        }

        [Test]
        public void ItSaysWhatItIs()
        {
            Assert.That(_calibration.Status, Is.EqualTo(CalibrationStatus.Provisional));
            Assert.That(_calibration.Alpha, Is.EqualTo(0.116097));
            Assert.That(_calibration.Beta, Is.EqualTo(0.172889));
            Assert.That(_calibration.QualityGate, Is.Null);
            Assert.That(_calibration.LeastFmr, Is.EqualTo(1e-5));
            Assert.That(_calibration.GreatestFmr, Is.EqualTo(1e-2));
            Assert.That(_calibration.ThresholdCount, Is.EqualTo(4));
            Assert.That(_calibration.Model, Is.EqualTo("sface"));
            Assert.That(_calibration.Fingerprint, Is.EqualTo(Shared.Engine.Info.Fingerprint));
        }

        [Test]
        public void TheSamePhotoScoresOneAndOthersLess()
        {
            var self = _calibration.Compare(_obama, _obama);
            var same = _calibration.Compare(_obama, _obama2);
            var other = _calibration.Compare(_obama, _biden);
            Assert.That(self.Score, Is.EqualTo(1).Within(1e-6));
            Assert.That(same.Score, Is.EqualTo(0.754).Within(2e-3));
            Assert.That(same.Cosine, Is.EqualTo(0.754).Within(2e-3));
            Assert.That(other.Score, Is.EqualTo(-0.979).Within(1e-2));
            Assert.That(same.QualityA, Is.EqualTo(_obama.Quality).Within(1e-6));
            Assert.That(same.QualityB, Is.EqualTo(_obama2.Quality).Within(1e-6));
            Assert.That(same.NegativeLog10Fmr, Is.EqualTo(5).Within(1e-9));
            Assert.That(same.OutOfRange, Is.True);
            Assert.That(other.NegativeLog10Fmr, Is.EqualTo(0));
            Assert.That(same.LowQuality, Is.False);
            Assert.That(same.FailedTemplate, Is.False);
            Assert.That(same.LogLikelihoodRatio, Is.GreaterThan(5));
            Assert.That(other.LogLikelihoodRatio, Is.LessThan(-2));
            Assert.That(same.NegativeLog10FmrAtQuality, Is.GreaterThan(3.5));
            Assert.That(other.NegativeLog10FmrAtQuality, Is.LessThan(1.5));
            Assert.That(same.QualityBelowData, Is.False);
        }

        [Test]
        public void ADecisionIsMatchNoMatchOrNotEnoughInformation()
        {
            var match = _calibration.Decide(_calibration.Compare(_obama, _obama2), 1e-3);
            Assert.That(match.Outcome, Is.EqualTo(Outcome.Match));
            Assert.That(match.Lacking, Is.EqualTo(Lacking.Nothing));
            Assert.That(match.Threshold, Is.InRange(0.2, 0.7));
            Assert.That(match.PassRate, Is.InRange(0.9, 1));
            var other = _calibration.Compare(_obama, _biden);
            Assert.That(_calibration.Decide(other, 1e-3).Outcome, Is.EqualTo(Outcome.NoMatch));
            using (var gated = _calibration.WithQualityGate(1000))
            {
                var unknown = gated.Decide(gated.Compare(_obama, _obama), 1e-3);
                Assert.That(unknown.Outcome, Is.EqualTo(Outcome.NotEnoughInformation));
                Assert.That(unknown.Lacking, Is.EqualTo(Lacking.Quality));
            }
            Shared.FailsWith(() => _calibration.Decide(other, 1e-9));
            using (var bare = new Calibration(0.2, 0.3))
            {
                Assert.That(bare.Compare(_obama, _biden).LogLikelihoodRatio, Is.Null);
                Shared.FailsWith(() => bare.Decide(other, 1e-3));
            }
        }

        [Test]
        public void EmbeddingsCompareAsTemplates()
        {
            float[] a = _obama.GetEmbedding(), b = _biden.GetEmbedding();
            var expected = _calibration.Compare(_obama, _biden).Score;
            Assert.That(_calibration.Compare(a, b).Score, Is.EqualTo(expected).Within(1e-5));
            Assert.That(a, Is.EqualTo(_obama.GetEmbedding()));
            Shared.Throws<ArgumentNullException>(() => _calibration.Compare((float[])null, b));
            Shared.Throws<ArgumentNullException>(() => _calibration.Compare(a, (float[])null));
            Shared.Throws<ArgumentException>(() => _calibration.Compare(a, new float[0]));
            Shared.Throws<ArgumentException>(() => _calibration.Compare(a, new float[127]));
            Shared.Throws<ArgumentNullException>(() => _calibration.Compare((Template)null, _obama));
            Shared.Throws<ArgumentNullException>(() => _calibration.Compare(_obama, null));
#if QMAGFACE_SPAN
            Assert.That(
                _calibration.Compare(new ReadOnlySpan<float>(a), new ReadOnlySpan<float>(b)).Score,
                Is.EqualTo(expected).Within(1e-5));
            Shared.Throws<ArgumentException>(
                () => _calibration.Compare(new ReadOnlySpan<float>(a), ReadOnlySpan<float>.Empty));
#endif
        }

        [Test]
        public void ManyScoreAtOnce()
        {
            var all = new[] { _obama, _obama2, _biden };
            var row = _calibration.Score(_obama, all);
            var matrix = _calibration.ScoreMatrix(all.Take(2), all);
            var probes = all.Take(2).SelectMany(template => template.GetEmbedding()).ToArray();
            var gallery = all.SelectMany(template => template.GetEmbedding()).ToArray();
            var ofEmbeddings = _calibration.ScoreMatrix(probes, gallery, 128);
            Assert.That(new[] { matrix.GetLength(0), matrix.GetLength(1) }, Is.EqualTo(new[] { 2, 3 }));
            for (var i = 0; i < 2; i++)
            {
                for (var j = 0; j < 3; j++)
                {
                    var expected = _calibration.Compare(all[i], all[j]).Score;
                    Assert.That(matrix[i, j], Is.EqualTo(expected).Within(1e-4));
                    Assert.That(ofEmbeddings[i, j], Is.EqualTo(expected).Within(1e-4));
                }
                Assert.That(row[i], Is.EqualTo(matrix[0, i]).Within(1e-6));
            }
            Assert.That(_calibration.Score(_obama, new Template[0]), Is.Empty);
            Assert.That(_calibration.ScoreMatrix(new Template[0], all).Length, Is.EqualTo(0));
            Shared.Throws<ArgumentNullException>(() => _calibration.Score(null, all));
            Shared.Throws<ArgumentNullException>(() => _calibration.Score(_obama, null));
            Shared.Throws<ArgumentException>(() => _calibration.ScoreMatrix(new[] { _obama, null }, all));
            Shared.Throws<ArgumentNullException>(() => _calibration.ScoreMatrix(null, gallery, 128));
            Shared.Throws<ArgumentOutOfRangeException>(() => _calibration.ScoreMatrix(probes, gallery, 0));
            Shared.Throws<ArgumentException>(() => _calibration.ScoreMatrix(probes, gallery, 100));
#if QMAGFACE_SPAN
            var scores = new float[6];
            _calibration.ScoreMatrix(
                new ReadOnlySpan<float>(probes), new ReadOnlySpan<float>(gallery), 128, new Span<float>(scores));
            Assert.That(scores, Is.EqualTo(ofEmbeddings.Cast<float>()));
            Shared.Throws<ArgumentException>(() => _calibration.ScoreMatrix(
                new ReadOnlySpan<float>(probes), new ReadOnlySpan<float>(gallery), 128, new Span<float>(new float[5])));
#endif
        }

        [Test]
        public void ThresholdsAndRatesAgree()
        {
            var threshold = _calibration.GetThreshold(1e-3);
            Assert.That(threshold, Is.EqualTo(-0.2268).Within(1e-6));
            Assert.That(_calibration.GetNegativeLog10Fmr(threshold), Is.EqualTo(3).Within(1e-6));
            Assert.That(_calibration.GetNegativeLog10Fmr(threshold, out var outOfRange), Is.EqualTo(3).Within(1e-6));
            Assert.That(outOfRange, Is.False);
            Assert.That(_calibration.GetNegativeLog10Fmr(-5, out outOfRange), Is.EqualTo(0));
            Assert.That(outOfRange, Is.True);
            foreach (var fmr in new[] { 1e-7, 0.5 })
            {
                Assert.That(
                    Shared.FailsWith(() => _calibration.GetThreshold(fmr)), Is.EqualTo(Status.Calibration));
            }
            Shared.FailsWith(() => _calibration.GetThreshold(double.NaN));
        }

        [Test]
        public void TheGateMarksLowQuality()
        {
            using (var gated = _calibration.WithQualityGate(13.2))
            using (var open = gated.WithoutQualityGate())
            {
                Assert.That(gated.QualityGate, Is.EqualTo(13.2));
                Assert.That(open.QualityGate, Is.Null);
                Assert.That(gated.Compare(_obama, _obama2).LowQuality, Is.True);
                Assert.That(gated.Compare(_obama2, _obama2).LowQuality, Is.False);
                Assert.That(open.Compare(_obama, _obama2).LowQuality, Is.False);
            }
            Shared.Throws<ArgumentOutOfRangeException>(() => _calibration.WithQualityGate(double.NaN));
        }

        [Test]
        public void OwnNumbersHaveNoThresholds()
        {
            using (var own = new Calibration(0.2, 0.3))
            {
                Assert.That(own.Status, Is.EqualTo(CalibrationStatus.Given));
                Assert.That(own.Alpha, Is.EqualTo(0.2));
                Assert.That(own.Beta, Is.EqualTo(0.3));
                Assert.That(own.LeastFmr, Is.Null);
                Assert.That(own.GreatestFmr, Is.Null);
                Assert.That(own.ThresholdCount, Is.EqualTo(0));
                Assert.That(own.Model, Is.Empty);
                Assert.That(own.Fingerprint, Is.Empty);
                Assert.That(own.Compare(_obama, _biden).NegativeLog10Fmr, Is.Null);
                Shared.FailsWith(() => own.GetThreshold(1e-3));
                Shared.FailsWith(() => own.GetNegativeLog10Fmr(0));
            }
            Shared.FailsWith(() => new Calibration(double.NaN, 0));
        }

        [Test]
        public void TheyAreWrittenAndRead()
        {
            var folder = Path.Combine(Path.GetTempPath(), "qmagface-é-" + Guid.NewGuid());
            Directory.CreateDirectory(folder);
            try
            {
                var path = Path.Combine(folder, "kalibrierung-ü.toml");
                _calibration.Save(path);
                Assert.That(File.ReadAllBytes(path), Is.EqualTo(_calibration.Serialize()));
                using (var loaded = Calibration.Load(path))
                using (var parsed = Calibration.Parse(_calibration.Serialize()))
                {
                    foreach (var read in new[] { loaded, parsed })
                    {
                        Assert.That(read.GetThreshold(1e-3), Is.EqualTo(_calibration.GetThreshold(1e-3)));
                        Assert.That(read.Fingerprint, Is.EqualTo(_calibration.Fingerprint));
                    }
                }
#if QMAGFACE_SPAN
                using (var parsed = Calibration.Parse(new ReadOnlySpan<byte>(_calibration.Serialize())))
                {
                    Assert.That(parsed.Alpha, Is.EqualTo(_calibration.Alpha));
                }
                Shared.Throws<ArgumentException>(() => Calibration.Parse(ReadOnlySpan<byte>.Empty));
#endif
            }
            finally
            {
                Directory.Delete(folder, true);
            }
            Assert.That(Shared.FailsWith(() => Calibration.Load("/no/such/file")), Is.EqualTo(Status.IO));
            Assert.That(Shared.FailsWith(() => _calibration.Save("/no/such/folder/file")), Is.EqualTo(Status.IO));
            Assert.That(
                Shared.FailsWith(() => Calibration.Parse(Encoding.ASCII.GetBytes("nonsense"))),
                Is.EqualTo(Status.Calibration));
            Shared.Throws<ArgumentNullException>(() => Calibration.Load(null));
            Shared.Throws<ArgumentNullException>(() => _calibration.Save(null));
            Shared.Throws<ArgumentException>(() => Calibration.Load("a\0b"));
            Shared.Throws<ArgumentException>(() => Calibration.Load("lone \ud800"));
            Shared.Throws<ArgumentNullException>(() => Calibration.Parse((byte[])null));
            Shared.Throws<ArgumentException>(() => Calibration.Parse(new byte[0]));
        }

        [Test]
        public void TemplatesOfAnotherModelAreRefused()
        {
            var other = ForeignTemplate(_obama.Serialize());
            using (other)
            {
                Assert.That(other.Fingerprint, Is.Not.EqualTo(_obama.Fingerprint));
                Shared.Throws<ModelMismatchException>(() => _calibration.Compare(_obama, other));
                Shared.Throws<ModelMismatchException>(() => _calibration.Score(_obama, new[] { other }));
                Shared.Throws<ModelMismatchException>(() => Template.Fuse(new[] { _obama, other }));
            }
        }

        // A written template with another fingerprint (bytes 16 to 47) and the CRC-32 that goes with it.
        private static Template ForeignTemplate(byte[] data)
        {
            data[16] ^= 0xff;
            var crc = 0xffffffffu;
            for (var i = 0; i < data.Length - 4; i++)
            {
                crc ^= data[i];
                for (var bit = 0; bit < 8; bit++)
                {
                    crc = (crc >> 1) ^ ((crc & 1) * 0xedb88320u);
                }
            }
            BitConverter.GetBytes(~crc).CopyTo(data, data.Length - 4);
            return Template.Parse(data);
        }
    }
}
