// What the model said, and which of its outputs is chosen.

function drawAnswer() {
  const { label, value, unit } = output();
  const number = element("strong", {}, written(value));
  byId("answer").replaceChildren(named(label), ": ", number, unit ? " " : "", named(unit));
  byId("output").value = state.output;
}

// The stretch of the past beside which a forecast is large enough to click.
function shownFrom({ observed, median }) {
  return Math.max(0, observed.shape[0] - Math.max(4 * median.shape[0], 48));
}

function forecastChart({ name, times, observed, median, intervals }, from) {
  const seen = observed.shape[0];
  const past = observed.values.subarray(from);
  const bounds = intervals.flatMap(({ low, high }) => [...low.values, ...high.values]);
  const frame = frameFor(times.length - from, [...past, ...median.values, ...bounds], from);
  const last = Math.max(seen - 1, 0);
  const joined = ({ values }) => [...observed.values.subarray(last), ...values];
  const bands = intervals.map(({ low, high }) => areaPath(frame, joined(low), joined(high), "band", last));
  const lines = [linePath(frame, past, "truth", from), linePath(frame, joined(median), "forecast", last)];
  const label = `${name}: the last ${seen - from} of ${seen} observed, and ${median.shape[0]} forecast`;
  return { frame, ...framed(frame, { label, height: 260, times, marks: [...bands, ...lines] }) };
}

// The whole past in a low strip; its shaded end is what the chart above enlarges.
function pastChart({ name, times, observed }, from) {
  const frame = frameFor(observed.shape[0], [...observed.values]);
  const start = 10 * frame.across(from);
  const window = drawn("path", { class: "window", d: `M${start} 0H1000V1000H${start}Z` });
  const marks = [window, linePath(frame, observed.values, "truth")];
  return { frame, ...framed(frame, { label: `${name}: all that was observed`, height: 64, times, marks, bare: true }) };
}

function legendFor({ name, intervals }) {
  const levels = intervals.map(({ level }) => level).reverse().join(", ");
  const band = levels ? [legendEntry("band", `${levels} ${intervals.length > 1 ? "intervals" : "interval"}`)] : [];
  return [legendEntry("truth", name), legendEntry("forecast", "forecast, median"), ...band];
}

// How many times of the chart one column of the heat maps covers.
function stepWidth() {
  return page.bin * page.chart.every;
}

function chosenInChart(position) {
  const behind = position < page.chart.observed.shape[0];
  if (behind) change({ time: Math.floor((position - page.chart.first) / stepWidth()) });
  else change({ output: nearestOutput(position) });
}

function nearestOutput(position) {
  const distance = ({ at }) => (at === null ? Infinity : Math.abs(at - position));
  const nearest = Math.min(...page.outputs.map(distance));
  return nearest === Infinity ? state.output : page.outputs.findIndex((output) => distance(output) === nearest);
}

function drawForecast() {
  const from = shownFrom(page.chart);
  const ahead = forecastChart(page.chart, from);
  const charts = from ? [ahead, pastChart(page.chart, from)] : [ahead];
  const dot = drawn("circle", { class: "dot forecast chosen", r: 5 });
  for (const { node, chart, frame } of charts) {
    const now = drawn("line", { class: "now", y1: 0, y2: "100%" });
    chart.append(now);
    node.style.setProperty("--gutter", ahead.node.style.getPropertyValue("--gutter"));
    byId("said-chart").append(node);
    linkTo(chart, frame, chosenInChart);
    view(["time"], () => placeNow(now, frame));
  }
  ahead.chart.append(dot);
  byId("said-legend").append(...legendFor(page.chart));
  view(["output"], () => placeDot(dot, ahead.frame));
}

// A column of several steps is marked in its middle.
function placeNow(line, frame) {
  const position = page.chart.first + (state.time + 0.5) * stepWidth() - 0.5;
  const x = `${frame.across(position)}%`;
  const inside = position >= frame.from && position < frame.from + frame.count;
  finished(line, { x1: x, x2: x, visibility: inside ? "visible" : "hidden" }, []);
}

function placeDot(dot, frame) {
  const { at, value } = output() ?? { at: null };
  const shown = at !== null && value >= frame.bottom && value <= frame.top;
  dot.setAttribute("visibility", shown ? "visible" : "hidden");
  if (shown) finished(dot, { cx: `${frame.across(at)}%`, cy: `${frame.up(value)}%` }, []);
}

if (page.outputs.length) view(["output"], drawAnswer);
if (page.chart) drawForecast();
