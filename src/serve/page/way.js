// A node's way, and the words for it. Nothing here touches the page.

// What a node passes, in this order.
export const WAY = ['armed', 'boot', 'kernel', 'kickstart', 'packages', '%post', 'first boot', 'ready', 'verified'];
const [KICKSTART, FIRST_BOOT, READY, VERIFIED] = ['kickstart', 'first boot', 'ready', 'verified'].map((name) => WAY.indexOf(name));

// How the words begin by which the server and the kickstart's scripts tell that. Whoever says something else is where it was.
const WORDS = ['armed', 'asked what to boot', 'loading its kernel', 'fetched its kickstart', 'installing packages', 'writing what it becomes'];
const meant = (text) => WORDS.findIndex((words) => text.startsWith(words));

// What a node is shown as: the server's states, `ready` for one whose stages are all done, and `verified` for one whose checks have all
// passed as well. Where a stage has failed, so has the node; so where a check has that is not made again by itself.
export const STATES = ['new', 'armed', 'installing', 'installed', 'ready', 'verified', 'failed'];
export function status(node) {
  const stages = stagesOf(node);
  if (node.state !== 'installed' || stages.length === 0) return node.state;
  if (stages.some((stage) => stage.state === 'failed')) return 'failed';
  if (!isReady(node)) return 'installed';
  if (!node.verified) return 'ready';
  if (node.verified.ok) return 'verified';
  return node.verified.again ? 'ready' : 'failed';
}

export const stagesOf = (node) => node.stages?.stages ?? [];
const isReady = (node) => node.state === 'installed' && stagesOf(node).length > 0 && stagesOf(node).every((stage) => stage.state === 'done');
export const isPassed = (state) => state === 'ready' || state === 'verified';

// When it passed what, since it was armed; one that begins anew has not passed what comes later.
export function passed(node, events) {
  const [at, done, stages] = [[], new Set(), stagesOf(node)];
  for (const event of events) {
    const n = meant(event.text);
    if (event.state === 'installed') {
      at[FIRST_BOOT] ??= event.at;
      const parts = event.text.split('; ');
      for (const part of parts) if (part.endsWith(': done')) done.add(part.slice(0, -': done'.length));
      if (stages.length > 0 && stages.every((stage) => done.has(stage.name))) at[READY] ??= event.at;
      // The last one counts: stages may have run since the first.
      if (node.verified && parts.some((part) => /^(not )?verified\b/.test(part))) at[VERIFIED] = event.at;
    } else if (n >= 0 && n !== at.length - 1) {
      at.length = n;
      at[n] = event.at;
    }
  }
  return at;
}

// Where on its way it is; -1 is before all of it.
export function where(node, at) {
  if (isReady(node)) return status(node) === 'ready' ? READY : VERIFIED;
  if (node.state === 'installed') return FIRST_BOOT;
  if (node.state === 'new') return -1;
  const least = node.state === 'installing' ? KICKSTART : 0;
  return Math.min(FIRST_BOOT - 1, Math.max(least, meant(node.step), at.length - 1));
}

// What there is to say of it, in a line.
export function what(node) {
  const stages = stagesOf(node);
  if (node.state === 'installed' && stages.length > 0) {
    const done = stages.filter((stage) => stage.state === 'done').length;
    const other = ['failed', 'running', 'waiting'].map((state) => stages.find((stage) => stage.state === state)).find(Boolean);
    const more = other ? `; ${[other.name, other.state, other.detail].filter(Boolean).join(' ')}` : '';
    return `${done} of ${stages.length} stages done${more || (node.verified ? `, ${node.verified.words}` : '')}`;
  }
  if (node.state === 'failed') return node.reason ?? node.step;
  if (node.state === 'new') return 'nobody has said that it is to be installed';
  return node.step || 'waits for its machine to boot from the network';
}

// How long it took from its kickstart to where it is; nothing where that is not known any more.
export function took(node, at) {
  const end = isReady(node) ? at[READY] : node.since;
  return end >= at[KICKSTART] ? end - at[KICKSTART] : null;
}

// Milliseconds in words: in their largest unit, as `trainyard node status` says it, and in two.
export function ago(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  return s < 172800 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86400)} d`;
}
export function lasted(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  return s < 3600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
}

// A time of day, with its date where that is another one.
export function clock(at) {
  const time = new Date(at);
  const day = time.toDateString() === new Date().toDateString() ? '' : `${time.toLocaleDateString('sv')} `;
  return day + time.toLocaleTimeString('sv');
}
