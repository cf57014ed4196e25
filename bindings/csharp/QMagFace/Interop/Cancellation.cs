using System;
using System.Threading;

namespace QMagFace.Interop
{
    // What a token is to one call of the library: triggered when the token is cancelled, also while the call runs.
    internal sealed class Cancellation : IDisposable
    {
        private static readonly Action<object> Trigger = TriggerNative;

        private readonly CancellationToken _token;
        private readonly CancellationTokenRegistration _registration;

        internal Cancellation(CancellationToken token)
        {
            token.ThrowIfCancellationRequested();
            _token = token;
            if (!token.CanBeCanceled)
            {
                Handle = new CancelHandle();
                return;
            }
            LibraryInfo.EnsureCompatible();
            Failure.Check(NativeMethods.qmf_cancel_create(out CancelHandle handle));
            Handle = handle;
            _registration = token.Register(Trigger, handle);
        }

        internal CancelHandle Handle { get; }

        // The exception of a call that failed; where the token ended it, the one that .NET expects.
        internal void Check(int status)
        {
            Failure.Check(Unless(status));
        }

        // The status, unless the token ended the call.
        internal int Unless(int status)
        {
            if (status == (int)Status.Cancelled)
            {
                throw new OperationCanceledException(_token);
            }
            return status;
        }

        public void Dispose()
        {
            // It waits for a trigger that runs: none comes after the handle has gone.
            _registration.Dispose();
            Handle.Dispose();
        }

        private static void TriggerNative(object handle)
        {
            // It can fail for no handle only, and nobody could be told.
            NativeMethods.qmf_cancel_trigger((CancelHandle)handle);
        }
    }
}
