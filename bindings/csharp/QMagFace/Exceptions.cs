using System;

namespace QMagFace
{
    /// <summary>A failure that the native library reported, with its text.</summary>
    /// <remarks>
    /// Wrong arguments that need no look at the data (a null, an empty array, a number out of range) are
    /// <see cref="ArgumentException"/>s, as in any .NET library, and objects that were disposed of throw
    /// <see cref="ObjectDisposedException"/>.
    /// </remarks>
    public class QMagFaceException : Exception
    {
        /// <summary>Makes an exception.</summary>
        /// <param name="status">What the library answered.</param>
        /// <param name="message">What was wrong, where, and what to do.</param>
        public QMagFaceException(Status status, string message)
            : base(message)
        {
            Status = status;
        }

        /// <summary>What the library answered.</summary>
        public Status Status { get; }
    }

    /// <summary>The image has no face. The <c>Try...</c> methods answer <c>false</c> instead.</summary>
    public sealed class NoFaceException : QMagFaceException
    {
        /// <summary>Makes an exception.</summary>
        /// <param name="message">What has no face.</param>
        public NoFaceException(string message)
            : base(Status.NoFace, message)
        {
        }
    }

    /// <summary>The model's weights are not on this machine yet; the message says how to get them.</summary>
    public sealed class ModelNotInstalledException : QMagFaceException
    {
        /// <summary>Makes an exception.</summary>
        /// <param name="message">Which model, and how to get it.</param>
        public ModelNotInstalledException(string message)
            : base(Status.ModelNotInstalled, message)
        {
        }
    }

    /// <summary>Templates, embeddings or calibrations of two different models were used together.</summary>
    public sealed class ModelMismatchException : QMagFaceException
    {
        /// <summary>Makes an exception.</summary>
        /// <param name="message">Which two models.</param>
        public ModelMismatchException(string message)
            : base(Status.ModelMismatch, message)
        {
        }
    }

    /// <summary>The bytes are not an image that can be decoded.</summary>
    public sealed class ImageDecodeException : QMagFaceException
    {
        /// <summary>Makes an exception.</summary>
        /// <param name="message">What is wrong with the bytes.</param>
        public ImageDecodeException(string message)
            : base(Status.ImageDecode, message)
        {
        }
    }

    /// <summary>The bytes are no template, or a damaged one, or of a newer format.</summary>
    public sealed class InvalidTemplateException : QMagFaceException
    {
        /// <summary>Makes an exception.</summary>
        /// <param name="message">What is wrong with the bytes.</param>
        public InvalidTemplateException(string message)
            : base(Status.Template, message)
        {
        }
    }
}
