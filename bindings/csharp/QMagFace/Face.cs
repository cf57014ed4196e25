using QMagFace.Interop;

namespace QMagFace
{
    /// <summary>A point of an image, in pixels from its top left corner.</summary>
    public readonly struct Point
    {
        /// <summary>Makes a point.</summary>
        /// <param name="x">Pixels to the right.</param>
        /// <param name="y">Pixels down.</param>
        public Point(float x, float y)
        {
            X = x;
            Y = y;
        }

        /// <summary>Pixels to the right.</summary>
        public float X { get; }

        /// <summary>Pixels down.</summary>
        public float Y { get; }
    }

    /// <summary>A face's box in pixels. It may reach outside the image.</summary>
    public readonly struct FaceBox
    {
        /// <summary>Makes a box.</summary>
        /// <param name="left">Its left edge.</param>
        /// <param name="top">Its top edge.</param>
        /// <param name="right">Its right edge.</param>
        /// <param name="bottom">Its bottom edge.</param>
        public FaceBox(float left, float top, float right, float bottom)
        {
            Left = left;
            Top = top;
            Right = right;
            Bottom = bottom;
        }

        /// <summary>The left edge.</summary>
        public float Left { get; }

        /// <summary>The top edge.</summary>
        public float Top { get; }

        /// <summary>The right edge.</summary>
        public float Right { get; }

        /// <summary>The bottom edge.</summary>
        public float Bottom { get; }

        /// <summary>From the left to the right edge.</summary>
        public float Width
        {
            get { return Right - Left; }
        }

        /// <summary>From the top to the bottom edge.</summary>
        public float Height
        {
            get { return Bottom - Top; }
        }
    }

    /// <summary>The five points of a face that it is aligned by. Left and right are those of the image.</summary>
    public readonly struct Landmarks
    {
        internal const int Floats = 10;

        /// <summary>Makes landmarks.</summary>
        /// <param name="leftEye">The eye on the image's left.</param>
        /// <param name="rightEye">The eye on the image's right.</param>
        /// <param name="nose">The tip of the nose.</param>
        /// <param name="leftMouth">The corner of the mouth on the image's left.</param>
        /// <param name="rightMouth">The corner of the mouth on the image's right.</param>
        public Landmarks(Point leftEye, Point rightEye, Point nose, Point leftMouth, Point rightMouth)
        {
            LeftEye = leftEye;
            RightEye = rightEye;
            Nose = nose;
            LeftMouth = leftMouth;
            RightMouth = rightMouth;
        }

        /// <summary>The eye on the image's left.</summary>
        public Point LeftEye { get; }

        /// <summary>The eye on the image's right.</summary>
        public Point RightEye { get; }

        /// <summary>The tip of the nose.</summary>
        public Point Nose { get; }

        /// <summary>The corner of the mouth on the image's left.</summary>
        public Point LeftMouth { get; }

        /// <summary>The corner of the mouth on the image's right.</summary>
        public Point RightMouth { get; }

        internal static unsafe Landmarks Read(float* at)
        {
            return new Landmarks(
                new Point(at[0], at[1]),
                new Point(at[2], at[3]),
                new Point(at[4], at[5]),
                new Point(at[6], at[7]),
                new Point(at[8], at[9]));
        }

        internal unsafe void Write(float* to)
        {
            to[0] = LeftEye.X;
            to[1] = LeftEye.Y;
            to[2] = RightEye.X;
            to[3] = RightEye.Y;
            to[4] = Nose.X;
            to[5] = Nose.Y;
            to[6] = LeftMouth.X;
            to[7] = LeftMouth.Y;
            to[8] = RightMouth.X;
            to[9] = RightMouth.Y;
        }
    }

    /// <summary>A face that the detector found.</summary>
    public readonly struct Face
    {
        /// <summary>Makes a face.</summary>
        /// <param name="box">Its box.</param>
        /// <param name="score">The detector's confidence, 0..1.</param>
        /// <param name="landmarks">Its five points.</param>
        public Face(FaceBox box, float score, Landmarks landmarks)
        {
            Box = box;
            Score = score;
            Landmarks = landmarks;
        }

        /// <summary>The box.</summary>
        public FaceBox Box { get; }

        /// <summary>The detector's confidence, 0..1.</summary>
        public float Score { get; }

        /// <summary>The five points.</summary>
        public Landmarks Landmarks { get; }

        internal unsafe void Write(NativeFace* to)
        {
            to->bbox[0] = Box.Left;
            to->bbox[1] = Box.Top;
            to->bbox[2] = Box.Right;
            to->bbox[3] = Box.Bottom;
            to->score = Score;
            Landmarks.Write(to->landmarks);
        }

        internal static unsafe Face Read(NativeFace* face)
        {
            return new Face(
                new FaceBox(face->bbox[0], face->bbox[1], face->bbox[2], face->bbox[3]),
                face->score,
                Landmarks.Read(face->landmarks));
        }
    }
}
