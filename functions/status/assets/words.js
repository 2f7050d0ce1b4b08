// How things are said, as the server says them (page_words.go), and times in the
// zone of whoever looks.

const units = [['day', 86400], ['h', 3600], ['min', 60], ['s', 1]];

/** period is how long something takes, in its two greatest units at most. */
export function period(seconds) {
  seconds = Math.max(0, Math.floor(seconds));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  const at = seconds < 86400 ? 1 : 0;
  const [[greater, size], [lesser, part]] = [units[at], units[at + 1]];
  const whole = Math.floor(seconds / size);
  const rest = Math.floor((seconds % size) / part);
  const first = greater === 'day' ? counted(whole, 'day') : `${whole} ${greater}`;
  return rest ? `${first} ${rest} ${lesser}` : first;
}

export const counted = (n, noun) => (n === 1 ? `1 ${noun}` : `${n} ${noun}s`);

/** grouped is a whole number with a comma before every three digits. */
export const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ',');

const short = { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' };
const long = { ...short, second: '2-digit' };
const formats = {
  minute: new Intl.DateTimeFormat(undefined, short),
  second: new Intl.DateTimeFormat(undefined, long),
  year: new Intl.DateTimeFormat(undefined, { ...long, year: 'numeric' }),
  exact: new Intl.DateTimeFormat(undefined, { ...long, year: 'numeric', timeZoneName: 'short' }),
};

/** minuteOf is an instant to the minute, in the zone of whoever looks. */
export const minuteOf = (date) => formats.minute.format(date);

/** showTime says one time as its data-as asks: how long ago, for how long, or when. */
export function showTime(time, now = Date.now()) {
  const date = new Date(time.dateTime);
  if (Number.isNaN(date.getTime())) return;
  const passed = (now - date.getTime()) / 1000;
  let text;
  if (time.dataset.as === 'ago') {
    text = `${period(passed)} ago`;
  } else if (time.dataset.as === 'period') {
    text = period(passed);
  } else {
    const format = date.getFullYear() === new Date(now).getFullYear() ? formats.second : formats.year;
    text = format.format(date);
  }
  if (time.textContent !== text) time.textContent = text;
  const title = `${formats.exact.format(date)} (${time.dateTime})`;
  if (time.title !== title) time.title = title;
}

export function showTimes(root = document) {
  const now = Date.now();
  for (const time of root.querySelectorAll('time[datetime]')) showTime(time, now);
}

/** keepTimes says all times again now and then, because some grow. */
export function keepTimes() {
  showTimes();
  setInterval(() => {
    if (!document.hidden) showTimes();
  }, 5000);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) showTimes();
  });
}
