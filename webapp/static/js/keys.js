// Keyboard shortcuts, told by the dialog #keys. They can be switched off, and never take a key from a field or a control.
const help = document.getElementById("keys");
const STORED = "keys";
const read = () => { try { return localStorage.getItem(STORED) !== "off"; } catch { return true; } };
const write = (on) => { try { localStorage.setItem(STORED, on ? "on" : "off"); } catch { /* for this page only */ } };

const open = () => help.open || help.showModal();
const typing = (node) => node.isContentEditable || ["INPUT", "SELECT", "TEXTAREA"].includes(node.tagName) && !["checkbox", "radio"].includes(node.type);

// The lines of a page's lists, in the order in which they stand.
const lines = () => [...document.querySelectorAll("[data-list] tbody tr, ol[data-list] > li, ul[data-list] > li")].filter((line) => line.querySelector("a"));
const step = (by) => {
  const all = lines();
  const now = all.findIndex((line) => line.contains(document.activeElement));
  const next = all[now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(now + by, 0), all.length - 1)];
  const link = next?.querySelector("th a") ?? next?.querySelector("a");
  link?.focus();
  link?.scrollIntoView({ block: "nearest" });
};
const choose = () => document.activeElement.closest("[data-list] tr, [data-list] > li")?.querySelector("input[type=checkbox]:not(:disabled)")?.click();
const copies = () => {
  const place = document.querySelector("[data-copies]");
  if (!place) return;
  place.open = true;
  place.querySelector("[data-copy]").focus();
};

const acts = {
  "/": () => document.querySelector("[role=search] input[type=search]")?.focus(),
  "?": open,
  j: () => step(1),
  k: () => step(-1),
  x: choose,
  n: () => document.querySelector("a[rel=next]")?.click(),
  p: () => document.querySelector("a[rel=prev]")?.click(),
  y: copies,
};

if (help) {
  const box = help.querySelector("[data-keys-on]");
  box.checked = read();
  box.addEventListener("change", () => write(box.checked));
  for (const button of document.querySelectorAll("[data-keys-open]")) {
    button.hidden = false;
    button.addEventListener("click", open);
  }
  let going = 0;
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
    if (!box.checked || help.open) return;
    const section = performance.now() - going < 1500 && help.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    going = event.key === "g" && !section ? performance.now() : 0;
    if (section) location.assign(section.href);
    else if (event.key in acts) acts[event.key]();
    else return;
    event.preventDefault();
  });
}

// A chosen tab beyond the edge of a narrow screen is brought into view, without moving the page.
for (const tab of document.querySelectorAll(".tabs [aria-current]")) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 24;
