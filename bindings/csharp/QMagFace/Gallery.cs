using System;
using System.Collections.Generic;
using System.Threading;
using QMagFace.Interop;

namespace QMagFace
{
    /// <summary>Templates of one model, packed for comparing probes with all of them (1:N).</summary>
    /// <remarks>
    /// A template's place is its index, 0 for the first that was added. The first also decides of which model the
    /// gallery is. It keeps none of the templates' objects. Any number of threads may use one, also while others add
    /// and remove: those wait for each other. After <see cref="Dispose"/> every other member throws
    /// <see cref="ObjectDisposedException"/>; one that is never disposed of is freed by the garbage collector.
    /// </remarks>
    public sealed unsafe class Gallery : IDisposable
    {
        private readonly GalleryHandle _handle;

        /// <summary>Makes a gallery without templates that keeps 32-bit floats.</summary>
        public Gallery()
            : this(ScalarType.Float32)
        {
        }

        /// <summary>Makes a gallery without templates.</summary>
        /// <param name="scalar">How it keeps directions; qualities are always kept in full.</param>
        public Gallery(ScalarType scalar)
        {
            LibraryInfo.EnsureCompatible();
            Failure.Check(NativeMethods.qmf_gallery_create((int)scalar, out _handle));
        }

        /// <summary>How it keeps directions.</summary>
        public ScalarType Scalar
        {
            get { return (ScalarType)Info().scalar; }
        }

        /// <summary>How many templates it has, failed ones included.</summary>
        public int Count
        {
            get { return checked((int)Info().count); }
        }

        /// <summary>Floats of an embedding; 0 before the first template is added.</summary>
        public int EmbeddingLength
        {
            get { return checked((int)Info().length); }
        }

        /// <summary>
        /// How many templates have <see cref="Template.HasUnitLength"/>. Scores and searches with them don't tell.
        /// </summary>
        public int UnitLengthCount
        {
            get { return checked((int)Info().unit_lengths); }
        }

        /// <summary>Bytes of native memory it takes, with the room it has for more templates.</summary>
        public long MemorySize
        {
            get { return checked((long)Info().bytes); }
        }

        /// <summary>Name of the templates' model; empty before the first is added.</summary>
        public string Model
        {
            get
            {
                var info = Info();
                return NativeText.Name(info.model);
            }
        }

        /// <summary>The model's <see cref="EngineInfo.Fingerprint"/>; empty before the first template is added.</summary>
        public string Fingerprint
        {
            get
            {
                var info = Info();
                return NativeText.Name(info.fingerprint);
            }
        }

        private GalleryHandle Handle
        {
            get
            {
                if (_handle.IsClosed)
                {
                    throw new ObjectDisposedException(nameof(Gallery));
                }
                return _handle;
            }
        }

        /// <summary>Adds a template at the end.</summary>
        /// <param name="template">The template; a failed one takes its place too, and matches nothing.</param>
        /// <returns>Its index.</returns>
        /// <exception cref="ModelMismatchException">It is of another model than the gallery.</exception>
        public int Add(Template template)
        {
            Arguments.NotNull(template, nameof(template));
            return Add(new[] { template });
        }

        /// <summary>Adds templates at the end, all or none.</summary>
        /// <param name="templates">At least one; failed ones take their places too, and match nothing.</param>
        /// <returns>The index of the first of them.</returns>
        /// <exception cref="ModelMismatchException">Not all are of one model, the gallery's.</exception>
        public int Add(IEnumerable<Template> templates)
        {
            var handle = Handle;
            using (var handles = new HandleArray(templates, nameof(templates)))
            {
                Arguments.Filled(handles.Count, nameof(templates));
                UIntPtr first;
                fixed (IntPtr* start = handles.Pointers)
                {
                    Failure.Check(NativeMethods.qmf_gallery_add(handle, start, Sizes.From(handles.Count), &first));
                }
                return Sizes.ToInt(first);
            }
        }

        /// <summary>Removes a template. Those behind move up: each gets the index before its own.</summary>
        /// <param name="index">The template's index.</param>
        /// <exception cref="QMagFaceException">There is no such template.</exception>
        public void RemoveAt(int index)
        {
            Remove(new[] { index });
        }

        /// <summary>
        /// Removes templates, all or none. Those behind move up: each gets the index that is less by the number removed
        /// in front of it.
        /// </summary>
        /// <param name="indices">The templates' indices, which must rise.</param>
        /// <exception cref="QMagFaceException">There is no such template, or the indices don't rise.</exception>
        public void Remove(int[] indices)
        {
            Arguments.Filled(indices, nameof(indices));
            var sizes = new UIntPtr[indices.Length];
            for (var i = 0; i < indices.Length; i++)
            {
                Arguments.NotNegative(indices[i], nameof(indices));
                sizes[i] = Sizes.From(indices[i]);
            }
            fixed (UIntPtr* start = sizes)
            {
                Failure.Check(NativeMethods.qmf_gallery_remove(Handle, start, Sizes.From(sizes.Length)));
            }
        }

        /// <summary>Scores probes against all templates.</summary>
        /// <param name="calibration">What scores are made with.</param>
        /// <param name="probes">One for each row.</param>
        /// <param name="threads">0: one per core; 1: only the calling one. The scores don't depend on it.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>The scores, probes by templates; minus infinity with a failed one.</returns>
        /// <exception cref="ModelMismatchException">A probe or the calibration is of another model.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public float[,] Score(
            Calibration calibration, IEnumerable<Template> probes, int threads = 0,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            var handle = Handle;
            Arguments.NotNull(calibration, nameof(calibration));
            Arguments.NotNegative(threads, nameof(threads));
            using (var cancellation = new Cancellation(cancellationToken))
            using (var handles = new HandleArray(probes, nameof(probes)))
            {
                Arguments.Filled(handles.Count, nameof(probes));
                var room = checked(handles.Count * Count);
                while (true)
                {
                    // One element more: a pinned empty array has no address.
                    var scores = new float[room + 1];
                    UIntPtr count;
                    int status;
                    fixed (IntPtr* start = handles.Pointers)
                    fixed (float* to = scores)
                    {
                        status = NativeMethods.qmf_gallery_score(
                            handle, calibration.Handle, start, Sizes.From(handles.Count), (uint)threads,
                            cancellation.Handle, to, Sizes.From(room), &count);
                    }
                    if (status == (int)Status.BufferTooSmall)
                    {
                        // Another thread has added templates.
                        room = Sizes.ToInt(count);
                        continue;
                    }
                    cancellation.Check(status);
                    var matrix = new float[handles.Count, Sizes.ToInt(count) / handles.Count];
                    Buffer.BlockCopy(scores, 0, matrix, 0, matrix.Length * sizeof(float));
                    return matrix;
                }
            }
        }

        /// <summary>Finds the templates that a probe is most like.</summary>
        /// <param name="calibration">What scores are made with.</param>
        /// <param name="probe">The probe.</param>
        /// <param name="options">How many, and how alike; null for the defaults.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>
        /// The matches from the highest score on, of equal scores the lower index first. A failed template is never
        /// among them; a failed probe has none.
        /// </returns>
        /// <exception cref="ModelMismatchException">The probe or the calibration is of another model.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public IReadOnlyList<GalleryMatch> Search(
            Calibration calibration, Template probe, SearchOptions options = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            Arguments.NotNull(probe, nameof(probe));
            return Search(calibration, new[] { probe }, options, cancellationToken)[0];
        }

        /// <summary>Finds the templates that each of several probes is most like.</summary>
        /// <param name="calibration">What scores are made with.</param>
        /// <param name="probes">At least one.</param>
        /// <param name="options">How many, and how alike; null for the defaults.</param>
        /// <param name="cancellationToken">Ends the call early, also while it runs.</param>
        /// <returns>For each probe its matches, as for one.</returns>
        /// <exception cref="ModelMismatchException">A probe or the calibration is of another model.</exception>
        /// <exception cref="OperationCanceledException">The token ended the call.</exception>
        public IReadOnlyList<IReadOnlyList<GalleryMatch>> Search(
            Calibration calibration, IEnumerable<Template> probes, SearchOptions options = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            var handle = Handle;
            Arguments.NotNull(calibration, nameof(calibration));
            var how = (options ?? new SearchOptions()).ToNative();
            using (var cancellation = new Cancellation(cancellationToken))
            using (var handles = new HandleArray(probes, nameof(probes)))
            {
                Arguments.Filled(handles.Count, nameof(probes));
                // No room for more matches than there can be: "all" may be asked for with a large number.
                how.most = Math.Min(how.most, (ulong)Math.Max(Count, 1));
                var most = (int)how.most;
                var matches = new NativeMatch[checked(handles.Count * most)];
                var counts = new UIntPtr[handles.Count];
                fixed (IntPtr* start = handles.Pointers)
                fixed (NativeMatch* to = matches)
                fixed (UIntPtr* found = counts)
                {
                    cancellation.Check(NativeMethods.qmf_gallery_search(
                        handle, calibration.Handle, start, Sizes.From(handles.Count), &how, cancellation.Handle, to,
                        Sizes.From(matches.Length), found));
                }
                var result = new IReadOnlyList<GalleryMatch>[counts.Length];
                for (var probe = 0; probe < result.Length; probe++)
                {
                    var of = new GalleryMatch[Sizes.ToInt(counts[probe])];
                    for (var rank = 0; rank < of.Length; rank++)
                    {
                        var match = matches[(probe * most) + rank];
                        of[rank] = new GalleryMatch(checked((int)match.index), match.score);
                    }
                    result[probe] = of;
                }
                return result;
            }
        }

        /// <summary>Frees the native gallery, once no call uses it. More calls do nothing.</summary>
        public void Dispose()
        {
            _handle.Dispose();
        }

        private NativeGalleryInfo Info()
        {
            NativeGalleryInfo info;
            Failure.Check(NativeMethods.qmf_gallery_info_init(&info, Sizes.From(sizeof(NativeGalleryInfo))));
            Failure.Check(NativeMethods.qmf_gallery_get_info(Handle, &info));
            return info;
        }
    }
}
