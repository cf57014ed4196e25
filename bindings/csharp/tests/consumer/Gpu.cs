// A program that asks for a GPU: it says what the library knows of itself, then what became of the wish.
using System;
using System.IO;
using QMagFace;

internal static class Gpu
{
    private static void Main()
    {
        Console.WriteLine(LibraryInfo.BuildInfo);
        var bundle = Path.Combine(AppDomain.CurrentDomain.BaseDirectory, "sface.qmfmodel");
        try
        {
            using (Engine.FromBundle(bundle, new EngineOptions { Device = Device.Cuda }))
            {
                Console.WriteLine("a GPU");
            }
        }
        catch (QMagFaceException error)
        {
            Console.WriteLine("{0}: {1}", error.Status, error.Message);
        }
    }
}
