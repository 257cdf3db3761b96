# SPDX-License-Identifier: BSD-2-Clause
"""Plots as SVG: bars and lines, on logarithmic scales."""

import math
from xml.sax.saxutils import escape

COLOURS = ["#2060a0", "#d08020", "#70a040", "#a04060", "#707070", "#40a0a0"]
WIDTH, LEFT, RIGHT, TOP = 760, 210, 90, 46
ROW = 17


def number(value):
    """Three digits, no exponent."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


class Scale:
    """Logarithmic: from a range of values to one of pixels."""

    def __init__(self, values, start, end):
        self.low = math.floor(math.log10(min(values)))
        self.high = math.ceil(math.log10(max(values)))
        self.high += self.low == self.high
        self.start, self.end = start, end

    def __call__(self, value):
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    def ticks(self):
        return [10.0 ** i for i in range(self.low, self.high + 1)]


class Drawing:
    """The elements of a plot, in their order."""

    def __init__(self, title, height):
        self.height = height
        self.parts = [
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>']
        self.text(WIDTH / 2, 22, title, "middle", 'font-weight="bold"')

    def text(self, x, y, text, anchor="start", more=""):
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>'
            f'{escape(text)}</text>')

    def line(self, x1, y1, x2, y2, colour="#d0d0d0", width=1):
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}" stroke-width="{width}"/>')

    def bar(self, x, y, width, colour):
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" '
            f'height="{ROW - 5}" fill="{colour}"/>')

    def dot(self, x, y, colour):
        self.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')

    def save(self, path):
        with open(path, "w", encoding="utf-8") as f:
            f.write(
                '<svg xmlns="http://www.w3.org/2000/svg" '
                f'viewBox="0 0 {WIDTH} {self.height}" width="{WIDTH}" '
                f'height="{self.height}" font-family="sans-serif" '
                'font-size="12">\n' + "\n".join(self.parts) + "\n</svg>\n")


def bars(path, title, groups):
    """Groups of horizontal bars: [(heading, [(name, value), ...]), ...]."""
    values = [value for _, rows in groups for _, value in rows]
    height = TOP + 24 + sum(ROW * (len(rows) + 1) + 8 for _, rows in groups)
    drawing = Drawing(title, height)
    scale = Scale(values, LEFT, WIDTH - RIGHT)
    for tick in scale.ticks():
        drawing.line(scale(tick), TOP - 8, scale(tick), height - 22)
        drawing.text(scale(tick), height - 8, number(tick), "middle")
    y = TOP
    for heading, rows in groups:
        drawing.text(12, y + ROW - 7, heading, more='font-weight="bold"')
        y += ROW
        for i, (name, value) in enumerate(rows):
            drawing.text(LEFT - 8, y + ROW - 7, name, "end")
            drawing.bar(LEFT, y, scale(value) - LEFT,
                        COLOURS[min(i, 1)])
            drawing.text(scale(value) + 5, y + ROW - 7, number(value))
            y += ROW
        y += 8
    drawing.save(path)


def lines(path, title, x_name, y_name, series):
    """Lines with dots: {name: [(x, y), ...]}."""
    height, bottom, left = 360, 310, 80
    points = [point for line in series.values() for point in line]
    drawing = Drawing(title, height)
    across = Scale([x for x, _ in points], left, WIDTH - 180)
    up = Scale([y for _, y in points], bottom, TOP)
    for tick in across.ticks():
        drawing.line(across(tick), TOP, across(tick), bottom)
        drawing.text(across(tick), bottom + 16, number(tick), "middle")
    for tick in up.ticks():
        drawing.line(left, up(tick), WIDTH - 180, up(tick))
        drawing.text(left - 6, up(tick) + 4, number(tick), "end")
    drawing.text((left + WIDTH - 180) / 2, height - 12, x_name, "middle")
    drawing.text(12, TOP - 8, y_name)
    for i, (name, line) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        places = [(across(x), up(y)) for x, y in sorted(line)]
        for (x1, y1), (x2, y2) in zip(places, places[1:]):
            drawing.line(x1, y1, x2, y2, colour, 2)
        for x, y in places:
            drawing.dot(x, y, colour)
        drawing.dot(WIDTH - 165, TOP + 10 + 20 * i, colour)
        drawing.text(WIDTH - 155, TOP + 14 + 20 * i, name)
    drawing.save(path)
