#if QMAGFACE_SPAN
using System;
using System.Runtime.InteropServices;
using System.Threading;
using QMagFace.Interop;

namespace QMagFace
{
    // The same calls for memory that isn't an array of its own.
    public sealed unsafe partial class Engine
    {
        /// <summary>Opens a bundle held in memory.</summary>
        /// <param name="bundle">The bundle's bytes; they are not kept.</param>
        /// <param name="options">How the engine is made.</param>
        /// <returns>The engine.</returns>
        /// <exception cref="QMagFaceException">The bytes are no bundle, or a damaged one.</exception>
        public static Engine FromBundle(ReadOnlySpan<byte> bundle, EngineOptions options)
        {
            Arguments.Filled(bundle.Length, nameof(bundle));
            fixed (byte* start = &MemoryMarshal.GetReference(bundle))
            {
                return new Engine(OpenMemory(start, bundle.Length, options));
            }
        }

        /// <summary>Embeds one chip or several, into the caller's memory.</summary>
        /// <param name="chips">Chips one after another, <see cref="ChipSize"/> bytes each.</param>
        /// <param name="embeddings">
        /// Gets their embeddings one after another, <see cref="EngineInfo.EmbeddingLength"/> floats each.
        /// </param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <exception cref="ArgumentException">
        /// <paramref name="chips"/> is no whole number of chips, or <paramref name="embeddings"/> is too short.
        /// </exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public void Embed(
            ReadOnlySpan<byte> chips, Span<float> embeddings,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            var count = Arguments.Pieces(chips.Length, ChipSize, nameof(chips));
            var needed = checked(count * Info.EmbeddingLength);
            if (embeddings.Length < needed)
            {
                throw new ArgumentException(
                    "It holds " + embeddings.Length + " floats, and " + needed + " are needed.", nameof(embeddings));
            }
            fixed (byte* start = &MemoryMarshal.GetReference(chips))
            fixed (float* to = &MemoryMarshal.GetReference(embeddings))
            {
                Embed(start, count, to, needed, cancellationToken);
            }
        }

        /// <summary>The quality of an embedding: its magnitude.</summary>
        /// <param name="embedding">An embedding of this engine's model.</param>
        /// <returns>The quality.</returns>
        public double GetQuality(ReadOnlySpan<float> embedding)
        {
            Arguments.Filled(embedding.Length, nameof(embedding));
            fixed (float* start = &MemoryMarshal.GetReference(embedding))
            {
                return GetQuality(start, embedding.Length);
            }
        }

        /// <summary>Makes a template of an embedding.</summary>
        /// <param name="embedding">An embedding of this engine's model.</param>
        /// <returns>The template, to be disposed of by the caller.</returns>
        public Template CreateTemplate(ReadOnlySpan<float> embedding)
        {
            Arguments.Filled(embedding.Length, nameof(embedding));
            fixed (float* start = &MemoryMarshal.GetReference(embedding))
            {
                return CreateTemplate(start, embedding.Length);
            }
        }

        /// <summary>Makes a template of an aligned face.</summary>
        /// <param name="chip">The chip, of <see cref="ChipSize"/> bytes, as <see cref="Align"/> makes it.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The template, to be disposed of by the caller.</returns>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public Template ExtractChip(
            ReadOnlySpan<byte> chip, CancellationToken cancellationToken = default(CancellationToken))
        {
            Arguments.Filled(chip.Length, nameof(chip));
            fixed (byte* start = &MemoryMarshal.GetReference(chip))
            {
                return ExtractChip(start, chip.Length, cancellationToken);
            }
        }
    }
}
#endif
