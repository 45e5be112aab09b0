// Passkeys on our pages: lets the browser make one (data-passkey="create") or log in with one ("get"), and sends what it
// returns as the form's field `credential`. Without it, or in a browser that has no passkeys, the forms stay hidden. Of
// several forms, for hosts that the page has or had, the first also offers its passkeys in the field for the address.
const REFRESH = 4 * 60 * 1000; // the options are valid for five minutes
const forms = [...document.querySelectorAll("form[data-passkey]")];
let waiting; // what the field for the email address offers in the meantime
let isPressed = false; // the fan uses a button: what the field offers must not end that

async function options(form) {
  if (performance.now() > REFRESH) {
    const page = await fetch(location.href);
    const fresh = new DOMParser().parseFromString(await page.text(), "text/html");
    const other = fresh.querySelectorAll("form[data-passkey]")[forms.indexOf(form)];
    if (!other) throw new Error("the page has changed");
    form.dataset.options = other.dataset.options;
  }
  const json = JSON.parse(form.dataset.options);
  return form.dataset.passkey === "get"
    ? PublicKeyCredential.parseRequestOptionsFromJSON(json)
    : PublicKeyCredential.parseCreationOptionsFromJSON(json);
}

async function use(form, mediation) {
  waiting?.abort();
  waiting = new AbortController();
  const { signal } = waiting;
  const request = { publicKey: await options(form), signal, ...(mediation && { mediation }) };
  const credential = await navigator.credentials[form.dataset.passkey](request);
  form.elements.credential.value = JSON.stringify(credential);
  form.submit();
}

function offer() {
  if (!isPressed) use(forms[0], "conditional").catch(() => {});
}

if (forms.length && window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  const isLogin = forms[0].dataset.passkey === "get";
  const canOffer = isLogin && (await PublicKeyCredential.isConditionalMediationAvailable?.());
  for (const form of forms) {
    const note = form.nextElementSibling;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      note.hidden = true;
      isPressed = true;
      use(form).catch(() => {
        isPressed = false;
        note.hidden = false;
        if (canOffer) offer();
      });
    });
    form.hidden = false;
  }
  document.querySelector("[data-passkey-missing]")?.remove();
  if (canOffer) {
    offer();
    setInterval(offer, REFRESH);
  }
}
