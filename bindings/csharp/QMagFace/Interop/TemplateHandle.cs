using System;
using System.Runtime.InteropServices;

namespace QMagFace.Interop
{
    // Owns one qmf_template: the runtime frees it once, and never while a call uses it.
    internal sealed class TemplateHandle : SafeHandle
    {
        // The marshaller makes it, then sets the handle.
        public TemplateHandle()
            : base(IntPtr.Zero, true)
        {
        }

        // Takes over what qmf_extract_all wrote.
        internal TemplateHandle(IntPtr value)
            : base(IntPtr.Zero, true)
        {
            SetHandle(value);
        }

        public override bool IsInvalid
        {
            get { return handle == IntPtr.Zero; }
        }

        protected override bool ReleaseHandle()
        {
            NativeMethods.qmf_template_destroy(handle);
            return true;
        }
    }
}
