// What is shown once: printed, or copied, by a press.

const said = document.querySelector("[data-said]");

for (const place of document.querySelectorAll("[data-with-script]")) place.hidden = false;
document.querySelector("[data-print]")?.addEventListener("click", () => print());
document.querySelector("[data-copy]")?.addEventListener("click", async (event) => {
  const from = document.querySelector(event.currentTarget.dataset.copy);
  const lines = [...from.querySelectorAll("code")].map((code) => code.textContent);
  try {
    await navigator.clipboard.writeText(lines.join("\n"));
    said.textContent = "Copied. Paste it where you keep it.";
  } catch {
    said.textContent = "Your browser does not let pages copy: select the text, and copy it yourself.";
  }
});
