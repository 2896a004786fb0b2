// The current state: the slider, the buttons, the keys, and the player.
const still = matchMedia("(prefers-reduced-motion: reduce)");
const grouped = (value) => value.toLocaleString("en-US");
let timer = null;

function show(wanted) { // goes to a state, in all panels together
  const next = Math.min(frames.length - 1, Math.max(0, wanted));
  if (next === position) return;
  position = next;
  by("slider").value = position;
  tell();
  markRow();
  moveAll();
}

function moveAll() {
  const count = frames[position];
  const states = data.runs.map(({ counts }, run) => hidden.has(run) ? null : stateAt(counts, count));
  for (const panel of panels) {
    panel.now = { count, position, states };
    follow(panel);
  }
}

function goTo(count) { // the state nearest to an iteration, or to a number of evaluations
  pause();
  let best = 0;
  frames.forEach((frame, k) => { if (Math.abs(frame - count) < Math.abs(frames[best] - count)) best = k; });
  show(best);
}

function tell() { // in words and numbers
  const count = frames[position];
  const words = [`${data.counted} ${grouped(count)}`];
  if (states !== null) words.push(`loss ${short(states[1].cells[position])}`);
  by("now").textContent = words.join(" · ");
  by("slider").setAttribute("aria-valuetext", words.join(", "));
  by("first").disabled = by("back").disabled = position === 0;
  by("last").disabled = by("forward").disabled = position === frames.length - 1;
  if (states !== null) {
    const cells = by("state").querySelectorAll("dd");
    states.forEach(({ cells: column }, k) => { cells[k].textContent = exact(column[position]); });
  }
  if (data.runs.length > 1) {
    const { paths } = panels.find(({ kind, title }) => kind === "curves" && title === "loss");
    by("runs").querySelectorAll(".loss").forEach((cell, run) => {
      cell.textContent = short(paths[run].y[stateAt(data.runs[run].counts, count)]);
    });
  }
}

function play() {
  if (position === frames.length - 1) show(0);
  const from = position, started = performance.now();
  const perSecond = still.matches ? Math.ceil(frames.length / 20) : frames.length / Math.min(12, Math.max(2, 0.15 * frames.length));
  const next = () => {
    if (timer === null) return;
    show(from + Math.floor(((performance.now() - started) / 1000) * perSecond));
    if (position === frames.length - 1) pause();
    else timer = setTimeout(next, still.matches ? 1000 : 30); // few jumps for people who prefer reduced motion
  };
  timer = setTimeout(next, 0);
  showPlaying();
}

function pause() {
  clearTimeout(timer);
  timer = null;
  showPlaying();
}

function showPlaying() {
  const playing = timer !== null;
  by("play").setAttribute("aria-label", playing ? "Pause" : "Play");
  by("controls").classList.toggle("playing", playing);
  by("now").setAttribute("aria-live", playing ? "off" : "polite"); // does not announce each state during playback
}

function step(count) {
  pause();
  show(position + count);
}

function bindControls() {
  by("controls").hidden = by("keys").hidden = by("skip").hidden = false;
  by("slider").max = frames.length - 1;
  by("slider").addEventListener("input", (event) => {
    pause();
    show(Number(event.target.value));
  });
  const toggle = () => timer === null ? play() : pause();
  const actions = {
    " ": toggle, ArrowLeft: () => step(-1), ArrowRight: () => step(1), Home: () => step(-Infinity), End: () => step(Infinity),
  };
  const buttons = { play: " ", first: "Home", back: "ArrowLeft", forward: "ArrowRight", last: "End" };
  for (const [id, key] of Object.entries(buttons)) by(id).addEventListener("click", actions[key]);
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !(key in actions)) return;
    if (target.closest("input, select, pre") || (key === " " && target.closest("button, summary"))) return; // they have their own keys
    event.preventDefault();
    actions[key]();
  });
}
