{{- define "logstash-link.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 40 characters, so that what is appended keeps every name a DNS label. */}}
{{- define "logstash-link.fullname" -}}
{{- $name := include "logstash-link.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "logstash-link.serviceAccountName" -}}
{{- default (include "logstash-link.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{/* As the API server calls the operator. */}}
{{- define "logstash-link.user" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "logstash-link.serviceAccountName" . }}
{{- end -}}

{{- define "logstash-link.webhookSecret" -}}
{{- default (printf "%s-webhook-tls" (include "logstash-link.fullname" .)) .Values.webhook.certificate.secretName -}}
{{- end -}}

{{- define "logstash-link.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "logstash-link.selector" -}}
app.kubernetes.io/name: {{ include "logstash-link.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{/*
Metadata of an object. Takes (dict "root" $ "name" SUFFIX "labels" {} "annotations" {}); "cluster" true for what has no
namespace, "component" where it is not the operator's.
*/}}
{{- define "logstash-link.metadata" -}}
{{- $root := .root -}}
name: {{ include "logstash-link.fullname" $root }}{{ with .name }}-{{ . }}{{ end }}
{{- if not .cluster }}
namespace: {{ $root.Release.Namespace }}
{{- end }}
labels:
  {{- include "logstash-link.labels" . | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "logstash-link.labels" -}}
{{- $root := .root -}}
{{- $own := dict
  "app.kubernetes.io/name" (include "logstash-link.name" $root)
  "app.kubernetes.io/instance" $root.Release.Name
  "app.kubernetes.io/component" (default "operator" .component)
  "app.kubernetes.io/version" $root.Chart.AppVersion
  "app.kubernetes.io/part-of" "logstash-link"
  "app.kubernetes.io/managed-by" $root.Release.Service
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_") -}}
{{- toYaml (merge $own (.labels | default dict) $root.Values.commonLabels) -}}
{{- end -}}
