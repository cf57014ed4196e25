using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace QMagFace.Interop
{
    // The native pointers of several templates, none of which can be freed before this is disposed of.
    internal sealed class HandleArray : IDisposable
    {
        private readonly List<SafeHandle> _held = new List<SafeHandle>();

        internal HandleArray(IEnumerable<Template> templates, string parameter)
        {
            if (templates == null)
            {
                throw new ArgumentNullException(parameter);
            }
            var pointers = new List<IntPtr>();
            try
            {
                foreach (var template in templates)
                {
                    if (template == null)
                    {
                        throw new ArgumentException("One of the templates is null.", parameter);
                    }
                    SafeHandle handle = template.Handle;
                    var added = false;
                    try
                    {
                        handle.DangerousAddRef(ref added);
                    }
                    finally
                    {
                        if (added)
                        {
                            _held.Add(handle);
                        }
                    }
                    pointers.Add(handle.DangerousGetHandle());
                }
            }
            catch
            {
                Dispose();
                throw;
            }
            Count = pointers.Count;
            // One element more, so that a pinned array always has an address.
            pointers.Add(IntPtr.Zero);
            Pointers = pointers.ToArray();
        }

        internal int Count { get; }

        internal IntPtr[] Pointers { get; }

        public void Dispose()
        {
            foreach (var handle in _held)
            {
                handle.DangerousRelease();
            }
            _held.Clear();
        }
    }
}
