// The page of a run: reads its data and builds the page.
const by = (id) => document.getElementById(id);
const data = JSON.parse(by("data").textContent);
const { panels, frames } = data;
const states = data.table?.moves ? data.table.columns : null;
const hidden = new Set(); // the runs that are switched off
let position = -1; // of the current state, in frames

function setTheme(name) {
  root.dataset.theme = name;
  by("theme").textContent = name === "dark" ? "Light" : "Dark"; // what it switches to
  for (const panel of panels.filter(({ drawn }) => drawn)) {
    paint(panel, data.runs);
    Plotly.react(panel.plot, panel.traces, panel.layout);
  }
}

function bindTheme() {
  const darkness = matchMedia("(prefers-color-scheme: dark)");
  setTheme(darkness.matches ? "dark" : "light");
  darkness.addEventListener("change", () => setTheme(darkness.matches ? "dark" : "light"));
  by("theme").addEventListener("click", () => setTheme(root.dataset.theme === "dark" ? "light" : "dark"));
}

function build() {
  panels.forEach((panel, k) => {
    by("panels").append(buildPanel(panel, data.runs, panels.length % 2 === 1 && k === 0));
    if (panel.kind === "surface") prepareSurface(panel, panels[k - 1]);
  });
}

async function start() {
  bindTheme();
  by("download").hidden = by("document").textContent === "";
  by("download").addEventListener("click", download);
  fillWords();
  if (data.table !== null) fillTable(by("table"), data.table);
  data.tables.forEach(addTable);
  if (data.runs.length > 1) fillRuns();
  build();
  if (frames.length > 1) bindControls();
  if (frames.length > 0) show(data.opens);
  const draw = (panel) => drawPanel(panel, data.runs, goTo);
  await Promise.all(panels.filter(({ kind }) => kind !== "surface").map(draw));
  performance.mark("flat"); // the controls work; surfaces take their time
  await new Promise((then) => requestAnimationFrame(() => setTimeout(then, 0)));
  await Promise.all(panels.filter(({ kind }) => kind === "surface").map(draw));
  performance.mark("all");
}

start();
