import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, spotId } from '../../injection/edit.ts';
import type { Reconsidered } from '../../injection/injector.ts';
import { isBranch, mapAt, type Path, readAt } from '../../injection/path.ts';
import { erase } from '../../injection/spot.ts';
import { ROLES } from './fields.ts';
import { MONITORING, PROMETHEUS } from './monitoring.ts';
import { JMX_PORT, jmxDanger } from './spark-jmx.ts';

/**
 * What was injected and survived in the app, but cannot stay now that its user changed something else: a node selector
 * moves to where the app has one by now, and a JMX exporter that would harm the app goes.
 */
export const reconsiderSpark = (app: KubeObject, stored: KubeObject, edits: readonly Edit[]): Reconsidered => {
  const danger = exporterDanger(app, edits);
  const isHarmful = ({ at }: Edit): boolean => danger !== undefined && isIn(at, MONITORING);
  const isMixed = hasSelector(stored, APP) && hasSelector(stored, BY_ROLE);
  const isMisplaced = ({ at }: Edit): boolean => at.at(-1) === 'nodeSelector' && !isMixed && clashes(app, at);
  const misplaced = edits.filter(isMisplaced);
  const doomed = [...misplaced, ...edits.filter(isHarmful)];
  if (doomed.length === 0) return { object: app, edits, withdrawn: [], warnings: [] };
  const kept = edits.filter((edit) => !doomed.includes(edit));
  const moved = new Map(misplaced.flatMap(elsewhere).map((edit) => [spotId(edit), edit]));
  return {
    ...withdraw(app, doomed),
    edits: [...kept, ...moved.values()],
    warnings: danger === undefined ? [] : [`The JMX exporter that was injected is not kept: ${danger}.`],
  };
};

const exporterDanger = (app: KubeObject, edits: readonly Edit[]): string | undefined => {
  const ours = edits.filter(({ at }) => isIn(at, MONITORING));
  if (ours.length === 0) return undefined;
  const isExposed = (field: string): boolean =>
    (readAt(app, [...MONITORING, field]) ?? ours.find(({ key }) => key === field)?.value) !== false;
  const port = readAt(app, [...PROMETHEUS, 'port']) ?? ours.find(({ key }) => key === 'port')?.value;
  const roles = ROLES.filter((role) => isExposed(role === 'driver' ? 'exposeDriverMetrics' : 'exposeExecutorMetrics'));
  return jmxDanger(app, { port: typeof port === 'number' ? port : JMX_PORT, roles });
};

const isIn = (at: Path, place: Path): boolean => place.every((step, index) => at[index] === step);

const APP: readonly Path[] = [['spec', 'nodeSelector']];
const BY_ROLE: readonly Path[] = ROLES.map((role) => ['spec', role, 'nodeSelector']);

const othersOf = (at: Path): readonly Path[] => (at.length === 2 ? BY_ROLE : APP);

const hasSelector = (app: KubeObject, places: readonly Path[]): boolean =>
  places.some((place) => isBranch(readAt(app, place)));

/** True where the app has a selector of the other kind by now. */
const clashes = (app: KubeObject, at: Path): boolean => hasSelector(app, othersOf(at));

/** The same in each place of the other kind. */
const elsewhere = (edit: Edit): readonly Edit[] => othersOf(edit.at).map((at) => ({ ...edit, at }));

/** Takes out whole maps, and only those that hold nothing but what we put there. */
const withdraw = (app: KubeObject, edits: readonly Edit[]): Pick<Reconsidered, 'object' | 'withdrawn'> => {
  const places = new Map(edits.map(({ at }) => [at.join('/'), at]));
  const deepestFirst = [...places.values()].sort((a, b) => b.length - a.length);
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
