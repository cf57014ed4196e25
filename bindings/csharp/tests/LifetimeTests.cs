using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace QMagFace.Tests
{
    [TestFixture]
    public class LifetimeTests
    {
        [Test]
        public void EverythingWorksInAnyOrderOfDisposal()
        {
            foreach (var order in new[] { "ETC", "ECT", "TEC", "TCE", "CET", "CTE" })
            {
                var before = Live();
                var engine = new Engine("sface", Shared.Options());
                var template = engine.ExtractChip(Shared.Chip);
                var calibration = engine.GetCalibration();
                Assert.That(Live(), Is.EqualTo(new[] { before[0] + 1, before[1] + 1, before[2] + 1, before[3], before[4] }));
                var alive = new Dictionary<char, Action>
                {
                    ['E'] = () => engine.ExtractChip(Shared.Chip).Dispose(),
                    ['T'] = () => template.Serialize(),
                    ['C'] = () => calibration.GetThreshold(1e-3),
                };
                var all = new Dictionary<char, IDisposable>
                {
                    ['E'] = engine, ['T'] = template, ['C'] = calibration,
                };
                foreach (var name in order)
                {
                    all[name].Dispose();
                    all[name].Dispose();
                    alive.Remove(name);
                    foreach (var use in alive.Values)
                    {
                        use();
                    }
                }
                Assert.That(Live(), Is.EqualTo(before), order);
            }
        }

        [Test]
        public void EveryMemberRefusesUseAfterDisposal()
        {
            var engine = new Engine("sface", Shared.Options());
            engine.Dispose();
            var template = Shared.Engine.CreateFailedTemplate();
            template.Dispose();
            var calibration = new Calibration(0.1, 0.2);
            calibration.Dispose();
            var gallery = new Gallery();
            gallery.Dispose();
            var photo = Shared.Blank();
            var floats = new float[128];
            using (var live = new Calibration(0.1, 0.2))
            using (var other = Shared.Engine.CreateFailedTemplate())
            {
                foreach (var call in new TestDelegate[]
                {
                    () => Ignore(engine.Info),
                    () => engine.GetCalibration(),
                    () => engine.Detect(photo),
                    () => engine.MeasureCapture(photo),
                    () => engine.MeasureFace(photo, new Face[1], 0),
                    () => engine.Align(photo, default(Landmarks)),
                    () => engine.Embed(Shared.Chip),
                    () => engine.GetQuality(floats),
                    () => engine.GetUnifiedQuality(1),
                    () => engine.CreateTemplate(floats),
                    () => engine.CreateFailedTemplate(),
                    () => engine.Extract(photo),
                    () => engine.TryExtract(photo, out _),
                    () => engine.Extract(photo, default(Landmarks)),
                    () => engine.ExtractAll(photo),
                    () => engine.ExtractFused(new[] { photo }),
                    () => engine.ExtractChip(Shared.Chip),
                    () => engine.ExtractAsync(photo),
                    () => engine.ExtractAllAsync(photo),
                    () => Ignore(template.IsFailed),
                    () => Ignore(template.IsFused),
                    () => Ignore(template.EmbeddingLength),
                    () => Ignore(template.Scalar),
                    () => Ignore(template.UnifiedQuality),
                    () => Ignore(template.ImageCount),
                    () => Ignore(template.Quality),
                    () => Ignore(template.Face),
                    () => Ignore(template.FaceCount),
                    () => Ignore(template.MetadataSize),
                    () => Ignore(template.Model),
                    () => Ignore(template.Fingerprint),
                    () => template.GetEmbedding(),
                    () => template.GetMetadata(),
                    () => template.WithMetadata(new byte[1]),
                    () => template.Serialize(),
                    () => template.Seal(new byte[Template.KeySize]),
                    () => Template.Fuse(new[] { other, template }),
                    () => live.Compare(other, template),
                    () => live.Score(other, new[] { other, template }),
                    () => Ignore(calibration.Status),
                    () => Ignore(calibration.Alpha),
                    () => Ignore(calibration.Beta),
                    () => Ignore(calibration.QualityGate),
                    () => Ignore(calibration.LeastFmr),
                    () => Ignore(calibration.GreatestFmr),
                    () => Ignore(calibration.ThresholdCount),
                    () => Ignore(calibration.Model),
                    () => Ignore(calibration.Fingerprint),
                    () => calibration.GetThreshold(0.1),
                    () => calibration.GetNegativeLog10Fmr(0.1),
                    () => calibration.WithQualityGate(1),
                    () => calibration.WithoutQualityGate(),
                    () => calibration.Serialize(),
                    () => calibration.Save("never-written"),
                    () => calibration.Compare(other, other),
                    () => calibration.Compare(floats, floats),
                    () => calibration.Score(other, new[] { other }),
                    () => calibration.ScoreMatrix(new[] { other }, new[] { other }),
                    () => calibration.ScoreMatrix(floats, floats, 128),
                    () => Ignore(gallery.Scalar),
                    () => Ignore(gallery.Count),
                    () => Ignore(gallery.EmbeddingLength),
                    () => Ignore(gallery.MemorySize),
                    () => Ignore(gallery.Model),
                    () => Ignore(gallery.Fingerprint),
                    () => gallery.Add(other),
                    () => gallery.RemoveAt(0),
                    () => gallery.Score(live, new[] { other }),
                    () => gallery.Search(live, other),
                })
                {
                    Shared.Throws<ObjectDisposedException>(call);
                }
                // What was held while a disposed one was found is let go.
                other.Serialize();
            }
        }

        [Test]
        public void ForgottenObjectsAreFreedByTheCollector()
        {
            var before = Live();
            Forget();
            var end = DateTime.UtcNow.AddSeconds(20);
            while (!Live().SequenceEqual(before) && DateTime.UtcNow < end)
            {
                // Mono's collector looks at stacks conservatively: other objects must overwrite what Forget left there.
                Task.Run(() => new byte[100000]).Wait();
                GC.Collect();
                GC.WaitForPendingFinalizers();
                Thread.Sleep(20);
            }
            Assert.That(Live(), Is.EqualTo(before));
        }

        [Test]
        public void ManyThreadsUseOneOfEach()
        {
            var chip = Shared.Chip;
            using (var calibration = Shared.Engine.GetCalibration())
            using (var expected = Shared.Engine.ExtractChip(chip))
            {
                var embedding = expected.GetEmbedding();
                Run(8, index =>
                {
                    for (var i = 0; i < 25; i++)
                    {
                        using (var template = Shared.Engine.ExtractChip(chip))
                        {
                            Assert.That(template.GetEmbedding(), Is.EqualTo(embedding).Within(1e-5));
                            Assert.That(calibration.Compare(template, expected).Score, Is.EqualTo(1).Within(1e-5));
                            // Errors keep to their threads.
                            var name = "no-such-model-" + index;
                            Assert.That(
                                Assert.Catch<QMagFaceException>(() => new Engine(name)).Message,
                                Is.StringContaining(name));
                        }
                    }
                });
            }
        }

        [Test]
        public void DisposalWhileOthersCallIsSafe()
        {
            for (var round = 0; round < 5; round++)
            {
                var chip = Shared.Chip;
                var before = Live();
                var engine = new Engine("sface", Shared.Options());
                var template = engine.ExtractChip(chip);
                var started = new CountdownEvent(4);
                var disposer = new Thread(() =>
                {
                    started.Wait();
                    engine.Dispose();
                    template.Dispose();
                });
                disposer.Start();
                Run(4, index =>
                {
                    started.Signal();
                    try
                    {
                        while (true)
                        {
                            template.Serialize();
                            engine.ExtractChip(chip).Dispose();
                        }
                    }
                    catch (ObjectDisposedException)
                    {
                        // The expected end.
                    }
                });
                disposer.Join();
                Assert.That(Live(), Is.EqualTo(before));
            }
        }

        [Test]
        [Category("Long")]
        public void TenThousandRoundsDoNotGrow()
        {
            var before = Live();
            Rounds(1000);
            var resident = Resident();
            Rounds(9000);
            var growth = Resident() - resident;
            Console.WriteLine(
                "resident memory after 1,000 rounds: {0} kB, after 10,000: {1} kB", resident, resident + growth);
            Assert.That(Live(), Is.EqualTo(before));
            // A leak of 2 kB a round would be 18 MB; the collector's own heap moves by a few.
            Assert.That(growth, Is.LessThan(16 * 1024));
        }

        // Shared by two threads, since they take minutes on one core.
        private static void Rounds(int count)
        {
            var chip = Shared.Chip;
            Run(2, index =>
            {
                for (var round = 0; round < count / 2; round++)
                {
                    using (var template = Shared.Engine.ExtractChip(chip))
                    {
                        template.Serialize();
                    }
                }
            });
        }

        // Engines, the shared one among them, templates, calibrations, galleries, cancels.
        private static long[] Live()
        {
            Ignore(Shared.Engine);
            return new[]
            {
                LibraryInfo.LiveEngines, LibraryInfo.LiveTemplates, LibraryInfo.LiveCalibrations,
                LibraryInfo.LiveGalleries, LibraryInfo.LiveCancellations,
            };
        }

        private static long Resident()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
            var line = File.ReadLines("/proc/self/status").First(text => text.StartsWith("VmRSS:"));
            return long.Parse(line.Split(new[] { ' ', '\t' }, StringSplitOptions.RemoveEmptyEntries)[1]);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Forget()
        {
            var thread = new Thread(() =>
            {
                var engine = new Engine("sface", Shared.Options());
                engine.ExtractChip(Shared.Chip);
                engine.GetCalibration();
                Ignore(new Gallery());
            });
            thread.Start();
            thread.Join();
        }

        private static void Run(int count, Action<int> work)
        {
            var errors = new List<Exception>();
            var threads = Enumerable.Range(0, count).Select(index => new Thread(() =>
            {
                try
                {
                    work(index);
                }
                catch (Exception error)
                {
                    lock (errors)
                    {
                        errors.Add(error);
                    }
                }
            })).ToArray();
            foreach (var thread in threads)
            {
                thread.Start();
            }
            foreach (var thread in threads)
            {
                thread.Join();
            }
            Assert.That(errors, Is.Empty);
        }

        private static void Ignore(object value)
        {
            GC.KeepAlive(value);
        }
    }
}
