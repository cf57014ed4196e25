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
