// What a page cannot do without a script: menus that close, keys, suggestions, and a word before a session ends.

const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const isTyped = (element) => element.closest?.("input, select, textarea, [contenteditable]") !== null;
const search = document.querySelector("#search");
const found = document.querySelector("#found");

document.querySelector("[data-focus]")?.focus();

// ── Menus: Escape, and a press beside one, close it ─────────────────────────────────────────────────────────

document.addEventListener("click", (event) => {
  for (const menu of all("details.drop[open]")) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  const menu = document.querySelector("details.drop[open]");
  if (event.key !== "Escape" || !menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// ── Lists of links: the arrow keys go through them ──────────────────────────────────────────────────────────

const STEPS = { ArrowDown: 1, ArrowUp: -1 };

function step(event, links, before) {
  const to = links.indexOf(document.activeElement) + STEPS[event.key];
  event.preventDefault();
  if (to < 0) before.focus();
  else links[Math.min(to, links.length - 1)]?.focus();
}

for (const menu of all("details.drop")) {
  menu.addEventListener("keydown", (event) => {
    if (menu.open && event.key in STEPS) step(event, all("a, button", menu.querySelector(".menu")), menu.querySelector("summary"));
  });
}

search?.closest("form").addEventListener("keydown", (event) => {
  if (event.key in STEPS && found.childElementCount) step(event, all("a", found), search);
  if (event.key !== "Escape" || !found.childElementCount) return;
  event.preventDefault(); // which would empty the field
  found.replaceChildren();
  search.focus();
});

// ── Keys ────────────────────────────────────────────────────────────────────────────────────────────────────

const sheet = document.querySelector("#keys");
let isGoing = false;

function goTo(key) {
  document.querySelector(`.side a[data-key="${CSS.escape(key)}"]`)?.click();
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && search) {
    event.preventDefault();
    if (!search.checkVisibility()) return document.querySelector(".find")?.click();
    search.focus();
    search.select();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyped(event.target) || document.querySelector("dialog[open]")) return;
  if (isGoing) goTo(event.key.toLowerCase());
  else if (event.key === "?") sheet?.showModal();
  else if (event.key === "/" && search?.checkVisibility()) {
    event.preventDefault();
    search.focus();
  }
  isGoing = event.key === "g" && !isGoing;
  if (isGoing) setTimeout(() => (isGoing = false), 1500);
});

// ── The time zone, so that moments are written as the clock on the wall shows them ──────────────────────────

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const { zone: written, zoneCookie } = document.documentElement.dataset;
if (zone && zoneCookie && zone !== written) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${zoneCookie}=${zone.replaceAll("/", ".")}; Path=/; Max-Age=34560000; SameSite=Lax${secure}`;
}

// ── A word before a session ends ────────────────────────────────────────────────────────────────────────────

const ending = document.querySelector("#ending");
const SEEN = "steelyard-seen";

if (ending) {
  const idle = Number(ending.dataset.idle) * 1000;
  const warns = Number(ending.dataset.warns) * 1000;
  const seen = () => Math.max(Number(localStorage.getItem(SEEN)) || 0, opened);
  const note = () => localStorage.setItem(SEEN, Date.now());
  const say = (isOver) => {
    for (const part of all("[data-over]", ending)) part.hidden = (part.dataset.over === "true") !== isOver;
  };
  const opened = Date.now();
  note();
  document.addEventListener("htmx:after:request", (event) => {
    if (event.detail.ctx?.sourceEvent?.isTrusted && event.detail.ctx.response?.status < 400) note();
  });
  const look = () => {
    const left = seen() + idle - Date.now();
    say(left <= 0);
    if (left <= warns && !ending.open) ending.showModal();
    if (left > warns && ending.open) ending.close();
    if (left > 0) setTimeout(look, Math.max(1000, Math.min(left - warns, 30000)));
  };
  look();
  ending.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await fetch(event.target.action, { method: "POST" }).catch(() => null);
    if (answer?.ok) note();
    look();
  });
}

// ── What could not be fetched is said by the server, or, where it cannot be reached, by what it sent before ──

document.addEventListener("htmx:error", () => {
  const lost = document.querySelector("#lost");
  if (lost) document.querySelector("#toast").replaceChildren(lost.content.cloneNode(true));
});
