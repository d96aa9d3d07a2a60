// Shows how a sync goes on: told by the server where it tells, looked up every few seconds where it does not. Without this file
// the page shows how far it was when it was loaded.
"use strict";
const LOOK_EVERY_MS = 4000;
const MOST_STREAMS_COUNT = 3;

function say(card, told) {
  const line = card.querySelector("[data-said]");
  const number = (name) => Number(told[name] ?? 0).toLocaleString(document.documentElement.lang);
  const text = line.dataset.said.replace(/\[(\w+)\]/g, (_, name) => number(`${name}_count`));
  if (line.textContent !== text) line.textContent = text;
}

// The card as the server shows it now, in place of the one that is here; the focus stays where it was.
async function renew(card) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return card;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(card.id);
  if (!fresh || card.contains(document.activeElement)) return card;
  card.replaceWith(fresh);
  return fresh;
}

async function lookAgain(card) {
  const fresh = await renew(card).catch(() => card);
  if ("running" in fresh.dataset) setTimeout(lookAgain, LOOK_EVERY_MS, fresh);
}

// The newest sync as it stands comes first, even where it ended long ago: it may have ended since the page was made.
function follow(card) {
  const source = new EventSource(card.dataset.events);
  const hear = (event) => {
    const told = JSON.parse(event.data);
    if (event.type === "end") source.close();
    if (told.state === "running" && "running" in card.dataset) say(card, told);
    else renew(card).then((fresh) => { card = fresh; }, console.warn);
  };
  for (const name of ["progress", "end"]) source.addEventListener(name, hear);
  source.onerror = () => {
    source.close();
    setTimeout(lookAgain, LOOK_EVERY_MS, card);
  };
}

// What is running, and what the person just asked for: the address names it. A browser opens six lines to a server at most.
const asked = new URLSearchParams(location.search).has("done") ? location.hash.slice(1) : "";
const cards = [...document.querySelectorAll(".connection[data-events]")];
const watched = cards.filter((card) => "running" in card.dataset || card.id === asked);
watched.slice(0, MOST_STREAMS_COUNT).forEach(follow);
watched.slice(MOST_STREAMS_COUNT).forEach((card) => setTimeout(lookAgain, LOOK_EVERY_MS, card));
