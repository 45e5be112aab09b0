// Each part improves something that works without it.

// What only pages without partial updates need is hidden by the stylesheet.
if (window.htmx) document.documentElement.dataset.live = "";

// A count is grey as soon as a criterion changes, until the new one is there.
document.addEventListener("input", (event) => {
  const name = event.target.closest("form")?.dataset.tally;
  if (name && window.htmx) document.getElementById(name)?.setAttribute("aria-busy", "true");
});
document.addEventListener("htmx:afterRequest", (event) => event.target.removeAttribute("aria-busy"));
