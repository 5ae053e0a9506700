import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

type Subnet = readonly [net: string, prefix: number, family: 'ipv4' | 'ipv6'];

const blockList = (...subnets: readonly Subnet[]): BlockList => {
  const list = new BlockList();
  for (const [net, prefix, family] of subnets) list.addSubnet(net, prefix, family);
  return list;
};

/** Link-local, and where clouds serve metadata and credentials outside it (AWS, Oracle, Azure, Alibaba). */
const metadata = blockList(
  ['169.254.0.0', 16, 'ipv4'],
  ['100.100.100.200', 32, 'ipv4'],
  ['168.63.129.16', 32, 'ipv4'],
  ['192.0.0.192', 32, 'ipv4'],
  ['fe80::', 10, 'ipv6'],
  // Metadata of EC2, and the credentials that EKS gives to pods.
  ['fd00:ec2::254', 128, 'ipv6'],
  ['fd00:ec2::23', 128, 'ipv6'],
  ['fd00:c1::a9fe:a9fe', 128, 'ipv6'],
  ['fd20:ce::254', 128, 'ipv6'],
  // Scaleway's and Akamai's.
  ['fd00:42::42', 128, 'ipv6'],
  ['fd00:a9fe:a9fe::1', 128, 'ipv6'],
);

/** What reaches this very host; 0.0.0.0 and :: do on Linux. IPv4-compatible addresses (::127.0.0.1) reach nobody else by right. */
const loopback = blockList(['127.0.0.0', 8, 'ipv4'], ['0.0.0.0', 8, 'ipv4'], ['::', 96, 'ipv6']);

const metadataNames =
  /^(metadata|instance-data|metadata\.goog|(.+\.)?metadata\.google\.internal|metadata\.[a-z.]+\.internal|(.+\.)?metadata\.cloud\.ibm\.com|metadata\.tencentyun\.com)$/;
const loopbackNames = /^((.+\.)?localhost|ip6-(localhost|loopback))$/;

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/**
 * True for an IP address no tenant may have us connect to: link-local and metadata services always, loopback unless allowed.
 * For the address a name resolves to as much as for one written in a URL. What is no IP address is not forbidden.
 */
export const isForbiddenAddress = (address: string, isLoopbackAllowed: boolean): boolean => {
  if (isIP(address) === 0) return false;
  return [address, ...embeddedIn(address)].some((one) => {
    const family = familyOf(one);
    return metadata.check(one, family) || (!isLoopbackAllowed && loopback.check(one, family));
  });
};

/**
 * Where an IPv4 address stands in an IPv6 one that leads to it, in digits of four bits: NAT64 (RFC 6052, RFC 8215 with any length of its
 * prefix), IPv4-compatible, SIIT (RFC 2765), 6to4 (RFC 3056), Teredo's server (RFC 4380) and ISATAP (RFC 5214).
 */
const EMBEDDINGS: readonly (readonly [RegExp, (digits: string) => string])[] = [
  [/^0064ff9b0{16}/, (digits) => digits.slice(24)],
  ...[[12, 16, 18, 22] as const, [14, 16, 18, 24] as const, [18, 26, 26, 26] as const, [24, 32, 32, 32] as const].map(
    ([from, to, again, end]): (typeof EMBEDDINGS)[number] => [
      /^0064ff9b0001/,
      (digits) => digits.slice(from, to) + digits.slice(again, end),
    ],
  ),
  [/^0{24}/, (digits) => digits.slice(24)],
  [/^0{16}ffff0000/, (digits) => digits.slice(24)],
  [/^2002/, (digits) => digits.slice(4, 12)],
  [/^20010000/, (digits) => digits.slice(8, 16)],
  [/^.{16}0[02]005efe/, (digits) => digits.slice(24)],
];

const embeddedIn = (address: string): readonly string[] => {
  const digits = familyOf(address) === 'ipv6' ? digitsOf(address) : undefined;
  if (digits === undefined) return [];
  // Teredo has its client's address with every bit turned.
  const client = digits.startsWith('20010000') ? [dotted(turned(digits.slice(24)))] : [];
  const found = EMBEDDINGS.flatMap(([form, of]) => (form.test(digits) ? [of(digits)] : []));
  // Read with another length of prefix than it has, an address of NAT64 mostly begins with zeros.
  const isNat64 = digits.startsWith('0064ff9b0001');
  return [...found.filter((one) => !isNat64 || !one.startsWith('00')).map(dotted), ...client];
};

/** The 32 digits of an IPv6 address, of which a zone is no part. */
const digitsOf = (address: string): string | undefined => {
  const name = URL.parse(`http://[${address.replace(/%.*$/, '')}]`)?.hostname.slice(1, -1);
  if (name === undefined) return undefined;
  const [head = '', tail = ''] = name.split('::').map((part) =>
    part
      .split(':')
      .filter((group) => group !== '')
      .map((group) => group.padStart(4, '0'))
      .join(''),
  );
  return head + tail.padStart(32 - head.length, '0');
};

const dotted = (digits: string): string =>
  [0, 2, 4, 6].map((at) => Number.parseInt(digits.slice(at, at + 2), 16)).join('.');

const turned = (digits: string): string =>
  digits.replaceAll(/./g, (digit) => (15 - Number.parseInt(digit, 16)).toString(16));

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');

const isForbiddenHost = (host: string, isLoopbackAllowed: boolean): boolean =>
  metadataNames.test(host) ||
  (!isLoopbackAllowed && loopbackNames.test(host)) ||
  isForbiddenAddress(host, isLoopbackAllowed);

/**
 * Why an object store's address cannot be used, as one sentence that begins with `field`; undefined where it can.
 * The text is never repeated: it may hold credentials.
 */
export const checkEndpoint = (field: string, text: string, isLoopbackAllowed: boolean): string | undefined => {
  if (!URL.canParse(text) || !/^https?:\/\//i.test(text))
    return `${field} must be a whole address such as https://s3.example.org, beginning with http:// or https://.`;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '')
    return `${field} must hold no user or password: put them in the Secret that spec.credentialsSecretRef names.`;
  if (url.pathname !== '/') return `${field} must hold no path: a bucket is named by spec.name alone.`;
  if (url.search !== '' || url.hash !== '') return `${field} must hold no query and no fragment.`;
  return isForbiddenHost(hostOf(url), isLoopbackAllowed)
    ? `${field} must not point at a loopback, link-local or metadata address.`
    : undefined;
};

/**
 * For a socket's `lookup`: the addresses of a name without those no tenant may have us connect to; an error with code
 * EFORBIDDENADDRESS where none is left. A tenant's DNS may point at the metadata service as well as a tenant's spec.
 */
export const lookupGuard =
  (isLoopbackAllowed: boolean): LookupFunction =>
  (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found = []) => {
      const [first, ...others] = found.filter(({ address }) => !isForbiddenAddress(address, isLoopbackAllowed));
      if (first === undefined) callback(error ?? forbidden(), []);
      else if (options.all) callback(null, [first, ...others]);
      else callback(null, first.address, first.family);
    });
  };

const forbidden = (): NodeJS.ErrnoException => Object.assign(new Error('forbidden'), { code: 'EFORBIDDENADDRESS' });
