"""Figures that chapters share, drawn with plotly: lines, bars and maps of heads, in one quiet theme.

It knows nothing of models: it draws numbers that a chapter has computed. Heights are rounded, so that a figure weighs
little and is the same on every machine. The theme names no colours of lines: the book gives them those of its light or
dark page, and elsewhere plotly's own are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import plotly.io

MARKERS = ["circle", "square", "diamond", "triangle-up", "cross", "x"]  # never colour alone
PATTERNS = ["", "/", ".", "x", "-", "+"]

plotly.io.templates["lmkit"] = go.layout.Template(
    layout={
        "font": {"size": 14},
        "margin": {"l": 60, "r": 20, "t": 60, "b": 50},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": {"gridcolor": "rgba(128,128,128,0.25)", "zeroline": False},
        "yaxis": {"gridcolor": "rgba(128,128,128,0.25)", "zeroline": False},
    }
)


def rounded(values: Sequence[float], digits: int = 4) -> list[float]:
    """Plain floats with `digits` significant digits; tensors and arrays are welcome."""
    return [float(f"{float(value):.{digits}g}") for value in values]


def figure(title: str, x_title: str, y_title: str, height: int = 380) -> go.Figure:
    """An empty figure in the theme; `height` in CSS pixels."""
    axes = {"xaxis_title": x_title, "yaxis_title": y_title}
    return go.Figure(layout={"template": "lmkit", "title": {"text": title, "x": 0}, "height": height} | axes)


def lines(
    series: Mapping[str, Sequence[float]],
    x: Sequence[float],
    *,
    title: str,
    x_title: str,
    y_title: str,
    log_x: bool = False,
    log_y: bool = False,
    markers: bool = True,
) -> go.Figure:
    """One line for each entry of `series`, all over the same `x`."""
    drawn = figure(title, x_title, y_title)
    mode = "lines+markers" if markers else "lines"
    for number, (name, values) in enumerate(series.items()):
        marker = {"symbol": MARKERS[number % len(MARKERS)], "size": 8}
        dash = "solid" if markers or number % 2 == 0 else "dot"
        drawn.add_scatter(x=list(x), y=rounded(values), name=name, mode=mode, marker=marker, line={"dash": dash})
    drawn.update_xaxes(type="log" if log_x else "linear")
    drawn.update_yaxes(type="log" if log_y else "linear")
    return drawn


def bars(series: Mapping[str, Sequence[float]], labels: Sequence[str], *, title: str, x_title: str, y_title: str) -> go.Figure:
    """A group of bars for each label, one bar for each entry of `series`."""
    drawn = figure(title, x_title, y_title)
    for number, (name, values) in enumerate(series.items()):
        pattern = {"pattern": {"shape": PATTERNS[number % len(PATTERNS)]}}
        drawn.add_bar(x=list(labels), y=rounded(values), name=name, marker=pattern)
    return drawn.update_xaxes(type="category")  # a label such as "18.6" is no number


def head_maps(maps: Mapping[str, Sequence[Sequence[float]]], *, title: str) -> go.Figure:
    """One map [layer, head] for each entry of `maps`, side by side on one scale from 0 to 1; layer 0 is at the top."""
    drawn = figure(title, "head", "layer", height=560)
    gap = 0.05
    width = (1 - gap * (len(maps) - 1)) / len(maps)
    for number, (name, values) in enumerate(maps.items()):
        axis = str(number + 1) if number else ""
        hover = f"{name}<br>layer %{{y}}, head %{{x}}: %{{z}}<extra></extra>"
        z = [rounded(row, 3) for row in values]
        drawn.add_heatmap(z=z, name=name, xaxis=f"x{axis}", coloraxis="coloraxis", hovertemplate=hover)
        left = number * (width + gap)
        drawn.update_layout({f"xaxis{axis}": {"domain": [left, left + width], "title": name, "dtick": 2, "showgrid": False}})
    drawn.update_yaxes(autorange="reversed", showgrid=False)
    return drawn.update_layout(coloraxis={"colorscale": "Blues", "cmin": 0, "cmax": 1, "colorbar": {"title": "weight"}})
