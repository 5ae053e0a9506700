import { isIPv6 } from 'node:net';

/** What Go's url.ParseRequestURI reads: a path from the root, `*`, or a URL with a scheme. */
export const isRequestUri = (text: string): boolean => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is them that are refused.
  if (text === '' || text.startsWith(':') || /[\0-\x1f\x7f]/.test(text)) return false;
  if (text === '*') return true;
  const [, scheme, behind = ''] = /^(?:([a-z][a-z\d+.-]*):)?(.*)$/is.exec(text) ?? [];
  const [hierarchy = ''] = behind.split('?');
  if (!hierarchy.startsWith('/')) return scheme !== undefined;
  const [, authority = '', path = ''] = /^\/\/([^/]*)(.*)$/s.exec(hierarchy) ?? [];
  if (scheme === undefined || !hierarchy.startsWith('//')) return isEscaped(hierarchy);
  return isAuthority(authority, scheme.toLowerCase()) && isEscaped(path);
};

/** Each percent sign begins a byte. */
const isEscaped = (text: string): boolean => !/%(?![\da-f]{2})/i.test(text);

const isAuthority = (authority: string, scheme: string): boolean => {
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  const user = at < 0 ? '' : authority.slice(0, at);
  return isEscaped(user) && /^[\w.:~!$&'()*+,;=%@-]*$/.test(user) && (isLiteral(host) || isNamed(host, scheme));
};

const HOST = '[\\w!$&\'()*+,;=:\\[\\]<>".~-]|[^\\0-\\x7f]';
const LITERAL = new RegExp(`^\\[([^%\\]]*)(?:%25((?:${HOST}|%[2-7][\\da-f])+))?\\](?::\\d*)?$`, 'i');

/** An address of IPv6 in brackets, with a zone behind `%25`. */
const isLiteral = (host: string): boolean => {
  const [, address = '', zone = ''] = LITERAL.exec(host) ?? [];
  const escapes = [...zone.matchAll(/%(..)/g)].map(([, digits = '']) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return (
    isIPv6(address) &&
    !zone.includes('[') &&
    escapes.every((character) => /^[\w!$&'()*+,;=:[\]<>".~% -]$/.test(character))
  );
};

/** Of `http` and `https` the first colon is that of the port, of others the last. */
const isNamed = (host: string, scheme: string): boolean => {
  if (host.includes('[')) return false;
  const colon = /^https?$/.test(scheme) ? host.indexOf(':') : host.lastIndexOf(':');
  return (colon < 0 || /^:\d*$/.test(host.slice(colon))) && NAME.test(host);
};

const NAME = new RegExp(`^(?:${HOST}|%[89a-f][\\da-f]|%25)*$`, 'i');
