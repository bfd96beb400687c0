// Making elements. Text from outside enters as text only.

function element(tag, attributes = {}, ...children) {
  return finished(document.createElement(tag), attributes, children);
}

function drawn(tag, attributes = {}, ...children) {
  return finished(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function finished(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// A foreign name, kept from turning the text around it.
function named(text) {
  return element("bdi", {}, text);
}

function byId(id) {
  return document.getElementById(id);
}

function setText(id, text) {
  byId(id).textContent = text;
}

function tableRow(head, ...cells) {
  return element("tr", {}, element("th", { scope: "row" }, head), ...cells.map((cell) => element("td", {}, cell)));
}
