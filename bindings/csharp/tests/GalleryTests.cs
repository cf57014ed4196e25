using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using NUnit.Framework;

namespace QMagFace.Tests
{
    [TestFixture]
    public class GalleryTests
    {
        private const int Length = 128;

        private List<Template> _templates;
        private List<Template> _probes;
        private Calibration _calibration;

        [TestFixtureSetUp]
        public void MakeUp()
        {
            // Each tenth is a failed one.
            var random = new Random(7);
            _templates = Enumerable.Range(0, 50).Select(image => image % 10 == 9
                ? Shared.Engine.CreateFailedTemplate()
                : Shared.Engine.CreateTemplate(Enumerable.Range(0, Length)
                    .Select(i => (float)(random.NextDouble() * 2 - 1) + (i % 5 == image % 5 ? 1f : 0f)).ToArray())).ToList();
            _probes = _templates.GetRange(3, 6);
            _calibration = Shared.Engine.GetCalibration();
        }

        [TestFixtureTearDown]
        public void Free()
        {
            _templates.ForEach(template => template.Dispose());
            _calibration.Dispose();
        }

        [Test]
        public void ItSaysWhatItIs()
        {
            var before = LibraryInfo.LiveGalleries;
            using (var gallery = new Gallery())
            {
                Assert.That(LibraryInfo.LiveGalleries, Is.EqualTo(before + 1));
                Assert.That(gallery.Scalar, Is.EqualTo(ScalarType.Float32));
                Assert.That(gallery.Count, Is.EqualTo(0));
                Assert.That(gallery.EmbeddingLength, Is.EqualTo(0));
                Assert.That(gallery.Model, Is.Empty);
                Assert.That(gallery.Fingerprint, Is.Empty);
                Assert.That(gallery.Search(_calibration, _templates[0]), Is.Empty);
                Assert.That(gallery.Score(_calibration, _probes).GetLength(1), Is.EqualTo(0));
                Assert.That(gallery.Add(_templates.Take(49)), Is.EqualTo(0));
                Assert.That(gallery.Add(_templates[49]), Is.EqualTo(49));
                Assert.That(gallery.Count, Is.EqualTo(50));
                Assert.That(gallery.EmbeddingLength, Is.EqualTo(Length));
                Assert.That(gallery.Model, Is.EqualTo("sface"));
                Assert.That(gallery.Fingerprint, Is.EqualTo(Shared.Engine.Info.Fingerprint));
                Assert.That(gallery.MemorySize, Is.GreaterThan(50 * Length * 4));
            }
            Assert.That(LibraryInfo.LiveGalleries, Is.EqualTo(before));
        }

        [Test]
        public void ScoresAreThoseOfPairs()
        {
            foreach (var pair in new Dictionary<ScalarType, double>
            {
                [ScalarType.Float32] = 1e-5, [ScalarType.Float16] = 0.005, [ScalarType.Int8] = 0.05,
            })
            {
                using (var gallery = new Gallery(pair.Key))
                {
                    gallery.Add(_templates);
                    var scores = gallery.Score(_calibration, _probes);
                    Assert.That(scores.GetLength(0), Is.EqualTo(6));
                    Assert.That(scores.GetLength(1), Is.EqualTo(50));
                    Assert.That(gallery.Score(_calibration, _probes, 3), Is.EqualTo(scores));
                    for (var probe = 0; probe < 6; probe++)
                    {
                        for (var index = 0; index < 50; index++)
                        {
                            var exact = _calibration.Compare(_probes[probe], _templates[index]).Score;
                            if (double.IsInfinity(exact))
                            {
                                Assert.That(scores[probe, index], Is.EqualTo(float.NegativeInfinity));
                            }
                            else
                            {
                                Assert.That(scores[probe, index], Is.EqualTo(exact).Within(pair.Value));
                            }
                        }
                    }
                }
            }
        }

        [Test]
        public void ASearchIsTheSortedScores()
        {
            var defaults = new SearchOptions();
            Assert.That(defaults.Most, Is.EqualTo(10));
            Assert.That(defaults.LeastScore, Is.EqualTo(double.NegativeInfinity));
            Assert.That(defaults.Threads, Is.EqualTo(0));
            using (var gallery = new Gallery(ScalarType.Float16))
            {
                gallery.Add(_templates);
                // The same again: of equal scores the lower index comes first.
                gallery.Add(_templates);
                var scores = gallery.Score(_calibration, _probes);
                foreach (var threads in new[] { 0, 1, 3 })
                {
                    var options = new SearchOptions { Most = 7, Threads = threads };
                    var found = gallery.Search(_calibration, _probes, options);
                    Assert.That(found.Count, Is.EqualTo(6));
                    for (var probe = 0; probe < 6; probe++)
                    {
                        var expected = Enumerable.Range(0, 100).OrderByDescending(index => scores[probe, index])
                            .ThenBy(index => index).Take(7).ToList();
                        Assert.That(found[probe].Select(match => match.Index), Is.EqualTo(expected));
                        Assert.That(
                            found[probe].Select(match => match.Score),
                            Is.EqualTo(expected.Select(index => (double)scores[probe, index])));
                    }
                }
                // All of them, but for the failed ones; and only those that are like it.
                var all = gallery.Search(_calibration, _probes[0], new SearchOptions { Most = int.MaxValue });
                Assert.That(all.Count, Is.EqualTo(90));
                var like = new SearchOptions { LeastScore = all[3].Score };
                Assert.That(gallery.Search(_calibration, _probes[0], like).Count, Is.EqualTo(4));
                Assert.That(gallery.Search(_calibration, _templates[9]), Is.Empty);
            }
        }

        [Test]
        public void RemovingMovesTheOthersUp()
        {
            using (var gallery = new Gallery(ScalarType.Int8))
            {
                gallery.Add(_templates);
                gallery.Remove(new[] { 0, 1, 49 });
                Assert.That(gallery.Count, Is.EqualTo(47));
                Assert.That(gallery.Search(_calibration, _probes[0])[0].Index, Is.EqualTo(1));
                gallery.RemoveAt(0);
                Assert.That(gallery.Search(_calibration, _probes[0])[0].Index, Is.EqualTo(0));
                Assert.That(Shared.FailsWith(() => gallery.RemoveAt(46)), Is.EqualTo(Status.InvalidArgument));
                Assert.That(Shared.FailsWith(() => gallery.Remove(new[] { 2, 2 })), Is.EqualTo(Status.InvalidArgument));
                Shared.Throws<ArgumentOutOfRangeException>(() => gallery.RemoveAt(-1));
                Shared.Throws<ArgumentException>(() => gallery.Remove(new int[0]));
                Shared.Throws<ArgumentNullException>(() => gallery.Remove(null));
                Assert.That(gallery.Count, Is.EqualTo(46));
            }
        }

        [Test]
        public void SomeSearchWhileOthersAdd()
        {
            using (var gallery = new Gallery())
            {
                gallery.Add(_templates);
                var wrong = 0;
                var threads = Enumerable.Range(0, 4).Select(number => new Thread(() =>
                {
                    for (var round = 0; round < 100; round++)
                    {
                        if (number == 0)
                        {
                            gallery.Add(_templates[4]);
                        }
                        else if (gallery.Search(_calibration, _probes[0])[0].Index != 3
                            || gallery.Score(_calibration, _probes).GetLength(1) < 50)
                        {
                            Interlocked.Increment(ref wrong);
                        }
                    }
                })).ToList();
                threads.ForEach(thread => thread.Start());
                threads.ForEach(thread => thread.Join());
                Assert.That(wrong, Is.EqualTo(0));
                Assert.That(gallery.Count, Is.EqualTo(150));
            }
        }

        [Test]
        public void WrongArgumentsAreRefused()
        {
            using (var gallery = new Gallery())
            {
                Assert.That(Shared.FailsWith(() => new Gallery((ScalarType)9)), Is.EqualTo(Status.InvalidArgument));
                Shared.Throws<ArgumentNullException>(() => gallery.Add((Template)null));
                Shared.Throws<ArgumentNullException>(() => gallery.Add((IEnumerable<Template>)null));
                Shared.Throws<ArgumentException>(() => gallery.Add(new Template[0]));
                Shared.Throws<ArgumentException>(() => gallery.Add(new[] { _templates[0], null }));
                gallery.Add(_templates);
                Shared.Throws<ArgumentNullException>(() => gallery.Score(null, _probes));
                Shared.Throws<ArgumentNullException>(() => gallery.Score(_calibration, null));
                Shared.Throws<ArgumentException>(() => gallery.Score(_calibration, new Template[0]));
                Shared.Throws<ArgumentOutOfRangeException>(() => gallery.Score(_calibration, _probes, -1));
                Assert.That(
                    Shared.FailsWith(() => gallery.Score(_calibration, _probes, 1025)), Is.EqualTo(Status.InvalidArgument));
                Shared.Throws<ArgumentNullException>(() => gallery.Search(null, _probes));
                Shared.Throws<ArgumentNullException>(() => gallery.Search(_calibration, (Template)null));
                Shared.Throws<ArgumentException>(() => gallery.Search(_calibration, new Template[0]));
                Shared.Throws<ArgumentOutOfRangeException>(
                    () => gallery.Search(_calibration, _probes, new SearchOptions { Most = 0 }));
                Shared.Throws<ArgumentOutOfRangeException>(
                    () => gallery.Search(_calibration, _probes, new SearchOptions { Threads = -1 }));
                Assert.That(
                    Shared.FailsWith(
                        () => gallery.Search(_calibration, _probes, new SearchOptions { LeastScore = double.NaN })),
                    Is.EqualTo(Status.InvalidArgument));
                Assert.That(gallery.Count, Is.EqualTo(50));
            }
        }
    }
}
