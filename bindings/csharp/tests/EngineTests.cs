using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using NUnit.Framework;

namespace QMagFace.Tests
{
    [TestFixture]
    public class EngineTests
    {
        [Test]
        public void TheLibrarySaysWhatItIs()
        {
            Assert.That(LibraryInfo.Version, Is.StringMatching(@"^\d+\.\d+\.\d+"));
            Assert.That(LibraryInfo.AbiVersion, Is.GreaterThanOrEqualTo(LibraryInfo.RequiredAbiVersion));
            Assert.That(LibraryInfo.BuildInfo, Is.StringStarting("{").And.StringContaining("\"instructions\""));
            Assert.That(LibraryInfo.GetStatusName(Status.NoFace), Is.EqualTo("QMF_NO_FACE"));
            Assert.That(LibraryInfo.GetStatusName((Status)12345), Is.EqualTo("QMF_UNKNOWN"));
        }

        [Test]
        public void OptionsHaveTheLibrarysDefaults()
        {
            var options = new EngineOptions();
            Assert.That(options.Device, Is.EqualTo(Device.Auto));
            Assert.That(options.DeviceIndex, Is.EqualTo(0));
            Assert.That(options.Threads, Is.EqualTo(0));
            Assert.That(options.FaceChoice, Is.EqualTo(FaceChoice.Auto));
            Assert.That(options.Detector, Is.Null);
            Assert.That(options.MinimumFace, Is.Null);
            Assert.That(options.ProposalThreshold, Is.Null);
            Assert.That(options.RefinementThreshold, Is.Null);
            Assert.That(options.OutputThreshold, Is.Null);
            Assert.That(options.PyramidFactor, Is.Null);
            Assert.That(options.Turned, Is.False);
            Assert.That(options.Alpha, Is.Null);
            Assert.That(options.Beta, Is.Null);
            Assert.That(options.MaximumPixels, Is.EqualTo(100000000));
            Assert.That(options.MaximumBytes, Is.EqualTo(268435456));
            Assert.That(options.MaximumModelBytes, Is.EqualTo(1073741824));
            Assert.That(options.Precision, Is.EqualTo(Precision.Auto));
            Assert.That(options.BatchSize, Is.EqualTo(0));
            Assert.That(options.BatchWaitMicroseconds, Is.EqualTo(1000));
            Assert.That(options.InlineMode, Is.False);
            Assert.That(options.LogLevel, Is.EqualTo(LogLevel.Off));
        }

        [Test]
        public void OptionsReachTheEngine()
        {
            var options = Shared.Options();
            options.DeviceIndex = 0;
            options.FaceChoice = FaceChoice.Largest;
            options.MinimumFace = 40;
            options.Detector = "mtcnn";
            options.ProposalThreshold = 0.5f;
            options.RefinementThreshold = 0.6f;
            options.OutputThreshold = 0.7f;
            options.PyramidFactor = 0.7f;
            options.Turned = true;
            options.Alpha = 0.25;
            options.Beta = 0.5;
            options.MaximumPixels = 1000;
            options.MaximumBytes = 100000;
            options.MaximumModelBytes = 100000000;
            options.Precision = Precision.Float32;
            options.BatchSize = 4;
            options.BatchWaitMicroseconds = 100;
            using (var engine = new Engine("sface", options))
            {
                var info = engine.Info;
                Assert.That(info.Threads, Is.EqualTo(1));
                Assert.That(info.Detector, Is.EqualTo("mtcnn"));
                Assert.That(info.Alpha, Is.EqualTo(0.25));
                Assert.That(info.Beta, Is.EqualTo(0.5));
                Assert.That(info.Precision, Is.EqualTo(Precision.Float32));
                Assert.That(info.BatchSize, Is.EqualTo(4));
                Assert.That(info.BatchWaitMicroseconds, Is.EqualTo(100));
                using (var calibration = engine.GetCalibration())
                {
                    Assert.That(calibration.Alpha, Is.EqualTo(0.25));
                    Assert.That(calibration.ThresholdCount, Is.EqualTo(0));
                    Assert.That(calibration.Status, Is.EqualTo(CalibrationStatus.Given));
                }
                // 160 x 120 pixels, and a file of more bytes.
                Assert.That(Shared.FailsWith(() => engine.Detect(Shared.Blank())), Is.EqualTo(Status.Limit));
                Assert.That(
                    Shared.FailsWith(() => engine.Detect(Shared.Photo("obama.jpg"))), Is.EqualTo(Status.Limit));
            }
            options = Shared.Options();
            options.MaximumModelBytes = 1000000;
            Assert.That(Shared.FailsWith(() => new Engine("sface", options)), Is.EqualTo(Status.Limit));
            options = Shared.Options();
            options.InlineMode = true;
            using (var engine = new Engine("sface", options))
            {
                Assert.That(engine.Info.InlineMode, Is.True);
                Assert.That(engine.Detect(Shared.Photo("obama2.jpg")), Is.Not.Empty);
            }
        }

        [Test]
        public void ValuesOutOfRangeAreRefused()
        {
            foreach (var change in new Action<EngineOptions>[]
            {
                options => options.MinimumFace = 1,
                options => options.ProposalThreshold = 2,
                options => options.PyramidFactor = 1.5f,
                options => options.PyramidFactor = 0.7f,
                options => options.OutputThreshold = -1,
                options => options.BatchSize = 257,
                options => options.BatchWaitMicroseconds = 1000001,
                options => options.Device = (Device)77,
                options => options.FaceChoice = (FaceChoice)77,
                options => options.Precision = (Precision)77,
                options => options.Alpha = 1,
                options => options.LogTo((LogLevel)77, (level, message) => { }),
            })
            {
                var options = Shared.Options();
                change(options);
                Assert.That(Shared.FailsWith(() => new Engine("sface", options)), Is.EqualTo(Status.InvalidArgument));
            }
            foreach (var change in new Action<EngineOptions>[]
            {
                options => options.Threads = -1,
                options => options.DeviceIndex = -1,
                options => options.BatchSize = -1,
                options => options.MaximumPixels = -1,
            })
            {
                var options = Shared.Options();
                change(options);
                Shared.Throws<ArgumentOutOfRangeException>(() => new Engine("sface", options));
            }
        }

        [Test]
        public void TheEngineSaysWhatItIsMadeOf()
        {
            var info = Shared.Engine.Info;
            Assert.That(info.Model, Is.EqualTo("sface"));
            Assert.That(info.Detector, Is.EqualTo("yunet"));
            Assert.That(info.Fingerprint, Is.StringMatching("^[0-9a-f]{64}$"));
            Assert.That(info.EmbeddingLength, Is.EqualTo(128));
            Assert.That(info.Device, Is.EqualTo(Device.Cpu));
            Assert.That(info.DeviceIndex, Is.EqualTo(0));
            Assert.That(info.UnifiedQualityBasis, Is.StringContaining("LFW"));
            Assert.That(info.LandmarkRefinement, Is.False);
            Assert.That(info.InlineMode, Is.False);
            Assert.That(info.Alpha, Is.EqualTo(0.116097));
            Assert.That(info.Beta, Is.EqualTo(0.172889));
        }

        [Test]
        public void UnknownModelsAreNamed()
        {
            Assert.That(
                Assert.Catch<QMagFaceException>(() => new Engine("no-such-modél")).Message,
                Is.StringContaining("no-such-modél"));
            Shared.Throws<ArgumentNullException>(() => new Engine(null));
            Shared.Throws<ArgumentNullException>(() => new Engine("sface", null));
            Shared.Throws<ArgumentException>(() => new Engine("sface\0more"));
            Assert.That(Shared.FailsWith(() => new Engine(string.Empty)), Is.Not.EqualTo(Status.Internal));
        }

        [Test]
        public void AModelThatIsNotInstalledHasItsException()
        {
            // iResNet-100 needs a checkpoint that no one can fetch.
            Shared.Throws<ModelNotInstalledException>(() => new Engine("magface-iresnet100"));
        }

        [Test]
        public void BundlesOpenFromFileAndMemory()
        {
            var path = Shared.Setting("QMAGFACE_BUNDLE");
            var data = File.ReadAllBytes(path);
            var expected = Shared.Engine.Info.Fingerprint;
            var engines = new List<Func<Engine>>
            {
                () => Engine.FromBundle(path),
                () => Engine.FromBundle(path, Shared.Options()),
                () => Engine.FromBundle(data),
                () => Engine.FromBundle(data, Shared.Options()),
#if QMAGFACE_SPAN
                () => Engine.FromBundle(new ReadOnlySpan<byte>(data), Shared.Options()),
#endif
            };
            foreach (var open in engines)
            {
                using (var engine = open())
                {
                    Assert.That(engine.Info.Fingerprint, Is.EqualTo(expected));
                }
            }
            Shared.Throws<FileNotFoundException>(() => Engine.FromBundle("no-such-bundle.qmfmodel"));
            Shared.Throws<ArgumentNullException>(() => Engine.FromBundle((string)null));
            Shared.Throws<ArgumentNullException>(() => Engine.FromBundle((byte[])null));
            Shared.Throws<ArgumentException>(() => Engine.FromBundle(new byte[0]));
            Shared.FailsWith(() => Engine.FromBundle(new byte[1000]));
            data[data.Length / 2] ^= 1;
            Shared.FailsWith(() => Engine.FromBundle(data));
        }

        [Test]
        public void FacesHaveBoxScoreAndLandmarks()
        {
            var faces = Shared.Engine.Detect(Shared.Photo("obama.jpg"));
            Assert.That(faces.Count, Is.EqualTo(1));
            var face = faces[0];
            Assert.That(face.Score, Is.GreaterThan(0.9f).And.LessThanOrEqualTo(1f));
            Assert.That(face.Box.Width, Is.GreaterThan(50f).And.EqualTo(face.Box.Right - face.Box.Left));
            Assert.That(face.Box.Height, Is.GreaterThan(50f).And.EqualTo(face.Box.Bottom - face.Box.Top));
            var points = face.Landmarks;
            Assert.That(points.LeftEye.X, Is.LessThan(points.RightEye.X));
            Assert.That(points.LeftMouth.X, Is.LessThan(points.RightMouth.X));
            Assert.That(points.Nose.Y, Is.GreaterThan(points.LeftEye.Y).And.LessThan(points.LeftMouth.Y));
            var copy = new Face(
                new FaceBox(face.Box.Left, face.Box.Top, face.Box.Right, face.Box.Bottom),
                face.Score,
                new Landmarks(
                    points.LeftEye, points.RightEye, points.Nose, points.LeftMouth,
                    new Point(points.RightMouth.X, points.RightMouth.Y)));
            Assert.That(copy, Is.EqualTo(face));
            Assert.That(Shared.Engine.Detect(Shared.Blank()), Is.Empty);
        }

        [Test]
        public void TheStagesGiveWhatExtractionGives()
        {
            var engine = Shared.Engine;
            var photo = Shared.Photo("obama2.jpg");
            var landmarks = engine.Detect(photo)[0].Landmarks;
            var chip = engine.Align(photo, landmarks);
            Assert.That(chip.Length, Is.EqualTo(Engine.ChipSize));
            using (var whole = engine.Extract(photo))
            using (var marked = engine.Extract(photo, landmarks))
            using (var fromChip = engine.ExtractChip(chip))
            using (var own = engine.CreateTemplate(engine.Embed(chip)))
            using (var calibration = engine.GetCalibration())
            {
                foreach (var template in new[] { marked, fromChip, own })
                {
                    Assert.That(template.Quality, Is.EqualTo(whole.Quality).Within(1e-4));
                    Assert.That(calibration.Compare(whole, template).Cosine, Is.EqualTo(1).Within(1e-5));
                }
                Assert.That(engine.GetQuality(engine.Embed(chip)), Is.EqualTo(whole.Quality).Within(1e-4));
#if QMAGFACE_SPAN
                var embeddings = new float[128];
                engine.Embed(new ReadOnlySpan<byte>(chip), new Span<float>(embeddings));
                Assert.That(embeddings, Is.EqualTo(engine.Embed(chip)));
                Assert.That(
                    engine.GetQuality(new ReadOnlySpan<float>(embeddings)), Is.EqualTo(engine.GetQuality(embeddings)));
                using (var a = engine.ExtractChip(new ReadOnlySpan<byte>(chip)))
                using (var b = engine.CreateTemplate(new ReadOnlySpan<float>(embeddings)))
                {
                    Assert.That(a.GetEmbedding(), Is.EqualTo(fromChip.GetEmbedding()));
                    Assert.That(b.GetEmbedding(), Is.EqualTo(own.GetEmbedding()));
                }
                Shared.Throws<ArgumentException>(
                    () => engine.Embed(new ReadOnlySpan<byte>(chip), new Span<float>(new float[127])));
                Shared.Throws<ArgumentException>(() => engine.GetQuality(ReadOnlySpan<float>.Empty));
                Shared.Throws<ArgumentException>(() => engine.CreateTemplate(ReadOnlySpan<float>.Empty));
                Shared.Throws<ArgumentException>(() => engine.ExtractChip(ReadOnlySpan<byte>.Empty));
#endif
            }
        }

        [Test]
        public void SeveralChipsEmbedAtOnce()
        {
            var chip = Shared.Chip;
            var mirrored = (byte[])chip.Clone();
            Array.Reverse(mirrored);
            var both = Shared.Engine.Embed(Pixels.Join(chip, mirrored));
            Assert.That(both.Length, Is.EqualTo(256));
            Assert.That(both.Take(128), Is.EqualTo(Shared.Engine.Embed(chip)).Within(1e-4));
            Assert.That(both.Skip(128), Is.EqualTo(Shared.Engine.Embed(mirrored)).Within(1e-4));
        }

        [Test]
        public void WrongArgumentsAreRefused()
        {
            var engine = Shared.Engine;
            Shared.Throws<ArgumentNullException>(() => engine.Detect(null));
            Shared.Throws<ArgumentNullException>(() => engine.Align(null, default(Landmarks)));
            Shared.Throws<ArgumentNullException>(() => engine.Embed(null));
            Shared.Throws<ArgumentException>(() => engine.Embed(new byte[0]));
            Shared.Throws<ArgumentException>(() => engine.Embed(new byte[Engine.ChipSize + 1]));
            Shared.Throws<ArgumentNullException>(() => engine.GetQuality(null));
            Shared.Throws<ArgumentException>(() => engine.GetQuality(new float[0]));
            Shared.Throws<ArgumentNullException>(() => engine.CreateTemplate(null));
            Shared.Throws<ArgumentNullException>(() => engine.Extract(null));
            Shared.Throws<ArgumentNullException>(() => engine.TryExtract(null, out _));
            Shared.Throws<ArgumentNullException>(() => engine.Extract(null, default(Landmarks)));
            Shared.Throws<ArgumentNullException>(() => engine.ExtractAll(null));
            Shared.Throws<ArgumentNullException>(() => engine.ExtractFused(null));
            Shared.Throws<ArgumentException>(() => engine.ExtractFused(new Image[0]));
            Shared.Throws<ArgumentException>(() => engine.ExtractFused(new Image[] { null }));
            Shared.Throws<ArgumentNullException>(() => engine.ExtractChip(null));
            Shared.Throws<ArgumentException>(() => engine.ExtractChip(new byte[5]));
            Shared.Throws<ArgumentNullException>(() => engine.ExtractAsync(null));
            Shared.Throws<ArgumentNullException>(() => engine.ExtractAllAsync(null));
            foreach (var call in new TestDelegate[]
            {
                () => engine.CreateTemplate(new float[5]),
                () => engine.CreateTemplate(Enumerable.Repeat(float.NaN, 128).ToArray()),
                () => engine.GetQuality(new float[5]),
                () => engine.Align(Shared.Blank(), default(Landmarks)),
                () => engine.Extract(Shared.Blank(), default(Landmarks)),
                () => engine.ExtractFused(new[] { Shared.Blank() }, (Fusion)9),
            })
            {
                Assert.That(Shared.FailsWith(call), Is.EqualTo(Status.InvalidArgument));
            }
            Assert.That(engine.GetUnifiedQuality(0), Is.EqualTo(0));
            Assert.That(engine.GetUnifiedQuality(9.96), Is.EqualTo(50));
            Assert.That(Shared.FailsWith(() => engine.GetUnifiedQuality(-1)), Is.EqualTo(Status.InvalidArgument));
        }
    }
}
