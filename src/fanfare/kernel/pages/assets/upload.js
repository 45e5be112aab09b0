// Sends a form with a file, and shows how much of it has arrived. Without this script the browser sends it.

const form = document.getElementById("upload");

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const progress = document.getElementById("upload-progress");
  const fault = document.getElementById("upload-fault");
  const button = form.querySelector("button");
  const request = new XMLHttpRequest();
  const refuse = (text) => {
    fault.textContent = text;
    fault.hidden = false;
    progress.hidden = true;
    button.disabled = false;
  };
  fault.hidden = true;
  progress.hidden = false;
  button.disabled = true;
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    progress.value = total ? loaded / total : 0;
  });
  request.addEventListener("load", () => {
    if (request.status < 400) return location.assign(request.responseURL);
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    return refuse(page.querySelector("main p, main h1")?.textContent ?? String(request.status));
  });
  request.addEventListener("error", () => refuse(form.dataset.textLost));
  request.open("POST", form.action);
  request.send(new FormData(form));
});
