// The panels: built once; afterwards only what moves is redrawn.
function element(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function drawing(tag, attributes = {}) { // the same for SVG
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function stateAt(counts, count) { // the place of the last state up to a count
  let low = 0, high = counts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (counts[middle] <= count) low = middle; else high = middle;
  }
  return low;
}

function buildPanel(panel, runs, alone) {
  const figure = element("figure", "", { class: `panel ${panel.kind}${alone ? " alone" : ""}` });
  const head = element("div", "", { class: "head" });
  const stage = element("div", "", { class: "stage", role: "img", "aria-label": panel.alt });
  panel.plot = element("div", "", { class: "plot" });
  panel.paths = panel.traces.filter((trace) => trace.meta.role === "path");
  head.append(element("h2", panel.title));
  stage.append(panel.plot);
  figure.append(head, stage);
  if (panel.sweep !== undefined) figure.append(...aboutCells(panel, stage));
  if (panel.note) figure.append(element("figcaption", panel.note, { class: "note" }));
  if (panel.kind === "surface") {
    head.append(surfaceTools(panel, () => {
      panel.shown = null;
      Plotly.react(panel.plot, panel.traces, panel.layout).then(() => follow(panel));
    }));
  } else {
    for (const path of panel.paths) path.customdata = runs[path.meta.run].counts;
    if (panel.paths.length > 0) stage.append(overlay(panel));
  }
  return figure;
}

function overlay(panel) { // the present points lie over the plot: to move them costs nothing
  const svg = drawing("svg", { class: "overlay", "aria-hidden": "true" });
  panel.area = drawing("svg", { overflow: "hidden" });
  panel.cursor = drawing("line", { class: "cursor", visibility: panel.kind === "curves" ? "visible" : "hidden" });
  panel.tangent = drawing("line", { class: "tangent", visibility: "hidden" });
  panel.points = panel.paths.map((path, run) => drawing("path", { class: "point", d: symbolOf(run), fill: `var(--${ofRun(run)})` }));
  panel.area.append(panel.cursor, panel.tangent, ...panel.points.toReversed());
  svg.append(panel.area);
  return svg;
}

async function drawPanel(panel, runs, choose) {
  paint(panel, runs);
  if (panel.kind === "map") await unpackCells(panel);
  const flat = panel.kind !== "surface";
  await Plotly.newPlot(panel.plot, panel.traces, panel.layout, {
    responsive: true, displayModeBar: false, doubleClick: "reset",
  });
  panel.plot.on("plotly_click", ({ points: [{ data: { meta }, pointNumber }] }) => {
    if (meta.role === "path") choose(runs[meta.run].counts[pointNumber]);
  });
  if (panel.sweep !== undefined) bindCells(panel);
  if (flat) for (const event of ["plotly_afterplot", "plotly_relayouting"]) panel.plot.on(event, () => placePoints(panel));
  panel.drawn = true;
  follow(panel);
}

function placePoints(panel) {
  if (panel.area === undefined || panel.now === undefined) return;
  const { xaxis, yaxis } = panel.plot._fullLayout;
  const place = { x: xaxis._offset, y: yaxis._offset, width: xaxis._length, height: yaxis._length };
  for (const [name, value] of Object.entries(place)) panel.area.setAttribute(name, value);
  const { states, position } = panel.now;
  panel.points.forEach((point, run) => {
    const [x, y] = states[run] === null ? [null, null] : [panel.paths[run].x[states[run]], panel.paths[run].y[states[run]]];
    const [left, top] = [x === null ? NaN : xaxis.d2p(x), y === null ? NaN : yaxis.d2p(y)];
    const seen = Number.isFinite(left) && Number.isFinite(top);
    point.setAttribute("visibility", seen ? "visible" : "hidden");
    if (seen) point.setAttribute("transform", `translate(${left} ${top})`);
    Object.assign(point.dataset, { x, y });
  });
  if (panel.kind === "curves") line(panel.cursor, [xaxis.d2p(panel.now.count), 0], [xaxis.d2p(panel.now.count), yaxis._length]);
  if (panel.kind === "function") placeTangent(panel, xaxis, yaxis, states[0], position);
}

function placeTangent(panel, xaxis, yaxis, state, position) {
  const slope = panel.slopes[position] ?? null;
  const [x, y] = state === null ? [null, null] : [panel.paths[0].x[state], panel.paths[0].y[state]];
  const known = [slope, x, y].every((number) => number !== null);
  panel.tangent.setAttribute("visibility", known ? "visible" : "hidden");
  panel.tangent.dataset.slope = slope;
  if (!known) return;
  const reach = 0.22 * (xaxis.range[1] - xaxis.range[0]);
  const [left, right] = [-reach, reach].map((step) => [xaxis.d2p(x + step), yaxis.d2p(y + slope * step)]);
  line(panel.tangent, left, right);
}

function line(drawn, [x1, y1], [x2, y2]) {
  for (const [name, value] of Object.entries({ x1, y1, x2, y2 })) drawn.setAttribute(name, value);
}

async function moveHeat(panel, position) {
  const frame = panel.frames[position];
  const [{ x, y }] = panel.traces;
  const z = y.map((_, i) => x.map((_, j) => frame === null ? null : frame[i * x.length + j]));
  await Plotly.restyle(panel.plot, { z: [z] }, [0]);
}

async function moveDots(panel, position) { // the points of a scatter plot, or the fit through them
  const moved = panel.moves[panel.moved[position]];
  if (moved === undefined) return;
  const { x = panel.traces[0].x, y = panel.traces[0].y, fit } = moved;
  if (fit !== undefined) await Plotly.restyle(panel.plot, { y: [fit] }, [1]);
  else await Plotly.restyle(panel.plot, { x: [x], y: [y] }, [0]);
}

async function follow(panel) { // one drawing at a time: states skipped meanwhile are not drawn
  if (!panel.drawn || panel.busy) return;
  panel.busy = true;
  while (panel.now !== undefined && panel.shown !== panel.now) {
    const now = panel.now, started = performance.now();
    if (panel.kind === "surface") {
      await moveInSpace(panel, now.states);
      const spent = performance.now() - started;
      await new Promise((then) => setTimeout(then, 2 * spent)); // leaves a slow machine time for the other panels
    } else if (panel.kind === "scatter") await moveDots(panel, now.position);
    else if (panel.kind === "heat") await moveHeat(panel, now.position);
    else placePoints(panel);
    panel.shown = now;
  }
  panel.busy = false;
}
