// Confirming what was stored: a dialog in place of the page of the same forms, and a passkey that signs the hash.

for (const link of document.querySelectorAll("[data-dialog]")) {
  const dialog = document.getElementById(link.dataset.dialog);
  link.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.showModal();
  });
  for (const button of dialog.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => dialog.close());
  }
  dialog.addEventListener("close", () => link.focus());
}

const can = window.PublicKeyCredential?.parseRequestOptionsFromJSON !== undefined;

for (const form of can ? document.querySelectorAll("[data-sign]") : []) {
  form.hidden = false;
  form.parentElement.querySelector("[data-code]")?.removeAttribute("open");
}

// A page may exchange its parts, so that the form is looked for when it is sent.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!can || !form.matches("[data-sign]") || form.elements.credential.value) return;
  event.preventDefault();
  sign(form);
});

async function sign(form) {
  const said = form.querySelector("[data-said]");
  const button = form.querySelector("button.first");
  button.disabled = true;
  said.textContent = "Waiting for your passkey…";
  try {
    const body = new URLSearchParams({ content_hash: form.elements.content_hash.value });
    const answer = await fetch(form.dataset.sign, { method: "POST", body });
    if (!answer.ok) throw new Error("refused", { cause: answer.status });
    const question = await answer.json();
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(question.options);
    const credential = await navigator.credentials.get({ publicKey });
    form.elements.credential.value = JSON.stringify(credential.toJSON());
    form.elements.nonce.value = question.nonce;
    form.submit();
  } catch (error) {
    if (error.message === "refused") {
      const page = form.dataset.page; // which says how it is by now
      location.assign(error.cause === 401 ? `/step-up?next=${encodeURIComponent(page)}` : page);
      return;
    }
    said.textContent = "The passkey was not used. Nothing was approved; try again.";
    button.disabled = false;
  }
}
