using System;
#if QMAGFACE_SPAN
using System.Buffers;
#else
using System.Runtime.InteropServices;
#endif

namespace QMagFace.Interop
{
    // Bytes of an image that the caller holds.
    internal readonly struct Plane
    {
#if QMAGFACE_SPAN
        private readonly ReadOnlyMemory<byte> _bytes;

        internal Plane(ReadOnlyMemory<byte> bytes)
        {
            _bytes = bytes;
        }

        internal int Length
        {
            get { return _bytes.Length; }
        }

        internal MemoryHandle Pin()
        {
            return _bytes.Pin();
        }
#else
        private readonly byte[] _bytes;

        internal Plane(byte[] bytes)
        {
            _bytes = bytes;
        }

        internal int Length
        {
            get { return _bytes == null ? 0 : _bytes.Length; }
        }

        internal GCHandle Pin()
        {
            return GCHandle.Alloc(_bytes, GCHandleType.Pinned);
        }
#endif
    }

    // An image as the library takes it, in place until this is disposed of.
    internal sealed unsafe class PinnedImage : IDisposable
    {
#if QMAGFACE_SPAN
        private readonly MemoryHandle[] _pins = new MemoryHandle[3];
#else
        private readonly GCHandle[] _pins = new GCHandle[3];
#endif
        private int _pinned;

        internal PinnedImage(Image image)
        {
            NativeImage native;
            Failure.Check(NativeMethods.qmf_image_init(&native, Sizes.From(sizeof(NativeImage))));
            native.format = (int)image.Format;
            native.width = (uint)image.Width;
            native.height = (uint)image.Height;
            native.stride = Sizes.From(image.Stride);
            native.rotation = (uint)image.Rotation;
            native.yuv = (int)image.YuvStandard;
            native.chroma_stride = Sizes.From(image.ChromaStride);
            try
            {
                native.data = Pin(image.Data);
                native.data_size = Sizes.From(image.Data.Length);
                if (image.ChromaPlanes > 0)
                {
                    native.chroma_0 = Pin(image.Chroma0);
                    native.chroma_size_0 = Sizes.From(image.Chroma0.Length);
                }
                if (image.ChromaPlanes > 1)
                {
                    native.chroma_1 = Pin(image.Chroma1);
                    native.chroma_size_1 = Sizes.From(image.Chroma1.Length);
                }
            }
            catch
            {
                Dispose();
                throw;
            }
            Native = native;
        }

        internal NativeImage Native { get; }

        public void Dispose()
        {
            while (_pinned > 0)
            {
                _pinned--;
#if QMAGFACE_SPAN
                _pins[_pinned].Dispose();
#else
                _pins[_pinned].Free();
#endif
            }
        }

        private byte* Pin(Plane plane)
        {
            _pins[_pinned] = plane.Pin();
            _pinned++;
#if QMAGFACE_SPAN
            return (byte*)_pins[_pinned - 1].Pointer;
#else
            return (byte*)_pins[_pinned - 1].AddrOfPinnedObject();
#endif
        }
    }
}
