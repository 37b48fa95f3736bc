"""Small plots as SVG: time against something, both on logarithmic scales, a line for each series. They follow the reader's choice
of light or dark."""
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 460, 280, 62, 78, 34, 44
STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #24292f } .grid { stroke: #d0d7de; stroke-width: 1 }
.s0 { --c: #0969da } .s1 { --c: #bc4c00 } .s2 { --c: #1a7f37 } .line { fill: none; stroke: var(--c); stroke-width: 2 }
.dot { fill: var(--c) } .name { fill: var(--c) } .title { font-weight: 600; font-size: 13px }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .grid { stroke: #3d444d }
.s0 { --c: #58a6ff } .s1 { --c: #f0883e } .s2 { --c: #3fb950 } }
</style>"""


def decades(values):
    """Whole powers of ten around the values."""
    return range(math.floor(math.log10(min(values)) + 1e-9), math.ceil(math.log10(max(values)) - 1e-9) + 1)


def place(value, steps, low, high):
    """Where a value lies between the places of the first and the last power."""
    span = max(steps[-1] - steps[0], 1)
    return low + (math.log10(value) - steps[0]) / span * (high - low)


def spelled_number(n):
    return f"{n / 1e6:g} M" if n >= 1e6 else f"{n / 1e3:g} k" if n >= 1e3 else f"{n:g}"


def spelled_time(seconds):
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1e3:g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:g} µs"


def line(x1, y1, x2, y2):
    return f'<line class="grid" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(x, y, words, anchor="middle", kind=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>{words}</text>'


def grid(xs, ys, label):
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    out = []
    for p in xs:
        x = place(10.0**p, xs, LEFT, right)
        out += [line(x, TOP, x, bottom), text(x, bottom + 16, spelled_number(10.0**p))]
    for p in ys:
        y = place(10.0**p, ys, bottom, TOP)
        out += [line(LEFT, y, right, y), text(LEFT - 6, y + 4, spelled_time(10.0**p), "end")]
    return out + [text((LEFT + right) / 2, HEIGHT - 8, label)]


def names_apart(ends):
    """Heights of the names behind the lines, so that none lies on another."""
    placed = {}
    for name, y in sorted(ends.items(), key=lambda e: e[1]):
        placed[name] = max([y] + [v + 14 for v in placed.values()])
    return placed


def plot(title, label, series):
    """series: {name: [(x, seconds), …]}."""
    xs = decades([x for points in series.values() for x, _ in points])
    ys = decades([y for points in series.values() for _, y in points])
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
           f'aria-label="{title}">', STYLE, text(LEFT, 18, title, "start", "title"), *grid(xs, ys, label)]
    ends = {}
    for i, (name, points) in enumerate(series.items()):
        at = [(place(x, xs, LEFT, WIDTH - RIGHT), place(y, ys, HEIGHT - BOTTOM, TOP)) for x, y in points]
        out.append(f'<g class="s{i}"><polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in at)}"/>'
                   + "".join(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in at) + "</g>")
        ends[name] = at[-1]
    heights = names_apart({name: y for name, (_, y) in ends.items()})
    for i, name in enumerate(series):
        out.append(f'<g class="s{i}">{text(ends[name][0] + 8, heights[name] + 4, name, "start", "name")}</g>')
    return "\n".join(out) + "\n</svg>\n"
