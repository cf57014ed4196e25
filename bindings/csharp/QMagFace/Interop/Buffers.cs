using System;

namespace QMagFace.Interop
{
    // Functions that fill a caller's buffer and say how much they have.
    internal static unsafe class Buffers
    {
        internal delegate int Call(byte* data, UIntPtr capacity, UIntPtr* size);

        // Asks again with more room where the first buffer was too small.
        internal static byte[] Read(Call call)
        {
            var buffer = new byte[1024];
            while (true)
            {
                UIntPtr size;
                int status;
                fixed (byte* start = buffer)
                {
                    status = call(start, Sizes.From(buffer.Length), &size);
                }
                if (status == (int)Status.BufferTooSmall)
                {
                    buffer = new byte[Sizes.ToInt(size)];
                    continue;
                }
                Failure.Check(status);
                Array.Resize(ref buffer, Sizes.ToInt(size));
                return buffer;
            }
        }
    }
}
