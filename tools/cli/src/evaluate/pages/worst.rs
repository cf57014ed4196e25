//! The worst pairs, with their chips where those are at hand.

use super::{Context, Named};
use qmagface_evaluate::Score;
use qmagface_evaluate::results::WorstPair;
use qmagface_report::{Cell, Column, Face, Gallery, Item, Pair, Section, Table};

/// The worst genuine and impostor pairs of each score, as pictures; and all of them as one table.
pub fn section(context: &Context, named: &[Named]) -> Section {
    let mut section = Section::new("Worst pairs");
    let mut table = Table::new(
        "worst-pairs",
        "The same pairs as a table",
        vec![
            Column::text("score"),
            Column::text("pair of"),
            Column::text("image"),
            Column::number("quality", 2),
            Column::text("other image"),
            Column::number("its quality", 2),
            Column::number("cosine", 4),
            Column::number("score", 4),
        ],
    );
    for one in named {
        for (kind, who, pairs) in [
            ("genuine", "one person", &one.result.worst_genuine),
            ("impostor", "two people", &one.result.worst_impostor),
        ] {
            if pairs.is_empty() {
                continue;
            }
            let extreme = if kind == "genuine" { "lowest" } else { "highest" };
            section.items.push(Item::Gallery(Gallery {
                title: format!("Worst {kind} pairs, {}", one.name),
                note: Some(format!("Pairs of {who} with the {extreme} scores.")),
                pairs: pairs.iter().map(|pair| self::pair(context, one, pair)).collect(),
            }));
            for pair in pairs {
                table.row(vec![
                    Cell::text(&one.name),
                    Cell::text(who),
                    Cell::text(&pair.name_a),
                    Cell::Number(pair.quality_a),
                    Cell::text(&pair.name_b),
                    Cell::Number(pair.quality_b),
                    Cell::Number(pair.cosine),
                    Cell::Number(pair.score),
                ]);
            }
        }
    }
    if table.rows.is_empty() {
        return section.with_text("None were asked for.");
    }
    section.with(table)
}

fn pair(context: &Context, one: &Named, pair: &WorstPair) -> Pair {
    let face = |name: &str, quality| Face {
        name: name.to_owned(),
        quality,
        chip_png: (context.chip)(name),
    };
    Pair {
        faces: [face(&pair.name_a, pair.quality_a), face(&pair.name_b, pair.quality_b)],
        cosine: pair.cosine,
        score: (one.result.score != Score::Cosine).then_some(pair.score),
    }
}
