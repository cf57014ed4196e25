//! How the head is turned, by five landmarks.

use crate::align::TEMPLATE;
use crate::face::Landmarks;

/// Angles in degrees, with the signs of ISO/IEC 39794-5.
pub(super) struct Pose {
    /// About the vertical axis, positive towards the person's own left.
    pub yaw: f64,
    /// About the axis through the ears, positive downwards.
    pub pitch: f64,
    /// In the photo's plane, positive towards the person's own right shoulder: counter-clockwise.
    pub roll: f64,
}

/// How far in front of the eyes the five points of an average head are, in pixels of the chip, where the eyes are 35
/// pixels (63 mm) apart: nose tip 32 mm, corners of the mouth 5 mm.
const DEPTH: [f64; 5] = [0.0, 0.0, 17.8, 2.8, 2.8];

/// How much lower than in the chip's template the nose tip of a head is that is not nodded, in pixels of the chip: so much
/// that the median pitch of 300 people of LFW, as `yunet` finds them, is 0.
const NOSE_BELOW: f32 = 1.9;

/// The points of a head that looks into the camera.
const FORM: Landmarks = {
    let mut form = TEMPLATE;
    form[2][1] += NOSE_BELOW;
    form
};

/// The rotation of a rigid head under which its points, seen from far away, are nearest to the landmarks (DeMenthon and
/// Davis 1995, without their refinement for near cameras). The landmarks are those of a face, which [`super::measure`] has seen to.
pub(super) fn of(landmarks: &Landmarks) -> Pose {
    let seen = landmarks.map(|point| point.map(f64::from));
    let model: [[f64; 3]; 5] = std::array::from_fn(|i| [f64::from(FORM[i][0]), f64::from(FORM[i][1]), DEPTH[i]]);
    let rows = affine(&centred(&model), &centred(&seen));
    let [across, down] = rows.map(unit);
    let away = unit([
        across[1] * down[2] - across[2] * down[1],
        across[2] * down[0] - across[0] * down[2],
        across[0] * down[1] - across[1] * down[0],
    ]);
    // The head is nodded first, then turned, then inclined.
    Pose {
        yaw: (-away[0]).asin().to_degrees(),
        pitch: (-away[1]).atan2(away[2]).to_degrees(),
        roll: (-down[0]).atan2(across[0]).to_degrees(),
    }
}

fn centred<const N: usize>(points: &[[f64; N]; 5]) -> [[f64; N]; 5] {
    let mean: [f64; N] = std::array::from_fn(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / 5.0);
    points.map(|point| std::array::from_fn(|axis| point[axis] - mean[axis]))
}

/// The two rows of the least-squares map from the model's points to the seen ones, by the normal equations and Cramer's
/// rule. The model's points span space, so there is one.
fn affine(model: &[[f64; 3]; 5], seen: &[[f64; 2]; 5]) -> [[f64; 3]; 2] {
    let product = |row: usize, column: usize| model.iter().map(|point| point[row] * point[column]).sum::<f64>();
    let normal: [[f64; 3]; 3] = std::array::from_fn(|row| std::array::from_fn(|column| product(row, column)));
    let whole = determinant(&normal);
    std::array::from_fn(|axis| {
        let wanted: [f64; 3] = std::array::from_fn(|row| {
            model
                .iter()
                .zip(seen)
                .map(|(point, seen)| point[row] * seen[axis])
                .sum()
        });
        std::array::from_fn(|column| {
            let mut replaced = normal;
            replaced
                .iter_mut()
                .zip(wanted)
                .for_each(|(row, value)| row[column] = value);
            determinant(&replaced) / whole
        })
    })
}

fn determinant(m: &[[f64; 3]; 3]) -> f64 {
    m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
        + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
}

/// Of length 1; what has none stays.
fn unit(vector: [f64; 3]) -> [f64; 3] {
    let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
    match length > 0.0 {
        true => vector.map(|v| v / length),
        false => vector,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The model seen from far away, nodded, then turned, then inclined.
    fn seen(yaw: f64, pitch: f64, roll: f64) -> Landmarks {
        let (sy, cy) = yaw.to_radians().sin_cos();
        let (sp, cp) = pitch.to_radians().sin_cos();
        let (sr, cr) = roll.to_radians().sin_cos();
        std::array::from_fn(|i| {
            let (x, y, z) = (f64::from(FORM[i][0]) - 56.0, f64::from(FORM[i][1]) - 72.0, DEPTH[i]);
            let (y, z) = (y * cp + z * sp, z * cp - y * sp);
            let x = x * cy + z * sy;
            // Counter-clockwise as seen.
            [
                (3.0 * (x * cr + y * sr) + 200.0) as f32,
                (3.0 * (y * cr - x * sr) + 300.0) as f32,
            ]
        })
    }

    #[test]
    fn a_turned_model_tells_its_angles() {
        for yaw in [-40.0, -15.0, 0.0, 30.0] {
            for pitch in [-25.0, 0.0, 20.0] {
                for roll in [-35.0, 0.0, 10.0] {
                    let pose = of(&seen(yaw, pitch, roll));
                    let off = [(pose.yaw, yaw), (pose.pitch, pitch), (pose.roll, roll)];
                    // The similarity takes the foreshortening for a part of the roll, hence not exact.
                    assert!(
                        off.iter().all(|(found, wanted)| (found - wanted).abs() < 8.0),
                        "{off:?}"
                    );
                }
            }
        }
        let pose = of(&FORM);
        assert!([pose.yaw, pose.pitch, pose.roll].iter().all(|angle| angle.abs() < 0.1));
    }
}
