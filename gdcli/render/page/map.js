// A sweep: the cells of a map are unpacked and painted here; a cell shows its numbers, and a click its command.
async function unpackCells(panel) {
  const { sweep } = panel;
  const { columns, rows } = sweep;
  const bytes = new Uint8Array(await unpacked(sweep.cells)), table = decoded(sweep.table);
  [sweep.group, sweep.level] = [bytes.subarray(0, columns * rows), bytes.subarray(columns * rows)];
  const { status, steps, loss } = sweep.numbers;
  if (status !== undefined) sweep.status = new Uint8Array(await unpacked(status));
  if (steps !== undefined) sweep.steps = new Int32Array(await unpacked(steps));
  if (loss !== undefined) sweep.loss = new Float64Array(await unpacked(loss));
  const canvas = element("canvas", "", { width: columns, height: rows });
  const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
  for (let cell = 0; cell < columns * rows; cell++) {
    const group = sweep.group[cell], place = 3 * (256 * group + sweep.level[cell]);
    if (group === sweep.blank) continue; // transparent
    image.data.set(table.subarray(place, place + 3), 4 * cell);
    image.data[4 * cell + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  panel.traces[0].source = canvas.toDataURL("image/png");
}

function aboutCells(panel, stage) { // the legend of a map, and where the command of a cell is shown
  const { sweep } = panel;
  panel.label = element("div", "", { class: "label", hidden: "" });
  stage.append(panel.label);
  panel.chosen = element("div", "", { class: "cell", "aria-live": "polite" });
  panel.chosen.append(element("p", sweep.command ? "Click a cell to see the command that runs it alone." : "", { class: "note" }));
  return panel.kind === "map" ? [scalesOf(sweep), panel.chosen] : [panel.chosen];
}

function scalesOf({ scales, legend }) {
  const box = element("div", "", { class: "scales" }), bars = element("div", "", { class: "bars" });
  const shown = legend.map((k) => scales[k]);
  const isBar = ({ kind, ticks }) => ticks.length > 0 && (kind === "converged" || kind === "diverged");
  for (const kind of ["converged", "diverged"]) { // so that they meet at the edge
    for (const scale of shown.filter((each) => isBar(each) && each.kind === kind)) {
      const bar = element("div", "", { class: "scale bar" });
      bar.append(element("span", `${scale.label} ${scale.share}`), coloursOf(scale), ticksOf(scale));
      bars.append(bar);
    }
  }
  if (bars.childElementCount > 0) box.append(bars);
  for (const scale of shown.filter((each) => !isBar(each))) {
    const entry = element("div", "", { class: "scale" });
    entry.append(coloursOf(scale), element("span", `${scale.label} ${scale.share}`));
    if (scale.ticks.length > 0) entry.append(element("span", `${scale.ticks.map(([, number]) => number).join(", ")}${scale.kind === "basin" ? " steps" : ""}`, { class: "numbers" }));
    box.append(entry);
  }
  return box;
}

function coloursOf({ colours }) {
  const sample = element("div", "", { class: "colours" });
  sample.style.background = `linear-gradient(to right, ${colours.join(", ")})`;
  return sample;
}

function ticksOf({ ticks }) {
  const row = element("div", "", { class: "ticks" });
  for (const [place, text] of ticks) {
    const tick = element("span", text);
    tick.style.left = `${100 * place}%`;
    tick.style.transform = `translateX(${place < 0.05 ? 0 : place > 0.95 ? -100 : -50}%)`;
    row.append(tick);
  }
  return row;
}

function numberText(value) { // as Python reads it
  return Object.is(value, -0) ? "-0.0" : String(value);
}

function commandOf({ command, axes }, place) { // {0} and {1} are the numbers of the cell; {{ and }} are braces
  return command.replace(/\{\{|\}\}|\{(\d+)\}/g, (all, axis) => axis === undefined ? all[0] : numberText(axes[axis].numbers[place[axis]]));
}

function wordsAbout(sweep, place) { // a line each: the numbers on the axes, and how the run ended
  const lines = sweep.axes.map(({ name, numbers }, axis) => `${name} = ${numberText(numbers[place[axis]])}`);
  if (sweep.group === undefined) return lines;
  const cell = place[1] * sweep.columns + place[0], group = sweep.group[cell];
  if (group === sweep.blank) return [...lines, "not run"];
  const { label, levels } = sweep.scales[group];
  lines.push(label);
  if (sweep.status !== undefined) lines.push(sweep.numbers.statuses[sweep.status[cell]]);
  if (sweep.steps !== undefined) lines.push(`steps ${grouped(sweep.steps[cell])}`);
  if (sweep.loss !== undefined) lines.push(`loss ${short(sweep.loss[cell])}`);
  if (sweep.steps === undefined && levels.length > 1) lines.push(between(levels, sweep.level[cell]));
  return lines;
}

function between(levels, level) { // the numbers of the ticks around a level
  const after = Math.max(1, levels.findIndex(([at]) => at >= level));
  return `${short(levels[after - 1][1])} to ${short(levels[after][1])}`;
}

function placeUnder(panel, { clientX, clientY }) { // of the cell under the pointer, along each axis; null outside
  const { xaxis, yaxis } = panel.plot._fullLayout, { left, top } = panel.plot.getBoundingClientRect();
  const place = [xaxis.p2d(clientX - left - xaxis._offset), yaxis.p2d(clientY - top - yaxis._offset)].map(Math.floor);
  const inside = [xaxis, yaxis].every(({ range }, axis) => range[0] <= place[axis] + 1 && place[axis] <= range[1]);
  const { columns, rows } = panel.sweep;
  return inside && place[0] >= 0 && place[0] < columns && place[1] >= 0 && place[1] < rows ? place : null;
}

function choose({ sweep, chosen }, place) {
  chosen.replaceChildren(element("p", wordsAbout(sweep, place).join(", ")));
  if (sweep.command) chosen.append(element("pre", commandOf(sweep, place), { tabindex: "0" }));
}

function showLabel({ label, sweep }, place, { clientX, clientY }) {
  label.hidden = place === null;
  if (place === null) return;
  label.textContent = wordsAbout(sweep, place).join("\n");
  const around = label.parentElement.getBoundingClientRect();
  const left = clientX - around.left + 14, top = clientY - around.top + 14;
  label.style.left = `${Math.min(left, around.width - label.offsetWidth)}px`;
  label.style.top = `${top + label.offsetHeight > around.height ? top - label.offsetHeight - 28 : top}px`;
}

function bindCells(panel) {
  const { plot } = panel;
  if (panel.kind === "sweep") {
    plot.on("plotly_click", ({ points: [{ data: { meta }, pointNumber }] }) => {
      if (meta.role === "sweep") choose(panel, [pointNumber]);
    });
    return;
  }
  let pressed = [NaN, NaN];
  plot.addEventListener("pointerdown", ({ clientX, clientY }) => { pressed = [clientX, clientY]; }, true);
  plot.addEventListener("click", (event) => { // but not the end of a zoom
    const place = placeUnder(panel, event);
    if (place !== null && Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) < 4) choose(panel, place);
  });
  plot.addEventListener("pointermove", (event) => showLabel(panel, event.buttons ? null : placeUnder(panel, event), event));
  plot.addEventListener("pointerleave", (event) => showLabel(panel, null, event));
  plot.on("plotly_relayout", () => fitTicks(panel));
}

function fitTicks(panel) { // after a zoom, cells of the part that is seen have the ticks
  const wanted = {};
  ["xaxis", "yaxis"].forEach((name, axis) => {
    const { range } = panel.plot._fullLayout[name], whole = panel.layout[name];
    panel.ticks ??= {};
    panel.ticks[name] ??= { tickvals: whole.tickvals, ticktext: whole.ticktext };
    const count = axis === 0 ? panel.sweep.columns : panel.sweep.rows;
    const [first, last] = [Math.max(0, Math.ceil(range[0] - 0.5)), Math.min(count - 1, Math.floor(range[1] - 0.5))];
    const isWhole = range[0] <= 0 && range[1] >= count;
    const every = Math.max(1, Math.ceil((last - first + 1) / 6));
    const cells = Array.from({ length: Math.max(0, Math.floor((last - first) / every) + 1) }, (_, k) => first + k * every);
    const ticks = isWhole ? panel.ticks[name] : {
      tickvals: cells.map((cell) => cell + 0.5),
      ticktext: cells.map((cell) => short(panel.sweep.axes[axis].numbers[cell])),
    };
    if (String(panel.plot._fullLayout[name].tickvals) !== String(ticks.tickvals)) {
      wanted[`${name}.tickvals`] = ticks.tickvals;
      wanted[`${name}.ticktext`] = ticks.ticktext;
    }
  });
  if (Object.keys(wanted).length > 0) Plotly.relayout(panel.plot, wanted);
}
