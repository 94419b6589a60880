"""Draws frames of a terminal recording as one animated SVG.

    asciinema rec -c 'landfall up --rehearse …' up.cast     (110 columns, 32 rows)
    recording.py up.cast SECONDS… >docs/images/release.svg

Needs pyte (PyPI). Each frame is shown for three seconds, the last one for six. With reduced motion, only the last but
one is shown.
"""

import html
import json
import sys

import pyte

WIDTH, HEIGHT, SIZE = 8.43, 18, 14  # of a cell and its font, in pixels
SHOWN = 3
COLORS = {
    "default": "#d6dbe1", "black": "#5c6773", "red": "#f07178", "green": "#a6d189", "brown": "#e5c07b", "yellow": "#e5c07b",
    "blue": "#6fb3ff", "magenta": "#d2a6ff", "cyan": "#7fdbca", "white": "#eceff4", "brightblack": "#7d8794",
}


def color(name):
    return COLORS.get(name) or (f"#{name}" if len(name) == 6 and not name.isalpha() else COLORS["default"])


def line(cells, columns, y):
    """Runs of cells with the same style, each placed at its own column, so that the font's widths do not matter."""
    runs, x = [], 0
    while x < columns:
        first, start, text = cells[x], x, ""
        while x < columns and (cells[x].fg, cells[x].bold) == (first.fg, first.bold):
            text += cells[x].data
            x += 1
        if text.strip():
            lead = len(text) - len(text.lstrip())
            text, start = text.strip(), start + lead
            weight = ' font-weight="bold"' if first.bold else ""
            runs.append(
                f'<text x="{16 + start * WIDTH:.1f}" y="{y}" fill="{color(first.fg)}"{weight}'
                f' textLength="{len(text) * WIDTH:.1f}">{html.escape(text)}</text>'
            )
    return "".join(runs)


def frames(path, moments):
    with open(path) as file:
        head = json.loads(file.readline())
        events = [json.loads(event) for event in file]
    screen = pyte.Screen(head["width"], head["height"])
    stream = pyte.Stream(screen)
    for moment in moments:
        while events and events[0][0] <= moment:
            stream.feed(events.pop(0)[2])
        yield screen


def main():
    moments = sorted(float(moment) for moment in sys.argv[2:])
    drawn = []
    for screen in frames(sys.argv[1], moments):
        lines = (line(screen.buffer[row], screen.columns, 52 + row * HEIGHT) for row in range(screen.lines))
        drawn.append("\n".join(filter(None, lines)))
        width, height = 32 + screen.columns * WIDTH, 56 + screen.lines * HEIGHT
    whole = (len(drawn) + 1) * SHOWN
    styles = ["text{white-space:pre}.f{visibility:hidden}", f".f{{animation:{whole}s step-end infinite}}"]
    for number in range(len(drawn)):
        begin = 100 * number * SHOWN / whole
        end = 100 if number == len(drawn) - 1 else 100 * (number + 1) * SHOWN / whole
        before = "" if number == 0 else "0%{visibility:hidden}"
        styles.append(f"@keyframes f{number}{{{before}{begin:.3f}%{{visibility:visible}}{end:.3f}%{{visibility:hidden}}}}")
        styles.append(f".f{number}{{animation-name:f{number}}}")
    still = max(len(drawn) - 2, 0)
    styles.append(f"@media(prefers-reduced-motion){{.f{{animation:none}}.f{still}{{visibility:visible}}}}")
    print(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
        f' font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,\'DejaVu Sans Mono\',monospace" font-size="{SIZE}">'
    )
    print(f"<style>{''.join(styles)}</style>")
    print(f'<rect width="100%" height="100%" rx="10" fill="#161b22"/>')
    for number, dot in enumerate(["#f07178", "#e5c07b", "#a6d189"]):
        print(f'<circle cx="{22 + 20 * number}" cy="20" r="6" fill="{dot}"/>')
    for number, frame in enumerate(drawn):
        print(f'<g class="f f{number}">{frame}</g>')
    print("</svg>")


main()
