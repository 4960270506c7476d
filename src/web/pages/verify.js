// Verifies this page in the reader's own browser. It is the only script of this site, allowed by its hash,
// and only on the pages of the log and of config versions. It sends nothing but requests for the log's
// public files, and stores in this browser: the newest signed tree head that it saw, the verifier key that
// the page named then, and the one that the reader entered, if any.
//
// Formats: C2SP signed-note, tlog-checkpoint and tlog-tiles; RFC 6962 hashes; Go's h1: hashes.
'use strict';

const section = document.getElementById('verify');
const { log, vkey, entry, record, module, version, zip, json } = section.dataset;

/** Something is wrong, as opposed to something that could not be checked. */
class Wrong extends Error {}
/** Two signed histories contradict each other; `evidence` is the file that proves it. */
class Forked extends Wrong {
  constructor(evidence) {
    super('THE LOG WAS FORKED: it has signed a history that excludes the one this browser saw before. '
      + 'Show the evidence to others who use this log');
    this.evidence = evidence;
  }
}

// Bytes

const entries = (number) => (number === 1 ? '1 entry' : `${number} entries`);
const utf8 = (text) => new TextEncoder().encode(text);
const binary = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const base64 = (bytes) => btoa(binary(bytes));
const same = (one, other) => base64(one) === base64(other);

/** Decodes canonical base64. */
function fromBase64(text) {
  let bytes;
  try { bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)); } catch { /* reported below */ }
  if (!bytes || base64(bytes) !== text) throw new Wrong(`${JSON.stringify(text)} is not base64`);
  return bytes;
}

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer()));
}

const leafHash = (bytes) => sha256(Uint8Array.of(0), bytes);
const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);

async function get(address, cache = 'default') {
  let answer;
  try { answer = await fetch(address, { cache, credentials: 'omit', redirect: 'error' }); } catch { /* reported below */ }
  if (!answer?.ok) throw new Error(`${address} could not be loaded${answer ? ` (status ${answer.status})` : ''}`);
  return new Uint8Array(await answer.arrayBuffer());
}

// Signed tree heads

/** A tree head as a signed note; its signatures are not verified. */
function readHead(note) {
  const split = note.lastIndexOf('\n\n');
  const body = note.slice(0, split + 1);
  const [origin, size, root] = body.split('\n');
  if (split < 0 || !note.endsWith('\n') || !/^(0|[1-9]\d*)$/.test(size) || !Number.isSafeInteger(+size)) {
    throw new Wrong('the tree head that is served is not one');
  }
  const signatures = note.slice(split + 2, -1).split('\n').map((line) => {
    const [, name, signature] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    if (!signature) throw new Wrong('the tree head that is served has a malformed signature');
    return { name, bytes: fromBase64(signature) };
  });
  return { note, body, origin, size: +size, root: fromBase64(root), signatures };
}

/** A verifier key of a log: NAME+ID+BASE64. */
async function readKey(text) {
  const [, name, id, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim()) ?? [];
  if (!encoded) throw new Wrong('this is not a verifier key, NAME+ID+BASE64');
  const bytes = fromBase64(encoded);
  if (bytes[0] !== 1 || bytes.length !== 33) throw new Wrong('this is not the key of a log (Ed25519)');
  const hash = await sha256(utf8(`${name}\n`), bytes);
  if (hex(hash.slice(0, 4)) !== id) throw new Wrong('a character of this key was lost or changed');
  return { text: text.trim(), name, id: hash.slice(0, 4), raw: bytes.slice(1) };
}

/** A head that the key did not sign. */
class NotSigned extends Wrong {}

/** Whether the browser could verify a head's signature; throws if the signature is bad. */
async function verifySignature(head, key) {
  const by = head.signatures.filter(({ name, bytes }) => name === key.name && same(bytes.slice(0, 4), key.id));
  if (head.origin !== key.name || by.length === 0) {
    throw new NotSigned(`the tree head that is served is not signed by ${key.name}+${hex(key.id)}`);
  }
  let usable;
  try {
    usable = await crypto.subtle.importKey('raw', key.raw, { name: 'Ed25519' }, false, ['verify']);
  } catch (error) {
    if (error.name === 'NotSupportedError') return false;
    throw new Wrong('the key is not a sound Ed25519 key');
  }
  for (const { bytes } of by) {
    if (!await crypto.subtle.verify('Ed25519', usable, bytes.slice(4), utf8(head.body))) {
      throw new NotSigned(`the signature by ${key.name} on the tree head is FORGED`);
    }
  }
  return true;
}

// The tree, from tiles. Tiles are not trusted: what is computed from them must lead to a signed root.

const tiles = new Map();

/** The hashes of a tile of the tree of this size. */
function tile(level, index, size) {
  const width = Math.min(256, Math.floor(size / 256 ** level) - index * 256);
  const address = `${log}tile/${level}/${spelled(index, width)}`;
  const load = async () => {
    const bytes = await get(address);
    if (bytes.length !== 32 * width) throw new Wrong(`${address} is not a tile of ${width} hashes`);
    return Array.from({ length: width }, (_, at) => bytes.slice(32 * at, 32 * at + 32));
  };
  if (!tiles.has(address)) tiles.set(address, load());
  return tiles.get(address);
}

/** 1234067 is x001/x234/067; the width of a partial tile follows. */
function spelled(index, width) {
  const three = String(index).padStart(Math.ceil(String(index).length / 3) * 3, '0').match(/.../g);
  return three.map((digits, at) => (at < three.length - 1 ? `x${digits}` : digits)).join('/')
    + (width < 256 ? `.p/${width}` : '');
}

/** The largest power of two below a width of at least two: where RFC 6962 splits a tree. */
function half(width) {
  let power = 1;
  while (power * 2 < width) power *= 2;
  return power;
}

/** The hash over the leaves from `low` to before `high`. */
async function subtree(low, high, size) {
  const width = high - low;
  if (width > 1 && half(width) * 2 !== width) {
    const middle = low + half(width);
    return nodeHash(await subtree(low, middle, size), await subtree(middle, high, size));
  }
  // The number of leaves is a power of two: one hash of a tile, or up to 128 adjacent ones.
  const height = Math.round(Math.log2(width));
  const level = Math.floor(height / 8);
  const count = 2 ** (height % 8);
  const first = low / 256 ** level;
  let row = (await tile(level, Math.floor(first / 256), size)).slice(first % 256, (first % 256) + count);
  while (row.length > 1) {
    row = await Promise.all(row.filter((_, at) => at % 2 === 0).map((left, at) => nodeHash(left, row[2 * at + 1])));
  }
  return row[0];
}

/** The root of the tree if this leaf is at this index. */
async function rootWith(leaf, index, low, high, size) {
  if (high - low === 1) return leaf;
  const middle = low + half(high - low);
  return index < middle
    ? nodeHash(await rootWith(leaf, index, low, middle, size), await subtree(middle, high, size))
    : nodeHash(await subtree(low, middle, size), await rootWith(leaf, index, middle, high, size));
}

/** The roots of the first `old` leaves and of the whole tree, from the same hashes, which are the proof. */
async function bothRoots(old, low, high, size, proof, outer = true) {
  if (old === high - low) {
    const root = await subtree(low, high, size);
    if (!outer) proof.push(root);
    return [root, root];
  }
  const middle = low + half(high - low);
  if (old <= middle - low) {
    const [then, left] = await bothRoots(old, low, middle, size, proof, outer);
    const right = await subtree(middle, high, size);
    proof.push(right);
    return [then, await nodeHash(left, right)];
  }
  const left = await subtree(low, middle, size);
  const [then, right] = await bothRoots(old - (middle - low), middle, high, size, proof, false);
  proof.push(left);
  return [await nodeHash(left, then), await nodeHash(left, right)];
}

/** Throws if the log does not begin with what this browser saw before. */
async function verifyContinues(seen, head) {
  if (head.size < seen.size) {
    throw new Wrong(`the log has ${entries(head.size)}, but this browser has seen ${seen.size}: the server was `
      + 'rolled back, or a cache on the way is stale');
  }
  if (head.size === seen.size && !same(head.root, seen.root)) {
    throw new Forked(evidence('two-roots', seen, head, []));
  }
  if (seen.size === 0 || head.size === seen.size) return;
  const proof = [];
  const [then, now] = await bothRoots(seen.size, 0, head.size, head.size, proof);
  if (!same(now, head.root)) throw new Wrong('the tiles that are served do not belong to the signed tree head');
  if (!same(then, seen.root)) {
    throw new Forked(evidence('not-contained', seen, head, ['', `root ${base64(then)}`, ...proof.map(base64)]));
  }
}

/** A file that `candor verify` confirms offline, with only the log's key. */
function evidence(kind, seen, head, rest) {
  const quoted = (note) => note.slice(0, -1).split('\n').map((line) => (line ? `> ${line}` : '>'));
  const remark = '# The first statement was seen by a browser before the second.';
  return ['candor-evidence/v1', remark, kind, '', ...quoted(seen.note), '', ...quoted(head.note), ...rest, ''].join('\n');
}

/** The bytes of an entry, after verifying that it is in the tree at its index. */
async function provenEntry(index, head) {
  if (index >= head.size) throw new Error(`the log has ${entries(head.size)}, and no entry ${index}`);
  const bundle = Math.floor(index / 256);
  const bytes = await get(`${log}tile/entries/${spelled(bundle, Math.min(256, head.size - bundle * 256))}`);
  let [start, end] = [0, 0];
  for (let at = bundle * 256; at <= index; at += 1) {
    start = end + 2;
    end = start + bytes[end] * 256 + bytes[end + 1];
    if (!(end <= bytes.length)) throw new Wrong('the entries that are served are cut off');
  }
  const found = bytes.slice(start, end);
  if (!same(await rootWith(await leafHash(found), index, 0, head.size, head.size), head.root)) {
    throw new Wrong(`what is served as entry ${index} is NOT in the log that was signed`);
  }
  return found;
}

// Module zips

/** The files of a zip: names, with one character per byte, and contents. */
async function unzip(bytes) {
  try {
    const view = new DataView(bytes.buffer);
    let end = bytes.length - 22;
    while (view.getUint32(end, true) !== 0x06054b50) end -= 1;
    const files = [];
    let at = view.getUint32(end + 16, true);
    for (let left = view.getUint16(end + 10, true); left > 0; left -= 1) {
      const [method, packed, header] = [view.getUint16(at + 10, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)];
      const name = binary(bytes.slice(at + 46, at + 46 + view.getUint16(at + 28, true)));
      const start = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
      const contents = bytes.slice(start, start + packed);
      files.push([name, method === 0 ? contents : await inflate(contents)]);
      at += 46 + view.getUint16(at + 28, true) + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    }
    return files;
  } catch { throw new Wrong('the zip that is served is damaged'); }
}

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Go's h1: hash: the SHA-256 of a line for each file, in byte order of the names. */
async function hash1(files) {
  const sorted = [...files].sort(([one], [other]) => (one < other ? -1 : 1));
  const lines = await Promise.all(sorted.map(async ([name, contents]) => `${hex(await sha256(contents))}  ${name}\n`));
  return `h1:${base64(await sha256(Uint8Array.from(lines.join(''), (c) => c.charCodeAt(0))))}`;
}

/** Verifies that the zip and config.json that this browser gets are those in the log's entry. */
async function verifyVersion(head) {
  const logged = binary(await provenEntry(Number(entry), head));
  const files = new Map();
  for (const [name, contents] of await unzip(await get(zip, 'no-store'))) {
    // A line break in a name would look like lines of other files in the text that is hashed.
    // eslint-disable-next-line no-control-regex
    if (/[\0-\x1f\x7f]/.test(name)) throw new Wrong(`the zip that is served names a file ${JSON.stringify(name)}`);
    if (files.has(name)) throw new Wrong(`the zip that is served has two files ${name}`);
    files.set(name, contents);
  }
  const all = await hash1(files);
  // The log names both, so a zip without go.mod does not match.
  const goMod = await hash1([['go.mod', files.get(`${module}@${version}/go.mod`) ?? new Uint8Array()]]);
  if (logged !== `${module} ${version} ${all}\n${module} ${version}/go.mod ${goMod}\n`) {
    throw new Wrong(`this browser got ANOTHER ${version} than the log names: its zip has the hash ${all}, and the log says: ${logged.trim()}`);
  }
  const config = files.get(`${module}@${version}/config.json`);
  if (!config) throw new Wrong(`the zip of ${version} has no config.json`);
  if (!same(await get(json, 'no-store'), config)) {
    throw new Wrong(`the config.json that this browser got is NOT the one in the zip of ${version}`);
  }
  return [`This browser got the ${version} that the log names in entry ${entry}: the zip has the hash ${all}, and config.json is the one in it`, config];
}

// The tables of a config's page

/** The names in a counter expression. */
function expand(name) {
  const brace = name.indexOf('{');
  if (brace < 0) return [name];
  return name.slice(brace + 1).replace(/\}$/, '').split(',').map((bucket) => name.slice(0, brace) + bucket);
}

/** Whether a percentage equals a rate, to three digits. */
function isRate(text, rate) {
  const percent = Number(/^(\d+(?:\.\d+)?)%$/.exec(text)?.[1] ?? NaN);
  if (percent === 0 || percent === 100) return rate === percent / 100;
  return Math.abs(percent - rate * 100) <= rate * 0.5;
}

/** The rows of the tables: each program with its versions, then its counters and stacks. */
function rowsOf(programs) {
  return (programs ?? []).flatMap(({ Name, Versions, Counters, Stacks }) => [
    { program: Name, names: [Name, ...Versions ?? []] },
    ...(Counters ?? []).map((counter) => ({ program: Name, names: expand(counter.Name), rates: [counter.Rate] })),
    ...(Stacks ?? []).map((stack) => ({ program: Name, names: [stack.Name], rates: [stack.Rate], depth: stack.Depth ?? 0 })),
  ]);
}

/**
 * Verifies that the page shows exactly the names, rates and depths of this config.json, in its order; or, if it is
 * one of several pages, those of the rows that it says it shows.
 */
function verifyTables(config) {
  const tables = document.getElementById('collected');
  if (!tables) throw new Error('the tables on this page: there are none that this script could read');
  const { GOOS, GOARCH, GoVersion, SampleRate, Programs } = JSON.parse(new TextDecoder().decode(config));
  const environments = { names: [...GOOS ?? [], ...GOARCH ?? [], ...GoVersion ?? []], rates: [SampleRate] };
  const all = rowsOf(Programs);
  const [from, to] = tables.dataset.rows?.split('-').map(Number) ?? [0, all.length];
  const rows = all.slice(from, to);
  const namesIn = (some) => some.flatMap((row) => row.names);
  const before = from === 0 ? 0 : namesIn([environments, ...all.slice(0, from)]).length;
  // Where they may come from is on the first page; a program that began on another page is named again.
  if (from === 0) rows.unshift(environments);
  const again = rows[0]?.rates && from !== 0 ? [rows[0].program] : [];
  const names = [...again, ...namesIn(rows)];
  const rates = rows.flatMap((row) => row.rates ?? []);
  const depths = rows.flatMap((row) => row.depth ?? []);
  const elements = (selector) => Array.from(tables.querySelectorAll(selector));
  const textOf = (element) => element.textContent;
  // The summary of a collapsed list repeats two of its names.
  const shown = elements('code').filter((element) => !element.closest('summary')).map(textOf);
  const wrong = (what, there, wanted) => new Wrong(`the tables on this page are not those of config.json: they show ${what} ${
    JSON.stringify(there ?? null)} where it has ${JSON.stringify(wanted ?? null)}`);
  for (let at = 0; at < Math.max(shown.length, names.length); at += 1) {
    if (shown[at] !== names[at]) throw wrong('the name', shown[at], names[at]);
  }
  const shownRates = [...document.querySelectorAll('#sample-rate'), ...elements('td.number')].map(textOf);
  for (let at = 0; at < Math.max(shownRates.length, rates.length); at += 1) {
    if (!isRate(shownRates[at], rates[at])) throw wrong('the rate', shownRates[at], rates[at]);
  }
  const shownDepths = elements('.depth').map((element) => Number(element.textContent));
  if (String(shownDepths) !== String(depths)) throw wrong('the depths of stacks', shownDepths, depths);
  const [count, total] = [names.length - again.length, namesIn([environments, ...all]).length];
  if (count === total) return `The tables on this page show ${count} names with their rates, and they are those of config.json`;
  const which = count === 0 ? 'none' : `the names ${before + 1} to ${before + count}`;
  return `The tables on this page show ${which} of the ${total} in config.json, with their rates, and they are those of config.json. `
    + 'The rest was not compared: each of the other pages is when you open it';
}

// Messages, and what is remembered

const list = section.querySelector('ul');
const WORDS = { good: 'Verified. ', bad: 'WRONG: ', open: 'Not checked: ', note: '', pending: 'Checking ' };

function say(kind, text, item = list.appendChild(document.createElement('li'))) {
  item.className = kind;
  item.replaceChildren();
  item.appendChild(document.createElement('strong')).textContent = WORDS[kind];
  item.append(`${text}.`);
  return item;
}

/** Replaces a pending message with an error. */
function sayError(error, item) {
  say(error instanceof Wrong ? 'bad' : 'open', error.message, item);
  if (error.evidence) {
    const link = document.createElement('a');
    item.append(' ', link);
    link.href = URL.createObjectURL(new Blob([error.evidence]));
    link.download = 'fork.candor-evidence';
    link.textContent = 'Save the evidence, which candor verify confirms on any machine';
  }
}

/** What this browser stores under a name; a value is stored first, and null deletes it. Storage may be disabled. */
function kept(name, value) {
  try {
    if (value) localStorage.setItem(`candor ${log} ${name}`, value);
    if (value === null) localStorage.removeItem(`candor ${log} ${name}`);
    return localStorage.getItem(`candor ${log} ${name}`);
  } catch { return null; }
}

/** The key that the reader entered, the only one that need not come from this site. */
const GIVEN = 'key that the reader gave';
/** The key that the page named when this browser first saw the log. */
const NAMED = 'key that the page named';

const known = section.querySelector('.known');
function showKnown() {
  const [given, named] = [kept(GIVEN), kept(NAMED)];
  known.hidden = !given && (!named || named === vkey);
  known.querySelector('span').textContent = given
    ? `This browser checks with the key that you gave: ${given}`
    : `This browser checks with the key that this page named when it was here first: ${named}`;
}

/** The served tree head with its key, after verifying the signature, and a message. */
async function signedHead() {
  if (!globalThis.crypto?.subtle) {
    throw new Error('this browser only offers cryptography to pages served over https');
  }
  const [given, named] = [kept(GIVEN), kept(NAMED)];
  const key = await readKey(given ?? named ?? vkey);
  if (key.text !== vkey) {
    list.prepend(say('bad', `this page names another key of the log, ${vkey}, than ${given ? 'the one that you gave'
      : 'it did when this browser was here first'}, ${key.text}`));
  }
  const head = readHead(new TextDecoder().decode(await get(`${log}checkpoint`, 'no-store')));
  let isVerified;
  try { isVerified = await verifySignature(head, key); } catch (error) {
    if (given && error instanceof NotSigned) {
      error.message += '. That is the key that you gave: either this is not the log that you had it of, or it is the '
        + 'wrong key; then use “Forget this key” below';
    }
    throw error;
  }
  if (!isVerified) throw new Error('this browser cannot verify Ed25519 signatures; a newer one can');
  let whose = 'the key that this page names: compare it with one that you have from elsewhere';
  if (given) whose = 'the key that you gave';
  else if (key.text !== vkey) whose = 'the key that this page named before';
  return { head, key, text: `The log of ${entries(head.size)} is signed by ${key.name}+${hex(key.id)}, ${whose}` };
}

/** Compares the log's history with what this browser saw before, and remembers it. */
async function heldToHistory({ head, key }) {
  const seen = kept(`seen ${key.text}`);
  const before = seen && readHead(seen);
  if (before) await verifyContinues(before, head);
  if (!kept(GIVEN) && !kept(NAMED)) kept(NAMED, key.text);
  const isKept = kept(`seen ${key.text}`, head.note) !== null;
  if (before) return ['good', `It begins with ${before.size === 1 ? 'the one entry' : `all ${before.size} entries`} that this browser saw before: none was changed or removed`];
  return ['note', isKept
    ? 'This is the first time that this browser has seen the log. It remembers the tree head, and will check that later ones extend it'
    : 'This browser stores nothing for this site, so it cannot check whether the log still begins with what it saw before'];
}

/** The tree head that everything else depends on; null if it could not be verified. */
async function verifyHead(signature, history) {
  let signed;
  try {
    signed = await signedHead();
    say('good', signed.text, signature);
  } catch (error) {
    sayError(error, signature);
    history.remove();
    return null;
  }
  try {
    say(...await heldToHistory(signed), history);
    return signed.head;
  } catch (error) {
    sayError(error, history);
    say('note', `The tree head of ${entries(signed.head.size)} has a good signature, but is not accepted, for the following reason`, signature);
    return null;
  }
}

/** Verifies everything on this page. Checks are shown as pending from the start. */
async function run() {
  list.parentElement.setAttribute('aria-busy', 'true');
  list.replaceChildren();
  showKnown();
  const [signature, history] = [say('pending', 'the signature of the log'), say('pending', 'that the log was only added to')];
  const [files, tables] = zip ? [say('pending', `the files of ${version}`), say('pending', 'the tables on this page')] : [];
  const shown = record && say('pending', 'the record on this page');
  const head = await verifyHead(signature, history);
  const unverified = new Error('that would depend on a tree head that was not verified');
  const rest = async (item, what, check) => {
    try {
      if (!head) throw new Error(`${what}, as ${unverified.message}`);
      const [text, found] = await check();
      say('good', text, item);
      return found;
    } catch (error) {
      sayError(error, item);
      return null;
    }
  };
  if (files) {
    const config = await rest(files, `the files of ${version}`, () => verifyVersion(head));
    await rest(tables, 'the tables on this page', async () => {
      if (!config) throw new Error('the tables on this page, as config.json was not verified');
      return [verifyTables(config)];
    });
  }
  if (shown) {
    await rest(shown, 'the record on this page', async () => {
      const found = new TextDecoder().decode(await provenEntry(Number(entry), head));
      if (found !== record) throw new Wrong(`entry ${entry} of the log is not what this page shows, but: ${found}`);
      return [`The record on this page is entry ${entry} of the signed log`];
    });
  }
  showKnown();
  list.parentElement.setAttribute('aria-busy', 'false');
  return head;
}

section.hidden = false;
// One after the other: no check may depend on a tree head that is being withdrawn.
let turn = run();
section.querySelector('form.entry')?.addEventListener('submit', (event) => {
  event.preventDefault();
  const index = Number(event.target.elements.entry.value);
  turn = turn.then(async (head) => {
    const item = say('pending', `entry ${index}`);
    try {
      if (!head) throw new Error(`entry ${index}, as that would depend on a tree head that was not verified`);
      say('good', `Entry ${index} is in the signed log: ${binary(await provenEntry(index, head)).trim()}`, item);
    } catch (error) { sayError(error, item); }
    return head;
  });
});
section.querySelector('form.key')?.addEventListener('submit', async (event) => {
  event.preventDefault();
  const input = event.target.elements.key;
  const given = input.value.trim();
  const problem = await readKey(given).then(() => '', (error) => `No key to check with: ${error.message}.`);
  event.target.querySelector('[role="alert"]').textContent = problem;
  input.setAttribute('aria-invalid', String(problem !== ''));
  if (problem) return;
  kept(GIVEN, given);
  turn = turn.then(run);
});
known.querySelector('button').addEventListener('click', () => {
  kept(GIVEN, null);
  kept(NAMED, null);
  turn = turn.then(run);
});
