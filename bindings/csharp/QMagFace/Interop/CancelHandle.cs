using System;
using System.Runtime.InteropServices;

namespace QMagFace.Interop
{
    // Owns one qmf_cancel: the runtime frees it once, and never while a call uses it.
    internal sealed class CancelHandle : SafeHandle
    {
        // The marshaller makes it, then sets the handle. One that was made otherwise holds nothing, which is NULL to
        // the library.
        public CancelHandle()
            : base(IntPtr.Zero, true)
        {
        }

        public override bool IsInvalid
        {
            get { return handle == IntPtr.Zero; }
        }

        protected override bool ReleaseHandle()
        {
            NativeMethods.qmf_cancel_destroy(handle);
            return true;
        }
    }
}
