// The list of nodes. Rows are changed where they stand and never made anew, so that focus, what is unfolded and what is selected
// stay; what is unfolded is made when it first is. What nodes say goes in as text.
import { STATES, WAY, ago, clock, isPassed, lasted, passed, stagesOf, status, took, what, where } from './way.js';

const MOST_EVENTS = 200; // that are shown of a node
const rows = new Map(); // by name
const chosen = { state: '', text: '' };
const byId = (id) => document.getElementById(id);

export function make(tag, classes = '', text = '') {
  const element = document.createElement(tag);
  element.className = classes;
  element.textContent = text;
  return element;
}

// What is the same is left alone: a thousand rows are looked at each second.
const set = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};
const mark = (element, name, value) => {
  if (element.dataset[name] !== value) element.dataset[name] = value;
};

function makeRow(node) {
  const row = { item: make('li'), node, events: [], at: null, log: null, parts: null };
  const part = (name, tag = 'span') => (row[name] = make(tag, name));
  const about = make('span', 'about');
  about.append(part('name', 'strong'), ' ', part('role'));
  const how = make('span', 'how');
  how.append(part('place'), part('track'), part('what'));
  const when = make('span', 'when');
  when.append(part('main'), ' ', part('heard'));
  row.track.setAttribute('aria-hidden', 'true'); // `place` says it
  const summary = make('summary');
  summary.append(part('state'), ' ', about, ' ', how, ' ', when);
  row.details = make('details');
  row.details.append(summary);
  row.details.addEventListener('toggle', () => {
    row.log = null; // it is asked for anew
    paint(row);
    readLog(row);
  });
  row.item.id = `node-${node.name}`;
  row.item.append(row.details);
  return row;
}

let ahead = 0; // how far the server's clock is ahead of this one's, in ms
const now = () => Date.now() + ahead;

function paint(row) {
  const { node } = row;
  const at = (row.at ??= passed(node, row.events));
  const [state, time] = [status(node), now()];
  const here = where(node, at);
  const passes = took(node, at);
  const since = `${ago(time - node.since)} ago`;
  mark(row.item, 'state', state);
  row.track.style.setProperty('--here', here + 1);
  set(row.state, state);
  set(row.name, node.name);
  set(row.role, [node.role, node.address].filter(Boolean).join(' · '));
  set(row.place, here < 0 ? '' : `${WAY[here]}, ${here + 1} of ${WAY.length}`);
  set(row.what, what(node));
  set(row.main, state === 'installing' ? `for ${lasted(time - node.since)}` : since);
  const heard = node.seen === null ? 'never heard of' : `heard of ${ago(time - node.seen)} ago`;
  const ended = passes === null ? heard : `${state === 'failed' ? 'after' : 'took'} ${lasted(passes)}`;
  set(row.heard, ['armed', 'installing', 'new'].includes(state) ? heard : ended);
  row.item.hidden = !isChosen(row, state);
  if (row.details.open) paintMore(row, at, here, time);
}

function isChosen({ node, what, role }, state) {
  if (chosen.state !== '' && chosen.state !== state) return false;
  const texts = [node.name, role.textContent, what.textContent, state];
  return chosen.text === '' || texts.some((text) => text.toLowerCase().includes(chosen.text));
}

function unfold(row) {
  const more = make('div', 'more');
  const [way, stages, log, button] = [make('ol', 'way'), make('ul', 'stages'), make('pre', 'log'), make('button')];
  const [facts, logTitle] = [make('p', 'soft facts'), make('h3')];
  way.append(...WAY.map((name) => {
    const item = make('li');
    item.append(make('span', 'mark'), make('span', 'step', name), ' ', make('span', 'unseen'), ' ', make('time'), ' ', make('span', 'took soft'));
    return item;
  }));
  button.type = 'button';
  button.dataset.node = row.node.name;
  // Longer than its place, so it is scrolled, with keys as well.
  log.tabIndex = 0;
  log.setAttribute('role', 'region');
  const [left, right] = [make('div'), make('div', 'said')];
  left.append(make('h3', '', 'Way'), way, stages, facts, button);
  right.append(logTitle, log);
  more.append(left, right);
  row.details.append(more);
  return { way, stages, log, logTitle, facts, button };
}

export const isFirst = (node) => node.state === 'new' || node.state === 'armed';

function paintMore(row, at, here, time) {
  const { node, events } = row;
  const parts = (row.parts ??= unfold(row));
  const [state, shown] = [status(node), stagesOf(node)];
  [...parts.way.children].forEach((item, n) => {
    const [, , word, clockTime, lastedFor] = item.children;
    const is = n > here ? 'not yet' : n < here || isPassed(state) ? 'done' : state === 'failed' ? 'failed here' : 'now';
    mark(item, 'is', is);
    set(word, is);
    const begun = n > here ? undefined : at[n];
    set(clockTime, begun === undefined ? '' : clock(begun));
    // Until the next one that is known, or until now.
    const next = at.find((it, m) => m > n && it) ?? (is === 'now' ? time : node.state === 'failed' ? node.since : undefined);
    set(lastedFor, next >= begun ? lasted(next - begun) : '');
  });
  const key = JSON.stringify(shown);
  if (parts.key !== key) {
    parts.key = key;
    parts.stages.replaceChildren(...shown.map((stage) => {
      const item = make('li');
      item.dataset.is = stage.state;
      item.append(make('span', 'step', stage.name), ' ', make('span', 'is', stage.state), ' ', make('span', 'soft', stage.detail));
      return item;
    }));
  }
  const begun = node.attempts === 0 ? 'not begun' : node.attempts === 1 ? 'begun once' : `begun ${node.attempts} times`;
  set(parts.facts, `Since it was armed: ${begun}. Last heard of: ${node.seen === null ? 'never' : clock(node.seen)}.`);
  set(parts.button, isFirst(node) ? 'Install …' : 'Install again …');
  const atEnd = parts.log.scrollHeight - parts.log.scrollTop - parts.log.clientHeight < 20;
  set(parts.logTitle, row.log === null ? 'Events' : "Installer's log, its end");
  parts.log.setAttribute('aria-label', `${parts.logTitle.textContent} of ${node.name}`);
  set(parts.log, row.log ?? (events.map((event) => `${clock(event.at)}  ${event.text}`).join('\n') || 'nothing yet'));
  if (atEnd) parts.log.scrollTop = parts.log.scrollHeight;
}

// The end of its installer's log, where the server has one. One that has none is asked again when the row is next unfolded.
async function readLog(row) {
  if (!row.details.open) return;
  const answer = await fetch(`api/v1/nodes/${encodeURIComponent(row.node.name)}/log?tail=200`, { cache: 'no-store' }).catch(() => null);
  if (answer && !answer.ok) return;
  row.log = (await answer?.text().catch(() => '')) || row.log;
  paint(row);
  clearTimeout(row.timer);
  row.timer = setTimeout(readLog, 3000, row);
}

// These are the nodes now. Returns how many are in which state, and which have changed: [name, state, what] of each.
export function show(nodes, serverNow) {
  ahead = serverNow - Date.now();
  const changes = [];
  for (const node of nodes) {
    const row = rows.get(node.name);
    const state = status(node);
    if (!row) rows.set(node.name, makeRow(node));
    else if (status(row.node) !== state) changes.push([node.name, state, what(node)]);
    Object.assign(rows.get(node.name), { node, at: null });
  }
  const names = new Set(nodes.map((node) => node.name));
  for (const name of rows.keys()) if (!names.has(name)) rows.delete(name);
  const list = byId('nodes');
  const items = nodes.map((node) => rows.get(node.name).item);
  // Moving a row would take the focus from it, so that is only done for another lab.
  if (list.childElementCount !== items.length || items.some((item, n) => list.children[n] !== item)) list.replaceChildren(...items);
  return [paintAll(), changes];
}

export function paintAll() {
  const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
  let shown = 0;
  for (const row of rows.values()) {
    paint(row);
    counts[row.item.dataset.state] += 1;
    shown += !row.item.hidden;
  }
  for (const button of byId('states').children) {
    const { state } = button.dataset;
    set(button.lastChild, String(state ? counts[state] : rows.size));
    button.setAttribute('aria-pressed', String(chosen.state === state));
  }
  set(byId('shown'), shown === rows.size ? '' : `${shown} of ${rows.size} shown`);
  return counts;
}

// Something happened to a node, or nothing is known any more of what happened.
export function happened(event) {
  const row = rows.get(event.node);
  if (!row) return null;
  row.at = null;
  row.events.push(event);
  row.events.splice(0, row.events.length - MOST_EVENTS);
  return row;
}
export const forget = () => rows.forEach((row) => Object.assign(row, { events: [], at: null }));
export const repaint = (changed) => changed.forEach(paint);

for (const state of ['', ...STATES]) {
  const button = make('button', 'chip');
  button.dataset.state = state;
  button.append(make('span', '', state || 'all'), ' ', make('span', 'count'));
  button.addEventListener('click', () => {
    chosen.state = chosen.state === state ? '' : state;
    paintAll();
  });
  byId('states').append(button);
}
byId('text').addEventListener('input', ({ target }) => {
  chosen.text = target.value.trim().toLowerCase();
  paintAll();
});
