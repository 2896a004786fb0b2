// The height of a surface: linear, logarithmic, or by the bands that also give the colours.
const longDrawn = (value, most) => value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= most);
const exact = (value, most = 1e16) => typeof value !== "number" ? (value ?? "–") : longDrawn(value, most) ? value.toExponential() : String(value);
const short = (value) => typeof value !== "number" ? (value ?? "–") : exact(Number(value.toPrecision(6)), 1e6);

function bandOf(value, edges) {
  let k = 1;
  while (k < edges.length - 1 && edges[k] <= value) k += 1;
  const share = edges[k] > edges[k - 1] ? (value - edges[k - 1]) / (edges[k] - edges[k - 1]) : 0;
  return k - 1 + Math.min(1, Math.max(0, share));
}

function heightScale(panel, scale) { // the height of a value, and the axis
  const { edges } = panel;
  if (scale === "linear") return { of: (value) => value, axis: { title: panel.value, tickmode: "auto" } };
  if (scale === "bands") {
    const places = edges.map((_, k) => k).filter((k) => k % 3 === 0);
    const texts = places.map((k) => String(Number(edges[k].toPrecision(3))));
    return { of: (value) => bandOf(value, edges), axis: { title: `${panel.value}, by bands`, tickmode: "array", tickvals: places, ticktext: texts } };
  }
  const least = panel.heights.flat(2).reduce((a, b) => b !== null && b > 0 ? Math.min(a, b) : a, Infinity);
  const [bottom, top] = [Math.log10(least), Math.log10(edges[edges.length - 1])];
  const every = Math.max(1, Math.ceil((top - bottom) / 6));
  const powers = [];
  for (let power = Math.ceil(bottom); power <= top; power += every) powers.push(power);
  const axis = { title: `${panel.value}, logarithmic`, tickmode: "array", tickvals: powers, ticktext: powers.map((power) => short(10 ** power)) };
  return { of: (value) => value > 0 ? Math.log10(value) : bottom, axis }; // 0 is at the bottom
}

function setHeights(panel, scale) {
  const { of, axis } = heightScale(panel, scale);
  const height = (value) => value === null ? null : of(value);
  panel.layout.scene.zaxis = { ...panel.layout.scene.zaxis, autorange: true, ...axis, title: { text: axis.title } };
  panel.traces.forEach((trace, k) => {
    if (trace.meta.role === "surface") trace.z = panel.heights[k].map((row) => row.map(height));
    if (trace.meta.role === "path") trace.z = panel.heights[k].map(height);
  });
}

function prepareSurface(panel, contours) { // places and colours come from the contours, which get the values for their labels
  const [flat] = contours.traces;
  const paths = contours.traces.filter((trace) => trace.meta.role === "path");
  panel.heights = panel.traces.map((trace) => trace.z);
  panel.traces.forEach((trace, k) => {
    if (trace.meta.role === "surface") Object.assign(trace, { x: flat.x, y: flat.y, surfacecolor: flat.z });
    if (trace.meta.role === "path") Object.assign(trace, { x: paths[trace.meta.run].x, y: paths[trace.meta.run].y });
    trace.customdata = panel.heights[k];
  });
  flat.customdata = panel.heights[0];
  const far = innerWidth < 480 ? 1.4 : 1; // on a narrow screen the labels need more of it
  const eye = { x: -0.75 * far, y: -1.3 * far, z: 1.75 * far }; // from above, so that no hill hides a path
  Object.assign(panel.layout.scene, { aspectmode: "cube", camera: { eye, center: { x: 0, y: 0, z: -0.12 } } });
  setHeights(panel, panel.scale);
}

function surfaceTools(panel, redraw) {
  const tools = element("div", "", { class: "tools" });
  const label = element("label", "height ");
  const select = element("select");
  for (const scale of panel.scales) select.append(element("option", scale, { value: scale }));
  select.value = panel.scale;
  select.addEventListener("change", () => {
    setHeights(panel, select.value);
    redraw();
  });
  label.append(select);
  tools.append(label);
  for (const [sign, side, angle] of [["⟲", "left", -Math.PI / 12], ["⟳", "right", Math.PI / 12]]) {
    const button = element("button", sign, { type: "button", "aria-label": `Rotate the surface ${side}` });
    button.addEventListener("click", () => turn(panel, angle));
    tools.append(button);
  }
  return tools;
}

function turn(panel, angle) {
  const { x, y, z } = panel.plot.layout.scene.camera.eye; // plotly stores the camera here after dragging
  const eye = { x: x * Math.cos(angle) - y * Math.sin(angle), y: x * Math.sin(angle) + y * Math.cos(angle), z };
  return Plotly.relayout(panel.plot, { "scene.camera.eye": eye });
}

async function moveInSpace(panel, states) { // moves the current points; a state is null if the run is hidden
  const along = (axis) => panel.paths.map((path, run) => states[run] === null ? null : path[axis][states[run]]);
  const point = panel.traces.find((trace) => trace.meta.role === "point");
  if (point === undefined) return;
  await Plotly.restyle(panel.plot, { x: [along("x")], y: [along("y")], z: [along("z")] }, [panel.traces.indexOf(point)]);
}
