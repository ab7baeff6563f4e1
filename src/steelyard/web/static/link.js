// A one-time link: what stands behind its # goes into the field and out of the address, and is sent at once.

const form = document.querySelector("form[data-link]");
const secret = location.hash.slice(1);

if (secret) history.replaceState(null, "", location.pathname);
if (secret && form) {
  form.elements.secret.value = secret;
  form.submit();
}
addEventListener("hashchange", () => location.reload());
