using System;
using QMagFace.Interop;

namespace QMagFace
{
    /// <summary>What the loaded native library is.</summary>
    public static unsafe class LibraryInfo
    {
        /// <summary>The version of the native interface that this assembly is written for.</summary>
        public const int RequiredAbiVersion = 1;

        // Only a success is kept: a missing library may be there later.
        private static volatile bool _checked;

        /// <summary>The library's version, such as "0.1.0".</summary>
        public static string Version
        {
            get
            {
                EnsureCompatible();
                return NativeText.Read(NativeMethods.qmf_version);
            }
        }

        /// <summary>
        /// The version of the library's native interface. It grows when something is added; what exists stays.
        /// </summary>
        public static int AbiVersion
        {
            get { return checked((int)NativeMethods.qmf_abi_version()); }
        }

        /// <summary>
        /// A JSON object: version, abi_version, target, gpu_back_end, instructions, cpu_features and cuda, as this machine has them.
        /// </summary>
        public static string BuildInfo
        {
            get
            {
                EnsureCompatible();
                return NativeText.Read(NativeMethods.qmf_build_info);
            }
        }

        /// <summary>How many native engines exist in this process: for finding leaks.</summary>
        public static long LiveEngines
        {
            get
            {
                EnsureCompatible();
                return checked((long)NativeMethods.qmf_live_engines());
            }
        }

        /// <summary>How many native templates exist in this process: for finding leaks.</summary>
        public static long LiveTemplates
        {
            get
            {
                EnsureCompatible();
                return checked((long)NativeMethods.qmf_live_templates());
            }
        }

        /// <summary>How many native calibrations exist in this process: for finding leaks.</summary>
        public static long LiveCalibrations
        {
            get
            {
                EnsureCompatible();
                return checked((long)NativeMethods.qmf_live_calibrations());
            }
        }

        /// <summary>How many native galleries exist in this process: for finding leaks.</summary>
        public static long LiveGalleries
        {
            get
            {
                EnsureCompatible();
                return checked((long)NativeMethods.qmf_live_galleries());
            }
        }

        /// <summary>
        /// How many native cancellations exist in this process, one for each call that runs with a token: for finding
        /// leaks.
        /// </summary>
        public static long LiveCancellations
        {
            get
            {
                EnsureCompatible();
                return checked((long)NativeMethods.qmf_live_cancels());
            }
        }

        /// <summary>The name of a status in the native interface, such as "QMF_ERROR_MODEL".</summary>
        /// <param name="status">Any number; unknown ones are "QMF_UNKNOWN".</param>
        /// <returns>The name.</returns>
        public static string GetStatusName(Status status)
        {
            EnsureCompatible();
            return NativeText.Decode((byte*)NativeMethods.qmf_status_name((int)status));
        }

        // Everything that makes the first native object passes here, so that a library too old is refused in words.
        internal static void EnsureCompatible()
        {
            if (_checked)
            {
                return;
            }
            var version = AbiVersion;
            if (version < RequiredAbiVersion)
            {
                throw new NotSupportedException(
                    "The native library has version " + version + " of its interface, and this QMagFace.dll needs "
                    + RequiredAbiVersion + " or newer: install a newer libqmagface.");
            }
            _checked = true;
        }
    }
}
