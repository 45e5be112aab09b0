// Each part improves something that works without it.

// What only pages without partial updates need is hidden by the stylesheet.
if (window.htmx) document.documentElement.dataset.live = "";

// A count is grey as soon as a criterion changes, until the new one is there.
document.addEventListener("input", (event) => {
  const name = event.target.closest("form")?.dataset.tally;
  if (name && window.htmx) document.getElementById(name)?.setAttribute("aria-busy", "true");
});
document.addEventListener("htmx:afterRequest", (event) => event.target.removeAttribute("aria-busy"));

// How many rows are picked.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form");
  const label = form?.querySelector("[data-picked]");
  if (!label) return;
  const count = form.querySelectorAll("tbody input:checked").length;
  label.textContent = label.dataset.picked.replace("0", count.toLocaleString(document.documentElement.lang));
});
