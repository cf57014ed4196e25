using System;
using System.Text;

namespace QMagFace.Interop
{
    // Texts across the border: UTF-8 with a closing zero, converted by hand because older frameworks can't.
    internal static unsafe class NativeText
    {
        // Bytes of the names inside structs.
        internal const int NameSize = 72;

        // No byte order mark; a lone surrogate is an error instead of a replacement character.
        private static readonly UTF8Encoding Utf8 = new UTF8Encoding(false, true);

        internal delegate int Call(byte* buffer, UIntPtr capacity, UIntPtr* length);

        internal static byte[] Encode(string text, string parameter)
        {
            if (text == null)
            {
                throw new ArgumentNullException(parameter);
            }
            if (text.IndexOf('\0') >= 0)
            {
                throw new ArgumentException("The text holds a NUL character.", parameter);
            }
            try
            {
                var bytes = new byte[Utf8.GetByteCount(text) + 1];
                Utf8.GetBytes(text, 0, text.Length, bytes, 0);
                return bytes;
            }
            catch (EncoderFallbackException error)
            {
                throw new ArgumentException("The text is no valid Unicode.", parameter, error);
            }
        }

        // A text that ends with a zero.
        internal static string Decode(byte* text)
        {
            var length = 0;
            while (text[length] != 0)
            {
                length++;
            }
            return Encoding.UTF8.GetString(text, length);
        }

        // A name inside a struct; the library closes it with a zero, and nothing beyond the field is ever read.
        internal static string Name(byte* field)
        {
            var length = 0;
            while (length < NameSize && field[length] != 0)
            {
                length++;
            }
            return Encoding.UTF8.GetString(field, length);
        }

        // What a function of the library writes into a buffer, in full.
        internal static string Read(Call call)
        {
            var buffer = new byte[512];
            while (true)
            {
                UIntPtr length;
                fixed (byte* start = buffer)
                {
                    if (call(start, Sizes.From(buffer.Length), &length) != 0)
                    {
                        return string.Empty;
                    }
                }
                var needed = Sizes.ToInt(length);
                if (needed < buffer.Length)
                {
                    return Encoding.UTF8.GetString(buffer, 0, needed);
                }
                buffer = new byte[needed + 1];
            }
        }
    }
}
