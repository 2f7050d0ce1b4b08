// The chart of the viewers of a source, to zoom into.

import uPlot from './uplot/uPlot.esm.js';
import { grouped } from './words.js';

const hold = 61 * 60; // seconds for which a count stands: the same is said once an hour
const mostPages = 8;

/** A Chart shows the minutes that the API tells of. */
export class Chart {
  #url;
  #hours = 24;
  #samples = []; // [Unix seconds, count], in order
  #plot;
  #box = document.getElementById('chart');
  #none = document.getElementById('chart-none');
  #hint = document.getElementById('chart-hint');
  #whole = document.getElementById('whole');

  constructor(url) {
    this.#url = url;
    const ranges = document.getElementById('ranges');
    ranges.hidden = false;
    for (const button of ranges.querySelectorAll('[data-hours]')) {
      button.setAttribute('aria-pressed', String(Number(button.dataset.hours) === this.#hours));
      button.addEventListener('click', () => {
        for (const other of ranges.querySelectorAll('[data-hours]')) other.setAttribute('aria-pressed', String(other === button));
        this.#hours = Number(button.dataset.hours);
        this.#reset();
        this.refresh();
      });
    }
    this.#whole.addEventListener('click', () => this.#reset());
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.#box);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#plot?.destroy();
      this.#plot = undefined;
      this.#draw();
    });
    this.refresh();
  }

  /** refresh reads all minutes anew. */
  async refresh() {
    const hours = this.#hours;
    const from = new Date(Date.now() - hours * 3_600_000).toISOString();
    const samples = [];
    let cursor = '';
    try {
      for (let page = 0; page < mostPages && cursor !== undefined; page++) {
        const values = new URLSearchParams({ from, limit: '10000', ...(cursor && { cursor }) });
        const answer = await fetch(`${this.#url}?${values}`);
        if (!answer.ok) return;
        const { viewers, nextCursor } = await answer.json();
        for (const { at, count } of viewers) samples.push([Date.parse(at) / 1000, count]);
        cursor = nextCursor;
      }
    } catch {
      return; // the connection is lost, and the page says so
    }
    if (hours !== this.#hours) return;
    this.#samples = samples;
    this.#draw();
  }

  /** add shows a count of this minute. */
  add(count) {
    if (count === undefined) return;
    const minute = Math.floor(Date.now() / 60_000) * 60;
    if (this.#samples.at(-1)?.[0] === minute) this.#samples.pop();
    this.#samples.push([minute, count]);
    this.#draw();
  }

  #size() {
    return { width: Math.max(200, this.#box.clientWidth), height: 260 };
  }

  #reset() {
    this.#whole.disabled = true;
    if (this.#plot) this.#plot.setData(this.#data(), true);
  }

  #draw() {
    const some = this.#samples.length > 0;
    this.#none.hidden = some;
    this.#hint.hidden = !some;
    this.#box.hidden = !some;
    this.#box.dataset.points = this.#samples.length;
    if (!some) return;
    const data = this.#data();
    if (!this.#plot) this.#plot = new uPlot(this.#options(), data, this.#box);
    else if (this.#whole.disabled) this.#plot.setData(data);
    else this.#plot.setData(data, false);
    if (!this.#whole.disabled) this.#plot.redraw();
  }

  /** data is the samples, and what holds until the next one or until a stream ended. */
  #data() {
    const xs = [];
    const ys = [];
    const push = (x, y) => {
      xs.push(x);
      ys.push(y);
    };
    const ends = streamEnds();
    this.#samples.forEach(([at, count], i) => {
      push(at, count);
      const end = Math.min(ends.find((e) => e >= at) ?? at, at + hold);
      const next = this.#samples[i + 1]?.[0];
      if (next !== undefined && next <= end) return;
      if (next !== undefined && ends.length === 0 && next - at <= hold) return;
      if (end > at) push(end, count);
      if (next !== undefined && next > end) push(Math.max(at, end) + 0.001, null);
    });
    return [xs, ys];
  }

  #options() {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: color('--quiet'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false },
      font: '12px system-ui, sans-serif',
    };
    return {
      ...this.#size(),
      cursor: { y: false, drag: { x: true, y: false } },
      scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
      axes: [
        { ...axis, space: 80, values: [
          [86400, '{D} {MMM}', null, null, null, null, null, null, 1],
          [3600, '{HH}:{mm}', '\n{D} {MMM}', null, '\n{D} {MMM}', null, null, null, 1],
          [60, '{HH}:{mm}', '\n{D} {MMM}', null, '\n{D} {MMM}', null, null, null, 1],
          [1, '{HH}:{mm}:{ss}', '\n{D} {MMM}', null, '\n{D} {MMM}', null, null, null, 1],
        ] },
        { ...axis, size: 56, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6],
          values: (_, ticks) => ticks.map(grouped) },
      ],
      series: [
        { value: '{YYYY}-{MM}-{DD} {HH}:{mm}', label: 'Time' },
        {
          label: 'Viewers', stroke: color('--accent'), width: 2, fill: color('--accent-ground'),
          paths: uPlot.paths.stepped({ align: 1 }), points: { show: false }, value: (_, count) => (count == null ? '–' : grouped(count)),
        },
      ],
      hooks: {
        setSelect: [() => { this.#whole.disabled = false; }],
        ready: [(plot) => plot.over.addEventListener('dblclick', () => { this.#whole.disabled = true; })],
      },
    };
  }
}

/** streamEnds are when streams ended, in order, by the table of streams. */
function streamEnds() {
  return [...document.querySelectorAll('tr[data-from]')]
    .map(({ dataset }) => (dataset.to ? Date.parse(dataset.to) : Date.now()) / 1000)
    .sort((a, b) => a - b);
}
