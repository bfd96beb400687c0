// The list of units with how long each remembers.

function drawUnits() {
  byId("times").hidden = !place().timescales;
  if (!place().timescales) return;
  const longest = Math.max(...place().timescales.values.filter(Number.isFinite), Number.MIN_VALUE);
  byId("units").replaceChildren(...place().order.map((unit, row) => unitItem(unit, row, longest)));
  const censored = place().censored.filter(Boolean).length;
  const words = `Time constants of ${place().label}: after so many steps a unit still holds 37 % of what it held.`;
  const beyond = censored ? ` ${censored} of them remember longer than this run shows.` : "";
  setText("times-words", `${words}${beyond} ${place().reach}`);
}

function unitItem(unit, row, longest) {
  const bar = element("span", { class: "bar" });
  bar.style.width = `${(100 * place().timescales.values[unit]) / longest}%`;
  const track = element("span", { class: "track" }, bar);
  const time = `${place().censored[unit] ? "> " : ""}${briefly(place().timescales.values[unit])}`;
  const button = element("button", { type: "button" }, `unit ${unit}`, track, element("b", {}, time));
  button.addEventListener("click", () => change({ row }));
  return element("li", {}, button);
}

function markUnit() {
  [...byId("units").children].forEach((item, row) => {
    item.firstChild.setAttribute("aria-current", row === state.row);
  });
}

view(["place"], drawUnits);
view(["place", "row"], markUnit);
