// The bar with the steps, the layer, the unit and the output; and playing.

const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
let playing = 0;

function drawMoment() {
  byId("time").value = state.time;
  byId("time").setAttribute("aria-valuetext", stepName(state.time));
  byId("when").replaceChildren(named(stepName(state.time)), ` (${state.time + 1} of ${TIMES})`);
}

function listUnits() {
  const option = (unit, row) => element("option", { value: row }, [`unit ${unit}`, lasting(place(), unit)].filter(Boolean).join(": "));
  byId("unit").replaceChildren(...place().order.map(option));
  byId("place").value = state.place;
}

// The same as the tables and maps, for those who cannot see them.
function speak() {
  const told = place().wires.filter((wire) => wire.role !== "value");
  const numbers = told.map((wire) => `${wire.title} ${written(numberOn(wire))}`).join(", ");
  byId("live").replaceChildren(named(stepName(state.time)), `, ${place().label}, unit ${unit()}: ${numbers}`);
}

function play(wanted) {
  clearInterval(playing);
  playing = wanted ? setInterval(playOn, calm ? 600 : 160) : 0;
  setText("play", wanted ? "Stop" : "Play");
  byId("play").setAttribute("aria-pressed", wanted);
  byId("live").setAttribute("aria-live", wanted ? "off" : "polite");
}

function playOn() {
  if (state.time === TIMES - 1) play(false);
  else change({ time: state.time + 1 });
}

function togglePlay() {
  if (!playing && state.time === TIMES - 1) change({ time: 0 });
  play(!playing);
}

function listen(id, event, handle) {
  byId(id)?.addEventListener(event, handle);
}

listen("time", "input", (event) => change({ time: Number(event.target.value) }));
listen("place", "change", (event) => change({ place: Number(event.target.value) }));
listen("unit", "change", (event) => change({ row: Number(event.target.value) }));
listen("output", "change", (event) => change({ output: Number(event.target.value) }));
listen("back", "click", () => change({ time: state.time - 1 }));
listen("on", "click", () => change({ time: state.time + 1 }));
listen("play", "click", togglePlay);

view(["time"], drawMoment);
view(["place"], listUnits);
view(["place", "row"], () => (byId("unit").value = state.row));
view(["place", "time", "row"], speak);
