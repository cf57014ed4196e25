using System;
using System.Runtime.InteropServices;

namespace QMagFace.Interop
{
    // Where the progress of one fit goes: the user_data of its callback leads here until it is disposed of.
    internal sealed class ProgressSink : IDisposable
    {
        // One function for all fits; this field keeps its native entry point alive.
        private static readonly NativeCallback Callback = Receive;

        private readonly Action<long, long> _progress;
        private GCHandle _self;

        internal ProgressSink(Action<long, long> progress)
        {
            _progress = progress;
            if (progress != null)
            {
                _self = GCHandle.Alloc(this);
            }
        }

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        private delegate void NativeCallback(IntPtr userData, ulong done, ulong total);

        // Both are zero where nobody listens.
        internal IntPtr FunctionPointer
        {
            get { return _self.IsAllocated ? Marshal.GetFunctionPointerForDelegate(Callback) : IntPtr.Zero; }
        }

        internal IntPtr UserData
        {
            get { return _self.IsAllocated ? GCHandle.ToIntPtr(_self) : IntPtr.Zero; }
        }

        public void Dispose()
        {
            if (_self.IsAllocated)
            {
                _self.Free();
            }
        }

        private static void Receive(IntPtr userData, ulong done, ulong total)
        {
            try
            {
                ((ProgressSink)GCHandle.FromIntPtr(userData).Target)._progress((long)done, (long)total);
            }
            catch (Exception)
            {
                // An exception may not pass through native code: FitOptions.Progress says so.
            }
        }
    }
}
