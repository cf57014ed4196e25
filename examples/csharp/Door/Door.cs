// A door that opens for enrolled people: reads a camera's pictures and says of each whether the door opens, and why.
//
//   Door PEOPLE CAMERA [--model MODEL] [--fmr RATE] [--gate QUALITY]
//
// PEOPLE has a folder of photos for each person, CAMERA the pictures, which are looked at in the order of their names.
// Each decision is a line of fields with tabs between: picture, "open" or "closed", person or "-", score, -log10(FMR),
// quality, reason.
// Exit codes: 0 all pictures decided, 1 an error, 2 wrong arguments, 3 someone can't be enrolled.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using QMagFace;

namespace Door
{
    internal static class Program
    {
        private static readonly string[] Endings = { ".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp" };

        private static int Main(string[] arguments)
        {
            Settings settings;
            try
            {
                settings = Settings.Parse(arguments);
            }
            catch (ArgumentException error)
            {
                Console.Error.WriteLine("error: " + error.Message);
                Console.Error.WriteLine("usage: Door PEOPLE CAMERA [--model MODEL] [--fmr RATE] [--gate QUALITY]");
                return 2;
            }
            try
            {
                using (var engine = new Engine(settings.Model))
                using (var calibration = engine.GetCalibration())
                using (var gated = calibration.WithQualityGate(settings.Gate))
                using (var door = new Door(engine, gated, settings.Fmr))
                {
                    foreach (var folder in Directory.GetDirectories(settings.People).OrderBy(name => name, StringComparer.Ordinal))
                    {
                        door.Enrol(Path.GetFileName(folder), Pictures(folder));
                    }
                    if (door.People == 0)
                    {
                        throw new EnrolmentException(settings.People + " has no folder of a person.");
                    }
                    foreach (var picture in Pictures(settings.Camera))
                    {
                        Console.WriteLine(door.Look(picture));
                    }
                    return 0;
                }
            }
            catch (EnrolmentException error)
            {
                Console.Error.WriteLine("error: " + error.Message);
                return 3;
            }
            catch (Exception error) when (error is QMagFaceException || error is IOException
                || error is UnauthorizedAccessException || error is DllNotFoundException)
            {
                Console.Error.WriteLine("error: " + error.Message);
                return 1;
            }
        }

        private static List<string> Pictures(string folder)
        {
            return Directory.GetFiles(folder)
                .Where(file => Endings.Contains(Path.GetExtension(file).ToLowerInvariant()))
                .OrderBy(name => name, StringComparer.Ordinal)
                .ToList();
        }
    }

    internal sealed class EnrolmentException : Exception
    {
        internal EnrolmentException(string message)
            : base(message)
        {
        }
    }

    internal sealed class Settings
    {
        internal string People { get; private set; }

        internal string Camera { get; private set; }

        internal string Model { get; private set; } = "sface";

        // One stranger in a thousand gets in: what sface's own calibration supports with some room.
        internal double Fmr { get; private set; } = 1e-3;

        // Below it, sface's false finds and half-hidden faces lie: see the README's figures.
        internal double Gate { get; private set; } = 9;

        internal static Settings Parse(string[] arguments)
        {
            var settings = new Settings();
            var folders = new List<string>();
            for (var i = 0; i < arguments.Length; i++)
            {
                switch (arguments[i])
                {
                    case "--model":
                        settings.Model = Value(arguments, ref i);
                        break;
                    case "--fmr":
                        settings.Fmr = Number(arguments, ref i);
                        break;
                    case "--gate":
                        settings.Gate = Number(arguments, ref i);
                        break;
                    default:
                        if (arguments[i].StartsWith("-", StringComparison.Ordinal))
                        {
                            throw new ArgumentException("unknown option " + arguments[i]);
                        }
                        folders.Add(arguments[i]);
                        break;
                }
            }
            if (folders.Count != 2)
            {
                throw new ArgumentException("two folders are needed, and " + folders.Count + " given");
            }
            foreach (var folder in folders.Where(folder => !Directory.Exists(folder)))
            {
                throw new ArgumentException(folder + " is no folder");
            }
            settings.People = folders[0];
            settings.Camera = folders[1];
            return settings;
        }

        private static string Value(string[] arguments, ref int i)
        {
            if (i + 1 == arguments.Length)
            {
                throw new ArgumentException(arguments[i] + " needs a value");
            }
            i++;
            return arguments[i];
        }

        private static double Number(string[] arguments, ref int i)
        {
            var option = arguments[i];
            var text = Value(arguments, ref i);
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                || !(number > 0) || double.IsInfinity(number))
            {
                throw new ArgumentException(option + " needs a number above 0, not " + text);
            }
            return number;
        }
    }

    // The people who may enter, and the decision on one picture.
    internal sealed class Door : IDisposable
    {
        private readonly Engine _engine;
        private readonly Calibration _calibration;
        private readonly double _threshold;
        private readonly List<string> _names = new List<string>();
        private readonly List<Template> _templates = new List<Template>();

        internal Door(Engine engine, Calibration calibration, double fmr)
        {
            _engine = engine;
            _calibration = calibration;
            _threshold = calibration.GetThreshold(fmr);
        }

        internal int People
        {
            get { return _names.Count; }
        }

        public void Dispose()
        {
            foreach (var template in _templates)
            {
                template.Dispose();
            }
        }

        // One template of all the person's photos; a better photo counts more.
        internal void Enrol(string name, List<string> photos)
        {
            if (photos.Count == 0)
            {
                throw new EnrolmentException(name + ": no photos");
            }
            if (!_engine.TryExtractFused(photos.Select(Image.FromFile), Fusion.Quality, out var template))
            {
                throw new EnrolmentException(name + ": no photo has a face");
            }
            _templates.Add(template);
            _names.Add(name);
            if (template.Quality < _calibration.QualityGate)
            {
                throw new EnrolmentException(
                    name + ": the photos' quality is " + Format(template.Quality) + ", below the gate of "
                    + Format(_calibration.QualityGate.Value));
            }
        }

        internal string Look(string picture)
        {
            try
            {
                if (!_engine.TryExtract(Image.FromFile(picture), out var probe))
                {
                    return Line(picture, false, "-", "-", "-", "-", "no face");
                }
                using (probe)
                {
                    return Decide(picture, probe);
                }
            }
            catch (Exception error) when (error is QMagFaceException || error is IOException)
            {
                // A broken picture keeps the door closed, and the camera goes on.
                return Line(picture, false, "-", "-", "-", "-", "unreadable: " + error.Message.Replace('\n', ' '));
            }
        }

        private string Decide(string picture, Template probe)
        {
            var scores = _calibration.Score(probe, _templates);
            var best = 0;
            for (var i = 1; i < scores.Length; i++)
            {
                best = scores[i] > scores[best] ? i : best;
            }
            var comparison = _calibration.Compare(probe, _templates[best]);
            var matches = comparison.Score >= _threshold;
            var open = matches && !comparison.LowQuality;
            var reason = comparison.LowQuality ? "low quality" : matches ? "match" : "unknown";
            return Line(
                picture, open, open ? _names[best] : "-", Format(comparison.Score),
                comparison.NegativeLog10Fmr.HasValue ? Format(comparison.NegativeLog10Fmr.Value) : "-",
                Format(probe.Quality), reason);
        }

        private static string Line(string picture, bool open, params string[] fields)
        {
            return string.Join("\t", new[] { Path.GetFileName(picture), open ? "open" : "closed" }.Concat(fields));
        }

        private static string Format(double number)
        {
            return number.ToString("0.0000", CultureInfo.InvariantCulture);
        }
    }
}
