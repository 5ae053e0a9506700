import { AppError } from '../api/errors.ts';
import type { Policy } from '../api/facts.ts';
import type { ConfigMap, StringMap } from '../api/kubernetes.ts';
import { SETTINGS_CONFIG_MAP } from '../api/names.ts';
import { didYouMean } from '../api/plain-text.ts';
import { resources } from '../kube/api-server.ts';
import { type WatchOptions, watchStore } from '../kube/stores.ts';
import { stripManagedFields } from '../kube/transforms.ts';
import { LIVE_SETTINGS, policyOf, readSettings, type Settings } from '../settings/config.ts';
import { settings } from '../settings/definitions.ts';

/** The settings a running process takes over, as they are in force now. */
export interface LiveSettings {
  readonly policy: () => Policy;
  /** True once it is known what the ConfigMap says, or that there is none. */
  readonly hasSynced: () => boolean;
  readonly isForbidden: () => boolean;
}

export interface LiveSettingsOptions extends WatchOptions {
  /** As given at the start: in force where the ConfigMap says nothing. */
  readonly start: Settings;
  /** Told of each change, and of what was refused: a sentence for each key. */
  readonly onChange: (settings: Settings, refused: readonly string[]) => void;
}

/** Follows the ConfigMap of live settings, whose keys are the settings' names in the environment. */
export const watchLiveSettings = ({ start, onChange, ...watchOptions }: LiveSettingsOptions): LiveSettings => {
  let current = start;
  let policy = policyOf(start);
  const take = (data: StringMap): void => {
    const { values, refused } = applySettings(data, start, current);
    current = values;
    policy = policyOf(values);
    onChange(values, refused);
  };
  const query = { namespace: start.namespace, fieldSelector: `metadata.name=${SETTINGS_CONFIG_MAP}` };
  const store = watchStore<ConfigMap>({ ...watchOptions, query }, resources.configMaps, stripManagedFields);
  store.onChange((type, { data }) => take(type === 'DELETED' ? {} : (data ?? {})));
  return { policy: () => policy, hasSynced: store.hasSynced, isForbidden: store.isForbidden };
};

/** What `data` makes of the settings. A key that cannot be taken leaves what is in force, and is told by name. */
export const applySettings = (
  data: StringMap,
  start: Settings,
  current: Settings,
): { readonly values: Settings; readonly refused: readonly string[] } => {
  const refused = Object.keys(data).flatMap(violationsOfKey);
  let values = start;
  for (const name of LIVE_SETTINGS) {
    const { env } = settings[name];
    const text = data[env];
    if (text === undefined) continue;
    try {
      values = { ...values, [name]: readSettings({ [env]: text })[name] };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      refused.push(error.message);
      values = { ...values, [name]: current[name] };
    }
  }
  return { values, refused };
};

const violationsOfKey = (key: string): readonly string[] => {
  if (LIVE_SETTINGS.some((name) => settings[name].env === key)) return [];
  const isSetting = Object.values(settings).some(({ env }) => env === key);
  const envs = Object.values(settings).map(({ env }) => env);
  return [
    isSetting
      ? `${key} is read at the start only: set it in the Deployment.`
      : `${key} is no setting${didYouMean(key, envs)}.`,
  ];
};
