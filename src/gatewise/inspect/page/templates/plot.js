// Bars over steps, in the frame of the house's charts. Scales and labels come with the data: none are computed here.

// Linear maps to percent of a frame: `across` of positions, `up` of values; `position` leads back.
function frameOf({ across: [first, last], up: [bottom, top] }) {
  return {
    first, last, bottom, top,
    across: (position) => (100 * (position - first)) / (last - first),
    position: (share) => Math.round(first + share * (last - first)),
    up: (value) => 100 - (100 * (value - bottom)) / (top - bottom),
  };
}

function framed(ticks, { label, height, marks }) {
  const chart = drawn("svg", { class: "chart", role: "img", "aria-label": label, height });
  for (const [y, text] of ticks) chart.append(...levelTick(`${y}%`, text));
  const square = { viewBox: "0 0 1000 1000", preserveAspectRatio: "none", width: "100%", height: "100%" };
  chart.append(drawn("svg", square, ...marks), upright("axis", 100));
  for (const tick of page.stepTicks) chart.append(stepTick(tick));
  const node = element("div", { class: "frame" }, chart);
  node.style.setProperty("--gutter", Math.max(0, ...ticks.map(([, text]) => text.length)));
  return { node, chart };
}

function levelTick(y, text) {
  return [
    drawn("line", { class: "grid", x1: 0, x2: "100%", y1: y, y2: y }),
    drawn("text", { class: "y", x: -8, y, dy: ".32em" }, text),
  ];
}

function stepTick([x, text, minor]) {
  return drawn("text", { class: minor ? "x minor" : "x", x: `${x}%`, y: "100%", dy: "1.45em" }, text);
}

function upright(style, y) {
  return drawn("line", { class: style, x1: 0, x2: "100%", y1: `${y}%`, y2: `${y}%` });
}

function barsPath(frame, values, style, wanted) {
  const [foot, width] = [10 * frame.up(0), 1000 / values.length];
  const bar = (value, at) => `M${(at + 0.1) * width} ${foot}V${10 * frame.up(value)}h${0.8 * width}V${foot}Z`;
  return drawn("path", { class: style, d: Array.from(values, (value, at) => (wanted(value) ? bar(value, at) : "")).join("") });
}

function linkTo(chart, frame, chosen) {
  chart.addEventListener("click", (event) => {
    const box = chart.getBoundingClientRect();
    const position = frame.position((event.clientX - box.left) / box.width);
    chosen(Math.max(Math.ceil(frame.first), Math.min(Math.floor(frame.last), position)));
  });
}
