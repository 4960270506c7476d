// A log of any size, by C2SP tlog-tiles, made with node's own cryptography and nothing of Candor's.

import { createHash, generateKeyPairSync, sign } from 'node:crypto';

const sha256 = (...parts) => {
  const hash = createHash('sha256');
  parts.forEach((part) => hash.update(part));
  return hash.digest();
};
const node = (left, right) => sha256(Buffer.of(1), left, right);

/** A key that signs as the origin. */
export function newKey(origin) {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const typed = Buffer.concat([Buffer.of(1), Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url')]);
  const id = sha256(`${origin}\n`, typed).subarray(0, 4);
  return { origin, id, vkey: `${origin}+${id.toString('hex')}+${typed.toString('base64')}`, privateKey };
}

export class Log {
  /** A log of so many entries; `differs` is the index of the one that tells two histories apart. */
  constructor(key, length, differs = -1) {
    this.key = key;
    this.entries = Array.from({ length }, (_, index) => Buffer.from(`${index === differs ? 'other' : 'entry'} ${index}\n`));
    this.hash();
  }

  /** Puts another entry in the place of one. */
  change(index, text) {
    this.entries[index] = Buffer.from(text, 'latin1');
    this.hash();
  }

  hash() {
    // Complete subtrees of 1, 2, 4, ... leaves.
    this.rows = [this.entries.map((entry) => sha256(Buffer.of(0), entry))];
    for (let row = this.rows[0]; row.length > 1;) {
      const below = row;
      row = Array.from({ length: Math.floor(below.length / 2) }, (_, at) => node(below[2 * at], below[2 * at + 1]));
      this.rows.push(row);
    }
  }

  /** The root of the first `size` leaves: their complete subtrees, joined from the right. */
  root(size) {
    const peaks = [];
    for (let [height, from] = [this.rows.length - 1, 0]; height >= 0; height -= 1) {
      if (from + 2 ** height <= size) {
        peaks.push(this.rows[height][from / 2 ** height]);
        from += 2 ** height;
      }
    }
    return peaks.reduceRight((right, left) => node(left, right));
  }

  /** The signed tree head of the first `size` leaves. */
  checkpoint(size) {
    const text = `${this.key.origin}\n${size}\n${this.root(size).toString('base64')}\n`;
    const signature = Buffer.concat([this.key.id, sign(null, Buffer.from(text), this.key.privateKey)]);
    return `${text}\n— ${this.key.origin} ${signature.toString('base64')}\n`;
  }

  /** What is at `tile/...` of a log of `size` leaves that keeps no tile but those of that size. */
  tile(path, size) {
    const [, kind, spelled, partial] = /^tile\/(\d+|entries)\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d+))?$/.exec(path);
    const index = Number(spelled.replace(/[x/]/g, ''));
    const level = kind === 'entries' ? 0 : Number(kind);
    const width = Math.min(256, Math.floor(size / 256 ** level) - index * 256);
    if (width !== Number(partial ?? 256)) throw new Error(`a log of ${size} has no ${path}`);
    const of = kind === 'entries' ? this.entries : this.rows[8 * level];
    const all = of.slice(index * 256, index * 256 + width);
    if (kind !== 'entries') return Buffer.concat(all);
    return Buffer.concat(all.flatMap((entry) => [Buffer.of(entry.length >> 8, entry.length & 255), entry]));
  }
}
