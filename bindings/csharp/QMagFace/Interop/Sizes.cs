using System;

namespace QMagFace.Interop
{
    // int and size_t.
    internal static class Sizes
    {
        internal static UIntPtr From(int size)
        {
            return new UIntPtr(checked((uint)size));
        }

        internal static int ToInt(UIntPtr size)
        {
            return checked((int)size.ToUInt64());
        }
    }
}
