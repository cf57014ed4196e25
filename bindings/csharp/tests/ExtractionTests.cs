using System;
using System.Collections.Generic;
using System.Linq;
using NUnit.Framework;

namespace QMagFace.Tests
{
    [TestFixture]
    public class ExtractionTests
    {
        [Test]
        public void ATemplateKnowsItsFace()
        {
            using (var template = Shared.Engine.Extract(Shared.Photo("obama.jpg")))
            {
                var info = Shared.Engine.Info;
                Assert.That(template.IsFailed, Is.False);
                Assert.That(template.IsFused, Is.False);
                Assert.That(template.EmbeddingLength, Is.EqualTo(128));
                Assert.That(template.GetEmbedding().Length, Is.EqualTo(128));
                Assert.That(template.Scalar, Is.EqualTo(ScalarType.Float32));
                Assert.That(template.UnifiedQuality, Is.InRange(94, 99));
                Assert.That(template.ImageCount, Is.EqualTo(1));
                // Processors add in different orders: a grey level of the chip changes, and the quality by a thousandth.
                Assert.That(template.Quality, Is.EqualTo(13.0).Within(0.02));
                Assert.That(template.FaceCount, Is.EqualTo(1));
                Assert.That(template.Face.Value, Is.EqualTo(Shared.Engine.Detect(Shared.Photo("obama.jpg"))[0]));
                Assert.That(template.MetadataSize, Is.EqualTo(0));
                Assert.That(template.Model, Is.EqualTo(info.Model));
                Assert.That(template.Fingerprint, Is.EqualTo(info.Fingerprint));
            }
        }

        [Test]
        public void APhotoSaysWhyItIsGoodOrPoor()
        {
            var photo = Shared.Photo("obama.jpg");
            var capture = Shared.Engine.MeasureCapture(photo);
            Assert.That(capture.Face, Is.EqualTo(Shared.Engine.Detect(photo)[0]));
            Assert.That(capture.Measures.Select(one => one.Measure), Is.EqualTo(Enum.GetValues(typeof(Measure))));
            var eyes = capture.Measures[(int)Measure.InterEyeDistance];
            Assert.That(eyes.Name, Is.EqualTo("inter_eye_distance"));
            Assert.That(eyes.Value, Is.EqualTo(106.9).Within(2.0));
            Assert.That(eyes.Score, Is.EqualTo(100));
            Assert.That(capture.Measures.All(one => (one.Advice == null) == (one.Score >= 50)), Is.True);

            // Another face of the same size beside it.
            var two = new[] { capture.Face, new Face(capture.Face.Box, 1, default(Landmarks)) };
            var alone = Shared.Engine.MeasureFace(photo, two, 0)[(int)Measure.SingleFacePresent];
            Assert.That(alone.Score, Is.EqualTo(0));
            Assert.That(alone.Advice, Is.StringContaining("one person"));
            Assert.That(Shared.Engine.MeasureCapture(Shared.Blank()), Is.Null);
            Assert.That(
                Shared.FailsWith(() => Shared.Engine.MeasureFace(photo, two, 1)), Is.EqualTo(Status.InvalidArgument));
            Shared.Throws<ArgumentOutOfRangeException>(() => Shared.Engine.MeasureFace(photo, two, 2));
            Shared.Throws<ArgumentNullException>(() => Shared.Engine.MeasureFace(photo, null, 0));
            Shared.Throws<ArgumentNullException>(() => Shared.Engine.MeasureCapture(null));
        }

        [Test]
        public void WithoutAFaceTryAnswersAndExtractThrows()
        {
            Assert.That(Shared.Engine.TryExtract(Shared.Blank(), out var none), Is.False);
            Assert.That(none, Is.Null);
            Shared.Throws<NoFaceException>(() => Shared.Engine.Extract(Shared.Blank()));
            Assert.That(Shared.FailsWith(() => Shared.Engine.Extract(Shared.Blank())), Is.EqualTo(Status.NoFace));
            Assert.That(Shared.Engine.ExtractAll(Shared.Blank()), Is.Empty);
            Shared.Throws<NoFaceException>(() => Shared.Engine.ExtractFused(new[] { Shared.Blank() }));
            Assert.That(
                Shared.Engine.TryExtractFused(new[] { Shared.Blank() }, Fusion.Mean, out none), Is.False);
            Assert.That(Shared.Engine.TryExtract(Shared.Photo("obama2.jpg"), out var some), Is.True);
            using (some)
            {
                Assert.That(some.Quality, Is.GreaterThan(10));
            }
        }

        [Test]
        public void AllFacesComeBestFirst()
        {
            var options = Shared.Options();
            options.Detector = "mtcnn";
            IReadOnlyList<Template> templates;
            using (var engine = new Engine("sface", options))
            {
                templates = engine.ExtractAll(Shared.Photo("obama.jpg"));
            }
            try
            {
                Assert.That(templates.Count, Is.EqualTo(2));
                Assert.That(templates[0].Face.Value.Score, Is.GreaterThan(templates[1].Face.Value.Score));
                Assert.That(templates.Select(template => template.FaceCount), Is.All.EqualTo(2));
                // The second is a false find in the background.
                Assert.That(templates[1].Quality, Is.LessThan(5));
            }
            finally
            {
                foreach (var template in templates)
                {
                    template.Dispose();
                }
            }
        }

        [Test]
        public void ImagesFuse()
        {
            var photos = new[] { Shared.Photo("obama.jpg"), Shared.Blank(), Shared.Photo("obama2.jpg") };
            using (var a = Shared.Engine.Extract(photos[0]))
            using (var b = Shared.Engine.Extract(photos[2]))
            using (var fused = Shared.Engine.ExtractFused(photos))
            using (var mean = Shared.Engine.ExtractFused(photos, Fusion.Mean))
            using (var expected = Template.Fuse(new[] { a, b }))
            using (var expectedMean = Template.Fuse(new[] { a, b }, Fusion.Mean))
            {
                Assert.That(fused.IsFused, Is.True);
                Assert.That(fused.ImageCount, Is.EqualTo(2));
                Assert.That(fused.GetEmbedding(), Is.EqualTo(expected.GetEmbedding()).Within(1e-5));
                Assert.That(mean.GetEmbedding(), Is.EqualTo(expectedMean.GetEmbedding()).Within(1e-5));
                Assert.That(mean.GetEmbedding(), Is.Not.EqualTo(fused.GetEmbedding()));
            }
            Assert.That(Shared.Engine.TryExtractFused(photos, Fusion.Quality, out var tried), Is.True);
            tried.Dispose();
        }
    }
}
