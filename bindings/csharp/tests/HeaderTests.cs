using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace QMagFace.Tests
{
    // That the declarations here are those of include/qmagface.h.
    [TestFixture]
    public class HeaderTests
    {
        private static readonly Assembly Library = typeof(Engine).Assembly;

        // Short names of the header that are words here.
        private static readonly Dictionary<string, string> Words = new Dictionary<string, string>
        {
            ["F32"] = "FLOAT32", ["F16"] = "FLOAT16", ["BF16"] = "BFLOAT16", ["TF32"] = "TENSORFLOAT32", ["I8"] = "INT8",
        };

        private static string Header
        {
            get { return File.ReadAllText(Shared.Setting("QMAGFACE_HEADER")); }
        }

        [Test]
        public void EveryFunctionIsDeclared()
        {
            var header = Regex.Matches(Header, @"^\S.*?\b(qmf_\w+)\(", RegexOptions.Multiline).Cast<Match>()
                .Select(match => match.Groups[1].Value)
                .Where(name => !name.StartsWith("qmf_log_callback")).OrderBy(name => name, StringComparer.Ordinal);
            var declared = Library.GetType("QMagFace.Interop.NativeMethods", true)
                .GetMethods(BindingFlags.Static | BindingFlags.NonPublic)
                .Where(method => method.GetCustomAttribute<DllImportAttribute>() != null)
                .Select(method => method.Name).OrderBy(name => name, StringComparer.Ordinal);
            Assert.That(declared, Is.EqualTo(header));
        }

        [Test]
        public void EnumsAreTheHeaders()
        {
            foreach (var pair in new Dictionary<Type, string>
            {
                [typeof(Device)] = "DEVICE", [typeof(Precision)] = "PRECISION", [typeof(FaceChoice)] = "FACE",
                [typeof(ImageFormat)] = "IMAGE", [typeof(YuvStandard)] = "YUV", [typeof(ScalarType)] = "SCALAR",
                [typeof(Fusion)] = "FUSION", [typeof(LogLevel)] = "LOG", [typeof(CalibrationStatus)] = "CALIBRATION",
                [typeof(FitProcedure)] = "FIT_PROCEDURE", [typeof(Measure)] = "MEASURE",
            })
            {
                Assert.That(Values(pair.Key), Is.EquivalentTo(Constants("QMF_" + pair.Value + "_")), pair.Value);
            }
            var statuses = Constants("QMF_ERROR_").Concat(new[] { "OK=0", "NOFACE=1" });
            Assert.That(Values(typeof(Status)), Is.EquivalentTo(statuses));
            foreach (Status status in Enum.GetValues(typeof(Status)))
            {
                Assert.That(LibraryInfo.GetStatusName(status), Is.Not.EqualTo("QMF_UNKNOWN"));
            }
        }

        [Test]
        public void StructsAreLaidOutAsInC()
        {
            // Lines `struct field offset size`, written by a C program; the field `sizeof` is the whole struct.
            var lines = File.ReadAllLines(Shared.Setting("QMAGFACE_LAYOUT"));
            Assert.That(lines.Length, Is.GreaterThan(80));
            foreach (var line in lines)
            {
                var parts = line.Split(' ');
                var type = Library.GetType("QMagFace.Interop." + parts[0], true);
                var whole = parts[1] == "sizeof";
                var offset = whole ? 0 : (int)Marshal.OffsetOf(type, parts[1]);
                var size = Size(whole ? type : Field(type, parts[1]).FieldType);
                Assert.That(parts[0] + " " + parts[1] + " " + offset + " " + size, Is.EqualTo(line));
            }
        }

        [Test]
        public void EveryFieldIsCompared()
        {
            var compared = File.ReadAllLines(Shared.Setting("QMAGFACE_LAYOUT")).Select(line => line.Split(' '))
                .Where(parts => parts[1] != "sizeof").Select(parts => parts[0] + "." + parts[1]);
            var declared = Library.GetTypes()
                .Where(type => type.IsValueType && !type.IsNested && type.Name.StartsWith("Native"))
                .SelectMany(type => type.GetFields(BindingFlags.Instance | BindingFlags.NonPublic)
                    .Select(field => type.Name + "." + field.Name));
            Assert.That(compared, Is.EquivalentTo(declared));
        }

        private static FieldInfo Field(Type type, string name)
        {
            return type.GetField(name, BindingFlags.Instance | BindingFlags.NonPublic);
        }

        private static int Size(Type type)
        {
            return type.IsPointer ? IntPtr.Size : Marshal.SizeOf(type);
        }

        private static IEnumerable<string> Constants(string prefix)
        {
            return Regex.Matches(Header, @"^#define " + prefix + @"(\w+) (\d+)\s*$", RegexOptions.Multiline).Cast<Match>()
                .Select(match => Normal(match.Groups[1].Value) + "=" + match.Groups[2].Value);
        }

        private static IEnumerable<string> Values(Type type)
        {
            return Enum.GetNames(type).Select(name => Normal(name) + "=" + (int)Enum.Parse(type, name));
        }

        private static string Normal(string name)
        {
            var plain = name.Replace("_", string.Empty).ToUpperInvariant();
            return Words.TryGetValue(plain, out var word) ? word : plain;
        }
    }
}
