// The API console: sends the form of a call with a key that lives only in this script, for a quarter of an hour.

const root = document.getElementById("console");
const texts = root.dataset;
const byId = (id) => document.getElementById(id);
const { show, folded, headerLines } = await import(texts.answerScript);
const { sample } = await import(texts.samplesScript);
const readOnly = byId("read-only");
// What was answered last, and how the answer is shown.
let answer = null;
let view = "body";
let key = null;

const form = () => byId("call-form");
const call = () => byId("call").dataset;
const fields = () => [...form().querySelectorAll("[data-name]")];

// The key: made on need, known to this script alone.

export async function keySecret() {
  if (key && key.isReadOnly === readOnly.checked && key.end > Date.now() + 5000) return key.secret;
  const body = new URLSearchParams({ form_token: texts.token, is_read_only: readOnly.checked });
  const made = await fetch(`${texts.path}/keys`, { method: "POST", body });
  if (made.redirected) {
    // The person is to sign in or to prove who they are, and comes back to the form as it is.
    const url = new URL(made.url);
    url.searchParams.set("next", location.pathname + location.search);
    sessionStorage.setItem("console-form", formHash());
    location.assign(url);
    return new Promise(() => {});
  }
  if (!made.ok) {
    const page = new DOMParser().parseFromString(await made.text(), "text/html");
    throw new Error(`${texts.textRefused} ${page.querySelector("main p, main h1")?.textContent ?? made.status}`);
  }
  const value = await made.json();
  key = { secret: value.key_secret, isReadOnly: value.is_read_only, end: Date.now() + value.second_count * 1000 };
  return key.secret;
}

export const forgetKey = () => {
  key = null;
};

// What was typed, as a request.

function number(text) {
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function valuesOf(field) {
  const { name, kind, number: isNumber } = { ...field.dataset, number: "number" in field.dataset };
  const text = kind === "list" || kind === "pairs" || kind === "json" ? field.value.trim() : field.value;
  if (text === "" || kind === "file") return [];
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  if (kind === "list") return [[name, lines.map((line) => (isNumber ? number(line) : line))]];
  if (kind === "pairs") return lines.map((line) => [line.split("=", 1)[0], line.slice(line.indexOf("=") + 1)]);
  if (kind === "json") return [[name, JSON.parse(text)]];
  if (text === "null" && kind !== "text" && kind !== "long") return [[name, null]];
  if (kind === "flag") return [[name, text === "true"]];
  return [[name, isNumber ? number(text) : text]];
}

export function request() {
  const result = { method: call().method, path: call().path, query: [], headers: {}, body: null, file: null, fault: "" };
  for (const field of fields()) {
    field.removeAttribute("aria-invalid");
    const { where, kind, name } = field.dataset;
    if (kind === "file") result.file = field.files[0] ?? null;
    let values = [];
    try {
      values = valuesOf(field);
    } catch {
      field.setAttribute("aria-invalid", "true");
      result.fault = `${name}: ${texts.textUnreadable}`;
    }
    for (const [each, value] of values) {
      if (where === "path") result.path = result.path.replace(`{${each}}`, encodeURIComponent(value));
      else if (where === "header") result.headers[each] = value;
      else if (where === "body") result.body = { ...result.body, [each]: value };
      else for (const item of Array.isArray(value) ? value : [value]) result.query.push([each, typeof item === "object" ? JSON.stringify(item) : String(item)]);
    }
  }
  return result;
}

const urlOf = ({ path, query }) => path + (query.length ? `?${new URLSearchParams(query)}` : "");

async function send(sent) {
  const headers = { ...sent.headers, "Api-Secret": await keySecret() };
  if (sent.body) headers["Content-Type"] = "application/json";
  if (sent.file) headers["Content-Type"] = "application/octet-stream";
  const options = { method: sent.method, headers, body: sent.file ?? (sent.body && JSON.stringify(sent.body)), credentials: "omit" };
  return fetch(urlOf(sent), options);
}

export async function sendCall(sent) {
  const first = await send(sent);
  if (first.status !== 401) return first;
  // The key ended with the session, a role or another tab: a new one is asked for once.
  forgetKey();
  return send(sent);
}

async function submit() {
  const sent = request();
  if (!sent.fault && sent.method !== "GET" && readOnly.checked) sent.fault = texts.textReading;
  fault(sent.fault);
  if (sent.fault) return;
  byId("answer-status").textContent = texts.textSending;
  byId("send").disabled = true;
  try {
    const begin = performance.now();
    const got = await sendCall(sent);
    const body = await got.blob();
    answer = { status: got.status, text: got.statusText, ms: performance.now() - begin, headers: [...got.headers], body };
    note(sent, answer);
    view = "body";
    await render();
  } catch (error) {
    byId("answer-status").textContent = "";
    fault(error instanceof TypeError ? texts.textLost : error.message);
  } finally {
    byId("send").disabled = false;
  }
}

function fault(text) {
  byId("form-fault").textContent = text;
  byId("form-fault").hidden = !text;
}

// The answer, in each of its views.

async function render() {
  for (const button of document.querySelectorAll("[data-show]")) button.setAttribute("aria-pressed", button.dataset.show === view);
  const place = byId("answer-body");
  byId("fold").hidden = view !== "body";
  byId("next-page").hidden = true;
  if (answer) statusLine();
  if (view === "history") return place.replaceChildren(historyList());
  if (["curl", "python", "javascript"].includes(view)) return place.replaceChildren(sample(view, request(), location.origin));
  if (!answer) return undefined;
  if (view === "headers") return place.replaceChildren(headerLines(answer.headers));
  await show(place, answer, texts);
  byId("next-page").hidden = !nextPage();
}

function statusLine() {
  const badge = document.createElement("span");
  badge.className = `badge badge--${answer.status < 400 ? "good" : answer.status < 500 ? "warn" : "bad"}`;
  badge.textContent = `${answer.status} ${answer.text}`.trim();
  const size = answer.body.size < 1024 ? `${answer.body.size} B` : `${(answer.body.size / 1024).toFixed(1)} kB`;
  byId("answer-status").replaceChildren(badge, ` ${Math.round(answer.ms)} ms, ${size}`);
}

function nextPage() {
  const link = answer?.headers.find(([name]) => name === "link")?.[1] ?? "";
  return /<([^>]+)>;\s*rel="?next/.exec(link)?.[1];
}

// Links to a filled-in form, and the history: neither has secrets; the part after # never reaches a server.

export function formHash() {
  const filled = fields().filter((field) => field.value !== "" && !["secret", "file"].includes(field.dataset.kind));
  return new URLSearchParams(filled.map((field) => [`${field.dataset.where}.${field.dataset.name}`, field.value])).toString();
}

function fill(hash) {
  const values = new URLSearchParams(hash);
  for (const field of fields()) {
    const value = values.get(`${field.dataset.where}.${field.dataset.name}`);
    if (value === null || field.dataset.kind === "secret" || field.dataset.kind === "file") continue;
    field.value = value;
    field.closest("details")?.setAttribute("open", "");
  }
}

const storeName = `console-history-${texts.account}-${texts.session}`;
const entries = () => JSON.parse(localStorage.getItem(storeName) ?? "[]");

function note(sent, { status, ms }) {
  const entry = { call: call().call, summary: call().summary, method: sent.method, status, ms: Math.round(ms), time: Date.now(), hash: formHash() };
  localStorage.setItem(storeName, JSON.stringify([entry, ...entries()].slice(0, 50)));
}

function historyList() {
  const list = document.createElement("ul");
  list.className = "history";
  for (const entry of entries()) {
    const link = document.createElement("a");
    link.href = `${texts.path}?call=${entry.call}#${entry.hash}`;
    link.dataset.call = entry.call;
    link.textContent = entry.summary;
    const line = document.createElement("li");
    line.append(`${new Date(entry.time).toLocaleTimeString()} `, link, ` ${entry.method} ${entry.status}, ${entry.ms} ms`);
    list.append(line);
  }
  if (!list.children.length) return document.createTextNode(texts.textNone);
  return list;
}

// Another call is put in place of this one, so that the key and the answer stay.

async function open(url, isNew = true) {
  const page = new DOMParser().parseFromString(await (await fetch(url.pathname + url.search)).text(), "text/html");
  const section = page.getElementById("call");
  if (!section) return location.assign(url);
  byId("call").replaceWith(section);
  for (const link of document.querySelectorAll("#call-list a")) {
    if (link.dataset.call === section.dataset.call) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (isNew) history.pushState(null, "", url);
  answer = null;
  byId("answer-status").textContent = "";
  byId("answer-body").replaceChildren();
  view = "body";
  begin();
  await render();
  byId("call-name").scrollIntoView({ block: "nearest" });
}

function begin() {
  fill(location.hash.slice(1));
  byId("send").hidden = false;
  byId("copy-link").hidden = !navigator.clipboard;
  // A click is not yet to be taken for the browser's own submission.
  form().addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  form().addEventListener("input", () => ["curl", "python", "javascript"].includes(view) && render());
  byId("find-field")?.addEventListener("input", (event) => {
    for (const line of byId("other-fields").querySelectorAll(".param")) line.hidden = !line.textContent.toLowerCase().includes(event.target.value.toLowerCase());
  });
  byId("copy-link").addEventListener("click", (event) => {
    history.replaceState(null, "", `${texts.path}?call=${call().call}#${formHash()}`);
    copied(event.currentTarget, location.href);
  });
}

async function copied(button, text) {
  await navigator.clipboard.writeText(text);
  button.querySelector("span").textContent = texts.textCopied;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-call]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  open(new URL(link.href));
});
addEventListener("popstate", () => open(new URL(location.href), false));
for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => {
    view = button.dataset.show;
    render();
  });
}
readOnly.addEventListener("change", forgetKey);
byId("copy-answer").hidden = !navigator.clipboard;
byId("copy-answer").addEventListener("click", async (event) => copied(event.currentTarget, view === "body" && answer ? await answer.body.text() : byId("answer-body").textContent));
byId("fold").addEventListener("click", () => folded(byId("answer-body")));
byId("next-page").addEventListener("click", () => {
  const next = new URL(nextPage(), location.origin).searchParams;
  for (const field of fields()) if (field.dataset.where === "query" && next.has(field.dataset.name)) field.value = next.getAll(field.dataset.name).join("\n");
  submit();
});
// The history of a session that has ended goes with it.
for (const name of Object.keys(localStorage)) if (name.startsWith("console-history-") && !name.endsWith(`-${texts.session}`)) localStorage.removeItem(name);
if (sessionStorage.getItem("console-form") && !location.hash) history.replaceState(null, "", `#${sessionStorage.getItem("console-form")}`);
sessionStorage.removeItem("console-form");
begin();
if (byId("watch")) (await import(texts.liveScript)).begin({ sendCall, texts });
