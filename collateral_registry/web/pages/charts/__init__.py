"""Charts as SVG. Colours are classes of the style sheet, in light and dark."""
