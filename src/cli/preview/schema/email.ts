import { isIP } from 'node:net';

/** What Go's mail.ParseAddress reads (RFC 5322): one address, with or without a name, or a group of one. */
export const isEmail = (text: string): boolean => {
  const behind = behindAddress(text) ?? behindGroup(text);
  return behind !== undefined && behindComments(behind) === '';
};

// Each of the following gives what stands behind a part that the text begins with; undefined where it does not.

const ATOM = '[^\\0- \\x7f()<>[\\]:;@\\\\,".]';
const DOT_ATOM = `${ATOM}+(?:\\.${ATOM}+)*(?![.]|${ATOM})`;
const QUOTED = '"(?:[^\\0-\\x08\\x0a-\\x1f\\x7f"\\\\]|\\\\[^\\0-\\x08\\x0a-\\x1f\\x7f])*"';
const SPEC = new RegExp(
  `^[ \\t]*(?:${DOT_ATOM}|(?!"")${QUOTED})@[ \\t]*(?:${DOT_ATOM}|\\[([^\\0- \\x7f[\\]\\\\]*)\\])`,
  'u',
);

/** `user@example.com` */
const behindSpec = (text: string): string | undefined => {
  const [spec, literal] = SPEC.exec(text) ?? [];
  const isWrong = spec === undefined || (literal !== undefined && (isIP(literal) === 0 || literal.includes('%')));
  return isWrong ? undefined : text.slice(spec.length);
};

/** `user@example.com (A User)` and `A User <user@example.com>` */
const behindAddress = (text: string): string | undefined => {
  const bare = behindSpec(text);
  if (bare !== undefined) return behindNameComment(trimmed(bare));
  const named = behindName(text);
  const angled = named?.startsWith('<') ? behindSpec(named.slice(1)) : undefined;
  return angled?.startsWith('>') ? angled.slice(1) : undefined;
};

/** `Users: user@example.com;` */
const behindGroup = (text: string): string | undefined => {
  const named = behindName(text);
  const listed = named?.startsWith(':') ? behindAddress(named.slice(1)) : undefined;
  const end = listed === undefined ? undefined : behindComments(listed);
  return end?.startsWith(';') ? end.slice(1) : undefined;
};

const WORD = new RegExp(`^(?:${QUOTED}|(?:${ATOM}|\\.)+)`, 'u');

/** Words, and comments behind each. One in a foreign charset is an error at the start, and the end of the name later. */
const behindName = (text: string): string | undefined => {
  const start = trimmed(text);
  if (start.startsWith('<')) return start;
  const [first] = WORD.exec(start) ?? [];
  return first === undefined || isForeignWord(first) ? undefined : behindWords(start.slice(first.length));
};

const behindWords = (text: string): string | undefined => {
  const behind = behindComments(text);
  const [word] = WORD.exec(behind ?? '') ?? [];
  if (word === undefined) return behind;
  const next = behind?.slice(word.length) ?? '';
  return isForeignWord(word) ? trimmed(next) : behindWords(next);
};

const behindNameComment = (text: string): string | undefined => {
  if (!text.startsWith('(')) return text;
  const { comment, behind } = commentAt(text) ?? {};
  return comment?.split(/[ \t]/).some(isForeignWord) ? undefined : behind;
};

const behindComments = (text: string): string | undefined => {
  const behind = trimmed(text);
  if (!behind.startsWith('(')) return behind;
  const found = commentAt(behind);
  return found && behindComments(found.behind);
};

interface Comment {
  /** All that is within, without what escapes. */
  readonly comment: string;
  readonly behind: string;
}

/** Comments hold comments. */
const commentAt = (text: string): Comment | undefined => {
  let depth = 0;
  for (const { 0: part, index } of text.matchAll(/\\.|[()]/gsu)) {
    if (part === '(') depth += 1;
    if (part === ')') depth -= 1;
    if (depth === 0) return { comment: text.slice(1, index).replace(/\\(.)/gsu, '$1'), behind: text.slice(index + 1) };
  }
  return undefined;
};

const trimmed = (text: string): string => text.replace(/^[ \t]+/, '');

/** A word in a set of characters that Go does not know (RFC 2047). One that is written wrong is a word like others. */
const isForeignWord = (word: string): boolean => {
  const [, charset = 'utf-8', encoding = '', content = ''] = /^=\?([^?]+)\?([^?])\?([^?]*)\?=$/u.exec(word) ?? [];
  return (
    !/^(?:utf-8|iso-8859-1|us-ascii)$/iu.test(charset) && ENCODINGS[encoding.toLowerCase()]?.test(content) === true
  );
};

const ENCODINGS: Readonly<Record<string, RegExp>> = {
  b: /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/,
  q: /^(?:=[\da-f]{2}|[\t\n\r -<>-~])*$/i,
};
