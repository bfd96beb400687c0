// Keys, and the first drawing.

const step = (field, by) => () => change({ [field]: state[field] + by });

const EVERYWHERE = {
  ArrowLeft: step("time", -1),
  ArrowRight: step("time", 1),
  "[": step("place", -1),
  "]": step("place", 1),
  ",": step("output", -1),
  ".": step("output", 1),
};

// These also scroll a page, so they act only where the focus is on what they steer.
const ON_STAGE = {
  ArrowUp: step("row", -1),
  ArrowDown: step("row", 1),
  PageUp: step("time", -10),
  PageDown: step("time", 10),
  Home: () => change({ time: 0 }),
  End: () => change({ time: TIMES - 1 }),
  " ": togglePlay,
  Escape: () => document.activeElement.blur(),
};

function actionOf({ key, target }) {
  if (target.matches("select")) return undefined;
  if (key === " " && target.matches("button")) return undefined;
  if (key in EVERYWHERE) return EVERYWHERE[key];
  return target.closest("#player, #cell, #maps") ? ON_STAGE[key] : undefined;
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const action = actionOf(event);
  if (!action) return;
  event.preventDefault();
  action();
});

views.forEach(({ draw }) => draw());
byId("time").focus({ preventScroll: true });
