// The cell's diagram with the numbers of one step and one unit on its wires, and the same numbers as tables.

const diagrams = [...document.querySelectorAll(".diagram")];
const THICKEST = 3; // pixels that a wire gains when its number is as large as its scale goes

// As wide as its place, but never so small that its numbers cannot be read, nor out of proportion to the text.
function sizeDiagram(diagram) {
  const drawing = diagram.querySelector("svg");
  const natural = drawing.viewBox.baseVal.width;
  drawing.style.width = `clamp(${0.8 * natural}px, 100%, ${1.5 * natural}px)`;
}

function numberOn(wire) {
  return at(wire.numbers, state.time, unit());
}

function drawDiagram() {
  diagrams.forEach((diagram, which) => (diagram.hidden = which !== place().diagram));
}

function fillDiagram() {
  const wires = new Map(place().wires.map((wire) => [wire.name, wire]));
  for (const part of diagrams[place().diagram].querySelectorAll("[data-value]")) {
    const wire = wires.get(part.dataset.value);
    if (part.matches(".number")) part.textContent = wire ? written(numberOn(wire)) : "";
    else if (wire) weighWire(part, wire);
  }
}

// A large number makes a thick line, a negative one a dashed line.
function weighWire(part, wire) {
  const share = Math.min(1, Math.abs(numberOn(wire)) / scaleOf(wire).high);
  part.style.setProperty("--weight", Number.isFinite(share) ? `${THICKEST * share}px` : "0px");
  part.classList.toggle("negative", numberOn(wire) < 0);
}

function fillTables() {
  byId("values").tBodies[0].replaceChildren(...place().wires.map(wireRow));
  const { names, numbers } = page.inputs;
  const rows = names.map((name, column) => tableRow(named(name), written(at(numbers, state.time, column))));
  byId("inputs").tBodies[0].replaceChildren(...rows);
}

function wireRow(wire) {
  const head = element("span", {}, named(wire.title));
  if (wire.title !== wire.name) head.append(" ", element("code", {}, wire.name));
  const row = tableRow(head, written(numberOn(wire)));
  row.dataset.wire = wire.name;
  return row;
}

function drawWords() {
  const kept = lasting(place(), unit());
  byId("cell-words").replaceChildren(
    `Unit ${unit()} of ${place().label} (`,
    named(place().cell),
    `) at step ${state.time + 1} of ${TIMES}, `,
    named(stepName(state.time)),
    kept ? `. It keeps what it holds for ${kept}.` : ".",
  );
}

diagrams.forEach(sizeDiagram);
view(["place"], drawDiagram);
view(["place", "time", "row"], fillDiagram);
view(["place", "time", "row"], fillTables);
view(["place", "time", "row"], drawWords);
