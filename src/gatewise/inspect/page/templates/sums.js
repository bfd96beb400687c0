// What the chosen output is made of: bars over steps, a ledger of everything, and the certificates.

function drawSums() {
  const { label, refusal = "", certificates, memory, credit } = output();
  setText("sums-output", label);
  setText("refusal", refusal);
  byId("refusal").hidden = !refusal;
  drawSplit("memory", memory, memory && allSteps(memory), memory && memoryLedger(memory));
  drawSplit("credit", credit, credit && creditSteps(credit), credit && creditLedger(credit));
  const sentence = element("td", { colspan: 6 }, refusal);
  const rows = certificates.map(([what, ...cells]) => tableRow(named(what), ...cells));
  byId("certificates").tBodies[0].replaceChildren(...(refusal ? [element("tr", {}, sentence)] : rows));
}

function drawSplit(id, split, values, ledger) {
  byId(id).hidden = !split;
  byId(id).querySelector(".explained").replaceChildren(...(split ? [stepBars(id, split, values), ledger] : []));
}

function allSteps({ numbers }) {
  return Array.from({ length: TIMES }, (_, step) => sumOf(rowOf(numbers, step)));
}

function creditSteps({ numbers }) {
  return state.input ? columnOf(numbers, state.input - 1) : allSteps({ numbers });
}

function rowOf({ shape, values }, row) {
  return values.subarray(row * shape[1], (row + 1) * shape[1]);
}

function sumOf(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0);
}

function stepBars(id, split, values) {
  const axis = state.input && id === "credit" ? split.apart : split.together;
  const frame = frameOf({ across: page.stepEnds, up: axis.ends });
  const here = drawn("rect", { class: "here", x: 0, y: 0, width: 1000 / TIMES, height: 1000 });
  const rises = barsPath(frame, values, "bar", (value) => value > 0);
  const falls = barsPath(frame, values, "bar negative", (value) => value < 0);
  const label = `${id === "memory" ? "written by each step" : "given at each step"}, ${TIMES} steps`;
  const { node, chart } = framed(axis.ticks, { label, height: 150, marks: [here, rises, falls] });
  chart.append(upright("axis", frame.up(0)));
  linkTo(chart, frame, (time) => change({ time }));
  const caption = element("figcaption", { class: "readout" });
  bars[id] = { here, caption, values, of: id === "credit" ? creditName() : "" };
  markBars(bars[id]);
  return element("figure", {}, caption, node);
}

const bars = {};

function creditName() {
  return state.input ? page.inputs.names[state.input - 1] : "all inputs";
}

function markBars({ here, caption, values, of }) {
  here.setAttribute("x", (1000 * state.time) / TIMES);
  const number = element("b", {}, signed(values[state.time]));
  caption.replaceChildren(named(of), of ? ", " : "", named(stepName(state.time)), ": ", number);
}

function memoryLedger({ totals, lines, value }) {
  return ledger([["written by all steps", sumOf(totals)], ...lines], value);
}

function creditLedger({ totals, lines, value }) {
  return ledger([...totals.map((total, column) => [inputButton(column), total]), ...lines], value);
}

// Shows one input's bars; pressed again, those of all.
function inputButton(column) {
  const pressed = state.input === column + 1;
  const button = element("button", { type: "button", "aria-pressed": pressed }, named(page.inputs.names[column]));
  button.addEventListener("click", () => {
    change({ input: pressed ? 0 : column + 1 });
    byId("credit").querySelectorAll("button")[column].focus({ preventScroll: true });
  });
  return button;
}

function ledger(lines, value) {
  const widest = Math.max(...lines.map(([, number]) => Math.abs(number)), Number.MIN_VALUE);
  const rows = lines.map(([name, number]) => ledgerRow(name, number, Math.abs(number) / widest));
  const sum = element("tfoot", {}, tableRow("sum", "", signed(sumOf(lines.map(([, number]) => number)))));
  sum.append(tableRow("must equal", "", signed(value)));
  return element("table", { class: "ledger" }, element("tbody", {}, ...rows), sum);
}

function ledgerRow(name, number, share) {
  const bar = element("span");
  bar.style.width = `${100 * share}%`;
  bar.hidden = number === 0;
  const row = tableRow(typeof name === "string" ? named(name) : name, bar, signed(number));
  row.cells[1].className = number < 0 ? "track negative" : "track";
  return row;
}

if (page.outputs.length) {
  view(["output", "input"], drawSums);
  view(["time"], () => Object.values(bars).forEach(markBars));
}
