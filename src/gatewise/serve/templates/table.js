// From text to tables and sequences. What cells mean is left to the server, which reads files by the same rules.

// Rows of cells; quotes as in RFC 4180.
function cellsOf(text) {
  const mark = [",", ";", "\t"].map((one) => [text.split("\n", 1)[0].split(one).length, one]).sort((a, b) => b[0] - a[0])[0][1];
  const rows = [[]];
  let cell = "", quoted = false;
  const source = text.replace(/\r\n?/g, "\n").replace(/^\ufeff/, "").replace(/\n+$/, "") + "\n";
  for (let at = 0; at < source.length; at++) {
    const letter = source[at];
    if (quoted && letter === '"' && source[at + 1] === '"') { cell += '"'; at++; }
    else if (letter === '"' && (quoted || cell === "")) quoted = !quoted;
    else if (!quoted && (letter === mark || letter === "\n")) {
      rows.at(-1).push(cell);
      cell = "";
      if (letter === "\n") rows.push([]);
    } else cell += letter;
  }
  if (quoted) throw new Error("a quote is not closed");
  return rows.slice(0, -1);
}

// Columns by their names, cells as text.
function columnsOf(text) {
  const [heads, ...rows] = cellsOf(text);
  const bad = rows.findIndex((row) => row.length !== heads.length);
  if (bad >= 0) throw new Error(`row ${bad + 2} has ${rows[bad].length} cells, and the first row ${heads.length}`);
  if (new Set(heads).size < heads.length) throw new Error("two columns have one name");
  return Object.fromEntries(heads.map((head, at) => [head, rows.map((row) => (row[at] === "" ? null : row[at]))]));
}

// Sequences with an empty line between them, a step a line.
function sequencesOf(text) {
  const number = (word, line) => {
    const value = Number(word);
    if (word.trim() === "" || !Number.isFinite(value)) throw new Error(`"${word.trim()}" in "${line}" is no number`);
    return value;
  };
  const parts = text.replace(/\r\n?/g, "\n").split(/\n\s*\n/).map((part) => part.split("\n").filter((line) => line.trim()));
  return parts.filter((part) => part.length).map((part) => part.map((line) => line.split(/[,;\t]/).map((word) => number(word, line))));
}
