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
