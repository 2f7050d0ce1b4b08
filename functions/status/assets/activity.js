// Availability bars and small viewer curves, which the server draws: asked for when
// a card comes into view, and again now and then while it is there.

import { minuteOf } from './words.js';

const atOnce = 3;
const again = 60_000; // milliseconds

/** An Activities looks after the bars and curves of cards. */
export class Activities {
  #scope;
  #told;
  #visible = new Set();
  #asked = new Map(); // key to when
  #queue = [];
  #running = 0;
  #observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) {
        this.#visible.add(target);
        this.#want(target);
      } else {
        this.#visible.delete(target);
      }
    }
  }, { rootMargin: '200px' });

  /** told is called with key, age in seconds, and whether that is stale. */
  constructor(scope, told) {
    this.#scope = scope;
    this.#told = told;
    setInterval(() => {
      if (document.hidden) return;
      for (const card of this.#visible) this.#want(card);
    }, again / 4);
  }

  watch(card) {
    this.#observer.observe(card);
  }

  unwatch(card) {
    this.#observer.unobserve(card);
    this.#visible.delete(card);
  }

  /** changed says that what is drawn of a card is old. */
  changed(card) {
    this.#asked.delete(card.dataset.key);
    if (this.#visible.has(card)) this.#want(card);
  }

  #want(card) {
    const asked = this.#asked.get(card.dataset.key) ?? 0;
    if (Date.now() - asked < again || this.#queue.includes(card)) return;
    this.#queue.push(card);
    this.#next();
  }

  async #next() {
    if (this.#running >= atOnce) return;
    const card = this.#queue.shift();
    if (!card) return;
    this.#running++;
    const { key } = card.dataset;
    this.#asked.set(key, Date.now());
    try {
      const answer = await fetch(`/sources/${encodeURIComponent(key)}/activity?scope=${this.#scope}`);
      if (answer.ok) this.#place(card, key, await answer.text());
    } catch {
      this.#asked.delete(key); // the connection is lost, and the page says so
    } finally {
      this.#running--;
      this.#next();
    }
  }

  #place(card, key, text) {
    if (card.dataset.key !== key) return;
    const part = new DOMParser().parseFromString(text, 'text/html').querySelector('.activity');
    if (!part) return;
    const place = (slot, drawing) => card.querySelector(`[data-slot="${slot}"]`).replaceChildren(...(drawing ? [drawing] : []));
    place('availability', part.querySelector('.bar'));
    place('curve', part.querySelector('.curve'));
    this.#told(key, Number(part.dataset.age), part.dataset.stale === 'true');
  }
}

/** tips shows what a segment of a bar stands for, under the pointer or by arrow keys. */
export function tips() {
  const tip = document.createElement('p');
  tip.className = 'tip';
  tip.setAttribute('role', 'status');
  tip.hidden = true;
  document.body.append(tip);

  const show = (drawing, index) => {
    const segments = drawing.querySelectorAll('g');
    const segment = segments[Math.max(0, Math.min(index, segments.length - 1))];
    // Two tips are one too many.
    for (const title of drawing.querySelectorAll('title')) title.remove();
    const { from, to, text } = segment.dataset;
    tip.textContent = `${minuteOf(new Date(from))} – ${minuteOf(new Date(to))}: ${text}`;
    tip.hidden = false;
    const place = segment.getBoundingClientRect();
    const left = place.left + place.width / 2 - tip.offsetWidth / 2;
    const most = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(left, most))}px`;
    tip.style.top = `${Math.max(8, place.top - tip.offsetHeight - 8)}px`;
  };

  const hide = () => {
    tip.hidden = true;
  };
  const point = (event) => {
    const drawing = event.target.closest?.('.bar svg');
    if (!drawing) return hide();
    const place = drawing.getBoundingClientRect();
    return show(drawing, Math.floor((event.clientX - place.left) / place.width * drawing.querySelectorAll('g').length));
  };
  document.addEventListener('pointermove', point);
  document.addEventListener('pointerdown', point); // a finger does not hover
  window.addEventListener('scroll', hide, { passive: true });

  let at = 0;
  document.addEventListener('focusin', (event) => {
    const drawing = event.target.closest?.('.bar svg');
    if (!drawing) return hide();
    at = drawing.querySelectorAll('g').length - 1;
    return show(drawing, at);
  });
  document.addEventListener('keydown', (event) => {
    const drawing = event.target.closest?.('.bar svg');
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === 'Escape') hide();
    if (!drawing || !step) return;
    event.preventDefault();
    at = Math.max(0, Math.min(at + step, drawing.querySelectorAll('g').length - 1));
    show(drawing, at);
  });
}
