// Two scales that the colour-blind can read: lightness alone tells the order.

// Cividis (Nunez, Anderton, Renslow 2018), as a polynomial in the share of the way.
const CIVIDIS = [
  [-4.54, -35.34, 2381.73, -6402.7, 7024.72, -2710.57],
  [32.49, 170.73, 52.82, -131.46, 176.58, -67.37],
  [81.24, 442.36, -2482.43, 6167.24, -6614.94, 2475.67],
];
// Blue, white, orange, in equal steps of lightness (L* of 30, 52, 75, 97): both arms are alike without colour.
const ARMS = [
  [0, 73, 122], [29, 130, 202], [146, 187, 238], [247, 247, 246], [241, 167, 111], [187, 104, 28], [111, 56, 2],
];

function cividis(share) {
  return CIVIDIS.map((weights) => Math.max(0, Math.min(255, weights.reduceRight((sum, w) => sum * share + w, 0))));
}

function diverging(share) {
  const place = Math.min(share * (ARMS.length - 1), ARMS.length - 1 - 1e-9);
  const low = Math.floor(place);
  return ARMS[low].map((from, channel) => from + (place - low) * (ARMS[low + 1][channel] - from));
}

// The ends and the colours of a wire's scale.
function scaleOf({ span, ends: [low, high] }) {
  return { low, high, colour: span === "unit" ? cividis : diverging };
}

// null where there is no number to colour.
function colourOf(scale, value) {
  if (!Number.isFinite(value)) return null;
  return scale.colour(Math.max(0, Math.min(1, (value - scale.low) / (scale.high - scale.low))));
}
