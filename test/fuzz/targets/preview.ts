import { globSync, readFileSync } from 'node:fs';
import { AppError } from '../../../src/api/errors.ts';
import { parseObjects } from '../../../src/cli/documents.ts';
import { readDefaults } from '../../../src/cli/given-defaults.ts';
import { preview } from '../../../src/cli/preview/session.ts';
import { type Output, render, renderExplanations } from '../../../src/cli/preview.ts';
import { entryOf } from '../../../src/defaults/entry.ts';
import { installedWebhooks } from '../../../src/explanation/webhook-rules.ts';
import { policyOf, readSettings } from '../../../src/settings/config.ts';
import { readSeeds } from '../../fixtures/fuzz-seeds.ts';
import { mutateBytes } from '../mutate-bytes.ts';
import type { OpenTarget } from '../target.ts';

const OUTPUTS: readonly Output[] = ['yaml', 'json', 'patch', 'diff'];
const ROOT = `${import.meta.dirname}/../../..`;

/** Manifests, broken as text, through all that `preview` does with them but reading the file. */
export const previewTarget: OpenTarget = () => {
  const files = ['examples/**/*.yaml', 'test/golden/*/*/before.yaml'].flatMap((pattern) =>
    globSync(`${ROOT}/${pattern}`),
  );
  const texts = files.map((file) => readFileSync(file));
  const [seed] = readSeeds();
  const policy = policyOf(readSettings({}));
  const entries = readDefaults(globSync(`${ROOT}/examples/**/defaults.yaml`), policy, policy.systemNamespace).map(
    (one) => entryOf(one, policy),
  );
  const webhooks = installedWebhooks(policy.systemNamespace, policy.nfsNamespace);
  return {
    name: 'preview',
    make: (random) => mutateBytes(random.pick(texts), random),
    check: (input) => {
      const objects = parsed(input.toString());
      if (objects === undefined || seed === undefined) return;
      const documents = preview(objects, { facts: seed.facts, entries, invalid: [], webhooks }, 'default');
      for (const output of OUTPUTS) render(documents, output, false);
      renderExplanations(documents);
    },
  };
};

/** Undefined where the text is refused with a sentence that says where. */
const parsed = (text: string): ReturnType<typeof parseObjects> | undefined => {
  try {
    return parseObjects('input.yaml', text);
  } catch (error) {
    if (error instanceof AppError && /^input\.yaml: document \d+, line \d+: /.test(error.message)) return undefined;
    throw error;
  }
};
