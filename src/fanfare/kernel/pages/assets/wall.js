// Keeps a wall up to date: asks for the same page again and takes over what is new, what was changed, and what is gone.
// `data-single` lets new tiles in one at a time. The button stops and goes on, as everything that moves by itself needs.
const { rate, single } = document.body.dataset;
const LEAST = 5; // seconds
const list = document.querySelector(".tiles");
const empty = document.querySelector(".wall__empty");
const button = document.querySelector(".wall__pause");
const wait = Math.max(Number(rate), LEAST) * 1000;
let delay = wait;
let timer;

function take(fresh) {
  const tiles = [...fresh.querySelectorAll(".tile")];
  const ids = new Set(tiles.map((tile) => tile.id));
  const added = tiles.filter((tile) => !document.getElementById(tile.id));
  // The oldest of the new ones first, so that each comes to the top.
  const chosen = single === undefined ? added : added.slice(-1);
  for (const tile of [...list.children]) if (!ids.has(tile.id)) tile.remove();
  for (const tile of tiles) {
    const old = document.getElementById(tile.id);
    if (old && old.outerHTML !== tile.outerHTML && !old.contains(document.activeElement)) old.replaceWith(tile);
  }
  for (const tile of chosen.reverse()) {
    const next = tiles.slice(tiles.indexOf(tile) + 1).find((each) => document.getElementById(each.id));
    tile.classList.add("tile--new");
    list.insertBefore(tile, next ? document.getElementById(next.id) : null);
  }
  empty.hidden = list.children.length > 0;
}

async function look() {
  try {
    if (!document.hidden) {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
      delay = answer.ok ? wait : Math.min(delay * 2, 600_000);
    }
  } catch {
    delay = Math.min(delay * 2, 600_000);
  }
  if (button.ariaPressed !== "true") timer = setTimeout(look, delay);
}

list.addEventListener("animationend", ({ target }) => target.classList.remove("tile--new"));
button.hidden = false;
button.addEventListener("click", () => {
  clearTimeout(timer);
  const isPaused = button.ariaPressed !== "true";
  button.ariaPressed = String(isPaused);
  if (!isPaused) look();
});
timer = setTimeout(look, delay);
