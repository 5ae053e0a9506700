import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { calrissianImage } from '../../../dev/cluster/engines/calrissian.ts';
import { onCluster, progress } from '../on-cluster.ts';
import { atDesk, examples, namespace, prepareNamespace, volumes } from './furnished.ts';

interface Pod {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
}

/** The workflows, and how many pods Calrissian makes of all of them. */
const names = ['tool', 'scatter', 'staged'];
const steps = 1 + 4 + 2;

/** The example's runner, for another workflow. */
const runnerOf = async (name: string): Promise<string> =>
  (await readFile(path.join(examples, 'runner.yaml'), 'utf8'))
    .replaceAll('water-bodies-cwl', name)
    .replace('water-bodies.cwl', `${name}.cwl`)
    .replace('params.json', `${name}.json`)
    .replace('--outdir=/calrissian/output-data/', `--outdir=/calrissian/output-data/${name}`)
    .replace('- --max-ram', `- --stdout=/calrissian/output-data/${name}.json\n        - --max-ram`);

/** What CWL says of outputs, less where they lie. */
const outputsIn = (printed: string): unknown =>
  JSON.parse(printed, (key, value: unknown) => (['location', 'path'].includes(key) ? undefined : value));

onCluster('Calrissian', (join) => {
  beforeAll(async () => {
    const cluster = await join();
    await cluster.load(await calrissianImage(progress));
    await prepareNamespace(cluster);
  });

  afterAll(async () => {
    const { kubectl } = await join();
    await kubectl('delete', 'namespace', namespace, '--ignore-not-found');
    await kubectl('delete', 'persistentvolume', '--ignore-not-found', ...volumes);
  });

  test('makes of runners like the example what cwltool makes by itself, in a namespace that its label furnished', async () => {
    const cluster = await join();
    const inNamespace = (...args: readonly string[]) => cluster.kubectl('-n', namespace, ...args);
    const seen = new Map<string, Pod>();
    const phaseOf = async (name: string): Promise<string> => {
      const { items } = parse(await inNamespace('get', 'pods', '-o', 'json')) as { readonly items: readonly Pod[] };
      for (const pod of items) seen.set(pod.metadata.name, pod);
      return inNamespace('get', 'pod', name, '-o', 'jsonpath={.status.phase}');
    };
    // One after another: beside the engines of other tests the node has one core to spare, which is what a step asks for.
    for (const name of names) {
      await cluster.kubectl.withInput(await runnerOf(name), '-n', namespace, 'create', '-f', '-');
      await expect.poll(() => phaseOf(name), { timeout: 300_000 }).toMatch(/^(Succeeded|Failed)$/);
    }
    for (const name of names) {
      const itself = `/opt/calrissian/bin/cwltool --no-container --outdir /tmp/${name}`;
      const expected = await atDesk(cluster, `python3 ${itself} /input-data/${name}.cwl /input-data/${name}.json`);
      expect(outputsIn(await atDesk(cluster, `cat /output-data/${name}.json`)), name).toEqual(outputsIn(expected));
      const sums = 'find . -type f | sort | xargs sha256sum';
      expect(await atDesk(cluster, `cd /output-data/${name}; ${sums}`)).toBe(
        await atDesk(cluster, `cd /tmp/${name}; ${sums}`),
      );
    }
    seen.delete('desk');
    expect(seen.size - names.length).toBe(steps);
    for (const { metadata } of seen.values())
      expect(metadata.labels).toMatchObject({ 'platform.example.org/workload': 'cwl' });
  });
});
