// Making elements. Text from outside enters as text only.

function finished(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function element(tag, attributes = {}, ...children) {
  return finished(document.createElement(tag), attributes, children);
}

function drawn(tag, attributes = {}, ...children) {
  return finished(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

// A number in four digits or more, as it stands in a table.
function figures(value) {
  if (typeof value !== "number") return value === null ? "n/a" : String(value);
  const size = Math.abs(value);
  const digits = size >= 1000 || value === 0 ? 0 : Math.max(0, 3 - Math.floor(Math.log10(size)));
  return digits > 8 ? value.toExponential(3) : value.toLocaleString("en", { minimumFractionDigits: Math.min(digits, 8), maximumFractionDigits: Math.min(digits, 8) });
}

function tableOf(heads, rows) {
  const cells = (row) => row.map((cell, at) => element(at ? "td" : "th", at ? {} : { scope: "row" }, element("bdi", {}, cell)));
  return element("div", { class: "scroll", tabindex: "0" }, element("table", {},
    element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, element("bdi", {}, head))))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...cells(row))))));
}
