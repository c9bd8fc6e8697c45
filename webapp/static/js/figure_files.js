// Saves a drawn figure as PNG or SVG, made in the browser. A file is always in light colours on white, with the figure's
// name and its sentence, so that it can stand in a document by itself.
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\$/g, "&#36;");

// Words are broken by hand: Plotly breaks no line of a title.
const lines = (text, width) => text.split(/\s+/).reduce((rows, word) => {
  const last = rows.at(-1);
  if (last === undefined || last.length + word.length >= width) rows.push(word);
  else rows[rows.length - 1] = `${last} ${word}`;
  return rows;
}, []);

export const save = async (figure, kind, drawn, width) => {
  const [name, reading] = ["h2", "p"].map((tag) => figure.querySelector(`figcaption ${tag}`)?.textContent.trim() ?? "");
  const words = lines(reading, Math.floor(width / 6.4)).map(escaped);
  const room = 46 + 15 * words.length;
  const layout = structuredClone(drawn.layout);
  delete layout.meta;
  layout.paper_bgcolor = layout.plot_bgcolor = "#ffffff";
  layout.margin = { ...layout.margin, t: (layout.margin?.t ?? 10) + room };
  layout.height = (layout.height ?? 420) + room;
  layout.title = {
    text: escaped(name), font: { size: 16 }, subtitle: { text: words.join("<br>"), font: { size: 11 } },
    x: 0, xref: "container", xanchor: "left", y: 1, yref: "container", yanchor: "top", pad: { t: 10, l: 12 },
  };
  // A legend above the plot moves down with it by itself: both hang on the plot's own top.
  const file = await Plotly.toImage({ data: drawn.data, layout: { ...layout, width } }, { format: kind, width, height: layout.height, scale: 2 });
  const link = document.createElement("a");
  link.href = file;
  link.download = `${figure.dataset.name}.${kind}`;
  link.click();
};
