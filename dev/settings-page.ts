import { messageOf } from '../src/api/errors.ts';
import { SETTINGS_CONFIG_MAP } from '../src/api/names.ts';
import { LIVE_SETTINGS, type SettingName } from '../src/settings/config.ts';
import { settings } from '../src/settings/definitions.ts';
import type { Setting } from '../src/settings/setting.ts';

/** docs/settings.md, made from the table in src/settings/definitions.ts. */
export const settingsPage = (): string => `# Settings

Written by \`npm run docs\` from \`src/settings/definitions.ts\`; a test keeps the two equal.

Every setting is an environment variable and a flag of \`quartermaster serve\`: \`LEASE_SECONDS=30\` or \`--lease-seconds 30\`. A flag wins over the
environment, the environment over the default. Whatever is wrong is refused at the start: one sentence names every setting that is, and the
exit code is 2.

Change one on a running install, and every replica is replaced, one at a time:

\`\`\`sh
kubectl -n quartermaster-system set env deployment/quartermaster LEASE_SECONDS=30
\`\`\`

## Without a restart

${live.map((name) => `\`${settings[name].env}\``).join(', ')} are also read from the ConfigMap \`${SETTINGS_CONFIG_MAP}\` in the system namespace, by the
same names. What it says wins over flags and environment within about a second of every change. What is wrong in it is refused by name in the log
(\`settings refused\`), and what was in force stays. Without the ConfigMap, or without a key, the value of the start holds.

\`\`\`sh
kubectl -n quartermaster-system create configmap ${SETTINGS_CONFIG_MAP} --from-literal=LOG_LEVEL=debug
kubectl -n quartermaster-system delete configmap ${SETTINGS_CONFIG_MAP}
\`\`\`

## All of them

| Setting | Default | Takes | What it is |
|---|---|---|---|
${Object.values(settings).map(row).join('\n')}
`;

const live: readonly SettingName[] = LIVE_SETTINGS;

const row = ({ env, fallback, summary, parse }: Setting<unknown>): string =>
  `| ${[`\`${env}\``, fallback === '' ? '' : `\`${fallback.replaceAll('|', '\\|')}\``, expectation(parse), summary].join(' | ')} |`;

/** What a setting says that it takes when it is given what none does. */
const expectation = (parse: (text: string) => unknown): string => {
  try {
    parse('(\n');
    return 'any text';
  } catch (error) {
    return messageOf(error);
  }
};
