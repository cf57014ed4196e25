// A program that knows the package only: compiled against its assembly, run with its native library and model.
using System;
using System.IO;
using QMagFace;

internal static class Consumer
{
    private static void Main(string[] photos)
    {
        var bundle = Path.Combine(AppDomain.CurrentDomain.BaseDirectory, "sface.qmfmodel");
        using (var engine = Engine.FromBundle(bundle))
        using (var calibration = engine.GetCalibration())
        using (var a = engine.Extract(Image.FromFile(photos[0])))
        using (var b = engine.Extract(Image.FromFile(photos[1])))
        {
            var comparison = calibration.Compare(a, b);
            Console.WriteLine(
                "{0} {1}", engine.Info.Model, comparison.Score >= calibration.GetThreshold(1e-3) ? "same" : "other");
        }
    }
}
