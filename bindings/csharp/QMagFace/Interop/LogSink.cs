using System;
using System.Runtime.InteropServices;

namespace QMagFace.Interop
{
    // Where an engine's log messages go: the user_data of its callback leads here.
    internal sealed unsafe class LogSink
    {
        internal static readonly LogSink None = new LogSink();

        // One function for all engines; this field keeps its native entry point alive.
        private static readonly NativeCallback Callback = Receive;

        private readonly Action<LogLevel, string> _log;
        private GCHandle _self;

        private LogSink()
        {
            _log = EngineOptions.IgnoreLog;
        }

        internal LogSink(Action<LogLevel, string> log)
        {
            _log = log;
            // Weak, so that a receiver that refers to its engine doesn't keep both alive; the engine's handle holds
            // the sink itself.
            _self = GCHandle.Alloc(this, GCHandleType.WeakTrackResurrection);
        }

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate void NativeCallback(IntPtr userData, int level, byte* message);

        internal IntPtr UserData
        {
            get { return GCHandle.ToIntPtr(_self); }
        }

        internal static IntPtr FunctionPointer
        {
            get { return Marshal.GetFunctionPointerForDelegate(Callback); }
        }

        internal void Release()
        {
            if (_self.IsAllocated)
            {
                _self.Free();
            }
        }

        private static void Receive(IntPtr userData, int level, byte* message)
        {
            try
            {
                if (GCHandle.FromIntPtr(userData).Target is LogSink sink)
                {
                    sink._log((LogLevel)level, NativeText.Decode(message));
                }
            }
            catch (Exception)
            {
                // An exception may not pass through native code, and no caller waits for it: EngineOptions.LogTo says so.
            }
        }
    }
}
