import type { ClassOption, CloudVerdict, Fact } from '../api/facts.ts';
import type { StorageClassInjection } from '../api/injection.ts';
import type { StorageClass, StringMap } from '../api/kubernetes.ts';
import { factFor } from './draft.ts';

/** What a StorageClass says, without its name. */
export type ClassShape = Pick<
  StorageClass,
  'provisioner' | 'parameters' | 'reclaimPolicy' | 'volumeBindingMode' | 'allowVolumeExpansion' | 'mountOptions'
>;

/** A class option with its facts filled in, and the facts that were. */
export const shapeOfOption = (
  option: ClassOption,
  templates: StringMap,
  cloud: CloudVerdict,
): { readonly shape: ClassShape; readonly used: ReadonlyMap<string, Fact> } => {
  const used = new Map<string, Fact>();
  const parameters = Object.entries(templates).flatMap(([name, template]) => {
    const value = fill(template, (fact) => {
      const known = factFor(option, cloud, fact);
      if (known !== undefined) used.set(fact, known);
      return known?.value;
    });
    return value === undefined ? [] : [[name, value]];
  });
  const { provisioner, reclaimPolicy, volumeBindingMode, allowVolumeExpansion, mountOptions } = option;
  const shape = {
    provisioner,
    ...(parameters.length > 0 && { parameters: Object.fromEntries(parameters) as StringMap }),
    reclaimPolicy,
    volumeBindingMode,
    allowVolumeExpansion,
    ...(mountOptions && { mountOptions }),
  };
  return { shape, used };
};

/** Undefined where a fact that the template names is not known. */
const fill = (template: string, lookUp: (fact: string) => string | undefined): string | undefined => {
  const parts = template.split(/\$\{(\w+)\}/).map((part, at) => (at % 2 === 0 ? part : lookUp(part)));
  return parts.includes(undefined) ? undefined : parts.join('');
};

/** What another class says, without what makes it that class. */
export const shapeOfClass = (storageClass: StorageClass): ClassShape => {
  const { provisioner, parameters, reclaimPolicy, volumeBindingMode, allowVolumeExpansion, mountOptions } =
    storageClass;
  return {
    provisioner,
    ...(parameters && { parameters }),
    ...(reclaimPolicy && { reclaimPolicy }),
    ...(volumeBindingMode && { volumeBindingMode }),
    ...(allowVolumeExpansion !== undefined && { allowVolumeExpansion }),
    ...(mountOptions && { mountOptions }),
  };
};

/** Field by field, parameters key by key: what the platform says wins. */
export const override = (shape: ClassShape, injected: StorageClassInjection): ClassShape => {
  const parameters = { ...shape.parameters, ...injected.parameters };
  const { parameters: _, ...fields } = { ...shape, ...injected };
  return { ...fields, ...(Object.keys(parameters).length > 0 && { parameters }) };
};
