import type { CloudFacts, CloudName, StorageOffer } from '../api/facts.ts';

/** Asks one metadata service. Refuses redirects and proxies, ends within its timeout, reads at most 256 KiB. */
export interface MetadataClient {
  readonly request: (call: MetadataCall) => Promise<MetadataAnswer>;
}

export interface MetadataCall {
  readonly method: 'GET' | 'PUT';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Never throws: a refused connection, a time-out or an over-long body is an answer too. */
export type MetadataAnswer =
  | {
      readonly kind: 'response';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  | { readonly kind: 'silent'; readonly why: 'timeout' | 'refused' | 'reset' | 'too-large' };

/** What a probe makes of its answers: the signature fits, it does not, or the cloud is there but out of reach. */
export type ProbeResult =
  | { readonly kind: 'match'; readonly facts: CloudFacts }
  | { readonly kind: 'no' }
  | { readonly kind: 'blocked'; readonly why: string };

/** A cloud: how to recognise it, what can be learnt there, what storage it has. One file each. */
export interface Cloud {
  readonly name: Exclude<CloudName, 'unknown'>;
  /** Undefined where no metadata service is to be asked (local; alibaba unless hinted). */
  readonly probe?: (client: MetadataClient) => Promise<ProbeResult>;
  /** True: the metadata address is asked only when something else hints at this cloud. */
  readonly isProbedOnHintOnly?: boolean;
  /** Facts in a Node's spec.providerID, or undefined where it is another cloud's. */
  readonly fromProviderId: (providerId: string) => CloudFacts | undefined;
  readonly offers: readonly StorageOffer[];
  /** CSI drivers usually installed there, for `preview` without a cluster. */
  readonly usualDrivers: readonly string[];
}
