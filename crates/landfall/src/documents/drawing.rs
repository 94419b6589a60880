//! A drawing of what a plan creates: from users through CloudFront or API Gateway to what runs, and to
//! what that pulls from and writes to. One SVG without scripts; it follows the reader's light or dark mode.
//!
//! Boxes are resources of the plan. Solid lines are references in its configuration; dashed ones are
//! what a release does, which no configuration contains.

mod graph;

use crate::documents::markup::escape;
use graph::{Column, Node, graph};
use rules::shape::plan::Resource;

const BOX_WIDTH: usize = 188;
const BOX_HEIGHT: usize = 52;
const COLUMN_WIDTH: usize = 248;
const ROW_HEIGHT: usize = 76;
const MARGIN: usize = 24;

/// A plain palette in both schemes. The reader's browser chooses.
const STYLE: &str = "\
:root{--paper:#ffffff;--ink:#1f2328;--soft:#59636e;--line:#818b98;--box:#f6f8fa}\
@media(prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#f0f6fc;--soft:#9198a1;--line:#6e7681;--box:#151b23}}\
.paper{fill:var(--paper)}.box{fill:var(--box);stroke:var(--line)}\
.line{fill:none;stroke:var(--line);stroke-width:1.5}.release{stroke-dasharray:5 4}\
text{font:13px system-ui,sans-serif;fill:var(--ink)}.name{font-size:11px;fill:var(--soft)}";

/// Draws `resources`, those of several plans together if they belong together. The same resources give
/// the same text in any order.
pub(crate) fn draw(resources: &[Resource]) -> String {
    let graph = graph(resources);
    let rows = Column::ALL
        .iter()
        .map(|column| graph.in_column(*column).count())
        .max()
        .unwrap_or_default()
        .max(1);
    let width = MARGIN * 2 + COLUMN_WIDTH * (Column::ALL.len() - 1) + BOX_WIDTH;
    let height = MARGIN * 2 + ROW_HEIGHT * (rows - 1) + BOX_HEIGHT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"What is deployed\">\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n"
    );
    let place = |node: &Node| -> (usize, usize) {
        let siblings: Vec<&Node> = graph.in_column(node.column).collect();
        let row = siblings.iter().position(|s| s.address == node.address);
        // In the middle of the height, however many there are.
        let top = MARGIN + ROW_HEIGHT * (rows - siblings.len()) / 2;
        (
            MARGIN + COLUMN_WIDTH * node.column.index(),
            top + ROW_HEIGHT * row.unwrap_or_default(),
        )
    };
    for line in &graph.lines {
        let (from, to) = (place(&graph.nodes[line.from]), place(&graph.nodes[line.to]));
        svg.push_str(&curve(from, to, line.is_release));
    }
    for node in &graph.nodes {
        svg.push_str(&boxed(node, place(node)));
    }
    svg.push_str("</svg>\n");
    svg
}

/// From the right side of one box to the left side of another.
fn curve(from: (usize, usize), to: (usize, usize), is_release: bool) -> String {
    let (x1, y1) = (from.0 + BOX_WIDTH, from.1 + BOX_HEIGHT / 2);
    let (x2, y2) = (to.0, to.1 + BOX_HEIGHT / 2);
    let middle = usize::midpoint(x1, x2);
    let class = match is_release {
        true => "line release",
        false => "line",
    };
    format!("<path class=\"{class}\" d=\"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}\"/>\n")
}

fn boxed(node: &Node, (x, y): (usize, usize)) -> String {
    let (left, first, second) = (x + 12, y + 22, y + 40);
    format!(
        "<g><title>{}</title><rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" \
         height=\"{BOX_HEIGHT}\" rx=\"6\"/><text x=\"{left}\" y=\"{first}\">{}</text>\
         <text class=\"name\" x=\"{left}\" y=\"{second}\">{}</text></g>\n",
        escape(&node.address),
        escape(node.title),
        escape(&shorten(&node.name))
    )
}

/// As much of a name as fits into a box.
fn shorten(name: &str) -> String {
    const FITS: usize = 28;
    if name.chars().count() <= FITS {
        return name.to_owned();
    }
    name.chars().take(FITS - 1).chain(['…']).collect()
}

#[cfg(test)]
#[path = "drawing_tests.rs"]
mod tests;
