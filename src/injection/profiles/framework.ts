import type { FrameworkKind } from '../../api/target-kinds.ts';

/** What one kind keeps for its own machinery: what is put there is refused, overwritten or breaks the job. */
export interface Reserved {
  readonly paths: readonly RegExp[];
  readonly volumes: readonly RegExp[];
  readonly env: readonly RegExp[];
  /** Keys of labels and annotations. */
  readonly labels: readonly RegExp[];
}

/**
 * The pods of one framework, as data: how they are known, which containers are the user's, what is left alone. A profile is a
 * convenience and no boundary: whoever makes a pod may put any label on it.
 */
export interface FrameworkProfile {
  /** What `match.kinds` calls them; several profiles may share it. */
  readonly kind: FrameworkKind;
  readonly knownBy: Recognition;
  /** The user's program: the first container, every one, or those of these names (the first where none is so called). */
  readonly main: 'first' | 'all' | readonly RegExp[];
  /** Containers of the framework itself: sources of variables, and nothing else. */
  readonly helpers: readonly RegExp[];
  /** Containers that get nothing at all. */
  readonly untouched: readonly RegExp[];
  readonly reserved: Partial<Reserved>;
}

/** All that is said must hold. */
export interface Recognition {
  /** By key: the values it may have; none where any will do. */
  readonly labels?: Readonly<Record<string, readonly string[]>>;
  /** One of its owners is of this kind. */
  readonly owner?: { readonly group: string; readonly kind: string };
  /** A container of this name. */
  readonly container?: string;
  /** Labels that every such pod has, for the selector of the webhook, where `labels` says none. */
  readonly selectedBy?: string;
}

/** What service meshes, secret agents and the like put into pods before we are asked: nobody's program. */
const INJECTED_BY_OTHERS = [
  /^(istio|linkerd|kuma|envoy|consul|dapr|vault|osm|cilium)-/,
  /^(daprd|linkerd2-proxy|envoy|vault-agent)$/,
  /^(datadog-lib|opentelemetry-auto-instrumentation|otc-container|dynatrace|install-oneagent)/,
] as const;

export const isInjectedByOthers = (name: string): boolean => INJECTED_BY_OTHERS.some((pattern) => pattern.test(name));
