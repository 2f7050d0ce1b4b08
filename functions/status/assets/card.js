// Fills the card of a source, be it one that the server has written or a new one.

import { errorText, facts, keyOf, nameOf, pathOf, stateBadge, textOf } from './state.js';
import { grouped, showTime } from './words.js';

const { assets, marks } = document.body.dataset;
const known = new Set(marks.split(' '));

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setBadge(element, badge) {
  setText(element, badge.text);
  element.className = `badge ${badge.class}`;
}

function setTime(time, date, as) {
  if (as) time.dataset.as = as;
  time.dateTime = typeof date === 'number' ? new Date(date).toISOString() : date;
  showTime(time);
}

/** fill shows a source, which was last seen alive at a time (Unix milliseconds). */
export function fill(card, s, seen) {
  const slot = (name) => card.querySelector(`[data-slot="${name}"]`);
  const show = (name, shown) => {
    const element = slot(name);
    element.hidden = !shown;
    return element;
  };
  const state = stateBadge(s);
  card.dataset.key = keyOf(s);
  card.className = `card ${state.class}`;
  const mark = `${assets}marks/${known.has(s.platform) ? s.platform : 'other'}.svg`;
  if (slot('mark').getAttribute('src') !== mark) slot('mark').src = mark;
  slot('path').setAttribute('href', pathOf(s));
  setText(slot('name'), nameOf(s));
  setText(slot('key'), keyOf(s));
  setBadge(slot('state'), state);
  fillStream(s, slot, show);
  const error = show('error', s.lastError);
  if (s.lastError) {
    setText(error.querySelector('bdi'), errorText(s));
    setTime(error.querySelector('time'), s.lastError.at);
  }
  fillFacts(show('facts', facts(s).length), facts(s));
  setTime(slot('seen'), seen);
}

function fillStream(s, slot, show) {
  show('streams', s.streamStatus);
  if (!s.streamStatus) return;
  const live = s.streamStatus === 'ONLINE';
  setBadge(slot('stream'), { text: live ? 'live' : s.streamStatus.toLowerCase(), class: live ? 'live' : 'quiet' });
  const since = live ? s.stream?.startedAt : s.stream?.endedAt;
  const time = show('since', since).querySelector('time');
  if (since) setTime(time, since, live ? 'period' : 'ago');
  for (const [name, text] of [['title', textOf(s, 'title')], ['category', textOf(s, 'categoryName')]]) {
    setText(show(name, text).querySelector('bdi'), text);
  }
  const counted = s.viewerCount !== undefined;
  setText(show('viewers', counted).querySelector('b'), counted ? grouped(s.viewerCount) : '');
}

function fillFacts(list, badges) {
  const items = badges.map((badge) => {
    const item = document.createElement('li');
    setBadge(item, badge);
    return item;
  });
  const same = items.length === list.children.length && items.every((item, i) => item.isEqualNode(list.children[i]));
  if (!same) list.replaceChildren(...items);
}
