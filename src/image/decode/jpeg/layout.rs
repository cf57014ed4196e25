//! What a JPEG says of itself before it is decoded: its frame, its orientation, and whether its scans send everything.

use super::markers::{Marker, Markers, code};
use super::tables::{ZeroCodes, has_hole, has_zero, zeros_at_end};
use image::metadata::Orientation;

/// Colour components of a frame that can be decoded: grey, three colours or four inks.
const COMPONENTS: [usize; 3] = [1, 3, 4];

/// Why a JPEG can't be decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Of a kind that isn't read.
    Unsupported(String),
    /// Damaged.
    Damaged(String),
}

/// What the markers of a JPEG say.
pub(super) struct Layout {
    /// Pixels a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 (grey), 3 (colours) or 4 (inks).
    pub components: usize,
    /// By EXIF.
    pub orientation: Orientation,
    /// Whether the end-of-image marker is there.
    pub ended: bool,
    /// Whether the scans that are there, if their data are whole, send every coefficient to its last bit.
    pub sent: bool,
    /// Whether its data have restart markers.
    pub restarts: bool,
    /// Zeros at the end of the last scan's data.
    pub zeros_at_end: usize,
    /// Whether they mean coefficients; if not, there may be any number of them.
    pub zeros_are_coefficients: bool,
}

impl Layout {
    /// Reads the markers of `bytes`.
    pub fn of(bytes: &[u8]) -> Result<Layout, Refusal> {
        let mut frame: Option<Frame> = None;
        let mut zero_codes = ZeroCodes::default();
        let mut restarts = false;
        let mut zeros = 0;
        let mut meaning = false;
        let mut exif = None;
        let mut scanned = false;
        let mut ended = false;
        for marker in Markers::of(bytes) {
            match marker.code {
                code::APP1 if !scanned => exif = marker.body.strip_prefix(b"Exif\0\0").or(exif),
                code::EOI => ended = true,
                code::SOS => {
                    scanned = true;
                    let Some(frame) = &mut frame else {
                        continue; // libjpeg's to refuse
                    };
                    frame.take_scan(marker.body);
                    meaning = frame.has_coefficients_for_zeros(marker.body, &zero_codes);
                    let data = &bytes[marker.data];
                    if meaning && has_hole(data) {
                        return Err(Refusal::Damaged(
                            "there is a hole in its data, filled with zeros".to_owned(),
                        ));
                    }
                    zeros = zeros_at_end(data);
                }
                code::DRI => restarts |= marker.body != [0, 0],
                code::DHT => zero_codes.define(marker.body),
                code::DQT if has_zero(marker.body) => {
                    return Err(Refusal::Damaged("a quantisation table has a zero".to_owned()));
                }
                // A second one is libjpeg's to refuse.
                _ if marker.is_frame() && frame.is_none() => frame = Some(Frame::of(&marker)?),
                _ => {}
            }
        }
        let frame = frame
            .filter(|_| scanned)
            .ok_or_else(|| Refusal::Damaged("it ends before its picture begins, or has none".to_owned()))?;
        Ok(Layout {
            width: frame.width,
            height: frame.height,
            components: frame.components.len(),
            orientation: exif
                .and_then(Orientation::from_exif_chunk)
                .unwrap_or(Orientation::NoTransforms),
            ended,
            sent: frame.components.iter().all(Component::is_sent),
            restarts,
            zeros_at_end: zeros,
            zeros_are_coefficients: meaning,
        })
    }
}

/// How a frame's coefficients are coded, of what is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// Each scan sends all of its components.
    Sequential,
    /// Each scan sends some coefficients or some bits of them.
    Progressive,
}

struct Frame {
    coding: Coding,
    width: usize,
    height: usize,
    components: Vec<Component>,
}

struct Component {
    id: u8,
    /// Of each coefficient, in zigzag order, the lowest bit that the scans so far have sent.
    lowest_bit: [u8; 64],
}

/// A coefficient that no scan has sent: no bit of the 4 bits that a scan names one with.
const NOT_SENT: u8 = u8::MAX;

impl Component {
    fn is_sent(&self) -> bool {
        self.lowest_bit == [0; 64]
    }
}

impl Frame {
    /// T.81, B.2.2.
    fn of(marker: &Marker) -> Result<Frame, Refusal> {
        let unsupported = |what: &str| Err(Refusal::Unsupported(what.to_owned()));
        let coding = match marker.code {
            0xC0 | 0xC1 => Coding::Sequential,
            0xC2 => Coding::Progressive,
            0xC3 => return unsupported("it is coded without loss"),
            0xC9..=0xCB => return unsupported("its coding is arithmetic"),
            _ => return unsupported("its coding is hierarchical"),
        };
        let &[precision, high, low, wide, narrow, count, ref components @ ..] = marker.body else {
            return Err(Refusal::Damaged("its frame's header is too short".to_owned()));
        };
        if components.len() != 3 * usize::from(count) {
            return Err(Refusal::Damaged(
                "its frame's header doesn't fit its components".to_owned(),
            ));
        }
        if precision != 8 {
            return unsupported(&format!("it has {precision} bits a sample, not 8"));
        }
        if !COMPONENTS.contains(&count.into()) {
            return unsupported(&format!("it has {count} colour components"));
        }
        let (width, height) = (u16::from_be_bytes([wide, narrow]), u16::from_be_bytes([high, low]));
        if width == 0 || height == 0 {
            return Err(Refusal::Damaged(format!("its size is {width} x {height} pixels")));
        }
        Ok(Frame {
            coding,
            width: width.into(),
            height: height.into(),
            components: components
                .chunks_exact(3)
                .map(|component| Component {
                    id: component[0],
                    lowest_bit: [NOT_SENT; 64],
                })
                .collect(),
        })
    }

    /// Whether zeros in a row in a scan's data would mean coefficients of some component. Not asked of scans that
    /// send the first coefficient alone or further bits, where zeros are usual.
    fn has_coefficients_for_zeros(&self, header: &[u8], zero_codes: &ZeroCodes) -> bool {
        let Some(([_, selectors @ ..], &[first, _, bits])) = header.split_last_chunk::<3>() else {
            return false;
        };
        let sends_new = self.coding == Coding::Sequential || (first > 0 && bits >> 4 == 0);
        sends_new
            && selectors
                .chunks_exact(2)
                .any(|selector| zero_codes.are_coefficients(selector[1] & 0x0F))
    }

    /// Notes what a scan sends (T.81, B.2.3). One that makes no sense sends nothing: libjpeg refuses it.
    fn take_scan(&mut self, header: &[u8]) {
        let Some((&count, rest)) = header.split_first() else {
            return;
        };
        let Some((selectors, &[first, last, bits])) = rest.split_at_checked(2 * usize::from(count)) else {
            return;
        };
        let range = usize::from(first)..=usize::from(last);
        for (place, selector) in selectors.chunks_exact(2).enumerate() {
            // In the frame's order. Components of the same name, which are against the standard, are told apart by
            // that.
            let named = |component: &&mut Component| component.id == selector[0];
            let Some(component) = self.components.iter_mut().skip(place).find(named) else {
                continue;
            };
            match self.coding {
                Coding::Sequential => component.lowest_bit.fill(0),
                // Whether each takes up where the one before stopped, libjpeg looks at.
                Coding::Progressive => {
                    if let Some(coefficients) = component.lowest_bit.get_mut(range.clone()) {
                        coefficients.fill(bits & 0x0F);
                    }
                }
            }
        }
    }
}
