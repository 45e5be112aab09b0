// Watches the change feed as it happens, or the deliveries to an endpoint.

const MAX_LINES = 100;
const PAUSE = 3000;
const byId = (id) => document.getElementById(id);
let watch = null;

const get = (path, query = [], headers = {}) => ({ method: "GET", path, query, headers, body: null, file: null });

function add(timestamp, what, about, details) {
  const line = document.createElement("tr");
  for (const text of [new Date(timestamp * 1000).toLocaleTimeString(), what, about, details]) {
    const cell = document.createElement("td");
    cell.textContent = text;
    line.append(cell);
  }
  line.lastChild.className = "opt";
  const body = byId("live-table").tBodies[0];
  byId("live-table").hidden = false;
  body.prepend(line);
  while (body.rows.length > MAX_LINES) body.lastChild.remove();
}

async function changes({ sendCall }, isOn) {
  let position = "";
  while (isOn()) {
    const headers = { Accept: "text/event-stream", ...(position && { "Last-Event-ID": position }) };
    const answer = await sendCall(get("/api/v1/manage/changes", position ? [] : [["after", "latest"]], headers));
    if (!answer.ok) throw new Error(String(answer.status));
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    byId("live-status").textContent = "●";
    let rest = "";
    for (let part = await reader.read(); !part.done && isOn(); part = await reader.read()) {
      rest += part.value;
      const events = rest.split("\n\n");
      rest = events.pop();
      for (const event of events) {
        const lines = event.split("\n").map((line) => /^(\w+): ?(.*)$/.exec(line)).filter(Boolean);
        const data = lines.filter(([, name]) => name === "data").map(([, , text]) => text).join("\n");
        position = lines.find(([, name]) => name === "id")?.[2] ?? position;
        if (!data) continue;
        const row = JSON.parse(data);
        if (row.topic) add(row.timestamp, row.topic, row.subject_id, JSON.stringify(row.data));
      }
    }
    await reader.cancel();
  }
}

async function deliveries({ sendCall }, uid, isOn) {
  const shown = new Set();
  for (let isFirst = true; isOn(); isFirst = false) {
    const answer = await sendCall(get(`/api/v1/manage/webhooks/${uid}/deliveries`, [["limit", "50"]]));
    if (!answer.ok) throw new Error(String(answer.status));
    byId("live-status").textContent = "●";
    for (const each of (await answer.json()).data.reverse()) {
      const mark = JSON.stringify([each.delivery_id, each.state, each.try_count]);
      const result = [each.response_status, each.failure, each.duration_ms && `${each.duration_ms} ms`].filter(Boolean);
      if (!shown.has(mark) && !isFirst) add(each.try_timestamp ?? each.creation_timestamp, each.topic, each.state, result.join(", "));
      shown.add(mark);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

export function begin(tools) {
  const { texts, sendCall } = tools;
  const button = byId("watch");
  const source = byId("live-source");
  const stop = (text = "") => {
    watch = null;
    button.setAttribute("aria-pressed", "false");
    button.textContent = texts.textWatch;
    byId("live-status").textContent = text;
  };
  button.hidden = false;
  source.addEventListener("focus", async () => {
    if (source.options.length > 1) return;
    const answer = await sendCall(get("/api/v1/manage/webhooks"));
    for (const each of answer.ok ? await answer.json() : []) source.add(new Option(each.url, each.webhook_uid));
  }, { once: true });
  source.addEventListener("change", () => stop());
  button.addEventListener("click", async () => {
    if (watch) return stop();
    const mine = {};
    watch = mine;
    button.setAttribute("aria-pressed", "true");
    button.textContent = texts.textStop;
    const isOn = () => watch === mine;
    try {
      await (source.value === "changes" ? changes(tools, isOn) : deliveries(tools, source.value, isOn));
    } catch (error) {
      if (isOn()) stop(error.message);
    }
  });
}
