import { describe, expect, it } from 'vitest';
import { goProgram } from '../../dev/cluster/go-program.ts';
import { run } from '../../dev/control-plane/command.ts';
import { installObjects, toYaml } from '../../src/install/manifests.ts';
import { readOptions } from '../../src/install/options.ts';
import { optionSets } from '../fixtures/install-values.ts';

const progress = (line: string): void => void process.stderr.write(`${line}\n`);

/** What kube-score asks for and is not done, with the reason. */
const REFUSED: Readonly<Record<string, string>> = {
  'container-image-pull-policy': 'a tag is pushed once, and a release names its image by digest',
  'container-resources': 'a limit of CPU makes a slow API server',
  'container-ephemeral-storage-request-and-limit': 'nothing is written but the log, which the kubelet bounds',
  'pod-networkpolicy': 'buckets may be at any address, so calls out are not limited',
};

interface Scored {
  readonly object_name: string;
  readonly checks: readonly {
    readonly check: { readonly id: string };
    readonly grade: number;
    readonly skipped: boolean;
  }[];
}

const GOOD = 10;

describe('what is installed, to kube-score', () => {
  it.each(optionSets)('is as it asks, but for what is refused with a reason: %s', async (_, values) => {
    const program = await goProgram(
      { name: 'kube-score', module: 'github.com/zegl/kube-score', version: '1.20.0', package: './cmd/kube-score' },
      progress,
    );
    const ignored = Object.keys(REFUSED).flatMap((id) => ['--ignore-test', id]);
    const score = ['score', '--kubernetes-version', 'v1.34', '-o', 'json', ...ignored, '-'];
    const input = toYaml(installObjects(readOptions(values)));
    const scored = JSON.parse(await run(program, score, { timeoutMs: 60_000, input })) as readonly Scored[];
    const low = scored.flatMap((one) =>
      one.checks
        .filter(({ grade, skipped }) => !skipped && grade < GOOD)
        .map(({ check }) => `${one.object_name}: ${check.id}`),
    );
    expect(scored.map((one) => one.object_name)).toContainEqual(expect.stringMatching(/^Deployment/));
    expect(low).toEqual([]);
  });
});

describe('the workflows', () => {
  it('are as actionlint asks', async () => {
    const program = await goProgram(
      { name: 'actionlint', module: 'github.com/rhysd/actionlint', version: '1.7.12', package: './cmd/actionlint' },
      progress,
    );
    const files = ['ci', 'release'].map((name) => `.github/workflows/${name}.yml`);
    expect(await run(program, ['-no-color', ...files], { timeoutMs: 60_000 })).toBe('');
  });
});
