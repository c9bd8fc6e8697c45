// Polls the address in data-progress and fills the places named by data-field. Without it, the page reloads itself by a link.
const places = document.querySelectorAll("[data-progress]");
const numbers = new Intl.NumberFormat("en-GB");

const fill = (node, value) => {
  if (node instanceof HTMLProgressElement) node.value = value;
  else if (node.dataset.states !== undefined) {
    node.className = `state ${value.tone}`;
    node.textContent = value.title;
  } else node.textContent = typeof value === "number" ? numbers.format(value) : value;
};

const apply = (scope, values) => {
  for (const node of scope.querySelectorAll("[data-field]")) {
    const owner = node.closest("[data-row]");
    if (owner && owner !== scope) continue;
    const value = values[node.dataset.field];
    if (value !== undefined && value !== null) fill(node, value);
  }
};

// Said aloud at every tenth and when the server is lost, not at every number.
const voice = document.createElement("p");
voice.className = "unseen";
voice.setAttribute("role", "status");
document.querySelector("main").append(voice);
let tenth = null;
const announce = (share) => {
  const now = Math.floor(share / 10);
  if (tenth !== null && now !== tenth) voice.textContent = `${now * 10} % done.`;
  tenth = now;
};

const watch = async (place) => {
  let pause = 1000;
  for (;;) {
    await new Promise((done) => setTimeout(done, document.hidden ? pause * 5 : pause));
    let answer;
    try {
      const reply = await fetch(place.dataset.progress, { headers: { Accept: "application/json" } });
      if (reply.status === 403 || reply.status === 404 || reply.redirected) return location.reload();
      if (!reply.ok) throw new Error(reply.statusText);
      answer = await reply.json();
      pause = 1000;
      place.querySelector("[data-lost]")?.setAttribute("hidden", "");
    } catch {
      pause = Math.min(pause * 2, 15000);
      place.querySelector("[data-lost]")?.removeAttribute("hidden");
      continue;
    }
    apply(place, answer);
    if (typeof answer.share === "number") announce(answer.share);
    for (const row of answer.rows ?? []) {
      const node = place.querySelector(`[data-row="${CSS.escape(row.id)}"]`);
      if (node) apply(node, row);
    }
    if (answer.finished) return location.reload();
  }
};

for (const place of places) {
  for (const hint of place.querySelectorAll("[data-reload]")) hint.hidden = true;
  watch(place);
}
