import type { BlobService } from './blob-service.ts';

/** Pages without a blob that are turned before a container counts as holding something. */
const maxEmptyPages = 10;

/**
 * True where the container certainly holds no blob, no version of one and no unfinished upload. `include`: what to count
 * besides the blobs themselves (`versions,uncommittedblobs`).
 */
export const isContainerEmpty = async (
  service: BlobService,
  container: string,
  include: string,
  signal: AbortSignal,
): Promise<boolean> => {
  let marker = '';
  for (let page = 0; page < maxEmptyPages; page += 1) {
    const query = { comp: 'list', include, maxresults: '1', ...(marker !== '' && { marker }) };
    const { body } = await service.send({ method: 'GET', container, query }, signal);
    if (!/<EnumerationResults[\s>]/.test(body) || /<Blob>/.test(body)) return false;
    marker = /<NextMarker>([^<]*)<\/NextMarker>/.exec(body)?.[1] ?? '';
    if (marker === '') return true;
  }
  return false;
};
