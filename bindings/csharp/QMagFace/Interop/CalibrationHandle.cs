using System;
using System.Runtime.InteropServices;

namespace QMagFace.Interop
{
    // Owns one qmf_calibration: the runtime frees it once, and never while a call uses it.
    internal sealed class CalibrationHandle : SafeHandle
    {
        // The marshaller makes it, then sets the handle.
        public CalibrationHandle()
            : base(IntPtr.Zero, true)
        {
        }

        public override bool IsInvalid
        {
            get { return handle == IntPtr.Zero; }
        }

        protected override bool ReleaseHandle()
        {
            NativeMethods.qmf_calibration_destroy(handle);
            return true;
        }
    }
}
