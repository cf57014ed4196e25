using System;
using System.Collections.Generic;
using QMagFace.Interop;

namespace QMagFace
{
    /// <summary>What is stored of a face: its embedding, quality, and where both come from.</summary>
    /// <remarks>
    /// A template never changes, and any number of threads may use one. A <em>failed</em> template stands for an image
    /// without a usable face: it matches nothing. After <see cref="Dispose"/> every other member throws
    /// <see cref="ObjectDisposedException"/>; a template that is never disposed of is freed by the garbage collector.
    /// </remarks>
    public sealed unsafe partial class Template : IDisposable
    {
        /// <summary>Bytes of a key of <see cref="Seal(byte[])"/>.</summary>
        public const int KeySize = 32;

        private readonly TemplateHandle _handle;
        private readonly NativeTemplateInfo _info;
        private readonly string _model;
        private readonly string _fingerprint;
        private readonly Face? _face;

        internal Template(TemplateHandle handle)
        {
            _handle = handle;
            NativeTemplateInfo info;
            try
            {
                Failure.Check(NativeMethods.qmf_template_info_init(&info, Sizes.From(sizeof(NativeTemplateInfo))));
                Failure.Check(NativeMethods.qmf_template_get_info(handle, &info));
            }
            catch
            {
                handle.Dispose();
                throw;
            }
            _info = info;
            _model = NativeText.Name(info.model);
            _fingerprint = NativeText.Name(info.fingerprint);
            _face = Has(NativeTemplateInfo.HasFace) ? QMagFace.Face.Read(&info.face) : (Face?)null;
        }

        /// <summary>No face could be extracted: the template matches nothing.</summary>
        public bool IsFailed
        {
            get { return Live(Has(NativeTemplateInfo.Failed)); }
        }

        /// <summary>The template is made of several.</summary>
        public bool IsFused
        {
            get { return Live(Has(NativeTemplateInfo.Fused)); }
        }

        /// <summary>
        /// Its quality is 1: it was made of an embedding that was normalised to length 1, and its quality is lost.
        /// </summary>
        public bool HasUnitLength
        {
            get { return Live(Has(NativeTemplateInfo.UnitLength)); }
        }

        /// <summary>Floats of the embedding.</summary>
        public int EmbeddingLength
        {
            get { return Live(checked((int)_info.length)); }
        }

        /// <summary>The number format that the embedding was stored with.</summary>
        public ScalarType Scalar
        {
            get { return Live((ScalarType)_info.scalar); }
        }

        /// <summary>The unified quality score 0..100 (ISO/IEC 29794-5); null if it is unknown.</summary>
        public int? UnifiedQuality
        {
            get { return Live(_info.uqs < 0 ? (int?)null : _info.uqs); }
        }

        /// <summary>How many images it is of: 1, more if fused, 0 if failed.</summary>
        public int ImageCount
        {
            get { return Live(checked((int)_info.images)); }
        }

        /// <summary>The face's quality: the embedding's magnitude. 0 if failed.</summary>
        public double Quality
        {
            get { return Live(_info.quality); }
        }

        /// <summary>The face that was extracted; null if it is unknown.</summary>
        public Face? Face
        {
            get { return Live(_face); }
        }

        /// <summary>How many faces its image has; 0 if that is unknown.</summary>
        public int FaceCount
        {
            get { return Live(checked((int)_info.faces)); }
        }

        /// <summary>Bytes of <see cref="GetMetadata"/>.</summary>
        public int MetadataSize
        {
            get { return Live(checked((int)_info.metadata_size)); }
        }

        /// <summary>Name of the model that made it.</summary>
        public string Model
        {
            get { return Live(_model); }
        }

        /// <summary>The model's <see cref="EngineInfo.Fingerprint"/>.</summary>
        public string Fingerprint
        {
            get { return Live(_fingerprint); }
        }

        internal TemplateHandle Handle
        {
            get { return Live(_handle); }
        }

        /// <summary>Reads a template that <see cref="Serialize()"/> wrote.</summary>
        /// <param name="data">The bytes.</param>
        /// <returns>The template.</returns>
        /// <exception cref="InvalidTemplateException">The bytes are no template, or a damaged one.</exception>
        public static Template Parse(byte[] data)
        {
            Arguments.Filled(data, nameof(data));
            fixed (byte* start = data)
            {
                return Parse(start, data.Length);
            }
        }

        /// <summary>Reads a template that was sealed without a context.</summary>
        /// <param name="data">The bytes.</param>
        /// <param name="key">The key, of <see cref="KeySize"/> bytes.</param>
        /// <returns>The template.</returns>
        /// <exception cref="InvalidTemplateException">They were not sealed so, or were changed.</exception>
        public static Template Unseal(byte[] data, byte[] key)
        {
            return Unseal(data, key, new byte[0]);
        }

        /// <summary>Reads a template that was sealed.</summary>
        /// <param name="data">The bytes.</param>
        /// <param name="key">The key, of <see cref="KeySize"/> bytes.</param>
        /// <param name="context">What it was sealed with; an empty array for nothing.</param>
        /// <returns>The template.</returns>
        /// <exception cref="InvalidTemplateException">They were not sealed so, or were changed.</exception>
        public static Template Unseal(byte[] data, byte[] key, byte[] context)
        {
            Arguments.Filled(data, nameof(data));
            Arguments.Filled(key, nameof(key));
            Arguments.NotNull(context, nameof(context));
            fixed (byte* start = data)
            fixed (byte* secret = key)
            fixed (byte* bound = context)
            {
                return Unseal(start, data.Length, secret, key.Length, bound, context.Length);
            }
        }

        /// <summary>Makes one template of several of one person, each counting by its quality.</summary>
        /// <param name="templates">At least one, of one model. Failed ones are left out.</param>
        /// <returns>The template; a failed one if all are.</returns>
        /// <exception cref="ModelMismatchException">The templates are of different models.</exception>
        public static Template Fuse(IEnumerable<Template> templates)
        {
            return Fuse(templates, Fusion.Quality);
        }

        /// <summary>Makes one template of several of one person.</summary>
        /// <param name="templates">At least one, of one model. Failed ones are left out.</param>
        /// <param name="fusion">How much each counts.</param>
        /// <returns>The template; a failed one if all are.</returns>
        /// <exception cref="ModelMismatchException">The templates are of different models.</exception>
        public static Template Fuse(IEnumerable<Template> templates, Fusion fusion)
        {
            using (var handles = new HandleArray(templates, nameof(templates)))
            {
                Arguments.Filled(handles.Count, nameof(templates));
                fixed (IntPtr* start = handles.Pointers)
                {
                    Failure.Check(NativeMethods.qmf_template_fuse(
                        start, Sizes.From(handles.Count), (int)fusion, out TemplateHandle result));
                    return new Template(result);
                }
            }
        }

        /// <summary>
        /// Says what each of several templates, which <see cref="Fuse(IEnumerable{Template}, Fusion)"/> would make one
        /// of, has to do with the others.
        /// </summary>
        /// <remarks>
        /// Fusing leaves nothing out but failed ones: a photo of somebody else, or a bad one, is for the caller to find
        /// here. <see cref="Calibration.ReviewFusion"/> also says which would not match the others.
        /// </remarks>
        /// <param name="templates">At least one, of one model.</param>
        /// <param name="fusion">How much each counts.</param>
        /// <returns>One for each template, in their order.</returns>
        /// <exception cref="ModelMismatchException">The templates are of different models.</exception>
        public static IReadOnlyList<FusedPart> ReviewFusion(
            IEnumerable<Template> templates, Fusion fusion = Fusion.Quality)
        {
            // A handle that holds nothing is NULL to the library: no calibration.
            using (var none = new CalibrationHandle())
            {
                return ReviewFusion(templates, fusion, none, 0.0);
            }
        }

        /// <summary>Writes the template with 32-bit floats.</summary>
        /// <returns>The bytes.</returns>
        public byte[] Serialize()
        {
            return Serialize(ScalarType.Float32);
        }

        /// <summary>Writes the template.</summary>
        /// <param name="scalar">How its direction is stored; the quality is always stored in full.</param>
        /// <returns>The bytes.</returns>
        public byte[] Serialize(ScalarType scalar)
        {
            var handle = Handle;
            return Buffers.Read((data, capacity, size) =>
                NativeMethods.qmf_template_serialize(handle, (int)scalar, data, capacity, size));
        }

        /// <summary>Writes the template with 32-bit floats, encrypted and authenticated.</summary>
        /// <param name="key">The key, of <see cref="KeySize"/> random bytes.</param>
        /// <returns>The bytes, others each time.</returns>
        public byte[] Seal(byte[] key)
        {
            return Seal(key, new byte[0], ScalarType.Float32);
        }

        /// <summary>Writes the template, encrypted and authenticated.</summary>
        /// <remarks>
        /// Without the key nobody reads the template, changes it or makes another. The file <c>docs/privacy.md</c> says
        /// what this protects against and what not.
        /// </remarks>
        /// <param name="key">The key, of <see cref="KeySize"/> random bytes.</param>
        /// <param name="context">
        /// What it must be unsealed with and isn't stored, such as the number of its record: no other record can then have
        /// it. An empty array for nothing.
        /// </param>
        /// <param name="scalar">How its direction is stored; the quality is always stored in full.</param>
        /// <returns>The bytes, others each time.</returns>
        public byte[] Seal(byte[] key, byte[] context, ScalarType scalar)
        {
            Arguments.Filled(key, nameof(key));
            Arguments.NotNull(context, nameof(context));
            fixed (byte* secret = key)
            fixed (byte* bound = context)
            {
                return Seal(secret, key.Length, bound, context.Length, scalar);
            }
        }

        /// <summary>The embedding: the direction times the quality.</summary>
        /// <returns>A new array; an empty one if the template is a failed one.</returns>
        public float[] GetEmbedding()
        {
            var embedding = new float[EmbeddingLength];
            UIntPtr length;
            // One element of room more: a pinned empty array has no address.
            var room = embedding.Length == 0 ? new float[1] : embedding;
            fixed (float* start = room)
            {
                Failure.Check(NativeMethods.qmf_template_get_embedding(
                    Handle, start, Sizes.From(embedding.Length), &length));
            }
            Array.Resize(ref embedding, Sizes.ToInt(length));
            return embedding;
        }

        /// <summary>The user's own bytes that the template carries.</summary>
        /// <returns>A new array; an empty one if there are none.</returns>
        public byte[] GetMetadata()
        {
            var handle = Handle;
            return Buffers.Read((data, capacity, size) =>
                NativeMethods.qmf_template_get_metadata(handle, data, capacity, size));
        }

        /// <summary>The same template with other metadata.</summary>
        /// <param name="metadata">At most 65536 bytes; an empty array for none.</param>
        /// <returns>A new template.</returns>
        public Template WithMetadata(byte[] metadata)
        {
            Arguments.NotNull(metadata, nameof(metadata));
            fixed (byte* start = metadata)
            {
                return WithMetadata(start, metadata.Length);
            }
        }

        /// <summary>Frees the native template, once no call uses it. More calls do nothing.</summary>
        public void Dispose()
        {
            _handle.Dispose();
        }

        internal static IReadOnlyList<FusedPart> ReviewFusion(
            IEnumerable<Template> templates, Fusion fusion, CalibrationHandle calibration, double fmr)
        {
            using (var handles = new HandleArray(templates, nameof(templates)))
            {
                Arguments.Filled(handles.Count, nameof(templates));
                var parts = new NativeFusedPart[handles.Count];
                fixed (IntPtr* start = handles.Pointers)
                fixed (NativeFusedPart* to = parts)
                {
                    Failure.Check(NativeMethods.qmf_template_review_fusion(
                        start, Sizes.From(handles.Count), (int)fusion, calibration, fmr, to,
                        Sizes.From(parts.Length)));
                }
                return Array.ConvertAll(parts, part => new FusedPart(part));
            }
        }

        private static Template Parse(byte* data, int length)
        {
            LibraryInfo.EnsureCompatible();
            Failure.Check(NativeMethods.qmf_template_parse(data, Sizes.From(length), out TemplateHandle result));
            return new Template(result);
        }

        private static Template Unseal(
            byte* data, int length, byte* key, int keyLength, byte* context, int contextLength)
        {
            LibraryInfo.EnsureCompatible();
            Failure.Check(NativeMethods.qmf_template_unseal(
                data, Sizes.From(length), key, Sizes.From(keyLength), context, Sizes.From(contextLength),
                out TemplateHandle result));
            return new Template(result);
        }

        private byte[] Seal(byte* key, int keyLength, byte* context, int contextLength, ScalarType scalar)
        {
            var handle = Handle;
            // A lambda can't hold what is pinned by its type; the caller keeps both in place.
            var secret = (IntPtr)key;
            var bound = (IntPtr)context;
            return Buffers.Read((data, capacity, size) => NativeMethods.qmf_template_seal(
                handle, (int)scalar, (byte*)secret, Sizes.From(keyLength), (byte*)bound, Sizes.From(contextLength),
                data, capacity, size));
        }

        private Template WithMetadata(byte* metadata, int length)
        {
            Failure.Check(NativeMethods.qmf_template_with_metadata(
                Handle, metadata, Sizes.From(length), out TemplateHandle result));
            return new Template(result);
        }

        private bool Has(uint flag)
        {
            return (_info.flags & flag) != 0;
        }

        private T Live<T>(T value)
        {
            if (_handle.IsClosed)
            {
                throw new ObjectDisposedException(nameof(Template));
            }
            return value;
        }
    }
}
