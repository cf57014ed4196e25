using System;
using System.Collections.Generic;
using System.Linq;
using NUnit.Framework;

namespace QMagFace.Tests
{
    [TestFixture]
    public class FitTests
    {
        private const int Each = 5;
        private const int Length = 128;

        private static readonly int[] People = Enumerable.Range(0, 60 * Each).Select(image => image / Each - 30).ToArray();
        private static readonly float[] Embeddings = MadeUp();

        private static FitOptions Options
        {
            get { return new FitOptions { LeastFmr = 1e-3, Replicates = 50, Data = "made-up people" }; }
        }

        [Test]
        public void OptionsHaveTheLibrarysDefaults()
        {
            var options = new FitOptions();
            Assert.That(options.Procedure, Is.EqualTo(FitProcedure.Published));
            Assert.That(options.LeastFmr, Is.EqualTo(1e-5));
            Assert.That(options.GreatestFmr, Is.EqualTo(1e-2));
            Assert.That(options.FmrCount, Is.EqualTo(50));
            Assert.That(options.WeightCount, Is.EqualTo(20));
            Assert.That(options.Replicates, Is.EqualTo(1000));
            Assert.That(options.AllowUnsupported, Is.False);
            Assert.That(options.Threads, Is.EqualTo(0));
            Assert.That(options.Seed, Is.EqualTo(0));
            Assert.That(options.Data, Is.Null);
            Assert.That(options.Progress, Is.Null);
        }

        [Test]
        public void EmbeddingsGiveACalibrationOfAnyModel()
        {
            using (var fitted = Calibration.Fit(Embeddings, Length, People, Options, out FitWarnings warnings))
            {
                Assert.That(fitted.Status, Is.EqualTo(CalibrationStatus.Own));
                Assert.That(fitted.Model, Is.Empty);
                Assert.That(fitted.SubjectCount, Is.EqualTo(60));
                Assert.That(fitted.ImageCount, Is.EqualTo(300));
                Assert.That(fitted.GenuinePairCount, Is.EqualTo(600));
                Assert.That(fitted.ImpostorPairCount, Is.EqualTo(44250));
                Assert.That(fitted.Beta, Is.GreaterThan(0.0));
                Assert.That(warnings & FitWarnings.Unsupported, Is.EqualTo(FitWarnings.None));
                var thresholds = fitted.GetMeasuredThresholds();
                Assert.That(thresholds.Count, Is.EqualTo(fitted.ThresholdCount).And.GreaterThan(1));
                foreach (var threshold in thresholds)
                {
                    Assert.That(fitted.GetThreshold(threshold.Fmr), Is.EqualTo(threshold.Score).Within(1e-12));
                    Assert.That(threshold.ScoreLow.Value, Is.LessThanOrEqualTo(threshold.Score));
                    Assert.That(threshold.ScoreHigh.Value, Is.GreaterThanOrEqualTo(threshold.Score));
                    Assert.That(threshold.Fnmr.Value, Is.InRange(0.0, 1.0));
                    Assert.That(threshold.FnmrLow.Value, Is.LessThanOrEqualTo(threshold.Fnmr.Value));
                    Assert.That(threshold.FnmrHigh.Value, Is.GreaterThanOrEqualTo(threshold.Fnmr.Value));
                    Assert.That(threshold.ImpostorsAbove.Value, Is.LessThanOrEqualTo(threshold.Fmr * 44250));
                }
            }
        }

        [Test]
        public void ThePacksAndGivenNumbersSayWhatTheyKnow()
        {
            using (var given = new Calibration(0.1, 0.2))
            using (var own = Shared.Engine.GetCalibration())
            {
                Assert.That(given.GetMeasuredThresholds(), Is.Empty);
                Assert.That(given.SubjectCount, Is.Null);
                Assert.That(given.ImageCount, Is.Null);
                Assert.That(given.GenuinePairCount, Is.Null);
                Assert.That(given.ImpostorPairCount, Is.Null);
                Assert.That(own.GetMeasuredThresholds().Count, Is.EqualTo(own.ThresholdCount));
            }
        }

        [Test]
        public void AnEngineAndTemplatesSayWhoseItIs()
        {
            var templates = new List<Template>();
            try
            {
                for (var image = 0; image < People.Length; image++)
                {
                    templates.Add(Shared.Engine.CreateTemplate(Embeddings.Skip(image * Length).Take(Length).ToArray()));
                }
                // A failed one takes no part.
                templates.Add(Shared.Engine.CreateFailedTemplate());
                var people = People.Concat(new[] { 77 }).ToArray();
                using (var any = Calibration.Fit(Embeddings, Length, People, Options))
                using (var own = Shared.Engine.FitCalibration(Embeddings, People, Options))
                using (var stored = Calibration.Fit(templates, people, Options, out FitWarnings warnings))
                {
                    Assert.That(own.Model, Is.EqualTo(Shared.Engine.Info.Model));
                    Assert.That(own.Fingerprint, Is.EqualTo(Shared.Engine.Info.Fingerprint));
                    Assert.That(own.Alpha, Is.EqualTo(any.Alpha));
                    Assert.That(stored.Fingerprint, Is.EqualTo(own.Fingerprint));
                    Assert.That(stored.ImageCount, Is.EqualTo(300));
                    Assert.That(warnings & FitWarnings.Unsupported, Is.EqualTo(FitWarnings.None));
                    Assert.That(stored.Alpha, Is.EqualTo(any.Alpha).Within(1e-3));
                }
                Assert.Throws<ArgumentException>(() => Calibration.Fit(templates, People, Options));
            }
            finally
            {
                templates.ForEach(template => template.Dispose());
            }
        }

        [Test]
        public void EveryProcedureAndOptionArrives()
        {
            var alphas = new HashSet<double>();
            foreach (FitProcedure procedure in Enum.GetValues(typeof(FitProcedure)))
            {
                var options = Options;
                options.Procedure = procedure;
                options.Threads = 1;
                options.Seed = 9;
                using (var fitted = Shared.Engine.FitCalibration(Embeddings, People, options, out FitWarnings warnings))
                {
                    Assert.That(warnings & FitWarnings.Unsupported, Is.EqualTo(FitWarnings.None));
                    alphas.Add(fitted.Alpha);
                }
            }
            Assert.That(alphas.Count, Is.EqualTo(3));

            var rash = new FitOptions { AllowUnsupported = true, Replicates = 0, FmrCount = 20, WeightCount = 30 };
            using (var fitted = Calibration.Fit(Embeddings, Length, People, rash, out FitWarnings warnings))
            {
                Assert.That(warnings & FitWarnings.Unsupported, Is.EqualTo(FitWarnings.Unsupported));
                Assert.That(fitted.GetMeasuredThresholds()[0].ScoreLow, Is.Null);
            }
        }

        [Test]
        public void AFitTellsHowFarItIsAndEndsWhenItIsCancelled()
        {
            long last = 0, steps = 0, total = 0;
            var options = Options;
            options.Threads = 2;
            options.Progress = (done, all) =>
            {
                // One call at a time.
                steps += all != total || done < last ? 1 : 0;
                last = done;
                total = all;
            };
            Calibration.Fit(Embeddings, Length, People, options).Dispose();
            Assert.That(last, Is.EqualTo(50));
            Assert.That(total, Is.EqualTo(50));
            Assert.That(steps, Is.GreaterThan(1));
            options.Progress = (done, all) => throw new InvalidOperationException("nobody hears it");
            Calibration.Fit(Embeddings, Length, People, options).Dispose();

            // It would take minutes.
            options.Progress = null;
            options.Replicates = 100000;
            AsyncTests.EndsSoon(token => Calibration.Fit(Embeddings, Length, People, options, token));
            AsyncTests.EndsSoon(
                token => Shared.Engine.FitCalibration(Embeddings, People, options, out FitWarnings _, token));
        }

        [Test]
        public void WhatMeansNothingIsRefused()
        {
            var few = Assert.Throws<QMagFaceException>(() => Calibration.Fit(Embeddings, Length, People));
            Assert.That(few.Status, Is.EqualTo(Status.Calibration));
            Assert.That(few.Message, Is.StringContaining("300000 impostor pairs"));
            Assert.Throws<QMagFaceException>(() => Shared.Engine.FitCalibration(Embeddings, People));
            var normalised = new List<float>();
            for (var image = 0; image < People.Length; image++)
            {
                var row = Embeddings.Skip(image * Length).Take(Length).ToArray();
                var norm = Math.Sqrt(row.Sum(value => (double)value * value));
                normalised.AddRange(row.Select(value => (float)(value / norm)));
            }
            var lost = Assert.Throws<QMagFaceException>(
                () => Calibration.Fit(normalised.ToArray(), Length, People, Options));
            Assert.That(lost.Status, Is.EqualTo(Status.Calibration));
            Assert.That(lost.Message, Is.StringContaining("normalised"));
            Assert.Throws<ArgumentNullException>(() => Calibration.Fit((float[])null, Length, People));
            Assert.Throws<ArgumentNullException>(() => Calibration.Fit((IEnumerable<Template>)null, People));
            Assert.Throws<ArgumentNullException>(() => Calibration.Fit(Embeddings, Length, null));
            Assert.Throws<ArgumentException>(() => Calibration.Fit(Embeddings, Length, People.Skip(1).ToArray()));
            Assert.Throws<ArgumentException>(() => Calibration.Fit(Embeddings, Length - 1, People));
            Assert.Throws<ArgumentOutOfRangeException>(() => Calibration.Fit(Embeddings, 0, People));
            foreach (var change in new Action<FitOptions>[]
            {
                options => options.FmrCount = -1, options => options.WeightCount = -1, options => options.Replicates = -1,
                options => options.Threads = -1,
            })
            {
                var options = Options;
                change(options);
                Assert.Throws<ArgumentOutOfRangeException>(() => Calibration.Fit(Embeddings, Length, People, options));
            }
            foreach (var change in new Action<FitOptions>[]
            {
                options => options.Procedure = (FitProcedure)9, options => options.GreatestFmr = 2.0,
                options => options.Data = "two\nlines",
            })
            {
                var options = Options;
                change(options);
                var wrong = Assert.Throws<QMagFaceException>(
                    () => Calibration.Fit(Embeddings, Length, People, options));
                Assert.That(wrong.Status, Is.EqualTo(Status.InvalidArgument));
            }
        }

        // The shorter an embedding is, the less it resembles its person's others, as with real ones.
        private static float[] MadeUp()
        {
            var random = new Random(1);
            Func<double> next = () => 2.0 * random.NextDouble() - 1.0;
            var embeddings = new List<float>();
            for (var person = 0; person < 60; person++)
            {
                var centre = Enumerable.Range(0, Length).Select(_ => next()).ToArray();
                for (var image = 0; image < Each; image++)
                {
                    var quality = 11.0 + 3.0 * next();
                    var raw = centre.Select(value => value + (14.5 - quality) * 0.35 * next()).ToArray();
                    var norm = Math.Sqrt(raw.Sum(value => value * value));
                    embeddings.AddRange(raw.Select(value => (float)(value * quality / norm)));
                }
            }
            return embeddings.ToArray();
        }
    }
}
