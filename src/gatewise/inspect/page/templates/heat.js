// Gates and states over all steps and units, each on its own scale; the chosen cell is marked and its number written.

let maps = [];

function drawMaps() {
  const shown = place().wires.filter((wire) => wire.role !== "value");
  const focused = maps.findIndex(({ canvas }) => canvas === document.activeElement);
  maps = shown.map(heatMap);
  byId("maps").replaceChildren(...maps.map(({ figure }) => figure));
  maps[focused]?.canvas.focus({ preventScroll: true });
  const order = place().timescales ? "ordered by how long they remember, the longest on top" : "in their own order";
  setText("heat-words", `Steps from left to right; units ${order}. Point at a field to read its number, click to go there.`);
}

function heatMap(wire) {
  const scale = scaleOf(wire);
  const [width, height] = [TIMES, place().order.length];
  const canvas = element("canvas", { width, height, role: "img", tabindex: 0 });
  canvas.style.height = `${Math.max(72, Math.min(288, 3 * height))}px`;
  paint(canvas, scale, (row, time) => at(wire.numbers, time, place().order[row]));
  const map = { wire, canvas, readout: element("output"), column: marker(), row: marker() };
  const board = element("div", { class: "board" }, canvas, map.column, map.row);
  const caption = element("figcaption", {}, element("strong", {}, named(wire.title)), map.readout);
  follow(map);
  return { ...map, figure: element("figure", { class: "map" }, caption, board, ends(), scaleLegend(scale)) };
}

function marker() {
  return element("div", { class: "marker" });
}

function paint(canvas, scale, valueAt) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  for (let row = 0, pixel = 0; row < canvas.height; row++)
    for (let column = 0; column < canvas.width; column++, pixel += 4) {
      const colour = colourOf(scale, valueAt(row, column));
      if (colour) image.data.set([...colour, 255], pixel);
    }
  context.putImageData(image, 0, 0);
}

function ends() {
  const [first, last] = [stepName(0), stepName(TIMES - 1)];
  return element("div", { class: "ends" }, named(first), named(last));
}

function scaleLegend(scale) {
  const strip = element("canvas", { width: 128, height: 1, "aria-hidden": "true" });
  const share = (column) => scale.low + ((scale.high - scale.low) * column) / 127;
  paint(strip, scale, (_, column) => share(column));
  return element("div", { class: "scale" }, String(scale.low), strip, String(scale.high));
}

function under(event, canvas) {
  const box = canvas.getBoundingClientRect();
  const part = (offset, size, count) => clamped(Math.floor((offset / size) * count), count);
  return {
    time: part(event.clientX - box.left, box.width, canvas.width),
    row: part(event.clientY - box.top, box.height, canvas.height),
  };
}

function follow(map) {
  map.canvas.addEventListener("pointermove", (event) => readOut(map, under(event, map.canvas)));
  map.canvas.addEventListener("pointerleave", () => readOut(map, state));
  map.canvas.addEventListener("click", (event) => change(under(event, map.canvas)));
}

function readOut(map, { time, row }) {
  const unit = place().order[row];
  const number = element("b", {}, written(at(map.wire.numbers, time, unit)));
  map.readout.replaceChildren(`unit ${unit}, `, named(stepName(time)), ": ", number);
}

function markMap(map) {
  const [width, height] = [100 / map.canvas.width, 100 / map.canvas.height];
  Object.assign(map.column.style, { left: `${state.time * width}%`, width: `${width}%`, top: 0, height: "100%" });
  Object.assign(map.row.style, { top: `${state.row * height}%`, height: `${height}%`, left: 0, width: "100%" });
  readOut(map, state);
  const size = `${map.canvas.height} units by ${TIMES} steps`;
  map.canvas.setAttribute("aria-label", `${map.wire.title}, ${size}; ${map.readout.textContent}`);
}

view(["place"], drawMaps);
view(["place", "time", "row"], () => maps.forEach(markMap));
