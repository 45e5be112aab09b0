// Each part improves something that works without it.

// Copies what the button names.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.querySelector("span").textContent = button.dataset.done;
  });
}

// Sends the form that waited while the person showed who they are.
document.querySelector("form[data-send]")?.requestSubmit();

// Fetches the file that waited for the same.
document.querySelector("a[data-fetch]")?.click();

// A press that began on something that was replaced meanwhile counts for the same thing in its place.
const CONTROLS = "a, button, input, label, select, summary";
const LIKE = ["tagName", "name", "value", "href", "textContent"];
let pressed = null;
document.addEventListener("pointerdown", (event) => (pressed = event.target.closest(CONTROLS)), true);
document.addEventListener("pointerup", (event) => {
  const heir = document.elementFromPoint(event.clientX, event.clientY)?.closest(CONTROLS);
  if (pressed && !pressed.isConnected && heir && LIKE.every((name) => heir[name] === pressed[name])) heir.click();
  pressed = null;
}, true);

// The focus is not lost with what is replaced: it goes to the beginning of what took its place.
let place = "";
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target } = event.detail;
  place = target.contains(document.activeElement) ? target.id : "";
});
document.addEventListener("htmx:afterSettle", () => {
  if (!place || document.activeElement !== document.body) return;
  const heir = document.getElementById(place);
  place = "";
  heir?.querySelector(":is(a, button, input:not([type=hidden]), select, summary):not([hidden])")?.focus();
});

// What is loaded again and again stays as it is while a part of it is open, or is typed into.
document.addEventListener("htmx:beforeRequest", (event) => {
  const place = event.target.closest("[data-while-closed]");
  if (place?.querySelector("details[open]") || place?.contains(document.activeElement)) event.preventDefault();
});
