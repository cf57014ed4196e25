//! From the tensors of a published file to the tensors a network needs, by content.

use qmagface::model::check_tensors;
use qmagface::network::spec::Network;
use qmagface::weights::TensorMap;
use qmagface::{Error, ErrorKind, Result};
use std::collections::HashSet;

/// What training code puts before the backbone's tensor names in a MagFace checkpoint, longest first.
const BACKBONE_PREFIXES: [&str; 5] = ["features.module.", "module.features.", "features.", "module.", ""];

/// The parts of an iResNet; what else a checkpoint holds (heads, margins) is not the network's.
const BACKBONE_PARTS: [&str; 10] = [
    "conv1", "bn1", "prelu", "layer1", "layer2", "layer3", "layer4", "bn2", "fc", "features",
];

/// The two constants of SFace's built-in preprocessing, `(x - scalar_op1) * scalar_op2`, and their values.
const SFACE_SCALARS: [(&str, f32); 2] = [("scalar_op1", 127.5), ("scalar_op2", 0.0078125)];

/// How the names of SFace's tensors begin.
const SFACE_PARTS: [&str; 4] = ["conv_", "bn1_", "pre_fc1_", "fc1_"];

/// A name that an iResNet checkpoint has under some prefix, and none of the other networks' files has.
fn iresnet_names() -> HashSet<String> {
    // The deepest network has the names of all.
    Network::IResNet100
        .tensor_specs()
        .into_iter()
        .map(|(name, _)| name)
        .collect()
}

/// Finds the backbone in the keys of a checkpoint: the prefix that makes most of them an iResNet's tensor names.
/// `None` when no key becomes one.
pub(crate) fn backbone_prefix(keys: &[&str]) -> Option<&'static str> {
    let names = iresnet_names();
    let count = |prefix: &str| {
        keys.iter()
            .filter_map(|key| key.strip_prefix(prefix))
            .filter(|name| names.contains(*name))
            .count()
    };
    let counted = BACKBONE_PREFIXES.map(|prefix| (count(prefix), prefix));
    // `rev`: of equals the last is taken, and that shall be the longest prefix.
    let (found, prefix) = counted.into_iter().rev().max_by_key(|(count, _)| *count)?;
    (found > 0).then_some(prefix)
}

/// The backbone's tensor name of a checkpoint's key, once the prefix is known. Batch norms count their training steps
/// in `num_batches_tracked`, which decides nothing.
pub(crate) fn backbone_name<'a>(key: &'a str, prefix: &str) -> Option<&'a str> {
    let name = key.strip_prefix(prefix)?;
    let part = name.split('.').next()?;
    (BACKBONE_PARTS.contains(&part) && !name.ends_with(".num_batches_tracked")).then_some(name)
}

/// The same tensors under the backbone's names, heads left out.
pub(crate) fn strip_backbone(tensors: TensorMap, prefix: &str) -> Result<TensorMap> {
    let mut stripped = TensorMap::new();
    for (key, tensor) in tensors.iter() {
        if let Some(name) = backbone_name(key, prefix) {
            stripped.insert(name, tensor.shape.clone(), tensor.data.clone())?;
        }
    }
    Ok(stripped)
}

/// Which network's tensors these look like, by their names alone; whether they fit is checked afterwards.
pub(crate) fn recognise(tensors: &TensorMap) -> Option<Network> {
    if tensors.get("pre_fc1_weight").is_some() {
        return Some(Network::SFace);
    }
    if tensors.get("pnet.conv1.weight").is_some() {
        return Some(Network::Mtcnn);
    }
    if tensors.get("bbox_head.multi_level_kps.0.conv1.weight").is_some() {
        return Some(Network::YuNet);
    }
    let mut blocks = [0; 4];
    for (name, _) in tensors.iter() {
        let mut parts = name.split('.');
        let stage = parts
            .next()
            .and_then(|part| part.strip_prefix("layer"))
            .and_then(|n| n.parse::<usize>().ok());
        let block = parts.next().and_then(|n| n.parse::<usize>().ok());
        if let (Some(stage @ 1..=4), Some(block)) = (stage, block) {
            blocks[stage - 1] = blocks[stage - 1].max(block.saturating_add(1));
        }
    }
    Network::IRESNETS
        .into_iter()
        .find(|network| network.iresnet_blocks() == Some(blocks))
}

/// Takes out of an ONNX file's tensors what SFace's network doesn't need: the preprocessing constants, after checking
/// that they are the ones in its manifest, and constants of nodes that do nothing when the network is run.
///
/// # Errors
/// [`ErrorKind::Weights`] naming the constant that has another value.
pub(crate) fn strip_sface(tensors: TensorMap) -> Result<TensorMap> {
    if recognise(&tensors) != Some(Network::SFace) {
        return Ok(tensors);
    }
    for (name, wanted) in SFACE_SCALARS {
        if let Some(tensor) = tensors.get(name)
            && tensor.data != [wanted]
        {
            return Err(Error::new(
                ErrorKind::Weights,
                format!(
                    "tensor \"{name}\" is {:?}, SFace's preprocessing has {wanted}",
                    tensor.data
                ),
            ));
        }
    }
    let mut network = TensorMap::new();
    for (name, tensor) in tensors.iter() {
        if SFACE_PARTS.iter().any(|part| name.starts_with(part)) {
            network.insert(name, tensor.shape.clone(), tensor.data.clone())?;
        }
    }
    Ok(network)
}

/// The convolutions of YuNet's published file whose batch norm was folded: their weights are called by these numbers, and
/// their biases by the next.
const YUNET_FOLDED: [(u32, &str); 15] = [
    (420, "backbone.model0.conv1"),
    (423, "backbone.model0.conv2.conv2"),
    (426, "backbone.model1.conv1.conv2"),
    (429, "backbone.model1.conv2.conv2"),
    (432, "backbone.model2.conv1.conv2"),
    (435, "backbone.model2.conv2.conv2"),
    (438, "backbone.model3.conv1.conv2"),
    (441, "backbone.model3.conv2.conv2"),
    (444, "backbone.model4.conv1.conv2"),
    (447, "backbone.model4.conv2.conv2"),
    (450, "backbone.model5.conv1.conv2"),
    (453, "backbone.model5.conv2.conv2"),
    (456, "neck.lateral_convs.2.conv2"),
    (459, "neck.lateral_convs.1.conv2"),
    (462, "neck.lateral_convs.0.conv2"),
];

/// YuNet's tensors under the names of their layers, from those of its published ONNX file; what else the file has (the
/// factors of its upsampling) is left out.
///
/// # Errors
/// [`ErrorKind::Weights`] when two would have one name.
pub(crate) fn yunet_from_onnx(tensors: &TensorMap) -> Result<TensorMap> {
    let mut network = TensorMap::new();
    for (name, tensor) in tensors.iter() {
        let number = name.parse::<u32>().ok();
        let folded = number.and_then(|number| {
            let (first, layer) = YUNET_FOLDED.iter().rfind(|(first, _)| *first <= number)?;
            match number - first {
                0 => Some(format!("{layer}.weight")),
                1 => Some(format!("{layer}.bias")),
                _ => None,
            }
        });
        let name = match (folded, number) {
            (Some(folded), _) => folded,
            (None, Some(_)) => continue,
            (None, None) => name.to_owned(),
        };
        network.insert(name, tensor.shape.clone(), tensor.data.clone())?;
    }
    Ok(network)
}

/// Adds O-Net of MTCNN's tensors to YuNet's: it places the landmarks.
///
/// # Errors
/// [`ErrorKind::Weights`] when one is there already.
pub(crate) fn add_output_net(yunet: &mut TensorMap, mtcnn: &TensorMap) -> Result<()> {
    for (name, tensor) in mtcnn.iter().filter(|(name, _)| name.starts_with(OUTPUT_NET)) {
        yunet.insert(name.to_owned(), tensor.shape.clone(), tensor.data.clone())?;
    }
    Ok(())
}

/// What the names of O-Net's tensors begin with.
pub(crate) const OUTPUT_NET: &str = "onet.";

/// Turns facenet-pytorch's MTCNN, under our names, into the reference's: its first convolutions take RGB and ours BGR,
/// and its first dense layers take the map flattened by column, row, channel and ours by channel, row, column.
///
/// # Errors
/// [`ErrorKind::Weights`] naming the tensor that is missing or misshapen.
pub(crate) fn mtcnn_from_facenet(mut tensors: TensorMap) -> Result<TensorMap> {
    check_tensors(&tensors, &Network::Mtcnn.tensor_specs())?;
    for name in ["pnet.conv1.weight", "rnet.conv1.weight", "onet.conv1.weight"] {
        reorder(&mut tensors, name, |shape, values| {
            let plane = shape[2] * shape[3];
            for filter in values.chunks_exact_mut(3 * plane) {
                let (red, rest) = filter.split_at_mut(plane);
                red.swap_with_slice(&mut rest[plane..]);
            }
        })?;
    }
    // (tensor, channels, rows = columns of the map it flattens)
    for (name, channels, side) in [("rnet.dense4.weight", 64, 3), ("onet.dense5.weight", 128, 3)] {
        reorder(&mut tensors, name, |_, values| {
            for row in values.chunks_exact_mut(channels * side * side) {
                let theirs = row.to_vec();
                for (i, value) in row.iter_mut().enumerate() {
                    let (c, y, x) = (i / (side * side), i / side % side, i % side);
                    *value = theirs[(x * side + y) * channels + c];
                }
            }
        })?;
    }
    Ok(tensors)
}

/// Changes the values of one tensor in place.
fn reorder(tensors: &mut TensorMap, name: &str, change: impl FnOnce(&[usize], &mut [f32])) -> Result<()> {
    let mut tensor = tensors
        .remove(name)
        .ok_or_else(|| Error::new(ErrorKind::Internal, format!("tensor \"{name}\" went missing")))?;
    change(&tensor.shape, &mut tensor.data);
    tensors.insert(name, tensor.shape, tensor.data)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The prefix and the canonical names of a key style.
    fn styled(prefix: &str, extra: &[&str]) -> Vec<String> {
        let specs = Network::IResNet18.tensor_specs();
        let ours = specs.iter().map(|(name, _)| format!("{prefix}{name}"));
        ours.chain(extra.iter().map(|name| name.to_string())).collect()
    }

    #[test]
    fn every_key_style_leads_to_the_same_names() {
        for (prefix, heads) in [
            ("features.module.", ["fc.weight", "parallel_fc.weight"]),
            ("module.features.", ["module.fc.weight", "parallel_fc.weight"]),
            ("features.", ["fc.weight", "fc.bias"]),
            ("module.", ["head.weight", "margin"]),
            ("", ["head.weight", "margin"]),
        ] {
            let keys = styled(prefix, &heads);
            let keys: Vec<_> = keys.iter().map(String::as_str).collect();
            assert_eq!(backbone_prefix(&keys), Some(prefix));
            let found: HashSet<_> = keys.iter().filter_map(|key| backbone_name(key, prefix)).collect();
            let wanted = Network::IResNet18.tensor_specs();
            assert_eq!(
                found,
                wanted.iter().map(|(name, _)| name.as_str()).collect(),
                "{prefix:?}"
            );
        }
        assert_eq!(backbone_prefix(&["a.b", "c"]), None);
        assert_eq!(backbone_name("bn1.num_batches_tracked", ""), None);
    }

    #[test]
    fn sface_scalars_are_checked() {
        let with = |value: f32| {
            let mut map = TensorMap::new();
            map.insert("pre_fc1_weight", vec![1], vec![2.0]).unwrap();
            map.insert("scalar_op1", vec![1], vec![value]).unwrap();
            map.insert("dropout_ratio", vec![1], vec![0.4]).unwrap();
            strip_sface(map)
        };
        let good = with(127.5).unwrap();
        assert_eq!(
            good.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            ["pre_fc1_weight"]
        );
        let error = with(0.0).unwrap_err();
        assert!(error.message().contains("scalar_op1"), "{error}");
    }

    /// A network that flattens by column, row, channel gives on its own weights what the reference gives on the turned
    /// ones: shown on the tensors' positions, each value being its own index.
    #[test]
    fn mtcnn_is_turned() {
        let mut tensors = TensorMap::new();
        for (name, shape) in Network::Mtcnn.tensor_specs() {
            let n: usize = shape.iter().product();
            tensors.insert(name, shape, (0..n).map(|i| i as f32).collect()).unwrap();
        }
        let turned = mtcnn_from_facenet(tensors.clone()).unwrap();
        let value = |map: &TensorMap, name: &str, i: usize| map.get(name).unwrap().data[i];
        // Filter 1, blue, row 2, column 0 of theirs is channel 2; of ours channel 0.
        assert_eq!(value(&turned, "rnet.conv1.weight", 27 + 6), (27 + 2 * 9 + 6) as f32);
        assert_eq!(value(&turned, "rnet.conv1.weight", 27 + 9 + 6), (27 + 9 + 6) as f32);
        // Output 2, channel 5, row 1, column 2.
        let (ours, theirs) = (2 * 1152 + 5 * 9 + 3 + 2, 2 * 1152 + (2 * 3 + 1) * 128 + 5);
        assert_eq!(value(&turned, "onet.dense5.weight", ours), theirs as f32);
        // Nothing else moves.
        for (name, tensor) in tensors.iter() {
            let moved = name.ends_with("net.conv1.weight") || name.contains("dense4.w") || name.contains("dense5.w");
            assert_eq!(turned.get(name).unwrap() == tensor, !moved, "{name}");
        }
    }
}
