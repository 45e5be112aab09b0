// The queue of a stream by keys: j and k move, a, r, u and l press what names them, x picks. Every key has its button.

const queue = document.getElementById("queue");
let record = null;

function go(next) {
  if (!next) return;
  if (record) record.tabIndex = -1;
  record = next;
  record.tabIndex = 0;
  record.focus();
  record.scrollIntoView({ block: "nearest" });
}

function press(key) {
  const control = record?.querySelector(`[data-key="${key}"]`);
  if (!control) return;
  if (key === "l") control.focus();
  else control.click();
}

const moves = {
  j: () => go(record ? record.nextElementSibling : queue.firstElementChild),
  k: () => go(record?.previousElementSibling),
};

document.addEventListener("keydown", (event) => {
  const field = event.target.closest("input:not([type=checkbox]), select, textarea");
  if (field) {
    if (event.key === "Escape" && queue?.contains(field)) go(field.closest("li"));
    return;
  }
  if (!queue || event.ctrlKey || event.metaKey || event.altKey) return;
  if (moves[event.key]) moves[event.key]();
  else if (["a", "r", "u", "l", "x"].includes(event.key)) press(event.key);
  else return;
  event.preventDefault();
});

// A record that was replaced stays the current one; after a decision the next follows, and u on the way back undoes it.
function follow() {
  if (!record || record.isConnected) return;
  const place = document.getElementById(record.id);
  const isDecided = place?.dataset.status !== record.dataset.status;
  record = null;
  go((isDecided && place?.dataset.status !== "waiting" && place?.nextElementSibling) || place);
}

if (queue) {
  for (const each of queue.children) each.tabIndex = -1;
  new MutationObserver(follow).observe(queue, { childList: true });
}
