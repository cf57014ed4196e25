using System;
using System.Runtime.InteropServices;

namespace QMagFace.Interop
{
    // Owns one qmf_engine: the runtime frees it once, and never while a call uses it.
    internal sealed class EngineHandle : SafeHandle
    {
        private LogSink _log = LogSink.None;

        // The marshaller makes it, then sets the handle.
        public EngineHandle()
            : base(IntPtr.Zero, true)
        {
        }

        public override bool IsInvalid
        {
            get { return handle == IntPtr.Zero; }
        }

        // The library may send messages for as long as the engine exists, so the sink lives as long.
        internal void Own(LogSink log)
        {
            _log = log;
        }

        protected override bool ReleaseHandle()
        {
            NativeMethods.qmf_engine_destroy(handle);
            _log.Release();
            return true;
        }
    }
}
