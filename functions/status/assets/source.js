// The page of one source: its card and its document change at once, the rest is
// fetched from the server when it has changed, and now and then.

import { tips } from './activity.js';
import { fill } from './card.js';
import { Chart } from './chart.js';
import { listen } from './events.js';
import { keyOf } from './state.js';
import { keepTimes, showTimes } from './words.js';

const rest = 3000; // milliseconds between two fetches
const again = 60_000;

const main = document.getElementById('main');
const { key, api } = main.dataset;
const card = document.querySelector('#cards > .card');
const chart = document.getElementById('chart') ? new Chart(`${api}/viewers`) : undefined;
let fetched = Date.now();
let timer;
let before = gist(JSON.parse(document.querySelector('#document code').textContent)); // what the rest is about

/** later fetches the page anew, but not more often than there is sense in. */
function later() {
  timer ??= setTimeout(refresh, Math.max(0, fetched + rest - Date.now()));
}

async function refresh() {
  fetched = Date.now();
  try {
    const answer = await fetch(location.href);
    if (answer.ok) renew(new DOMParser().parseFromString(await answer.text(), 'text/html'));
  } catch {
    // The connection is lost, and the page says so.
  } finally {
    timer = undefined;
  }
}

function renew(page) {
  if (page.getElementById('chart') && !chart) return location.reload(); // its first stream
  for (const part of document.querySelectorAll('[data-live]')) {
    const fresh = page.querySelector(`[data-live="${part.dataset.live}"]`);
    if (fresh && !part.contains(document.activeElement) && !sameAs(part, fresh)) {
      part.replaceChildren(...document.adoptNode(fresh).childNodes);
      showTimes(part);
    }
  }
  prepare();
  return chart?.refresh();
}

/** gist is of a source what the rest of the page shows. Viewers and counters may wait. */
function gist({ status, streamStatus, stream, authStatus, permissions, metadata, connectors }) {
  return JSON.stringify([
    status, streamStatus, stream, authStatus, permissions, metadata?.title, metadata?.categoryName,
    Object.entries(connectors ?? {}).map(([name, connector]) => [name, connector.status, connector.state]),
  ]);
}

// What scripts have changed in a part does not make it another one.
const served = new WeakMap();
function sameAs(part, fresh) {
  const html = fresh.innerHTML;
  if (served.get(part) === html) return true;
  served.set(part, html);
  return false;
}

/** prepare lets arrow keys walk along the bar, which is the only one here. */
function prepare() {
  document.querySelector('[data-live="availability"] svg')?.setAttribute('tabindex', '0');
}

function take(s) {
  if (keyOf(s) !== key) return;
  fill(card, s, Date.now() - s.ageSeconds * 1000);
  if (s.streamStatus === 'ONLINE') chart?.add(s.viewerCount);
  document.querySelector('#document code').textContent = JSON.stringify(s, null, 2);
  if (before !== gist(s)) later();
  before = gist(s);
}

keepTimes();
tips();
prepare();
setInterval(() => {
  if (!document.hidden && Date.now() - fetched >= again) later();
}, again / 4);
listen({ snapshot: (all) => all.forEach(take), source: take });
