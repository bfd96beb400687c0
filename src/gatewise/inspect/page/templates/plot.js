// A chart over steps in the house's frame: lines live in a stretched square of 1000 x 1000, the rest is placed by percent.

function roundedUp(number) {
  const power = 10 ** Math.floor(Math.log10(number));
  return power * [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= number * (1 - 1e-6));
}

function roundNumbers(low, high, most = 4) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9));
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, at) => tidy((first + at) * step));
}

function tidy(number) {
  return Number(number.toPrecision(6));
}

// Linear maps to percent of the frame: `across` of `count` positions, `up` of values; `position` leads back.
function frameFor(count, values, from = 0) {
  const finite = values.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const air = 0.06 * (high - low) || Math.abs(high) || 1;
  const [bottom, top] = [low - air, high + air];
  const last = Math.max(count - 1, 1);
  return {
    from, count, bottom, top,
    across: (position) => (100 * (position - from)) / last,
    position: (share) => from + Math.round(share * last),
    up: (value) => 100 - (100 * (value - bottom)) / (top - bottom),
  };
}

// The same for bars, which have a width and stand on zero.
function barFrame(values) {
  const count = values.length;
  const across = (position) => (100 * (position + 0.5)) / count;
  return { ...frameFor(count, [0, ...values]), across, position: (share) => Math.floor(share * count) };
}

function framed(frame, { label, height, times, marks, bare = false }) {
  const ticks = roundNumbers(frame.bottom, frame.top);
  const chart = drawn("svg", { class: "chart", role: "img", "aria-label": label, height });
  if (!bare) for (const tick of ticks) chart.append(...levelTick(frame, tick));
  const square = { viewBox: "0 0 1000 1000", preserveAspectRatio: "none", width: "100%", height: "100%" };
  chart.append(drawn("svg", square, ...marks), upright("axis", 100));
  for (const tick of timeTicks(frame, times)) chart.append(tick);
  const node = element("div", { class: bare ? "frame bare" : "frame" }, chart);
  node.style.setProperty("--gutter", Math.max(...ticks.map((tick) => String(tick).length)));
  return { node, chart };
}

function levelTick(frame, tick) {
  const y = `${frame.up(tick)}%`;
  return [
    drawn("line", { class: "grid", x1: 0, x2: "100%", y1: y, y2: y }),
    drawn("text", { class: "y", x: -8, y, dy: ".32em" }, String(tick)),
  ];
}

function upright(style, y) {
  return drawn("line", { class: style, x1: 0, x2: "100%", y1: `${y}%`, y2: `${y}%` });
}

// A few labels, none at the very edge; every second one is left out on narrow screens.
function timeTicks(frame, times) {
  const longest = Math.max(...times.map((time) => time.length));
  const wanted = Math.min(longest > 12 ? 3 : 6, frame.count);
  const positions = Array.from({ length: wanted }, (_, at) => frame.from + Math.floor(((at + 0.5) * frame.count) / wanted));
  return positions.map((position, at) =>
    drawn("text", { class: at % 2 ? "x minor" : "x", x: `${frame.across(position)}%`, y: "100%", dy: "1.45em" }, shortened(times[position])),
  );
}

function shortened(text, most = 16) {
  return text.length > most ? `${text.slice(0, most - 1)}\u2026` : text;
}

function linePath(frame, values, style, first = 0) {
  const points = Array.from(values, (value, at) => `${10 * frame.across(first + at)} ${10 * frame.up(value)}`);
  return drawn("path", { class: style, d: `M${points.join("L")}` });
}

function areaPath(frame, low, high, style, first) {
  const edge = (values) => Array.from(values, (value, at) => `${10 * frame.across(first + at)} ${10 * frame.up(value)}`);
  return drawn("path", { class: style, d: `M${edge(high).join("L")}L${edge(low).reverse().join("L")}Z` });
}

function barsPath(frame, values, style, wanted) {
  const [foot, width] = [10 * frame.up(0), 1000 / frame.count];
  const bar = (value, at) => `M${(at + 0.1) * width} ${foot}V${10 * frame.up(value)}h${0.8 * width}V${foot}Z`;
  return drawn("path", { class: style, d: Array.from(values, (value, at) => (wanted(value) ? bar(value, at) : "")).join("") });
}

function linkTo(chart, frame, chosen) {
  chart.addEventListener("click", (event) => {
    const box = chart.getBoundingClientRect();
    const position = frame.position((event.clientX - box.left) / box.width);
    chosen(Math.max(frame.from, Math.min(frame.from + frame.count - 1, position)));
  });
}

function legendEntry(style, text) {
  const key = drawn("svg", { class: "key", viewBox: "0 -8 28 16", "aria-hidden": "true" });
  const area = { class: "area", y: -6, width: 28, height: 12 };
  key.append(style === "band" ? drawn("rect", area) : drawn("path", { class: "line", d: "M0 0H28" }));
  return element("li", { class: style }, key, named(text));
}
