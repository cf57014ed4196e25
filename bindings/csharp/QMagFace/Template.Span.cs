#if QMAGFACE_SPAN
using System;
using System.Runtime.InteropServices;
using QMagFace.Interop;

namespace QMagFace
{
    // The same calls for memory that isn't an array of its own.
    public sealed unsafe partial class Template
    {
        /// <summary>Reads a template that <see cref="Serialize()"/> wrote.</summary>
        /// <param name="data">The bytes.</param>
        /// <returns>The template.</returns>
        /// <exception cref="InvalidTemplateException">The bytes are no template, or a damaged one.</exception>
        public static Template Parse(ReadOnlySpan<byte> data)
        {
            Arguments.Filled(data.Length, nameof(data));
            fixed (byte* start = &MemoryMarshal.GetReference(data))
            {
                return Parse(start, data.Length);
            }
        }

        /// <summary>Reads a template that was sealed.</summary>
        /// <param name="data">The bytes.</param>
        /// <param name="key">The key, of <see cref="KeySize"/> bytes.</param>
        /// <param name="context">What it was sealed with; an empty span for nothing.</param>
        /// <returns>The template.</returns>
        /// <exception cref="InvalidTemplateException">They were not sealed so, or were changed.</exception>
        public static Template Unseal(ReadOnlySpan<byte> data, ReadOnlySpan<byte> key, ReadOnlySpan<byte> context)
        {
            Arguments.Filled(data.Length, nameof(data));
            Arguments.Filled(key.Length, nameof(key));
            fixed (byte* start = &MemoryMarshal.GetReference(data))
            fixed (byte* secret = &MemoryMarshal.GetReference(key))
            fixed (byte* bound = &MemoryMarshal.GetReference(context))
            {
                return Unseal(start, data.Length, secret, key.Length, bound, context.Length);
            }
        }

        /// <summary>Writes the template, encrypted and authenticated.</summary>
        /// <param name="key">The key, of <see cref="KeySize"/> random bytes.</param>
        /// <param name="context">What it must be unsealed with; an empty span for nothing.</param>
        /// <param name="scalar">How its direction is stored; the quality is always stored in full.</param>
        /// <returns>The bytes, others each time.</returns>
        public byte[] Seal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> context, ScalarType scalar)
        {
            Arguments.Filled(key.Length, nameof(key));
            fixed (byte* secret = &MemoryMarshal.GetReference(key))
            fixed (byte* bound = &MemoryMarshal.GetReference(context))
            {
                return Seal(secret, key.Length, bound, context.Length, scalar);
            }
        }

        /// <summary>The same template with other metadata.</summary>
        /// <param name="metadata">At most 65536 bytes; an empty span for none.</param>
        /// <returns>A new template.</returns>
        public Template WithMetadata(ReadOnlySpan<byte> metadata)
        {
            fixed (byte* start = &MemoryMarshal.GetReference(metadata))
            {
                return WithMetadata(start, metadata.Length);
            }
        }
    }
}
#endif
