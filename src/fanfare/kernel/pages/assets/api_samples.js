// A call as curl, Python and JavaScript; the secret is a placeholder.

const SECRET = "YOUR_API_SECRET";

function quoted(text) {
  return `'${String(text).replaceAll("'", "'\\''")}'`;
}

function url(request, origin) {
  return origin + request.path + (request.query.length ? `?${new URLSearchParams(request.query)}` : "");
}

function curl(request, origin) {
  const lines = [`curl -X ${request.method} ${quoted(url(request, origin))}`, `-H ${quoted(`Api-Secret: ${SECRET}`)}`];
  for (const [name, value] of Object.entries(request.headers)) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (request.body) lines.push("-H 'Content-Type: application/json'", `--data ${quoted(JSON.stringify(request.body))}`);
  if (request.file) lines.push("-H 'Content-Type: application/octet-stream'", `--data-binary ${quoted(`@${request.file.name}`)}`);
  return lines.join(" \\\n  ");
}

// JSON with the names that Python has for true, false and null.
function python(value, indent = "") {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}    `;
  const parts = Array.isArray(value) ? value.map((each) => inner + python(each, inner)) : Object.entries(value).map(([name, each]) => `${inner}${JSON.stringify(name)}: ${python(each, inner)}`);
  const [begin, end] = Array.isArray(value) ? "[]" : "{}";
  return parts.length ? `${begin}\n${parts.join(",\n")},\n${indent}${end}` : begin + end;
}

function pythonCall(request, origin) {
  const parts = [`    ${JSON.stringify(request.method)},`, `    ${JSON.stringify(url(request, origin))},`, `    headers=${python({ "Api-Secret": SECRET, ...request.headers }, "    ")},`];
  if (request.body) parts.push(`    json=${python(request.body, "    ")},`);
  if (request.file) parts.push(`    content=open(${JSON.stringify(request.file.name)}, "rb").read(),`);
  return `import httpx\n\nanswer = httpx.request(\n${parts.join("\n")}\n)\nanswer.raise_for_status()\nprint(answer.json())`;
}

function javascript(request, origin) {
  const options = { method: request.method, headers: { "Api-Secret": SECRET, ...request.headers } };
  if (request.body) options.headers["Content-Type"] = "application/json";
  let text = JSON.stringify(options, null, 2);
  if (request.body) text = `${text.slice(0, -2)},\n  "body": JSON.stringify(${JSON.stringify(request.body, null, 2).replaceAll("\n", "\n  ")})\n}`;
  if (request.file) text = `${text.slice(0, -2)},\n  "body": await readFile(${JSON.stringify(request.file.name)})\n}`;
  const first = request.file ? 'import { readFile } from "node:fs/promises";\n\n' : "";
  return `${first}const answer = await fetch(${JSON.stringify(url(request, origin))}, ${text});\nconsole.log(answer.status, await answer.json());`;
}

export function sample(language, request, origin) {
  const place = document.createElement("pre");
  place.textContent = { curl, python: pythonCall, javascript }[language](request, origin);
  return place;
}
