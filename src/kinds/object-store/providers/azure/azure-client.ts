import { StorageManagementClient } from '@azure/arm-storage';
import type { TokenCredential } from '@azure/identity';
import type { StringMap } from '../../../../api/kubernetes.ts';
import { createVendorCall, type VendorCall } from '../vendor-call.ts';
import { readAzureError } from './errors.ts';

export interface AzureOptions {
  readonly subscription: string;
  readonly resourceGroup: string;
  readonly credential: TokenCredential;
  readonly account: AzureAccount;
  /** Azure's public cloud where not given. */
  readonly managementEndpoint?: string | undefined;
  /** PEM; trusted besides the authorities Node knows. */
  readonly caBundle?: string | undefined;
  /** Of each call; 10 s where not given. Making an account may take 3 minutes. */
  readonly timeoutMs?: number | undefined;
  /** Between two questions whether the account is made; 2 s where not given. */
  readonly pollIntervalMs?: number | undefined;
}

/** The storage account that holds the container. */
export type AzureAccount =
  /** Somebody else's: used as it is, never made or changed. */
  | { readonly kind: 'given'; readonly name: string }
  /** Ours: made where it is not there, known again by its tags. */
  | {
      readonly kind: 'derived';
      readonly name: string;
      readonly location: string | undefined;
      readonly sku: string | undefined;
      readonly tags: StringMap;
    };

export interface AzureSession extends AzureOptions {
  readonly client: StorageManagementClient;
  readonly call: VendorCall;
  /** For what Azure answers by and by. */
  readonly longCall: VendorCall;
}

const defaultTimeoutMs = 10_000;
const longTimeoutMs = 180_000;

/** No connection is made yet. */
export const openAzure = (options: AzureOptions): AzureSession => {
  const { subscription, credential, account, managementEndpoint, caBundle } = options;
  const client = new StorageManagementClient(credential, subscription, {
    // Our own retries know what may be repeated, and when; the client's would run inside our time limit.
    retryOptions: { maxRetries: 0 },
    ...(managementEndpoint && {
      endpoint: managementEndpoint,
      credentials: { scopes: [new URL('/.default', managementEndpoint).href] },
    }),
    ...(caBundle !== undefined && { tlsOptions: { ca: caBundle } }),
  });
  const target = `Azure storage account ${account.name}`;
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  return {
    ...options,
    client,
    call: createVendorCall({ target, timeoutMs, read: readAzureError }),
    longCall: createVendorCall({ target, timeoutMs: longTimeoutMs, read: readAzureError }),
  };
};
