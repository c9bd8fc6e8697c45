"""One file per figure: a result record in, one data record and one Plotly figure out. Figures compute no statistics.

A plug-in offers `declaration`, `data(result, **options) -> dict` (plain JSON: the figure's numbers, its one-sentence
reading under "reading", its table under "table", and under "empty" whether there is nothing to draw) and
`figure(data) -> dict` (a Plotly figure as plain JSON).
`data` raises ValueError on a non-finite number it would have to draw.
"""

PACKAGE = __name__
