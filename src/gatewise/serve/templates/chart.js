// A forecast beside the past that it continues, as in the reports.

const SHOWN = 60;

function ticksOf(low, high) {
  const rough = (high - low) / 4 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9));
  const ticks = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + 1e-9 * step; value += step) ticks.push(value);
  return ticks.map((value) => [value, value.toLocaleString("en", { maximumFractionDigits: Math.max(0, 2 - Math.floor(Math.log10(step))) })]);
}

// past: numbers. ahead: rows of the answer. levels: percents.
function fan(past, ahead, levels, title) {
  const before = past.slice(-Math.max(SHOWN, 3 * ahead.length));
  const bands = [...levels].sort((a, b) => b - a).map((level) => [`lo-${level}`, `hi-${level}`]);
  const all = [...before, ...ahead.flatMap((row) => [row.forecast, ...bands.flat().map((name) => row[name])])];
  const air = 0.06 * (Math.max(...all) - Math.min(...all) || 1);
  const [low, high] = [Math.min(...all) - air, Math.max(...all) + air];
  const count = before.length + ahead.length;
  const x = (at) => (1000 * (at + 0.5)) / count;
  const y = (value) => 1000 * (1 - (value - low) / (high - low));
  const walk = (points) => points.map(([at, value], place) => `${place ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const from = before.length - 1, joined = (name) => {
    const points = ahead.map((row, at) => [before.length + at, row[name]]);
    return before.length ? [[from, before[from]], ...points] : points;
  };
  const ticks = ticksOf(low, high);
  const plot = drawn("svg", { viewBox: "0 0 1000 1000", preserveAspectRatio: "none", width: "100%", height: "100%" },
    ...bands.map(([lo, hi]) => drawn("path", { class: "band", d: walk([...joined(lo), ...joined(hi).reverse()]) + "Z" })),
    drawn("path", { class: "truth", d: walk(before.map((value, at) => [at, value])) }),
    drawn("path", { class: "forecast", d: walk(joined("forecast")) }));
  const share = (value) => `${(100 - (100 * (value - low)) / (high - low)).toFixed(2)}%`;
  const label = (at, text, minor) => drawn("text", { class: minor ? "x minor" : "x", x: `${(x(at) / 10).toFixed(2)}%`, y: "100%", dy: "1.45em" }, text);
  const shown = ahead.length > 2 ? [0, ahead.length - 1] : [ahead.length - 1];
  const chart = drawn("svg", { class: "chart", role: "img", height: "260" }, drawn("title", {}, title),
    ...ticks.flatMap(([value, text]) => [drawn("line", { class: "grid", x1: "0", x2: "100%", y1: share(value), y2: share(value) }),
      drawn("text", { class: "y", x: "-8", y: share(value), dy: ".32em" }, text)]),
    plot, drawn("line", { class: "axis", x1: "0", x2: "100%", y1: "100%", y2: "100%" }),
    ...shown.map((at) => label(before.length + at, dayOf(ahead[at].ds), at === 0)));
  const gutter = Math.max(...ticks.map(([, text]) => text.length));
  return element("div", { class: "frame", style: `--gutter:${gutter}` }, chart);
}

// Midnights are days.
function dayOf(time) {
  return String(time).replace(/[T ]00:00:00(\.0+)?$/, "");
}

function legend(levels) {
  const key = (style, text, mark) => element("li", { class: style },
    drawn("svg", { class: "key", viewBox: "0 -8 28 16", "aria-hidden": "true" }, mark), text);
  return element("ul", { class: "legend" },
    key("truth", "observed", drawn("path", { class: "line", d: "M0 0H28" })),
    key("forecast", "forecast", drawn("path", { class: "line", d: "M0 0H28" })),
    ...(levels.length ? [key("band", `${levels.join(" % and ")} % intervals`, drawn("rect", { class: "area", y: "-6", width: "28", height: "12" }))] : []));
}
