import { type Mutator, untouched } from '../../api/admission.ts';
import { denialFor } from '../../injection/enforcement.ts';
import { inject, type Reinjection, reinject } from '../../injection/injector.ts';
import { readInjected } from '../../injection/snapshot.ts';
import { targetOf } from '../../injection/target.ts';
import { isNotOurs, sparkConfEdits, sparkRule, strictly } from './mutator.ts';
import { sparkRules } from './rules.ts';
import { evadedBy, evasionWarnings } from './spark-operator.ts';

const reinjection: Reinjection = {
  paths: new Set(['spec/sparkConf', 'spec/hadoopConf']),
  rulesFor: sparkRules,
  reconsider: (object, _, edits) => ({ object, edits, withdrawn: [], warnings: [], refused: evadedBy(object, edits) }),
};

/** Conf alone: its pods, which the operator builds from templates and its webhook passes over, are SparkPods. */
export const sparkConnectMutator: Mutator = {
  rules: [sparkRule('SparkConnect', { name: 'spark-connect', version: 'v1alpha1', resource: 'sparkconnects' })],
  mutate: (connect, request, facts) => {
    if (isNotOurs(connect, request)) return untouched(connect);
    if (request.oldObject !== undefined)
      return reinject(connect, request.oldObject, strictly(reinjection, request, facts));
    const target = targetOf('SparkConnect', connect, request, facts);
    const injection = facts.defaults.resolve(target);
    if (injection === undefined && readInjected(connect) === undefined) return untouched(connect);
    const edits = injection === undefined ? [] : sparkConfEdits(injection);
    const refused = evadedBy(connect, edits);
    const { warnings = [] } = injection ?? {};
    return inject(connect, {
      edits,
      rulesFor: reinjection.rulesFor,
      form: 'values',
      warnings: [...warnings, ...evasionWarnings(refused)],
      refused,
      isDisabled: target.isDisabled,
      injections: injection ? [injection] : [],
      ...(injection && { denial: denialFor([injection], request, facts) }),
    });
  },
};
