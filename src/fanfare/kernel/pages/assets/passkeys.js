// Passkeys on our pages: lets the browser make one (data-passkey="create") or log in with one ("get"), and sends what it
// returns as the form's field `credential`. Without it, or in a browser that has no passkeys, the form stays hidden.
const REFRESH = 4 * 60 * 1000; // the options are valid for five minutes
const form = document.querySelector("form[data-passkey]");
const isLogin = form?.dataset.passkey === "get";
let waiting; // what the field for the email address offers in the meantime
let isPressed = false; // the fan uses the button: what the field offers must not end that

async function options() {
  if (performance.now() > REFRESH) {
    const page = await fetch(location.href);
    const fresh = new DOMParser().parseFromString(await page.text(), "text/html");
    const other = fresh.querySelector("form[data-passkey]");
    if (!other) throw new Error("the page has changed");
    form.dataset.options = other.dataset.options;
  }
  const json = JSON.parse(form.dataset.options);
  return isLogin
    ? PublicKeyCredential.parseRequestOptionsFromJSON(json)
    : PublicKeyCredential.parseCreationOptionsFromJSON(json);
}

async function use(mediation) {
  waiting?.abort();
  waiting = new AbortController();
  const { signal } = waiting;
  const request = { publicKey: await options(), signal, ...(mediation && { mediation }) };
  const credential = await navigator.credentials[form.dataset.passkey](request);
  form.elements.credential.value = JSON.stringify(credential);
  form.submit();
}

function offer() {
  if (!isPressed) use("conditional").catch(() => {});
}

if (form && window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  const note = document.querySelector("[data-passkey-note]");
  const canOffer = isLogin && (await PublicKeyCredential.isConditionalMediationAvailable?.());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    note.hidden = true;
    isPressed = true;
    use().catch(() => {
      isPressed = false;
      note.hidden = false;
      if (canOffer) offer();
    });
  });
  form.hidden = false;
  document.querySelector("[data-passkey-missing]")?.remove();
  if (canOffer) {
    offer();
    setInterval(offer, REFRESH);
  }
}
