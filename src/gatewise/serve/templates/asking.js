// One row for each form: what to write, the body that is sent, and what becomes of the answer.

const FORMS = {
  table: {
    ask: "A table as CSV: a column of times, one of values, and one of names where there are several series",
    body: (text, card) => ({ model: card.dataset.model, columns: columnsOf(text) }),
    show: forecasts,
  },
  watch: {
    ask: "Rows that come after those known, as CSV: a column of times, one of values, and one of names where there are several series",
    body: (text, card) => ({ model: card.dataset.model, columns: columnsOf(text) }),
    show: alerts,
  },
  sequences: {
    ask: "Sequences: a step a line, features with commas between them, an empty line between two sequences",
    body: (text, card) => ({ model: card.dataset.model, sequences: sequencesOf(text) }),
    show: labels,
  },
  text: {
    ask: "The beginning of a text",
    body: (text, card) => ({ model: card.dataset.model, prompt: text }),
    show: (answer) => [element("pre", {}, answer.prompt + (Array.isArray(answer.text) ? answer.text.join(" ") : answer.text))],
  },
  tensors: {
    ask: "Sequences: a step a line, features with commas between them, an empty line between two sequences of one length",
    body: (text, card) => {
      const data = sequencesOf(text);
      const x = { name: "x", datatype: card.dataset.form.split(" ")[1], shape: [data.length, data[0]?.length ?? 0, data[0]?.[0].length ?? 0], data };
      return { inputs: [x] };
    },
    show: outputs,
  },
  json: {
    ask: "JSON",
    body: (text) => JSON.parse(text),
    show: (answer) => [element("pre", {}, JSON.stringify(answer, null, 1))],
  },
};

function forecasts(answer, body) {
  const ids = [...new Set(answer.forecast.map((row) => String(row.unique_id)))];
  const place = element("div");
  const show = (id) => {
    const rows = answer.forecast.filter((row) => String(row.unique_id) === id);
    const bounds = answer.levels.flatMap((level) => [`lo-${level}`, `hi-${level}`]);
    const cells = rows.map((row) => [dayOf(row.ds), figures(row.forecast), ...bounds.map((name) => figures(row[name]))]);
    place.replaceChildren(
      element("figure", {}, legend(answer.levels), fan(pastOf(body.columns, id, ids.length), rows, answer.levels, `Forecast of ${id} by ${answer.model}`)),
      tableOf(["time", "forecast", ...answer.levels.flatMap((level) => [`${level} % from`, "to"])], cells));
  };
  const select = element("select", {}, ...ids.map((id) => element("option", {}, id)));
  select.addEventListener("change", () => show(select.value));
  show(ids[0]);
  const head = element("p", {}, `${answer.model}, ${answer.horizon} steps of ${answer.frequency}. ${sentences(answer.notes)}`);
  return [head, ...(ids.length > 1 ? [element("label", {}, "Series ", select)] : []), place];
}

function sentences(notes) {
  return notes.map((note) => note[0].toUpperCase() + note.slice(1).replace(/\.?$/, ".")).join(" ");
}

function alerts(answer) {
  const head = element("p", {}, `${answer.verdict} ${sentences(answer.notes)}`);
  const told = answer.alerts.map((one) => [dayOf(one.begin), one.unique_id, one.kind, figures(one.value), figures(one["lo-95"]), figures(one["hi-95"])]);
  const rows = answer.scores.map((row) => [dayOf(row.ds), row.unique_id, figures(row.y), figures(row.expected), row.score.toFixed(4), row.kind]);
  return [head, ...(told.length ? [tableOf(["alert begins", "series", "kind", "observed", "expected from", "to"], told)] : []),
    tableOf(["time", "series", "observed", "expected", "score", "kind"], rows)];
}

// The past of a series: a column of its name, or the column of numbers in the rows that hold its name.
function pastOf(columns, id, count) {
  const numeric = (cells) => cells.every((cell) => cell === null || Number.isFinite(Number(cell)));
  const names = Object.keys(columns);
  if (names.includes(id) && numeric(columns[id])) return columns[id].filter((cell) => cell !== null).map(Number);
  const values = names.filter((name) => numeric(columns[name]));
  const target = values.includes("y") ? "y" : values.at(-1);
  if (target === undefined) return [];
  const mine = (row) => count === 1 || names.some((name) => columns[name][row] === id);
  return columns[target].filter((cell, row) => cell !== null && mine(row)).map(Number);
}

function labels(answer) {
  if (answer.predictions) return [tableOf(["sequence", "prediction"], answer.predictions.map((value, at) => [String(at + 1), [value].flat().map(figures).join(", ")]))];
  const rows = answer.labels.map((label, at) => [String(at + 1), String(label), ...answer.probabilities[at].map((share) => `${(100 * share).toFixed(1)} %`)]);
  return [tableOf(["sequence", "label", ...answer.classes.map(String)], rows)];
}

function outputs(answer) {
  const [y] = answer.outputs, [count, steps, width] = y.shape;
  const rows = [];
  for (let at = 0; at < count * steps; at++) {
    rows.push([`${Math.floor(at / steps) + 1}`, `${(at % steps) + 1}`, ...y.data.slice(at * width, (at + 1) * width).map(figures)]);
  }
  return [tableOf(["sequence", "step", ...Array.from({ length: width }, (_, at) => `output ${at + 1}`)], rows)];
}

async function asked(card, form) {
  const body = form.body(card.querySelector("textarea").value, card);
  const response = await fetch(card.dataset.path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error), { hint: answer.hint });
  return form.show(answer, body);
}

function wrong(error) {
  const hint = error.hint ? [element("p", { class: "hint" }, element("bdi", {}, error.hint))] : [];
  return [element("p", { class: "wrong" }, element("bdi", {}, error.message)), ...hint];
}

for (const card of document.querySelectorAll(".card")) {
  const form = FORMS[card.dataset.form.split(" ")[0]];
  const [button, answer, file] = ["button", ".answer", "input[type=file]"].map((place) => card.querySelector(place));
  card.querySelector(".ask").textContent = form.ask;
  card.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const shown = await asked(card, form).catch(wrong);
    answer.replaceChildren(...shown);
    button.disabled = false;
  });
  file?.addEventListener("change", async () => {
    if (file.files.length) card.querySelector("textarea").value = await file.files[0].text();
  });
}
