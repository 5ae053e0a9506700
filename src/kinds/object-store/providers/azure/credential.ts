import type { TokenCredential } from '@azure/identity';
import type { AzureCredentials } from '../credentials.ts';

/**
 * What signs for Azure: the tenant's service principal, or the platform's own identity - a federated one where the pod has it
 * (AZURE_FEDERATED_TOKEN_FILE, which the library reads itself), else the managed identity of the node.
 */
export const azureCredential = async (
  client: Extract<AzureCredentials, { kind: 'client' }> | undefined,
): Promise<TokenCredential> => {
  const identity = await import('@azure/identity');
  const retryOptions = { maxRetries: 0 };
  if (client !== undefined)
    return new identity.ClientSecretCredential(client.tenant, client.clientId, client.clientSecret, { retryOptions });
  try {
    return new identity.WorkloadIdentityCredential({ retryOptions });
  } catch (error) {
    if (!(error instanceof identity.CredentialUnavailableError)) throw error;
    return new identity.ManagedIdentityCredential({ retryOptions });
  }
};
