// Installing a node again: asked for by a button of its row, confirmed here, and allowed by the administrator's token. That is kept
// in this variable and nowhere else, and sent in a header.
let token = '';
addEventListener('pagehide', () => (token = ''));

const byId = (id) => document.getElementById(id);
const [dialog, field, wrong] = ['arm', 'token', 'arm-wrong'].map(byId);
let name = '';
let turn = 0; // counts what was asked for: an answer that comes when the dialog is closed again, or is another node's, is not told in it
let asking = 0; // the turn that waits for its answer

export function confirm(node, isFirst) {
  name = node.name;
  turn += 1;
  byId('arm-title').textContent = isFirst ? `Install ${name}?` : `Install ${name} again?`;
  byId('arm-yes').textContent = isFirst ? 'Install' : 'Install again';
  byId('arm-now').hidden = node.state !== 'installing';
  wrong.textContent = '';
  field.value = token;
  dialog.showModal(); // it closes with Escape, and gives the focus back, by itself
}

// Arms a node; throws why it was not.
async function arm(name) {
  if (!/^[\x21-\x7e]+$/.test(field.value.trim())) throw new Error('this is no token: it has 32 letters and digits');
  const given = field.value.trim();
  const request = { method: 'POST', headers: { Authorization: `Bearer ${given}` }, signal: AbortSignal.timeout(30000) };
  const answer = await fetch(`api/v1/nodes/${encodeURIComponent(name)}/arm`, request).catch(() => {
    throw new Error(`the server does not answer; whether ${name} is armed now, its row tells when it does again`);
  });
  if (answer.status === 401) throw new Error('this is not the token of this server; nothing was armed');
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.error ?? `the server says ${answer.status}`);
  token = given;
}

export function onArmed(told) {
  byId('arm-no').addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => (field.value = ''));
  dialog.querySelector('form').addEventListener('submit', async (submit) => {
    submit.preventDefault();
    if (asking === turn) return;
    const [node, mine] = [name, turn];
    asking = mine;
    wrong.textContent = '';
    try {
      await arm(node);
      told(node);
      if (turn === mine) dialog.close();
    } catch (error) {
      if (turn !== mine) return;
      wrong.textContent = error.message;
      field.select();
    } finally {
      if (asking === mine) asking = 0;
    }
  });
}
