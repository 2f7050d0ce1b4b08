// Changes as they happen, by server-sent events, and whether they can be heard.

const pauses = [1, 2, 4, 8, 15, 30]; // seconds

/**
 * listen calls snapshot with all sources and then source with each that changes. It
 * goes on for ever: a lost connection is made again, and the page says so meanwhile.
 */
export function listen({ snapshot, source }) {
  const link = document.getElementById('link');
  let failures = 0;
  let timer;
  let events;

  const say = (lost) => {
    const text = lost ? 'Connection lost. Trying again…' : 'Live';
    link.hidden = false;
    link.classList.toggle('lost', lost);
    if (link.textContent !== text) link.textContent = text;
  };

  const open = () => {
    clearTimeout(timer);
    events?.close();
    events = new EventSource('/api/events');
    events.addEventListener('open', () => {
      failures = 0;
      say(false);
    });
    events.addEventListener('snapshot', (event) => snapshot(JSON.parse(event.data).sources));
    events.addEventListener('source', (event) => source(JSON.parse(event.data)));
    events.addEventListener('error', () => {
      say(true);
      // A browser tries again by itself after a break, but not after a refusal.
      if (events.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(open, 1000 * pauses[Math.min(failures, pauses.length - 1)]);
      failures++;
    });
  };

  open();
  // Away from the network nothing may be noticed for minutes.
  window.addEventListener('offline', () => say(true));
  window.addEventListener('online', open);
}
