// What the page was made of, decoded once; how a number is written.

const page = unpackedTree(JSON.parse(document.getElementById("data").textContent));

function unpackedTree(tree) {
  if (Array.isArray(tree)) return tree.map(unpackedTree);
  if (tree === null || typeof tree !== "object") return tree;
  if ("data" in tree && "shape" in tree) return unpacked(tree);
  return Object.fromEntries(Object.entries(tree).map(([name, part]) => [name, unpackedTree(part)]));
}

function unpacked({ shape, data }) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return { shape, values: Float32Array.from({ length: bytes.length / 4 }, (_, at) => view.getFloat32(4 * at, true)) };
}

// The number in a row and a column of an unpacked matrix.
function at({ shape, values }, row, column) {
  return values[row * shape[1] + column];
}

function columnOf({ shape, values }, column) {
  return Array.from({ length: shape[0] }, (_, row) => values[row * shape[1] + column]);
}

// Four digits or so; what is too small or too large for that in powers of ten.
function written(number) {
  if (number === null || number === undefined || Number.isNaN(number)) return "n/a";
  const size = Math.abs(number);
  if (size === 0) return "0";
  if (size === Infinity) return number < 0 ? "-inf" : "inf";
  if (size < 0.001 || size >= 1e7) return number.toExponential(2);
  return number.toFixed(size < 10 ? 3 : size < 100 ? 2 : size < 1000 ? 1 : 0);
}

function briefly(number) {
  return Number.isInteger(number) ? String(number) : written(number);
}

function signed(number) {
  return number > 0 ? `+${written(number)}` : written(number);
}
