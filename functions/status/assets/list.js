// The page of all sources: changes show at once, and filter, search and order need
// no other page.

import { Activities, tips } from './activity.js';
import { fill } from './card.js';
import { listen } from './events.js';
import { choose, ending, keyOf, verdict } from './state.js';
import { keepTimes, period } from './words.js';

const form = document.getElementById('filter');
const list = document.getElementById('cards');
const mould = document.getElementById('mould').content.firstElementChild;
const more = document.getElementById('more');
const pages = document.getElementById('pages');
const perPage = Number(list.dataset.perPage);

const sources = new Map(); // by key
const seen = new Map(); // by key: when it was last alive, Unix milliseconds
const shown = new WeakMap(); // by card: the source as the card shows it
let first = (Number(form.dataset.page) - 1) * perPage;
let limit = perPage;
let complete = false; // whether all sources are known
let drawing = false;

const activities = new Activities(list.dataset.scope, (key, age, stale) => {
  const s = sources.get(key);
  seen.set(key, Date.now() - age * 1000);
  if (s) {
    sources.set(key, { ...s, stale });
    draw();
  }
});

function take(s) {
  const key = keyOf(s);
  const before = sources.get(key);
  sources.set(key, s);
  seen.set(key, Date.now() - s.ageSeconds * 1000);
  const card = cardOf(key);
  if (card && before && (before.status !== s.status || before.streamStatus !== s.streamStatus)) activities.changed(card);
}

const cardOf = (key) => list.querySelector(`:scope > [data-key="${CSS.escape(key)}"]`);

/** draw shows everything anew with the next frame. */
function draw() {
  if (drawing) return;
  drawing = true;
  const go = () => {
    drawing = false;
    if (complete) drawNow();
  };
  if (document.hidden) setTimeout(go);
  else requestAnimationFrame(go);
}

function drawNow() {
  const all = [...sources.values()];
  drawVerdict(verdict(all));
  drawPlatforms(all);
  const chosen = choose(all, query());
  const part = chosen.slice(first, first + limit);
  drawCards(part);
  more.hidden = first + limit >= chosen.length;
  pages.hidden = first === 0;
  const none = document.getElementById('none');
  none.hidden = part.length > 0;
  if (all.length) none.textContent = 'No source is like that.';
  const text = `${chosen.length} of ${all.length} shown`;
  const found = document.getElementById('found');
  if (found.textContent !== text) found.textContent = text;
}

function drawVerdict(v) {
  const box = document.getElementById('verdict');
  const title = box.querySelector('h1');
  const notes = box.querySelector('ul');
  box.className = `verdict ${v.class}`;
  if (title.textContent !== v.text) title.textContent = v.text;
  if ([...notes.children].map((note) => note.textContent).join('\n') !== v.notes.join('\n')) {
    notes.replaceChildren(...v.notes.map((text) => Object.assign(document.createElement('li'), { textContent: text })));
  }
  document.title = `${v.text} · sourcestate`;
}

function drawPlatforms(all) {
  const { options } = form.elements.platform;
  const present = new Set([...options].map((option) => option.value));
  const names = [...new Set(all.map((s) => s.platform))].filter((name) => !present.has(name));
  for (const name of names) {
    const after = [...options].find((option) => option.value > name) ?? null;
    form.elements.platform.add(new Option(name, name), after);
  }
}

function drawCards(part) {
  const old = new Map([...list.children].map((card) => [card.dataset.key, card]));
  const focused = list.contains(document.activeElement) ? document.activeElement : undefined;
  let place = list.firstElementChild;
  for (const s of part) {
    const key = keyOf(s);
    let card = old.get(key);
    old.delete(key);
    const isNew = !card;
    card ??= mould.cloneNode(true);
    const left = ending(s);
    const state = `${s.updatedAt} ${s.stale} ${seen.get(key)} ${left && period(left)}`;
    if (shown.get(card) !== state) {
      shown.set(card, state);
      fill(card, s, seen.get(key));
    }
    if (card === place) place = place.nextElementSibling;
    else list.insertBefore(card, place);
    if (isNew) activities.watch(card);
  }
  for (const card of old.values()) {
    activities.unwatch(card);
    card.remove();
  }
  // A card that moves loses the focus.
  if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
}

const query = () => Object.fromEntries(['q', 'platform', 'state', 'sort'].map((name) => [name, form.elements[name].value.trim()]));

function ask() {
  first = 0;
  limit = perPage;
  const values = new URLSearchParams(Object.entries(query()).filter(([, value]) => value));
  history.replaceState(null, '', values.size ? `/?${values}` : '/');
  draw();
}

for (const card of list.children) activities.watch(card);
keepTimes();
tips();
// The time that a token has left grows shorter by itself.
setInterval(draw, 30_000);
form.addEventListener('input', () => complete && ask());
form.addEventListener('submit', (event) => {
  if (!complete) return; // the server answers
  event.preventDefault();
  ask();
});
more.addEventListener('click', () => {
  limit += perPage;
  draw();
});
listen({
  snapshot(all) {
    complete = true;
    const keys = new Set(all.map(keyOf));
    for (const key of sources.keys()) {
      if (!keys.has(key)) sources.delete(key);
    }
    all.forEach(take);
    draw();
  },
  source(s) {
    take(s);
    draw();
  },
});
