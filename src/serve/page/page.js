// Asks the server how far its nodes are, listens to what happens, and says when it hears nothing.
import { confirm, onArmed } from './arm.js';
import { forget, happened, isFirst, make, paintAll, repaint, show } from './rows.js';
import { ago, clock } from './way.js';

const HISTORY = 20000; // events that are asked for in the beginning
const LATEST = 40; // events that are listed of the whole lab
const byId = (id) => document.getElementById(id);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let nodes = [];
let last = null; // the number of the last event that was heard of
let known = 0; // and of the last one that is in `nodes`
let stream = null; // while the connection is there
let heard = Date.now(); // when the server last answered

// ---- what is asked -----------------------------------------------------------------------------------------------------

async function look() {
  const answer = await fetch('api/v1/nodes', { cache: 'no-store', signal: AbortSignal.timeout(8000) });
  if (!answer.ok) throw new Error(`the server says ${answer.status}`);
  const said = await answer.json();
  heard = Date.now();
  nodes = said.nodes;
  known = said.last_event;
  byId('lab').textContent = said.lab;
  byId('trouble').hidden = said.trouble === null;
  const trouble = said.trouble === null ? '' : `The server cannot keep its state, and gives no kickstarts: ${said.trouble}`;
  if (byId('trouble').textContent !== trouble) byId('trouble').textContent = trouble;
  const [{ failed }, changes] = show(nodes, said.now);
  announce(changes);
  document.title = `${failed ? `${failed} failed – ` : ''}${said.lab} – trainyard`;
}

// Many events are one look, and looking takes a quarter of the time at most, however large the lab.
let wanted = false;
let looking = false;
let pause = 100;
async function lookSoon() {
  wanted = true;
  if (looking) return;
  looking = true;
  while (wanted && stream) {
    await sleep(pause);
    wanted = false;
    const begun = performance.now();
    await look().catch(lost);
    pause = Math.max(100, 3 * (performance.now() - begun));
  }
  looking = false;
}

// ---- the connection ----------------------------------------------------------------------------------------------------

async function connect() {
  try {
    await look();
    // A server whose database was lost counts from the beginning.
    if (last === null || known < last) {
      forget();
      byId('events').replaceChildren();
      last = Math.max(0, known - HISTORY);
    }
    listen();
  } catch {
    lost();
  }
}

function listen() {
  stream = new EventSource(`api/v1/stream?after=${last}`);
  stream.onopen = () => {
    again = 500;
    byId('connection').textContent = 'live';
    byId('lost').hidden = true;
    byId('lost-what').textContent = '';
    document.body.classList.remove('stale');
    lookSoon();
  };
  stream.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    heard = Date.now();
    last = event.id;
    news.push(event);
    if (event.id > known) lookSoon();
    frame ??= requestAnimationFrame(showNews);
  };
  stream.onerror = lost;
}

let again = 500; // ms until it is tried again; more each time
let retry = null;
function lost() {
  stream?.close();
  stream = null;
  if (retry !== null) return;
  byId('connection').textContent = 'not connected';
  byId('lost-what').textContent = 'The connection to the server is lost; it is tried again.';
  byId('lost').hidden = false;
  document.body.classList.add('stale');
  tick();
  retry = setTimeout(() => {
    retry = null;
    connect();
  }, again);
  again = Math.min(2 * again, 8000);
}

// ---- what is shown -----------------------------------------------------------------------------------------------------

// What came since the last frame.
let news = [];
let frame = null;
function showNews() {
  const came = news;
  news = [];
  frame = null;
  repaint(new Set(came.map(happened).filter(Boolean)));
  const list = byId('events');
  const items = came.slice(-LATEST).reverse().map((event) => {
    const item = make('li');
    item.dataset.state = event.state;
    item.append(make('time', '', clock(event.at)), ' ', make('strong', '', event.node), ' ', make('span', '', event.text));
    return item;
  });
  list.prepend(...items);
  while (list.childElementCount > LATEST) list.lastChild.remove();
}

// For who does not see it: what has changed, and not more than one can listen to.
function announce(changes) {
  if (changes.length === 0) return;
  const said = changes.map(([name, state, what]) => `${name}: ${state}, ${what}`);
  byId('said').textContent = said.length > 3 ? `${said.length} nodes have changed` : said.join('. ');
}

function tick() {
  paintAll();
  const age = nodes.length ? `What is shown is of ${clock(heard)}, ${ago(Date.now() - heard)} ago.` : 'Nothing was heard of it yet.';
  byId('lost-age').textContent = stream ? '' : age;
}

byId('nodes').addEventListener('click', ({ target }) => {
  const node = nodes.find((it) => it.name === target.dataset.node);
  if (node) confirm(node, isFirst(node));
});
onArmed((name) => {
  byId('said').textContent = `${name} is armed: it is installed when it next boots from the network`;
  lookSoon();
});
setInterval(tick, 1000);
// A line that is cut says nothing, so it is asked; and installers that fetch packages are heard of without an event.
setInterval(lookSoon, 10000);
document.addEventListener('visibilitychange', lookSoon);
connect().then(() => performance.mark('shown'));
