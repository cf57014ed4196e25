using System;

namespace QMagFace
{
    /// <summary>What a call of the native library answered.</summary>
    public enum Status
    {
        /// <summary>The call did what it says.</summary>
        Ok = 0,

        /// <summary>The image has no face.</summary>
        NoFace = 1,

        /// <summary>An argument is missing or outside its documented range.</summary>
        InvalidArgument = 2,

        /// <summary>A file or folder can't be read or written.</summary>
        IO = 3,

        /// <summary>The bytes are not an image that can be decoded.</summary>
        ImageDecode = 4,

        /// <summary>The input is larger than the limit in force.</summary>
        Limit = 5,

        /// <summary>A weight file is damaged, misshapen or not allowed.</summary>
        Weights = 6,

        /// <summary>A model pack is unknown, damaged or lacks what the call needs.</summary>
        Model = 7,

        /// <summary>The model's weights are not on this machine yet.</summary>
        ModelNotInstalled = 8,

        /// <summary>The compute device can't be had.</summary>
        Device = 9,

        /// <summary>A back end failed: a lack of memory, or a failing device.</summary>
        Backend = 10,

        /// <summary>Templates, embeddings or calibrations of two different models were used together.</summary>
        ModelMismatch = 11,

        /// <summary>A buffer is too small.</summary>
        BufferTooSmall = 12,

        /// <summary>A defect of the library was caught. The objects stay usable.</summary>
        Panic = 13,

        /// <summary>The library contradicts itself; please report it.</summary>
        Internal = 14,

        /// <summary>The bytes are no template, or a damaged one, or of a newer format.</summary>
        Template = 15,

        /// <summary>A calibration file is damaged, or the calibration can't support the wanted FMR.</summary>
        Calibration = 16,

        /// <summary>The caller asked for the work to stop.</summary>
        Cancelled = 17,

        /// <summary>
        /// The object is of the process that this one was forked from, and so are the threads or locks that it needs.
        /// </summary>
        Forked = 18,
    }

    /// <summary>Where the networks run.</summary>
    public enum Device
    {
        /// <summary>A GPU if one can be used, else the CPU.</summary>
        Auto = 0,

        /// <summary>The CPU.</summary>
        Cpu = 1,

        /// <summary>The CUDA GPU that <see cref="EngineOptions.DeviceIndex"/> says.</summary>
        Cuda = 2,
    }

    /// <summary>The number format that the embedding network computes in.</summary>
    public enum Precision
    {
        /// <summary>The library's choice for the device.</summary>
        Auto = 0,

        /// <summary>32-bit floats.</summary>
        Float32 = 1,

        /// <summary>16-bit floats.</summary>
        Float16 = 2,

        /// <summary>bfloat16: the range of a 32-bit float with 8 bits of precision.</summary>
        BFloat16 = 3,

        /// <summary>32-bit floats, the factors of a product rounded to 11 bits of precision; on a GPU only.</summary>
        TensorFloat32 = 4,
    }

    /// <summary>Which of several faces of an image is extracted.</summary>
    public enum FaceChoice
    {
        /// <summary>
        /// <see cref="BestScore"/> where the model belongs to MTCNN, as the reference's do, else <see cref="MostProminent"/>.
        /// </summary>
        Auto = 0,

        /// <summary>The one with the highest detection score.</summary>
        BestScore = 1,

        /// <summary>The one with the largest box.</summary>
        Largest = 2,

        /// <summary>The one nearest to the image's centre.</summary>
        MostCentral = 3,

        /// <summary>The one that the photo is of: large and near the centre.</summary>
        MostProminent = 4,
    }

    /// <summary>How the bytes of an <see cref="Image"/> are ordered.</summary>
    public enum ImageFormat
    {
        /// <summary>3 bytes a pixel: blue, green, red.</summary>
        Bgr = 0,

        /// <summary>3 bytes a pixel: red, green, blue.</summary>
        Rgb = 1,

        /// <summary>1 byte a pixel: luminance.</summary>
        Gray = 2,

        /// <summary>4 bytes a pixel: blue, green, red, alpha. Alpha is ignored.</summary>
        Bgra = 3,

        /// <summary>4 bytes a pixel: red, green, blue, alpha. Alpha is ignored.</summary>
        Rgba = 4,

        /// <summary>A plane of luma, then one of U and V in turn with half the rows and columns.</summary>
        Nv12 = 5,

        /// <summary>As <see cref="Nv12"/>, V before U.</summary>
        Nv21 = 6,

        /// <summary>A plane of luma, then one of U and one of V with half the rows and columns.</summary>
        I420 = 7,

        /// <summary>
        /// An image file: JPEG, PNG, BMP, TIFF, WebP, GIF, PNM, JPEG 2000 or a passport's face record. The orientation in
        /// its EXIF data is applied.
        /// </summary>
        Encoded = 8,
    }

    /// <summary>How YUV images turn into colours.</summary>
    public enum YuvStandard
    {
        /// <summary>BT.601, luma 16..235: standard definition video.</summary>
        Bt601Limited = 0,

        /// <summary>BT.601, luma 0..255: JPEG and most phones' cameras.</summary>
        Bt601Full = 1,

        /// <summary>BT.709, luma 16..235: high definition video.</summary>
        Bt709Limited = 2,

        /// <summary>BT.709, luma 0..255.</summary>
        Bt709Full = 3,
    }

    /// <summary>How far an image must be turned clockwise to be upright.</summary>
    public enum Rotation
    {
        /// <summary>It is upright.</summary>
        None = 0,

        /// <summary>A quarter turn.</summary>
        Clockwise90 = 90,

        /// <summary>Half a turn.</summary>
        Clockwise180 = 180,

        /// <summary>Three quarter turns.</summary>
        Clockwise270 = 270,
    }

    /// <summary>How a serialised template stores its direction.</summary>
    public enum ScalarType
    {
        /// <summary>32-bit floats: nothing is lost.</summary>
        Float32 = 0,

        /// <summary>16-bit floats: half the size.</summary>
        Float16 = 1,

        /// <summary>8-bit integers: a quarter of the size.</summary>
        Int8 = 2,
    }

    /// <summary>How several templates of one person become one.</summary>
    public enum Fusion
    {
        /// <summary>Each counts by its quality.</summary>
        Quality = 0,

        /// <summary>Each counts the same.</summary>
        Mean = 1,
    }

    /// <summary>How much an engine logs.</summary>
    public enum LogLevel
    {
        /// <summary>Nothing.</summary>
        Off = 0,

        /// <summary>What failed.</summary>
        Error = 1,

        /// <summary>Also what is likely not meant.</summary>
        Warning = 2,

        /// <summary>Also what the engine does, in large steps.</summary>
        Info = 3,

        /// <summary>Also what helps to find a defect.</summary>
        Debug = 4,
    }

    /// <summary>Where the numbers of a calibration come from.</summary>
    public enum CalibrationStatus
    {
        /// <summary>Published with the model.</summary>
        Published = 0,

        /// <summary>Fitted on data that doesn't quite suit.</summary>
        Provisional = 1,

        /// <summary>Fitted on the user's own data.</summary>
        Own = 2,

        /// <summary>Given by the program as numbers.</summary>
        Given = 3,
    }
    /// <summary>How the parameters of the quality-aware score are fitted.</summary>
    public enum FitProcedure
    {
        /// <summary>As the paper's code does: thresholds are those of the sigmoid of the score.</summary>
        Published = 0,

        /// <summary>The same with thresholds of the score itself.</summary>
        Consistent = 1,

        /// <summary>The parameters with the least mean log FNMR, searched without a line through a grid.</summary>
        Direct = 2,
    }

    /// <summary>What is odd about a fit: look at it before it is used.</summary>
    [Flags]
    public enum FitWarnings
    {
        /// <summary>Nothing.</summary>
        None = 0,

        /// <summary>False match rates were used for which there are too few pairs of different people.</summary>
        Unsupported = 1,

        /// <summary>At some of the false match rates no pair of one person passes.</summary>
        NothingPasses = 2,

        /// <summary>At some of the false match rates every pair of one person passes with several weights.</summary>
        NothingFails = 4,

        /// <summary>The same weight is the best at all false match rates: beta is 0.</summary>
        OneWeight = 8,

        /// <summary>At some of the false match rates the best weight is an end of the grid.</summary>
        EndOfGrid = 16,

        /// <summary>beta is not above 0: quality counts as much for similar faces as for others.</summary>
        NotRising = 32,

        /// <summary>beta is so low that a greater cosine can give a smaller score.</summary>
        NotMonotone = 64,
    }

    /// <summary>What is measured of a face in a photo; docs/quality.md says how. More may come.</summary>
    public enum Measure
    {
        /// <summary>Square root of the largest other face's area over this one's, at most 1; 0 where it is alone.</summary>
        SingleFacePresent = 0,

        /// <summary>Distance of the eyes in pixels, divided by the cosine of the yaw.</summary>
        InterEyeDistance = 1,

        /// <summary>Distance from the middle of the eyes to the chin over the height of the photo.</summary>
        HeadSize = 2,

        /// <summary>From the photo's left edge to the nearer eye, in distances of the eyes.</summary>
        MarginLeft = 3,

        /// <summary>From the photo's right edge to the nearer eye, in distances of the eyes.</summary>
        MarginRight = 4,

        /// <summary>From the photo's upper edge to the middle of the eyes, in distances from there to the chin.</summary>
        MarginAbove = 5,

        /// <summary>From the photo's lower edge to the middle of the eyes, in distances from there to the chin.</summary>
        MarginBelow = 6,

        /// <summary>Degrees by which the head is turned, positive towards the person's own left.</summary>
        Yaw = 7,

        /// <summary>Degrees by which the head is nodded, positive downwards.</summary>
        Pitch = 8,

        /// <summary>Degrees by which the head is inclined in the photo, positive towards the person's own right shoulder.</summary>
        Roll = 9,

        /// <summary>Mean luminance of the face, 0..1.</summary>
        LuminanceMean = 10,

        /// <summary>Variance of that luminance.</summary>
        LuminanceVariance = 11,

        /// <summary>Share of the face's pixels that are nearly black, 0..1.</summary>
        UnderExposure = 12,

        /// <summary>Share of the face's pixels that are nearly white, 0..1.</summary>
        OverExposure = 13,

        /// <summary>Entropy of the luminance in bits, 0..8.</summary>
        DynamicRange = 14,

        /// <summary>How much a blur would change the face, 0 (nothing: it is blurred) to 1. Noise counts as sharpness.</summary>
        Sharpness = 15,

        /// <summary>What the luminance of the face's left and right half have in common, 0..1.</summary>
        IlluminationUniformity = 16,
    }
}
