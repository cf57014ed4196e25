using System;

namespace QMagFace.Interop
{
    // What can be said of arguments without the library.
    internal static class Arguments
    {
        internal static void NotNull(object value, string parameter)
        {
            if (value == null)
            {
                throw new ArgumentNullException(parameter);
            }
        }

        internal static void Filled(Array array, string parameter)
        {
            NotNull(array, parameter);
            Filled(array.Length, parameter);
        }

        internal static void Filled(int length, string parameter)
        {
            if (length == 0)
            {
                throw new ArgumentException("It is empty.", parameter);
            }
        }

        internal static void Positive(int value, string parameter)
        {
            if (value <= 0)
            {
                throw new ArgumentOutOfRangeException(parameter, "It is " + value + ", and 1 is the least.");
            }
        }

        internal static void NotNegative(int value, string parameter)
        {
            if (value < 0)
            {
                throw new ArgumentOutOfRangeException(parameter, "It is negative: " + value + ".");
            }
        }

        // How many pieces of `piece` elements there are, at least one and none cut.
        internal static int Pieces(int length, int piece, string parameter)
        {
            if (length == 0 || length % piece != 0)
            {
                throw new ArgumentException(
                    "Its length is " + length + ", which is no multiple of " + piece + ".", parameter);
            }
            return length / piece;
        }

        internal static void SameLength(int a, int b, string parameter)
        {
            if (a != b)
            {
                throw new ArgumentException("The lengths differ: " + a + " and " + b + ".", parameter);
            }
        }
    }
}
