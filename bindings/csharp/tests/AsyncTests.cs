using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace QMagFace.Tests
{
    [TestFixture]
    public class AsyncTests
    {
        [Test]
        public void ExtractionRunsOnThePool()
        {
            var photo = Shared.Photo("obama2.jpg");
            using (var expected = Shared.Engine.Extract(photo))
            using (var one = Shared.Engine.ExtractAsync(photo).Result)
            using (var two = Shared.Engine.ExtractAsync(photo, CancellationToken.None).Result)
            {
                Assert.That(one.GetEmbedding(), Is.EqualTo(expected.GetEmbedding()).Within(1e-5));
                Assert.That(two.GetEmbedding(), Is.EqualTo(expected.GetEmbedding()).Within(1e-5));
            }
            foreach (var templates in new[]
            {
                Shared.Engine.ExtractAllAsync(photo).Result,
                Shared.Engine.ExtractAllAsync(photo, CancellationToken.None).Result,
            })
            {
                Assert.That(templates.Count, Is.EqualTo(1));
                templates[0].Dispose();
            }
        }

        [Test]
        public void ManyTasksAtOnceGiveTheirOwnResults()
        {
            var names = new[] { "obama.jpg", "obama2.jpg", "biden.jpg" };
            var tasks = Enumerable.Range(0, 12)
                .Select(i => Shared.Engine.ExtractAsync(Shared.Photo(names[i % names.Length])))
                .ToArray();
            Task.WaitAll(tasks);
            for (var i = 0; i < tasks.Length; i++)
            {
                Assert.That(
                    tasks[i].Result.Quality, Is.EqualTo(tasks[i % names.Length].Result.Quality).Within(1e-4));
            }
            foreach (var task in tasks)
            {
                task.Result.Dispose();
            }
        }

        [Test]
        public void FailuresComeFromTheTask()
        {
            Shared.Throws<NoFaceException>(() => Shared.Engine.ExtractAsync(Shared.Blank()).GetAwaiter().GetResult());
            Assert.That(Shared.Engine.ExtractAllAsync(Shared.Blank()).Result, Is.Empty);
            Shared.Throws<ImageDecodeException>(
                () => Shared.Engine.ExtractAllAsync(Image.FromEncoded(new byte[9])).GetAwaiter().GetResult());
        }

        [Test]
        public void CancelledTasksLeaveNothing()
        {
            var before = LibraryInfo.LiveTemplates;
            var photo = Shared.Photo("obama2.jpg");
            var cancelled = new CancellationToken(true);
            Cancelled(Shared.Engine.ExtractAsync(photo, cancelled));
            Cancelled(Shared.Engine.ExtractAllAsync(photo, cancelled));
            for (var round = 0; round < 10; round++)
            {
                using (var source = new CancellationTokenSource())
                {
                    var tasks = Enumerable.Range(0, 4)
                        .Select(i => Shared.Engine.ExtractAsync(photo, source.Token)).ToArray();
                    var all = Shared.Engine.ExtractAllAsync(photo, source.Token);
                    Thread.Sleep(round * 5);
                    source.Cancel();
                    foreach (var task in tasks)
                    {
                        Finish(task, template => template.Dispose());
                    }
                    Finish(all, templates => templates.ToList().ForEach(template => template.Dispose()));
                }
            }
            Assert.That(LibraryInfo.LiveTemplates, Is.EqualTo(before));
            Assert.That(LibraryInfo.LiveCancellations, Is.EqualTo(0));
        }

        // Before the call and while it runs: the exception is .NET's own, with the caller's token, and nothing is left.
        [Test]
        public void EveryLongCallCanBeCancelled()
        {
            var photo = Shared.Photo("obama2.jpg");
            var chip = Shared.Chip;
            var people = Enumerable.Range(0, 60).Select(image => image / 5).ToArray();
            var random = new Random(1);
            var embeddings = Enumerable.Range(0, 60 * 128).Select(_ => (float)random.NextDouble()).ToArray();
            using (var engine = new Engine("sface", Shared.Options()))
            using (var calibration = engine.GetCalibration())
            using (var gallery = new Gallery())
            using (var face = engine.Extract(photo))
            using (var source = new CancellationTokenSource())
            {
                gallery.Add(face);
                var landmarks = engine.Detect(photo)[0].Landmarks;
                var faces = new[] { face };
                var token = source.Token;
                var calls = new Action[]
                {
                    () => engine.Detect(photo, token),
                    () => engine.Embed(chip, token),
                    () => engine.Extract(photo, token).Dispose(),
                    () => engine.Extract(photo, landmarks, token).Dispose(),
                    () => { Assert.That(engine.TryExtract(photo, out Template one, token)); one.Dispose(); },
                    () => engine.ExtractAll(photo, token).ToList().ForEach(one => one.Dispose()),
                    () => engine.ExtractFused(new[] { photo }, Fusion.Mean, token).Dispose(),
                    () =>
                    {
                        Assert.That(engine.TryExtractFused(new[] { photo }, Fusion.Mean, out Template one, token));
                        one.Dispose();
                    },
                    () => engine.ExtractChip(chip, token).Dispose(),
                    () => calibration.Score(face, faces, token),
                    () => calibration.ScoreMatrix(faces, faces, token),
                    () => calibration.ScoreMatrix(embeddings, embeddings, 128, token),
                    () => gallery.Score(calibration, faces, 1, token),
                    () => gallery.Search(calibration, face, null, token),
                    () => gallery.Search(calibration, faces, null, token),
                };
                var fits = new Action[]
                {
                    () => engine.FitCalibration(embeddings, people, null, token),
                    () => engine.FitCalibration(embeddings, people, null, out FitWarnings _, token),
                    () => Calibration.Fit(embeddings, 128, people, null, token),
                    () => Calibration.Fit(embeddings, 128, people, null, out FitWarnings _, token),
                    () => Calibration.Fit(faces, new[] { 1 }, null, token),
                    () => Calibration.Fit(faces, new[] { 1 }, null, out FitWarnings _, token),
                };
                foreach (var call in calls)
                {
                    call();
                }
                source.Cancel();
                foreach (var call in calls.Concat(fits))
                {
                    var error = Assert.Catch<OperationCanceledException>(() => call());
                    Assert.That(error.CancellationToken, Is.EqualTo(token));
                }
                engine.Extract(photo).Dispose();
            }
            Assert.That(LibraryInfo.LiveCancellations, Is.EqualTo(0));
        }

        [Test]
        public void ARunningCallEndsWhenItsTokenIsCancelled()
        {
            var chips = new byte[Engine.ChipSize * 1500];
            EndsSoon(token => Shared.Engine.Embed(chips, token));
            var photos = Enumerable.Repeat(Shared.Photo("obama2.jpg"), 500).ToArray();
            EndsSoon(token => Shared.Engine.ExtractFused(photos, Fusion.Quality, token));
            Assert.That(LibraryInfo.LiveCancellations, Is.EqualTo(0));
            // A task on the pool is cancelled, not faulted.
            using (var source = new CancellationTokenSource())
            {
                var task = Task.Run(() => Shared.Engine.Embed(chips, source.Token), source.Token);
                source.CancelAfter(100);
                Cancelled(task);
            }
            Shared.Engine.Extract(photos[0]).Dispose();
        }

        // A call that would take many times as long as it may.
        internal static void EndsSoon(Action<CancellationToken> call)
        {
            using (var source = new CancellationTokenSource())
            {
                var clock = System.Diagnostics.Stopwatch.StartNew();
                source.CancelAfter(50);
                var error = Assert.Catch<OperationCanceledException>(() => call(source.Token));
                Assert.That(error.CancellationToken, Is.EqualTo(source.Token));
                Assert.That(clock.Elapsed.TotalSeconds, Is.LessThan(5.0));
            }
        }

        private static void Cancelled(Task task)
        {
            Assert.Catch<OperationCanceledException>(() => task.GetAwaiter().GetResult());
            Assert.That(task.IsCanceled, Is.True);
        }

        // Done before the cancellation, or cancelled: nothing else.
        private static void Finish<T>(Task<T> task, Action<T> free)
        {
            try
            {
                free(task.GetAwaiter().GetResult());
            }
            catch (OperationCanceledException)
            {
                Assert.That(task.IsCanceled, Is.True);
            }
        }
    }
}
