"""The colours of the pictures: one hand for graphviz, SVG and matplotlib."""

FILLS = {"input": "#e6f0fb", "operation": "#ffffff", "output": "#e8f5e9"}
STROKES = {"input": "#3f72af", "operation": "#777777", "output": "#388e3c"}
# By the role of a line of text.
COLOURS = {
    "title": "#111111",
    "type": "#666666",
    "value": "#1f4e9c",
    "cotangent": "#b3261e",
    "uses": "#666666",
    "outputs": "#2e7d32",
    "constant": "#555555",
}
EDGE = "#777777"
