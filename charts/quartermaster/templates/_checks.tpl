{{- define "quartermaster.fits" -}}
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
{{- if not (has $name (list "persistent-volume-claim" "spark-application" "spark-connect" "apache-spark-application" "spark-cluster" "workflow-pod" "calrissian-pod" "pod" "objectstore" "enforced")) }}{{ fail (printf "failurePolicy.%s: there is no such webhook, only persistent-volume-claim, spark-application, spark-connect, apache-spark-application, spark-cluster, workflow-pod, calrissian-pod, pod, objectstore, enforced" $name) }}{{ end }}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{- if not (has $name (list "CLOUD" "METADATA_ENDPOINT" "FACTS" "WEBHOOK_HOST" "WEBHOOK_CLIENT_CA" "WEBHOOK_CLIENT_NAMES" "WEBHOOK_CLIENTS" "OPS_HOST" "TLS_CERT_FILE" "TLS_KEY_FILE" "TLS_CA_FILE" "WEBHOOK_URL" "UNAVAILABLE_POLICY" "UNAVAILABLE_SECONDS" "UNENFORCED" "EXEMPT_USERS" "NAMESPACE_ANNOTATIONS" "STORAGE_CLASS_PATTERN" "STORAGE_CLASS_LIMIT" "UNUSED_CLASS_SECONDS" "UNKNOWN_CLASS" "RWX_FALLBACK" "NFS_IMAGE" "NFS_CLIENTS" "NFS_SERVER" "NFS_SHARE" "NFS_CLAIM_LIMIT_GI" "NFS_NAMESPACE_LIMIT_GI" "NFS_SERVER_LIMIT_GI" "NFS_GRACE_SECONDS" "AZURE_FILE_ACCOUNT" "AZURE_RESOURCE_GROUP" "AZURE_ACCOUNT_DELETION" "AZURE_MANAGEMENT_ENDPOINT" "AWS_OIDC_PROVIDER" "AWS_EKS_CLUSTER" "AZURE_OIDC_ISSUER" "POD_PROFILES" "CALRISSIAN_SERVICE_ACCOUNTS" "CALRISSIAN_OBJECT_STORE" "CALRISSIAN_BUCKET" "CALRISSIAN_SECRET" "S3_ENDPOINT" "S3_CREDENTIALS" "S3_SERVICES" "S3_REGION" "S3_ADDRESSING" "CLUSTER_NAME" "OBJECT_STORE_LOOPBACK" "OBJECT_STORE_RESYNC_SECONDS" "POLICY_REPORTS" "POLICY_REPORTS_SECONDS" "ENSURE_DEADLINE_MS" "DRAIN_SECONDS" "SHUTDOWN_SECONDS" "LEASE_SECONDS")) }}{{ fail (printf "settings.%s: is no setting, or is said by another value" $name) }}{{ end }}
{{- end }}
{{- range $path, $labels := dict "podLabels" .Values.podLabels "monitoringLabels" .Values.monitoringLabels }}
{{- range $name, $value := $labels }}
{{- if has $name (list "app.kubernetes.io/name" "app.kubernetes.io/component" "app.kubernetes.io/part-of" "app.kubernetes.io/version") }}{{ fail (printf "%s.%s: is what the Service finds the pods by, or says what they are" $path $name) }}{{ end }}
{{- end }}
{{- end }}
{{- $namespace := .Release.Namespace }}
{{- if has $namespace (list "default" "kube-system" "kube-public" "kube-node-lease") }}
{{- fail (printf "namespace %s is Kubernetes' own: give Quartermaster one for itself" $namespace) }}
{{- end }}
{{- if eq $namespace "quartermaster-nfs" }}{{ fail (printf "namespace %s is that of the NFS servers: give another" $namespace) }}{{ end }}
{{- $away := concat (list "kube-system" "kube-node-lease" $namespace "quartermaster-nfs") .Values.excludedNamespaces }}
{{- $named := dict "key" "kubernetes.io/metadata.name" "operator" "Exists" }}
{{- $others := dict "key" "kubernetes.io/metadata.name" "operator" "NotIn" "values" $away }}
{{- include "quartermaster.selector" (dict "field" "namespaceSelector" "given" .Values.namespaceSelector.matchExpressions "always" (list $named $others)) }}
{{- include "quartermaster.selector" (dict "field" "objectSelector" "given" .Values.objectSelector.matchExpressions "always" list) }}
{{- end }}
