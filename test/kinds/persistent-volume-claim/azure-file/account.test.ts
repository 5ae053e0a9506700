import { describe, expect, test } from 'vitest';
import { AppError } from '../../../../src/api/errors.ts';
import type { StorageClass, StringMap } from '../../../../src/api/kubernetes.ts';
import { azureFailure, fileAccountName } from '../../../../src/kinds/persistent-volume-claim/azure-file/account.ts';
import {
  type AccountRequest,
  accountOf,
  readRecord,
  recordFor,
  recordObject,
} from '../../../../src/kinds/persistent-volume-claim/azure-file/record.ts';
import { classWithAccount, needsOwnAccount } from '../../../../src/kinds/persistent-volume-claim/storage.ts';
import { policyOf, readSettings } from '../../../../src/settings/config.ts';

const wish: AccountRequest = {
  clusterUid: '7c3e1f2a',
  clusterName: 'prod',
  subscription: 'sub-1',
  resourceGroup: 'storage',
  location: 'westeurope',
  sku: 'Standard_LRS',
};

describe('the name of a storage account', () => {
  test.each(['prod', '', 'My Cluster-With-A-Long-Name', 'ünïcödé'])(
    'of cluster %j is one Azure takes',
    (clusterName) => {
      expect(fileAccountName(clusterName, 'id', 0)).toMatch(/^[a-z0-9]{24}$/);
    },
  );

  test('is the same at every start', () => {
    expect(recordFor(wish)).toEqual(recordFor({ ...wish }));
  });

  test.each([
    { clusterUid: 'other' },
    { subscription: 'sub-2' },
    { resourceGroup: 'other' },
    { location: 'northeurope' },
    { sku: 'Premium_LRS' },
  ])('is another for %j', (change) => {
    expect(recordFor({ ...wish, ...change }).account).not.toBe(recordFor(wish).account);
  });

  test('is another at the next attempt, in the same record', () => {
    expect(recordFor(wish, 1).account).not.toBe(recordFor(wish).account);
    expect(recordFor(wish, 1).id).toBe(recordFor(wish).id);
  });
});

describe('the record of an account', () => {
  const stored = recordObject(recordFor(wish), 'quartermaster-system');

  test('is read as it was written', () => {
    expect(readRecord(stored)).toEqual(recordFor(wish));
  });

  test('is none where somebody else made it, or where something is missing', () => {
    expect(readRecord({ ...stored, metadata: { ...stored.metadata, labels: {} } })).toBeUndefined();
    expect(readRecord({ ...stored, data: { id: 'x' } } as unknown as typeof stored)).toBeUndefined();
    expect(readRecord(undefined)).toBeUndefined();
  });

  test('says how the account is known again', () => {
    expect(accountOf(recordFor(wish), wish.clusterUid).tags).toEqual({
      'quartermaster-cluster': wish.clusterUid,
      'quartermaster-file': recordFor(wish).id,
    });
  });
});

describe('a class for Azure file', () => {
  const classOf = (parameters: StringMap, provisioner = 'file.csi.azure.com'): StorageClass => ({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'shared' },
    provisioner,
    parameters,
  });
  const ours = policyOf(readSettings({ AZURE_FILE_ACCOUNT: 'quartermaster' }));

  test('gets an account of ours where the setting says so', () => {
    expect(needsOwnAccount(classOf({ protocol: 'smb' }), ours)).toBe(true);
    expect(needsOwnAccount(classOf({ protocol: 'smb' }), policyOf(readSettings({})))).toBe(false);
  });

  test.each([
    ['an NFS share, which needs an account that takes unencrypted traffic', classOf({ protocol: 'nfs' })],
    ['a class that names its account', classOf({ protocol: 'smb', storageAccount: 'given' })],
    ['a class of another driver', classOf({}, 'disk.csi.azure.com')],
  ])('does not for %s', (_, storageClass) => {
    expect(needsOwnAccount(storageClass, ours)).toBe(false);
  });

  test('names the account and its group', () => {
    const made = classWithAccount(classOf({ protocol: 'smb' }), { name: 'prodabc', resourceGroup: 'storage' });
    expect(made.parameters).toEqual({ protocol: 'smb', storageAccount: 'prodabc', resourceGroup: 'storage' });
    expect(made.metadata.labels).toMatchObject({ 'quartermaster.dev/azure-account': 'prodabc' });
  });
});

describe('a failure at Azure', () => {
  const failed = (fields: { readonly statusCode?: number; readonly code?: string }): Error =>
    Object.assign(new Error('something a server wrote, <b>'), fields);

  test.each([
    [{ statusCode: 403, code: 'AuthorizationFailed' }, 'Forbidden'],
    [{ statusCode: 409, code: 'StorageAccountAlreadyTaken' }, 'AlreadyExists'],
    [{ statusCode: 409, code: 'StorageAccountInAnotherResourceGroup' }, 'AlreadyExists'],
    [{ statusCode: 409, code: 'AnotherOperationInProgress' }, 'Conflict'],
    [{ statusCode: 404, code: 'ResourceGroupNotFound' }, 'NotFound'],
    [{ statusCode: 429, code: 'TooManyRequests' }, 'Unavailable'],
    [{ statusCode: 500 }, 'Unavailable'],
    [{ code: 'ECONNREFUSED' }, 'Unavailable'],
  ])('%j is told as %s, with nothing that a server wrote', (fields, reason) => {
    const error = azureFailure('Storage account prodabc', failed(fields));
    expect(error).toBeInstanceOf(AppError);
    expect(error.reason).toBe(reason);
    expect(error.message).not.toContain('<b>');
    expect(error.message).toMatch(/^Storage account prodabc: .+\)\.$/);
  });
});
