//! The colours of pictures, and what they become on a dark page.

use plotters::style::RGBColor;

/// A colour of a picture and its counterpart on a dark page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ink {
    /// Name of its CSS variable.
    pub name: &'static str,
    light: (u8, u8, u8),
    dark: (u8, u8, u8),
}

const fn ink(name: &'static str, light: u32, dark: u32) -> Ink {
    const fn rgb(value: u32) -> (u8, u8, u8) {
        ((value >> 16) as u8, (value >> 8) as u8, value as u8)
    }
    Ink {
        name,
        light: rgb(light),
        dark: rgb(dark),
    }
}

pub const SURFACE: Ink = ink("surface", 0xFFFFFF, 0x171A1F);
pub const TEXT: Ink = ink("text", 0x1B1F24, 0xE7E9EC);
pub const MUTED: Ink = ink("muted", 0x57606B, 0xA3ABB5);
pub const AXIS: Ink = ink("axis", 0x8A929C, 0x6E7782);
pub const GRID: Ink = ink("grid", 0xDFE3E8, 0x31373F);
/// Colours of series: told apart with any colour vision, and on grey paper by their dashes and order.
pub const SERIES: [Ink; 7] = [
    ink("s1", 0x0067B1, 0x62B4F4),
    ink("s2", 0xD1490C, 0xFF8C50),
    ink("s3", 0x00805E, 0x41C99C),
    ink("s4", 0xA43E8C, 0xE28FCD),
    ink("s5", 0xA87000, 0xE8B44F),
    ink("s6", 0x3F4A9E, 0x9DA8F5),
    ink("s7", 0x6B7480, 0xB4BCC6),
];

impl Ink {
    /// The colour in a picture.
    pub fn colour(&self) -> RGBColor {
        let (red, green, blue) = self.light;
        RGBColor(red, green, blue)
    }

    /// Red, green and blue of the colour in a picture.
    pub fn rgb(&self) -> [u8; 3] {
        self.light.into()
    }

    /// The colour in a picture, as SVG writes it.
    pub fn hex(&self) -> String {
        hex(self.light)
    }
}

/// The colours as CSS: variables for both schemes, and rules that give an SVG picture in the page the scheme's colours.
pub fn css() -> String {
    let all = || [SURFACE, TEXT, MUTED, AXIS, GRID].into_iter().chain(SERIES);
    let variables = |dark: bool| -> String {
        all()
            .map(|ink| format!("--{}:{};", ink.name, hex(if dark { ink.dark } else { ink.light })))
            .collect()
    };
    let rules: String = all()
        .map(|ink| {
            let (name, light) = (ink.name, ink.hex());
            format!(
                "figure svg [fill=\"{light}\"]{{fill:var(--{name})}}\
                 figure svg [stroke=\"{light}\"]{{stroke:var(--{name})}}\n"
            )
        })
        .collect();
    format!(
        ":root{{color-scheme:light dark;{}}}\n@media (prefers-color-scheme:dark){{:root{{{}}}}}\n{rules}",
        variables(false),
        variables(true)
    )
}

fn hex((red, green, blue): (u8, u8, u8)) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}
