// The theme switch, the running total of a form, and selecting all rows. Every page works without this file.
const root = document.documentElement;
const darkQuery = matchMedia("(prefers-color-scheme: dark)");
const paper = matchMedia("print");
export const isDark = () => !paper.matches && (root.dataset.theme ? root.dataset.theme === "dark" : darkQuery.matches);

for (const button of document.querySelectorAll("[data-theme-switch]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* remembered for this page only */ }
    dispatchEvent(new Event("themechange"));
  });
}
for (const query of [darkQuery, paper]) query.addEventListener("change", () => dispatchEvent(new Event("themechange")));

// <form data-total>: boxes named "models" times the chosen suite's data-calls.
for (const form of document.querySelectorAll("form[data-total]")) {
  const show = (name, value) => {
    for (const place of form.querySelectorAll(`[data-show=${name}]`)) place.textContent = value.toLocaleString("en-GB");
  };
  const update = () => {
    const models = form.querySelectorAll("input[name=models]:checked").length;
    const suite = form.querySelector("input[name=suite]:checked");
    const calls = Number(suite?.dataset.calls ?? 0);
    show("models", models);
    show("calls", calls);
    show("total", models * calls);
    for (const part of form.querySelectorAll("[data-needs-models]")) part.disabled = models < Number(part.dataset.needsModels);
  };
  form.addEventListener("change", update);
  update();
}

for (const box of document.querySelectorAll("[data-select-all]")) {
  box.closest("[hidden]")?.removeAttribute("hidden");
  box.addEventListener("change", () => {
    for (const other of box.form.querySelectorAll(`input[name=${box.dataset.selectAll}]:not(:disabled)`)) other.checked = box.checked;
    box.form.dispatchEvent(new Event("change"));
  });
}

document.querySelector("[data-autofocus]")?.focus();
