// Draws each <figure data-figure>. The Plotly figure comes as JSON in the page, in light colours; meta.dark says what each
// becomes in the dark. Hovering writes to a line below the figure, as text, never into a label.
import { isDark } from "./app.js";

const repaint = (value, colours) => {
  if (typeof value === "string") return colours[value] ?? value;
  if (Array.isArray(value)) return value.some((v) => typeof v !== "number" && v !== null) ? value.map((v) => repaint(v, colours)) : value;
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, repaint(v, colours)]));
  return value;
};

const read = (id) => JSON.parse(document.getElementById(id).textContent);

// Labels are dropped where a row is too low to read one; the line below the figure names what is pointed at.
const fit = (layout, width) => {
  const count = layout.xaxis?.ticktext?.length;
  if (!count || !layout.yaxis2) return layout;
  const gutter = Math.min(230, width * 0.24);
  const cell = (width - gutter) / count;
  const size = Math.min(12, Math.floor(cell * 0.95));
  const axes = { xaxis: { ...layout.xaxis }, yaxis: { ...layout.yaxis } };
  for (const axis of Object.values(axes)) {
    axis.showticklabels = size >= 7;
    axis.tickfont = { size: Math.max(7, size) };
    axis.ticklen = 3;
  }
  const body = Math.min(cell, 44) * count;
  return { ...layout, ...axes, height: Math.round((body + (size >= 7 ? gutter : 24)) / 0.84 + 50) };
};

const readout = (figure, data) => {
  const line = figure.querySelector(".readout");
  if (!line || !data) return;
  const canvas = figure.querySelector(".canvas");
  const say = (point) => {
    const [a, b] = [data.models[Math.round(point.y)], data.models[Math.round(point.x)]];
    if (a === undefined || b === undefined || a === b) return;
    const strong = document.createElement("strong");
    strong.textContent = `${a} and ${b}`;
    line.replaceChildren(strong, `: ${data.matrix} ${point.z}`);
  };
  canvas.on("plotly_hover", (event) => event.points[0]?.z !== undefined && say(event.points[0]));
  canvas.on("plotly_click", (event) => {
    const point = event.points[0];
    const [a, b] = [data.models[Math.round(point?.y)], data.models[Math.round(point?.x)]];
    if (point?.z === undefined || a === undefined || b === undefined || a === b) return;
    const address = new URL(figure.dataset.pair, location.href);
    address.searchParams.set("a", a);
    address.searchParams.set("b", b);
    location.assign(address);
  });
};

const draw = (figure) => {
  const canvas = figure.querySelector(".canvas");
  const { data, layout } = read(figure.dataset.figure);
  const colours = isDark() ? layout.meta.dark : {};
  const width = canvas.clientWidth - 16;
  const drawn = repaint({ data, layout: fit(layout, width) }, colours);
  delete drawn.layout.meta;
  const mounted = canvas.classList.contains("drawn");
  if (!mounted) canvas.replaceChildren();
  canvas.classList.remove("waiting");
  canvas.classList.add("drawn");
  Plotly.react(canvas, drawn.data, { ...drawn.layout, width }, { displayModeBar: false, responsive: false });
  if (!mounted) readout(figure, figure.dataset.names ? read(figure.dataset.names) : null);
};

const figures = [...document.querySelectorAll("[data-figure]")];
const drawAll = () => figures.forEach(draw);
drawAll();
document.documentElement.dataset.drawn = Math.round(performance.now());
addEventListener("themechange", drawAll);
let waiting;
let last = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === last) return;
  last = innerWidth;
  clearTimeout(waiting);
  waiting = setTimeout(drawAll, 150);
});
