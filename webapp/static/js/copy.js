// "Copy as…": copies a line, and keeps the lines of a form in step with what is filled in. Without it the lines can be selected.
const SLOT = /( ?)\{(--[\w-]+ )?(\w+)\}/g;
const PLAIN = /^[\w@%+=:,./-]+$/;
const quoted = (text) => (PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
const SECRET = new Set(["csrfmiddlewaretoken", "secret"]);

// A field's values as a command knows them: a box or a choice may carry another word for its value in data-as.
const named = (form, name) =>
  [...form.elements].filter((e) => e.name === name && !SECRET.has(name)).flatMap((e) => {
    if (["checkbox", "radio"].includes(e.type) && !e.checked) return [];
    return e.dataset.as ? [e.dataset.as] : e.value ? [quoted(e.value)] : [];
  });

const command = (template, form) =>
  template.replace(SLOT, (_, gap, option, name) => {
    const values = named(form, name).join(" ");
    if (values) return gap + (option ?? "") + values;
    return option ? "" : gap + name.toUpperCase();
  });

const sent = (form) => {
  const body = new FormData(form);
  const pairs = [...body].filter(([name, value]) => !SECRET.has(name) && value !== "");
  if (form.enctype !== "multipart/form-data") {
    return `--data ${quoted(new URLSearchParams(pairs).toString())}`;
  }
  const part = ([name, value]) => (value instanceof File ? `-F ${name}=@${quoted(value.name || "FILE")}` : `--form-string ${quoted(`${name}=${value}`)}`);
  return pairs.map(part).join(" ") || "--data ''";
};

const refresh = (place) => {
  const form = document.querySelector("main form[method=post]:not(.head form)");
  if (!form) return;
  for (const code of place.querySelectorAll("[data-template]")) code.textContent = command(code.dataset.template, form);
  for (const code of place.querySelectorAll("[data-curl]")) {
    code.dataset.line ??= code.textContent;
    code.textContent = code.dataset.line.replace(/--data \S+/, () => sent(form));
  }
};

const copy = async (code, told) => {
  try {
    await navigator.clipboard.writeText(code.textContent);
    told.textContent = "Copied.";
  } catch {
    // Without leave to write there, the line is marked for the keyboard's own copy.
    getSelection().selectAllChildren(code);
    told.textContent = "Marked: copy it with the keyboard.";
  }
};

for (const place of document.querySelectorAll("[data-copies]")) {
  place.addEventListener("toggle", () => place.open && refresh(place), true);
  for (const button of place.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await copy(button.parentElement.querySelector("code"), place.querySelector("[data-copied]"));
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
  }
  addEventListener("click", (event) => place.open && !place.contains(event.target) && (place.open = false));
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !place.open) return;
    place.open = false;
    place.querySelector("summary").focus();
  });
}
