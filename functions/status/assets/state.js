// What the states of sources mean, as the server takes them (page_state.go and
// page_list.go).

import { counted, grouped, period } from './words.js';

const soon = 3 * 86400;

export const keyOf = (s) => `${s.platform}:${s.id}`;
export const nameOf = (s) => s.displayName || s.id;
export const pathOf = (s) => `/sources/${encodeURIComponent(keyOf(s)).replaceAll('%3A', ':')}`;

/** textOf is a value of the metadata as text. */
export const textOf = (s, name) => {
  const value = s.metadata?.[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
};

const classes = { CONNECTED: 'good', DISCONNECTED: 'poor', ERROR: 'bad' };

export const stateBadge = (s) => ({
  text: s.status ? s.status.toLowerCase() : 'unknown',
  class: classes[s.status] ?? 'quiet',
});

/** severity is how much a source needs somebody, from 0 for not at all. */
export function severity(s) {
  if (s.status === 'ERROR') return 5;
  if (s.status === 'DISCONNECTED') return 4;
  if (s.authStatus === 'REVOKED') return 3;
  if (s.authStatus === 'EXPIRED') return 2;
  return s.stale ? 1 : 0;
}

/** ending is in how many seconds a valid token ends, undefined if not soon. */
export function ending(s, now = Date.now()) {
  if (s.authStatus !== 'VALID' || !s.auth?.expiresAt) return undefined;
  const left = (Date.parse(s.auth.expiresAt) - now) / 1000;
  return left > 0 && left <= soon ? left : undefined;
}

export function facts(s) {
  const found = [];
  if (s.stale) found.push({ text: 'stale', class: 'poor' });
  const left = ending(s);
  if (left !== undefined) {
    found.push({ text: `token expires in ${period(left)}`, class: 'poor' });
  } else if (s.authStatus) {
    found.push({ text: `token ${s.authStatus.toLowerCase()}`, class: s.authStatus === 'VALID' ? 'good' : 'bad' });
  }
  for (const role of s.permissions ?? []) found.push({ text: role.toLowerCase(), class: 'quiet' });
  if (s.permissions?.length === 0) found.push({ text: 'no role', class: 'quiet' });
  return found;
}

export function errorText(s) {
  const { code, message } = s.lastError;
  return [code, message].filter(Boolean).join(': ') || 'without a message';
}

/** verdict answers the question of the page: are all sources well? */
export function verdict(sources) {
  const count = (is) => sources.reduce((n, s) => n + (is(s) ? 1 : 0), 0);
  const connected = count((s) => s.status === 'CONNECTED');
  const worst = sources.reduce((most, s) => Math.max(most, severity(s)), 0);
  const notes = [];
  const note = (n, text) => {
    if (n > 0) notes.push(text(n));
  };
  note(count((s) => s.status === 'ERROR'), (n) => `${n} with an error`);
  note(count((s) => s.status === 'DISCONNECTED'), (n) => `${n} disconnected`);
  note(count((s) => !s.status), (n) => `${n} unknown`);
  note(count((s) => s.stale), (n) => `${n} stale`);
  note(count((s) => s.streamStatus === 'ONLINE'), (n) => `${n} live`);
  for (const state of ['REVOKED', 'EXPIRED']) {
    note(count((s) => s.authStatus === state), (n) => `${counted(n, 'token')} ${state.toLowerCase()}`);
  }
  const ends = sources.map((s) => ending(s)).filter((left) => left !== undefined);
  if (ends.length === 1) notes.push(`1 token expires in ${period(ends[0])}`);
  if (ends.length > 1) notes.push(`${ends.length} tokens expire, the first in ${period(Math.min(...ends))}`);
  return { text: verdictText(sources.length, connected), class: verdictClass(worst, connected), notes };
}

function verdictClass(worst, connected) {
  if (worst === 0) return connected ? 'good' : 'quiet';
  return worst === 1 || worst === 4 ? 'poor' : 'bad';
}

function verdictText(all, connected) {
  if (all === 0) return 'No sources yet';
  if (all === connected) return all === 1 ? 'The only source is connected' : `All ${grouped(all)} sources connected`;
  return `${grouped(connected)} of ${counted(all, 'source')} connected`;
}

function inState(s, state) {
  switch (state) {
    case '': return true;
    case 'trouble': return severity(s) > 0;
    case 'stale': return Boolean(s.stale);
    case 'live': return s.streamStatus === 'ONLINE';
    case 'offline': return s.streamStatus === 'OFFLINE';
    default: return stateBadge(s).text === state;
  }
}

function finds(s, words) {
  if (!words.length) return true;
  const text = [s.displayName, keyOf(s), textOf(s, 'title'), textOf(s, 'categoryName')].join('\n').toLowerCase();
  return words.every((word) => text.includes(word));
}

const liveness = (s) => ({ ONLINE: 2, OFFLINE: 1 })[s.streamStatus] ?? 0;
const viewers = (s) => s.viewerCount ?? -1;
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

const orders = {
  '': (a, b) => severity(b) - severity(a) || liveness(b) - liveness(a),
  name: () => 0,
  viewers: (a, b) => viewers(b) - viewers(a),
  changed: (a, b) => compare(b.updatedAt ?? '', a.updatedAt ?? ''),
};

/** choose is the sources that a query asks for, in its order. */
export function choose(sources, { q, platform, state, sort }) {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const order = orders[sort] ?? orders[''];
  return sources
    .filter((s) => (!platform || s.platform === platform) && inState(s, state) && finds(s, words))
    .sort((a, b) => order(a, b) ||
      compare(nameOf(a).toLowerCase(), nameOf(b).toLowerCase()) || compare(keyOf(a), keyOf(b)));
}
