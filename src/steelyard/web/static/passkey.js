// Passkeys: asks the browser, puts its answer into a hidden field, and sends the form as any other form is sent.

const can = globalThis.PublicKeyCredential?.parseCreationOptionsFromJSON !== undefined;
const AGAIN_MS = 9 * 60_000; // a question counts for ten minutes
let waiting = null;

async function ask(place) {
  const answer = await fetch(place.dataset.question, {
    method: "POST",
    body: place.dataset.action ? new URLSearchParams(new FormData(place.closest("form"))) : undefined,
  });
  return answer.ok ? answer.json() : null;
}

async function credential(place, mediation) {
  const options = await ask(place);
  if (options === null) return ""; // the page that follows says why
  waiting?.abort();
  waiting = new AbortController();
  const { signal } = waiting;
  const made =
    place.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options), signal })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options), signal, mediation });
  return JSON.stringify(made);
}

function send(place, answer) {
  const form = place.closest("form");
  form.elements.credential.value = answer;
  if (place.dataset.action) form.action = place.dataset.action;
  form.submit();
}

function say(place, text) {
  place.querySelector("[data-said]").textContent = text;
}

async function use(place) {
  const button = place.querySelector("button");
  button.disabled = true;
  say(place, "Your browser asks you now.");
  try {
    send(place, await credential(place));
  } catch {
    button.disabled = false;
    say(place, "No passkey was used. Try again, or go on another way.");
    button.focus();
  }
}

async function offer(place) {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  try {
    send(place, await credential(place, "conditional"));
  } catch {
    // another way was taken, or the time was over
  }
}

for (const place of can ? document.querySelectorAll("[data-passkey]") : []) {
  place.hidden = false;
  const [target, event] = place.dataset.action ? [place.querySelector("button"), "click"] : [place, "submit"];
  target.addEventListener(event, (told) => {
    told.preventDefault();
    use(place);
  });
  if ("conditional" in place.dataset) {
    offer(place);
    setInterval(() => offer(place), AGAIN_MS);
  }
}
for (const place of can ? document.querySelectorAll("[data-with-passkeys]") : []) place.hidden = false;
