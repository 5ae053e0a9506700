import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

type Subnet = readonly [net: string, prefix: number, family: 'ipv4' | 'ipv6'];

const blockList = (...subnets: readonly Subnet[]): BlockList => {
  const list = new BlockList();
  for (const [net, prefix, family] of subnets) list.addSubnet(net, prefix, family);
  return list;
};

/** An IPv4 subnet and the IPv6 ones that lead to it: NAT64 (RFC 6052, RFC 8215), IPv4-compatible and 6to4 (RFC 3056). */
const embedded = (net: string, prefix: number): readonly Subnet[] => {
  const [a = 0, b = 0, c = 0, d = 0] = net.split('.').map(Number);
  const groups = [a * 256 + b, c * 256 + d].map((group) => group.toString(16)).join(':');
  return [
    [net, prefix, 'ipv4'],
    ...['64:ff9b::', '64:ff9b:1::', '::'].map((start): Subnet => [`${start}${groups}`, 96 + prefix, 'ipv6']),
    [`2002:${groups}::`, 16 + prefix, 'ipv6'],
  ];
};

/** Link-local, and where clouds serve metadata and credentials outside it (AWS, Oracle, Azure, Alibaba). */
const metadata = blockList(
  ...embedded('169.254.0.0', 16),
  ...embedded('100.100.100.200', 32),
  ...embedded('168.63.129.16', 32),
  ...embedded('192.0.0.192', 32),
  ['fe80::', 10, 'ipv6'],
  // Metadata of EC2, and the credentials that EKS gives to pods.
  ['fd00:ec2::254', 128, 'ipv6'],
  ['fd00:ec2::23', 128, 'ipv6'],
  ['fd00:c1::a9fe:a9fe', 128, 'ipv6'],
  ['fd20:ce::254', 128, 'ipv6'],
);

/** What reaches this very host; 0.0.0.0 and :: do on Linux. IPv4-compatible addresses (::127.0.0.1) reach nobody else by right. */
const loopback = blockList(...embedded('127.0.0.0', 8), ...embedded('0.0.0.0', 8), ['::', 96, 'ipv6']);

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
  const family = familyOf(address);
  return metadata.check(address, family) || (!isLoopbackAllowed && loopback.check(address, family));
};

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
