import { parse } from '@bufbuild/cel';
import { literal } from './variables.ts';

type Expr = ReturnType<typeof parse>['expr'];

/** Thrown where an expression is not a plain object; the message says what it does instead. */
export class NotPlain extends Error {}

/**
 * The object that an `applyConfiguration` expression in CEL spells out, as a merge patch: what it reads of the request as our
 * variables, a loop over all containers as `(name): "*"`. Throws NotPlain for what computes anything else.
 */
export const readApplyConfiguration = (expression: string): unknown => {
  let parsed: Expr;
  try {
    ({ expr: parsed } = parse(expression));
  } catch (cause) {
    throw new NotPlain('cannot be parsed', { cause });
  }
  return expressionValue(parsed);
};

const expressionValue = ({ exprKind }: Expr): unknown => {
  switch (exprKind.case) {
    case 'constExpr':
      return constantOf(exprKind.value.constantKind);
    case 'listExpr':
      return exprKind.value.elements.map(expressionValue);
    case 'structExpr':
      return Object.fromEntries(exprKind.value.entries.map((entry) => [keyOf(entry.keyKind), fieldValue(entry.value)]));
    case 'callExpr':
      return callOf(exprKind.value);
    case 'selectExpr':
    case 'identExpr':
      return `\${${variableOf(pathOf({ exprKind } as Expr))}}`;
    case 'comprehensionExpr':
      return [everyContainer(exprKind.value)];
    case undefined:
      throw new NotPlain('computes what it sets');
  }
};

const fieldValue = (value: Expr | undefined): unknown => {
  if (value === undefined) throw new NotPlain('has a field without a value');
  return expressionValue(value);
};

type KeyKind = Extract<Expr['exprKind'], { case: 'structExpr' }>['value']['entries'][number]['keyKind'];
const keyOf = (kind: KeyKind): string => {
  if (kind.case === 'fieldKey')
    return kind.value.replaceAll('__dot__', '.').replaceAll('__slash__', '/').replaceAll('__dash__', '-');
  const key = kind.case === 'mapKey' ? expressionValue(kind.value) : undefined;
  if (typeof key !== 'string') throw new NotPlain('computes a key');
  return key;
};

type Constant = Extract<Expr['exprKind'], { case: 'constExpr' }>['value']['constantKind'];
const constantOf = ({ case: kind, value }: Constant): unknown => {
  if (kind === 'stringValue') return literal(value);
  if (kind === 'int64Value' || kind === 'uint64Value') return Number(value);
  if (kind === 'boolValue' || kind === 'doubleValue') return value;
  return null;
};

type Call = Extract<Expr['exprKind'], { case: 'callExpr' }>['value'];
/** Texts that are joined, and a label by its key; nothing else has a spelling of ours. */
const callOf = (call: Call): unknown => {
  const { function: name, args } = call;
  if (name === '_?_:_') throw new NotPlain('decides by a condition');
  if (name === '_[_]') return `\${${variableOf(pathOf({ exprKind: { case: 'callExpr', value: call } } as Expr))}}`;
  const values = name === '_+_' ? args.map(expressionValue) : [];
  if (values.length !== 2 || values.some((value) => typeof value !== 'string'))
    throw new NotPlain(`computes what it sets (${name})`);
  return values.join('');
};

const pathOf = ({ exprKind }: Expr): readonly string[] => {
  if (exprKind.case === 'identExpr') return [exprKind.value.name];
  if (exprKind.case === 'selectExpr' && exprKind.value.operand !== undefined && !exprKind.value.testOnly)
    return [...pathOf(exprKind.value.operand), exprKind.value.field];
  if (exprKind.case === 'callExpr' && exprKind.value.function === '_[_]') {
    const [of, key] = exprKind.value.args;
    if (of !== undefined && key?.exprKind.case === 'constExpr')
      return [...pathOf(of), String(constantOf(key.exprKind.value.constantKind))];
  }
  throw new NotPlain('computes what it sets');
};

const variableOf = (path: readonly string[]): string => {
  const [root, ...fields] = path;
  const text = path.join('.');
  if (text === 'request.namespace' || text === 'object.metadata.namespace' || text === 'namespaceObject.metadata.name')
    return 'namespace';
  if (text === 'object.metadata.name') return 'name';
  if (text === 'request.userInfo.username') return 'user';
  const label = fields.length === 3 && fields[0] === 'metadata' && fields[1] === 'labels' ? fields[2] : undefined;
  if (label !== undefined && root === 'object') return `labels.${label}`;
  if (label !== undefined && root === 'namespaceObject') return `namespaceLabels.${label}`;
  throw new NotPlain(`needs ${text}, which is no variable here`);
};

type Comprehension = Extract<Expr['exprKind'], { case: 'comprehensionExpr' }>['value'];
/** `object.spec.containers.map(c, Object.spec.containers{name: c.name, …})`, which is how CEL changes each of them. */
const everyContainer = ({ iterRange, iterVar, loopStep }: Comprehension): unknown => {
  const list = iterRange === undefined ? '' : pathOf(iterRange).join('.');
  const added = loopStep?.exprKind.case === 'callExpr' ? loopStep.exprKind.value.args[1] : undefined;
  const made = added?.exprKind.case === 'listExpr' ? added.exprKind.value.elements[0] : undefined;
  if (!/^object\.spec\.(containers|initContainers)$/.test(list) || made?.exprKind.case !== 'structExpr')
    throw new NotPlain('loops over something');
  const { entries } = made.exprKind.value;
  const isName = (entry: (typeof entries)[number]) =>
    entry.keyKind.case === 'fieldKey' && entry.keyKind.value === 'name';
  const named = entries.find(isName)?.value;
  if (named === undefined || pathOf(named).join('.') !== `${iterVar}.name`) throw new NotPlain('makes containers');
  const fields = entries
    .filter((entry) => !isName(entry))
    .map((entry) => [keyOf(entry.keyKind), fieldValue(entry.value)] as const);
  return { '(name)': '*', ...Object.fromEntries(fields) };
};
