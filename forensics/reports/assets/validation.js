// Draws each figure from the JSON beside it, in light or dark colours, at the width that there is.
const figures = JSON.parse(document.getElementById("figures").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const repaint = (value, colours) => {
  if (typeof value === "string") return colours[value] ?? value;
  if (Array.isArray(value)) return value.every((v) => typeof v === "number") ? value : value.map((v) => repaint(v, colours));
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, repaint(v, colours)]));
  return value;
};
const draw = () => document.querySelectorAll("[data-figure]").forEach((canvas) => {
  const { data, layout } = figures[canvas.dataset.figure];
  const drawn = repaint({ data, layout }, dark.matches ? layout.meta.dark : {});
  delete drawn.layout.meta;
  Plotly.react(canvas, drawn.data, { ...drawn.layout, width: canvas.clientWidth }, { displayModeBar: false });
});
draw();
dark.addEventListener("change", draw);
let last = innerWidth, waiting;
addEventListener("resize", () => { if (innerWidth !== last) { last = innerWidth; clearTimeout(waiting); waiting = setTimeout(draw, 150); } });
