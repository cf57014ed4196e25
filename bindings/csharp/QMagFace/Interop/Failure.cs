using System;

namespace QMagFace.Interop
{
    // From the library's statuses to exceptions.
    internal static unsafe class Failure
    {
        internal static void Check(int status)
        {
            if (status != (int)Status.Ok)
            {
                throw From(status);
            }
        }

        // Must run on the thread whose call failed: the text is that thread's.
        internal static QMagFaceException From(int status)
        {
            if (status == (int)Status.NoFace)
            {
                return new NoFaceException("The image has no face.");
            }
            var text = NativeText.Read(NativeMethods.qmf_last_error);
            switch ((Status)status)
            {
                case Status.ModelNotInstalled:
                    return new ModelNotInstalledException(text);
                case Status.ModelMismatch:
                    return new ModelMismatchException(text);
                case Status.ImageDecode:
                    return new ImageDecodeException(text);
                case Status.Template:
                    return new InvalidTemplateException(text);
                default:
                    return new QMagFaceException((Status)status, text);
            }
        }
    }
}
