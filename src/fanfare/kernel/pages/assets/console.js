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

// What is loaded again and again stays as it is while a part of it is open, or is typed into.
document.addEventListener("htmx:beforeRequest", (event) => {
  const place = event.target.closest("[data-while-closed]");
  if (place?.querySelector("details[open]") || place?.contains(document.activeElement)) event.preventDefault();
});
