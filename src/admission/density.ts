/** Levels of a JSON text: Kubernetes' own kinds have about twenty, and what recurses into thousands overflows the stack. */
const MAX_DEPTH = 500;
/** Values of a JSON text. The review of an UPDATE that carries two objects of 1.5 MiB has some 300,000 at most. */
const MAX_VALUES = 500_000;
/** In bytes; what is smaller holds too few values to matter. */
const SMALL = 256 * 1024;

const [QUOTE, BACKSLASH] = [...Buffer.from('"\\')];

/** One for each byte that begins a value. */
const VALUES = new Int8Array(256);
/** How each byte moves the level. */
const DEPTH_CHANGES = new Int8Array(256);
for (const byte of Buffer.from(',[{')) VALUES[byte] = 1;
for (const byte of Buffer.from('[{')) DEPTH_CHANGES[byte] = 1;
for (const byte of Buffer.from(']}')) DEPTH_CHANGES[byte] = -1;

/** How many bytes of a large body are looked at first. */
const SAMPLE = 2_048;

/**
 * True for a JSON text that is small and takes thirty times its size once it is parsed: `[[[…]]]` of 7 MiB is 200 MB and a
 * second of work, whoever sent it. Looks at every byte only where a sample of them says that it may be.
 */
export const isTooComplex = (body: Buffer): boolean =>
  body.length > SMALL && mayBeTooComplex(body) && exceedsLimits(body);

/** At random, so that nobody knows which; at half of what is too much, it says true of all that is too much. */
const mayBeTooComplex = (body: Buffer): boolean => {
  let values = 0;
  for (let count = 0; count < SAMPLE; count += 1)
    values += VALUES[body[Math.floor(Math.random() * body.length)] ?? 0] ?? 0;
  return (values / SAMPLE) * body.length > MAX_VALUES / 2;
};

const exceedsLimits = (body: Buffer): boolean => {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at] ?? 0;
    if (byte === QUOTE) at = endOfString(body, at);
    values += VALUES[byte] ?? 0;
    depth += DEPTH_CHANGES[byte] ?? 0;
    if (values > MAX_VALUES || depth > MAX_DEPTH) return true;
  }
  return false;
};

/** Where the text that begins at a quote ends. */
const endOfString = (body: Buffer, start: number): number => {
  for (let at = start + 1; at < body.length; at += 1) {
    if (body[at] === BACKSLASH) at += 1;
    else if (body[at] === QUOTE) return at;
  }
  return body.length;
};
