// The command palette (Ctrl-K): a combobox over the list that the server finds. Without it the link leads to /find.

const dialog = document.getElementById("palette");
const input = document.getElementById("palette-input");
const list = document.getElementById("palette-list");
const PAUSE = 60;
let active = -1;
let latest = null;
let timer = 0;
// The link that was chosen by hand: it stays chosen when a late answer has it too.
let picked = null;
// While the answer to what was typed is not there, Enter waits for it: the list is that of another text.
let isWaiting = false;
let isEntered = false;

const options = () => [...list.querySelectorAll("a[role=option]")];

function choose(index) {
  const all = options();
  all[active]?.setAttribute("aria-selected", "false");
  all[active]?.classList.remove("is-next");
  active = all.length ? (index + all.length) % all.length : -1;
  const option = all[active];
  option?.setAttribute("aria-selected", "true");
  option?.classList.add("is-next");
  option?.scrollIntoView({ block: "nearest" });
  if (option) input.setAttribute("aria-activedescendant", option.id);
  else input.removeAttribute("aria-activedescendant");
}

async function load() {
  latest?.abort();
  const own = new AbortController();
  latest = own;
  isWaiting = true;
  try {
    const query = new URLSearchParams({ part: "true", q: input.value });
    const answer = await fetch(`${dialog.dataset.path}?${query}`, { signal: own.signal });
    if (answer.redirected) return location.reload();
    if (!answer.ok) return undefined;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    list.replaceChildren(...page.body.children);
    active = -1;
    choose(Math.max(0, options().findIndex((each) => each.href === picked)));
    if (isEntered) options()[active]?.click();
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  } finally {
    if (latest === own) isWaiting = isEntered = false;
  }
  return undefined;
}

function open() {
  if (!dialog.open) dialog.showModal();
  input.select();
  load();
}

if (dialog) {
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    }
  });
  for (const link of document.querySelectorAll("[data-palette]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      document.getElementById("rail").hidePopover?.();
      open();
    });
  }
  input.addEventListener("input", () => {
    clearTimeout(timer);
    picked = null;
    isWaiting = true;
    isEntered = false;
    timer = setTimeout(load, PAUSE);
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      choose(active + step);
      picked = options()[active]?.href;
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (isWaiting) isEntered = true;
      else options()[active]?.click();
    }
  });
  dialog.addEventListener("close", () => {
    isEntered = false;
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
