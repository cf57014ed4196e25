using System;
using System.Runtime.InteropServices;

namespace QMagFace.Interop
{
    // Owns one qmf_gallery: the runtime frees it once, and never while a call uses it.
    internal sealed class GalleryHandle : SafeHandle
    {
        // The marshaller makes it, then sets the handle.
        public GalleryHandle()
            : base(IntPtr.Zero, true)
        {
        }

        public override bool IsInvalid
        {
            get { return handle == IntPtr.Zero; }
        }

        protected override bool ReleaseHandle()
        {
            NativeMethods.qmf_gallery_destroy(handle);
            return true;
        }
    }
}
