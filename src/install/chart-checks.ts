import { NAMESPACE_NAME_LABEL } from '../api/names.ts';
import { alwaysExcluded } from '../controller/webhooks/configuration.ts';
import { webhookNames } from '../kinds/index.ts';
import { KUBERNETES_NAMESPACES, NFS_NAMESPACE, ownPodLabels, settingNames } from './options.ts';

const listOf = (words: readonly string[]): string => `(list ${words.map((word) => `"${word}"`).join(' ')})`;

/**
 * What `readOptions` refuses beyond the schema, in Go: `requirements.ts` says the first two parts in TypeScript. The names of keys could be
 * in the schema, but Helm's validator tells them of another value.
 */
export const CHECKS = `{{- define "quartermaster.fits" -}}
{{- $left := list }}{{ $isAsked := false }}{{ $isNone := false }}{{ $isListed := false }}
{{- range .all }}
{{- if or (eq .operator "In") (eq .operator "Exists") }}{{ $isAsked = true }}{{ end }}
{{- if eq .operator "DoesNotExist" }}{{ $isNone = true }}{{ end }}
{{- if eq .operator "In" }}
{{- $here := .values | default list }}
{{- if $isListed }}
{{- $both := list }}{{ range $left }}{{ if has . $here }}{{ $both = append $both . }}{{ end }}{{ end }}
{{- $left = $both }}
{{- else }}{{ $left = $here }}{{ $isListed = true }}{{ end }}
{{- end }}
{{- end }}
{{- range $one := .all }}
{{- if eq $one.operator "NotIn" }}
{{- $rest := list }}{{ range $left }}{{ if not (has . $one.values) }}{{ $rest = append $rest . }}{{ end }}{{ end }}
{{- $left = $rest }}
{{- end }}
{{- end }}
{{- if or (and $isNone $isAsked) (and $isListed (not $left)) }}{{ fail (printf "%s: no %s fits" .field .key) }}{{ end }}
{{- end }}

{{- define "quartermaster.selector" -}}
{{- $field := .field }}{{ $all := concat .given .always }}
{{- range $at, $one := .given }}
{{- $path := printf "%s.matchExpressions[%d].values" $field $at }}
{{- if and (hasSuffix "In" $one.operator) (not $one.values) }}{{ fail (printf "%s: %s takes at least one" $path $one.operator) }}{{ end }}
{{- if and (not (hasSuffix "In" $one.operator)) $one.values }}{{ fail (printf "%s: %s takes none" $path $one.operator) }}{{ end }}
{{- $same := list }}{{ range $all }}{{ if eq .key $one.key }}{{ $same = append $same . }}{{ end }}{{ end }}
{{- include "quartermaster.fits" (dict "field" $field "key" $one.key "all" $same) }}
{{- end }}
{{- end }}

{{- define "quartermaster.checks" -}}
{{- range $name, $policy := .Values.failurePolicy }}
{{- if not (has $name ${listOf(webhookNames)}) }}{{ fail (printf "failurePolicy.%s: there is no such webhook, only ${webhookNames.join(', ')}" $name) }}{{ end }}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{- if not (has $name ${listOf(settingNames)}) }}{{ fail (printf "settings.%s: is no setting, or is said by another value" $name) }}{{ end }}
{{- end }}
{{- range $path, $labels := dict "podLabels" .Values.podLabels "monitoringLabels" .Values.monitoringLabels }}
{{- range $name, $value := $labels }}
{{- if has $name ${listOf(ownPodLabels)} }}{{ fail (printf "%s.%s: is what the Service finds the pods by, or says what they are" $path $name) }}{{ end }}
{{- end }}
{{- end }}
{{- $namespace := .Release.Namespace }}
{{- if has $namespace ${listOf(KUBERNETES_NAMESPACES)} }}
{{- fail (printf "namespace %s is Kubernetes' own: give Quartermaster one for itself" $namespace) }}
{{- end }}
{{- if eq $namespace "${NFS_NAMESPACE}" }}{{ fail (printf "namespace %s is that of the NFS servers: give another" $namespace) }}{{ end }}
{{- $away := concat (list ${alwaysExcluded({ systemNamespace: '', nfsNamespace: NFS_NAMESPACE })
  .map((name) => (name === '' ? '$namespace' : `"${name}"`))
  .join(' ')}) .Values.excludedNamespaces }}
{{- $named := dict "key" "${NAMESPACE_NAME_LABEL}" "operator" "Exists" }}
{{- $others := dict "key" "${NAMESPACE_NAME_LABEL}" "operator" "NotIn" "values" $away }}
{{- include "quartermaster.selector" (dict "field" "namespaceSelector" "given" .Values.namespaceSelector.matchExpressions "always" (list $named $others)) }}
{{- include "quartermaster.selector" (dict "field" "objectSelector" "given" .Values.objectSelector.matchExpressions "always" list) }}
{{- end }}
`;
