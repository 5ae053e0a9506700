import type { BlobContainer } from '@azure/arm-storage';
import type { StringMap } from '../../../../api/kubernetes.ts';
import type { About } from '../vendor-call.ts';
import type { AzureSession } from './azure-client.ts';
import { lowerCased, metadataOf } from './azure-metadata.ts';
import { lockedContainer, orAbsent } from './errors.ts';

const operation = (verb: 'read' | 'write' | 'delete') =>
  `Microsoft.Storage/storageAccounts/blobServices/containers/${verb}`;

/** Undefined where container, account or resource group is not there. */
export const getContainer = (session: AzureSession, about: About): Promise<BlobContainer | undefined> => {
  const { client, call, resourceGroup, account } = session;
  const get = orAbsent((abortSignal) =>
    client.blobContainers.get(resourceGroup, account.name, about.bucket, { abortSignal }),
  );
  return call(operation('read'), get, about);
};

/** Makes the container, or changes one that is there: Azure has one call for both. */
export const putContainer = async (session: AzureSession, container: BlobContainer, about: About): Promise<void> => {
  const { client, call, resourceGroup, account } = session;
  const put = (abortSignal: AbortSignal) =>
    client.blobContainers.create(resourceGroup, account.name, about.bucket, container, { abortSignal });
  await call(operation('write'), put, about);
};

/** What is not named stays as it is; metadata is replaced as a whole. */
export const updateContainer = async (session: AzureSession, container: BlobContainer, about: About): Promise<void> => {
  const { client, call, resourceGroup, account } = session;
  const update = (abortSignal: AbortSignal) =>
    client.blobContainers.update(resourceGroup, account.name, about.bucket, container, { abortSignal });
  await call(operation('write'), update, about);
};

/** With all that is in it: Azure asks no question. */
export const deleteContainer = async (session: AzureSession, about: About): Promise<void> => {
  const { client, call, resourceGroup, account } = session;
  const remove = orAbsent((abortSignal) =>
    client.blobContainers.delete(resourceGroup, account.name, about.bucket, { abortSignal }),
  );
  await call(operation('delete'), remove, about, lockedContainer);
};

/** Adds to the metadata that is there. */
export const addMetadata = async (session: AzureSession, pairs: StringMap, about: About): Promise<void> => {
  const found = await getContainer(session, about);
  await updateContainer(session, { metadata: { ...lowerCased(found?.metadata), ...metadataOf(pairs) } }, about);
};
