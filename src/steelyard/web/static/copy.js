// Copying what is shown once; without a script it is selected and copied by hand.

for (const button of document.querySelectorAll("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const said = button.textContent;
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    source.select();
    const copied = await navigator.clipboard.writeText(source.value).then(() => true, () => false);
    button.textContent = copied ? "Copied" : "It is selected: copy it yourself";
    document.querySelector("#live").textContent = button.textContent;
    setTimeout(() => { button.textContent = said; }, 4000);
  });
}
