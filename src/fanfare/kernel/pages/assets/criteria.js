// Each part improves something that works without it.

// What only pages without partial updates need is hidden by the stylesheet.
if (window.htmx) document.documentElement.dataset.live = "";

// A count is grey as soon as a criterion changes, until the new one is there.
document.addEventListener("input", (event) => {
  const name = event.target.closest("form")?.dataset.tally;
  if (name && window.htmx) document.getElementById(name)?.setAttribute("aria-busy", "true");
});
document.addEventListener("htmx:afterRequest", (event) => event.target.removeAttribute("aria-busy"));

// By keys a menu changes with each step: its criterion is added once the person presses Enter or goes on.
let isStep = false;
let waiting = null;
function add() {
  const menu = waiting;
  waiting = null;
  isStep = false;
  menu?.dispatchEvent(new Event("change", { bubbles: true }));
}
document.addEventListener("pointerdown", () => (isStep = false), true);
document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.(".slot--add")) return;
  // Space and Alt with an arrow open the menu, which then has one change.
  isStep = event.key !== " " && !event.altKey;
  if (event.key !== "Enter" || !waiting) return;
  event.preventDefault();
  add();
}, true);
document.addEventListener("change", (event) => {
  if (!isStep || !event.target.matches(".slot--add")) return;
  event.stopImmediatePropagation();
  waiting = event.target.value ? event.target : null;
}, true);
document.addEventListener("focusout", (event) => event.target === waiting && add());

// The slot of a criterion that was added has the focus.
let slots = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  const isAdded = event.detail.requestConfig?.elt.matches(".slot--add");
  slots = isAdded ? new Set([...document.querySelectorAll(".slot")].map((slot) => slot.id)) : null;
});
document.addEventListener("htmx:afterSettle", () => {
  if (slots) [...document.querySelectorAll(".slot[id]")].find((slot) => !slots.has(slot.id))?.focus();
  slots = null;
});

// How many rows are picked.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form");
  const label = form?.querySelector("[data-picked]");
  if (!label) return;
  const count = form.querySelectorAll("tbody input:checked").length;
  label.textContent = label.dataset.picked.replace("0", count.toLocaleString(document.documentElement.lang));
});
