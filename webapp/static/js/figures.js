// Draws each <figure data-figure>. The Plotly figure comes as JSON in the page, in light colours; meta.dark says what each
// becomes in the dark. Hovering writes to a line below the figure, as text, never into a label.
import { isDark } from "./app.js";
import { save } from "./figure_files.js";

const repaint = (value, colours) => {
  if (typeof value === "string") return colours[value] ?? value;
  if (Array.isArray(value)) return value.some((v) => typeof v !== "number" && v !== null) ? value.map((v) => repaint(v, colours)) : value;
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, repaint(v, colours)]));
  return value;
};

const read = (id) => JSON.parse(document.getElementById(id).textContent);

const NARROW = 520;

// Labels are dropped where there is no room to read one; the line below the figure names what is pointed at.
const fit = (layout, width) => {
  const count = layout.xaxis?.ticktext?.length;
  if (!layout.yaxis2) return width < NARROW ? roomForNames(layout) : layout;
  const gutter = Math.min(230, width * 0.24);
  const cell = (width - gutter) / count;
  const size = width < NARROW ? 0 : Math.min(12, Math.floor(cell * 0.95));
  const axes = { xaxis: { ...layout.xaxis }, yaxis: { ...layout.yaxis } };
  for (const axis of Object.values(axes)) {
    axis.showticklabels = size >= 7;
    axis.tickfont = { size: Math.max(7, size) };
    axis.ticklen = 3;
  }
  const body = Math.min(cell, 44) * count;
  return { ...layout, ...axes, height: Math.round((body + (size >= 7 ? gutter : 24)) / 0.84 + 50) };
};

// A tree's names stand to the right of its tips: on a phone they need a larger share of the width.
const roomForNames = (layout) => {
  const [from, to] = layout.xaxis?.range ?? [];
  return to === undefined ? layout : { ...layout, xaxis: { ...layout.xaxis, range: [from, to * 1.6], nticks: 4 } };
};

const readout = (figure, data) => {
  const line = figure.querySelector(".readout");
  if (!line || !data) return;
  const canvas = figure.querySelector(".canvas");
  const pairAt = (event) => {
    const point = event.points[0];
    if (point?.z === undefined || point.z === null) return null;
    const [a, b] = [data.models[Math.round(point.y)], data.models[Math.round(point.x)]];
    if (a === undefined || b === undefined || a === b) return null;
    const address = new URL(figure.dataset.pair, location.href);
    address.searchParams.set("a", a);
    address.searchParams.set("b", b);
    return { name: `${a} and ${b}`, value: point.z, address };
  };
  const say = (event) => {
    const pair = pairAt(event);
    if (!pair) return;
    const strong = document.createElement("strong");
    strong.textContent = pair.name;
    const link = document.createElement("a");
    link.href = pair.address;
    link.textContent = "Open the pair";
    line.replaceChildren(strong, `: ${data.matrix} ${pair.value}. `, link);
  };
  canvas.on("plotly_hover", say);
  canvas.on("plotly_click", (event) => {
    const pair = pairAt(event);
    // A finger cannot point before it chooses: there, a touch names the pair and the link opens it.
    if (pair && matchMedia("(hover: hover)").matches) location.assign(pair.address);
    else say(event);
  });
};

const files = (figure) => {
  for (const button of figure.querySelectorAll("[data-save]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const plain = read(figure.dataset.figure);
      const width = Math.max(720, figure.querySelector(".canvas").clientWidth - 16);
      button.disabled = true;
      await save(figure, button.dataset.save, { data: plain.data, layout: fit(plain.layout, width) }, width);
      button.disabled = false;
    });
  }
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
  if (mounted) return;
  readout(figure, figure.dataset.names ? read(figure.dataset.names) : null);
  files(figure);
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
