// The style of the plots: a colour for each role in the current theme, and a symbol for each run.
const root = document.documentElement;
const RUNS = 7; // colours
const DASHES = ["solid", "dash", "dot", "dashdot"];
const CIVIDIS = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"]
  .map((shade, k, all) => [k / (all.length - 1), shade]);
const SYMBOLS = [ // around (0, 0)
  "M7 0A7 7 0 1 1-7 0A7 7 0 1 1 7 0Z", "M-6-6H6V6H-6Z", "M0-9L9 0L0 9L-9 0Z", "M0-8L8 6H-8Z", "M0 8L8-6H-8Z",
  "M-3-8H3V-3H8V3H3V8H-3V3H-8V-3H-3Z", "M0-9L8-2L5 7H-5L-8-2Z", "M-8 0L-4-7H4L8 0L4 7H-4Z",
];
const coarse = matchMedia("(pointer: coarse)");

const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
const ofRun = (run) => `run${run % RUNS}`;
const symbolOf = (run) => SYMBOLS[run % SYMBOLS.length];

function paintTrace(trace, space, runs) {
  const { role, run } = trace.meta;
  const [card, ink, soft] = ["card", "ink", "soft"].map(colour);
  const bar = { thickness: 10, outlinewidth: 0, tickfont: { color: soft, size: 11 } };
  if (role === "path") {
    const dash = DASHES[Math.floor(run / RUNS) % DASHES.length];
    trace.line = { color: colour(ofRun(run)), width: space ? 6 : 2.5, dash };
    if (!space) trace.marker = { color: colour(ofRun(run)), size: 5, line: { color: card, width: 0.5 } };
  } else if (role === "point") {
    Object.assign(trace.marker, { color: runs.map((_, k) => colour(ofRun(k))), size: 7, opacity: 1, line: { color: ink, width: 2 } });
  } else if (role === "marks") Object.assign(trace.marker, { color: card, size: trace.marker.symbol.map((symbol) => symbol === "star" ? 24 : 10), line: { color: ink, width: 2 } });
  else if (role === "function") trace.line = { color: ink, width: 2 };
  else if (role === "line") trace.line = { color: trace.meta.below ? "#000" : "#fff", width: trace.meta.below ? 3 : 1.5, dash: trace.meta.below ? "solid" : ["dash", "dot", "dashdot"][trace.meta.number % 3] };
  else if (role === "bound") trace.line = { color: colour(ofRun(trace.meta.number)), width: 2, dash: "dash" };
  else if (role === "fit") trace.line = { color: colour("run0"), width: 3 };
  else if (role === "compared") trace.line = { color: ink, width: 1.75, dash: ["dash", "dot", "dashdot"][trace.meta.number % 3] };
  else if (role === "rows") trace.marker = { color: colour("run1"), size: 7, opacity: 0.85, line: { color: card, width: 0.75 } };
  else if (role === "sweep") {
    trace.line = { color: ink, width: 2 };
    trace.marker = { color: ink, size: 4 };
  } else if (role === "derivative") trace.line = { ...trace.line, color: soft, width: 2 };
  else if (role === "field") {
    trace.line = { color: ink, width: 1 };
    Object.assign(trace.marker, { color: ink, line: { width: 0 } });
  } else if (role === "contour") {
    Object.assign(trace, { colorscale: CIVIDIS, opacity: 0.8, line: { color: "rgba(255,255,255,0.4)", width: 1 } });
    Object.assign(trace.colorbar, bar);
  } else if (role === "surface") {
    Object.assign(trace, { colorscale: CIVIDIS, opacity: 0.9, lighting: { ambient: 0.75, diffuse: 0.5, specular: 0.05 } });
  } else if (role === "heat") {
    trace.colorscale = [[0, colour("minus")], [0.5, card], [1, colour("plus")]];
    trace.colorbar = bar;
    trace.textfont = { color: ink };
  }
}

function paint(panel, runs) { // gives a panel the colours of the theme
  const { layout, traces } = panel;
  const space = panel.kind === "surface";
  for (const trace of traces) paintTrace(trace, space, runs);
  for (const shape of layout.shapes ?? []) Object.assign(shape, { fillcolor: colour("works"), line: { width: 0 } });
  const axes = space ? [layout.scene.xaxis, layout.scene.yaxis, layout.scene.zaxis] : [layout.xaxis, layout.yaxis];
  for (const axis of axes) {
    Object.assign(axis, { gridcolor: colour("grid"), linecolor: colour("line"), zeroline: false, color: colour("soft") });
    if (space) axis.showbackground = false;
    else Object.assign(axis, { showline: panel.kind !== "heat", automargin: true, ticks: "", ticklabelstandoff: 3 });
  }
  Object.assign(layout, {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, uirevision: "keep", autosize: true,
    margin: space ? { l: 0, r: 0, t: 0, b: 0 } : { l: 10, r: 14, t: 10, b: 10 },
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("ink") },
    hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: colour("ink") } },
    dragmode: space ? "orbit" : coarse.matches ? false : "zoom", // a finger scrolls the page
  });
}
