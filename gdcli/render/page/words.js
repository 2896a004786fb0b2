// The page around the pictures: texts, the table, the choice of runs. All of it is set by textContent.
function fillWords() {
  by("title").textContent = data.title;
  by("subtitle").textContent = data.subtitle;
  by("outcome").textContent = [data.message, ...data.facts].filter(Boolean).join("; ");
  by("command").textContent = data.command;
  for (const [name, value] of data.settings) by("settings").append(pair(name, value));
  for (const note of data.notes) by("notes").querySelector("ul").append(element("li", note));
  by("notes").hidden = data.notes.length === 0;
  for (const { message, options, effect } of data.diagnosis) {
    const paragraph = element("p", options ? `${message}; try ` : message);
    if (options) paragraph.append(element("code", options), ` (${effect})`);
    by("diagnosis").append(paragraph);
  }
  by("diagnosis").hidden = data.diagnosis.length === 0;
  by("state").hidden = states === null;
  for (const { label } of states ?? []) by("state").querySelector("dl").append(pair(label, ""));
}

function pair(name, value) {
  const row = element("div");
  row.append(element("dt", name), element("dd", value));
  return row;
}

function addTable(table, k) { // one that stays as it is
  const section = element("section", "", { class: "card", "aria-labelledby": `table-${k}` });
  const scroll = element("div", "", { class: "scroll", tabindex: "0" });
  const body = element("table");
  body.append(element("thead"), element("tbody"));
  body.tHead.append(element("tr"));
  scroll.append(body);
  section.append(element("h2", "", { id: `table-${k}` }), scroll);
  by("table").before(section);
  fillTable(section, table);
}

function fillTable(section, { title, columns, moves }) {
  section.hidden = false;
  section.querySelector("h2").textContent = title;
  const kinds = columns.map(({ cells }) => cells.some((cell) => typeof cell === "string") ? "text" : "number");
  const head = section.querySelector("thead tr");
  columns.forEach(({ label }, k) => head.append(element("th", label, { scope: "col", class: kinds[k] })));
  const rows = columns[0].cells.map((_, k) => {
    const row = document.createElement("tr");
    columns.forEach(({ cells }, column) => {
      const cell = row.insertCell();
      cell.className = kinds[column];
      cell.textContent = column === 0 ? grouped(cells[k]) : short(cells[k]);
    });
    if (moves) {
      row.dataset.position = k;
      row.tabIndex = -1;
    }
    return row;
  });
  const body = section.querySelector("tbody");
  body.append(...rows);
  if (moves) bindTable(body);
}

function bindTable(body) {
  const choose = (row) => {
    pause();
    show(Number(row.dataset.position));
  };
  body.addEventListener("click", ({ target }) => choose(target.closest("tr")));
  body.addEventListener("keydown", (event) => {
    const row = event.target.closest("tr");
    const next = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling }[event.key];
    if (event.key === "Enter" || event.key === " ") choose(row);
    else if (next) next.focus();
    else return;
    event.preventDefault();
  });
}

function markRow() { // the row of the current state; only this row is in the tab order
  if (states === null) return;
  const box = by("table").querySelector(".scroll");
  const body = box.querySelector("tbody");
  const before = body.querySelector("[aria-current]");
  if (before !== null) {
    before.removeAttribute("aria-current");
    before.tabIndex = -1;
  }
  const row = body.rows[position];
  row.setAttribute("aria-current", "true");
  row.tabIndex = 0;
  const [above, below] = [box.querySelector("thead").offsetHeight, box.clientHeight - row.offsetHeight];
  box.scrollTop = Math.min(row.offsetTop - above, Math.max(row.offsetTop - below, box.scrollTop));
}

function fillRuns() {
  by("runs").hidden = false;
  data.runs.forEach(({ label }, run) => {
    const box = element("input", "", { type: "checkbox", checked: "" });
    const sign = drawing("svg", { viewBox: "-14 -10 28 20", "aria-hidden": "true" });
    sign.append(drawing("path", { class: "sign", d: symbolOf(run), fill: `var(--${ofRun(run)})` }));
    const chosen = element("label");
    chosen.append(box, sign, element("span", label), element("span", "", { class: "loss" }));
    by("runs").append(chosen);
    box.addEventListener("change", () => toggleRun(run, box.checked));
  });
}

function toggleRun(run, visible) {
  if (visible) hidden.delete(run); else hidden.add(run);
  for (const panel of panels) {
    const path = panel.paths.find(({ meta }) => meta.run === run);
    if (panel.drawn && path !== undefined) Plotly.restyle(panel.plot, { visible }, [panel.traces.indexOf(path)]);
    else if (path !== undefined) path.visible = visible;
  }
  moveAll();
}

const decoded = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

async function unpacked(text) { // zlib in base64
  const stream = new Blob([decoded(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

async function download() {
  const file = new Blob([await unpacked(by("document").textContent)], { type: "application/json" });
  const link = element("a", "", { href: URL.createObjectURL(file), download: data.file });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
