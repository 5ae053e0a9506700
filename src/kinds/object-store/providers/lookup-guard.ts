import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isForbiddenAddress } from './endpoints.ts';

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
