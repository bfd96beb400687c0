// What is shown, and what is redrawn when it changes.

const TIMES = page.steps.length;
const state = { time: TIMES - 1, row: 0, place: 0, output: page.chosen, input: 0 };
const views = [];

// `draw` is called when one of the fields it `needs` has changed.
function view(needs, draw) {
  views.push({ needs, draw });
}

function change(wanted) {
  const before = { ...state };
  Object.assign(state, wanted);
  state.time = clamped(state.time, TIMES);
  state.place = clamped(state.place, page.places.length);
  state.row = clamped(state.row, place().order.length);
  state.output = clamped(state.output, page.outputs.length);
  const changed = Object.keys(state).filter((field) => state[field] !== before[field]);
  for (const { needs, draw } of views) if (needs.some((field) => changed.includes(field))) draw();
}

function clamped(number, count) {
  return Math.max(0, Math.min(count - 1, number));
}

function place() {
  return page.places[state.place];
}

// Units are drawn in rows, the longest memory first.
function unit() {
  return place().order[state.row];
}

function output() {
  return page.outputs[state.output];
}

function stepName(time) {
  return page.steps[time];
}

function lasting(place, unit) {
  if (!place.timescales) return "";
  const steps = place.timescales.values[unit];
  return `${place.censored[unit] ? "more than " : ""}${briefly(steps)} steps`;
}
