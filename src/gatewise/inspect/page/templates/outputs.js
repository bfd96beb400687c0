// What the model said, and which of its outputs is chosen.

function drawAnswer() {
  const { label, value, unit } = output();
  const number = element("strong", {}, written(value));
  byId("answer").replaceChildren(named(label), ": ", number, unit ? " " : "", named(unit));
  byId("output").value = state.output;
}

// How many times of the chart one column of the heat maps covers.
function stepWidth() {
  return page.bin * page.chart.every;
}

function chosenInChart(position) {
  const behind = position < page.chart.observed;
  if (behind) change({ time: Math.floor((position - page.chart.first) / stepWidth()) });
  else change({ output: nearestOutput(position) });
}

function nearestOutput(position) {
  const distance = ({ at }) => (at === null ? Infinity : Math.abs(at - position));
  const nearest = Math.min(...page.outputs.map(distance));
  return nearest === Infinity ? state.output : page.outputs.findIndex((output) => distance(output) === nearest);
}

// The pictures are there already; what follows the choice is added to them.
function markForecast() {
  const charts = [...byId("said-chart").querySelectorAll(".chart")];
  const frames = page.chart.frames.map(frameOf);
  charts.forEach((chart, which) => {
    const now = drawn("line", { class: "now", y1: 0, y2: "100%" });
    chart.append(now);
    linkTo(chart, frames[which], chosenInChart);
    view(["time"], () => placeNow(now, frames[which]));
  });
  const dot = drawn("circle", { class: "dot forecast chosen", r: 5 });
  charts[0].append(dot);
  view(["output"], () => placeDot(dot, frames[0]));
}

// A column of several steps is marked in its middle.
function placeNow(line, frame) {
  const position = page.chart.first + (state.time + 0.5) * stepWidth() - 0.5;
  const x = `${frame.across(position)}%`;
  const inside = position >= frame.first && position <= frame.last;
  finished(line, { x1: x, x2: x, visibility: inside ? "visible" : "hidden" }, []);
}

function placeDot(dot, frame) {
  const { at, value } = output() ?? { at: null };
  const shown = at !== null && value >= frame.bottom && value <= frame.top;
  dot.setAttribute("visibility", shown ? "visible" : "hidden");
  if (shown) finished(dot, { cx: `${frame.across(at)}%`, cy: `${frame.up(value)}%` }, []);
}

if (page.outputs.length) view(["output"], drawAnswer);
if (page.chart) markForecast();
