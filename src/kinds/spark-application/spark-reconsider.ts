import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, fieldId } from '../../injection/edit.ts';
import type { Reconsidered } from '../../injection/injector.ts';
import { isRecord, mapAt, type Path, readAt } from '../../injection/path.ts';
import { erase } from '../../injection/spot.ts';
import { ROLES } from './fields.ts';
import { MONITORING, PROMETHEUS } from './monitoring.ts';
import { JMX_PORT, jmxIncompatibility } from './spark-jmx.ts';

/**
 * What was injected and survived in the app, but cannot stay now that its user changed something else: a node selector
 * moves to where the app has one by now, and a JMX exporter that would harm the app goes.
 */
export const reconsiderSpark = (app: KubeObject, stored: KubeObject, edits: readonly Edit[]): Reconsidered => {
  const incompatibility = exporterIncompatibility(app, edits);
  const isHarmful = ({ at }: Edit): boolean => incompatibility !== undefined && isIn(at, MONITORING);
  const isMixed = hasSelector(stored, APP_SELECTOR) && hasSelector(stored, ROLE_SELECTORS);
  const isMisplaced = ({ at }: Edit): boolean => at.at(-1) === 'nodeSelector' && !isMixed && conflictsWithApp(app, at);
  const misplaced = edits.filter(isMisplaced);
  const withdrawing = [...misplaced, ...edits.filter(isHarmful)];
  if (withdrawing.length === 0) return { object: app, edits, withdrawn: [], warnings: [] };
  const kept = edits.filter((edit) => !withdrawing.includes(edit));
  const moved = new Map(misplaced.flatMap(relocated).map((edit) => [fieldId(edit), edit]));
  return {
    ...withdraw(app, withdrawing),
    edits: [...kept, ...moved.values()],
    warnings:
      incompatibility === undefined ? [] : [`The JMX exporter that was injected is not kept: ${incompatibility}.`],
  };
};

const exporterIncompatibility = (app: KubeObject, edits: readonly Edit[]): string | undefined => {
  const ours = edits.filter(({ at }) => isIn(at, MONITORING));
  if (ours.length === 0) return undefined;
  const isExposed = (field: string): boolean =>
    (readAt(app, [...MONITORING, field]) ?? ours.find(({ key }) => key === field)?.value) !== false;
  const port = readAt(app, [...PROMETHEUS, 'port']) ?? ours.find(({ key }) => key === 'port')?.value;
  const roles = ROLES.filter((role) => isExposed(role === 'driver' ? 'exposeDriverMetrics' : 'exposeExecutorMetrics'));
  return jmxIncompatibility(app, { port: typeof port === 'number' ? port : JMX_PORT, roles });
};

const isIn = (at: Path, path: Path): boolean => path.every((step, index) => at[index] === step);

const APP_SELECTOR: readonly Path[] = [['spec', 'nodeSelector']];
const ROLE_SELECTORS: readonly Path[] = ROLES.map((role) => ['spec', role, 'nodeSelector']);

const othersOf = (at: Path): readonly Path[] => (at.length === 2 ? ROLE_SELECTORS : APP_SELECTOR);

const hasSelector = (app: KubeObject, paths: readonly Path[]): boolean =>
  paths.some((path) => isRecord(readAt(app, path)));

/** True where the app has a selector of the other kind by now. */
const conflictsWithApp = (app: KubeObject, at: Path): boolean => hasSelector(app, othersOf(at));

/** The same at each path of the other kind. */
const relocated = (edit: Edit): readonly Edit[] => othersOf(edit.at).map((at) => ({ ...edit, at }));

/** Takes out whole maps, and only those that hold nothing but what we put there. */
const withdraw = (app: KubeObject, edits: readonly Edit[]): Pick<Reconsidered, 'object' | 'withdrawn'> => {
  const paths = new Map(edits.map(({ at }) => [at.join('/'), at]));
  const deepestFirst = [...paths.values()].sort((a, b) => b.length - a.length);
  let object = app;
  const withdrawn: Edit[] = [];
  for (const at of deepestFirst) {
    const ours = edits.filter((edit) => edit.at.join('/') === at.join('/'));
    const fields = Object.entries(mapAt(object, at));
    const isOurs = ([key, value]: [string, unknown]): boolean =>
      ours.some((edit) => edit.key === key && isDeepStrictEqual(edit.value, value));
    if (fields.length === 0 || !fields.every(isOurs)) continue;
    object = erase(object, { at: at.slice(0, -1), key: at.at(-1) ?? '' });
    withdrawn.push(...ours.filter(({ key }) => fields.some(([field]) => field === key)));
  }
  return { object, withdrawn };
};
