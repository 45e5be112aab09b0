// Shows the body of an answer: JSON as a tree that folds, pictures, texts, and anything else as a file to save.

const OPEN_DEPTH = 3;
const LONGEST_TEXT = 500_000;

function element(name, text, css) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (css) made.className = css;
  return made;
}

function scalar(value) {
  if (typeof value === "string") return element("i", JSON.stringify(value));
  return element("u", JSON.stringify(value));
}

// The lines of a list or object are made when it is opened, so that long answers show at once.
function tree(value, name, depth, texts, isLast) {
  const line = element("div", undefined, "json");
  const comma = isLast ? "" : ",";
  const label = name === null ? [] : [element("b", JSON.stringify(name)), ": "];
  if (value === null || typeof value !== "object") {
    line.append(...label, scalar(value), comma);
    return line;
  }
  const isList = Array.isArray(value);
  const parts = isList ? value.map((each) => [null, each]) : Object.entries(value);
  const [begin, end] = isList ? "[]" : "{}";
  if (!parts.length) {
    line.append(...label, begin + end + comma);
    return line;
  }
  const fold = element("details");
  const summary = element("summary");
  summary.append(...label, begin, element("span", ` ${parts.length === 1 ? texts.textItem : texts.textItems.replace("#", parts.length)} ${end}${comma}`, "json__rest"));
  const body = element("div", undefined, "json__body");
  const make = () => {
    if (body.childElementCount) return;
    parts.forEach(([each, part], index) => body.append(tree(part, each, depth + 1, texts, index === parts.length - 1)));
    body.after(element("div", end + comma, "json__end"));
  };
  fold.append(summary, body);
  fold.addEventListener("toggle", () => fold.open && make());
  if (depth < OPEN_DEPTH && parts.length <= 200) {
    make();
    fold.open = true;
  }
  line.append(fold);
  return line;
}

export async function show(place, answer, texts) {
  const type = answer.body.type.split(";")[0];
  if (!answer.body.size) return place.replaceChildren(element("p", texts.textEmpty, "muted"));
  if (type.endsWith("json")) {
    try {
      return place.replaceChildren(tree(JSON.parse(await answer.body.text()), null, 0, texts, true));
    } catch {
      // Shown as it is.
    }
  }
  if (type.startsWith("image/")) {
    const picture = element("img");
    picture.alt = "";
    picture.src = await dataUrl(answer.body);
    return place.replaceChildren(picture);
  }
  if (/^text\/|json|xml|csv/.test(type)) return place.replaceChildren(element("pre", (await answer.body.text()).slice(0, LONGEST_TEXT)));
  const link = element("a", texts.textDownload);
  link.href = URL.createObjectURL(answer.body);
  link.download = "answer";
  return place.replaceChildren(link);
}

function dataUrl(blob) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.readAsDataURL(blob);
  });
}

// Closes every part below the first, or opens what was closed.
export function folded(place) {
  const parts = [...place.querySelectorAll("details details")];
  const isOpen = parts.some((each) => each.open);
  for (const each of parts) each.open = !isOpen;
}

export function headerLines(headers) {
  const lines = element("pre");
  for (const [name, value] of headers) lines.append(element("b", name), `: ${value}\n`);
  return lines;
}
