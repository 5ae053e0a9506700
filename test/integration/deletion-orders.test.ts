import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firsts, type Removal, soon, startRemoval } from '../fixtures/removal.ts';

const EACH = 100;
let removal: Removal;

beforeAll(async () => {
  removal = await startRemoval();
});
afterAll(() => removal?.controlPlane.stop());

describe('an install of which no replica was ever ready', () => {
  it.each(firsts)('refuses nothing, nor once its %s is deleted, and leaves nothing behind', async (_, args) => {
    await removal.install();
    expect(await removal.refusedOf(EACH)).toEqual([]);
    await removal.deleteFirst(args);
    expect(await removal.refusedOf(EACH)).toEqual([]);
    await removal.deleteRest();
    await expect.poll(removal.isGone, soon).toBe(true);
  });
});
